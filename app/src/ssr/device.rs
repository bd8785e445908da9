//! The cookie by which a browser is known where somebody signed in before. It lives
//! long, opens nothing, and what it holds is sealed: see
//! [`backend::Services::remember_device`].

use backend::{Actor, people::Caller};
use http::{HeaderValue, header, request::Parts};
use leptos::{context::use_context, reactive::owner::with_context};
use leptos_axum::ResponseOptions;
use tower_sessions::cookie::{Cookie, SameSite, time::Duration};

use super::{ctx, error::unexpected};
use crate::error::AppError;

/// How long a browser stays known that nobody signs in with. No browser keeps a
/// cookie for longer than 400 days.
const KEPT: Duration = Duration::days(365);

/// Where a try to sign in comes from.
///
/// # Errors
/// Only unexpected ones.
pub fn caller() -> Result<Caller, AppError> {
    Ok(Caller { ip: ctx::client_ip(), device: shown()? })
}

/// Leaves in the browser that `actor` signed in there.
///
/// # Errors
/// Only unexpected ones.
pub fn remember(actor: &Actor) -> Result<(), AppError> {
    let (name, plain) = name()?;
    let value = ctx::services()?.remember_device(actor, shown()?.as_deref())?;
    let cookie = Cookie::build((name, value))
        .path("/")
        .secure(!plain)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(KEPT);
    let value = HeaderValue::from_str(&cookie.build().to_string()).map_err(|e| unexpected(&e))?;
    if let Some(response) = use_context::<ResponseOptions>() {
        response.append_header(header::SET_COOKIE, value);
    }
    Ok(())
}

/// The cookie's name, and whether the portal is served without TLS, on loopback.
fn name() -> Result<(&'static str, bool), AppError> {
    let plain = ctx::services()?.config().public_url.scheme() == "http";
    Ok((if plain { "qonduit-device" } else { "__Host-qonduit-device" }, plain))
}

/// What the browser shows.
fn shown() -> Result<Option<String>, AppError> {
    let (name, _) = name()?;
    let found = with_context::<Parts, _>(|parts| {
        let sent = parts.headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        sent.flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    });
    Ok(found.flatten())
}
