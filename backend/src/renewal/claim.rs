//! Who works on which integration: leases with an expiry and a fencing number,
//! so that several server processes can share one database, and the guarded
//! write of a renewal's state.

use qlik::host::TenantHost;
use sqlx::SqliteExecutor;

use super::{State, core::next_action_at};
use crate::{
    Error, Services,
    store::{StoreError, Tx, one_row},
    work::{Due, Portion},
};

/// How long a claim holds without being renewed, in seconds. Longer than the
/// longest remote call, renewed before each one. A claim that seems to hold for
/// longer was made under a clock that has been put back since, and is void.
const LEASE: i64 = 45;
/// How far the clocks of two servers may differ that share a database, in seconds.
const CLOCKS_APART: i64 = 120;

/// An integration as the renewal needs it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) portal_id: String,
    pub(crate) tenant_host: TenantHost,
    /// The tenant's unchangeable name.
    pub(crate) permanent_host: TenantHost,
    pub(crate) tenant_id: String,
    pub(crate) web_integration_id: String,
    pub(crate) origin: String,
    pub(crate) state: State,
    pub(crate) version: i64,
}

/// The right to advance one integration.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) row: Row,
    fence: i64,
}

/// Why a guarded write did not happen.
#[derive(Debug)]
pub(crate) enum Lost {
    /// Somebody else advanced the row: what is in hand is stale.
    Row,
    /// The write failed.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Lost {
    fn from(e: E) -> Self {
        Self::Error(e.into())
    }
}

struct Raw {
    portal_id: String,
    tenant_host: String,
    permanent_host: String,
    tenant_id: String,
    web_integration_id: String,
    renewal: String,
    version: i64,
    fence: i64,
    origin: String,
}

impl Raw {
    fn read(self) -> Result<(Row, i64), Error> {
        let bad = |column| StoreError::Inconsistent { table: "integrations", column };
        let state = serde_json::from_str(&self.renewal).map_err(|_| bad("renewal"))?;
        let host = |text: String, column| serde_json::from_value(text.into()).map_err(|_| bad(column));
        let tenant_host = host(self.tenant_host, "tenant_host")?;
        let permanent_host = host(self.permanent_host, "permanent_host")?;
        Ok((
            Row {
                portal_id: self.portal_id,
                tenant_host,
                permanent_host,
                tenant_id: self.tenant_id,
                web_integration_id: self.web_integration_id,
                origin: self.origin,
                state,
                version: self.version,
            },
            self.fence,
        ))
    }
}

/// The integration of a portal, if it has one that uses a key.
pub(crate) async fn load(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<Option<Row>, Error> {
    Ok(load_any(db, portal_id).await?.filter(|row| !row.state.resting))
}

/// As [`load`], also where a key is only left over and on its way out.
pub(crate) async fn load_any(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<Option<Row>, Error> {
    Ok(read(db, portal_id).await?.map(|(row, _)| row))
}

/// As [`load_any`], with the fencing number.
async fn read(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<Option<(Row, i64)>, Error> {
    let raw = sqlx::query_as!(
        Raw,
        r#"SELECT i.portal_id AS "portal_id!", i.tenant_host AS "tenant_host!",
                  i.permanent_host AS "permanent_host!", i.tenant_id AS "tenant_id!", i.web_integration_id AS "web_integration_id!",
                  i.renewal AS "renewal!", i.version AS "version!",
                  i.fence AS "fence!", p.origin AS "origin!"
           FROM integrations i JOIN portals p ON p.id = i.portal_id WHERE i.portal_id = ? AND i.renewal IS NOT NULL"#,
        portal_id
    )
    .fetch_optional(db)
    .await?;
    raw.map(Raw::read).transpose()
}

impl Services {
    /// Integrations that have something to do and that nobody holds: each tenant's
    /// oldest first, then each one's second.
    pub(super) async fn due_integrations(&self, now: i64, portion: Portion<'_>) -> Result<Vec<Due>, Error> {
        let longest = now + LEASE;
        let Portion { without, of_one, limit } = portion;
        Ok(sqlx::query_as!(
            Due,
            r#"SELECT portal_id AS "portal_id!", tenant_host AS "tenant_host!" FROM (
                   SELECT portal_id, tenant_host, next_action_at,
                          row_number() OVER (PARTITION BY tenant_host ORDER BY next_action_at) AS turn
                   FROM integrations
                   WHERE next_action_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
                     AND tenant_host NOT IN (SELECT value FROM json_each(?)))
               WHERE turn <= ? ORDER BY turn, next_action_at LIMIT ?"#,
            now,
            now,
            longest,
            without,
            of_one,
            limit
        )
        .fetch_all(self.db().read())
        .await?)
    }

    /// Claims one integration. `None`: there is none, or somebody holds it.
    pub(crate) async fn claim(&self, portal_id: &str) -> Result<Option<Lease>, Error> {
        let now = self.now().as_second();
        let (until, owner) = (now + LEASE, self.config().owner.as_str());
        let mut tx = self.db().write().await?;
        let claimed = sqlx::query!(
            "UPDATE integrations SET lease_owner = ?, lease_until = ?, fence = fence + 1
             WHERE portal_id = ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)",
            owner,
            until,
            portal_id,
            now,
            until
        )
        .execute(&mut *tx)
        .await?;
        if claimed.rows_affected() == 0 {
            return Ok(None);
        }
        let claimed = read(&mut *tx, portal_id).await?;
        tx.commit().await?;
        if let Some((row, _)) = &claimed {
            // The client forgets names with the process.
            self.qlik().know_permanent(&row.tenant_host, &row.permanent_host);
        }
        Ok(claimed.map(|(row, fence)| Lease { row, fence }))
    }

    /// Makes the claim last for one more remote call.
    pub(crate) async fn keep(&self, lease: &Lease) -> Result<(), Lost> {
        let mut tx = self.db().write().await?;
        self.hold(&mut tx, lease).await?;
        Ok(tx.commit().await?)
    }

    /// As [`Services::keep`], in a transaction that writes something else under
    /// the claim.
    pub(crate) async fn hold(&self, tx: &mut Tx<'_>, lease: &Lease) -> Result<(), Lost> {
        let until = self.now().as_second() + LEASE;
        let row = &lease.row;
        let kept = sqlx::query!(
            "UPDATE integrations SET lease_until = ? WHERE portal_id = ? AND fence = ? AND version = ?",
            until,
            row.portal_id,
            lease.fence,
            row.version
        )
        .execute(&mut **tx)
        .await?;
        one_row(&kept, "integrations").map_err(|_| Lost::Row)
    }

    /// Gives the claim back. That somebody else took it meanwhile is no error.
    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), Error> {
        let next = next_action_at(self.now().as_second(), &lease.row.state, self.policy());
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE integrations SET lease_owner = NULL, lease_until = NULL, next_action_at = ?
             WHERE portal_id = ? AND fence = ? AND version = ?",
            next,
            lease.row.portal_id,
            lease.fence,
            lease.row.version
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The clock was put back by `back` seconds: what waits for a time that the
    /// old clock named would wait too long. Whatever is under way is looked at
    /// anew, the work of other rooms too, whose rows hold no more than that time.
    pub(super) async fn clock_went_back(&self, tx: &mut Tx<'_>, now: i64, back: i64) -> Result<(), Error> {
        let woken = sqlx::query!(
            "UPDATE integrations SET next_action_at = ?
             WHERE (next_action_at IS NULL OR next_action_at > ?) AND (json_extract(renewal, '$.phase') <> 'active'
                OR json_extract(renewal, '$.failing') IS NOT NULL OR json_extract(renewal, '$.need') IS NOT NULL
                OR json_extract(renewal, '$.sweep') = 1 OR json_extract(renewal, '$.sweep_at') IS NOT NULL
                OR json_extract(renewal, '$.requested') = 1 OR json_array_length(renewal, '$.retiring') > 0)",
            now,
            now
        )
        .execute(&mut **tx)
        .await?;
        tracing::warn!(
            integrations = woken.rows_affected(),
            back_s = back,
            "the clock went back; what is under way is looked at anew"
        );
        // Two servers on one database may differ by a little, and take turns here: that is no reason to try
        // again each minute what has so many tries.
        if back <= CLOCKS_APART {
            return Ok(());
        }
        for statement in [
            "UPDATE rotations SET next_action_at = ?1 WHERE next_action_at > ?1",
            "UPDATE matching_runs SET next_try_at = ?1 WHERE next_try_at > ?1",
            "UPDATE onboardings SET next_at = ?1 WHERE next_at > ?1",
            "UPDATE outbox SET next_try_at = ?1 WHERE next_try_at > ?1",
            "UPDATE notice_state SET check_at = ?1 WHERE check_at > ?1",
            "UPDATE oauth_revocations SET next_try_at = ?1 WHERE next_try_at > ?1",
        ] {
            sqlx::query(statement).bind(now).execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Asks for a renewal, where nobody is at work on the integration.
    /// `false`: somebody is.
    pub(super) async fn ask(&self, row: &Row, state: &State) -> Result<bool, Error> {
        let now = self.now().as_second();
        let (json, longest) = (to_json(state)?, now + LEASE);
        let mut tx = self.db().write().await?;
        let asked = sqlx::query!(
            "UPDATE integrations SET renewal = ?, next_action_at = ?, version = version + 1
             WHERE portal_id = ? AND version = ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)",
            json,
            now,
            row.portal_id,
            row.version,
            now,
            longest
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(asked.rows_affected() == 1)
    }
}

/// Writes the next state under lease and version.
pub(super) async fn save(
    services: &Services,
    tx: &mut Tx<'_>,
    lease: &Lease,
    state: &State,
) -> Result<(), Lost> {
    let now = services.now().as_second();
    let (until, json) = (now + LEASE, to_json(state)?);
    let next = next_action_at(now, state, services.policy());
    let row = &lease.row;
    let saved = sqlx::query!(
        "UPDATE integrations SET renewal = ?, next_action_at = ?, version = version + 1, lease_until = ?
         WHERE portal_id = ? AND fence = ? AND version = ?",
        json,
        next,
        until,
        row.portal_id,
        lease.fence,
        row.version
    )
    .execute(&mut **tx)
    .await?;
    one_row(&saved, "integrations").map_err(|_| Lost::Row)
}

pub(crate) fn to_json(state: &State) -> Result<String, Error> {
    serde_json::to_string(state).map_err(|_| Error::Internal("a renewal state can't be written as JSON"))
}
