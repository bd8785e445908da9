//! What one request knows: the services, the portal it is for, who sent it, and
//! how to answer with another page.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use backend::{Actor, Portal, Role, Services};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use leptos::{context::use_context, reactive::owner::with_context};
use leptos_axum::ResponseOptions;
use tower_sessions::Session;

use super::{auth::AuthSession, device, error::unexpected};
use crate::{error::AppError, routes};

/// The address that a request came from, where the server knows better than the
/// connection does (it is behind a proxy that it was told to trust).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

/// The services value that the server provides to every page and server function.
///
/// # Errors
/// [`AppError::Internal`] where it was not provided.
pub fn services() -> Result<Services, AppError> {
    use_context().ok_or_else(|| missing("Services"))
}

/// The portal that this request is for, by its host.
///
/// # Errors
/// [`AppError::NotSetUp`] where no portal exists, [`AppError::NoSuchPortal`]
/// where none of several answers at this host.
pub async fn portal() -> Result<Portal, AppError> {
    let services = services()?;
    let host = host()?;
    if let Some(portal) = services.portal_by_host(&host).await? {
        return Ok(portal);
    }
    Err(match services.setup_code().await? {
        Some(_) => AppError::NotSetUp,
        None => AppError::NoSuchPortal,
    })
}

/// Who is signed in to this portal, if anybody.
///
/// # Errors
/// Only unexpected ones.
pub async fn visitor() -> Result<Option<Actor>, AppError> {
    let Some(user) = auth_session()?.user else { return Ok(None) };
    let actor = user.into_actor();
    // A session of one portal is nothing at another portal of the same server.
    if bare_host(&host()?) == actor.portal.hostname {
        return Ok(Some(actor));
    }
    let here = services()?.portal_by_host(&host()?).await?;
    Ok(here.filter(|p| p.id == actor.portal.id).map(|_| actor))
}

/// Who is signed in.
///
/// # Errors
/// [`AppError::NotSignedIn`], or what [`portal`] finds where nobody is.
pub async fn actor() -> Result<Actor, AppError> {
    match visitor().await? {
        Some(actor) => Ok(actor),
        None => portal().await.and(Err(AppError::NotSignedIn)),
    }
}

/// Who is signed in, and is an administrator.
///
/// # Errors
/// As [`actor`], and [`AppError::NotAllowed`].
pub async fn admin() -> Result<Actor, AppError> {
    let actor = actor().await?;
    match actor.role {
        Role::Administrator => Ok(actor),
        Role::User => Err(backend::Error::NotAllowed.into()),
    }
}

/// Gives the session to `actor` under a new id, so that an id that was known
/// before is worth nothing. What the session held for somebody else is dropped.
///
/// # Errors
/// Only unexpected ones.
pub async fn start_session(actor: Actor) -> Result<(), AppError> {
    device::remember(&actor)?;
    let mut auth = auth_session()?;
    let session = auth.session.clone();
    let same_person = auth.user.take().is_some_and(|u| u.into_actor().user_id == actor.user_id);
    if same_person { session.cycle_id().await } else { session.flush().await }.map_err(|e| unexpected(&e))?;
    auth.login(&actor.into()).await.map_err(|e| unexpected(&e))
}

/// Ends the session and forgets all that it held.
///
/// # Errors
/// Only unexpected ones.
pub async fn end_session() -> Result<(), AppError> {
    auth_session()?.session.flush().await.map_err(|e| unexpected(&e))
}

/// Answers with "see other page" (303): a page of this portal and nothing else.
/// A target that leaves the portal becomes the home page.
pub fn see_other(path: &str) {
    let target = routes::local_path(path).unwrap_or(routes::HOME);
    let (Some(response), Ok(location)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(target))
    else {
        return;
    };
    response.insert_header(header::LOCATION, location);
    response.set_status(StatusCode::SEE_OTHER);
}

/// Sets the status of the answer.
pub fn set_status(status: u16) {
    if let (Some(response), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        response.set_status(status);
    }
}

/// Asks the browser to load the page again in so many seconds: for a page that
/// shows something at work, with and without a script.
pub fn refresh_in(seconds: u8) {
    if let (Some(response), Ok(value)) =
        (use_context::<ResponseOptions>(), HeaderValue::from_str(&seconds.to_string()))
    {
        response.insert_header(header::REFRESH, value);
    }
}

/// Leads the browser on to a page that is not of this portal, with and without a
/// script: after the page that says so.
pub fn refresh_to(url: &str) {
    if let (Some(response), Ok(value)) =
        (use_context::<ResponseOptions>(), HeaderValue::from_str(&format!("0; url={url}")))
    {
        response.insert_header(header::REFRESH, value);
    }
}

/// Where the request came from, for throttling; `None` where nobody knows.
pub fn client_ip() -> Option<IpAddr> {
    with_context::<Parts, _>(|parts| {
        let told = parts.extensions.get::<ClientIp>().map(|ip| ip.0);
        told.or_else(|| parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip()))
    })
    .flatten()
}

/// Whether a page is wanted (a visit, or a form sent by the browser itself)
/// rather than data (a script's request).
pub fn wants_html() -> bool {
    with_context::<Parts, _>(|parts| {
        parts.method == Method::GET
            || parts
                .headers
                .get(header::ACCEPT)
                .and_then(|v| v.to_str().ok())
                .is_some_and(|v| v.contains("text/html"))
    })
    .unwrap_or(false)
}

/// The path and query of this request.
pub fn path_and_query() -> String {
    with_context::<Parts, _>(|parts| parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned())
        .unwrap_or_else(|| "/".to_owned())
}

/// One value of the query; empty where it is not there.
pub fn query(name: &str) -> String {
    type Pairs = axum::extract::Query<Vec<(String, String)>>;
    with_context::<Parts, _>(|parts| {
        let pairs = Pairs::try_from_uri(&parts.uri).map(|q| q.0).unwrap_or_default();
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    })
    .flatten()
    .unwrap_or_default()
}

/// The browser session of this request.
///
/// # Errors
/// [`AppError::Internal`] where the server has no session layer.
pub(super) fn session() -> Result<Session, AppError> {
    with_context::<Parts, _>(|parts| parts.extensions.get::<Session>().cloned())
        .flatten()
        .ok_or_else(|| missing("Session"))
}

fn auth_session() -> Result<AuthSession, AppError> {
    with_context::<Parts, _>(|parts| parts.extensions.get::<AuthSession>().cloned())
        .flatten()
        .ok_or_else(|| missing("AuthSession"))
}

fn host() -> Result<String, AppError> {
    with_context::<Parts, _>(|parts| {
        let header = parts.headers.get(header::HOST).and_then(|v| v.to_str().ok());
        header
            .or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))
            .unwrap_or_default()
            .to_owned()
    })
    .ok_or_else(|| missing("Parts"))
}

fn bare_host(host: &str) -> String {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) => bare,
        _ => host,
    };
    bare.to_ascii_lowercase()
}

/// The server forgot to provide something: a mistake in its wiring.
#[derive(Debug)]
struct Missing(&'static str);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not in the request's context", self.0)
    }
}

impl std::error::Error for Missing {}

fn missing(what: &'static str) -> AppError {
    unexpected(&Missing(what))
}

#[cfg(test)]
mod tests {
    use leptos::{context::provide_context, reactive::owner::Owner};

    use super::*;

    fn sent_to(path: &str) -> (String, Option<StatusCode>) {
        Owner::new().with(|| {
            let response = ResponseOptions::default();
            provide_context(response.clone());
            see_other(path);
            let parts = response.0.read().unwrap();
            (parts.headers[header::LOCATION].to_str().unwrap().to_owned(), parts.status)
        })
    }

    #[test]
    fn nobody_is_sent_out_of_the_portal() {
        for out in ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb: c", ""] {
            assert_eq!(sent_to(out).0, "/", "{out:?}");
        }
        assert_eq!(sent_to("/apps?q=a"), ("/apps?q=a".to_owned(), Some(StatusCode::SEE_OTHER)));
    }

    #[test]
    fn the_host_of_a_request_is_compared_without_port_and_case() {
        assert_eq!(bare_host("Acme.Portal.example:3000"), "acme.portal.example");
        assert_eq!(bare_host("acme.portal.example"), "acme.portal.example");
    }
}
