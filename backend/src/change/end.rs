//! What was kept for a while and whose time is over: a change that nobody
//! switched to, and the way back after one that somebody did.

use super::{KEEP, stage::forget};
use crate::{
    Error, Services,
    connection::forget_clients,
    renewal::{KeyRef, Retiring, load_any, next_action_at, to_json},
};

/// What is to be kept for longer than this was stored by a clock that has been put
/// back since, far enough to matter: a server whose clock is a little behind
/// another's must end nothing.
const LONGEST: i64 = 2 * KEEP;
/// So many of each are ended in one look.
const BATCH: i64 = 64;

impl Services {
    /// Ends what is over. A key that was kept joins those on their way out, which
    /// the renewal deletes at Qlik.
    pub(crate) async fn end_kept(&self) -> Result<(), Error> {
        let now = self.now().as_second();
        let longest = now + LONGEST;
        let over = sqlx::query!(
            r#"SELECT portal_id AS "portal_id!", 1 AS "staged!: bool" FROM staged_changes
               WHERE expires_at <= ?1 OR expires_at > ?2
               UNION ALL
               SELECT p.portal_id, 0 FROM previous_setups p JOIN integrations i ON i.portal_id = p.portal_id
               WHERE (p.keep_until <= ?1 OR p.keep_until > ?2)
                 AND (i.lease_until IS NULL OR i.lease_until <= ?1 OR p.key_id IS NULL)
               LIMIT ?3"#,
            now,
            longest,
            BATCH
        )
        .fetch_all(self.db().read())
        .await?;
        for row in over {
            let portal = row.portal_id.as_str();
            if row.staged {
                let mut tx = self.db().write().await?;
                forget(&mut tx, portal).await?;
                tx.commit().await?;
            } else {
                self.end_previous(portal, now).await?;
            }
            self.tell(portal);
        }
        Ok(())
    }

    /// The key that is kept for the way back, if one is.
    pub(crate) async fn kept_key(&self, portal: &str) -> Result<Option<String>, Error> {
        Ok(sqlx::query_scalar!(
            r#"SELECT key_id AS "key_id!" FROM api_keys WHERE portal_id = ? AND state = 'kept'"#,
            portal
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    async fn end_previous(&self, portal: &str, now: i64) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        let gone = sqlx::query!(
            "DELETE FROM previous_setups WHERE portal_id = ? AND (keep_until <= ? OR keep_until > ? + ?)",
            portal,
            now,
            now,
            LONGEST
        )
        .execute(&mut *tx)
        .await?;
        if gone.rows_affected() == 0 {
            return Ok(());
        }
        forget_clients(&mut tx, portal).await?;
        let kept = sqlx::query_as!(
            KeyRef,
            r#"SELECT key_id AS "key_id!", created_at AS "created_at!", expires_at AS "expires_at!" FROM api_keys
               WHERE portal_id = ? AND state = 'kept'"#,
            portal
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let (Some(key), Some(mut row)) = (kept, load_any(&mut *tx, portal).await?) {
            sqlx::query!(
                "UPDATE api_keys SET state = 'retiring' WHERE portal_id = ? AND key_id = ?",
                portal,
                key.key_id
            )
            .execute(&mut *tx)
            .await?;
            row.state.retiring.push(Retiring { key, delete_at: now, tries: 0, set_at: now });
            row.state.retiring.sort_by_key(|r| r.delete_at);
            let json = to_json(&row.state)?;
            let next = next_action_at(now, &row.state, self.policy());
            // The version goes up: who works on the state as it was has to read it anew.
            sqlx::query!(
                "UPDATE integrations SET renewal = ?, next_action_at = ?, version = version + 1 WHERE portal_id = ?",
                json,
                next,
                portal
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }
}
