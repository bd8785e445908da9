//! Asking the web as a browser would: pages and forms, cookies kept by host.
//!
//! Each request is made on a connection of its own and once: nothing is repeated,
//! and no redirect is followed here. This module must not decide where to go.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use tokio::time::Instant;

use super::walk::Ask;
use super::{MAX_PAGE, OPERATION};
use crate::answer::{Answer, Body, retry_after};
use crate::cookies::Jar;
use crate::credential::sensitive;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::limits::{Caller, Tier};
use crate::transport::{Transport, classify};
use crate::turns::Lane;

/// Under which limits are kept for logins.
const IDENTITY: &str = "password login";
/// The cookie of a tenant's session, as browsers show it.
const SESSION: &str = "eas.sid";
/// A host that holds logins up is not asked again at once, whatever it names.
const SHORTEST_HOLD: Duration = Duration::from_secs(15);
const LONGEST_HOLD: Duration = Duration::from_mins(1);
const PAGES: &str = "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8";

/// The cookies of one login, and the time it has.
pub(super) struct Web<'a> {
    transport: &'a Transport,
    lane: Lane,
    jars: Vec<Jar>,
    pub(super) deadline: Instant,
}

impl<'a> Web<'a> {
    pub(super) fn new(transport: &'a Transport, lane: Lane) -> Self {
        let deadline = Instant::now() + transport.config().login_timeout;
        Self { transport, lane, jars: Vec::new(), deadline }
    }

    /// Waits until it is time for a login at a host, at most two seconds.
    ///
    /// # Errors
    ///
    /// How long to wait, where that is longer.
    pub(super) async fn turn(&self, host: &TenantHost) -> Result<(), Duration> {
        self.transport.limits().turn(&caller(host), &self.lane).await
    }

    /// Lets no login begin at a host, nor a password go there, for a time: the one
    /// that was asked for, a quarter of a minute at least and a minute at most. It is
    /// one account's word; who knows more of them holds logins up for longer.
    pub(super) fn hold(&self, host: &TenantHost, asked: Option<Duration>) {
        let asked = asked.map(|time| time.clamp(SHORTEST_HOLD, LONGEST_HOLD));
        self.transport.limits().hold(caller(host), asked);
    }

    /// Makes one request and reads its whole answer.
    ///
    /// # Errors
    ///
    /// [`Error`] where there is none, or not all of it. Any status is one, and so is
    /// a page that is too long.
    pub(super) async fn ask(&mut self, ask: &Ask, more: HeaderMap) -> Result<Answer, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(ErrorKind::Timeout, OPERATION).unsent());
        }
        let headers = self.headers(ask, more)?;
        let method = if ask.payload.is_some() { Method::POST } else { Method::GET };
        let mut request = self
            .transport
            .unpooled(OPERATION)?
            .request(method, ask.url.clone())
            .headers(headers)
            .timeout(left.min(self.transport.config().request_timeout));
        if let Some(payload) = &ask.payload {
            request = request.body(payload.bytes.clone());
        }
        let host = &ask.host;
        let response = request.send().await.map_err(|e| {
            let error = classify(e, OPERATION);
            tracing::debug!(operation = OPERATION, %host, kind = ?error.kind(), "no answer");
            error
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        tracing::debug!(operation = OPERATION, %host, status = status.as_u16(), "answered");
        let now = self.transport.clock().now();
        self.jar(host).absorb(&headers, ask.url.path(), now);
        let body = Body::read(response, MAX_PAGE).await;
        if let Body::Broken(fault) = body {
            let kind = if fault.is_timeout() { ErrorKind::Timeout } else { ErrorKind::BadBody };
            return Err(Error::new(kind, OPERATION).with_status(status).with_source(fault));
        }
        let asked = retry_after(&headers, now).or_else(|| reset_after(status, &headers, now));
        Ok(Answer { operation: OPERATION, status, headers, body, retry_after: asked })
    }

    fn headers(&mut self, ask: &Ask, mut headers: HeaderMap) -> Result<HeaderMap, Error> {
        let unfit = |e: header::InvalidHeaderValue| {
            Error::new(ErrorKind::BadRequest, OPERATION).with_source(e).unsent()
        };
        headers.insert(header::ACCEPT, HeaderValue::from_static(PAGES));
        if let Some(payload) = &ask.payload {
            headers
                .insert(header::CONTENT_TYPE, HeaderValue::from_str(&payload.content_type).map_err(unfit)?);
        }
        if let Some(origin) = &ask.origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).map_err(unfit)?);
        }
        let now = self.transport.clock().now();
        if let Some(cookies) = self.jar(&ask.host).header(ask.url.path(), now) {
            headers.insert(header::COOKIE, sensitive(cookies.expose()).map_err(unfit)?);
        }
        Ok(headers)
    }

    /// The cookies of one host, which no other host sees.
    fn jar(&mut self, host: &TenantHost) -> &mut Jar {
        let at = self.jars.iter().position(|jar| jar.host() == host).unwrap_or_else(|| {
            self.jars.push(Jar::new(host.clone()));
            self.jars.len() - 1
        });
        &mut self.jars[at]
    }

    /// Of the tenant's hosts that answered after the password, the latest last, the one
    /// that has the session: by its cookie's name, else the last that has any cookie.
    pub(super) fn home(&self, reached: &[TenantHost]) -> Option<TenantHost> {
        let now = self.transport.clock().now();
        let jar = |host: &TenantHost| self.jars.iter().find(|jar| jar.host() == host);
        let by_name = |host: &&TenantHost| jar(host).is_some_and(|jar| jar.value(SESSION, now).is_some());
        let by_any = |host: &&TenantHost| jar(host).is_some_and(|jar| !jar.is_empty());
        reached.iter().rev().find(by_name).or_else(|| reached.iter().rev().find(by_any)).cloned()
    }

    /// What a host has set in this login.
    pub(super) fn take_jar(&mut self, host: &TenantHost) -> Jar {
        std::mem::replace(self.jar(host), Jar::new(host.clone()))
    }
}

fn caller(host: &TenantHost) -> Caller {
    Caller { host: host.clone(), tier: Tier::Two, identity: IDENTITY.to_owned() }
}

/// When Auth0's limit is over, in seconds since 1970
/// (<https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>).
/// The header is there on every answer, and says when the limit is whole again: a time
/// to wait only where nothing of it is left.
fn reset_after(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let left = headers.get("x-ratelimit-remaining").and_then(|left| left.to_str().ok());
    if status != StatusCode::TOO_MANY_REQUESTS || left.is_some_and(|left| left.trim() != "0") {
        return None;
    }
    let at = headers.get("x-ratelimit-reset")?.to_str().ok()?.trim().parse().ok()?;
    let at = Timestamp::from_second(at).ok()?;
    Duration::try_from(at.duration_since(now)).ok()
}
