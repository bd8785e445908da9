//! What was: the portal's keys from creation to their end, and every attempt to
//! renew one.

use super::AttemptView;
use crate::{
    Actor, Error, Services,
    renewal::{AttemptRow, Step},
    store::{StoreError, at},
};
use jiff::Timestamp;

/// What a key is to the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// In use.
    InUse,
    /// New, and not proved yet.
    New,
    /// Out of use, and still to be deleted at Qlik.
    Ending,
    /// Gone at Qlik, or expired.
    Gone,
}

/// The life of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLife {
    /// Its id at Qlik.
    pub key_id: String,
    /// The token's last four characters.
    pub last4: String,
    /// A renewal made it; otherwise a person pasted it.
    pub renewed: bool,
    /// What it is now.
    pub key_use: KeyUse,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires or would have.
    pub expires_at: Timestamp,
    /// When the portal let go of it.
    pub gone_at: Option<Timestamp>,
}

/// One attempt with its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEntry {
    /// Its place in the order; `before` of the next page.
    pub place: i64,
    /// The attempt.
    pub attempt: AttemptView,
    /// What was done, in order.
    pub steps: Vec<(Timestamp, String)>,
}

impl Services {
    /// The portal's attempts, newest first; `before`: the last place of the page
    /// before.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn renewal_history(
        &self,
        actor: &Actor,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AttemptEntry>, Error> {
        actor.require_admin()?;
        let (before, limit) = (before.unwrap_or(i64::MAX), i64::from(limit));
        let rows = sqlx::query!(
            r#"SELECT rowid AS "place!", id AS "id!", trigger AS "trigger!", started_at AS "started_at!", ended_at,
                      outcome, reason, qlik_code, trace_id, steps AS "steps!"
               FROM renewal_attempts WHERE portal_id = ? AND rowid < ? ORDER BY rowid DESC LIMIT ?"#,
            actor.portal.id,
            before,
            limit
        )
        .fetch_all(self.db().read())
        .await?;
        rows.into_iter()
            .map(|r| {
                let steps: Vec<Step> = serde_json::from_str(&r.steps)
                    .map_err(|_| StoreError::Inconsistent { table: "renewal_attempts", column: "steps" })?;
                Ok(AttemptEntry {
                    place: r.place,
                    attempt: super::view::attempt_view(AttemptRow {
                        id: r.id,
                        trigger: r.trigger,
                        started_at: r.started_at,
                        ended_at: r.ended_at,
                        outcome: r.outcome,
                        reason: r.reason,
                        qlik_code: r.qlik_code,
                        trace_id: r.trace_id,
                    }),
                    steps: steps.into_iter().map(|s| (at(s.at), s.step)).collect(),
                })
            })
            .collect()
    }

    /// The last keys that the portal had, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(super) async fn key_lives(&self, portal_id: &str, limit: i64) -> Result<Vec<KeyLife>, Error> {
        let rows = sqlx::query!(
            r#"SELECT key_id AS "key_id!", last4 AS "last4!", attempt_id, state AS "state!", created_at AS "created_at!",
                      expires_at AS "expires_at!", gone_at
               FROM api_keys WHERE portal_id = ? ORDER BY stored_at DESC, rowid DESC LIMIT ?"#,
            portal_id,
            limit
        )
        .fetch_all(self.db().read())
        .await?;
        let mut lives: Vec<KeyLife> = rows
            .into_iter()
            .map(|r| KeyLife {
                key_id: r.key_id,
                last4: r.last4,
                renewed: r.attempt_id.is_some(),
                key_use: match r.state.as_str() {
                    "current" => KeyUse::InUse,
                    "staged" => KeyUse::New,
                    "retiring" | "kept" => KeyUse::Ending,
                    _ => KeyUse::Gone,
                },
                created_at: at(r.created_at),
                expires_at: at(r.expires_at),
                gone_at: r.gone_at.map(at),
            })
            .collect();
        lives.reverse();
        Ok(lives)
    }
}
