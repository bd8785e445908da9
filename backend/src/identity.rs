//! The portal's own key pair for JWT logins, and the login itself.

use std::sync::Arc;

use qlik::{
    JwtLogin,
    error::Error as QlikError,
    host::TenantHost,
    jwt::{JwtSubject, SigningIdentity},
    secret::SigningKeyPem,
    session::QlikSession,
};

use crate::{
    Error, Portal, Services,
    renewal::Row,
    vault::{Place, VaultError},
};

/// What an administrator enters in Qlik as JWT identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityView {
    /// Issuer.
    pub issuer: String,
    /// Key ID.
    pub kid: String,
    /// The X.509 certificate, PEM.
    pub certificate_pem: String,
    /// The identity provider at Qlik, where this portal made it.
    pub idp_id: Option<String>,
}

fn place<'a>(portal_id: &'a str, kid: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "signing_identities", row: kid, column: "sealed_key" }
}

impl Services {
    /// The portal's signing identity, made at the first call: an RSA-2048 key
    /// pair whose private part is sealed.
    ///
    /// # Errors
    /// [`Error`] where the store, the vault or the key generation fails.
    pub async fn identity(&self, portal: &Portal) -> Result<IdentityView, Error> {
        if let Some(found) = self.stored_identity(&portal.id).await? {
            return Ok(found);
        }
        // The portal's id keeps two portals of one hostname apart at Qlik.
        let issuer = format!("https://{}/qonduit/{}", portal.hostname, portal.id);
        let (common_name, qlik) = (portal.hostname.clone(), self.qlik().clone());
        let made = tokio::task::spawn_blocking(move || {
            SigningIdentity::generate(&issuer, &common_name, &**qlik.clock(), &**qlik.entropy())
        })
        .await
        .map_err(|_| Error::Internal("making the signing key was broken off"))?;
        let (identity, certificate) = made?;
        let kid = identity.kid().to_owned();
        let sealed =
            self.vault().seal(place(&portal.id, &kid), identity.private_key_pem().expose().as_bytes())?;
        let (id, issuer, now) = (self.new_id(), identity.issuer().to_owned(), self.now().as_second());
        let pem = certificate.pem;
        let mut tx = self.db().write().await?;
        // Of two first looks at once one makes it; the other then reads it.
        sqlx::query!(
            "INSERT INTO signing_identities (id, portal_id, issuer, kid, certificate_pem, sealed_key, active, created_at)
             SELECT ?, ?, ?, ?, ?, ?, 1, ?
             WHERE NOT EXISTS (SELECT 1 FROM signing_identities WHERE portal_id = ? AND active = 1)",
            id,
            portal.id,
            issuer,
            kid,
            pem,
            sealed,
            now,
            portal.id
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.stored_identity(&portal.id).await?.ok_or(Error::Internal("the signing identity was not stored"))
    }

    async fn stored_identity(&self, portal_id: &str) -> Result<Option<IdentityView>, Error> {
        Ok(sqlx::query_as!(
            IdentityView,
            r#"SELECT issuer AS "issuer!", kid AS "kid!", certificate_pem AS "certificate_pem!", idp_id
               FROM signing_identities WHERE portal_id = ? AND active = 1"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    /// Remembers which identity provider at Qlik is ours; `None` forgets it.
    pub(crate) async fn set_idp(
        &self,
        portal_id: &str,
        kid: &str,
        idp_id: Option<&str>,
    ) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE signing_identities SET idp_id = ? WHERE portal_id = ? AND kid = ?",
            idp_id,
            portal_id,
            kid
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The key that signs, kept open in memory: reading RSA keys is slow.
    async fn signer(&self, portal_id: &str) -> Result<Arc<SigningIdentity>, Error> {
        if let Some(found) = self.0.signers.get(portal_id).await {
            return Ok(found);
        }
        let row = sqlx::query!(
            r#"SELECT issuer AS "issuer!", kid AS "kid!", sealed_key AS "sealed_key!"
               FROM signing_identities WHERE portal_id = ? AND active = 1"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?
        .ok_or(Error::Internal("the portal has no signing identity"))?;
        let pem = self.vault().open(place(portal_id, &row.kid), &row.sealed_key)?;
        let pem = std::str::from_utf8(&pem).map_err(|_| VaultError::DoesNotOpen)?;
        let signer =
            Arc::new(SigningIdentity::from_pem(&row.issuer, &row.kid, &SigningKeyPem::new(pem.to_owned()))?);
        self.0.signers.insert(portal_id.to_owned(), signer.clone()).await;
        Ok(signer)
    }

    /// Opens a Qlik session by JWT: one token, one exchange.
    pub(crate) async fn login_at(
        &self,
        portal_id: &str,
        host: &TenantHost,
        web_integration_id: &str,
        origin: &str,
        who: &JwtSubject,
    ) -> Result<Result<QlikSession, QlikError>, Error> {
        let signer = self.signer(portal_id).await?;
        let token = signer.sign(who, self.now(), self.entropy())?;
        let login =
            JwtLogin { host, token, web_integration_id: Some(web_integration_id), origin: Some(origin) };
        Ok(self.qlik().login_jwt(login).await)
    }

    /// [`Services::login_at`] for a stored integration.
    pub(crate) async fn login(
        &self,
        row: &Row,
        sub: &str,
        name: &str,
        email: &str,
    ) -> Result<Result<QlikSession, QlikError>, Error> {
        let who = JwtSubject {
            sub: sub.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            groups: Vec::new(),
        };
        self.login_at(&row.portal_id, &row.tenant_host, &row.web_integration_id, &row.origin, &who).await
    }
}
