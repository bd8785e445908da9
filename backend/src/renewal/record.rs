//! One step's record: the next state, and what goes with it, in one short
//! transaction under lease and version.

use qlik::CreatedApiKey;

use super::{
    apply::{Event, apply},
    claim::{Lease, Lost, save},
    state::{Attempt, Fault, KeyRef, State},
    steps::{Ended, begin_attempt, end_attempt, note},
};
use crate::{
    Error, Services, audit,
    keys::{NewKeyRow, OwnedKey, insert_key, key_gone, move_key},
    notices,
    store::Tx,
};

/// What is written beside the state, in the same transaction.
pub(super) enum Side<'a> {
    None,
    /// The attempt, and why it is made.
    Begun(&'a Attempt, &'static str),
    Note(&'a str, &'static str),
    Staged {
        attempt: &'a Attempt,
        key: &'a OwnedKey,
        created: &'a CreatedApiKey,
        new: &'a KeyRef,
        sealed: Vec<u8>,
    },
    Switched {
        attempt: &'a Attempt,
        new: &'a KeyRef,
    },
    Gone(&'a str),
    Ended {
        attempt: Option<&'a Attempt>,
        ended: Ended,
        fault: Option<&'a Fault>,
        gone: Option<&'a str>,
    },
}

/// Writes the next state and what goes with it in one transaction.
pub(super) async fn record(
    s: &Services,
    lease: &mut Lease,
    event: Event,
    side: Side<'_>,
) -> Result<(), Lost> {
    let now = s.now();
    let before = &lease.row.state;
    let newly_needed =
        matches!(&event, Event::Needs(r, _) if before.need.as_ref().map(|n| n.reason) != Some(*r));
    let state = apply(now.as_second(), before, event, s.policy(), s.jitter());
    let mut tx = s.db().write().await?;
    // First of all: who lost the claim is not to see rows that fit no longer.
    save(s, &mut tx, lease, &state).await?;
    write_side(s, &mut tx, lease, &state, side).await?;
    if let Some(need) = state.need.as_ref().filter(|_| newly_needed) {
        let detail = serde_json::json!({ "reason": need.reason, "code": need.fault.code });
        audit::record(&mut tx, &lease.row.portal_id, None, audit::RENEWAL_NEEDS_PERSON, detail, now).await?;
        tracing::warn!(portal.id = %lease.row.portal_id, reason = ?need.reason, "a person is needed for the Qlik key");
    }
    notices::note(s, &mut tx, &lease.row.portal_id, before, &state).await?;
    tx.commit().await?;
    lease.row.version += 1;
    lease.row.state = state;
    // Before the next remote call, so that who looks on sees the step while it lasts.
    s.changed(&lease.row.portal_id);
    Ok(())
}

async fn write_side(
    s: &Services,
    tx: &mut Tx<'_>,
    lease: &Lease,
    state: &State,
    side: Side<'_>,
) -> Result<(), Error> {
    let (row, now) = (&lease.row, s.now().as_second());
    match side {
        Side::None => {}
        Side::Begun(attempt, why) => {
            begin_attempt(tx, &row.portal_id, attempt, &row.state.current.key_id).await?;
            note(tx, &attempt.id, now, why).await?;
        }
        Side::Note(attempt, text) => note(tx, attempt, now, text).await?,
        Side::Staged { attempt, key, created, new, sealed } => {
            let new_row = NewKeyRow {
                portal_id: &row.portal_id,
                tenant_id: &row.tenant_id,
                tenant_host: row.tenant_host.as_str(),
                key: new,
                sealed: &sealed,
                fingerprint: created.token.fingerprint(),
                last4: created.token.last4(),
                owner_id: &key.owner_id,
                owner_subject: &key.owner_subject,
                owner_email: key.owner_email.as_deref(),
                owner_name: &key.owner_name,
                attempt_id: Some(&attempt.id),
                state: "staged",
                now,
            };
            insert_key(tx, new_row).await?;
            note(tx, &attempt.id, now, "Qlik made the new key; it is in the vault").await?;
        }
        Side::Switched { attempt, new } => {
            move_key(tx, &row.portal_id, &row.state.current.key_id, "current", "retiring").await?;
            move_key(tx, &row.portal_id, &new.key_id, "staged", "current").await?;
            note(tx, &attempt.id, now, "The new key is in use").await?;
            end_attempt(tx, &attempt.id, now, Ended::Renewed, None, Some(&new.key_id)).await?;
            let detail = serde_json::json!({
                "old_key": row.state.current.key_id, "new_key": new.key_id, "expires_at": state.current.expires_at,
            });
            audit::record(tx, &row.portal_id, None, audit::KEY_RENEWED, detail, s.now()).await?;
            // The whole connection is examined with the new key.
            sqlx::query!("UPDATE integrations SET probe_at = ? WHERE portal_id = ?", now, row.portal_id)
                .execute(&mut **tx)
                .await?;
            tracing::info!(portal.id = %row.portal_id, key.id = %new.key_id, "the Qlik key was renewed");
        }
        Side::Gone(key_id) => key_gone(tx, &row.portal_id, key_id, now).await?,
        Side::Ended { attempt, ended, fault, gone } => {
            if let Some(key_id) = gone {
                key_gone(tx, &row.portal_id, key_id, now).await?;
            }
            if let Some(attempt) = attempt {
                end_attempt(tx, &attempt.id, now, ended, fault, gone).await?;
            }
        }
    }
    Ok(())
}
