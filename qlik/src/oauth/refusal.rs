//! What a refusal at the token endpoint means.
//!
//! Qlik documents the statuses (<https://qlik.dev/apis/rest/oauth>), not the codes. So
//! the names of the standard count first, wherever an answer has one
//! (<https://www.rfc-editor.org/rfc/rfc6749#section-5.2>); free words only tell apart
//! what a name leaves open, and what is left is what the status is documented for.

use super::OAuthErrorKind as K;
use crate::error::{Error, ErrorKind};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// Tokens for a code.
    Code,
    /// Tokens for a refresh token.
    Refresh,
    /// A token of the client's own.
    Client,
    /// A token for a user whom the client names.
    User,
    /// The end of a token.
    Revocation,
}

impl Grant {
    /// Whether a code or token was sent that may be what is refused.
    fn sends_a_token(self) -> bool {
        matches!(self, Self::Code | Self::Refresh | Self::Revocation)
    }
}

/// The text of a refusal, in one spelling.
struct Words {
    code: String,
    title: String,
    all: String,
}

impl Words {
    fn of(error: &Error) -> Self {
        let plain = |text: Option<&str>| {
            text.unwrap_or_default().to_ascii_lowercase().replace(['-', '_'], " ").trim().to_owned()
        };
        let (code, title) = (plain(error.code()), plain(error.title()));
        let all = format!("{code} {title} {}", plain(error.detail()));
        Self { code, title, all }
    }

    fn says(&self, part: &str) -> bool {
        self.all.contains(part)
    }

    fn any(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.says(part))
    }

    /// The standard's name for what is wrong: Qlik's envelope may have it as code or as
    /// title.
    fn name(&self) -> Option<&str> {
        const NAMES: [&str; 11] = [
            "invalid client",
            "invalid grant",
            "unauthorized client",
            "unsupported grant type",
            "invalid scope",
            "insufficient scope",
            "consent required",
            "interaction required",
            "login required",
            "access denied",
            "invalid request",
        ];
        [&self.code, &self.title].into_iter().find_map(|text| NAMES.into_iter().find(|name| text == name))
    }

    fn missing(&self) -> bool {
        self.any(&["not found", "unknown", "not exist", "no such"])
    }

    fn consent(&self) -> Option<K> {
        self.any(&["consent", "trusted"]).then_some(K::ConsentNeeded)
    }

    /// What is said of a user.
    fn user(&self) -> Option<K> {
        if (self.says("too many") && self.says("token")) || self.any(&["token limit", "number of tokens"]) {
            // Qlik's own sentence for a 403 names both causes.
            let both = self.any(&["disabled", "inactive", "deactivated"]);
            return Some(if both { K::UserRefused } else { K::TooManyTokens });
        }
        if !self.says("user") {
            return None;
        }
        let off = self.any(&["disabled", "inactive", "deactivated"]);
        off.then_some(K::UserDisabled).or_else(|| self.missing().then_some(K::UserUnknown))
    }

    /// What is said of the client, where it is clear that it is the client.
    fn client(&self) -> Option<K> {
        if !self.says("client") {
            return None;
        }
        // The standard's own sentence names an unknown client as one example of several causes.
        let open = self.any(&["authentication failed", "credential", "invalid client", "client is invalid"]);
        match (self.says("secret"), self.missing()) {
            (true, false) => Some(K::WrongSecret),
            (false, true) if !self.any(&["authentication failed", "credential"]) => Some(K::UnknownClient),
            (true, true) => Some(K::ClientRefused),
            _ => open.then_some(K::ClientRefused),
        }
    }

    /// Whether the code or token that was sent is what is refused.
    fn token(&self) -> bool {
        self.any(&[
            "refresh token",
            "authorization code",
            "code verifier",
            "invalid code",
            "code is",
            "code has",
        ]) || self.any(&["invalid token", "token is", "token has", "token was"])
    }

    fn named(&self, name: &str, grant: Grant, status: u16) -> K {
        let sends_a_token = grant.sends_a_token();
        match name {
            "invalid grant" if sends_a_token => K::InvalidGrant,
            "invalid grant" => self.user().or_else(|| self.consent()).unwrap_or(K::InvalidGrant),
            // One name for an id that is not known and a secret that is wrong.
            "invalid client" => match self.client() {
                Some(kind @ (K::UnknownClient | K::WrongSecret)) => kind,
                _ => K::ClientRefused,
            },
            "unauthorized client" => self.consent().unwrap_or(K::GrantNotAllowed),
            "unsupported grant type" => K::GrantNotAllowed,
            "invalid scope" | "insufficient scope" => K::ScopeNotAllowed,
            "consent required" | "interaction required" | "login required" => K::ConsentNeeded,
            "access denied" => {
                self.consent().or_else(|| self.user()).unwrap_or_else(|| by_status(grant, status))
            }
            _ => K::Other,
        }
    }

    fn free(&self, grant: Grant) -> Option<K> {
        if let Some(kind) = self.consent().or_else(|| self.user()) {
            return Some(kind);
        }
        let client = self.client();
        if grant.sends_a_token() && self.token() {
            // That the secret is named too leaves open which of them it is.
            let both = matches!(client, Some(K::WrongSecret | K::ClientRefused));
            return Some(if both { K::TokenOrClient } else { K::InvalidGrant });
        }
        if client.is_some() {
            return client;
        }
        if self.says("grant type") || (self.says("grant") && self.says("not allowed")) {
            return Some(K::GrantNotAllowed);
        }
        self.says("scope").then_some(K::ScopeNotAllowed)
    }
}

/// What a status is documented for.
fn by_status(grant: Grant, status: u16) -> K {
    match (status, grant) {
        // "Invalid login or tokens, indicates that code or token used can be deleted by the client. Also could be
        // invalid client credentials".
        (401, _) if grant.sends_a_token() => K::TokenOrClient,
        (401, _) => K::ClientRefused,
        // "Forbidden because user is disabled or has reached the maximum number of tokens."
        (403, Grant::Revocation) => K::Other,
        (403, _) => K::UserRefused,
        (404, Grant::User) => K::UserUnknown,
        _ => K::Other,
    }
}

/// Judges a refusal.
pub(super) fn kind(error: &Error, grant: Grant) -> K {
    if error.kind() == ErrorKind::RateLimited {
        return K::RateLimited;
    }
    let status = error.status().unwrap_or_default();
    // What says nothing about the request is not looked at for words.
    if !(400..500).contains(&status) {
        return K::Other;
    }
    let words = Words::of(error);
    match words.name() {
        Some(name) => words.named(name, grant, status),
        None => words.free(grant).unwrap_or_else(|| by_status(grant, status)),
    }
}
