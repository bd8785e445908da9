//! What one request leaves for the next: a form's typed values and its errors, a
//! sentence about what just happened, a one-time link. Secrets are never kept, the
//! link apart, which is sealed.
//!
//! It is kept in the browser session of who is signed in. For anybody else, and where
//! the database takes no write, it is kept in a cookie.

use std::collections::BTreeMap;

use backend::{Actor, vault::Place};
use leptos::serde_json;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{auth, ctx, error::unexpected, jar};
use crate::{
    error::{AppError, FieldError},
    ui::form::FormState,
    wire::{Notice, Report},
};

/// Fields whose value is dropped, whoever asks to keep it.
const SECRETS: &[&str] = &[
    "password",
    "current_password",
    "new_password",
    "api_key",
    "code",
    "token",
    "smtp_password",
    "oauth_client_secret",
    "qlik_password",
];

/// The code of a field whose sentence is kept beside it.
const FOUND: &str = "check";
/// Under this name.
const SAYS: &str = "says";

/// Bytes of one typed value that are kept; a longer one is dropped. No form has a field
/// in which more makes sense.
const VALUE: usize = 1_000;
/// Bytes of all typed values of a form that are kept in a cookie.
const COOKIE_VALUES: usize = 1_500;

/// What a form that was not taken leaves for its page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Flash {
    values: BTreeMap<String, String>,
    /// The fields that can't be taken.
    pub errors: Vec<FieldError>,
    /// What is wrong beside the fields.
    pub trouble: Option<AppError>,
    /// The lines of a test of the connection.
    pub report: Option<Report>,
}

impl Flash {
    /// Keeps what was typed into `field`, unless it is a secret.
    #[must_use]
    pub fn keep(mut self, field: &str, value: &str) -> Self {
        if !SECRETS.contains(&field) && value.len() <= VALUE {
            self.values.insert(field.to_owned(), value.to_owned());
        }
        self
    }

    /// Takes up why the form was not taken.
    #[must_use]
    pub fn because(mut self, error: AppError) -> Self {
        match error {
            AppError::Invalid { fields } => self.errors = fields,
            other => self.trouble = Some(other),
        }
        self
    }

    /// A test found something wrong with `field`, and has words of its own for it.
    #[must_use]
    pub fn found(mut self, field: &str, says: &str) -> Self {
        self.errors.push(FieldError::new(field, FOUND));
        self.keep(SAYS, says)
    }

    /// As much of it as a cookie has room for: what is wrong, and the shorter values.
    fn small(&self) -> Self {
        let mut small = Self { report: None, ..self.clone() };
        let mut room = COOKIE_VALUES;
        let mut by_length: Vec<_> = self.values.iter().collect();
        by_length.sort_by_key(|(_, value)| value.len());
        small.values.clear();
        for (field, value) in by_length {
            let Some(left) = room.checked_sub(value.len()) else { break };
            room = left;
            small.values.insert(field.clone(), value.clone());
        }
        small
    }

    /// The state in which the page shows its form `id`.
    pub fn into_form(self, id: &'static str) -> FormState {
        let found = self.errors.iter().filter(|e| e.code == FOUND);
        let told = self.values.get(SAYS).map(|says| found.map(|e| (e.field.clone(), says.clone())).collect());
        FormState::new(id, self.values, self.errors, self.trouble).telling(told.unwrap_or_default())
    }
}

/// Leaves `flash` for the page with the form `id`.
///
/// # Errors
/// Only unexpected ones.
pub async fn put(id: &str, flash: &Flash) -> Result<(), AppError> {
    if in_session().await? {
        return insert(&form_key(id), flash).await;
    }
    jar::put(&form_key(id), serde_json::to_value(flash.small()).map_err(|e| unexpected(&e))?)
}

/// Takes what was left for the form `id`; it is shown once.
///
/// # Errors
/// Only unexpected ones.
pub async fn take(id: &str) -> Result<Flash, AppError> {
    let flash: Flash = match from_jar(jar::take(&form_key(id))?) {
        Some(flash) => flash,
        None => remove(&form_key(id)).await?.unwrap_or_default(),
    };
    // The form was sent back here because the database is in trouble: this page tells of it.
    if let Some(error @ AppError::Storage { .. }) = &flash.trouble {
        ctx::set_error(error);
    }
    Ok(flash)
}

/// What was left for the form `id`, which stays until [`take`].
///
/// # Errors
/// Only unexpected ones.
pub async fn peek(id: &str) -> Result<Flash, AppError> {
    if let Some(flash) = from_jar(jar::get(&form_key(id))?) {
        return Ok(flash);
    }
    Ok(ctx::session()?.get(&form_key(id)).await.map_err(|e| unexpected(&e))?.unwrap_or_default())
}

/// Takes what was left for the form `id` in the form's own shape.
///
/// # Errors
/// Only unexpected ones.
pub async fn take_form(id: &'static str) -> Result<FormState, AppError> {
    Ok(take(id).await?.into_form(id))
}

/// Leaves a sentence for the next page, whichever it is.
///
/// # Errors
/// Only unexpected ones.
pub async fn put_notice(notice: &Notice) -> Result<(), AppError> {
    if in_session().await? {
        return insert(NOTICE, notice).await;
    }
    jar::put(NOTICE, serde_json::to_value(notice).map_err(|e| unexpected(&e))?)
}

/// Takes the sentence for this page.
///
/// # Errors
/// Only unexpected ones.
pub async fn take_notice() -> Result<Option<Notice>, AppError> {
    match from_jar(jar::take(NOTICE)?) {
        Some(notice) => Ok(Some(notice)),
        None => remove(NOTICE).await,
    }
}

/// Leaves where the browser is to go on to, out of the portal: nothing secret, and
/// read only by the page that leads there.
///
/// # Errors
/// Only unexpected ones.
pub async fn put_leaving(url: &str) -> Result<(), AppError> {
    insert(LEAVING, &url.to_owned()).await
}

/// Takes where the browser is to go on to.
///
/// # Errors
/// Only unexpected ones.
pub async fn take_leaving() -> Result<Option<String>, AppError> {
    remove(LEAVING).await
}

/// A link that is shown once to the administrator who asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeLink {
    /// Whose password it sets.
    pub user_id: String,
    /// The whole address.
    pub url: String,
    /// When it stops working, in unix seconds.
    pub expires_at: i64,
}

#[derive(Serialize, Deserialize)]
struct SealedLink {
    user_id: String,
    sealed_url: Vec<u8>,
    expires_at: i64,
}

/// Leaves a one-time link for the next page, sealed: a session's row must not
/// hold what opens an account.
///
/// # Errors
/// Only unexpected ones.
pub async fn put_link(portal_id: &str, link: &OneTimeLink) -> Result<(), AppError> {
    let place = link_place(portal_id, &link.user_id);
    let sealed_url = ctx::services()?.vault().seal(place, link.url.as_bytes()).map_err(|e| unexpected(&e))?;
    insert(LINK, &SealedLink { user_id: link.user_id.clone(), sealed_url, expires_at: link.expires_at }).await
}

/// Takes the one-time link for this page.
///
/// # Errors
/// Only unexpected ones.
pub async fn take_link(portal_id: &str) -> Result<Option<OneTimeLink>, AppError> {
    let Some(link) = remove::<SealedLink>(LINK).await? else { return Ok(None) };
    let place = link_place(portal_id, &link.user_id);
    let Ok(url) = ctx::services()?.vault().open(place, &link.sealed_url) else { return Ok(None) };
    let url = String::from_utf8_lossy(&url).into_owned();
    Ok(Some(OneTimeLink { user_id: link.user_id, url, expires_at: link.expires_at }))
}

/// Leaves a new webhook secret for the next page of this administrator, sealed as
/// a one-time link is.
///
/// # Errors
/// Only unexpected ones.
pub async fn put_webhook_secret(me: &Actor, secret: &SecretString) -> Result<(), AppError> {
    let place = link_place(&me.portal.id, &me.user_id);
    let secret = secret.expose_secret().as_bytes();
    let sealed = ctx::services()?.vault().seal(place, secret).map_err(|e| unexpected(&e))?;
    insert(WEBHOOK_SECRET, &sealed).await
}

/// Takes the new webhook secret for this page; it is shown once.
///
/// # Errors
/// Only unexpected ones.
pub async fn take_webhook_secret(me: &Actor) -> Result<Option<String>, AppError> {
    let Some(sealed) = remove::<Vec<u8>>(WEBHOOK_SECRET).await? else { return Ok(None) };
    let place = link_place(&me.portal.id, &me.user_id);
    let Ok(secret) = ctx::services()?.vault().open(place, &sealed) else { return Ok(None) };
    Ok(Some(String::from_utf8_lossy(&secret).into_owned()))
}

const WEBHOOK_SECRET: &str = "webhook-secret";
const LEAVING: &str = "leaving";
const NOTICE: &str = "notice";
const LINK: &str = "one-time-link";

fn form_key(id: &str) -> String {
    format!("form:{id}")
}

fn link_place<'a>(portal: &'a str, user: &'a str) -> Place<'a> {
    Place { portal, table: "web_sessions", row: user, column: "data" }
}

/// Whether it is kept in the session. A stranger's would be a row for each request that
/// they care to send; and where nothing can be written, why is to be told all the same.
async fn in_session() -> Result<bool, AppError> {
    let signed_in = ctx::session()?.get_value(auth::DATA_KEY).await.map_err(|e| unexpected(&e))?.is_some();
    Ok(signed_in && ctx::services()?.db().trouble().is_none())
}

fn from_jar<T: DeserializeOwned>(value: Option<serde_json::Value>) -> Option<T> {
    serde_json::from_value(value?).ok()
}

async fn insert(key: &str, value: impl Serialize) -> Result<(), AppError> {
    ctx::session()?.insert(key, value).await.map_err(|e| unexpected(&e))
}

// Looks before it removes: removing marks the session as changed, and a page
// view without a flash should write nothing.
async fn remove<T: DeserializeOwned>(key: &str) -> Result<Option<T>, AppError> {
    let session = ctx::session()?;
    if session.get_value(key).await.map_err(|e| unexpected(&e))?.is_none() {
        return Ok(None);
    }
    session.remove(key).await.map_err(|e| unexpected(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_keeps_what_was_typed_and_never_a_secret() {
        let mut flash = Flash::default().keep("email", "a@b.example");
        for field in SECRETS {
            flash = flash.keep(field, "hunter2");
        }
        let kept = format!("{flash:?}");
        assert!(kept.contains("a@b.example") && !kept.contains("hunter2"), "{kept}");
    }

    #[test]
    fn what_is_far_too_long_is_not_kept_and_a_cookie_takes_the_shorter_values() {
        let flash = Flash::default().keep("email", &"a".repeat(VALUE + 1));
        assert!(flash.values.is_empty());
        let flash = Flash::default()
            .keep("email", "a@b.example")
            .keep("name", &"n".repeat(800))
            .keep("portal_name", &"p".repeat(900))
            .because(AppError::BadCredentials);
        let small = flash.small();
        assert_eq!(small.values.keys().collect::<Vec<_>>(), ["email", "name"]);
        assert_eq!(small.trouble, Some(AppError::BadCredentials));
    }

    #[test]
    fn field_errors_and_other_trouble_are_kept_apart() {
        let flash = Flash::default().because(AppError::field("email", "taken"));
        assert_eq!((flash.errors.len(), flash.trouble), (1, None));
        let flash = Flash::default().because(AppError::BadCredentials);
        assert_eq!((flash.errors.len(), flash.trouble), (0, Some(AppError::BadCredentials)));
    }
}
