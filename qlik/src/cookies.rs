//! The cookies of one session at one tenant.
//!
//! A small jar for one host, because the usual ones read the system clock. The
//! header is parsed by the `cookie` crate; only what a client with one host
//! needs is decided here. This module must not know what any cookie means.

use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::host::TenantHost;
use crate::secret::CookieHeader;
use crate::wiped::Wiped;

/// More cookies than any tenant sets; what comes after is dropped.
const MAX_COOKIES: usize = 60;
/// Longest `Set-Cookie` value that is looked at, in bytes.
const MAX_COOKIE: usize = 8192;

/// The cookies that one host has set.
#[derive(Clone)]
pub(crate) struct Jar {
    host: TenantHost,
    cookies: Vec<StoredCookie>,
}

/// One cookie as it is kept. Its value is wiped when it is dropped.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredCookie {
    name: String,
    value: Wiped,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    expires: Option<Timestamp>,
}

impl Jar {
    pub(crate) fn new(host: TenantHost) -> Self {
        Self { host, cookies: Vec::new() }
    }

    pub(crate) fn from_stored(host: TenantHost, cookies: Vec<StoredCookie>) -> Self {
        Self { host, cookies }
    }

    pub(crate) fn stored(&self) -> &[StoredCookie] {
        &self.cookies
    }

    pub(crate) fn host(&self) -> &TenantHost {
        &self.host
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Takes over the `Set-Cookie` headers of an answer to `path`. Each header is
    /// one cookie: dates in them contain commas.
    pub(crate) fn absorb(&mut self, headers: &HeaderMap, path: &str, now: Timestamp) {
        for value in headers.get_all(header::SET_COOKIE) {
            self.absorb_one(value, path, now);
        }
    }

    fn absorb_one(&mut self, value: &HeaderValue, path: &str, now: Timestamp) {
        let Ok(text) = value.to_str() else { return };
        if text.len() > MAX_COOKIE {
            return;
        }
        let Ok(cookie) = Cookie::parse(text) else { return };
        if cookie.name().is_empty() || !cookie.domain().is_none_or(|domain| self.is_within(domain)) {
            return;
        }
        let path = match cookie.path() {
            Some(given) if given.starts_with('/') => given.to_owned(),
            _ => default_path(path).to_owned(),
        };
        if !keeps_its_promise(&cookie, &path) {
            return;
        }
        self.cookies.retain(|c| !(c.name == cookie.name() && c.path == path));
        let expires = match (cookie.max_age(), cookie.expires_datetime()) {
            (Some(age), _) => {
                let age = SignedDuration::from_secs(age.whole_seconds());
                Some(now.saturating_add(age).unwrap_or(Timestamp::MAX))
            }
            (None, Some(at)) => Timestamp::from_second(at.unix_timestamp()).ok(),
            (None, None) => None,
        };
        if expires.is_some_and(|at| at <= now) || self.cookies.len() >= MAX_COOKIES {
            return;
        }
        self.cookies.push(StoredCookie {
            name: cookie.name().to_owned(),
            value: Wiped::new(cookie.value()),
            path,
            expires,
        });
    }

    /// A `Domain` is fine where it is our host or a parent of it. Single labels
    /// (`com`) are not parents.
    fn is_within(&self, domain: &str) -> bool {
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        let host = self.host.as_str();
        host == domain
            || (domain.contains('.')
                && host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.')))
    }

    /// What to send with a request for `path`; none where there is nothing to send.
    pub(crate) fn header(&self, path: &str, now: Timestamp) -> Option<CookieHeader> {
        let mut due: Vec<&StoredCookie> = self
            .cookies
            .iter()
            .filter(|c| path_matches(&c.path, path) && c.expires.is_none_or(|at| at > now))
            .collect();
        due.sort_by_key(|c| std::cmp::Reverse(c.path.len()));
        let mut text = Zeroizing::new(String::new());
        for cookie in due {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&cookie.name);
            text.push('=');
            text.push_str(&cookie.value);
        }
        (!text.is_empty()).then(|| CookieHeader::new(text.as_str()))
    }

    /// The value of a cookie that has not expired.
    pub(crate) fn value(&self, name: &str, now: Timestamp) -> Option<&str> {
        self.cookies.iter().find(|c| c.name == name && c.expires.is_none_or(|at| at > now)).map(|c| &*c.value)
    }
}

/// What the prefixes of a cookie's name promise
/// (<https://www.rfc-editor.org/rfc/rfc6265bis#section-4.1.3>).
fn keeps_its_promise(cookie: &Cookie<'_>, path: &str) -> bool {
    let begins = |prefix: &str| {
        cookie.name().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let secure = cookie.secure() == Some(true);
    (secure || !(begins("__Secure-") || begins("__Host-")))
        && (!begins("__Host-") || (path == "/" && cookie.domain().is_none()))
}

/// The directory of a path (RFC 6265, section 5.1.4).
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// RFC 6265, section 5.1.4.
fn path_matches(cookie: &str, request: &str) -> bool {
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn jar(set: &[&str]) -> Jar {
        let mut jar = Jar::new("acme.eu.qlikcloud.com".parse().unwrap());
        for one in set {
            let mut headers = HeaderMap::new();
            headers.append(header::SET_COOKIE, HeaderValue::from_str(one).unwrap());
            jar.absorb(&headers, "/login/jwt-session", now());
        }
        jar
    }

    fn sent(jar: &Jar, path: &str) -> String {
        jar.header(path, now()).map(|h| h.expose().to_owned()).unwrap_or_default()
    }

    #[test]
    fn dates_with_commas_and_values_with_equals_signs_survive() {
        let mut headers = HeaderMap::new();
        for one in [
            "eas.sid=s%3Aab=c; Path=/; Expires=Mon, 02 Mar 2026 12:00:00 GMT; HttpOnly; Secure; SameSite=None",
            "eas.sid.sig=xyz; path=/; expires=Mon, 02 Mar 2026 12:00:00 GMT",
            "AWSALB=a+b/c==; Expires=Sun, 08 Mar 2026 12:00:00 GMT; Path=/",
        ] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(one));
        }
        let mut jar = jar(&[]);
        jar.absorb(&headers, "/login/jwt-session", now());
        assert_eq!(sent(&jar, "/api/v1/users/me"), "eas.sid=s%3Aab=c; eas.sid.sig=xyz; AWSALB=a+b/c==");
        assert_eq!(jar.value("eas.sid", now()), Some("s%3Aab=c"));
    }

    #[test]
    fn a_later_cookie_replaces_and_an_expired_one_removes() {
        let mut jar = jar(&["a=1; Path=/", "b=1; Path=/", "a=2; Path=/"]);
        assert_eq!(sent(&jar, "/"), "b=1; a=2");
        for gone in ["a=; Path=/; Max-Age=0", "b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
            let mut headers = HeaderMap::new();
            headers.append(header::SET_COOKIE, HeaderValue::from_static(gone));
            jar.absorb(&headers, "/x", now());
        }
        assert!(jar.is_empty());
    }

    #[test]
    fn max_age_wins_over_expires_and_ends_by_the_given_clock() {
        let jar = jar(&["a=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
        assert_eq!(sent(&jar, "/"), "a=1");
        let later = now() + SignedDuration::from_secs(60);
        assert!(jar.header("/", later).is_none());
        assert_eq!(jar.value("a", later), None);
    }

    #[test]
    fn cookies_go_only_to_their_path() {
        let jar = jar(&["root=1; Path=/", "api=1; Path=/api", "login=1", "deep=1; Path=/api/v1/"]);
        assert_eq!(sent(&jar, "/api/v1/items"), "deep=1; api=1; root=1");
        assert_eq!(sent(&jar, "/apis"), "root=1");
        assert_eq!(sent(&jar, "/login/x"), "login=1; root=1");
        assert_eq!(sent(&jar, "/api"), "api=1; root=1");
    }

    #[test]
    fn cookies_for_other_domains_are_dropped() {
        let jar = jar(&[
            "own=1; Path=/; Domain=acme.eu.qlikcloud.com",
            "parent=1; Path=/; Domain=.eu.QLIKCLOUD.com",
            "sub=1; Path=/; Domain=x.acme.eu.qlikcloud.com",
            "other=1; Path=/; Domain=evil.example",
            "part=1; Path=/; Domain=cme.eu.qlikcloud.com",
            "tld=1; Path=/; Domain=com",
        ]);
        assert_eq!(sent(&jar, "/"), "own=1; parent=1");
    }

    #[test]
    fn a_cookie_whose_name_promises_more_than_it_keeps_is_dropped() {
        let jar = jar(&[
            "__Host-a=1; Path=/; Secure",
            "__Host-b=1; Path=/",
            "__Host-c=1; Path=/login; Secure",
            "__Host-d=1; Path=/; Secure; Domain=acme.eu.qlikcloud.com",
            "__Secure-e=1; Path=/; Secure",
            "__secure-f=1; Path=/",
        ]);
        assert_eq!(sent(&jar, "/"), "__Host-a=1; __Secure-e=1");
    }

    #[test]
    fn a_stored_jar_reads_back_the_same() {
        let jar = jar(&["a=1; Path=/", "b=2; Path=/; Max-Age=60"]);
        let json = serde_json::to_string(jar.stored()).unwrap();
        let back = Jar::from_stored(jar.host().clone(), serde_json::from_str(&json).unwrap());
        assert_eq!(sent(&back, "/"), sent(&jar, "/"));
        assert!(back.header("/", now() + SignedDuration::from_secs(61)).is_some_and(|h| h.expose() == "a=1"));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_jar_panic_or_send_line_breaks(set in prop::collection::vec("[ -~]{0,60}", 0..5)) {
            let set: Vec<&str> = set.iter().map(String::as_str).collect();
            let jar = jar(&set);
            if let Some(header) = jar.header("/login/jwt-session", now()) {
                prop_assert!(HeaderValue::from_str(header.expose()).is_ok());
            }
        }

        #[test]
        fn any_plain_cookie_comes_back_as_it_was_set(name in "[a-zA-Z0-9._-]{1,20}", value in "[a-zA-Z0-9+/=%:._-]{0,40}") {
            let jar = jar(&[&format!("{name}={value}; Path=/; Secure; HttpOnly")]);
            prop_assert_eq!(jar.value(&name, now()), Some(value.as_str()));
        }
    }
}
