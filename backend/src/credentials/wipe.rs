//! The end of what was registered: one user's, or a whole portal's.

use sqlx::SqliteExecutor;

use crate::store::{StoreError, Tx};

/// Removes what a user registered; what Qlik has counted of their tries stays until
/// it counts no more, and a try that is under way still holds the next one up.
/// `false`: there was nothing.
pub(super) async fn remove(tx: &mut Tx<'_>, user_id: &str, now: i64) -> Result<bool, StoreError> {
    let emptied = sqlx::query!(
        "UPDATE qlik_credentials SET sealed_password = NULL, refused_hash = NULL, state = 'none',
             state_before = NULL, detail = NULL, registered_at = NULL, used_at = NULL
         WHERE user_id = ? AND state <> 'none'",
        user_id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "DELETE FROM qlik_credentials
         WHERE user_id = ? AND state = 'none' AND refusals = 0 AND coalesce(hold_until, 0) <= ? AND attempt IS NULL",
        user_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(emptied.rows_affected() == 1)
}

/// How many passwords of a portal are stored.
pub(super) async fn count(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!: i64" FROM qlik_credentials WHERE portal_id = ? AND sealed_password IS NOT NULL"#,
        portal_id
    )
    .fetch_one(db)
    .await?)
}

/// Wipes what a portal's users registered, in the transaction that changes the option
/// or the tenant, and gives how many passwords that were: the caller writes it down
/// as [`crate::audit::CREDENTIALS_WIPED`]. A sign-in that is under way finds itself
/// given up; until then it holds the next one up. What Qlik has counted of each account's tries stays.
pub(crate) async fn wipe_credentials(tx: &mut Tx<'_>, portal_id: &str) -> Result<i64, StoreError> {
    let wiped = count(&mut **tx, portal_id).await?;
    sqlx::query!(
        "UPDATE qlik_credentials SET sealed_password = NULL, refused_hash = NULL, state = 'unused',
             state_before = NULL, detail = NULL, registered_at = NULL
         WHERE portal_id = ? AND state <> 'none'",
        portal_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(wiped)
}
