//! The OAuth clients that the settings name, their secrets sealed.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use qlik::{
    OAuthClientId,
    oauth::{ClientSecret, OAuthClient},
};

use crate::{
    Error, Services,
    store::{StoreError, Tx, at},
    vault::{Place, VaultError},
};

/// An OAuth client with its secret; none for a public client.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: OAuthClientId,
    pub(crate) secret: Option<Arc<ClientSecret>>,
}

impl Client {
    /// As the calls name it.
    pub(crate) fn named(&self) -> OAuthClient<'_> {
        OAuthClient { id: &self.id, secret: self.secret.as_deref() }
    }
}

fn place<'a>(portal_id: &'a str, client_id: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "oauth_clients", row: client_id, column: "sealed_secret" }
}

/// Which secret of a client is stored, without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretView {
    /// The beginning of its SHA-256.
    pub fingerprint: String,
    /// When it was set.
    pub set_at: jiff::Timestamp,
}

/// Keeps a client, its secret sealed, in place of the one it had.
pub(crate) async fn keep_client(
    services: &Services,
    tx: &mut Tx<'_>,
    portal_id: &str,
    client: &Client,
) -> Result<(), Error> {
    let id = client.id.as_str();
    let sealed = match &client.secret {
        Some(secret) => Some(services.vault().seal(place(portal_id, id), secret.expose().as_bytes())?),
        None => None,
    };
    // A secret of Qlik's has so many random characters that this does not give it away.
    let fingerprint =
        client.secret.as_ref().map(|s| hex::encode(&digest(&SHA256, s.expose().as_bytes()).as_ref()[..8]));
    let now = services.now().as_second();
    sqlx::query!(
        "INSERT INTO oauth_clients (portal_id, client_id, sealed_secret, fingerprint, set_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (portal_id, client_id) DO UPDATE SET sealed_secret = excluded.sealed_secret,
             fingerprint = excluded.fingerprint,
             set_at = CASE WHEN fingerprint IS excluded.fingerprint THEN set_at ELSE excluded.set_at END",
        portal_id,
        id,
        sealed,
        fingerprint,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets the clients that no settings name any more: those in force, a staged
/// change, the way back.
pub(crate) async fn forget_clients(tx: &mut Tx<'_>, portal_id: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM oauth_clients WHERE portal_id = ?1
             AND client_id NOT IN (SELECT oauth_client_id FROM integrations
                                   WHERE portal_id = ?1 AND oauth_client_id IS NOT NULL)
             AND client_id NOT IN (SELECT oauth_client_id FROM staged_changes
                                   WHERE portal_id = ?1 AND oauth_client_id IS NOT NULL)
             AND client_id NOT IN (SELECT json_extract(setup, '$.client_id') FROM previous_setups
                                   WHERE portal_id = ?1 AND json_extract(setup, '$.client_id') IS NOT NULL)",
        portal_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Services {
    /// A client of the portal's settings.
    pub(crate) async fn client(&self, portal_id: &str, client_id: &str) -> Result<Option<Client>, Error> {
        let row = sqlx::query!(
            "SELECT sealed_secret FROM oauth_clients WHERE portal_id = ? AND client_id = ?",
            portal_id,
            client_id
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let secret = match row.sealed_secret {
            Some(sealed) => {
                let plain = self.vault().open(place(portal_id, client_id), &sealed)?;
                let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
                Some(Arc::new(ClientSecret::new(text)))
            }
            None => None,
        };
        let bad = StoreError::Inconsistent { table: "oauth_clients", column: "client_id" };
        Ok(Some(Client { id: client_id.parse().map_err(|_| bad)?, secret }))
    }

    /// Which secret of a client is stored; none where it has none.
    pub(crate) async fn client_secret_view(
        &self,
        portal_id: &str,
        client_id: &str,
    ) -> Result<Option<SecretView>, Error> {
        let row = sqlx::query!(
            r#"SELECT fingerprint, set_at AS "set_at!" FROM oauth_clients WHERE portal_id = ? AND client_id = ?"#,
            portal_id,
            client_id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(row.and_then(|r| Some(SecretView { fingerprint: r.fingerprint?, set_at: at(r.set_at) })))
    }
}
