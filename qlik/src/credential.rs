//! What a request is sent with.
//!
//! Turns a credential into headers and takes up what an answer sets. This
//! module must not know any endpoint, nor how a credential was got.

use std::fmt;
use std::sync::Arc;

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::host::TenantHost;
use crate::oauth::{AccessToken, OAuthClientId};
use crate::secret::{ApiKeyToken, LoginToken};
use crate::session::SessionCore;

/// The header, and query parameter, that names a web integration.
pub(crate) const WEB_INTEGRATION: &str = "qlik-web-integration-id";
/// The header of a session's CSRF token, in both directions.
pub(crate) const CSRF: &str = "qlik-csrf-token";

#[derive(Clone)]
pub(crate) enum Credential {
    Anonymous,
    Key(Arc<ApiKeyToken>),
    Session {
        core: Arc<SessionCore>,
        /// Whose it is, as far as known.
        user: String,
    },
    /// For the one call that exchanges it.
    Login(Arc<LoginToken>),
    Bearer {
        token: Arc<AccessToken>,
        /// Whose it is.
        user: String,
    },
    /// An OAuth client that names itself in the body.
    Client(OAuthClientId),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Key(_) => "Key(***)",
            Self::Session { .. } => "Session(***)",
            Self::Login(_) => "Login(***)",
            Self::Bearer { .. } => "Bearer(***)",
            Self::Client(_) => "Client",
        })
    }
}

impl Credential {
    /// Tells credentials apart for rate limits, which Qlik counts per user.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::Key(key) => format!("key {}", key.fingerprint()),
            Self::Session { user, .. } | Self::Bearer { user, .. } => format!("user {user}"),
            Self::Client(id) => format!("client {id}"),
            Self::Login(_) => "login".to_owned(),
        }
    }

    /// Adds the headers that authenticate a request for `path`.
    pub(crate) fn apply(
        &self,
        headers: &mut HeaderMap,
        host: &TenantHost,
        method: &Method,
        path: &str,
        now: Timestamp,
    ) -> Result<(), InvalidHeaderValue> {
        match self {
            Self::Anonymous | Self::Client(_) => {}
            Self::Bearer { token, .. } => {
                headers.insert(header::AUTHORIZATION, bearer(token.expose())?);
            }
            Self::Key(key) => {
                headers.insert(header::AUTHORIZATION, bearer(key.expose())?);
            }
            Self::Login(token) => {
                headers.insert(header::AUTHORIZATION, bearer(token.expose())?);
            }
            Self::Session { core, .. } => core.apply(headers, host, method, path, now)?,
        }
        Ok(())
    }

    /// Takes up the cookies that an answer sets.
    pub(crate) fn absorb(&self, host: &TenantHost, headers: &HeaderMap, path: &str, now: Timestamp) {
        if let Self::Session { core, .. } = self {
            core.absorb(host, headers, path, now);
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    sensitive(&Zeroizing::new(format!("Bearer {token}")))
}

/// A header value that HTTP/2 does not put into its compression table and that
/// no one prints.
pub(crate) fn sensitive(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}
