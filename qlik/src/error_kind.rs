//! The kinds of failure, what each means for a caller, and the one table by which
//! an answer that is no success becomes one of them.

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
    /// Qlik has no tenant under the host name that was asked: it never had, or the
    /// name was an alias that was changed or removed (code `LOGIN-2`). It says
    /// nothing about the credential.
    NoTenant,
    /// Something between here and Qlik answered in its place: a proxy, a gateway, or
    /// a sign-in page. It says nothing about the credential, and whether Qlik has
    /// seen the request is not known.
    Intercepted,
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
            Self::NoTenant => "Qlik has no tenant under this host name",
            Self::Intercepted => "something else answered in Qlik's place",
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

    /// The kind for a status that is not a success, where nothing but the status is
    /// known.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 => Self::BadRequest,
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            407 | 511 => Self::Intercepted,
            429 => Self::RateLimited,
            500..=599 => Self::Unavailable,
            other => Self::UnexpectedStatus(other),
        }
    }

    /// The kind for an answer that is not a success. Qlik's code decides before the
    /// status does; where there is none, who wrote the answer does.
    pub(crate) fn of_answer(status: StatusCode, code: Option<&str>, author: Author) -> Self {
        let by_status = Self::of_status(status);
        match (code, author, by_status) {
            // "No authentication configured for this hostname":
            // https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940
            (Some("LOGIN-2"), ..) => Self::NoTenant,
            // https://qlik.dev/apis/rest/rate-limiting/
            (Some("HTTP-429"), ..) => Self::RateLimited,
            // "The api key is either expired or revoked": https://qlik.dev/apis/event/api-keys/
            (Some("APIKEYS-18"), ..) => Self::Unauthorized,
            // Too many calls are that whoever counts them.
            (None, Author::Other, kind) if status.is_client_error() && kind != Self::RateLimited => {
                Self::Intercepted
            }
            // Services answer other things in other JSON; a refusal is about a credential, and
            // must be Qlik's own.
            (None, Author::Json, Self::Unauthorized | Self::Forbidden) => Self::Intercepted,
            _ => by_status,
        }
    }
}

/// Who wrote an answer, as far as its form tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// It has Qlik's error envelope.
    Qlik,
    /// It is empty, or what Qlik's entrance is known to write.
    Maybe,
    /// JSON, but not the envelope.
    Json,
    /// A page, a text, or a challenge that Qlik does not make.
    Other,
}

#[cfg(test)]
mod tests {
    use super::{Author as A, ErrorKind as K, StatusCode};

    #[test]
    fn qliks_code_decides_before_the_status_and_the_author_where_there_is_none() {
        for (status, code, author, kind) in [
            (401, Some("LOGIN-2"), A::Qlik, K::NoTenant),
            (404, Some("LOGIN-2"), A::Qlik, K::NoTenant),
            (403, Some("HTTP-429"), A::Qlik, K::RateLimited),
            (403, Some("APIKEYS-18"), A::Qlik, K::Unauthorized),
            (401, Some("X-1"), A::Qlik, K::Unauthorized),
            (403, Some("AUTH-5"), A::Qlik, K::Forbidden),
            (400, Some("LOGIN-12"), A::Qlik, K::BadRequest),
            // Bodies of these are not documented.
            (401, None, A::Qlik, K::Unauthorized),
            (401, None, A::Maybe, K::Unauthorized),
            (403, None, A::Maybe, K::Forbidden),
            (404, None, A::Json, K::NotFound),
            (400, None, A::Json, K::BadRequest),
            (401, None, A::Json, K::Intercepted),
            (403, None, A::Json, K::Intercepted),
            (401, None, A::Other, K::Intercepted),
            (403, None, A::Other, K::Intercepted),
            (404, None, A::Other, K::Intercepted),
            (418, None, A::Other, K::Intercepted),
            (407, None, A::Maybe, K::Intercepted),
            (511, None, A::Other, K::Intercepted),
            (429, None, A::Other, K::RateLimited),
            (502, None, A::Other, K::Unavailable),
            (302, None, A::Other, K::UnexpectedStatus(302)),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(K::of_answer(status, code, author), kind, "{status} {code:?} {author:?}");
        }
    }
}
