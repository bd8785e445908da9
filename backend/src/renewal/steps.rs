//! The written record of attempts and their steps.

use serde::{Deserialize, Serialize};

use super::{Attempt, Fault};
use crate::{
    Error, Services,
    store::{StoreError, Tx},
};

/// One line of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unix seconds.
    pub at: i64,
    /// What was done.
    pub step: String,
}

/// One attempt, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// Its id, which is in the new key's description at Qlik.
    pub id: String,
    /// `due`, `person` or `trial`.
    pub trigger: String,
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds; `None` while it runs.
    pub ended_at: Option<i64>,
    /// `renewed`, `failed`, `person`, `abandoned` or `tried`.
    pub outcome: Option<String>,
    /// The words for people.
    pub reason: Option<String>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Renewed,
    Failed,
    Person,
    Abandoned,
    /// A trial that did all that it should.
    Tried,
}

impl Ended {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Failed => "failed",
            Self::Person => "person",
            Self::Abandoned => "abandoned",
            Self::Tried => "tried",
        }
    }
}

pub(super) async fn begin_attempt(
    tx: &mut Tx<'_>,
    portal_id: &str,
    attempt: &Attempt,
    old: &str,
) -> Result<(), StoreError> {
    let trigger = attempt.trigger.as_str();
    sqlx::query!(
        "INSERT INTO renewal_attempts (id, portal_id, trigger, started_at, old_key_id) VALUES (?, ?, ?, ?, ?)",
        attempt.id,
        portal_id,
        trigger,
        attempt.started_at,
        old
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Adds a line to an attempt.
pub(super) async fn note(tx: &mut Tx<'_>, attempt_id: &str, at: i64, step: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE renewal_attempts SET steps = json_insert(steps, '$[#]', json_object('at', ?, 'step', ?)) WHERE id = ?",
        at,
        step,
        attempt_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn end_attempt(
    tx: &mut Tx<'_>,
    attempt_id: &str,
    now: i64,
    ended: Ended,
    fault: Option<&Fault>,
    new_key: Option<&str>,
) -> Result<(), StoreError> {
    let outcome = ended.as_str();
    let (reason, code, trace) = fault
        .map_or((None, None, None), |f| (Some(f.says.as_str()), f.code.as_deref(), f.trace_id.as_deref()));
    sqlx::query!(
        "UPDATE renewal_attempts SET ended_at = ?, outcome = ?, reason = ?, qlik_code = ?, trace_id = ?,
                new_key_id = COALESCE(?, new_key_id)
         WHERE id = ? AND ended_at IS NULL",
        now,
        outcome,
        reason,
        code,
        trace,
        new_key,
        attempt_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Services {
    /// Whether this database holds the intent of an attempt.
    pub(super) async fn made_attempt(&self, portal_id: &str, attempt_id: &str) -> Result<bool, Error> {
        let found = sqlx::query_scalar!(
            r#"SELECT COUNT(*) AS "n!: i64" FROM renewal_attempts WHERE portal_id = ? AND id = ?"#,
            portal_id,
            attempt_id
        )
        .fetch_one(self.db().read())
        .await?;
        Ok(found == 1)
    }

    /// Whether this database has let go of a key: it is to be gone at Qlik.
    pub(super) async fn let_go(&self, portal_id: &str, key_id: &str) -> Result<bool, Error> {
        let found = sqlx::query_scalar!(
            r#"SELECT COUNT(*) AS "n!: i64" FROM api_keys WHERE portal_id = ? AND key_id = ? AND state = 'gone'"#,
            portal_id,
            key_id
        )
        .fetch_one(self.db().read())
        .await?;
        Ok(found == 1)
    }

    /// The last attempts of a portal, newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn attempts(&self, portal_id: &str, limit: u32) -> Result<Vec<AttemptRow>, Error> {
        let limit = i64::from(limit);
        Ok(sqlx::query_as!(
            AttemptRow,
            r#"SELECT id AS "id!", trigger AS "trigger!", started_at AS "started_at!", ended_at, outcome, reason,
                      qlik_code, trace_id
               FROM renewal_attempts WHERE portal_id = ? ORDER BY started_at DESC, rowid DESC LIMIT ?"#,
            portal_id,
            limit
        )
        .fetch_all(self.db().read())
        .await?)
    }
}
