//! The rotation's row, and the right to advance it. Who advances a rotation
//! holds the lease of the portal's integration, the one that the renewal uses:
//! one lease for all that is done at Qlik for a portal, so neither works beside
//! the other, and a save of the settings ends the claims of both. A portal that
//! is not connected has no integration; then the row's version alone guards it.

use serde_json::json;
use sqlx::SqliteExecutor;

use super::{
    apply::{Event, apply},
    core::next_action_at,
    state::State,
};
use crate::{
    Actor, Error, Services, audit,
    identity::{move_active, note_idp, wipe},
    renewal::{Lease, Lost, load as load_integration},
    store::{StoreError, Tx, one_row},
};

/// A rotation as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    pub(super) portal_id: String,
    pub(super) state: State,
    version: i64,
}

/// The right to advance a rotation.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) rotation: Rotation,
    /// None where the portal is not connected.
    pub(super) lease: Option<Lease>,
}

impl Claim {
    /// Whether the portal is connected to the tenant of the rotation.
    pub(super) fn here(&self) -> bool {
        self.lease.as_ref().is_some_and(|l| l.row.tenant_id == self.rotation.state.tenant_id)
    }

    /// The claim of the integration; there is one wherever Qlik is asked.
    pub(super) fn lease(&self) -> Result<&Lease, Error> {
        self.lease.as_ref().ok_or(Error::Internal("a rotation step at Qlik without a connection"))
    }
}

/// What is written beside the state, in the same transaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side<'a> {
    None,
    /// An administrator asked for something.
    Asked(&'a Actor, &'static str),
    /// The new key's identity provider is there, and this portal made it.
    Made(&'a str),
    /// What was noted of the new key's identity provider is no longer so.
    Forgotten,
    /// It is told in the audit.
    Told(&'static str),
    /// The key that signs moves from the first to the second.
    Moved(&'a str, &'a str, &'static str),
    /// A key is forgotten.
    Wiped(&'a str, &'static str),
}

pub(super) async fn load(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<Option<Rotation>, Error> {
    let raw = sqlx::query!(
        r#"SELECT state AS "state!", version AS "version!" FROM rotations WHERE portal_id = ?"#,
        portal_id
    )
    .fetch_optional(db)
    .await?;
    raw.map(|r| {
        let state = serde_json::from_str(&r.state)
            .map_err(|_| StoreError::Inconsistent { table: "rotations", column: "state" })?;
        Ok(Rotation { portal_id: portal_id.to_owned(), state, version: r.version })
    })
    .transpose()
}

fn to_json(state: &State) -> Result<String, Error> {
    serde_json::to_string(state).map_err(|_| Error::Internal("a rotation state can't be written as JSON"))
}

/// Writes a rotation that begins, in place of one that is over.
pub(super) async fn begin(tx: &mut Tx<'_>, portal_id: &str, state: &State, now: i64) -> Result<(), Error> {
    let json = to_json(state)?;
    let begun = sqlx::query!(
        "INSERT INTO rotations (portal_id, state, next_action_at) VALUES (?, ?, ?)
         ON CONFLICT (portal_id) DO UPDATE SET
             state = excluded.state, next_action_at = excluded.next_action_at, version = version + 1
         WHERE json_extract(rotations.state, '$.phase') = 'ended'",
        portal_id,
        json,
        now
    )
    .execute(&mut **tx)
    .await?;
    one_row(&begun, "rotations").map_err(|_| Error::Conflict("a rotation is under way"))
}

impl Services {
    /// Claims a portal's rotation. `None`: there is none, or somebody is at work
    /// on the portal's integration.
    pub(super) async fn claim_rotation(&self, portal_id: &str) -> Result<Option<Claim>, Error> {
        let connected = load_integration(self.db().read(), portal_id).await?.is_some();
        let lease = if connected {
            let Some(lease) = self.claim(portal_id).await? else { return Ok(None) };
            Some(lease)
        } else {
            None
        };
        // Read under the claim: what was read before it may be stale.
        if let Some(rotation) = load(self.db().read(), portal_id).await? {
            return Ok(Some(Claim { rotation, lease }));
        }
        if let Some(lease) = &lease {
            self.release(lease).await?;
        }
        Ok(None)
    }

    /// Portals whose rotation has something to do.
    pub(super) async fn due_rotations(&self, now: i64, limit: i64) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar!(
            r#"SELECT portal_id AS "portal_id!" FROM rotations
               WHERE next_action_at <= ? ORDER BY next_action_at LIMIT ?"#,
            now,
            limit
        )
        .fetch_all(self.db().read())
        .await?)
    }

    /// Writes the next time of the row, as things are now, and gives the claim back.
    pub(super) async fn release_rotation(&self, claim: &Claim) -> Result<(), Error> {
        let now = self.now().as_second();
        let Rotation { portal_id, state, version } = &claim.rotation;
        let next = next_action_at(now, state, &self.config().rotation, claim.here());
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE rotations SET next_action_at = ? WHERE portal_id = ? AND version = ?",
            next,
            portal_id,
            version
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        match &claim.lease {
            Some(lease) => self.release(lease).await,
            None => Ok(()),
        }
    }
}

/// Writes the next state and what goes with it in one transaction, under claim
/// and version.
pub(super) async fn record(
    s: &Services,
    claim: &mut Claim,
    event: Event,
    side: Side<'_>,
) -> Result<(), Lost> {
    let now = s.now();
    let policy = &s.config().rotation;
    let state = apply(now.as_second(), &claim.rotation.state, event, policy, s.jitter());
    let next = next_action_at(now.as_second(), &state, policy, claim.here());
    let json = to_json(&state)?;
    let Rotation { portal_id, version, .. } = &claim.rotation;
    let mut tx = s.db().write().await?;
    // First of all: who lost the claim is not to write anything.
    if let Some(lease) = &claim.lease {
        s.hold(&mut tx, lease).await?;
    }
    let saved = sqlx::query!(
        "UPDATE rotations SET state = ?, next_action_at = ?, version = version + 1
         WHERE portal_id = ? AND version = ?",
        json,
        next,
        portal_id,
        version
    )
    .execute(&mut *tx)
    .await?;
    one_row(&saved, "rotations").map_err(|_| Lost::Row)?;
    write_side(s, &mut tx, claim, &state, side).await?;
    tx.commit().await?;
    if let Side::Wiped(kid, _) = side {
        s.0.signers.invalidate(kid).await;
    }
    claim.rotation.version += 1;
    claim.rotation.state = state;
    s.changed(&claim.rotation.portal_id);
    Ok(())
}

async fn write_side(
    s: &Services,
    tx: &mut Tx<'_>,
    claim: &Claim,
    state: &State,
    side: Side<'_>,
) -> Result<(), Error> {
    let portal = claim.rotation.portal_id.as_str();
    let told = |action, detail| (None, action, detail);
    let keys = json!({ "old_kid": state.old_kid, "new_kid": state.new_kid });
    let (actor, action, detail) = match side {
        Side::None => return Ok(()),
        Side::Asked(actor, wish) => {
            (Some(actor), audit::SIGNING_KEY_ASKED, json!({ "move": wish, "new_kid": state.new_kid }))
        }
        Side::Made(id) => {
            note_idp(tx, portal, &state.new_kid, Some(id)).await?;
            told(audit::IDENTITY_PROVIDER_CREATED, json!({ "idp": id, "kid": state.new_kid }))
        }
        Side::Forgotten => {
            note_idp(tx, portal, &state.new_kid, None).await?;
            told(audit::SIGNING_KEY_PROVIDER_MISSING, keys)
        }
        Side::Told(action) => told(action, keys),
        Side::Moved(from, to, action) => {
            move_active(tx, portal, from, to).await?;
            tracing::info!(portal.id = %portal, from, to, "the signing key was switched");
            told(action, keys)
        }
        Side::Wiped(kid, action) => {
            wipe(tx, portal, kid).await?;
            tracing::info!(portal.id = %portal, kid, "a signing key was wiped");
            told(action, keys)
        }
    };
    audit::record(tx, portal, actor, action, detail, s.now()).await
}
