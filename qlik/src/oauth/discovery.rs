//! What an OAuth server says of itself:
//! <https://www.rfc-editor.org/rfc/rfc8414>, at Qlik under
//! <https://qlik.dev/apis/rest/.well-known/>.

use serde::Deserialize;

use crate::client::Qlik;
use crate::error::Error;
use crate::host::TenantHost;
use crate::lenient;
use crate::transport::Request;

const READ: &str = "GET /.well-known/oauth-authorization-server";

/// What a tenant's OAuth server says of itself. For showing and comparing: this
/// crate calls the documented paths of the tenant, not the addresses given here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OAuthServer {
    /// Who it says it is.
    #[serde(deserialize_with = "lenient::text")]
    pub issuer: Option<String>,
    /// Where browsers are sent.
    #[serde(deserialize_with = "lenient::text")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens are given.
    #[serde(deserialize_with = "lenient::text")]
    pub token_endpoint: Option<String>,
    /// Where tokens are revoked.
    #[serde(deserialize_with = "lenient::text")]
    pub revocation_endpoint: Option<String>,
    /// Its keys.
    #[serde(deserialize_with = "lenient::text")]
    pub jwks_uri: Option<String>,
    /// The grants it knows.
    #[serde(deserialize_with = "lenient::texts")]
    pub grant_types_supported: Vec<String>,
    /// The scopes it knows, where it lists them.
    #[serde(deserialize_with = "lenient::texts")]
    pub scopes_supported: Vec<String>,
    /// How challenges may be made.
    #[serde(deserialize_with = "lenient::texts")]
    pub code_challenge_methods_supported: Vec<String>,
}

impl Qlik {
    /// Asks a tenant about its OAuth server; nobody is named for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none, and
    /// what every call can give.
    pub async fn oauth_discovery(&self, host: &TenantHost) -> Result<OAuthServer, Error> {
        let request = Request::get(READ, "/.well-known/oauth-authorization-server");
        self.anonymous(host).call(request).await?.json()
    }
}
