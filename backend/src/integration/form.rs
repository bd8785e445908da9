//! What an administrator types, and what can be said of it without asking Qlik.

use std::fmt;

use qlik::{
    OAuthClientId,
    host::{HostError, HostPolicy, TenantHost},
    oauth::ClientSecret,
    secret::ApiKeyToken,
};
use secrecy::{ExposeSecret, SecretString};

use super::Report;
use crate::{
    FieldError,
    connection::{AuthOption, Connection},
};

/// The settings form.
#[derive(Default)]
pub struct SaveInput {
    /// `Qlik Sense tenant hostname`: a host, or a pasted address that holds one.
    pub tenant_host: String,
    /// `Web Integration Id`.
    pub web_integration_id: String,
    /// The name of an [`AuthOption`].
    pub auth_option: String,
    /// `Qlik Sense API key`; blank keeps the stored one.
    pub api_key: Option<SecretString>,
    /// The explicit choice to send the e-mail as subject.
    pub email_as_subject: bool,
    /// The id of the OAuth client.
    pub oauth_client_id: String,
    /// The secret of the OAuth client; blank keeps the stored one.
    pub oauth_client_secret: Option<SecretString>,
}

impl fmt::Debug for SaveInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveInput")
            .field("tenant_host", &self.tenant_host)
            .field("web_integration_id", &self.web_integration_id)
            .finish_non_exhaustive()
    }
}

/// How a save ended.
#[derive(Debug, Default)]
pub struct SaveOutcome {
    /// It is stored.
    pub saved: bool,
    /// It works and would change the tenant, the web integration or the option: it
    /// is kept beside what is in force, for an administrator to switch to.
    pub staged: bool,
    /// The fields that can't be taken. A field whose check failed has the code `check`.
    pub fields: Vec<FieldError>,
    /// The checks, where the fields could be taken.
    pub report: Option<Report>,
}

/// The form, read.
pub(super) struct Parsed {
    pub(super) host: TenantHost,
    pub(super) web_integration_id: String,
    pub(super) means: ParsedMeans,
}

/// What the option needs; what is blank is kept.
pub(super) enum ParsedMeans {
    Key(Option<ApiKeyToken>),
    Credentials,
    OAuth { everyone: bool, id: OAuthClientId, secret: Blank },
}

/// A secret that was typed, or is not.
pub(super) enum Blank {
    Typed(ClientSecret),
    /// It is kept.
    Keep,
    /// The client has none.
    None,
}

const HOST: &str = "tenant_host";
const WEB: &str = "web_integration_id";
const KEY: &str = "api_key";
const CLIENT: &str = "oauth_client_id";
const SECRET: &str = "oauth_client_secret";
/// Qlik's secrets have 64 characters.
const SECRET_MAX: usize = 512;

/// Reads the form. `stored`: what is in force; a blank key or secret is kept only
/// for its own tenant and client.
pub(super) fn parse(
    input: &SaveInput,
    policy: &HostPolicy,
    stored: Option<&Connection>,
) -> Result<Parsed, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let host = parse_host(&input.tenant_host, policy).map_err(|e| wrong.push(e)).ok();
    let option = AuthOption::parse(&input.auth_option);
    let web = input.web_integration_id.trim();
    let web_ok = web.len() <= 128 && web.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if web.is_empty() && option.is_none_or(AuthOption::needs_web_integration) {
        wrong.push(FieldError::new(WEB, "required"));
    } else if !web_ok {
        wrong.push(FieldError::new(WEB, "not_an_id"));
    }
    let means = match option {
        None => {
            wrong.push(FieldError::new("auth_option", "required"));
            None
        }
        Some(AuthOption::ApiKey) => {
            key_of(input, host.as_ref(), stored).map_err(|e| wrong.push(e)).ok().map(ParsedMeans::Key)
        }
        Some(AuthOption::Credentials) => Some(ParsedMeans::Credentials),
        Some(option) => client_of(input, option, host.as_ref(), stored).map_err(|e| wrong.extend(e)).ok(),
    };
    match (host, means, wrong.is_empty()) {
        (Some(host), Some(means), true) => Ok(Parsed { host, web_integration_id: web.to_owned(), means }),
        _ => Err(wrong),
    }
}

/// The key that was typed; none where the stored one is kept.
fn key_of(
    input: &SaveInput,
    host: Option<&TenantHost>,
    stored: Option<&Connection>,
) -> Result<Option<ApiKeyToken>, FieldError> {
    let typed = input.api_key.as_ref().filter(|k| !k.expose_secret().trim().is_empty());
    if typed.is_some() {
        return parse_key(typed).map(Some);
    }
    match (stored.filter(|s| s.option == AuthOption::ApiKey), host) {
        (None, _) => Err(FieldError::new(KEY, "required")),
        // A key is worth nothing at another tenant, and is not sent there.
        (Some(stored), Some(host)) if !stored.is_name(host) => Err(FieldError::new(KEY, "other_tenant")),
        _ => Ok(None),
    }
}

/// The OAuth client.
fn client_of(
    input: &SaveInput,
    option: AuthOption,
    host: Option<&TenantHost>,
    stored: Option<&Connection>,
) -> Result<ParsedMeans, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let id = input.oauth_client_id.trim();
    let code = if id.is_empty() { "required" } else { "not_a_client_id" };
    let id = id.parse::<OAuthClientId>().map_err(|_| wrong.push(FieldError::new(CLIENT, code))).ok();
    let typed = input.oauth_client_secret.as_ref().map(|s| s.expose_secret().trim());
    let known = stored.filter(|s| s.client_id.as_deref() == id.as_ref().map(OAuthClientId::as_str));
    let everyone = option == AuthOption::OauthEveryone;
    let secret = match typed.filter(|s| !s.is_empty()) {
        Some(text) if text.len() > SECRET_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) => {
            wrong.push(FieldError::new(SECRET, "not_a_secret"));
            Blank::None
        }
        Some(text) => Blank::Typed(ClientSecret::new(text)),
        // As a key it is sent to its own tenant alone.
        None if known.is_some_and(|s| host.is_none_or(|h| s.is_name(h))) => Blank::Keep,
        None if everyone => {
            let code =
                if stored.is_some_and(|s| s.client_id.is_some()) { "other_client" } else { "required" };
            wrong.push(FieldError::new(SECRET, code));
            Blank::None
        }
        // A client that keeps no secret proves itself by PKCE alone.
        None => Blank::None,
    };
    match (id, wrong.is_empty()) {
        (Some(id), true) => Ok(ParsedMeans::OAuth { everyone, id, secret }),
        _ => Err(wrong),
    }
}

/// The tenant's host.
pub(crate) fn parse_host(typed: &str, policy: &HostPolicy) -> Result<TenantHost, FieldError> {
    TenantHost::parse(typed, policy).map_err(|e| FieldError::new(HOST, host_code(&e)))
}

/// A key that must be there.
pub(crate) fn parse_key(typed: Option<&SecretString>) -> Result<ApiKeyToken, FieldError> {
    let text = typed.map(|k| k.expose_secret().trim()).filter(|k| !k.is_empty());
    let text = text.ok_or_else(|| FieldError::new(KEY, "required"))?;
    ApiKeyToken::parse(text).map_err(|_| FieldError::new(KEY, "bad_token"))
}

fn host_code(e: &HostError) -> &'static str {
    match e {
        HostError::Empty => "required",
        HostError::NotAHost => "not_a_host",
        HostError::HasPort => "has_port",
        HostError::IpAddress => "ip_address",
        HostError::NotQlik { .. } => "not_qlik",
        HostError::TooLong => "too_long",
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
