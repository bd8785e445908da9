//! The transport: one HTTP client, one way to send, one way to fail.
//!
//! HTTPS only, redirects followed by hand and on the same tenant alone, bodies
//! read up to a limit, every failure told apart. This module must not know any
//! endpoint, nor what a credential is beyond the headers it turns into.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, header};
use zeroize::Zeroizing;

use crate::answer::{Answer, Body, retry_after};
use crate::client::QlikConfig;
use crate::credential::Credential;
use crate::env::Clock;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::limits::{Caller, Limits, Tier};
use crate::links::Aliases;
use crate::resolve::Resolver;
use crate::tls_fault;

/// So many redirects are followed for one call.
const MAX_REDIRECTS: usize = 5;
/// Shorter than the 60 seconds after which load balancers like Qlik's drop a
/// connection at rest, so that a change is seldom sent into a closed one.
const POOL_IDLE: std::time::Duration = std::time::Duration::from_secs(45);

/// One call, whichever credential it is sent with.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Name for errors and logs, with placeholders instead of values.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) tier: Tier,
    /// Begins with a slash, is percent-encoded, may have a query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// JSON.
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
    /// Whether a GET's redirects are followed.
    pub(crate) follow: bool,
}

impl Request {
    pub(crate) fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self {
            operation,
            method: Method::GET,
            tier: Tier::One,
            path: path.into(),
            headers: HeaderMap::new(),
            body: None,
            follow: true,
        }
    }

    pub(crate) fn change(operation: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self { method, tier: Tier::Two, ..Self::get(operation, path) }
    }

    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`] for a value that is not JSON.
    pub(crate) fn json(mut self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let json = serde_json::to_vec(body)
            .map_err(|_| Error::new(ErrorKind::BadRequest, self.operation).unsent())?;
        self.body = Some(Zeroizing::new(json));
        Ok(self)
    }
}

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

#[derive(Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    limits: Limits,
    pub(crate) aliases: Aliases,
    max_body: usize,
    clock: Arc<dyn Clock>,
}

impl Transport {
    pub(crate) fn new(config: QlikConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let has_table = !config.resolve.is_empty();
        #[expect(clippy::disallowed_methods, reason = "this is the one HTTP client")]
        let mut builder = reqwest::Client::builder()
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(config.user_agent)
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .dns_resolver(Arc::new(Resolver(config.resolve)));
        if has_table {
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
        let client = builder.build().map_err(ConfigError::Client)?;
        let limits = Limits::new(config.tier1_per_minute, config.tier2_per_minute, Arc::clone(&clock));
        Ok(Self { client, limits, aliases: Aliases::default(), max_body: config.max_body, clock })
    }

    /// Sends a call and follows its redirects.
    ///
    /// A GET is sent once more where the connection broke or Qlik said 502, 503
    /// or 504; nothing else is ever repeated here.
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
        let mut hops = 0;
        loop {
            let answer = self.send_retrying(host, credential, &request).await?;
            if !answer.status.is_redirection() || answer.status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let location = answer.headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
            let next = location.map(|l| self.aliases.on_tenant(host, &request.path, l));
            let refuse = |kind| Err(Error::new(kind, request.operation).with_status(answer.status));
            match next {
                Some(None) => return refuse(ErrorKind::RedirectLeavesTenant),
                Some(Some(_)) if request.method == Method::GET && !request.follow => return Ok(answer),
                Some(Some(path)) if request.method == Method::GET && hops < MAX_REDIRECTS => {
                    hops += 1;
                    request.path = path;
                }
                _ => return refuse(ErrorKind::of_status(answer.status)),
            }
        }
    }

    async fn send_retrying(
        &self,
        host: &TenantHost,
        credential: &Credential,
        request: &Request,
    ) -> Result<Answer, Error> {
        let first = self.send_once(host, credential, request).await;
        let worth_another = request.method == Method::GET
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
        let operation = request.operation;
        let caller = Caller { host: host.clone(), tier: request.tier, identity: credential.identity() };
        if let Err(wait) = self.limits.turn(&caller).await {
            tracing::debug!(operation, %host, wait_s = wait.as_secs(), "held back");
            return Err(Error::new(ErrorKind::RateLimited, operation).with_retry_after(Some(wait)).unsent());
        }
        let headers = self.headers(host, credential, request)?;
        let mut outgoing =
            self.client.request(request.method.clone(), host.url(&request.path)).headers(headers);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.to_vec());
        }
        let started = tokio::time::Instant::now();
        let response = outgoing.send().await.map_err(|e| {
            let error = classify(e, operation);
            tracing::debug!(operation, %host, kind = ?error.kind(), "no answer");
            error
        })?;
        let status = response.status();
        let headers = response.headers().clone();
        credential.absorb(host, &headers, path_of(&request.path), self.clock.now());
        let body = Body::read(response, self.max_body).await;
        tracing::debug!(operation, %host, status = status.as_u16(), ms = started.elapsed().as_millis(), "answered");
        let mut answer = Answer { operation, status, headers, body, retry_after: None };
        if status == StatusCode::TOO_MANY_REQUESTS {
            let asked = retry_after(&answer.headers, self.clock.now());
            answer.retry_after = Some(self.limits.hold(caller, asked));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.retry_after = retry_after(&answer.headers, self.clock.now());
        }
        Ok(answer)
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
            .apply(&mut headers, host, &request.method, path_of(&request.path), self.clock.now())
            .map_err(|e| Error::new(ErrorKind::BadRequest, request.operation).with_source(e).unsent())?;
        Ok(headers)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}

fn path_of(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// Tells apart why there is no answer.
fn classify(error: reqwest::Error, operation: &'static str) -> Error {
    // URLs have query strings, and those have e-mail addresses.
    let error = error.without_url();
    let kind = if error.is_dns() {
        ErrorKind::Dns
    } else if error.is_connect() {
        match tls_fault::in_chain(&error) {
            Some(fault) => {
                return Error::new(ErrorKind::Tls, operation).with_tls_fault(fault).with_source(error);
            }
            None => ErrorKind::Connect,
        }
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_builder() {
        return Error::new(ErrorKind::BadRequest, operation).with_source(error).unsent();
    } else {
        ErrorKind::ConnectionLost
    };
    Error::new(kind, operation).with_source(error)
}
