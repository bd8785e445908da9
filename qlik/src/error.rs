//! What can go wrong between here and Qlik, told apart.
//!
//! An [`Error`] holds what a person or a retry rule needs: the kind, Qlik's own
//! code and trace id, and whether a change may have happened all the same. It
//! holds no secrets, no bodies and no query strings. This module must not know
//! any endpoint.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

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
    /// Set where the request never left, whatever the kind says.
    unsent: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The ways in which a call can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host name is not known in DNS.
    Dns,
    /// No connection could be made, or not within the time for that.
    Connect,
    /// The server could not prove that it is the host, or TLS failed.
    Tls,
    /// Connected and sent, but there was no answer in time.
    Timeout,
    /// The connection broke after sending: the request may have taken effect.
    ConnectionLost,
    /// Something answered, but not like a Qlik Cloud tenant.
    NotQlik,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// 400, or an argument that can't be sent.
    BadRequest,
    /// 429, or held back here so as not to earn one.
    RateLimited,
    /// 500 to 599.
    Unavailable,
    /// A status that this call does not expect.
    UnexpectedStatus(u16),
    /// The answer can't be read: cut short, too large, or not as documented.
    BadBody,
    /// A redirect to another host, which is not followed.
    RedirectLeavesTenant,
    /// A link to another host, which is not followed.
    LinkLeavesTenant,
    /// A key or certificate can't be made, read or used.
    Signing,
    /// Qlik refuses the session's CSRF token, a new one included.
    Csrf,
}

impl ErrorKind {
    /// What happened, as the middle of a sentence.
    fn words(self) -> &'static str {
        match self {
            Self::Dns => "the host name is not known",
            Self::Connect => "no connection could be made",
            Self::Tls => "no secure connection could be made",
            Self::Timeout => "there was no answer in time",
            Self::ConnectionLost => "the connection broke before the answer",
            Self::NotQlik => "what answered is not a Qlik Cloud tenant",
            Self::Unauthorized => "Qlik does not accept the credentials",
            Self::Forbidden => "Qlik does not allow this",
            Self::NotFound => "Qlik does not know this",
            Self::Conflict => "Qlik says that this exists already or was changed",
            Self::BadRequest => "the request is not valid",
            Self::RateLimited => "too many requests",
            Self::Unavailable => "Qlik has a problem of its own",
            Self::UnexpectedStatus(_) => "Qlik gave an unexpected answer",
            Self::BadBody => "the answer can't be read",
            Self::RedirectLeavesTenant => "a redirect to another host was not followed",
            Self::LinkLeavesTenant => "a link to another host was not followed",
            Self::Signing => "the signing key or certificate can't be used",
            Self::Csrf => "Qlik does not accept the session's CSRF token",
        }
    }

    /// The kind for a status that is not a success.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            429 => Self::RateLimited,
            500..=599 => Self::Unavailable,
            other => Self::UnexpectedStatus(other),
        }
    }
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
            unsent: false,
            source: None,
        }))
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

    pub(crate) fn with_envelope(mut self, envelope: Envelope) -> Self {
        self.0.code = envelope.code.map(clean);
        self.0.title = envelope.title.map(clean);
        self.0.detail = envelope.detail.map(clean);
        self.0.trace_id = envelope.trace_id.map(clean);
        self
    }

    pub(crate) fn with_title(mut self, title: &str) -> Self {
        self.0.title = Some(clean(title.to_owned()));
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

    /// True where the same call may well succeed later with nothing changed.
    pub fn is_transient(&self) -> bool {
        match self.0.kind {
            ErrorKind::Dns
            | ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::ConnectionLost
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::BadBody => true,
            ErrorKind::UnexpectedStatus(status) => status == 408 || status == 425,
            ErrorKind::Tls
            | ErrorKind::NotQlik
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
            .field("unsent", &self.unsent)
            .field("source", &self.source)
            .finish()
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

/// Text from outside, made fit for one line of a log.
fn clean(text: String) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_may_have_happened_unless_it_is_certain_that_it_did_not() {
        use ErrorKind as K;
        for (kind, may) in [
            (K::Dns, false),
            (K::Connect, false),
            (K::Tls, false),
            (K::Unauthorized, false),
            (K::Forbidden, false),
            (K::NotFound, false),
            (K::Conflict, false),
            (K::BadRequest, false),
            (K::RateLimited, false),
            (K::Signing, false),
            (K::Csrf, false),
            (K::UnexpectedStatus(422), false),
            (K::UnexpectedStatus(302), true),
            (K::UnexpectedStatus(202), true),
            (K::Timeout, true),
            (K::ConnectionLost, true),
            (K::Unavailable, true),
            (K::BadBody, true),
            (K::NotQlik, true),
        ] {
            assert_eq!(Error::new(kind, "POST /x").may_have_happened(), may, "{kind:?}");
        }
        assert!(!Error::new(K::Timeout, "POST /x").unsent().may_have_happened());
    }

    #[test]
    fn the_text_has_what_support_asks_for_and_nothing_from_the_body() {
        let error = Error::new(ErrorKind::Forbidden, "POST /api/v1/api-keys")
            .with_status(StatusCode::FORBIDDEN)
            .with_retry_after(Some(Duration::from_secs(13)))
            .with_envelope(Envelope {
                code: Some("APIKEYS-5".into()),
                title: Some("no\r\nsecret".into()),
                detail: Some("x".repeat(1000)),
                trace_id: Some("abc".into()),
            });
        assert_eq!(
            error.to_string(),
            "POST /api/v1/api-keys: Qlik does not allow this, status 403, code APIKEYS-5, try again in 13 s, trace abc"
        );
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(error.title(), Some("nosecret"));
        assert_eq!(error.detail().map(str::len), Some(MAX_TEXT));
    }
}
