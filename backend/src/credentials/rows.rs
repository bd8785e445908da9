//! The rows of users' Qlik credentials.
//!
//! This module must not decide anything by them.

use qlik::same_email;
use sqlx::SqliteConnection;

use super::state::{CredentialState as State, Row};
use crate::{
    Actor, Error,
    connection::Connection,
    store::{StoreError, Tx},
    vault::Place,
};

/// Where a user's password is sealed.
pub(super) fn place<'a>(portal_id: &'a str, user_id: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "qlik_credentials", row: user_id, column: "sealed_password" }
}

/// A row as it is stored.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) user_id: String,
    pub(super) email: String,
    pub(super) tenant_host: String,
    pub(super) sealed_password: Option<Vec<u8>>,
    pub(super) state: String,
    pub(super) state_before: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) refused_hash: Option<String>,
    pub(super) refusals: i64,
    pub(super) hold_until: Option<i64>,
    pub(super) registered_at: Option<i64>,
    pub(super) used_at: Option<i64>,
    pub(super) tried_at: Option<i64>,
    pub(super) attempt: Option<String>,
}

impl Raw {
    /// What decides, for a user of this e-mail; `host` is the tenant of a connection
    /// that uses Qlik credentials, if there is one.
    pub(super) fn row(&self, email: &str, host: Option<&str>) -> Result<Row, StoreError> {
        let bad = |column| StoreError::Inconsistent { table: "qlik_credentials", column };
        let before = self.state_before.as_deref();
        Ok(Row {
            state: State::parse(&self.state).ok_or_else(|| bad("state"))?,
            before: before.map(|s| State::parse(s).ok_or_else(|| bad("state_before"))).transpose()?,
            in_flight: self.attempt.is_some(),
            stored: self.sealed_password.is_some(),
            belongs: same_email(&self.email, email) && host == Some(self.tenant_host.as_str()),
            refusals: self.refusals,
            hold_until: self.hold_until,
            tried_at: self.tried_at,
        })
    }
}

/// The row of a user, if there is one.
pub(super) async fn one(db: &mut SqliteConnection, user_id: &str) -> Result<Option<Raw>, StoreError> {
    Ok(sqlx::query_as!(
        Raw,
        r#"SELECT user_id AS "user_id!", email AS "email!", tenant_host AS "tenant_host!", sealed_password,
                  state AS "state!", state_before, detail, refused_hash, refusals AS "refusals!", hold_until,
                  registered_at, used_at, tried_at, attempt
           FROM qlik_credentials WHERE user_id = ?"#,
        user_id
    )
    .fetch_optional(db)
    .await?)
}

/// The rows of a portal's users.
pub(super) async fn all(db: &mut SqliteConnection, portal_id: &str) -> Result<Vec<Raw>, StoreError> {
    Ok(sqlx::query_as!(
        Raw,
        r#"SELECT user_id AS "user_id!", email AS "email!", tenant_host AS "tenant_host!", sealed_password,
                  state AS "state!", state_before, detail, refused_hash, refusals AS "refusals!", hold_until,
                  registered_at, used_at, tried_at, attempt
           FROM qlik_credentials WHERE portal_id = ?"#,
        portal_id
    )
    .fetch_all(db)
    .await?)
}

/// What is written before a try.
#[derive(Debug)]
pub(super) struct Intent<'a> {
    pub(super) attempt: &'a str,
    pub(super) before: Option<State>,
    pub(super) keeps_password: bool,
    pub(super) refusals: i64,
    pub(super) hold_until: Option<i64>,
    pub(super) now: i64,
}

/// Writes that a password may be sent now.
pub(super) async fn write_intent(
    tx: &mut Tx<'_>,
    actor: &Actor,
    at: &Connection,
    intent: &Intent<'_>,
) -> Result<(), Error> {
    let host = at.host.as_str();
    let before = intent.before.map(State::as_str);
    sqlx::query!(
        "INSERT INTO qlik_credentials (user_id, portal_id, email, tenant_host, state, state_before, refusals,
                                       hold_until, tried_at, attempt)
         VALUES (?1, ?2, ?3, ?4, 'trying', ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, tenant_host = excluded.tenant_host,
             sealed_password = CASE WHEN ?10 THEN sealed_password END, state = 'trying',
             state_before = excluded.state_before, refusals = excluded.refusals,
             hold_until = excluded.hold_until, tried_at = excluded.tried_at, attempt = excluded.attempt",
        actor.user_id,
        at.portal_id,
        actor.email,
        host,
        before,
        intent.refusals,
        intent.hold_until,
        intent.now,
        intent.attempt,
        intent.keeps_password
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What becomes of a column that may be empty.
#[derive(Debug)]
pub(super) enum Write<T> {
    Keep,
    Set(Option<T>),
}

impl<T> Write<T> {
    /// Whether it is written, and what.
    fn parts(self) -> (bool, Option<T>) {
        match self {
            Self::Keep => (false, None),
            Self::Set(value) => (true, value),
        }
    }
}

/// What is written after a try.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) state: State,
    pub(super) detail: Write<String>,
    pub(super) sealed: Write<Vec<u8>>,
    /// The password was typed and worked.
    pub(super) is_registered: bool,
    pub(super) worked: bool,
    pub(super) refused_hash: Option<&'a str>,
    pub(super) refusals: i64,
    pub(super) hold_until: Option<i64>,
    pub(super) now: i64,
}

/// Writes how a try ended, where it is still the one under way. `false`: it is not.
pub(super) async fn write_end(
    tx: &mut Tx<'_>,
    user_id: &str,
    attempt: &str,
    end: End<'_>,
) -> Result<bool, StoreError> {
    let state = end.state.as_str();
    let (sets_detail, detail) = end.detail.parts();
    let (sets_password, sealed) = end.sealed.parts();
    let written = sqlx::query!(
        "UPDATE qlik_credentials SET state = ?3, state_before = NULL, attempt = NULL,
             detail = CASE WHEN ?4 THEN ?5 ELSE detail END,
             sealed_password = CASE WHEN ?6 THEN ?7 ELSE sealed_password END,
             registered_at = CASE WHEN ?8 THEN ?9 WHEN ?6 AND ?7 IS NULL THEN NULL ELSE registered_at END,
             used_at = CASE WHEN ?10 THEN ?9 ELSE used_at END,
             refused_hash = CASE WHEN ?10 THEN NULL ELSE coalesce(?11, refused_hash) END,
             refusals = ?12, hold_until = ?13
         WHERE user_id = ?1 AND attempt = ?2 AND state = 'trying'",
        user_id,
        attempt,
        state,
        sets_detail,
        detail,
        sets_password,
        sealed,
        end.is_registered,
        end.now,
        end.worked,
        end.refused_hash,
        end.refusals,
        end.hold_until
    )
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 1 {
        return Ok(true);
    }
    // Given up: it held others up until now.
    sqlx::query!(
        "UPDATE qlik_credentials SET attempt = NULL WHERE user_id = ? AND attempt = ?",
        user_id,
        attempt
    )
    .execute(&mut **tx)
    .await?;
    Ok(false)
}
