//! Who is asking: an API key, an OAuth token or a pair of session cookies.

use http::{HeaderMap, Method, StatusCode, header};

use crate::envelope::{Flavour, Refusal};
use crate::log::AuthKind;
use crate::world::{DeadKey, Rights, State};

/// What let the caller in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The API key of this id.
    ApiKey(String),
    /// The cookie session of this `eas.sid`.
    Session(String),
    /// An OAuth access token with these scopes.
    OAuth(Vec<String>),
}

impl std::fmt::Debug for Credential {
    /// A key's id is no secret, a session's is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ApiKey(id) => write!(f, "ApiKey({id})"),
            Self::Session(_) => f.write_str("Session"),
            Self::OAuth(scopes) => write!(f, "OAuth({scopes:?})"),
        }
    }
}

/// A recognised caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: String,
    pub(crate) rights: Rights,
    pub(crate) credential: Credential,
}

/// What kind of credential a request shows, whether or not it is any good.
pub(crate) fn shown(headers: &HeaderMap) -> AuthKind {
    if headers.contains_key(header::AUTHORIZATION) {
        AuthKind::Bearer
    } else if cookie(headers, "eas.sid").is_some() {
        AuthKind::Session
    } else {
        AuthKind::None
    }
}

/// The token of `Authorization: Bearer …`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A cookie's value. HTTP/2 may split `Cookie` into several header fields.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Recognises the caller, or refuses with 401.
pub(crate) fn identify(state: &mut State, tenant: &str, headers: &HeaderMap) -> Result<Caller, Refusal> {
    match shown(headers) {
        AuthKind::Bearer => {
            let token = bearer(headers).ok_or_else(Refusal::unauthorized)?;
            match by_token(state, tenant, token, None) {
                Some(caller) => Ok(caller),
                None => by_key(state, tenant, token),
            }
        }
        AuthKind::Session => by_cookies(state, tenant, headers).ok_or_else(Refusal::unauthorized),
        AuthKind::None => Err(Refusal::unauthorized()),
    }
}

fn by_key(state: &mut State, tenant: &str, token: &str) -> Result<Caller, Refusal> {
    let key = state.authenticate_key(tenant, token).map_err(|dead| {
        if dead == DeadKey::ExpiredOrRevoked && state.switches.explain_dead_keys {
            // https://qlik.dev/apis/event/api-keys/
            Refusal::new(StatusCode::UNAUTHORIZED, "APIKEYS-18", "The api key is either expired or revoked")
        } else {
            Refusal::unauthorized()
        }
    })?;
    let owner = state.user(&key.owner).ok_or_else(Refusal::unauthorized)?;
    Ok(Caller { user: owner.id.clone(), rights: owner.rights(), credential: Credential::ApiKey(key.id) })
}

/// An access token; `purpose` is what a temporary token was exchanged for.
pub(crate) fn by_token(state: &State, tenant: &str, token: &str, purpose: Option<&str>) -> Option<Caller> {
    let access = state.authenticate_token(tenant, token, purpose)?;
    let rights = state.rights_of(access)?;
    Some(Caller { user: access.user.clone(), rights, credential: Credential::OAuth(access.scopes.clone()) })
}

/// An access token opens what its scopes name
/// (<https://qlik.dev/authenticate/oauth/scopes/>): `user_default` and
/// `admin_classic` the API, `admin.users` the users, `mcp:execute` and the rest
/// nothing that is built here. Every token may ask who its bearer is.
pub(crate) fn check_scope(caller: &Caller, path: &str) -> Result<(), Refusal> {
    let Credential::OAuth(scopes) = &caller.credential else { return Ok(()) };
    let has = |name: &str| scopes.iter().any(|s| s == name);
    let users = "/api/v1/users";
    let own = path == "/api/v1/users/me" || path.strip_prefix("/api/v1/users/") == Some(&caller.user);
    let of_users = path == users || path.starts_with("/api/v1/users/");
    let of_user_scopes = of_users && (has("admin.users") || has("admin.users:read"));
    if own || of_user_scopes || has("user_default") || has("admin_classic") {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "HTTP-403", "The access token lacks a scope for this"))
}

/// Both cookies are needed: <https://qlik.dev/authenticate/jwt/jwt-proxy/>.
pub(crate) fn by_cookies(state: &mut State, tenant: &str, headers: &HeaderMap) -> Option<Caller> {
    let (sid, sig) = (cookie(headers, "eas.sid")?, cookie(headers, "eas.sid.sig")?);
    let session = state.authenticate_session(tenant, sid, sig)?;
    Some(Caller { user: session.user, rights: session.rights, credential: Credential::Session(session.sid) })
}

/// A session's change needs the CSRF token in its header; a key's does not.
pub(crate) fn check_csrf(
    state: &State,
    caller: &Caller,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let Credential::Session(sid) = &caller.credential else { return Ok(()) };
    if method == Method::GET || method == Method::HEAD || method == Method::OPTIONS {
        return Ok(());
    }
    let sent = headers.get("qlik-csrf-token").and_then(|value| value.to_str().ok());
    match state.sessions.get(sid) {
        Some(session) if sent == Some(session.csrf.as_str()) => Ok(()),
        _ => Err(csrf_refusal()),
    }
}

pub(crate) fn csrf_refusal() -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, "CSRF-TOKEN-2", "CSRF token missing or invalid")
        .flavour(Flavour::CSRF_REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn cookies_are_found_across_split_headers_and_with_equals_signs() {
        let map = headers(&[("cookie", "AWSALB=a+b/c==; eas.sid=s"), ("cookie", "eas.sid.sig=g")]);
        assert_eq!(cookie(&map, "AWSALB"), Some("a+b/c=="));
        assert_eq!(cookie(&map, "eas.sid"), Some("s"));
        assert_eq!(cookie(&map, "eas.sid.sig"), Some("g"));
        assert_eq!(cookie(&map, "sid"), None);
    }

    #[test]
    fn a_bearer_token_needs_its_scheme() {
        assert_eq!(bearer(&headers(&[("authorization", "Bearer abc")])), Some("abc"));
        assert_eq!(bearer(&headers(&[("authorization", "bearer abc")])), Some("abc"));
        assert_eq!(bearer(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(bearer(&headers(&[("authorization", "abc")])), None);
    }
}
