//! The calls: a way to sign in, and a login from its first request to its session.
//!
//! This module must not read an answer: `walk` does.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use tokio::time::timeout_at;
use url::Url;

use super::back::Back;
use super::error::TooManyOf;
use super::places::Places;
use super::walk::{Move, Walk};
use super::web::Web;
use super::{AccountPassword, OPERATION, PageShape, PasswordLogin, PasswordLoginError, SignIn, SignInWay};
use crate::client::Qlik;
use crate::credential::WEB_INTEGRATION;
use crate::email::same_email;
use crate::endpoints::users::User;
use crate::env::random_id;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::links::Moved;
use crate::paging::{bad_request, encode};
use crate::session::QlikSession;
use crate::transport::is_no_tenant;

impl Qlik {
    /// Finds out how a tenant signs people in, by following `GET /login` until it is
    /// clear. No login page is asked for, and nobody is named.
    ///
    /// ```no_run
    /// # async fn run(qlik: &qlik::Qlik) -> Result<(), Box<dyn std::error::Error>> {
    /// use qlik::{SignIn, SignInWay, TenantHost};
    ///
    /// let host: TenantHost = "acme.eu.qlikcloud.com".parse()?;
    /// let way = qlik.sign_in_way(SignIn {
    ///     host: &host,
    ///     permanent_host: None,
    ///     web_integration_id: Some("AbCdEf123"),
    ///     origin: Some("https://portal.example"),
    ///     return_to: "https://portal.example/",
    /// });
    /// match way.await? {
    ///     SignInWay::QlikAccount { host } => println!("Qlik accounts, at {host}"),
    ///     SignInWay::Corporate { host } => println!("a provider of the organisation, at {host}"),
    ///     SignInWay::Other { shape } => println!("something else: {shape}"),
    ///     _ => {}
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthorized`] where the tenant refuses the web integration, the
    /// origin or the return address (`LOGIN-10`, `LOGIN-8`), [`ErrorKind::RateLimited`],
    /// and what every call can give.
    pub async fn sign_in_way(&self, sign_in: SignIn<'_>) -> Result<SignInWay, Error> {
        let mut web = Web::new(&self.transport, self.lane.clone());
        let end = self.follow(&mut web, sign_in, "", None).await;
        match end {
            End::AtLogin(host) => Ok(SignInWay::QlikAccount { host: host.as_str().to_owned() }),
            End::Failed(PasswordLoginError::CorporateProvider { host }) => Ok(SignInWay::Corporate { host }),
            End::Failed(PasswordLoginError::UnexpectedPage { shape, .. }) => Ok(SignInWay::Other { shape }),
            End::Failed(PasswordLoginError::Transport { error, .. }) => Err(error),
            End::Failed(other) => {
                let wait = other.retry_after();
                Err(Error::new(ErrorKind::RateLimited, OPERATION).with_retry_after(wait))
            }
            End::Arrived { .. } => Err(Error::new(ErrorKind::NotQlik, OPERATION)),
        }
    }

    /// Signs a person in with their own Qlik account and gives the session that they
    /// would have in a browser. Read the module's promises at [`account`](super).
    ///
    /// The session may belong to the tenant's permanent host, where the login ended
    /// there: use it with [`QlikSession::host`].
    ///
    /// ```no_run
    /// # async fn run(qlik: &qlik::Qlik, host: &qlik::TenantHost) {
    /// use qlik::{AccountPassword, PasswordLogin};
    ///
    /// let password = AccountPassword::new("as the person typed it");
    /// let login = qlik.login_with_password(PasswordLogin {
    ///     host,
    ///     permanent_host: None,
    ///     email: "ada@acme.example",
    ///     password: &password,
    ///     web_integration_id: Some("AbCdEf123"),
    ///     origin: Some("https://portal.example"),
    ///     return_to: "https://portal.example/",
    /// });
    /// match login.await {
    ///     Ok(session) => println!("signed in as {}", session.user().name),
    ///     // It counts as a try: do not make another one with this password.
    ///     Err(e) if e.password_sent() => println!("refused: {e}"),
    ///     Err(e) => println!("not tried: {e}"),
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PasswordLoginError`], which says what was refused and whether the password
    /// was sent.
    pub async fn login_with_password(
        &self,
        login: PasswordLogin<'_>,
    ) -> Result<QlikSession, PasswordLoginError> {
        let email = login.email.trim();
        if email.is_empty() || login.password.expose().is_empty() {
            return Err(not_sent(bad_request(OPERATION, "e-mail and password are both needed")));
        }
        let sign_in = SignIn {
            host: login.host,
            permanent_host: login.permanent_host,
            web_integration_id: login.web_integration_id,
            origin: login.origin,
            return_to: login.return_to,
        };
        let mut web = Web::new(&self.transport, self.lane.clone());
        let end = self.follow(&mut web, sign_in, email, Some(login.password)).await;
        let outcome = match end {
            End::Arrived { hosts, shape } => {
                let back = Back { tenant: login.host, hosts: &hosts, shape };
                self.finish(&mut web, back, login.web_integration_id, email).await
            }
            End::Failed(error) => Err(error),
            // Only where there is no password.
            End::AtLogin(_) => Err(not_sent(Error::new(ErrorKind::NotQlik, OPERATION))),
        };
        if let Err(error) = &outcome {
            tracing::debug!(host = %login.host, sent = error.password_sent(), %error, "no session");
        }
        outcome
    }

    /// Goes from answer to answer until there is nothing more to ask.
    async fn follow(
        &self,
        web: &mut Web<'_>,
        sign_in: SignIn<'_>,
        email: &str,
        password: Option<&AccountPassword>,
    ) -> End {
        let aliases = &self.transport.aliases;
        if let Some(permanent) = sign_in.permanent_host {
            self.know_permanent(sign_in.host, permanent);
        }
        let mut used = aliases.in_use(sign_in.host);
        let mut moved = None;
        let (url, return_to, more) = match first(SignIn { host: &used, ..sign_in }) {
            Ok(first) => first,
            Err(error) => return End::Failed(not_sent(error)),
        };
        let places = Places {
            tenant: sign_in.host,
            permanent: sign_in.permanent_host,
            aliases,
            login_hosts: &self.transport.config().login_hosts,
            learned: None,
        };
        let boundary = random_id(&**self.entropy());
        let mut walk = Walk::new(places, email, password, return_to, boundary);
        let mut more = Some(more);
        let mut next = walk.start(url);
        loop {
            let ask = match next {
                Move::Ask(ask) => ask,
                Move::Arrived { hosts, shape } => return End::Arrived { hosts, shape },
                Move::AtLogin(host) => return End::AtLogin(host),
                Move::End(error) => return End::Failed(error),
            };
            let counts = more.is_some() || ask.holds_password;
            if counts && let Err(wait) = web.turn(&ask.host).await {
                let (host, retry_after) = (ask.host.as_str().to_owned(), Some(wait));
                let of = TooManyOf::Here;
                let error = PasswordLoginError::TooMany { of, host, retry_after, password_sent: false };
                return End::Failed(error);
            }
            let answer = match web.ask(&ask, more.take().unwrap_or_default()).await {
                Ok(answer) => answer,
                Err(error) => {
                    let password_sent =
                        if ask.holds_password { error.may_have_happened() } else { walk.sent };
                    let error = PasswordLoginError::Transport { error, password_sent };
                    return End::Failed(error);
                }
            };
            self.transport.settle(sign_in.host, &used, &mut moved, &answer);
            // Nothing was sent to a name that is gone, so the login begins at the other one.
            if !walk.sent
                && is_no_tenant(&answer)
                && let Some(other) = aliases.after_gone(sign_in.host, &used)
            {
                (used, moved) = (other, Some(Moved::Gone));
                let Ok((url, _, headers)) = first(SignIn { host: &used, ..sign_in }) else {
                    return End::Failed(not_sent(answer.error()));
                };
                more = Some(headers);
                next = walk.start(url);
                continue;
            }
            next = walk.next(&ask.url, &answer);
            if let Move::End(error) = &next
                && error.held_host().is_some()
            {
                web.hold(&ask.host, error.retry_after());
            }
        }
    }

    /// Makes a session of the tenant's cookies and sees whose it is. They may be there
    /// since before the password, so it is the user's own call that proves them.
    async fn finish(
        &self,
        web: &mut Web<'_>,
        back: Back<'_>,
        web_integration_id: Option<&str>,
        email: &str,
    ) -> Result<QlikSession, PasswordLoginError> {
        let Some(host) = &web.home(back.hosts) else { return Err(back.unexpected()) };
        let jar = web.take_jar(host);
        let opening = self.open(host, jar, web_integration_id, self.clock().now());
        let session = match timeout_at(web.deadline, opening).await {
            Ok(Ok(session)) => session,
            Ok(Err(error)) => return Err(back.refused(error)),
            Err(_) => return Err(back.refused(Error::new(ErrorKind::Timeout, OPERATION))),
        };
        if has_email(session.user(), email) {
            return Ok(session);
        }
        let (user_id, email_known) = (session.user().id.clone(), session.user().email.is_some());
        let tenant = self.with_session(host, Arc::new(session));
        if let Err(error) = tenant.logout().await {
            tracing::warn!(%host, %error, "the session of another user could not be closed at Qlik");
        }
        Err(PasswordLoginError::OtherUser { user_id, email_known })
    }
}

/// How following a login ended.
enum End {
    Arrived { hosts: Vec<TenantHost>, shape: Box<PageShape> },
    AtLogin(TenantHost),
    Failed(PasswordLoginError),
}

/// The first address, the one to return to, and what only the first request carries.
///
/// The web integration is documented as a header, and used in the query by Qlik's own
/// client (<https://www.npmjs.com/package/@qlik/api>); both are sent.
fn first(sign_in: SignIn<'_>) -> Result<(Url, Url, HeaderMap), Error> {
    let return_to = Url::parse(sign_in.return_to)
        .map_err(|_| bad_request(OPERATION, "the return address is not an address"))?;
    let mut pairs = vec![("returnto", sign_in.return_to)];
    let mut headers = HeaderMap::new();
    if let Some(id) = sign_in.web_integration_id {
        pairs.push((WEB_INTEGRATION, id));
        let value = HeaderValue::from_str(id)
            .map_err(|_| bad_request(OPERATION, "this is not a web integration's id"))?;
        headers.insert(WEB_INTEGRATION, value);
    }
    if let Some(origin) = sign_in.origin {
        let value =
            HeaderValue::from_str(origin).map_err(|_| bad_request(OPERATION, "this is not an origin"))?;
        headers.insert(header::ORIGIN, value);
    }
    let address = sign_in.host.url(&format!("/login?{}", encode(pairs.into_iter())));
    let url = Url::parse(&address).map_err(|_| bad_request(OPERATION, "the tenant's host is not one"))?;
    Ok((url, return_to, headers))
}

fn not_sent(error: Error) -> PasswordLoginError {
    PasswordLoginError::Transport { error, password_sent: false }
}

fn has_email(user: &User, email: &str) -> bool {
    user.email.as_deref().is_some_and(|theirs| same_email(theirs, email))
}
