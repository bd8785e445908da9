//! A user's session at a tenant: the whole cookie jar and the CSRF token.
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
use crate::secret::{CookieHeader, CsrfToken};

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
    core: Arc<SessionCore>,
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
    csrf: Option<Zeroizing<String>>,
    cookies: Vec<StoredCookie>,
}

/// A stored session that can't be read, or is of a form that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored Qlik session can't be read")]
pub struct StoredSessionError;

impl QlikSession {
    pub(crate) fn new(user: User, opened_at: Timestamp, core: Arc<SessionCore>) -> Self {
        Self { user, opened_at, core }
    }

    pub(crate) fn core(&self) -> &Arc<SessionCore> {
        &self.core
    }

    /// The user that Qlik says this session belongs to.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// When the session was opened.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// The host that set the session's cookies.
    pub fn host(&self) -> TenantHost {
        self.core.live().jar.host().clone()
    }

    /// The web integration that the session was opened through.
    pub fn web_integration_id(&self) -> Option<&str> {
        self.core.web_integration_id.as_deref()
    }

    /// The token to send with changes, and with a websocket both as query
    /// parameter and header `qlik-csrf-token`.
    pub fn csrf(&self) -> Option<CsrfToken> {
        self.core.live().csrf.clone()
    }

    /// The `Cookie` header for a path of the session's own host, for calls that
    /// this crate does not make, such as a websocket.
    pub fn cookie_header(&self, path: &str, now: Timestamp) -> Option<CookieHeader> {
        self.core.live().jar.header(path, now)
    }

    /// The session as JSON, **secrets included**, so that a caller can seal and
    /// store it. Empty where it can't be written, which does not happen.
    pub fn expose_json(&self) -> Zeroizing<Vec<u8>> {
        let live = self.core.live();
        let stored = Stored {
            v: VERSION,
            host: live.jar.host().clone(),
            user: self.user.clone(),
            opened_at: self.opened_at,
            web_integration_id: self.core.web_integration_id.clone(),
            csrf: live.csrf.as_ref().map(|c| Zeroizing::new(c.expose().to_owned())),
            cookies: live.jar.stored().to_vec(),
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
        let csrf = stored.csrf.map(|c| CsrfToken::new(c.as_str()));
        let jar = Jar::from_stored(stored.host, stored.cookies);
        let core = SessionCore::new(stored.web_integration_id, jar, csrf);
        Ok(Self::new(stored.user, stored.opened_at, Arc::new(core)))
    }
}

impl SessionCore {
    pub(crate) fn new(web_integration_id: Option<String>, jar: Jar, csrf: Option<CsrfToken>) -> Self {
        Self { web_integration_id, live: Mutex::new(Live { jar, csrf }) }
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
            .field("secrets", &"***")
            .finish()
    }
}
