//! The API keys that a portal holds: their rows, and their tokens, which are
//! read from the vault anew for each piece of work, so that nobody goes on with
//! a key that was replaced.

use std::sync::Arc;

use qlik::secret::ApiKeyToken;

use crate::{
    Error, Services,
    renewal::KeyRef,
    store::{StoreError, Tx, one_row},
    vault::{Place, VaultError},
};

/// A key with its token and its owner.
#[derive(Debug, Clone)]
pub(crate) struct OwnedKey {
    pub(crate) token: Arc<ApiKeyToken>,
    pub(crate) tenant_host: String,
    pub(crate) tenant_id: String,
    pub(crate) owner_id: String,
    pub(crate) owner_subject: String,
    pub(crate) owner_email: Option<String>,
    pub(crate) owner_name: String,
}

/// Where a key's token is sealed.
pub(crate) fn place<'a>(portal_id: &'a str, key_id: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "api_keys", row: key_id, column: "sealed_token" }
}

impl Services {
    /// A key of the portal that still has its token.
    pub(crate) async fn key(&self, portal_id: &str, key_id: &str) -> Result<Option<OwnedKey>, Error> {
        let row = sqlx::query!(
            r#"SELECT sealed_token, tenant_host AS "tenant_host!", tenant_id AS "tenant_id!", owner_id AS "owner_id!",
                      owner_subject AS "owner_subject!", owner_email, owner_name AS "owner_name!"
               FROM api_keys WHERE portal_id = ? AND key_id = ?"#,
            portal_id,
            key_id
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let Some(sealed) = row.sealed_token else { return Ok(None) };
        let plain = self.vault().open(place(portal_id, key_id), &sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
        let token = ApiKeyToken::parse(text).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(Some(OwnedKey {
            token: Arc::new(token),
            tenant_host: row.tenant_host,
            tenant_id: row.tenant_id,
            owner_id: row.owner_id,
            owner_subject: row.owner_subject,
            owner_email: row.owner_email,
            owner_name: row.owner_name,
        }))
    }
}

/// A key's row, with its token already sealed.
#[derive(Debug)]
pub(crate) struct NewKeyRow<'a> {
    pub(crate) portal_id: &'a str,
    pub(crate) tenant_id: &'a str,
    pub(crate) tenant_host: &'a str,
    pub(crate) key: &'a KeyRef,
    pub(crate) sealed: &'a [u8],
    pub(crate) fingerprint: String,
    pub(crate) last4: String,
    pub(crate) owner_id: &'a str,
    pub(crate) owner_subject: &'a str,
    pub(crate) owner_email: Option<&'a str>,
    pub(crate) owner_name: &'a str,
    pub(crate) attempt_id: Option<&'a str>,
    pub(crate) state: &'static str,
    pub(crate) now: i64,
}

pub(crate) async fn insert_key(tx: &mut Tx<'_>, k: NewKeyRow<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO api_keys (key_id, portal_id, tenant_id, tenant_host, sealed_token, fingerprint, last4, owner_id,
                               owner_subject, owner_email, owner_name, attempt_id, state, created_at, expires_at,
                               stored_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (portal_id, key_id) DO UPDATE SET
             sealed_token = excluded.sealed_token, fingerprint = excluded.fingerprint, state = excluded.state,
             expires_at = excluded.expires_at, stored_at = excluded.stored_at, gone_at = NULL",
        k.key.key_id,
        k.portal_id,
        k.tenant_id,
        k.tenant_host,
        k.sealed,
        k.fingerprint,
        k.last4,
        k.owner_id,
        k.owner_subject,
        k.owner_email,
        k.owner_name,
        k.attempt_id,
        k.state,
        k.key.created_at,
        k.key.expires_at,
        k.now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Moves a key's row on; it must be in `from`.
pub(crate) async fn move_key(
    tx: &mut Tx<'_>,
    portal_id: &str,
    key_id: &str,
    from: &str,
    to: &str,
) -> Result<(), StoreError> {
    let moved = sqlx::query!(
        "UPDATE api_keys SET state = ? WHERE portal_id = ? AND key_id = ? AND state = ?",
        to,
        portal_id,
        key_id,
        from
    )
    .execute(&mut **tx)
    .await?;
    one_row(&moved, "api_keys")
}

/// Forgets a key's token.
pub(crate) async fn key_gone(
    tx: &mut Tx<'_>,
    portal_id: &str,
    key_id: &str,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE api_keys SET state = 'gone', sealed_token = NULL, gone_at = ? WHERE portal_id = ? AND key_id = ?",
        now,
        portal_id,
        key_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
