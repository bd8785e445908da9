//! A request that may change something must come from a page of the portal.
//! Browsers say where a request comes from in `Origin`, and newer ones in
//! `Sec-Fetch-Site`; one that says neither is no browser form and is refused.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use url::Url;

/// The origin at which people reach the portal.
#[derive(Debug, Clone)]
pub(crate) struct Origins(Arc<str>);

impl Origins {
    pub(crate) fn new(public: &Url) -> Self {
        Self(public.origin().ascii_serialization().into())
    }
}

pub(crate) async fn same_origin(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    if safe(request.method()) || comes_from_here(request.headers(), &origins.0) {
        return next.run(request).await;
    }
    let path: String = request.uri().path().chars().take(200).collect();
    tracing::warn!(path, "refused a request from another origin");
    (
        StatusCode::FORBIDDEN,
        "This request did not come from a page of this portal. Open the page anew and try again.\n",
    )
        .into_response()
}

fn safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn comes_from_here(headers: &HeaderMap, public: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let site = text("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else {
        // Without Origin only a browser's own word for it is enough.
        return site.is_some();
    };
    // The portal may be reached by more names than its own, on this machine say: the host that was asked decides.
    let host = text(header::HOST.as_str()).unwrap_or_default();
    origin.eq_ignore_ascii_case(public)
        || Url::parse(origin).is_ok_and(|url| {
            let bare = url.host_str().unwrap_or_default();
            let with_port = url.port().map_or_else(|| bare.to_owned(), |port| format!("{bare}:{port}"));
            !bare.is_empty() && with_port.eq_ignore_ascii_case(host)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://acme.portal.example";

    fn allowed(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        comes_from_here(&headers, PUBLIC)
    }

    #[test]
    fn the_portals_own_pages_may_change_things() {
        assert!(allowed(&[("origin", PUBLIC), ("host", "acme.portal.example")]));
        assert!(allowed(&[("origin", PUBLIC), ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("origin", "http://localhost:3000"), ("host", "localhost:3000")]));
    }

    #[test]
    fn pages_of_other_origins_may_not() {
        for headers in [
            &[("origin", "https://evil.example"), ("host", "acme.portal.example")][..],
            &[("origin", "https://acme.portal.example.evil.example"), ("host", "acme.portal.example")],
            &[("origin", "https://acme.portal.example:8443"), ("host", "acme.portal.example")],
            &[("origin", "null"), ("host", "acme.portal.example")],
            &[("origin", PUBLIC), ("sec-fetch-site", "cross-site")],
            &[("origin", PUBLIC), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("host", "acme.portal.example")],
        ] {
            assert!(!allowed(headers), "{headers:?}");
        }
    }
}
