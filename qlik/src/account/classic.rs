//! The classic login page of Auth0, which Qlik's login host shows by all public
//! signs: a page without a form, whose script holds the settings of the login and
//! sends e-mail and password as JSON
//! (<https://auth0.com/docs/authenticate/login/auth0-universal-login/classic-experience>).
//!
//! Only the settings are taken out of the script; nothing of it is run. This module
//! must not know where the answer may be sent.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use super::connection;
use super::controls::Payload;
use crate::wiped;

/// Where the page's script sends what a person typed, on the host of the page.
pub(super) const PATH: &str = "/usernamepassword/login";
/// What Auth0 calls the accounts that have a password, unless told otherwise.
const CONNECTION: &str = "Username-Password-Authentication";
/// So many objects in one script are tried.
const MAX_TRIES: usize = 64;
/// Members of the settings that hold what the login needs.
const PARTS: [&str; 2] = ["extraParams", "internalOptions"];

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// The settings of a login.
pub(super) struct Settings(Map<String, Value>);

#[derive(Serialize)]
struct Login<'a> {
    #[serde(flatten)]
    settings: &'a Map<String, Value>,
    username: &'a str,
    password: &'a str,
}

impl Settings {
    /// Looks through the scripts of a page. `page` is the page's address, whose
    /// query repeats what the script may leave out.
    pub(super) fn find(scripts: &[Zeroizing<String>], page: &Url) -> Option<Self> {
        let config = scripts.iter().find_map(|script| in_script(script))?;
        Self::of(&config, page, || connection::named(scripts))
    }

    /// `named`: how the page's own script calls the accounts.
    fn of(config: &Map<String, Value>, page: &Url, named: impl Fn() -> Option<String>) -> Option<Self> {
        let mut all = Map::new();
        let wanted = |name: &str, value: &Value| {
            !value.is_null() && !["username", "email", "password"].contains(&name)
        };
        for part in PARTS {
            let members = config.get(part).and_then(Value::as_object).into_iter().flatten();
            for (name, value) in members.filter(|(name, value)| wanted(name, value)) {
                all.insert(name.clone(), value.clone());
            }
        }
        let first = |names: &[&str]| {
            let given = |from: &Map<String, Value>, name: &&str| {
                from.get(*name).filter(|v| v.as_str().is_some_and(|s| !s.is_empty())).cloned()
            };
            names.iter().find_map(|name| given(config, name).or_else(|| given(&all, name)))
        };
        let query = |name: &str| {
            page.query_pairs()
                .find(|(n, v)| n == name && !v.is_empty())
                .map(|(_, v)| Value::from(v.into_owned()))
        };
        let client_id =
            first(&["clientID", "clientId", "client_id", "client"]).or_else(|| query("client"))?;
        let redirect_uri =
            first(&["redirect_uri", "redirectUri", "callbackURL", "callbackUrl", "callback_url"]);
        let tenant = first(&["auth0Tenant", "tenant"]);
        let connection = first(&["connection", "defaultConnection", "databaseConnection"]);
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                all.entry(name).or_insert(value);
            }
        };
        for name in [
            "state",
            "_csrf",
            "_intstate",
            "nonce",
            "scope",
            "protocol",
            "audience",
            "response_type",
            "response_mode",
            "code_challenge",
            "code_challenge_method",
        ] {
            let top = config.get(name).filter(|value| wanted(name, value)).cloned();
            set(name, top.or_else(|| query(name)));
        }
        set("redirect_uri", redirect_uri.or_else(|| query("redirect_uri")));
        set("tenant", tenant);
        let connection = connection.or_else(|| named().map(Value::from));
        set("connection", Some(connection.unwrap_or_else(|| Value::from(CONNECTION))));
        // Under the one name that the endpoint reads.
        all.insert("client_id".to_owned(), client_id);
        // Without it the login is of no use, and would count as a try all the same.
        all.contains_key("state").then_some(Self(all))
    }

    /// What the page's script would send.
    ///
    /// # Errors
    ///
    /// For settings that are not JSON, which does not happen.
    pub(super) fn payload(&self, email: &str, password: &str) -> Result<Payload, serde_json::Error> {
        let bytes = wiped::json(&Login { settings: &self.0, username: email, password })?;
        Ok(Payload { content_type: "application/json".to_owned(), bytes: Bytes::from_owner(bytes) })
    }
}

/// The settings in one script, or in the value of one attribute.
fn in_script(script: &str) -> Option<Map<String, Value>> {
    in_json(script)
        .or_else(|| in_base64(script.trim()))
        .or_else(|| after(script, "atob(").find_map(in_base64))
        .or_else(|| after(script, "JSON.parse(").find_map(in_json))
        .or_else(|| objects(script))
}

/// The texts in quotes that follow each `call`.
fn after<'a>(script: &'a str, call: &'static str) -> impl Iterator<Item = &'a str> {
    script.match_indices(call).take(MAX_TRIES).filter_map(move |(at, _)| {
        let rest = script[at + call.len()..].trim_start();
        let quote = rest.chars().next().filter(|c| ['"', '\'', '`'].contains(c))?;
        rest[1..].split(quote).next()
    })
}

fn in_base64(text: &str) -> Option<Map<String, Value>> {
    if !(16..=512 * 1024).contains(&text.len()) {
        return None;
    }
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()?;
    in_json(std::str::from_utf8(&bytes).ok()?)
}

fn in_json(text: &str) -> Option<Map<String, Value>> {
    within(serde_json::from_str(text).ok()?, 3)
}

/// Objects that are assigned or handed over in a script, where they are JSON.
fn objects(script: &str) -> Option<Map<String, Value>> {
    let begins = script.match_indices('{').filter(|(at, _)| {
        let before = script[..*at].trim_end();
        before.ends_with(['=', ':', '(', ',', '?', '|'])
    });
    begins.take(MAX_TRIES).find_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&script[at..]).into_iter::<Value>();
        within(values.next()?.ok()?, 3)
    })
}

/// The object itself, or one inside it, that has what settings have.
fn within(value: Value, depth: usize) -> Option<Map<String, Value>> {
    let Value::Object(object) = value else { return None };
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    let is_settings = has(&["clientID", "clientId", "client_id"])
        && (has(&PARTS) || has(&["state", "callbackURL", "callbackUrl", "redirect_uri"]));
    if is_settings {
        return Some(object);
    }
    if depth == 0 {
        return None;
    }
    object.into_iter().find_map(|(_, inner)| within(inner, depth - 1))
}

#[cfg(test)]
#[path = "classic_tests.rs"]
mod tests;
