//! The identity provider in the tenant of a staged change: nobody could sign in
//! there without one, so it is made before the switch, and removed again where the
//! change is given up.

use qlik::{NewJwtIdp, error::ErrorKind};

use super::stage::forget;
use crate::{Actor, Error, Services, audit, doctor::Report, integration::ensure_provider, words};

impl Services {
    /// What would be created in the tenant of the staged change.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is staged.
    pub async fn staged_provider_plan(&self, actor: &Actor) -> Result<NewJwtIdp, Error> {
        actor.require_admin()?;
        let staged = self.staged_key(&actor.portal.id).await?.ok_or(Error::NotFound)?;
        self.provider_plan(&actor.portal, staged.tenant_id).await
    }

    /// Creates the identity provider there with the key of the change, where the
    /// tenant has none of ours, and tests the change once more.
    ///
    /// # Errors
    /// As [`Services::staged_provider_plan`]; [`Error::Qlik`] where Qlik refuses.
    pub async fn create_staged_provider(&self, actor: &Actor) -> Result<Report, Error> {
        let plan = self.staged_provider_plan(actor).await?;
        let portal = actor.portal.id.as_str();
        let staged = self.staged_key(portal).await?.ok_or(Error::NotFound)?;
        let tenant = self.qlik().with_key(&staged.host, staged.key);
        let (idp_id, made) = ensure_provider(&tenant, &plan).await?;
        if made {
            let mut tx = self.db().write().await?;
            sqlx::query!(
                "UPDATE staged_changes SET made_idp = ? WHERE portal_id = ? AND tenant_id = ?",
                idp_id,
                portal,
                staged.tenant_id
            )
            .execute(&mut *tx)
            .await?;
            let detail = serde_json::json!({
                "idp": idp_id, "issuer": plan.issuer, "kid": plan.kid, "tenant_host": staged.host.as_str(),
            });
            audit::record(&mut tx, portal, Some(actor), audit::IDENTITY_PROVIDER_CREATED, detail, self.now())
                .await?;
            tx.commit().await?;
        }
        self.test_staged(actor).await
    }

    /// Gives a staged change up; its key is forgotten here and stays at Qlik. An
    /// identity provider that this portal made for it is removed there; where that
    /// fails, what is left is said.
    ///
    /// # Errors
    /// As [`Services::staged_provider_plan`].
    pub async fn discard_staged(&self, actor: &Actor) -> Result<Option<String>, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let host = self.staged_host(actor).await?.ok_or(Error::NotFound)?;
        let staged = self.staged_key(portal).await?;
        let left = match staged.and_then(|s| Some((s.made_idp?, s.host, s.key))) {
            Some((id, host, key)) => {
                let tenant = self.qlik().with_key(&host, key);
                match tenant.delete_identity_provider(&id).await {
                    Ok(()) => None,
                    Err(e) if e.kind() == ErrorKind::NotFound => None,
                    Err(e) => Some(format!(
                        "The identity provider that was made for it is still in {host}. {}",
                        words::of(&e, host.as_str()).says
                    )),
                }
            }
            None => None,
        };
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        if !forget(&mut tx, portal).await? {
            return Err(Error::NotFound);
        }
        let detail = serde_json::json!({ "tenant_host": host });
        audit::record(&mut tx, portal, Some(actor), audit::CHANGE_DISCARDED, detail, self.now()).await?;
        tx.commit().await?;
        self.tell(portal);
        Ok(left)
    }
}
