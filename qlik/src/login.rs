//! Opening a session with a signed token:
//! <https://qlik.dev/apis/rest/login> and
//! <https://qlik.dev/authenticate/jwt/implement-jwt-authorization/>.
//!
//! This module must not know who the user should be: the caller compares.

use std::sync::Arc;

use http::{HeaderValue, Method, header};
use jiff::Timestamp;

use crate::client::Qlik;
use crate::cookies::Jar;
use crate::credential::{Credential, WEB_INTEGRATION};
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::paging::{bad_request, encode};
use crate::secret::LoginToken;
use crate::session::{QlikSession, SessionCore};
use crate::transport::Request;

const LOGIN: &str = "POST /login/jwt-session";
const PATH: &str = "/login/jwt-session";

/// One login. The token is used up by it.
#[derive(Debug)]
pub struct JwtLogin<'a> {
    /// The tenant.
    pub host: &'a TenantHost,
    /// A token from [`SigningIdentity::sign`](crate::SigningIdentity::sign).
    pub token: LoginToken,
    /// The web integration to log in through. A server needs none; a wrong one
    /// shows itself here rather than in a user's browser.
    pub web_integration_id: Option<&'a str>,
    /// The origin of the page that the user is on, which the web integration
    /// must list.
    pub origin: Option<&'a str>,
}

impl Qlik {
    /// Exchanges a signed token for a session: cookies, then the CSRF token
    /// where Qlik gives one, then the user that the session belongs to.
    ///
    /// The token is sent once, and to another name of the tenant only where the first one
    /// took no call at all. Whether the user is the one
    /// that was meant is for the caller to check.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthorized`] for a token, origin or web integration that
    /// Qlik refuses, [`ErrorKind::BadRequest`] for missing claims or an
    /// ambiguous user (`LOGIN-12`), [`ErrorKind::Forbidden`] for a user who may
    /// not log in, and what every call can give.
    pub async fn login_jwt(&self, login: JwtLogin<'_>) -> Result<QlikSession, Error> {
        let mut request = Request::change(LOGIN, Method::POST, PATH);
        if let Some(id) = login.web_integration_id {
            let value = HeaderValue::from_str(id)
                .map_err(|_| bad_request(LOGIN, "this is not a web integration's id"))?;
            request.path = format!("{PATH}?{}", encode([(WEB_INTEGRATION, id)].into_iter()));
            request.headers.insert(WEB_INTEGRATION, value);
        }
        if let Some(origin) = login.origin {
            let value =
                HeaderValue::from_str(origin).map_err(|_| bad_request(LOGIN, "this is not an origin"))?;
            request.headers.insert(header::ORIGIN, value);
        }
        let tenant = self.tenant(login.host, Credential::Login(Arc::new(login.token)));
        let answer = tenant.call(request).await?.success()?;
        let opened_at = self.clock().now();
        // The tenant may have answered under another of its names.
        let host = self.transport.aliases.in_use(login.host);
        let mut jar = Jar::new(host.clone());
        jar.absorb(&answer.headers, PATH, opened_at);
        if jar.is_empty() {
            let error = Error::new(ErrorKind::BadBody, LOGIN).with_status(answer.status);
            return Err(error.with_title("the login set no cookies"));
        }
        self.open(&host, jar, login.web_integration_id, opened_at).await
    }

    /// Makes a session of the cookies that a login set: the CSRF token where Qlik
    /// gives one, then the user that the session belongs to.
    pub(crate) async fn open(
        &self,
        host: &TenantHost,
        jar: Jar,
        web_integration_id: Option<&str>,
        opened_at: Timestamp,
    ) -> Result<QlikSession, Error> {
        let core = Arc::new(SessionCore::new(web_integration_id.map(str::to_owned), jar, None));
        let session = Credential::Session { core: Arc::clone(&core), user: "login".to_owned() };
        let tenant = self.tenant(host, session);
        let csrf = match tenant.csrf_token().await {
            Ok(token) => token,
            // The session reads without one, the cookie carries the same value, and a change whose
            // token is refused asks again: what Qlik answers here is no reason to lose the session.
            Err(e) if e.status().is_some() && e.kind() != ErrorKind::RateLimited => None,
            Err(e) => return Err(e),
        };
        core.set_csrf(csrf.or_else(|| core.csrf_cookie(self.clock().now())));
        let user = tenant.user_me().await?;
        Ok(QlikSession::new(user, opened_at, core))
    }
}
