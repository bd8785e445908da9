//! Why a grant gave no token.
//!
//! Qlik answers with its own `errors[]` (<https://qlik.dev/apis/rest/oauth>) or in the
//! form of the standard (<https://www.rfc-editor.org/rfc/rfc6749#section-5.2>); which
//! codes it uses is not documented, so both are read leniently. This module must not
//! know how a token was asked for, beyond the grant, nor what a refusal means.

use std::fmt;

use serde_json::Value;

use super::refusal::{self, Grant};
use crate::answer::Answer;
use crate::error::{Envelope, Error, ErrorKind};
use crate::error_kind::Author;

/// What stands in the way of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthErrorKind {
    /// The tenant does not know the client, and says so.
    UnknownClient,
    /// The client's secret is wrong, missing, or was replaced, and Qlik says so.
    WrongSecret,
    /// The client's id is not known or its secret is wrong: the standard has one name
    /// for both.
    ClientRefused,
    /// The client may not use this grant.
    GrantNotAllowed,
    /// A person has to consent, or an administrator has to set the client's consent
    /// method to trusted.
    ConsentNeeded,
    /// The client may not ask for this scope.
    ScopeNotAllowed,
    /// The code or refresh token is not valid, no longer, or was used before.
    InvalidGrant,
    /// The code or token that was sent is not valid, or the client is refused: Qlik
    /// documents one status, 401, for both
    /// (<https://qlik.dev/apis/rest/oauth>, `POST /oauth/token`).
    TokenOrClient,
    /// There is no such user.
    UserUnknown,
    /// The user is disabled.
    UserDisabled,
    /// There are too many tokens of this user.
    TooManyTokens,
    /// The user is disabled, or there are too many tokens of theirs: Qlik documents one
    /// status, 403, for both (<https://qlik.dev/apis/rest/oauth>, `POST /oauth/token`).
    UserRefused,
    /// Too many calls; [`Error::retry_after`] says for how long.
    RateLimited,
    /// Something else: see [`OAuthError::error`].
    Other,
}

/// A grant that gave no token, or a token that was not revoked.
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct OAuthError {
    kind: OAuthErrorKind,
    #[source]
    error: Error,
}

impl fmt::Debug for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthError").field("kind", &self.kind).field("error", &self.error).finish()
    }
}

impl OAuthError {
    /// What stands in the way, as far as it is known.
    pub fn kind(&self) -> OAuthErrorKind {
        self.kind
    }

    /// The call's error, with status, Qlik's code and trace id.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// False where Qlik did nothing. True for a code or refresh token means that it may
    /// be used up: it must not be sent again, and a new token may be lost.
    ///
    /// A 503 counts as nothing done: it says that the server can't take the request at
    /// present (<https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4>), and an outage
    /// of some minutes must not end connections.
    pub fn may_have_happened(&self) -> bool {
        self.error.status() != Some(503) && self.error.may_have_happened()
    }

    /// True where the same call may well succeed later with nothing changed.
    pub fn is_transient(&self) -> bool {
        self.error.is_transient()
    }

    /// Reads a refusal of `grant`. `secrets` is what was sent: a text that repeats any
    /// of it is not kept.
    pub(super) fn of(answer: &Answer, grant: Grant, secrets: &[&str]) -> Self {
        let mut error = answer.error();
        if error.code().is_none()
            && let Some(standard) = standard(answer)
        {
            let trace_id = error.trace_id().map(str::to_owned);
            // The standard's form is this endpoint's own.
            error = error
                .with_kind(ErrorKind::of_answer(answer.status, standard.code.as_deref(), Author::Qlik))
                .with_envelope(Envelope { trace_id, ..standard });
        }
        let kind = refusal::kind(&error, grant);
        let repeats = |text: Option<&str>| {
            text.is_some_and(|text| secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret)))
        };
        if repeats(error.code()) || repeats(error.title()) || repeats(error.detail()) {
            error = error.with_envelope(Envelope::default());
        }
        Self { kind, error }
    }
}

/// An error of the transport, or an answer that is no token.
impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::RateLimited => OAuthErrorKind::RateLimited,
            _ => OAuthErrorKind::Other,
        };
        Self { kind, error }
    }
}

/// The form of the standard: `{"error": …, "error_description": …}`.
fn standard(answer: &Answer) -> Option<Envelope> {
    let body: Value = serde_json::from_slice(answer.body.bytes()).ok()?;
    let text =
        |name: &str| body.get(name).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
    let code = text("error").or_else(|| text("code"))?;
    let title = text("error_description").or_else(|| text("message")).or_else(|| text("title"));
    Some(Envelope { code: Some(code), title, ..Envelope::default() })
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
