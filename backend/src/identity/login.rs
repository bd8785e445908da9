//! The login by JWT, with the key that signs or with another one of the portal.

use std::sync::Arc;

use qlik::{
    JwtLogin, User,
    error::{Error as QlikError, ErrorKind},
    host::TenantHost,
    jwt::{JwtSubject, SigningIdentity},
    secret::SigningKeyPem,
    session::QlikSession,
};

use super::place;
use crate::{Error, Services, renewal::Row, vault::VaultError};

/// A signing key as it is stored.
struct Sealed {
    issuer: String,
    kid: String,
    private: Vec<u8>,
}

/// Where a login goes.
#[derive(Clone, Copy)]
struct At<'a> {
    host: &'a TenantHost,
    web_integration_id: &'a str,
    origin: &'a str,
}

impl Services {
    /// The key that signs now. Which one that is stands in the store alone, so a
    /// switch in another process holds here too; the key itself is kept open in
    /// memory, for reading RSA keys is slow.
    async fn signer(&self, portal_id: &str) -> Result<Arc<SigningIdentity>, Error> {
        let row = sqlx::query_as!(
            Sealed,
            r#"SELECT issuer AS "issuer!", kid AS "kid!", sealed_key AS "private!"
               FROM signing_identities WHERE portal_id = ? AND active = 1"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?
        .ok_or(Error::Internal("the portal has no signing identity"))?;
        self.open_signer(portal_id, row).await
    }

    async fn signer_of(&self, portal_id: &str, kid: &str) -> Result<Arc<SigningIdentity>, Error> {
        let row = sqlx::query_as!(
            Sealed,
            r#"SELECT issuer AS "issuer!", kid AS "kid!", sealed_key AS "private!"
               FROM signing_identities WHERE portal_id = ? AND kid = ?"#,
            portal_id,
            kid
        )
        .fetch_optional(self.db().read())
        .await?
        .ok_or(Error::Internal("the portal has no signing identity with this key id"))?;
        self.open_signer(portal_id, row).await
    }

    async fn open_signer(&self, portal_id: &str, row: Sealed) -> Result<Arc<SigningIdentity>, Error> {
        if let Some(found) = self.0.signers.get(&row.kid).await {
            return Ok(found);
        }
        let pem = self.vault().open(place(portal_id, &row.kid), &row.private)?;
        let pem = std::str::from_utf8(&pem).map_err(|_| VaultError::DoesNotOpen)?;
        let signer =
            Arc::new(SigningIdentity::from_pem(&row.issuer, &row.kid, &SigningKeyPem::new(pem.to_owned()))?);
        self.0.signers.insert(row.kid, signer.clone()).await;
        Ok(signer)
    }

    /// Opens a Qlik session by JWT: one token, one exchange. Where the key was
    /// replaced between the signature and the refusal, once more with its successor.
    pub(crate) async fn login_at(
        &self,
        portal_id: &str,
        host: &TenantHost,
        web_integration_id: &str,
        origin: &str,
        who: &JwtSubject,
    ) -> Result<Result<QlikSession, QlikError>, Error> {
        let at = At { host, web_integration_id, origin };
        let signer = self.signer(portal_id).await?;
        let opened = self.login_by(&signer, at, who).await?;
        if opened.as_ref().is_err_and(|e| e.kind() == ErrorKind::Unauthorized) {
            let now = self.signer(portal_id).await?;
            if now.kid() != signer.kid() {
                return self.login_by(&now, at, who).await;
            }
        }
        Ok(opened)
    }

    /// As [`Services::login_at`], with the key `kid` of the portal, whether it
    /// signs now or not.
    pub(crate) async fn login_with(
        &self,
        row: &Row,
        kid: &str,
        who: &JwtSubject,
    ) -> Result<Result<QlikSession, QlikError>, Error> {
        let signer = self.signer_of(&row.portal_id, kid).await?;
        let at =
            At { host: &row.tenant_host, web_integration_id: &row.web_integration_id, origin: &row.origin };
        self.login_by(&signer, at, who).await
    }

    async fn login_by(
        &self,
        signer: &SigningIdentity,
        at: At<'_>,
        who: &JwtSubject,
    ) -> Result<Result<QlikSession, QlikError>, Error> {
        let token = signer.sign(who, self.now(), self.entropy())?;
        let login = JwtLogin {
            host: at.host,
            token,
            web_integration_id: Some(at.web_integration_id),
            origin: Some(at.origin),
        };
        Ok(self.qlik().login_jwt(login).await)
    }

    /// [`Services::login_at`] for a stored integration.
    pub(crate) async fn login(
        &self,
        row: &Row,
        who: &JwtSubject,
    ) -> Result<Result<QlikSession, QlikError>, Error> {
        self.login_at(&row.portal_id, &row.tenant_host, &row.web_integration_id, &row.origin, who).await
    }
}

/// A user who was looked up just before, in Qlik's own words: a login takes over what
/// the token says of name and e-mail, so it says what Qlik has. Where Qlik has no
/// e-mail, or does not show it, `email` is sent, for a token needs one.
pub(crate) fn as_qlik_has(user: &User, email: &str) -> JwtSubject {
    let theirs = user.email.as_deref().filter(|e| !e.is_empty());
    JwtSubject {
        sub: user.subject.clone(),
        name: user.name.clone(),
        email: theirs.unwrap_or(email).to_owned(),
        groups: Vec::new(),
    }
}

/// Somebody whom Qlik does not have, or whom nobody can look up: in the portal's words,
/// with the e-mail as subject. Only where an administrator chose that.
pub(crate) fn as_portal_has(name: &str, email: &str) -> JwtSubject {
    JwtSubject { sub: email.to_owned(), name: name.to_owned(), email: email.to_owned(), groups: Vec::new() }
}
