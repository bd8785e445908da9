//! A request that may change something must come from a page of the portal.
//! Browsers say where a request comes from in `Origin`, and newer ones in
//! `Sec-Fetch-Site`; one that says neither is no browser form and is refused.
//!
//! An origin is compared as the browser writes it, byte by byte: what only looks
//! like the portal's (another scheme, a name before the host, a path behind it) is
//! another one. The host that was asked decides nothing, for who asks can choose
//! it, and a name of theirs can lead to this machine. The one exception is a portal
//! over plain HTTP on this machine, which has several names there.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use backend::LogLines;
use url::{Host, Url};

/// Anybody can make one of these.
static LINES: LazyLock<LogLines> = LazyLock::new(LogLines::default);

/// Where people reach the portal.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    public: Arc<str>,
    /// It is served over plain HTTP, which the configuration takes on this machine alone.
    plain: bool,
}

impl Origins {
    pub(crate) fn new(public: &Url) -> Self {
        Self { public: public.origin().ascii_serialization().into(), plain: public.scheme() == "http" }
    }
}

pub(crate) async fn same_origin(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    if safe(request.method()) || comes_from_here(request.headers(), request.uri(), &origins) {
        return next.run(request).await;
    }
    if let Some(left_out) = LINES.next() {
        let path: String = request.uri().path().chars().take(200).collect();
        tracing::warn!(path, left_out, "refused a request from another origin");
    }
    (
        StatusCode::FORBIDDEN,
        "This request did not come from a page of this portal. Open the page anew and try again.\n",
    )
        .into_response()
}

fn safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A header's only value: `Err` where there are several, or one that is no text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

fn comes_from_here(headers: &HeaderMap, uri: &Uri, origins: &Origins) -> bool {
    let site = HeaderName::from_static("sec-fetch-site");
    let (Ok(site), Ok(origin)) = (only(headers, &site), only(headers, &header::ORIGIN)) else {
        return false;
    };
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    match origin {
        // Without Origin only a browser's own word for it is enough, which no page can give in its place.
        None => site.is_some(),
        Some(origin) => *origin == *origins.public || (origins.plain && is_local(origin, headers, uri)),
    }
}

/// Whether `origin` is the name of this machine by which it was asked.
fn is_local(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    let Ok(host) = only(headers, &header::HOST) else { return false };
    let Some(host) = host.or_else(|| uri.authority().map(Authority::as_str)) else { return false };
    let Ok(url) = Url::parse(&format!("http://{host}")) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    loopback && origin == url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://acme.portal.example";
    const LOCAL: &str = "http://127.0.0.1:3000";

    fn allowed_at(public: &str, pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let origins = Origins::new(&public.parse().unwrap());
        comes_from_here(&headers, &Uri::from_static("/api/x"), &origins)
    }

    fn allowed(pairs: &[(&'static str, &str)]) -> bool {
        allowed_at(PUBLIC, pairs)
    }

    #[test]
    fn the_portals_own_pages_may_change_things() {
        assert!(allowed(&[("origin", PUBLIC), ("host", "acme.portal.example")]));
        assert!(allowed(&[("origin", PUBLIC), ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        // A proxy may ask this machine by another name.
        assert!(allowed(&[("origin", PUBLIC), ("host", "127.0.0.1:3000")]));
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

    #[test]
    fn what_only_looks_like_the_portals_origin_is_another_one() {
        let host = ("host", "acme.portal.example");
        for origin in [
            "http://acme.portal.example",
            "https://user@acme.portal.example",
            "https://user:word@acme.portal.example",
            "https://acme.portal.example/",
            "https://acme.portal.example/path",
            "https://acme.portal.example?query",
            "https://acme.portal.example#part",
            "https://acme.portal.example:443",
            "https://acme.portal.example.",
            "https://ACME.portal.example",
            "HTTPS://acme.portal.example",
            "https:acme.portal.example",
            "https:\\\\acme.portal.example",
            "https://acme.portal.example https://evil.example",
            "ftp://acme.portal.example",
            "acme.portal.example",
            "",
        ] {
            assert!(!allowed(&[("origin", origin), host]), "{origin}");
            assert!(!allowed(&[("origin", origin), host, ("sec-fetch-site", "same-origin")]), "{origin}");
        }
    }

    #[test]
    fn the_host_that_was_asked_decides_nothing() {
        for host in ["evil.example", "localhost:3000", "127.0.0.1:3000"] {
            for scheme in ["https", "http"] {
                let origin = format!("{scheme}://{host}");
                let forwarded = ("x-forwarded-host", host);
                assert!(!allowed(&[("origin", &origin), ("host", host), forwarded]), "{origin}");
                assert!(!allowed(&[("origin", &origin), ("referer", PUBLIC), ("host", host)]), "{origin}");
            }
        }
        // A name of somebody else that leads to this machine.
        assert!(!allowed_at(LOCAL, &[("origin", "http://evil.example:3000"), ("host", "evil.example:3000")]));
    }

    #[test]
    fn headers_that_are_there_twice_say_nothing() {
        assert!(!allowed(&[("origin", PUBLIC), ("origin", "https://evil.example")]));
        assert!(!allowed(&[("origin", "https://evil.example"), ("origin", PUBLIC)]));
        assert!(!allowed(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
        let hosts =
            [("origin", "http://localhost:3000"), ("host", "localhost:3000"), ("host", "evil.example")];
        assert!(!allowed_at(LOCAL, &hosts));
    }

    #[test]
    fn a_trial_on_this_machine_may_be_reached_by_all_names_of_it() {
        for host in ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "acme.localhost:3000"] {
            let origin = format!("http://{host}");
            assert!(allowed_at(LOCAL, &[("origin", &origin), ("host", host)]), "{origin}");
            for wrong in ["http://localhost:3001", "https://localhost:3000", "http://user@localhost:3000"] {
                assert!(!allowed_at(LOCAL, &[("origin", wrong), ("host", host)]), "{wrong} at {host}");
            }
        }
        for host in ["user@localhost:3000", "localhost:3000/path", "localhost:3000#x"] {
            let origin = format!("http://{host}");
            assert!(!allowed_at(LOCAL, &[("origin", &origin), ("host", host)]), "{origin}");
        }
    }
}
