//! The kinds of failure, and what each means for a caller.

use http::StatusCode;

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
    pub(crate) fn words(self) -> &'static str {
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
