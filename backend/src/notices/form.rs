//! What an administrator types about notices, and what can be said of it without
//! asking anybody.

use std::fmt;

use lettre::{Address, message::Mailbox};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reach;
use crate::{FieldError, text};

/// Recipients of one portal at most.
const MOST_RECIPIENTS: usize = 20;

/// The mail form. An empty host sends no mail.
#[derive(Default)]
pub struct MailInput {
    /// The mail server's name or address.
    pub host: String,
    /// Its port.
    pub port: String,
    /// `starttls`, `tls`, or `none` for a server on this machine.
    pub security: String,
    /// Whom to sign in as; empty signs in as nobody.
    pub user: String,
    /// Blank keeps the stored one.
    pub password: Option<SecretString>,
    /// The sender, with a name or without.
    pub from: String,
    /// Addresses, parted by commas or lines; empty is all active administrators.
    pub to: String,
}

impl fmt::Debug for MailInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailInput").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The webhook form. An empty address sends none.
#[derive(Debug, Clone, Default)]
pub struct WebhookInput {
    /// Where it is posted to.
    pub url: String,
    /// The secret is made anew; the old one is void at once.
    pub new_secret: bool,
}

/// What is told.
#[derive(Debug, Clone, Default)]
pub struct RulesInput {
    /// Each renewal, not failures alone.
    pub renewed: bool,
    /// Hours (1 to 168) after which something that lasts is told again.
    pub repeat_hours: String,
}

/// How the way to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// Encrypted before anything is said, or not at all.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// Not encrypted; this machine alone.
    None,
}

impl Security {
    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::StartTls, Self::Tls, Self::None].into_iter().find(|s| s.as_str() == name)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }
}

/// The mail form, read.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) user: Option<String>,
    pub(super) from: String,
    /// One address a line.
    pub(super) to: String,
}

/// The server that a stored password is for.
pub(super) struct StoredLogin<'a> {
    pub(super) host: &'a str,
    pub(super) user: &'a str,
}

/// Reads the mail form; `None`: no mail. `stored`: what a blank password is kept for.
pub(super) fn mail(
    input: &MailInput,
    stored: Option<&StoredLogin<'_>>,
) -> Result<Option<Mail>, Vec<FieldError>> {
    let host = reach::bare(input.host.trim()).to_ascii_lowercase();
    if host.is_empty() {
        return Ok(None);
    }
    let mut wrong = Vec::new();
    let mut add = |field, code| wrong.push(FieldError::new(field, code));
    if !is_host(&host) {
        add("smtp_host", "not_a_mail_host");
    }
    let port = input.port.trim().parse::<u16>().ok().filter(|p| *p > 0);
    if port.is_none() {
        add("smtp_port", "not_a_port");
    }
    let security = Security::parse(&input.security);
    match security {
        None => add("smtp_security", "required"),
        Some(Security::None) if !reach::is_loopback(&host) => add("smtp_security", "only_this_machine"),
        Some(_) => {}
    }
    let user = Some(input.user.trim().to_owned()).filter(|u| !u.is_empty());
    let typed = input.password.as_ref().is_some_and(|p| !p.expose_secret().is_empty());
    match (&user, typed, stored) {
        // A password is for one account at one server, and is not sent to another.
        (Some(u), false, Some(s)) if s.host == host && s.user == u => {}
        (Some(_), false, Some(_)) => add("smtp_password", "other_server"),
        (Some(_), false, None) => add("smtp_password", "required"),
        (None, true, _) => add("smtp_user", "required"),
        (Some(_), true, _) | (None, false, _) => {}
    }
    let from = input.from.trim();
    if from.is_empty() {
        add("mail_from", "required");
    } else if from.parse::<Mailbox>().is_err() || from.len() > 320 {
        add("mail_from", "not_an_email");
    } else if let Err(code) = text::name(from) {
        add("mail_from", code);
    }
    let to: Vec<&str> =
        input.to.split([',', ';', '\n', '\r']).map(str::trim).filter(|a| !a.is_empty()).collect();
    if to.iter().any(|a| a.parse::<Address>().is_err()) {
        add("mail_to", "not_an_email");
    } else if to.len() > MOST_RECIPIENTS {
        add("mail_to", "too_many");
    }
    match (port, security, wrong.is_empty()) {
        (Some(port), Some(security), true) => {
            Ok(Some(Mail { host, port, security, user, from: from.to_owned(), to: to.join("\n") }))
        }
        _ => Err(wrong),
    }
}

fn is_host(host: &str) -> bool {
    host.len() <= 253
        && (host.parse::<std::net::IpAddr>().is_ok()
            || host.split('.').all(|l| {
                !l.is_empty()
                    && l.len() <= 63
                    && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            }))
}

/// Reads the webhook's address; `None`: no webhook. `hosts`: those that the
/// operator named.
pub(super) fn webhook(input: &WebhookInput, hosts: &[String]) -> Result<Option<Url>, Vec<FieldError>> {
    let typed = input.url.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let wrong = |code| Err(vec![FieldError::new("webhook_url", code)]);
    let Ok(url) = Url::parse(typed) else { return wrong("not_a_url") };
    let Some(host) = url.host_str() else { return wrong("not_a_url") };
    if typed.len() > 2_000 {
        return wrong("too_long");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("has_password");
    }
    match url.scheme() {
        "https" => Ok(Some(url)),
        "http" if reach::is_loopback(host) && reach::is_named(host, hosts) => Ok(Some(url)),
        "http" => wrong("not_https"),
        _ => wrong("not_a_url"),
    }
}

/// Reads how often something that lasts is told again, in hours.
pub(super) fn repeat_hours(input: &RulesInput) -> Result<i64, Vec<FieldError>> {
    let hours = input.repeat_hours.trim().parse::<i64>().ok();
    hours.filter(|h| (1..=168).contains(h)).ok_or_else(|| vec![FieldError::new("repeat_hours", "not_hours")])
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
