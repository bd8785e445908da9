//! What an administrator types, and what can be said of it without asking Qlik.

use std::fmt;

use qlik::{
    host::{HostError, HostPolicy, TenantHost},
    secret::ApiKeyToken,
};
use secrecy::{ExposeSecret, SecretString};

use super::Report;
use crate::FieldError;

/// The settings form.
#[derive(Default)]
pub struct SaveInput {
    /// `Qlik Sense tenant hostname`: a host, or a pasted address that holds one.
    pub tenant_host: String,
    /// `Web Integration Id`.
    pub web_integration_id: String,
    /// `api_key` or `credentials`.
    pub auth_option: String,
    /// `Qlik Sense API key`; blank keeps the stored one.
    pub api_key: Option<SecretString>,
    /// The explicit choice to send the e-mail as subject.
    pub email_as_subject: bool,
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
    pub(super) key: Option<ApiKeyToken>,
}

const HOST: &str = "tenant_host";
const WEB: &str = "web_integration_id";
const KEY: &str = "api_key";

/// Reads the form. `stored_host`: where a stored key belongs to; a blank key
/// keeps it only there.
pub(super) fn parse(
    input: &SaveInput,
    policy: &HostPolicy,
    stored_host: Option<&TenantHost>,
) -> Result<Parsed, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let host = parse_host(&input.tenant_host, policy).map_err(|e| wrong.push(e)).ok();
    let web = input.web_integration_id.trim();
    let web_ok = web.len() <= 128 && web.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if web.is_empty() {
        wrong.push(FieldError::new(WEB, "required"));
    } else if !web_ok {
        wrong.push(FieldError::new(WEB, "not_an_id"));
    }
    match input.auth_option.as_str() {
        "api_key" => {}
        "credentials" => wrong.push(FieldError::new("auth_option", "not_yet")),
        _ => wrong.push(FieldError::new("auth_option", "required")),
    }
    let typed = input.api_key.as_ref().filter(|k| !k.expose_secret().trim().is_empty());
    let key = if typed.is_some() {
        parse_key(typed).map_err(|e| wrong.push(e)).ok()
    } else {
        match (stored_host, &host) {
            (None, _) => wrong.push(FieldError::new(KEY, "required")),
            // A key is worth nothing at another tenant, and is not sent there.
            (Some(stored), Some(host)) if stored != host => wrong.push(FieldError::new(KEY, "other_tenant")),
            _ => {}
        }
        None
    };
    match (host, wrong.is_empty()) {
        (Some(host), true) => Ok(Parsed { host, web_integration_id: web.to_owned(), key }),
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
mod tests {
    use super::*;

    fn codes(input: &SaveInput, stored: Option<&TenantHost>) -> Vec<(&'static str, &'static str)> {
        parse(input, &HostPolicy::default(), stored)
            .err()
            .unwrap_or_default()
            .iter()
            .map(|f| (f.field, f.code))
            .collect()
    }

    fn input(host: &str, web: &str, key: Option<&str>) -> SaveInput {
        SaveInput {
            tenant_host: host.to_owned(),
            web_integration_id: web.to_owned(),
            auth_option: "api_key".to_owned(),
            api_key: key.map(|k| k.to_owned().into()),
            email_as_subject: false,
        }
    }

    #[test]
    fn every_field_is_told_at_once() {
        let empty = SaveInput::default();
        assert_eq!(
            codes(&empty, None),
            [(HOST, "required"), (WEB, "required"), ("auth_option", "required"), (KEY, "required")]
        );
    }

    #[test]
    fn a_pasted_address_becomes_its_host() {
        let stored = TenantHost::parse("acme.eu.qlikcloud.com", &HostPolicy::default()).unwrap();
        let read = parse(
            &input(" https://ACME.eu.qlikcloud.com/hub?x=1 ", " abc ", None),
            &HostPolicy::default(),
            Some(&stored),
        );
        let read = read.unwrap_or_else(|_| panic!("taken"));
        assert_eq!(read.host.as_str(), "acme.eu.qlikcloud.com");
        assert_eq!(read.web_integration_id, "abc");
    }

    #[test]
    fn a_blank_key_is_kept_at_its_own_tenant_alone() {
        let stored = TenantHost::parse("acme.eu.qlikcloud.com", &HostPolicy::default()).unwrap();
        assert!(codes(&input("acme.eu.qlikcloud.com", "abc", Some("  ")), Some(&stored)).is_empty());
        assert_eq!(
            codes(&input("globex.us.qlikcloud.com", "abc", None), Some(&stored)),
            [(KEY, "other_tenant")]
        );
        assert_eq!(codes(&input("acme.eu.qlikcloud.com", "abc", None), None), [(KEY, "required")]);
    }

    #[test]
    fn a_host_that_is_none_of_qliks_is_refused() {
        for (host, code) in [
            ("127.0.0.1", "ip_address"),
            ("example.com", "not_qlik"),
            ("acme.eu.qlikcloud.com:8443", "has_port"),
        ] {
            assert_eq!(codes(&input(host, "abc", None), None)[0], (HOST, code), "{host}");
        }
    }

    #[test]
    fn credentials_can_not_be_chosen_yet() {
        let typed = SaveInput {
            auth_option: "credentials".to_owned(),
            ..input("acme.eu.qlikcloud.com", "abc", None)
        };
        assert!(codes(&typed, None).contains(&("auth_option", "not_yet")));
    }

    #[test]
    fn debug_shows_no_key() {
        let typed = input("acme.eu.qlikcloud.com", "abc", Some("canary"));
        assert!(!format!("{typed:?}").contains("canary"));
    }
}
