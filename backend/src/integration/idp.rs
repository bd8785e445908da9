//! Creating the JWT identity provider at Qlik, after the administrator saw what
//! will be created.

use qlik::{NewJwtIdp, error::ErrorKind};

use super::Report;
use crate::{Actor, Error, Services, audit, renewal::load};

impl Services {
    /// What would be created at Qlik, field by field.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn identity_provider_plan(&self, actor: &Actor) -> Result<NewJwtIdp, Error> {
        actor.require_admin()?;
        let row = load(self.db().read(), &actor.portal.id).await?.ok_or(Error::NotFound)?;
        let identity = self.identity(&actor.portal).await?;
        Ok(NewJwtIdp {
            description: format!("Qonduit portal {}", actor.portal.hostname),
            tenant_id: Some(row.tenant_id),
            issuer: identity.issuer,
            kid: identity.kid,
            certificate_pem: identity.certificate_pem,
            clock_tolerance_sec: 5,
        })
    }

    /// Creates the identity provider, where the tenant has none of ours, and
    /// tests the connection.
    ///
    /// # Errors
    /// As [`Services::identity_provider_plan`]; [`Error::Qlik`] where Qlik refuses.
    pub async fn create_identity_provider(&self, actor: &Actor) -> Result<Report, Error> {
        let plan = self.identity_provider_plan(actor).await?;
        let row = load(self.db().read(), &actor.portal.id).await?.ok_or(Error::NotFound)?;
        let key = self
            .key(&row.portal_id, &row.state.current.key_id)
            .await?
            .ok_or(Error::Internal("the key in use has no token in the vault"))?;
        let tenant = self.qlik().with_key(&row.tenant_host, key.token);
        let ours = |all: &[qlik::IdentityProvider]| {
            all.iter()
                .find(|p| {
                    p.issuer.as_deref() == Some(&plan.issuer) && p.keys.iter().any(|k| k.kid == plan.kid)
                })
                .map(|p| p.id.clone())
        };
        // Asking twice makes one: an earlier try whose answer was lost is found here.
        let (idp_id, made) = match ours(&tenant.identity_providers().await?) {
            Some(id) => (id, false),
            None => match tenant.create_jwt_identity_provider(&plan).await {
                Ok(idp) => (idp.id, true),
                Err(e) if e.may_have_happened() || e.kind() == ErrorKind::Conflict => {
                    (ours(&tenant.identity_providers().await?).ok_or(e)?, true)
                }
                Err(e) => return Err(e.into()),
            },
        };
        if made {
            self.set_idp(&row.portal_id, &plan.kid, Some(&idp_id)).await?;
            let mut tx = self.db().write().await?;
            let detail = serde_json::json!({ "idp": idp_id, "issuer": plan.issuer, "kid": plan.kid });
            audit::record(
                &mut tx,
                &row.portal_id,
                Some(actor),
                audit::IDENTITY_PROVIDER_CREATED,
                detail,
                self.now(),
            )
            .await?;
            tx.commit().await?;
        }
        self.test_connection(actor).await
    }
}
