//! Headers of every answer. The content security policy is set where pages are
//! made, for it holds their nonce; what sets none may load nothing.

use app::routes;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, Version, header},
    middleware::Next,
    response::Response,
};

pub(crate) async fn headers(State(plain): State<bool>, request: Request, next: Next) -> Response {
    let asset = request.uri().path().starts_with("/pkg/");
    // What leads here may carry a one-time secret: what the page loads is told the portal's name alone. Not
    // `no-referrer`: browsers then send `Origin: null` with the page's own form (Fetch, "append a request
    // Origin header"), which is refused. And not `same-origin`, which tells our own files the whole address.
    let referrer = if routes::carries_secret(request.uri().path()) { "strict-origin" } else { "same-origin" };
    // A connection that is kept open keeps what was read from it last, and a form may hold a password.
    let closes = request.method() == Method::POST && request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    let map = response.headers_mut();
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, referrer),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in always {
        map.insert(name, HeaderValue::from_static(value));
    }
    if closes {
        map.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if !plain {
        map.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    map.entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    // Assets keep their names between releases, so they are asked for anew and answered with 304.
    let cache = if asset { "no-cache" } else { "no-store" };
    map.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(cache));
    response
}
