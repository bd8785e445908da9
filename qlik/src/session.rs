//! A user's session at a tenant: the whole cookie jar and the CSRF token, or a
//! bearer token.
//!
//! Which cookies matter is not documented, so all are kept
//! (<https://qlik.dev/authenticate/jwt/jwt-proxy/>). This module must not know
//! how a session was opened, nor where it is stored.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::InvalidHeaderValue;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cookies::{Jar, StoredCookie};
use crate::credential::{CSRF, WEB_INTEGRATION, sensitive};
use crate::endpoints::users::User;
use crate::host::TenantHost;
use crate::oauth::AccessToken;
use crate::secret::{CookieHeader, CsrfToken};
use crate::wiped::Wiped;

/// The form in which a session is kept; another number is another form.
const VERSION: u8 = 1;

/// What one user needs to call one tenant as themselves.
///
/// Cookies that later answers set are taken up, so share one session rather
/// than copies of it. The cookies are sent to the host that set them and to no
/// other, an alias of the same tenant included.
pub struct QlikSession {
    user: User,
    opened_at: Timestamp,
    means: Means,
}

/// What a session's requests are sent with.
pub(crate) enum Means {
    Cookies(Arc<SessionCore>),
    Bearer { host: TenantHost, token: Arc<AccessToken>, expires_at: Timestamp },
}

/// What is sent with a session's requests, whoever it belongs to.
pub(crate) struct SessionCore {
    web_integration_id: Option<String>,
    live: Mutex<Live>,
}

/// What changes while a session is used.
struct Live {
    jar: Jar,
    csrf: Option<CsrfToken>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u8,
    host: TenantHost,
    user: User,
    opened_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    web_integration_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    csrf: Option<Wiped>,
    #[serde(default)]
    cookies: Vec<StoredCookie>,
    /// Where there is one, there are no cookies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bearer: Option<StoredBearer>,
}

#[derive(Serialize, Deserialize)]
struct StoredBearer {
    token: Wiped,
    expires_at: Timestamp,
}

/// A stored session that can't be read, or is of a form that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored Qlik session can't be read")]
pub struct StoredSessionError;

impl QlikSession {
    pub(crate) fn new(user: User, opened_at: Timestamp, core: Arc<SessionCore>) -> Self {
        Self { user, opened_at, means: Means::Cookies(core) }
    }

    /// A session by an OAuth access token: whose it is was asked of `users/me`
    /// with it. It ends with the token.
    pub fn by_bearer(
        host: TenantHost,
        user: User,
        token: Arc<AccessToken>,
        opened_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self { user, opened_at, means: Means::Bearer { host, token, expires_at } }
    }

    pub(crate) fn means(&self) -> &Means {
        &self.means
    }

    fn cookies(&self) -> Option<&SessionCore> {
        match &self.means {
            Means::Cookies(core) => Some(core),
            Means::Bearer { .. } => None,
        }
    }

    /// The user that Qlik says this session belongs to.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// When the session was opened.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// When it ends whether it is used or not; none where only the tenant's limits
    /// for sessions end it.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match &self.means {
            Means::Cookies(_) => None,
            Means::Bearer { expires_at, .. } => Some(*expires_at),
        }
    }

    /// The token of a session by one, so that it can be revoked.
    pub fn bearer(&self) -> Option<&AccessToken> {
        match &self.means {
            Means::Cookies(_) => None,
            Means::Bearer { token, .. } => Some(token),
        }
    }

    /// The host that set the session's cookies, or gave its token.
    pub fn host(&self) -> TenantHost {
        match &self.means {
            Means::Cookies(core) => core.live().jar.host().clone(),
            Means::Bearer { host, .. } => host.clone(),
        }
    }

    /// The web integration that the session was opened through.
    pub fn web_integration_id(&self) -> Option<&str> {
        self.cookies()?.web_integration_id.as_deref()
    }

    /// The token to send with changes, and with a websocket both as query
    /// parameter and header `qlik-csrf-token`.
    pub fn csrf(&self) -> Option<CsrfToken> {
        self.cookies()?.live().csrf.clone()
    }

    /// The `Cookie` header for a path of the session's own host, for calls that
    /// this crate does not make, such as a websocket.
    pub fn cookie_header(&self, path: &str, now: Timestamp) -> Option<CookieHeader> {
        self.cookies()?.live().jar.header(path, now)
    }

    /// The session as JSON, **secrets included**, so that a caller can seal and
    /// store it. Empty where it can't be written, which does not happen.
    pub fn expose_json(&self) -> Zeroizing<Vec<u8>> {
        let bare = Stored {
            v: VERSION,
            host: self.host(),
            user: self.user.clone(),
            opened_at: self.opened_at,
            web_integration_id: None,
            csrf: None,
            cookies: Vec::new(),
            bearer: None,
        };
        let stored = match &self.means {
            Means::Cookies(core) => {
                let live = core.live();
                Stored {
                    web_integration_id: core.web_integration_id.clone(),
                    csrf: live.csrf.as_ref().map(|c| Wiped::new(c.expose())),
                    cookies: live.jar.stored().to_vec(),
                    ..bare
                }
            }
            Means::Bearer { token, expires_at, .. } => Stored {
                bearer: Some(StoredBearer { token: Wiped::new(token.expose()), expires_at: *expires_at }),
                ..bare
            },
        };
        Zeroizing::new(serde_json::to_vec(&stored).unwrap_or_default())
    }

    /// Reads what [`QlikSession::expose_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`StoredSessionError`], without the reason, which could quote a secret.
    pub fn from_json(json: &[u8]) -> Result<Self, StoredSessionError> {
        let stored: Stored = serde_json::from_slice(json).map_err(|_| StoredSessionError)?;
        if stored.v != VERSION {
            return Err(StoredSessionError);
        }
        if let Some(bearer) = stored.bearer {
            let token = Arc::new(AccessToken::new(&*bearer.token));
            let (opened_at, expires_at) = (stored.opened_at, bearer.expires_at);
            return Ok(Self::by_bearer(stored.host, stored.user, token, opened_at, expires_at));
        }
        let csrf = stored.csrf.map(|c| CsrfToken::new(&*c));
        let jar = Jar::from_stored(stored.host, stored.cookies);
        let core = SessionCore::new(stored.web_integration_id, jar, csrf);
        Ok(Self::new(stored.user, stored.opened_at, Arc::new(core)))
    }
}

impl SessionCore {
    pub(crate) fn new(web_integration_id: Option<String>, jar: Jar, csrf: Option<CsrfToken>) -> Self {
        Self { web_integration_id, live: Mutex::new(Live { jar, csrf }) }
    }

    /// The CSRF token and the web integration, for the host of the session alone.
    pub(crate) fn for_websocket(&self, host: &TenantHost) -> (Option<CsrfToken>, Option<&str>) {
        let live = self.live();
        if live.jar.host() != host {
            return (None, None);
        }
        (live.csrf.clone(), self.web_integration_id.as_deref())
    }

    pub(crate) fn set_csrf(&self, csrf: Option<CsrfToken>) {
        self.live().csrf = csrf;
    }

    /// The value of the `_csrfToken` cookie, which Qlik's own samples use where
    /// the endpoint gives none (<https://qlik.dev/authenticate/jwt/jwt-proxy/>).
    pub(crate) fn csrf_cookie(&self, now: Timestamp) -> Option<CsrfToken> {
        self.live().jar.value("_csrfToken", now).map(CsrfToken::new)
    }

    pub(crate) fn apply(
        &self,
        headers: &mut HeaderMap,
        host: &TenantHost,
        method: &Method,
        path: &str,
        now: Timestamp,
    ) -> Result<(), InvalidHeaderValue> {
        let live = self.live();
        if live.jar.host() != host {
            return Ok(());
        }
        if let Some(cookies) = live.jar.header(path, now) {
            headers.insert(header::COOKIE, sensitive(cookies.expose())?);
        }
        if let (Some(csrf), true) = (&live.csrf, method != Method::GET) {
            headers.insert(CSRF, sensitive(csrf.expose())?);
        }
        if let Some(id) = &self.web_integration_id {
            headers.insert(WEB_INTEGRATION, HeaderValue::from_str(id)?);
        }
        Ok(())
    }

    pub(crate) fn absorb(&self, host: &TenantHost, headers: &HeaderMap, path: &str, now: Timestamp) {
        let mut live = self.live();
        if live.jar.host() == host {
            live.jar.absorb(headers, path, now);
        }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for QlikSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QlikSession")
            .field("user", &self.user.id)
            .field("opened_at", &self.opened_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
