//! The transport: one HTTP client, one way to send, one way to fail.
//!
//! HTTPS only, redirects followed by hand and on the same tenant alone, bodies
//! read up to a limit, every failure told apart. This module must not know any
//! endpoint, nor what a credential is beyond the headers it turns into.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::Instant;

use crate::answer::{Answer, Body, retry_after};
use crate::client::QlikConfig;
use crate::credential::Credential;
use crate::env::Clock;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::limits::{Caller, Limits};
use crate::links::{Aliases, Moved};
pub(crate) use crate::request::{Follow, Request};
use crate::resolve::Resolver;
use crate::tls_fault::{self, TlsFault};

/// So many redirects are followed for one call.
const MAX_REDIRECTS: usize = 5;
/// Shorter than the 60 seconds after which load balancers like Qlik's drop a
/// connection at rest, so that a change is seldom sent into a closed one.
const POOL_IDLE: Duration = Duration::from_secs(45);

/// Why the client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The certificate authority is not PEM, or holds no certificate.
    #[error("the certificate authority's file holds no certificate in PEM form")]
    Ca(#[source] Option<reqwest::Error>),
    /// The HTTP client refuses the configuration.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

/// What became of a request for a websocket.
pub(crate) enum Upgrade {
    /// The connection is no longer HTTP.
    Open {
        /// Of the answer that says so.
        headers: HeaderMap,
        io: reqwest::Upgraded,
        /// When the request's time is over, all that follows included.
        deadline: Instant,
    },
    /// Any other answer.
    Refused(Answer),
}

/// An answer of which the body has not been read.
struct Head {
    caller: Caller,
    response: reqwest::Response,
    started: Instant,
}

#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    /// Made when it is first needed: reading the platform's authorities takes time.
    unpooled: OnceLock<reqwest::Client>,
    limits: Limits,
    pub(crate) aliases: Aliases,
    config: QlikConfig,
    clock: Arc<dyn Clock>,
}

impl Transport {
    pub(crate) fn new(config: QlikConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let client = Self::builder(&config)?.build().map_err(ConfigError::Client)?;
        let limits = Limits::new(config.tier1_per_minute, config.tier2_per_minute, Arc::clone(&clock));
        let aliases = Aliases::default();
        Ok(Self { client, unpooled: OnceLock::new(), limits, aliases, config, clock })
    }

    /// Speaks HTTP/1.1 alone, out of which a websocket is made, each request on a
    /// connection of its own, and is in all else the same, so that nothing is
    /// checked less strictly on that way.
    pub(crate) fn unpooled(&self, operation: &'static str) -> Result<&reqwest::Client, Error> {
        if let Some(client) = self.unpooled.get() {
            return Ok(client);
        }
        let made = Self::builder(&self.config).and_then(|builder| {
            builder.http1_only().pool_max_idle_per_host(0).build().map_err(ConfigError::Client)
        });
        let made = made.map_err(|e| Error::new(ErrorKind::Connect, operation).with_source(e).unsent())?;
        Ok(self.unpooled.get_or_init(|| made))
    }

    /// The only way in which a client is made here.
    fn builder(config: &QlikConfig) -> Result<reqwest::ClientBuilder, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one HTTP client")]
        let mut builder = reqwest::Client::builder()
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(config.user_agent.as_str())
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .dns_resolver(Arc::new(Resolver(config.resolve.clone())));
        if !config.resolve.is_empty() {
            // A proxy would resolve the names itself and never see the table.
            builder = builder.no_proxy();
        }
        if let Some(pem) = &config.ca_pem {
            let certs = reqwest::Certificate::from_pem_bundle(pem).map_err(|e| ConfigError::Ca(Some(e)))?;
            if certs.is_empty() {
                return Err(ConfigError::Ca(None));
            }
            builder = builder.tls_certs_merge(certs);
        }
        Ok(builder)
    }

    /// Sends a call and follows its redirects as it says.
    ///
    /// A GET, and what else is marked as repeatable, is sent once more where the
    /// connection broke or Qlik said 502, 503 or 504; nothing else is ever repeated
    /// here.
    ///
    /// Where Qlik no longer has a tenant under `host`, or the tenant redirects the call
    /// to another of its names, it is made there, and so are all that follow.
    ///
    /// # Errors
    ///
    /// [`Error`] where there is no answer, or one that leaves the tenant. Any
    /// status, 429 included, is an answer.
    pub(crate) async fn send(
        &self,
        host: &TenantHost,
        credential: &Credential,
        mut request: Request,
    ) -> Result<Answer, Error> {
        let (mut hops, mut moved) = (0, None);
        let mut used = self.aliases.in_use(host);
        loop {
            let answer = self.send_retrying(&used, credential, &request).await?;
            hops += 1;
            self.settle(host, &used, &mut moved, &answer);
            if hops <= MAX_REDIRECTS
                && let Some((other, why)) = self.other_name(host, &used, &request, &answer)
            {
                (used, moved) = (other, Some(why));
                continue;
            }
            if !is_redirect(&answer) {
                return Ok(answer);
            }
            let is_get = request.method == Method::GET;
            if is_get && request.follow == Follow::HandBack {
                return Ok(answer);
            }
            let refuse = |kind| Error::new(kind, request.operation).with_status(answer.status);
            match location(&answer).map(|to| self.aliases.place(host, &used, &request.path, to)) {
                Some(Err(elsewhere)) => {
                    return Err(refuse(ErrorKind::RedirectLeavesTenant).with_leads_to(Some(&elsewhere)));
                }
                Some(Ok(_)) if is_get && request.follow == Follow::Stop => return Ok(answer),
                // Another path, at whichever of its names: a session's cookies are for this one.
                Some(Ok((_, path))) if is_get && hops <= MAX_REDIRECTS => request.path = path,
                _ => return Err(refuse(ErrorKind::of_status(answer.status))),
            }
        }
    }

    /// Sends all calls for `host` to the name `used` from now on, where the tenant has
    /// answered under it after it `moved` there.
    pub(crate) fn settle(
        &self,
        host: &TenantHost,
        used: &TenantHost,
        moved: &mut Option<Moved>,
        answer: &Answer,
    ) {
        // An outage in which Qlik knows no name at all moves nobody.
        if !is_no_tenant(answer)
            && let Some(why) = moved.take()
        {
            tracing::warn!(%host, %used, ?why, "calls go to another name of the tenant from now on");
            self.aliases.use_instead(host, used, why);
        }
    }

    /// Another name of the tenant behind `host`, where the answer that `used` gave says
    /// that this very call is to be made there: nothing was done with it.
    pub(crate) fn other_name(
        &self,
        host: &TenantHost,
        used: &TenantHost,
        request: &Request,
        answer: &Answer,
    ) -> Option<(TenantHost, Moved)> {
        if is_no_tenant(answer) {
            return self.aliases.after_gone(host, used).map(|other| (other, Moved::Gone));
        }
        // What is no GET is made again only where the status says that it may
        // (https://www.rfc-editor.org/rfc/rfc9110#section-15.4).
        let keeps_method = matches!(answer.status.as_u16(), 307 | 308) || request.method == Method::GET;
        if !is_redirect(answer) || !keeps_method || request.follow == Follow::HandBack {
            return None;
        }
        let (there, path) = self.aliases.place(host, used, &request.path, location(answer)?).ok()?;
        if there == *used || path != request.path {
            return None;
        }
        Some((there, Moved::Redirected))
    }

    async fn send_retrying(
        &self,
        host: &TenantHost,
        credential: &Credential,
        request: &Request,
    ) -> Result<Answer, Error> {
        let first = self.send_once(host, credential, request).await;
        let worth_another = request.repeatable
            && match &first {
                // Not where Qlik says when: that is for the caller to wait.
                Ok(answer) => matches!(answer.status.as_u16(), 502..=504) && answer.retry_after.is_none(),
                Err(error) => error.kind() == ErrorKind::ConnectionLost,
            };
        if worth_another { self.send_once(host, credential, request).await } else { first }
    }

    async fn send_once(
        &self,
        host: &TenantHost,
        credential: &Credential,
        request: &Request,
    ) -> Result<Answer, Error> {
        let head = self.exchange(&self.client, host, credential, request).await?;
        Ok(self.read(head, request.operation).await)
    }

    /// Asks for a websocket, once: no redirect is followed and nothing repeated.
    ///
    /// # Errors
    ///
    /// [`Error`] where there is no answer. Any status is one.
    pub(crate) async fn upgrade(
        &self,
        host: &TenantHost,
        credential: &Credential,
        request: &Request,
    ) -> Result<Upgrade, Error> {
        let head = self.exchange(self.unpooled(request.operation)?, host, credential, request).await?;
        if head.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Upgrade::Refused(self.read(head, request.operation).await));
        }
        let headers = head.response.headers().clone();
        let io = head.response.upgrade().await.map_err(|e| classify(e, request.operation))?;
        Ok(Upgrade::Open { headers, io, deadline: head.started + self.config.request_timeout })
    }

    /// One request, when it is the caller's turn, and the head of its answer.
    async fn exchange(
        &self,
        client: &reqwest::Client,
        host: &TenantHost,
        credential: &Credential,
        request: &Request,
    ) -> Result<Head, Error> {
        let operation = request.operation;
        let caller = Caller { host: host.clone(), tier: request.tier, identity: credential.identity() };
        if let Err(wait) = self.limits.turn(&caller, &request.lane).await {
            tracing::debug!(operation, %host, wait_s = wait.as_secs(), "held back");
            return Err(Error::new(ErrorKind::RateLimited, operation).with_retry_after(Some(wait)).unsent());
        }
        let headers = self.headers(host, credential, request)?;
        let mut outgoing = client.request(request.method.clone(), host.url(&request.path)).headers(headers);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.clone());
        }
        let started = Instant::now();
        let response = outgoing.send().await.map_err(|e| {
            let error = classify(e, operation);
            tracing::debug!(operation, %host, kind = ?error.kind(), "no answer");
            error
        })?;
        credential.absorb(host, response.headers(), request.path_only(), self.clock.now());
        let status = response.status().as_u16();
        tracing::debug!(operation, %host, status, ms = started.elapsed().as_millis(), "answered");
        Ok(Head { caller, response, started })
    }

    /// The whole answer, and a hold on the caller where it asks for one.
    async fn read(&self, head: Head, operation: &'static str) -> Answer {
        let Head { caller, response, .. } = head;
        let status = response.status();
        let headers = response.headers().clone();
        let body = Body::read(response, self.config.max_body).await;
        let mut answer = Answer { operation, status, headers, body, retry_after: None };
        if status == StatusCode::TOO_MANY_REQUESTS {
            let asked = retry_after(&answer.headers, self.clock.now());
            answer.retry_after = Some(self.limits.hold(caller, asked));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.retry_after = retry_after(&answer.headers, self.clock.now());
        }
        answer
    }

    fn headers(
        &self,
        host: &TenantHost,
        credential: &Credential,
        request: &Request,
    ) -> Result<HeaderMap, Error> {
        let mut headers = request.headers.clone();
        headers.insert(header::ACCEPT, http::HeaderValue::from_static("application/json"));
        if request.body.is_some() {
            headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        }
        credential
            .apply(&mut headers, host, &request.method, request.path_only(), self.clock.now())
            .map_err(|e| Error::new(ErrorKind::BadRequest, request.operation).with_source(e).unsent())?;
        Ok(headers)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn config(&self) -> &QlikConfig {
        &self.config
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn max_body(&self) -> usize {
        self.config.max_body
    }
}

/// "No authentication configured for this hostname"
/// (<https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940>).
const NO_TENANT: &str = "LOGIN-2";

/// Qlik has no tenant under the name that was asked.
pub(crate) fn is_no_tenant(answer: &Answer) -> bool {
    answer.status.is_client_error() && answer.code().as_deref() == Some(NO_TENANT)
}

fn is_redirect(answer: &Answer) -> bool {
    answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED
}

/// Where a redirect leads.
pub(crate) fn location(answer: &Answer) -> Option<&str> {
    answer.headers.get(header::LOCATION).and_then(|v| v.to_str().ok())
}

/// Tells apart why there is no answer.
pub(crate) fn classify(error: reqwest::Error, operation: &'static str) -> Error {
    // URLs have query strings, and those have e-mail addresses.
    let error = error.without_url();
    if let Some(tls) = tls_fault::in_chain(&error).filter(|_| error.is_connect()) {
        return Error::new(ErrorKind::Tls, operation).with_tls_fault(TlsFault::of(tls)).with_source(error);
    }
    let kind = if error.is_dns() {
        ErrorKind::Dns
    } else if error.is_connect() {
        ErrorKind::Connect
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_builder() {
        return Error::new(ErrorKind::BadRequest, operation).with_source(error).unsent();
    } else {
        ErrorKind::ConnectionLost
    };
    Error::new(kind, operation).with_source(error)
}
