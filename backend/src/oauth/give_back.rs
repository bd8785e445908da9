//! Tokens that are not kept are revoked at once. Whoever gives them back has another
//! cause to fail for, so this fails for none: what can't be revoked is logged, and ends
//! at Qlik by itself.

use qlik::oauth::{AccessToken, OAuthToken, RefreshToken};

use super::revoke::{Revocable, queue};
use crate::{
    Error, Services,
    connection::{Client, Connection},
};

impl Services {
    /// Revokes what a grant gave: the refresh token by way of the list, so that it is
    /// tried again, or directly where the list can't be written.
    pub(super) async fn give_back(
        &self,
        at: &Connection,
        client: &Client,
        access: &AccessToken,
        refresh: Option<&RefreshToken>,
    ) {
        if let Some(token) = refresh {
            self.give_back_refresh(at, client, token).await;
        }
        self.revoke_access(at, client, access).await;
    }

    /// As [`Services::give_back`], of a refresh token alone.
    pub(super) async fn give_back_refresh(&self, at: &Connection, client: &Client, token: &RefreshToken) {
        let gone = Revocable { portal_id: &at.portal_id, tenant_host: at.host.as_str(), client, token };
        match self.listed(&gone).await {
            Ok(id) => {
                self.revoke_now([id]).await;
            }
            Err(e) => {
                tracing::error!(portal.id = %at.portal_id, error = %e, "a token can't be put on the list of those to revoke; it is tried once");
                if let Err(e) = self.qlik().revoke(&at.host, client.named(), OAuthToken::Refresh(token)).await
                {
                    tracing::warn!(portal.id = %at.portal_id, error = %e, "a token was not revoked at Qlik; it ends there by itself");
                }
            }
        }
    }

    async fn listed(&self, gone: &Revocable<'_>) -> Result<String, Error> {
        let mut tx = self.db().write().await?;
        let id = queue(self, &mut tx, gone).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Revokes an access token, once: it ends within hours by itself. Gives whether it
    /// is revoked.
    pub(super) async fn revoke_access(&self, at: &Connection, client: &Client, token: &AccessToken) -> bool {
        let revoked = self.qlik().revoke(&at.host, client.named(), OAuthToken::Access(token)).await;
        if let Err(e) = &revoked {
            tracing::warn!(portal.id = %at.portal_id, error = %e, "an access token could not be revoked");
        }
        revoked.is_ok()
    }
}
