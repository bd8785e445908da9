//! The client, and a tenant as one credential sees it.
//!
//! [`Qlik`] is made once and shared; a [`Tenant`] is a cheap handle made per
//! use. The calls themselves are in `endpoints`. This module must not know any
//! endpoint but the one for CSRF tokens, which every session needs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::Answer;
use crate::credential::Credential;
use crate::env::{Clock, Entropy};
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::links::Moved;
use crate::oauth::AccessToken;
use crate::resolve::Resolve;
use crate::secret::ApiKeyToken;
use crate::session::{Means, QlikSession, SessionCore};
use crate::transport::{ConfigError, Request, Transport};
use crate::turns::Lane;

/// How the client behaves. [`Default`] is right for Qlik Cloud.
#[derive(Debug, Clone)]
pub struct QlikConfig {
    /// Hosts whose traffic goes to a fixed address. While it is not empty, the
    /// proxy of the environment (`HTTPS_PROXY`) is not used.
    pub resolve: Resolve,
    /// One or more certificate authorities in PEM form, trusted besides those
    /// of the platform.
    pub ca_pem: Option<Vec<u8>>,
    /// Longest time to make a connection; 5 seconds.
    pub connect_timeout: Duration,
    /// Longest time for one request and its whole answer; 15 seconds.
    pub request_timeout: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Reads a minute and tenant host; 900, below Qlik's 1000.
    pub tier1_per_minute: u32,
    /// Changes and logins a minute and tenant host; 90, below Qlik's 100.
    pub tier2_per_minute: u32,
    /// Largest body that is read, in bytes; 4 MiB.
    pub max_body: usize,
    /// Hosts, beside `login.qlik.com`, to which a person's password may go: exact
    /// ones, or `*.suffix` for any depth below it. Empty for Qlik Cloud; see
    /// [`Qlik::login_with_password`].
    pub login_hosts: Vec<String>,
    /// Longest time for a whole login with a password; 45 seconds.
    pub login_timeout: Duration,
}

impl Default for QlikConfig {
    fn default() -> Self {
        Self {
            resolve: Resolve::default(),
            ca_pem: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            user_agent: concat!("rust-qlik/", env!("CARGO_PKG_VERSION")).to_owned(),
            tier1_per_minute: 900,
            tier2_per_minute: 90,
            max_body: 4 * 1024 * 1024,
            login_hosts: Vec::new(),
            login_timeout: Duration::from_secs(45),
        }
    }
}

/// A client for any number of Qlik Cloud tenants. Clones share connections and
/// rate limits.
#[derive(Clone)]
pub struct Qlik {
    pub(crate) transport: Arc<Transport>,
    entropy: Arc<dyn Entropy>,
    pub(crate) lane: Lane,
}

impl Qlik {
    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for a certificate authority that can't be read, or where
    /// the platform's trust store can't be used.
    pub fn new(
        config: QlikConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ConfigError> {
        let transport = Arc::new(Transport::new(config, clock)?);
        Ok(Self { transport, entropy, lane: Lane::default() })
    }

    /// The same client, for calls that are made for somebody else: where calls are
    /// scarce, that says who has to wait. [`Lane::Upkeep`] unless said otherwise.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use qlik::{Lane, Qlik, QlikConfig, SystemClock, SystemEntropy};
    /// # fn main() -> Result<(), qlik::ConfigError> {
    /// let qlik = Qlik::new(QlikConfig::default(), Arc::new(SystemClock), Arc::new(SystemEntropy))?;
    /// let for_ada = qlik.in_lane(Lane::person("ada"));
    /// # drop(for_ada);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self { lane, ..self.clone() }
    }

    /// The tenant, without credentials: for [`Tenant::probe`].
    pub fn anonymous(&self, host: &TenantHost) -> Tenant {
        self.tenant(host, Credential::Anonymous)
    }

    /// The tenant as the owner of an API key sees it.
    pub fn with_key(&self, host: &TenantHost, key: Arc<ApiKeyToken>) -> Tenant {
        self.tenant(host, Credential::Key(key))
    }

    /// The tenant as the user of a session sees it. The session's cookies, or its
    /// token, are sent only where `host` is the host that the session was opened at.
    #[expect(clippy::needless_pass_by_value, reason = "handed over, as with a key")]
    pub fn with_session(&self, host: &TenantHost, session: Arc<QlikSession>) -> Tenant {
        let user = session.user().id.clone();
        let credential = match session.means() {
            Means::Cookies(core) => Credential::Session { core: Arc::clone(core), user },
            Means::Bearer { host: own, token, .. } if own == host => {
                Credential::Bearer { token: Arc::clone(token), user }
            }
            Means::Bearer { .. } => Credential::Anonymous,
        };
        self.tenant(host, credential)
    }

    /// The tenant as the user of an OAuth access token sees it. `user` is the user's
    /// id, or whatever else tells one user's tokens from another's: Qlik counts
    /// calls per user (<https://qlik.dev/apis/rest/rate-limiting/>).
    pub fn with_bearer(&self, host: &TenantHost, token: Arc<AccessToken>, user: &str) -> Tenant {
        self.tenant(host, Credential::Bearer { token, user: user.to_owned() })
    }

    pub(crate) fn tenant(&self, host: &TenantHost, credential: Credential) -> Tenant {
        let (transport, lane) = (Arc::clone(&self.transport), self.lane.clone());
        Tenant { transport, host: host.clone(), credential, lane }
    }

    /// Tells the permanent name of the tenant behind `host`, from an earlier
    /// [`TenantInfo::hostnames`](crate::TenantInfo::hostnames). Where Qlik no longer
    /// has a tenant under `host`, or the tenant redirects calls to that name, they are
    /// made there. Give it only what the tenant said of itself: credentials go there.
    pub fn know_permanent(&self, host: &TenantHost, permanent: &TenantHost) {
        if host != permanent {
            self.transport.aliases.know(host, permanent);
        }
    }

    /// Forgets the names that were learnt of the tenant behind `host`.
    pub fn forget_names(&self, host: &TenantHost) {
        self.transport.aliases.forget(host);
    }

    /// Sends calls for `host` to the tenant's other name from now on, as one that is
    /// gone.
    pub fn use_instead(&self, host: &TenantHost, other: &TenantHost) {
        if host != other {
            self.transport.aliases.use_instead(host, other, Moved::Gone);
        }
    }

    /// The names that were found gone since this was asked last, so that a caller can
    /// write that down. Each is told once.
    pub fn take_gone(&self) -> Vec<TenantHost> {
        self.transport.aliases.take_gone()
    }

    /// Gives back a name of [`Qlik::take_gone`] that could not be dealt with.
    pub fn put_back_gone(&self, host: TenantHost) {
        self.transport.aliases.put_back_gone(host);
    }

    /// Where calls for `host` go to another name of the tenant: which, and why.
    pub fn moved(&self, host: &TenantHost) -> Option<(TenantHost, Moved)> {
        self.transport.aliases.moved(host)
    }

    /// The clock that the client was made with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.transport.clock()
    }

    /// The source of randomness that the client was made with.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }
}

impl fmt::Debug for Qlik {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qlik").finish_non_exhaustive()
    }
}

/// One tenant, seen with one credential.
#[derive(Clone)]
pub struct Tenant {
    pub(crate) transport: Arc<Transport>,
    pub(crate) host: TenantHost,
    pub(crate) credential: Credential,
    pub(crate) lane: Lane,
}

impl Tenant {
    /// The host that calls are sent to.
    pub fn host(&self) -> &TenantHost {
        &self.host
    }

    /// Sends a call. Any status is an answer, except that a session whose CSRF
    /// token is refused gets a new one, once.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer, Error> {
        let Credential::Session { core, .. } = &self.credential else { return self.send(request).await };
        if request.method == http::Method::GET {
            return self.send(request).await;
        }
        let again = request.clone();
        let answer = self.send(request).await?;
        if !is_csrf_refusal(&answer) {
            return Ok(answer);
        }
        self.renew_csrf(core, &answer).await?;
        let answer = self.send(again).await?;
        if is_csrf_refusal(&answer) {
            return Err(answer.error().with_kind(ErrorKind::Csrf));
        }
        Ok(answer)
    }

    /// Gives the session a new CSRF token in place of the one that was refused.
    ///
    /// # Errors
    ///
    /// The refusal, where there is no new one to be had: nothing was changed.
    pub(crate) async fn renew_csrf(&self, core: &SessionCore, refusal: &Answer) -> Result<(), Error> {
        let Ok(fresh) = self.csrf_token().await else {
            return Err(refusal.error().with_kind(ErrorKind::Csrf));
        };
        core.set_csrf(fresh.or_else(|| core.csrf_cookie(self.transport.clock().now())));
        Ok(())
    }

    async fn send(&self, mut request: Request) -> Result<Answer, Error> {
        request.lane = self.lane.clone();
        self.transport.send(&self.host, &self.credential, request).await
    }
}

/// Qlik's own client asks for a new token on this code
/// (<https://www.npmjs.com/package/@qlik/api>).
pub(crate) fn is_csrf_refusal(answer: &Answer) -> bool {
    answer.status == http::StatusCode::FORBIDDEN && answer.code().as_deref() == Some("CSRF-TOKEN-2")
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("host", &self.host)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}
