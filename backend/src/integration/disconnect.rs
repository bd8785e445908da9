//! The end of an integration: its keys are deleted at Qlik where that is
//! wished, and nothing of them is kept here.

use qlik::error::ErrorKind;

use crate::{
    Actor, Error, Services, audit,
    connection::AuthOption,
    credentials::wipe_credentials,
    oauth::release_grants,
    renewal::{Phase, load_any},
    words,
};

/// How a disconnect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisconnectEnd {
    /// The portal is no longer connected.
    pub disconnected: bool,
    /// In words.
    pub says: String,
}

impl Services {
    /// Ends the integration. With `remove_made` what the portal made at Qlik is
    /// removed there first, with `delete_keys` the keys that it holds are deleted;
    /// nothing is ended where that fails.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn disconnect(
        &self,
        actor: &Actor,
        delete_keys: bool,
        remove_made: bool,
    ) -> Result<DisconnectEnd, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let at = self.connection(portal).await?.ok_or(Error::NotFound)?;
        let row = load_any(self.db().read(), portal).await?;
        if remove_made && let Err(says) = self.remove_made_at_qlik(actor).await? {
            let says =
                format!("{says} Nothing was disconnected. You can also disconnect and leave it there.");
            return Ok(DisconnectEnd { disconnected: false, says });
        }
        if let Some(row) = row.as_ref().filter(|_| delete_keys) {
            let state = &row.state;
            let mut ids: Vec<&str> = state.retiring.iter().map(|r| r.key.key_id.as_str()).collect();
            if let Phase::Staged { new, .. } | Phase::Proved { new, .. } = &state.phase {
                ids.push(&new.key_id);
            }
            let kept = self.kept_key(portal).await?;
            ids.extend(kept.as_deref());
            // The one in use goes last: until then a failure leaves a working connection.
            ids.push(&state.current.key_id);
            for id in ids {
                let key = match self.key(portal, id).await {
                    Err(e) if e.unreadable().is_some() => {
                        tracing::error!(portal.id = %portal, error = %e, "a key to delete can't be opened");
                        let says = "The stored key can’t be opened, so it can’t be deleted at Qlik, and nothing was \
                                    disconnected. Disconnect and leave the key, then delete it in Qlik.";
                        return Ok(DisconnectEnd { disconnected: false, says: says.to_owned() });
                    }
                    key => key?,
                };
                let Some(key) = key else { continue };
                let host = serde_json::from_value(key.tenant_host.clone().into())
                    .map_err(|_| Error::Internal("a stored host can't be read"))?;
                match self.qlik().with_key(&host, key.token).delete_api_key(id).await {
                    Ok(()) => {}
                    // Gone already, or dead, which is the same.
                    Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Unauthorized) => {}
                    Err(e) => {
                        let said = words::of(&e, host.as_str());
                        return Ok(DisconnectEnd {
                            disconnected: false,
                            says: format!(
                                "The key could not be deleted at Qlik, so nothing was disconnected. {} You can also \
                                 disconnect and leave the key, which lives on until it expires.",
                                said.says
                            ),
                        });
                    }
                }
            }
        }
        self.close_eyes(portal).await?;
        let mut tx = self.db().write().await?;
        let detail = serde_json::json!({ "tenant_host": at.host.as_str(), "keys_deleted": delete_keys });
        if at.option == AuthOption::Credentials {
            wipe_credentials(&mut tx, portal).await?;
        }
        if at.option == AuthOption::OauthUsers {
            release_grants(self, &mut tx, portal).await?;
        }
        sqlx::query!("DELETE FROM qlik_asks WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM qlik_sessions WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM api_keys WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM integrations WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        sqlx::query!("DELETE FROM oauth_clients WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        audit::record(&mut tx, portal, Some(actor), audit::INTEGRATION_DISCONNECTED, detail, self.now())
            .await?;
        tx.commit().await?;
        self.0.sessions.invalidate_all_for(&format!("{portal}/")).await;
        self.changed(portal);
        let keys = match (row.is_some(), delete_keys) {
            (false, _) => "",
            (true, true) => "; its key was deleted at Qlik",
            (true, false) => "; its key lives on at Qlik until it expires",
        };
        Ok(DisconnectEnd {
            disconnected: true,
            says: format!("The portal is disconnected from {}{keys}.", at.host),
        })
    }
}
