//! Getting and revoking tokens: `POST /oauth/token` and `POST /oauth/revoke`
//! (<https://qlik.dev/apis/rest/oauth>).
//!
//! This module must not keep a token.

use http::{Method, StatusCode};
use serde::Serialize;

use super::error::OAuthError;
use super::pkce::Pkce;
use super::refusal::Grant;
use super::tokens::{
    AccessToken, AuthorizationCode, ClientSecret, OAuthClientId, RawTokens, RefreshToken, TokenSet,
};
use crate::client::Qlik;
use crate::credential::Credential;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::transport::Request;

const TOKEN: &str = "POST /oauth/token";
const REVOKE: &str = "POST /oauth/revoke";
/// <https://qlik.dev/authenticate/oauth/implement-oauth-impersonation/>.
const IMPERSONATION: &str = "urn:qlik:oauth:user-impersonation";

/// An OAuth client as it names itself.
#[derive(Debug, Clone, Copy)]
pub struct OAuthClient<'a> {
    /// Its id.
    pub id: &'a OAuthClientId,
    /// Its secret; none for a public client, which proves itself by PKCE alone.
    pub secret: Option<&'a ClientSecret>,
}

/// What is exchanged for the first tokens of a user who has connected.
#[derive(Debug, Clone, Copy)]
pub struct CodeExchange<'a> {
    /// What the browser brought back.
    pub code: &'a AuthorizationCode,
    /// The redirect address that the browser was sent with.
    pub redirect_uri: &'a str,
    /// The proof that the browser was sent with.
    pub pkce: Option<&'a Pkce>,
}

/// How a user is named for an impersonation. Qlik documents no third way; in
/// particular not by e-mail address
/// (<https://qlik.dev/authenticate/oauth/implement-oauth-impersonation/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserLookup<'a> {
    /// The id of the user at Qlik.
    UserId(&'a str),
    /// The subject under which identity providers know the user.
    Subject(&'a str),
}

/// A token to revoke.
#[derive(Debug, Clone, Copy)]
pub enum OAuthToken<'a> {
    /// An access token.
    Access(&'a AccessToken),
    /// A refresh token.
    Refresh(&'a RefreshToken),
}

#[derive(Serialize, Default)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_type: Option<&'static str>,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_verifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_lookup: Option<Lookup<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type_hint: Option<&'static str>,
}

#[derive(Serialize)]
struct Lookup<'a> {
    field: &'static str,
    value: &'a str,
}

impl<'a> Body<'a> {
    fn of(client: OAuthClient<'a>, grant_type: &'static str) -> Self {
        Self {
            grant_type: Some(grant_type),
            client_id: client.id.as_str(),
            client_secret: client.secret.map(ClientSecret::expose),
            ..Self::default()
        }
    }

    /// What must not come back in a text.
    fn secrets(&self) -> Vec<&'a str> {
        [self.client_secret, self.code, self.code_verifier, self.refresh_token, self.token]
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Qlik {
    /// Exchanges the code that a browser brought back for tokens. Sent once: where the
    /// outcome is not clear, the code is used up for all that is known.
    ///
    /// # Errors
    ///
    /// [`OAuthErrorKind::InvalidGrant`](super::OAuthErrorKind::InvalidGrant) for a code
    /// that is not valid or was used, and what the client's settings can give.
    pub async fn exchange_code(
        &self,
        host: &TenantHost,
        client: OAuthClient<'_>,
        exchange: CodeExchange<'_>,
    ) -> Result<TokenSet, OAuthError> {
        let body = Body {
            code: Some(exchange.code.expose()),
            redirect_uri: Some(exchange.redirect_uri),
            code_verifier: exchange.pkce.map(Pkce::expose),
            ..Body::of(client, "authorization_code")
        };
        self.grant(host, client, Grant::Code, &body).await
    }

    /// Exchanges a refresh token for new tokens. It is used up by that; the new set
    /// holds the next one. Sent once: where [`OAuthError::may_have_happened`], the
    /// token must not be sent again, because the server takes a second use for theft
    /// (<https://www.rfc-editor.org/rfc/rfc9700#section-4.14>).
    ///
    /// # Errors
    ///
    /// [`OAuthErrorKind::InvalidGrant`](super::OAuthErrorKind::InvalidGrant) for a
    /// token that is not valid or was used, and what the client's settings can give.
    pub async fn refresh(
        &self,
        host: &TenantHost,
        client: OAuthClient<'_>,
        token: &RefreshToken,
    ) -> Result<TokenSet, OAuthError> {
        let body = Body { refresh_token: Some(token.expose()), ..Body::of(client, "refresh_token") };
        self.grant(host, client, Grant::Refresh, &body).await
    }

    /// A token for the client itself, which acts as a user of its own with the rights
    /// of an administrator
    /// (<https://qlik.dev/authenticate/oauth/guiding-principles-oauth-impersonation/>).
    ///
    /// # Errors
    ///
    /// [`OAuthError`]: what the client's settings can give.
    pub async fn client_credentials(
        &self,
        host: &TenantHost,
        client: OAuthClient<'_>,
        scope: &str,
    ) -> Result<TokenSet, OAuthError> {
        let body =
            Body { scope: Some(scope).filter(|s| !s.is_empty()), ..Body::of(client, "client_credentials") };
        self.grant(host, client, Grant::Client, &body).await
    }

    /// A token for a user, who must exist: nobody is made or changed by it. Look the
    /// user up by e-mail address first, with an API key or a token of the client.
    ///
    /// # Errors
    ///
    /// [`OAuthErrorKind::UserUnknown`](super::OAuthErrorKind::UserUnknown),
    /// [`OAuthErrorKind::UserDisabled`](super::OAuthErrorKind::UserDisabled),
    /// [`OAuthErrorKind::TooManyTokens`](super::OAuthErrorKind::TooManyTokens), and what
    /// the client's settings can give.
    pub async fn impersonate(
        &self,
        host: &TenantHost,
        client: OAuthClient<'_>,
        user: UserLookup<'_>,
        scope: &str,
    ) -> Result<TokenSet, OAuthError> {
        let (field, value) = match user {
            UserLookup::UserId(value) => ("userId", value),
            UserLookup::Subject(value) => ("subject", value),
        };
        let body = Body {
            scope: Some(scope).filter(|s| !s.is_empty()),
            user_lookup: Some(Lookup { field, value }),
            ..Body::of(client, IMPERSONATION)
        };
        self.grant(host, client, Grant::User, &body).await
    }

    /// Revokes a token. One that is not known is no error, as the standard has it
    /// (<https://www.rfc-editor.org/rfc/rfc7009#section-2.2>).
    ///
    /// # Errors
    ///
    /// [`OAuthError`]: the token may still work.
    pub async fn revoke(
        &self,
        host: &TenantHost,
        client: OAuthClient<'_>,
        token: OAuthToken<'_>,
    ) -> Result<(), OAuthError> {
        let (token, hint) = match token {
            OAuthToken::Access(token) => (token.expose(), "access_token"),
            OAuthToken::Refresh(token) => (token.expose(), "refresh_token"),
        };
        let body = Body {
            grant_type: None,
            token: Some(token),
            token_type_hint: Some(hint),
            ..Body::of(client, "")
        };
        let mut request = Request::change(REVOKE, Method::POST, "/oauth/revoke").json(&body)?;
        request.repeatable = true;
        let answer = self.tenant(host, Credential::Client(client.id.clone())).call(request).await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(OAuthError::of(&answer, Grant::Revocation, &body.secrets()))
        }
    }

    async fn grant(
        &self,
        host: &TenantHost,
        client: OAuthClient<'_>,
        grant: Grant,
        body: &Body<'_>,
    ) -> Result<TokenSet, OAuthError> {
        let mut request = Request::change(TOKEN, Method::POST, "/oauth/token").json(body)?;
        // A second token of these does no harm; a code or refresh token is good once.
        request.repeatable = matches!(grant, Grant::Client | Grant::User);
        let answer = self.tenant(host, Credential::Client(client.id.clone())).call(request).await?;
        if !answer.status.is_success() {
            return Err(OAuthError::of(&answer, grant, &body.secrets()));
        }
        let status: StatusCode = answer.status;
        let tokens = answer.json::<RawTokens>()?.taken(self.clock().now());
        let none = || {
            let error = Error::new(ErrorKind::BadBody, TOKEN).with_status(status);
            OAuthError::from(error.with_title("the answer holds no access token"))
        };
        tokens.ok_or_else(none)
    }
}
