//! What one request leaves for the next in the browser of somebody who is not signed
//! in: one sealed cookie, of a few minutes. Nothing that a stranger sends is stored
//! here, however often it is sent.
//!
//! Must not know what the values are.

use backend::vault::Place;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use leptos::serde_json::{self, Map, Value};
use serde::{Deserialize, Serialize};
use tower_cookies::{
    Cookie, Cookies,
    cookie::{SameSite, time::Duration},
};

use super::ctx;
use crate::error::AppError;

/// How long it is kept, in seconds: the next page is asked for at once.
const KEPT: i64 = 300;
/// Bytes of all values together. Sealed and as text they fit into the 4096 that a
/// browser takes of a cookie with its name and attributes
/// (<https://www.rfc-editor.org/rfc/rfc6265#section-6.1>).
const ROOM: usize = 2_700;
const PLACE: Place<'static> = Place { portal: "", table: "cookie", row: "", column: "flash" };

/// The cookie's name, for a portal over TLS and for one on loopback without.
pub const NAMES: (&str, &str) = ("__Host-qonduit-flash", "qonduit-flash");

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    until: i64,
    values: Map<String, Value>,
}

/// The cookie of this request.
struct Jar {
    services: backend::Services,
    cookies: Cookies,
    secure: bool,
}

impl Jar {
    fn here() -> Result<Self, AppError> {
        let services = ctx::services()?;
        let secure = services.config().public_url.scheme() != "http";
        Ok(Self { cookies: ctx::cookies()?, secure, services })
    }

    const fn name(&self) -> &'static str {
        if self.secure { NAMES.0 } else { NAMES.1 }
    }

    /// What can't be opened, or is over, is nothing.
    fn read(&self) -> Map<String, Value> {
        let open = || {
            let sealed = URL_SAFE_NO_PAD.decode(self.cookies.get(self.name())?.value()).ok()?;
            let plain = self.services.cookies().open(PLACE, &sealed).ok()?;
            let kept: Kept = serde_json::from_slice(&plain).ok()?;
            let now = self.services.now().as_second();
            (now..=now + KEPT).contains(&kept.until).then_some(kept.values)
        };
        open().unwrap_or_default()
    }

    fn write(&self, values: Map<String, Value>) {
        let base = Cookie::build((self.name(), ""))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax);
        if values.is_empty() {
            self.cookies.remove(base.build());
            return;
        }
        let kept = Kept { until: self.services.now().as_second() + KEPT, values };
        let sealed =
            serde_json::to_vec(&kept).ok().and_then(|p| self.services.cookies().seal(PLACE, &p).ok());
        if let Some(sealed) = sealed {
            let mut cookie = base.max_age(Duration::seconds(KEPT)).build();
            cookie.set_value(URL_SAFE_NO_PAD.encode(sealed));
            self.cookies.add(cookie);
        }
    }
}

/// Leaves `value` under `key`. Where there is no room for it and the others it stands
/// alone, and where there is none for it at all it is dropped.
pub(super) fn put(key: &str, value: Value) -> Result<(), AppError> {
    let jar = Jar::here()?;
    let mut values = jar.read();
    values.insert(key.to_owned(), value);
    if size(&values) > ROOM {
        values.retain(|k, _| k == key);
    }
    if size(&values) <= ROOM {
        jar.write(values);
    }
    Ok(())
}

/// What was left under `key`.
pub(super) fn get(key: &str) -> Result<Option<Value>, AppError> {
    Ok(Jar::here()?.read().remove(key))
}

/// Takes what was left under `key`.
pub(super) fn take(key: &str) -> Result<Option<Value>, AppError> {
    let jar = Jar::here()?;
    let mut values = jar.read();
    let taken = values.remove(key);
    if taken.is_some() {
        jar.write(values);
    }
    Ok(taken)
}

fn size(values: &Map<String, Value>) -> usize {
    serde_json::to_vec(values).map_or(usize::MAX, |v| v.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cookie_fits_into_what_a_browser_takes() {
        let sealed = URL_SAFE_NO_PAD.encode(vec![0_u8; ROOM + 60 + 33]);
        let cookie = Cookie::build((NAMES.0, sealed))
            .path("/")
            .http_only(true)
            .secure(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(KEPT));
        assert!(cookie.build().to_string().len() <= 4_096);
    }
}
