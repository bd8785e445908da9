//! OAuth clients of a tenant: <https://qlik.dev/apis/rest/oauth-clients>.
//!
//! For tenant administrators: to see whether a client is set up as it should be, and
//! to set one up.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Replace;
use crate::client::Tenant;
use crate::error::Error;
use crate::lenient;
use crate::oauth::{ClientSecret, OAuthClientId};
use crate::open_enum::open_enum;
use crate::paging::{PAGE, bad_request, segment};
use crate::transport::Request;
use crate::wiped::Wiped;

const LIST: &str = "GET /api/v1/oauth-clients";
const CREATE: &str = "POST /api/v1/oauth-clients";
const READ: &str = "GET /api/v1/oauth-clients/{id}";
const DELETE: &str = "DELETE /api/v1/oauth-clients/{id}";
const READ_CONSENT: &str = "GET /api/v1/oauth-clients/{id}/connection-configs/me";
const SET_CONSENT: &str = "PATCH /api/v1/oauth-clients/{id}/connection-configs/me";
const PATH: &str = "/api/v1/oauth-clients";

open_enum! {
    /// What kind of program a client is. It can't be changed.
    AppType {
        /// Runs on a server and keeps a secret.
        Web = "web",
        /// Runs on people's devices.
        Native = "native",
        /// Runs in a browser.
        Spa = "spa",
        /// Shows things to people who are not signed in.
        AnonymousEmbed = "anonymous-embed",
    }
}
open_enum! {
    /// What a client of type web may do beyond connecting users.
    GrantType {
        /// Act for itself.
        ClientCredentials = "client_credentials",
        /// Act for any user.
        Impersonation = "urn:qlik:oauth:user-impersonation",
    }
}
open_enum! {
    /// Who agrees to what a client does.
    ConsentMethod {
        /// Each user.
        Required = "required",
        /// The administrator, for everybody.
        Trusted = "trusted",
    }
}

/// An OAuth client, as far as its secret is not concerned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OAuthClientInfo {
    /// Its id.
    pub client_id: OAuthClientId,
    /// Its name.
    #[serde(default)]
    pub client_name: String,
    /// What it is for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// What kind of program it is.
    #[serde(default)]
    pub app_type: AppType,
    /// What it may do beyond connecting users.
    #[serde(default, deserialize_with = "lenient::list")]
    pub allowed_grant_types: Vec<GrantType>,
    /// What it may ask for.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub allowed_scopes: Vec<String>,
    /// Where browsers may come back.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub redirect_uris: Vec<String>,
    /// Where its pages may be.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub allowed_origins: Vec<String>,
    /// The end of each of its secrets.
    #[serde(default, deserialize_with = "lenient::list")]
    pub client_secrets: Vec<SecretHint>,
    /// Who agrees, where the list says it; else see [`Tenant::oauth_consent`].
    #[serde(default, deserialize_with = "lenient::object")]
    pub connection_config: Option<ConnectionConfig>,
    /// Set where it is disabled.
    #[serde(default, deserialize_with = "lenient::text")]
    pub disable_tag: Option<String>,
    /// When it was published, which lets other tenants use it.
    #[serde(default, deserialize_with = "lenient::timestamp")]
    pub published_at: Option<Timestamp>,
}

/// What shows which secret it is without being it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretHint {
    /// The hint.
    pub hint: String,
    /// When the secret was made.
    #[serde(default, deserialize_with = "lenient::timestamp")]
    pub created_at: Option<Timestamp>,
}

/// How a tenant is connected to a client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionConfig {
    /// Who agrees to what the client does.
    #[serde(default)]
    pub consent_method: ConsentMethod,
    /// In Qlik's words.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<String>,
}

/// An OAuth client to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOAuthClient {
    /// A name for administrators and for those who are asked to consent.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What kind of program it is.
    pub app_type: AppType,
    /// What it may do beyond connecting users; for clients of type web alone.
    pub grants: Vec<GrantType>,
    /// What it may ask for, such as `user_default`.
    pub scopes: Vec<String>,
    /// Where browsers may come back.
    pub redirect_uris: Vec<String>,
    /// Where its pages may be; for clients that run in a browser alone.
    pub origins: Vec<String>,
    /// Whether the administrator agrees for everybody. An impersonation needs it
    /// (<https://qlik.dev/authenticate/oauth/create/create-oauth-client-m2m-impersonation/>).
    pub trusted: bool,
}

/// An OAuth client that was made.
#[derive(Debug)]
pub struct CreatedOAuthClient {
    /// The client.
    pub client: OAuthClientInfo,
    /// Its secret, which can't be had again; none for public clients.
    pub secret: Option<ClientSecret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatedSecret {
    #[serde(default)]
    client_secret: Option<Wiped>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    app_type: &'a AppType,
    client_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_grant_types: &'a [GrantType],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_scopes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    redirect_uris: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_origins: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_config: Option<Consent>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Consent {
    consent_method: &'static str,
}

impl Tenant {
    /// All OAuth clients of the tenant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) without the role
    /// `TenantAdmin`, and what every call can give.
    pub async fn oauth_clients(&self) -> Result<Vec<OAuthClientInfo>, Error> {
        self.all_pages(LIST, PATH, &vec![("limit", PAGE.to_string())]).await
    }

    /// One OAuth client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), and as for
    /// [`Tenant::oauth_clients`].
    pub async fn oauth_client(&self, id: &OAuthClientId) -> Result<OAuthClientInfo, Error> {
        let path = format!("{PATH}/{}", segment(READ, id.as_str())?);
        self.call(Request::get(READ, path)).await?.json()
    }

    /// Who agrees to what a client does in this tenant.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::oauth_client`].
    pub async fn oauth_consent(&self, id: &OAuthClientId) -> Result<ConnectionConfig, Error> {
        let path = format!("{PATH}/{}/connection-configs/me", segment(READ_CONSENT, id.as_str())?);
        self.call(Request::get(READ_CONSENT, path)).await?.json()
    }

    /// Says who agrees to what a client does in this tenant.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::oauth_client`].
    pub async fn set_oauth_consent(&self, id: &OAuthClientId, method: &ConsentMethod) -> Result<(), Error> {
        let path = format!("{PATH}/{}/connection-configs/me", segment(SET_CONSENT, id.as_str())?);
        let body = [Replace::new("/consentMethod", method)];
        self.call(Request::change(SET_CONSENT, Method::PATCH, path).json(&body)?).await?.success()?;
        Ok(())
    }

    /// Makes an OAuth client. Its secret is in the answer and can't be had again; where
    /// [`Error::may_have_happened`], a client without a known secret may be left over.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::oauth_clients`].
    pub async fn create_oauth_client(&self, new: &NewOAuthClient) -> Result<CreatedOAuthClient, Error> {
        if new.name.trim().is_empty() {
            return Err(bad_request(CREATE, "an OAuth client needs a name"));
        }
        let body = CreateBody {
            app_type: &new.app_type,
            client_name: &new.name,
            description: new.description.as_deref(),
            allowed_grant_types: &new.grants,
            allowed_scopes: &new.scopes,
            redirect_uris: &new.redirect_uris,
            allowed_origins: &new.origins,
            connection_config: new.trusted.then_some(Consent { consent_method: "trusted" }),
        };
        let answer = self.call(Request::change(CREATE, Method::POST, PATH).json(&body)?).await?.success()?;
        let secret = serde_json::from_slice::<CreatedSecret>(answer.body.bytes()).ok();
        let secret = secret.and_then(|s| s.client_secret).filter(|s| !s.is_empty());
        let client = answer.json()?;
        Ok(CreatedOAuthClient { client, secret: secret.map(|s| ClientSecret::new(&*s)) })
    }

    /// Deletes an OAuth client.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::oauth_client`].
    pub async fn delete_oauth_client(&self, id: &OAuthClientId) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(DELETE, id.as_str())?);
        self.call(Request::change(DELETE, Method::DELETE, path)).await?.success()?;
        Ok(())
    }
}
