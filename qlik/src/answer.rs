//! Reading what Qlik answered.
//!
//! Qlik's services share an error envelope but not its details, so it is read
//! leniently (<https://qlik.dev/apis/rest/>). This module must not know any
//! endpoint.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::error::{Envelope, Error, ErrorKind};
use crate::error_kind::Author;

/// An answer of any status, its body read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) operation: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// How long the same caller is held back.
    pub(crate) retry_after: Option<Duration>,
}

/// A body, or why there is none.
pub(crate) enum Body {
    Whole(Zeroizing<Vec<u8>>),
    TooLarge,
    Broken(reqwest::Error),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::TooLarge => f.write_str("TooLarge"),
            Self::Broken(error) => f.debug_tuple("Broken").field(error).finish(),
        }
    }
}

impl Body {
    /// Reads at most `max` bytes.
    pub(crate) async fn read(mut response: reqwest::Response, max: usize) -> Self {
        let announced = response.content_length().and_then(|n| usize::try_from(n).ok());
        if announced.is_some_and(|n| n > max) {
            return Self::TooLarge;
        }
        // Reserved at once: growing would leave copies of secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(announced.unwrap_or(0)));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len().saturating_add(chunk.len()) > max => return Self::TooLarge,
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Self::Whole(bytes),
                Err(error) => return Self::Broken(error.without_url()),
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::TooLarge | Self::Broken(_) => &[],
        }
    }
}

/// Where JSON stopped making sense. The parser's own message may quote the body.
#[derive(Debug, thiserror::Error)]
#[error("{category} at line {line}, column {column}")]
pub(crate) struct JsonFault {
    category: &'static str,
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for JsonFault {
    fn from(error: serde_json::Error) -> Self {
        use serde_json::error::Category;
        let category = match error.classify() {
            Category::Io => "read error",
            Category::Syntax => "not JSON",
            Category::Data => "a field is missing or of another type",
            Category::Eof => "the JSON ends early",
        };
        Self { category, line: error.line(), column: error.column() }
    }
}

impl Answer {
    /// The error for an answer that is not a success.
    pub(crate) fn error(&self) -> Error {
        let author = self.author();
        let mut envelope = self.envelope().unwrap_or_default();
        if envelope.trace_id.is_none() {
            envelope.trace_id = trace_id(&self.headers);
        }
        let kind = ErrorKind::of_answer(self.status, envelope.code.as_deref(), author);
        let by = match author {
            Author::Qlik | Author::Maybe => None,
            Author::Json | Author::Other => self.written_by(),
        };
        Error::new(kind, self.operation)
            .with_status(self.status)
            .with_answered_by(by)
            .with_envelope(envelope)
            .with_retry_after(self.retry_after)
    }

    /// Who wrote the answer, as far as its form tells.
    fn author(&self) -> Author {
        let bytes = self.body.bytes().trim_ascii();
        if self.challenges_otherwise() {
            Author::Other
        } else if self.envelope().is_some() {
            Author::Qlik
        } else if bytes.is_empty() || self.is_entrance() || self.has_errors() {
            Author::Maybe
        } else if self.is_json_or_nothing() {
            Author::Json
        } else {
            Author::Other
        }
    }

    /// JSON with `errors`, of whatever form.
    fn has_errors(&self) -> bool {
        serde_json::from_slice::<Value>(self.body.bytes()).is_ok_and(|body| body.get("errors").is_some())
    }

    /// The page of Qlik's entrance for a call without a credential that it knows
    /// (<https://community.qlik.com/t5/Official-Support-Articles/Qlik-Cloud-Error-401-Authorization-Required-after-removal-of/ta-p/2534952>).
    pub(crate) fn is_entrance(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
            && self.body_contains("401 Authorization Required")
            && !self.challenges_otherwise()
    }

    /// Asks for a way to prove oneself that no call of Qlik's takes, as proxies do
    /// (<https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1>).
    fn challenges_otherwise(&self) -> bool {
        let scheme = |value: &header::HeaderValue| {
            let text = value.to_str().ok()?.trim();
            text.split([' ', ',']).next().map(str::to_ascii_lowercase)
        };
        self.headers.contains_key(header::PROXY_AUTHENTICATE)
            || self
                .headers
                .get_all(header::WWW_AUTHENTICATE)
                .iter()
                .filter_map(scheme)
                .any(|scheme| matches!(scheme.as_str(), "basic" | "digest" | "negotiate" | "ntlm"))
    }

    fn written_by(&self) -> Option<String> {
        let text = |name| self.headers.get(name)?.to_str().ok().map(str::trim).filter(|t| !t.is_empty());
        text(header::SERVER).or_else(|| text(header::VIA)).map(|t| t.chars().take(60).collect())
    }

    /// Where an answer that was due in JSON is a page, as of a proxy that wants a
    /// sign-in.
    fn is_page(&self) -> bool {
        let html = self.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        html.is_some_and(|t| t.trim_start().to_ascii_lowercase().starts_with("text/html"))
            || self.body.bytes().trim_ascii_start().first() == Some(&b'<')
    }

    /// # Errors
    ///
    /// The answer's error, for any status but 2xx.
    pub(crate) fn success(self) -> Result<Self, Error> {
        if self.status.is_success() { Ok(self) } else { Err(self.error()) }
    }

    /// Reads a 2xx answer's body.
    ///
    /// # Errors
    ///
    /// The answer's error, or [`ErrorKind::BadBody`], or [`ErrorKind::Timeout`]
    /// where the body did not come in time.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let answer = self.success()?;
        let error = |kind| {
            let error = Error::new(kind, answer.operation).with_status(answer.status);
            let trace_id = trace_id(&answer.headers);
            error.with_envelope(Envelope { trace_id, ..Envelope::default() })
        };
        match answer.body {
            Body::Whole(ref bytes) => serde_json::from_slice(bytes).map_err(|e| {
                let page = answer.is_page();
                let kind = if page { ErrorKind::Intercepted } else { ErrorKind::BadBody };
                let by = answer.written_by().filter(|_| page);
                error(kind).with_answered_by(by).with_source(JsonFault::from(e))
            }),
            Body::TooLarge => Err(error(ErrorKind::BadBody).with_title("the answer is too large")),
            Body::Broken(ref fault) => {
                let kind = if fault.is_timeout() { ErrorKind::Timeout } else { ErrorKind::BadBody };
                Err(error(kind).with_title("the answer was cut short"))
            }
        }
    }

    /// Qlik's error envelope, if the body is one.
    pub(crate) fn envelope(&self) -> Option<Envelope> {
        let value: Value = serde_json::from_slice(self.body.bytes()).ok()?;
        read_envelope(&value)
    }

    /// Qlik's code, if the body is an error envelope with one.
    pub(crate) fn code(&self) -> Option<String> {
        self.envelope()?.code
    }

    /// What an API answers, in contrast to a web page.
    pub(crate) fn is_json_or_nothing(&self) -> bool {
        let bytes = self.body.bytes().trim_ascii();
        bytes.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
    }

    pub(crate) fn body_contains(&self, text: &str) -> bool {
        std::str::from_utf8(self.body.bytes()).is_ok_and(|body| body.contains(text))
    }

    /// The server's clock, as of this answer.
    pub(crate) fn server_date(&self) -> Option<Timestamp> {
        let text = self.headers.get(header::DATE)?.to_str().ok()?;
        http_date(text)
    }
}

fn read_envelope(value: &Value) -> Option<Envelope> {
    let first = value.get("errors")?.as_array()?.first()?;
    let field = |of: &Value, name: &str| match of.get(name)? {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    };
    let trace_id = field(value, "traceId")
        .or_else(|| field(first, "traceId"))
        .or_else(|| field(first.get("meta")?, "traceId"));
    Some(Envelope {
        code: field(first, "code"),
        title: field(first, "title"),
        detail: field(first, "detail"),
        trace_id,
    })
}

fn trace_id(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    text("traceparent")
        .and_then(|t| t.split('-').nth(1).map(str::to_owned))
        .or_else(|| text("x-request-id"))
        .or_else(|| text("x-b3-traceid"))
        .filter(|id| !id.is_empty())
}

/// The wait that `retry-after` asks for: seconds, or a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>).
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(text)?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_shape_of_qliks_error_envelope_is_read() {
        let read = |value: Value| read_envelope(&value).map(|e| (e.code, e.title, e.trace_id));
        let some = |s: &str| Some(s.to_owned());
        let api_keys = json!({"errors":[{"code":"APIKEYS-18","title":"expired","status":401}]});
        assert_eq!(read(api_keys), Some((some("APIKEYS-18"), some("expired"), None)));
        let users = json!({"errors":[{"code":"X-1","title":"t","status":"403"}],"traceId":"abc"});
        assert_eq!(read(users), Some((some("X-1"), some("t"), some("abc"))));
        let inside = json!({"errors":[{"code":404,"meta":{"traceId":"in"}}]});
        assert_eq!(read(inside), Some((some("404"), None, some("in"))));
        let bare = json!({"errors":[{}]});
        assert_eq!(read(bare), Some((None, None, None)));
        for not_one in [json!({"errors":[]}), json!({"error":"x"}), json!([]), json!("x"), Value::Null] {
            assert_eq!(read(not_one), None);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let wait = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers, now)
        };
        assert_eq!(wait("13"), Some(Duration::from_secs(13)));
        assert_eq!(wait("Sun, 01 Mar 2026 12:01:00 GMT"), Some(Duration::from_mins(1)));
        assert_eq!(wait("Sun, 01 Mar 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_trace_id_is_found_in_the_headers() {
        let mut headers = HeaderMap::new();
        assert_eq!(trace_id(&headers), None);
        headers.insert("x-request-id", HeaderValue::from_static("req-1"));
        assert_eq!(trace_id(&headers).as_deref(), Some("req-1"));
        headers.insert("traceparent", HeaderValue::from_static("00-abcdef-1234-01"));
        assert_eq!(trace_id(&headers).as_deref(), Some("abcdef"));
    }

    #[test]
    fn a_json_error_does_not_quote_the_body() {
        let fault = serde_json::from_str::<u8>(r#""hunter2""#).map_err(JsonFault::from).unwrap_err();
        assert_eq!(fault.to_string(), "a field is missing or of another type at line 1, column 9");
    }

    proptest! {
        #[test]
        fn no_error_body_panics(body in ".{0,80}") {
            let _ = serde_json::from_str::<Value>(&body).ok().and_then(|v| read_envelope(&v));
            let _ = http_date(&body);
        }
    }
}
