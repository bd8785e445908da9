//! How a walk ends, and what is told of it.
//!
//! This module must not decide whether it ends.

use http::StatusCode;
use url::Url;

use super::OPERATION;
use super::error::{PasswordLoginError, TooManyOf};
use super::places::Place;
use super::refusal::{self, Refusal};
use super::shape::PageShape;
use super::walk::{Move, Seen, Walk};
use crate::error::{Envelope, Error, ErrorKind};
use crate::error_kind::Author;

impl Walk<'_> {
    pub(super) fn arrived(&self, seen: &Seen<'_>) -> Move {
        if self.reached.is_empty() {
            return self.unexpected(seen);
        }
        Move::Arrived { hosts: self.reached.clone(), shape: Box::new(self.shape(seen)) }
    }

    /// What an answer says of a refusal, in codes.
    pub(super) fn meaning(seen: &Seen<'_>) -> Option<Refusal> {
        let json = serde_json::from_slice(seen.answer.body.bytes()).ok();
        let by_json = json.as_ref().and_then(refusal::of_json);
        by_json.or_else(|| seen.page.marks.codes.iter().find_map(|code| refusal::of_code(code)))
    }

    pub(super) fn refused(&self, seen: &Seen<'_>, refusal: Refusal) -> Move {
        let password_sent = self.sent;
        let json = serde_json::from_slice(seen.answer.body.bytes()).ok();
        let retry_after = seen.answer.retry_after.or_else(|| json.as_ref().and_then(refusal::wait));
        Move::End(match refusal {
            Refusal::Mfa => PasswordLoginError::MfaNeeded { password_sent },
            Refusal::Blocked => {
                let too_many = seen.answer.status == StatusCode::TOO_MANY_REQUESTS;
                let host = too_many.then(|| self.name_of(seen));
                PasswordLoginError::Blocked { retry_after, host, password_sent }
            }
            Refusal::TooMany => {
                let of_account = json.as_ref().is_some_and(refusal::is_of_account) && !used_up(seen);
                let of = if of_account { TooManyOf::Account } else { TooManyOf::Host };
                PasswordLoginError::TooMany { of, host: self.name_of(seen), retry_after, password_sent }
            }
            Refusal::Captcha => PasswordLoginError::CaptchaNeeded { password_sent },
            Refusal::Wrong if password_sent => PasswordLoginError::WrongPassword,
            Refusal::Breached if password_sent => PasswordLoginError::BreachedPassword,
            Refusal::Expired if password_sent => PasswordLoginError::PasswordExpired,
            Refusal::Unverified if password_sent => PasswordLoginError::EmailNotVerified,
            Refusal::NotMember if password_sent => PasswordLoginError::NotMember,
            // None of these can be said of a person who was not named yet.
            _ => return self.unexpected(seen),
        })
    }

    /// The host that answered, for holds: of a tenant, the name that the caller knows.
    fn name_of(&self, seen: &Seen<'_>) -> String {
        match seen.place {
            Place::Tenant(_) => self.places.tenant.as_str().to_owned(),
            _ => seen.url.host_str().unwrap_or_default().to_owned(),
        }
    }

    /// An answer that says that nothing works there.
    pub(super) fn broken(&self, seen: &Seen<'_>) -> Move {
        Move::End(PasswordLoginError::Transport { error: Self::error(seen), password_sent: self.sent })
    }

    /// What an answer says in its status and, of a tenant, its code and trace id. Its
    /// words may be about the person, so they are left out.
    pub(super) fn error(seen: &Seen<'_>) -> Error {
        let at_tenant = matches!(seen.place, Place::Tenant(_));
        let code = seen.answer.code().filter(|_| at_tenant);
        // The login's pages are no API, so who wrote one is not asked.
        let kind = ErrorKind::of_answer(seen.answer.status, code.as_deref(), Author::Maybe);
        let trace_id = seen.answer.error().trace_id().map(str::to_owned);
        let envelope = Envelope { code, trace_id, ..Envelope::default() };
        Error::new(kind, OPERATION)
            .with_status(seen.answer.status)
            .with_envelope(if at_tenant { envelope } else { Envelope::default() })
            .with_retry_after(seen.answer.retry_after)
    }

    fn shape(&self, seen: &Seen<'_>) -> PageShape {
        PageShape::of(seen.url, seen.answer.status, &seen.answer.headers, &seen.page, self.email)
    }

    pub(super) fn unexpected(&self, seen: &Seen<'_>) -> Move {
        self.end_with(seen, self.shape(seen))
    }

    pub(super) fn leading_to(&self, seen: &Seen<'_>, target: &Url) -> Move {
        self.end_with(seen, self.shape(seen).leading_to(target))
    }

    fn end_with(&self, seen: &Seen<'_>, shape: PageShape) -> Move {
        let shape = Box::new(shape);
        Move::End(PasswordLoginError::UnexpectedPage { step: seen.step, shape, password_sent: self.sent })
    }
}

/// Whether Auth0's limit for the address is used up, whatever the code says
/// (<https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>).
fn used_up(seen: &Seen<'_>) -> bool {
    let left = seen.answer.headers.get("x-ratelimit-remaining").and_then(|left| left.to_str().ok());
    left.is_some_and(|left| left.trim() == "0")
}
