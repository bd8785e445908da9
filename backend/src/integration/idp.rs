//! Creating the JWT identity provider at Qlik, after the administrator saw what
//! will be created.

use qlik::{
    IdentityProvider, NewJwtIdp, Tenant,
    error::{Error as QlikError, ErrorKind},
};

use super::Report;
use crate::{Actor, Error, Portal, Services, audit, onboard::provider_name, renewal::load};

impl Services {
    /// What would be created at Qlik, field by field.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn identity_provider_plan(&self, actor: &Actor) -> Result<NewJwtIdp, Error> {
        actor.require_admin()?;
        let row = load(self.db().read(), &actor.portal.id).await?.ok_or(Error::NotFound)?;
        self.provider_plan(&actor.portal, row.tenant_id).await
    }

    /// What would be created in the Qlik tenant of this id.
    pub(crate) async fn provider_plan(&self, portal: &Portal, tenant_id: String) -> Result<NewJwtIdp, Error> {
        let identity = self.identity(portal).await?;
        Ok(NewJwtIdp {
            description: provider_name(&portal.hostname),
            tenant_id: Some(tenant_id),
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
        let (idp_id, made) = ensure_provider(&tenant, &plan).await?;
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

/// The provider with this issuer and key id, if the tenant has one.
pub(crate) fn provider_of(all: &[IdentityProvider], issuer: &str, kid: &str) -> Option<String> {
    all.iter().find(|p| p.checks(issuer, kid)).map(|p| p.id.clone())
}

/// The id of the identity provider, and whether it was made now. Asking twice
/// makes one: an earlier try whose answer was lost is found.
pub(crate) async fn ensure_provider(tenant: &Tenant, plan: &NewJwtIdp) -> Result<(String, bool), QlikError> {
    let find = async || {
        let all = tenant.identity_providers().await?;
        Ok::<_, QlikError>(provider_of(&all, &plan.issuer, &plan.kid))
    };
    if let Some(id) = find().await? {
        return Ok((id, false));
    }
    match tenant.create_jwt_identity_provider(plan).await {
        Ok(idp) => Ok((idp.id, true)),
        Err(e) if e.may_have_happened() || e.kind() == ErrorKind::Conflict => match find().await? {
            Some(id) => Ok((id, true)),
            None => Err(e),
        },
        Err(e) => Err(e),
    }
}
