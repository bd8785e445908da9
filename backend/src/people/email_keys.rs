//! The key by which an e-mail is found: made for the rows of before, which SQL
//! can't do, and asked by whoever looks an account up.

use jiff::Timestamp;
use qlik::email_key;
use serde_json::json;

use crate::{
    Error, audit,
    store::{Db, Tx},
};

/// Between the key and the id of an account whose e-mail an older one has, written
/// in another way. No key has one: white space is no part of an e-mail.
const BEHIND: char = '\n';

struct Row {
    id: String,
    portal_id: String,
    email: String,
    email_key: Option<String>,
}

/// Gives each account the key of its e-mail. Where an older account has it, the
/// younger is found by its e-mail as it stands, which the log and the audit tell
/// once; it gets the key when the older one is gone.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn fill_email_keys(db: &Db, now: Timestamp) -> Result<(), Error> {
    let due = sqlx::query_scalar!(
        r#"SELECT EXISTS(SELECT 1 FROM users WHERE email_key IS NULL OR instr(email_key, char(10))) AS "due!: bool""#
    )
    .fetch_one(db.read())
    .await?;
    if !due {
        return Ok(());
    }
    let mut tx = db.write().await?;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id!", portal_id AS "portal_id!", email AS "email!", email_key FROM users
           WHERE email_key IS NULL OR instr(email_key, char(10)) ORDER BY created_at, is_owner DESC, rowid"#
    )
    .fetch_all(&mut *tx)
    .await?;
    for row in rows {
        fill(&mut tx, &row, now).await?;
    }
    Ok(tx.commit().await?)
}

async fn fill(tx: &mut Tx<'_>, row: &Row, now: Timestamp) -> Result<(), Error> {
    let key = email_key(&row.email);
    let holder = sqlx::query!(
        r#"SELECT id AS "id!", email AS "email!" FROM users WHERE portal_id = ? AND email_key = ?"#,
        row.portal_id,
        key
    )
    .fetch_optional(&mut **tx)
    .await?;
    let key = match &holder {
        None => key,
        Some(_) => format!("{key}{BEHIND}{}", row.id),
    };
    if row.email_key.as_deref() != Some(key.as_str()) {
        sqlx::query!("UPDATE users SET email_key = ? WHERE id = ?", key, row.id).execute(&mut **tx).await?;
    }
    // Once: when the row had no key yet.
    if let (Some(holder), None) = (holder, &row.email_key) {
        tracing::warn!(
            portal.id = %row.portal_id, user.id = %row.id, other.id = %holder.id,
            "two accounts have one e-mail, written in two ways; each is found by its own way of writing"
        );
        let detail =
            json!({ "user": row.id, "email": row.email, "other": holder.id, "other_email": holder.email });
        audit::record(tx, &row.portal_id, None, audit::EMAIL_CLASH, detail, now).await?;
    }
    Ok(())
}
