//! What can go wrong between here and Qlik, told apart.
//!
//! An [`Error`] holds what a person or a retry rule needs: the kind, Qlik's own
//! code and trace id, and whether a change may have happened all the same. It
//! holds no secrets, no bodies and no query strings. This module must not know
//! any endpoint.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

pub use crate::error_kind::ErrorKind;
use crate::secret::{JWT, without_tokens};
use crate::tls_fault::TlsFault;

/// Longest text kept from an answer's error, in characters.
const MAX_TEXT: usize = 300;

/// A call to Qlik that did not give what was asked for.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

#[derive(thiserror::Error)]
struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    status: Option<StatusCode>,
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    trace_id: Option<String>,
    retry_after: Option<Duration>,
    tls_fault: Option<TlsFault>,
    close_code: Option<u16>,
    answered_by: Option<String>,
    leads_to: Option<String>,
    /// Set where the request never left, whatever the kind says.
    unsent: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            status: None,
            code: None,
            title: None,
            detail: None,
            trace_id: None,
            retry_after: None,
            tls_fault: None,
            close_code: None,
            answered_by: None,
            leads_to: None,
            unsent: false,
            source: None,
        }))
    }

    /// An error as a call gives it, for tests of what is built on this crate.
    #[cfg(feature = "testing")]
    pub fn made_up(kind: ErrorKind, operation: &'static str, retry_after: Option<Duration>) -> Self {
        Self::new(kind, operation).with_retry_after(retry_after)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn with_tls_fault(mut self, fault: Option<TlsFault>) -> Self {
        self.0.tls_fault = fault;
        self
    }

    pub(crate) fn with_close_code(mut self, code: u16) -> Self {
        self.0.close_code = Some(code);
        self
    }

    pub(crate) fn with_answered_by(mut self, by: Option<String>) -> Self {
        self.0.answered_by = by.map(|by| clean(&by));
        self
    }

    pub(crate) fn with_leads_to(mut self, host: Option<&str>) -> Self {
        self.0.leads_to = host.map(clean);
        self
    }

    pub(crate) fn with_envelope(mut self, envelope: Envelope) -> Self {
        let cleaned = |text: Option<String>| text.map(|t| clean(&t));
        self.0.code = cleaned(envelope.code);
        self.0.title = cleaned(envelope.title);
        self.0.detail = cleaned(envelope.detail);
        self.0.trace_id = cleaned(envelope.trace_id);
        self
    }

    pub(crate) fn with_title(mut self, title: &str) -> Self {
        self.0.title = Some(clean(title));
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Marks a request that never left this process.
    pub(crate) fn unsent(mut self) -> Self {
        self.0.unsent = true;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The call, with placeholders instead of ids: `GET /api/v1/api-keys/{id}`.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status()
    }

    /// Qlik's own code, such as `CSRF-TOKEN-2`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Qlik's one-line description. Shortened and without control characters,
    /// but otherwise Qlik's text.
    pub fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// Qlik's longer description, under the same rules as [`Error::title`].
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// The id under which Qlik's support finds the call.
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// How long to wait before the same call may be made again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// For [`ErrorKind::Tls`]: what is wrong with the server's certificate, as far
    /// as that is what is wrong.
    pub fn tls_fault(&self) -> Option<TlsFault> {
        self.0.tls_fault
    }

    /// The code that a websocket was closed with, such as 4204.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code
    }

    /// What an answer that is not Qlik's says of who wrote it, such as `awselb/2.0`:
    /// its `Server` or `Via` header.
    pub fn answered_by(&self) -> Option<&str> {
        self.0.answered_by.as_deref()
    }

    /// For [`ErrorKind::RedirectLeavesTenant`] and [`ErrorKind::LinkLeavesTenant`]:
    /// the host that was named instead.
    pub fn leads_to(&self) -> Option<&str> {
        self.0.leads_to.as_deref()
    }

    /// True where the same call may well succeed later with nothing changed.
    pub fn is_transient(&self) -> bool {
        match self.0.kind {
            ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::ConnectionLost
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Intercepted
            | ErrorKind::BadBody => true,
            ErrorKind::UnexpectedStatus(status) => status == 408 || status == 425,
            ErrorKind::Tls
            | ErrorKind::NotQlik
            | ErrorKind::NoTenant
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::BadRequest
            | ErrorKind::RedirectLeavesTenant
            | ErrorKind::LinkLeavesTenant
            | ErrorKind::Signing
            | ErrorKind::Csrf => false,
        }
    }

    /// For a call that changes something: false only where it is certain that
    /// Qlik did not do it.
    pub fn may_have_happened(&self) -> bool {
        if self.0.unsent {
            return false;
        }
        match self.0.kind {
            ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Tls
            | ErrorKind::NoTenant
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::BadRequest
            | ErrorKind::RateLimited
            | ErrorKind::Signing
            | ErrorKind::Csrf => false,
            ErrorKind::UnexpectedStatus(status) => !(400..500).contains(&status),
            ErrorKind::Timeout
            | ErrorKind::ConnectionLost
            | ErrorKind::NotQlik
            | ErrorKind::Intercepted
            | ErrorKind::Unavailable
            | ErrorKind::BadBody
            | ErrorKind::RedirectLeavesTenant
            | ErrorKind::LinkLeavesTenant => true,
        }
    }
}

/// Title and detail are left out: they are Qlik's text about somebody's data.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("operation", &self.operation)
            .field("status", &self.status())
            .field("code", &self.code)
            .field("trace_id", &self.trace_id)
            .field("retry_after", &self.retry_after)
            .field("tls_fault", &self.tls_fault)
            .field("close_code", &self.close_code)
            .field("answered_by", &self.answered_by)
            .field("leads_to", &self.leads_to)
            .field("unsent", &self.unsent)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn status(&self) -> Option<u16> {
        self.status.map(|s| s.as_u16())
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.kind.words())?;
        if let Some(status) = self.status() {
            write!(f, ", status {status}")?;
        }
        if let Some(code) = self.close_code {
            write!(f, ", closed with {code}")?;
        }
        if let Some(by) = &self.answered_by {
            write!(f, ", by {by}")?;
        }
        if let Some(host) = &self.leads_to {
            write!(f, ", to {host}")?;
        }
        if let Some(fault) = self.tls_fault {
            write!(f, ", {}", fault.words())?;
        }
        if let Some(code) = &self.code {
            write!(f, ", code {code}")?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, ", try again in {} s", wait.as_secs().max(1))?;
        }
        if let Some(trace) = &self.trace_id {
            write!(f, ", trace {trace}")?;
        }
        Ok(())
    }
}

/// What was found in an error answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) code: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) trace_id: Option<String>,
}

/// Text from outside, made fit for one line of a log: a service that repeats
/// what it was sent must not bring a token there.
pub(crate) fn clean(text: &str) -> String {
    without_tokens(text, &[JWT]).chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
