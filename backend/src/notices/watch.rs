//! What is told though no renewal took a step: a key that nears its expiry, and
//! a renewal task that stands still.

use super::{
    decide::News,
    note::note,
    subscriber::{Subscriber, post},
    words::About,
};
use crate::{Error, Services, renewal::load};

/// A renewal task that did not look for so long stands still, in seconds. Long
/// enough for an upgrade of the server, short beside the life of any key.
pub const STANDSTILL: i64 = 1_800;
/// How many keys are looked at in one go.
const BATCH: i64 = 64;

impl Services {
    /// Tells of keys that near their expiry; gives back how many were looked at.
    /// Only those whose moment has come are read.
    ///
    /// # Errors
    /// [`Error`] where the store fails.
    pub async fn watch_expiries(&self) -> Result<usize, Error> {
        let now = self.now().as_second();
        let due = sqlx::query_scalar!(
            r#"SELECT portal_id AS "portal_id!" FROM notice_state WHERE check_at <= ? ORDER BY check_at LIMIT ?"#,
            now,
            BATCH
        )
        .fetch_all(self.db().read())
        .await?;
        for portal in &due {
            // One that can't be looked at holds up no other.
            if let Err(e) = self.watch_expiry(portal).await {
                tracing::error!(portal.id = %portal, error = %e, "a key's expiry could not be looked at");
            }
        }
        Ok(due.len())
    }

    async fn watch_expiry(&self, portal: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        // Read under the write lock: a renewal may just have gone on.
        let Some(row) = load(&mut *tx, portal).await? else { return Ok(()) };
        note(self, &mut tx, portal, &row.state, &row.state).await?;
        Ok(tx.commit().await?)
    }

    /// Tells every connected portal that has anybody to tell where the renewal task
    /// has not looked for [`STANDSTILL`]. To be asked at start, before that task
    /// looks, and then beside it. `true`: it was told now.
    ///
    /// # Errors
    /// [`Error`] where the store fails.
    pub async fn watch_scheduler(&self) -> Result<bool, Error> {
        let now = self.now().as_second();
        let Some(last) = self.last_beat().await? else { return Ok(false) };
        if now - last < STANDSTILL {
            return Ok(false);
        }
        let mut tx = self.db().write().await?;
        // Once for each standstill, whichever process sees it first.
        let mine = sqlx::query!(
            "UPDATE scheduler SET standstill_told = tick_at
             WHERE id = 1 AND tick_at = ? AND (standstill_told IS NULL OR standstill_told <> tick_at)",
            last
        )
        .execute(&mut *tx)
        .await?;
        if mine.rows_affected() == 0 {
            return Ok(false);
        }
        let portals = sqlx::query_scalar!(
            r#"SELECT portal_id AS "portal_id!" FROM notice_settings
               WHERE (smtp_host IS NOT NULL OR webhook_url IS NOT NULL)
                 AND portal_id IN (SELECT portal_id FROM integrations)"#
        )
        .fetch_all(&mut *tx)
        .await?;
        for portal in &portals {
            let whom = Subscriber::load(&mut *tx, portal).await?;
            let about = About { portal: &whom.portal, origin: &whom.origin, state: None };
            post(self, &mut tx, &whom, &News::StoodStill { from: last, to: now }, &about).await?;
        }
        tx.commit().await?;
        tracing::error!(last, now, "the renewal task stood still");
        Ok(true)
    }
}
