//! What becomes of the credentials after a try.
//!
//! This module must not know the store, nor how a login is made.

use std::time::Duration;

use qlik::{PasswordLoginError, TooManyOf};

use super::{
    core::{Begun, LONGEST, PAUSE, REFUSALS, Want},
    state::CredentialState as State,
};

/// How long no try is made after a block that names no time, in seconds.
const BLOCKED_FOR: i64 = 15 * 60;
/// The same after too many sign-ins.
const TOO_MANY_FOR: i64 = 10 * 60;
/// The longest hold of a host at one user's word, in seconds.
const AT_ONE_WORD: i64 = 60;
/// No hold is shorter, whatever Qlik names, in seconds: it would be none.
const SHORTEST: i64 = 15;
/// What of an answer is kept beside the state, in characters.
const MAX_DETAIL: usize = 400;
/// How the detail begins of a sign-in that the tenant refused once Qlik's login had
/// taken the password.
pub(super) const BY_TENANT: &str = "tenant: ";

/// Which of several things about the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Breached,
    Expired,
    Unverified,
    Captcha,
}

impl Cause {
    /// As it is stored.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Breached => "breached",
            Self::Expired => "expired",
            Self::Unverified => "unverified",
            Self::Captcha => "captcha",
        }
    }
}

/// How a try ended. `sent`: whether the password was or may have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Worked,
    Wrong,
    Mfa {
        sent: bool,
    },
    Blocked {
        wait: Option<Duration>,
        /// The host, where it said so with 429.
        host: Option<String>,
        sent: bool,
    },
    TooMany {
        /// Whose sign-ins were too many.
        of: TooManyOf,
        host: String,
        wait: Option<Duration>,
        sent: bool,
    },
    Account {
        cause: Cause,
        sent: bool,
    },
    NotMember,
    OtherUser {
        email_known: bool,
    },
    Corporate {
        host: String,
    },
    Unexpected {
        sent: bool,
        /// How the page was built, without its content.
        saw: Option<String>,
    },
    /// Qlik's login took the password, and the tenant refused what came of it.
    TenantRefused {
        /// Status, code and trace id.
        told: String,
    },
    /// Sent, and no answer.
    Lost,
    /// No answer before anything was sent.
    NotSent,
}

impl From<&PasswordLoginError> for Outcome {
    fn from(e: &PasswordLoginError) -> Self {
        use PasswordLoginError as E;
        let sent = e.password_sent();
        match e {
            E::WrongPassword => Self::Wrong,
            E::MfaNeeded { .. } => Self::Mfa { sent },
            E::Blocked { retry_after, host, .. } => {
                let host = host.as_ref().map(|host| host.to_ascii_lowercase());
                Self::Blocked { wait: *retry_after, host, sent }
            }
            E::TooMany { of, host, retry_after, .. } => {
                Self::TooMany { of: *of, host: host.to_ascii_lowercase(), wait: *retry_after, sent }
            }
            E::BreachedPassword => Self::Account { cause: Cause::Breached, sent },
            E::PasswordExpired => Self::Account { cause: Cause::Expired, sent },
            E::EmailNotVerified => Self::Account { cause: Cause::Unverified, sent },
            E::CaptchaNeeded { .. } => Self::Account { cause: Cause::Captcha, sent },
            E::CorporateProvider { host } => Self::Corporate { host: host.clone() },
            E::NotMember => Self::NotMember,
            E::OtherUser { email_known, .. } => Self::OtherUser { email_known: *email_known },
            E::TenantRefused { error } => Self::TenantRefused { told: told(error) },
            E::Transport { .. } if sent => Self::Lost,
            E::Transport { .. } => Self::NotSent,
            E::UnexpectedPage { step, shape, .. } => {
                let saw = format!("{step}, {shape}").chars().take(MAX_DETAIL).collect();
                Self::Unexpected { sent, saw: Some(saw) }
            }
            // What the client learns later counts as unexpected until it has words here.
            _ => Self::Unexpected { sent, saw: None },
        }
    }
}

/// What the tenant answered, as far as it helps Qlik's support.
fn told(error: &qlik::error::Error) -> String {
    let is_plain = |text: &&str| {
        text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let status = error.status().map(|status| format!("HTTP {status}"));
    let code = error.code().filter(is_plain).map(str::to_owned);
    let trace = error.trace_id().filter(is_plain).map(|trace| format!("trace id {trace}"));
    [status, code, trace].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl Outcome {
    /// Whether the password was or may have been sent.
    pub(super) fn sent(&self) -> bool {
        match self {
            Self::Worked
            | Self::Wrong
            | Self::NotMember
            | Self::TenantRefused { .. }
            | Self::OtherUser { .. }
            | Self::Lost => true,
            Self::Corporate { .. } | Self::NotSent => false,
            Self::Mfa { sent }
            | Self::Blocked { sent, .. }
            | Self::TooMany { sent, .. }
            | Self::Account { sent, .. }
            | Self::Unexpected { sent, .. } => *sent,
        }
    }

    /// The state of a password that ended so; none where it says nothing of it.
    pub(super) fn state(&self) -> Option<State> {
        match self {
            Self::NotSent | Self::TooMany { sent: false, .. } => None,
            Self::Worked => Some(State::Works),
            Self::Wrong => Some(State::Refused),
            Self::Mfa { .. } => Some(State::MfaNeeded),
            Self::Blocked { .. } => Some(State::Blocked),
            Self::TooMany { .. } => Some(State::TooMany),
            Self::Account { .. } => Some(State::Account),
            Self::NotMember => Some(State::NotMember),
            Self::OtherUser { .. } => Some(State::OtherUser),
            Self::Corporate { .. } => Some(State::SignInChanged),
            Self::Unexpected { .. } | Self::TenantRefused { .. } => Some(State::Unexpected),
            Self::Lost => Some(State::Unclear),
        }
    }

    /// What is stored beside the state.
    pub(super) fn detail(&self) -> Option<String> {
        match self {
            Self::Account { cause, .. } => Some(cause.as_str().to_owned()),
            Self::Corporate { host } => Some(host.clone()),
            Self::OtherUser { email_known: false } => Some("no_email".to_owned()),
            Self::Unexpected { saw, .. } => saw.clone(),
            Self::TenantRefused { told } => Some(format!("{BY_TENANT}{told}")),
            _ => None,
        }
    }

    /// Whether a stored password that ended so is kept: it was not sent and may work
    /// another time, whatever the page looked like, or nobody knows.
    fn leaves_password(&self) -> bool {
        matches!(self, Self::Worked | Self::Lost) || !self.sent()
    }

    /// Whether a stored password can't work either, where another one that was typed
    /// ended so: Qlik took the typed one for right, or has blocked the account.
    pub(super) fn ends_stored(&self) -> bool {
        match self {
            Self::NotMember | Self::TenantRefused { .. } | Self::OtherUser { .. } => true,
            Self::Mfa { sent } | Self::Blocked { sent, .. } => *sent,
            Self::Account { cause, .. } => *cause != Cause::Captcha,
            _ => false,
        }
    }

    /// Whether the same password is not to be sent again, whoever types it.
    pub(super) fn is_remembered(&self) -> bool {
        matches!(self, Self::Wrong | Self::Account { cause: Cause::Breached | Cause::Expired, .. })
    }

    /// What the host said of too many tries, if it did.
    pub(super) fn sign(&self, now: i64) -> Option<Sign<'_>> {
        let (host, wait, wide) = match self {
            // Nothing was asked: this server held the sign-in back.
            Self::TooMany { of: TooManyOf::Here, .. } => return None,
            Self::TooMany { of, host, wait, .. } => (host, wait, *of == TooManyOf::Host),
            Self::Blocked { host: Some(host), wait, .. } => (host, wait, false),
            _ => return None,
        };
        Some(Sign { host, until: now + secs(*wait, TOO_MANY_FOR), wide })
    }
}

/// What a login host said of too many tries, in answer to one user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign<'a> {
    pub(super) host: &'a str,
    /// The time that it named, or the usual one.
    pub(super) until: i64,
    /// It may be about everybody's sign-ins there, and not this account's alone.
    pub(super) wide: bool,
}

impl Sign<'_> {
    /// Until when nobody's sign-in is begun there. `seconded`: another user's was
    /// answered so lately.
    pub(super) fn holds_all(&self, now: i64, seconded: bool) -> Option<i64> {
        // What is about one account says nothing of the others, however many are told it.
        self.wide.then(|| if seconded { self.until } else { self.until.min(now + AT_ONE_WORD) })
    }
}

/// What becomes of the stored password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// What is in the row stays there.
    Kept,
    /// Nothing is stored any more.
    Wiped,
    /// The one that was tried is stored.
    Tried,
}

/// The row after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct After {
    pub(super) state: State,
    /// Whether the state is of this try, and its detail with it.
    pub(super) is_new: bool,
    pub(super) password: Fate,
    pub(super) refusals: i64,
    pub(super) hold_until: Option<i64>,
}

/// What becomes of the row.
pub(super) fn settle(now: i64, begun: &Begun, outcome: &Outcome) -> After {
    let (state, password) = match (begun.want, outcome) {
        (Want::Door | Want::Retyped, Outcome::Worked) => (Some(State::Works), Fate::Kept),
        (_, Outcome::Worked) => (Some(State::Works), Fate::Tried),
        (Want::Door | Want::Retyped, _) => {
            (outcome.state(), if outcome.leaves_password() { Fate::Kept } else { Fate::Wiped })
        }
        // The one explicit try: what came of it is not known, and there is no second.
        (Want::Again, Outcome::Lost) => (Some(State::Unclear), Fate::Wiped),
        (Want::Again, _) => {
            (outcome.state(), if outcome.leaves_password() { Fate::Tried } else { Fate::Wiped })
        }
        (Want::Typed, _) if begun.stored && !outcome.ends_stored() => (None, Fate::Kept),
        (Want::Typed, _) => (outcome.state(), Fate::Wiped),
    };
    let (refusals, hold_until) = count(now, begun, outcome);
    After { state: state.unwrap_or(begun.before), is_new: state.is_some(), password, refusals, hold_until }
}

/// Refusals in a row, and until when nothing is tried.
fn count(now: i64, begun: &Begun, outcome: &Outcome) -> (i64, Option<i64>) {
    if *outcome == Outcome::Worked {
        return (0, None);
    }
    let asked = match outcome {
        Outcome::Blocked { wait, .. } => Some(now + secs(*wait, BLOCKED_FOR)),
        Outcome::TooMany { wait, .. } => Some(now + secs(*wait, TOO_MANY_FOR)),
        _ => None,
    };
    let refusals = begun.refusals + i64::from(outcome.sent());
    let pause = (outcome.sent() && refusals >= REFUSALS).then_some(now + PAUSE);
    (refusals, begun.hold_until.max(asked).max(pause))
}

/// What Qlik asks for in whole seconds, or `otherwise`; never longer than the longest,
/// nor shorter than the shortest.
fn secs(wait: Option<Duration>, otherwise: i64) -> i64 {
    let whole = |d: Duration| d.as_secs().saturating_add(u64::from(d.subsec_nanos() > 0));
    wait.map_or(otherwise, |d| i64::try_from(whole(d)).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
