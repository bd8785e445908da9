//! Refusals and the JSON error envelopes they travel in.
//!
//! Qlik's services do not agree on one envelope: API keys answer with an integer
//! `status` and no trace id, web integrations with a string `status` and a
//! `traceId` beside `errors`, and so on (<https://qlik.dev/apis/rest/api-keys>,
//! <https://qlik.dev/apis/rest/web-integrations>).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, json};

use crate::ids;

/// How an error's `status` member is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusMember {
    Integer,
    Text,
    Absent,
}

/// Which of the envelopes an error is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flavour {
    status: StatusMember,
    trace: bool,
    meta: bool,
    /// The error's code once more, beside `errors`.
    code_on_top: bool,
}

impl Flavour {
    /// Login, items, web integrations and all that stands before the services.
    pub(crate) const COMMON: Self =
        Self { status: StatusMember::Text, trace: true, meta: false, code_on_top: false };
    /// API keys and identity providers.
    pub(crate) const BARE: Self =
        Self { status: StatusMember::Integer, trace: false, meta: false, code_on_top: false };
    /// Users.
    pub(crate) const USERS: Self =
        Self { status: StatusMember::Integer, trace: true, meta: false, code_on_top: false };
    /// The CSRF token endpoint.
    pub(crate) const CSRF: Self =
        Self { status: StatusMember::Text, trace: false, meta: false, code_on_top: false };
    /// A refused CSRF token: Qlik's own client reads `code` from the top of the body
    /// (`@qlik/api`), all other errors are told within `errors`; so it is in both.
    pub(crate) const CSRF_REFUSED: Self =
        Self { status: StatusMember::Text, trace: true, meta: false, code_on_top: true };
    /// Tenants, roles, spaces and `/api/core/…`.
    pub(crate) const CORE: Self =
        Self { status: StatusMember::Absent, trace: true, meta: false, code_on_top: false };
    /// Items: no status, but a judgement of the error.
    pub(crate) const ITEMS: Self =
        Self { status: StatusMember::Absent, trace: false, meta: true, code_on_top: false };
    /// OAuth: both a judgement of the error and a trace.
    pub(crate) const OAUTH: Self =
        Self { status: StatusMember::Text, trace: true, meta: true, code_on_top: false };
    /// The rate limiter, <https://qlik.dev/apis/rest/rate-limiting/>.
    const LIMITER: Self =
        Self { status: StatusMember::Absent, trace: false, meta: false, code_on_top: false };
}

/// An answer that says no, and why.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    pub(crate) pointer: Option<String>,
    pub(crate) flavour: Flavour,
    pub(crate) retry_after: Option<i64>,
}

/// What a handler gives: an answer or a refusal.
pub(crate) type Answer<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            title: title.into(),
            detail: None,
            pointer: None,
            flavour: Flavour::COMMON,
            retry_after: None,
        }
    }

    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub(crate) fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    #[must_use]
    pub(crate) fn flavour(mut self, flavour: Flavour) -> Self {
        self.flavour = flavour;
        self
    }

    /// 401 as third-party calls get it without usable credentials. The words are
    /// those of Qlik's support article; the code is not published, so this one
    /// follows the `HTTP-429` of the rate limiter.
    /// <https://community.qlik.com/t5/Official-Support-Articles/Qlik-Cloud-Error-401-Authorization-Required-after-removal-of/ta-p/2534952>
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "HTTP-401", "Authorization Required")
    }

    /// 404 for a path that is not there, or not built here.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "HTTP-404", "Not found")
    }

    /// 429 as documented at <https://qlik.dev/apis/rest/rate-limiting/>.
    pub(crate) fn rate_limited(wait_s: i64) -> Self {
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "HTTP-429", "API rate limit reached.")
            .detail(format!("You need to wait {wait_s} seconds before making another request."));
        refusal.retry_after = Some(wait_s);
        refusal.flavour(Flavour::LIMITER)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = Map::new();
        error.insert("code".into(), self.code.as_str().into());
        error.insert("title".into(), self.title.into());
        if let Some(detail) = self.detail {
            error.insert("detail".into(), detail.into());
        }
        if let Some(pointer) = self.pointer {
            error.insert("source".into(), json!({ "pointer": pointer }));
        }
        match self.flavour.status {
            StatusMember::Integer => drop(error.insert("status".into(), self.status.as_u16().into())),
            StatusMember::Text => drop(error.insert("status".into(), self.status.as_str().into())),
            StatusMember::Absent => {}
        }
        if self.flavour.meta {
            let fault = self.status.is_server_error();
            error.insert("meta".into(), json!({ "temporary": fault, "timeout": false, "fault": fault }));
        }
        let mut body = json!({ "errors": [error] });
        if self.flavour.code_on_top {
            body["code"] = self.code.into();
        }
        if self.flavour.trace {
            body["traceId"] = ids::trace_id().into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(wait) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    async fn body(refusal: Refusal) -> Value {
        let response = refusal.into_response();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn api_key_errors_have_an_integer_status_and_no_trace() {
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "APIKEYS-0", "No").flavour(Flavour::BARE);
        assert_eq!(
            body(refusal).await,
            json!({"errors": [{"code": "APIKEYS-0", "title": "No", "status": 403}]})
        );
    }

    #[tokio::test]
    async fn other_errors_have_a_string_status_and_a_trace() {
        let body = body(Refusal::unauthorized()).await;
        assert_eq!(body["errors"][0]["status"], "401");
        assert_eq!(body["traceId"].as_str().unwrap().len(), 32);
    }

    #[tokio::test]
    async fn a_rate_limit_says_how_long_to_wait_twice() {
        let response = Refusal::rate_limited(13).into_response();
        assert_eq!(response.headers()["retry-after"], "13");
        let body = body(Refusal::rate_limited(13)).await;
        assert_eq!(body["errors"][0]["code"], "HTTP-429");
        assert!(body["errors"][0]["detail"].as_str().unwrap().contains("13 seconds"));
    }
}
