//! What a stored connection is worth at a given time, and what becomes of it after a
//! renewal that failed. Pure.

use qlik::OAuthErrorKind;

use crate::words::Said;

/// How long a renewal may be under way, in seconds: longer than the call it makes.
/// One that began longer ago, or is to begin later than that, ended without a trace.
const REFRESH_TIME: i64 = 120;

/// Where a user's connection to Qlik stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GrantState {
    /// There is none.
    NotConnected,
    /// It works, as far as is known.
    Connected,
    /// It is being renewed this very moment.
    Refreshing,
    /// A renewal ended without an answer: what renews it may be used up.
    Lost,
    /// Qlik takes what renews it no more.
    Refused,
    /// The settings name another option, tenant or client since.
    Unused,
    /// It is over, and Qlik gave nothing to renew it with.
    Ended,
}

/// The state as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Connected,
    Refreshing,
    Lost,
    Refused,
    Unused,
}

impl Stored {
    const ALL: [Self; 5] = [Self::Connected, Self::Refreshing, Self::Lost, Self::Refused, Self::Unused];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refreshing => "refreshing",
            Self::Lost => "lost",
            Self::Refused => "refused",
            Self::Unused => "unused",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// What of a stored connection its standing rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) stored: Stored,
    /// There is a refresh token.
    pub(super) renews: bool,
    /// It is of the option, tenant and client in force.
    pub(super) in_force: bool,
    /// When the last access token ends, unix seconds.
    pub(super) access_until: i64,
    /// When a renewal began.
    pub(super) began_at: Option<i64>,
}

/// Where a connection stands at `now`.
pub(super) fn standing(facts: Facts, now: i64) -> GrantState {
    if !facts.in_force {
        return GrantState::Unused;
    }
    let under_way = facts.began_at.is_some_and(|at| (now - REFRESH_TIME..=now + REFRESH_TIME).contains(&at));
    match facts.stored {
        Stored::Connected if facts.renews || facts.access_until > now => GrantState::Connected,
        Stored::Connected => GrantState::Ended,
        Stored::Refreshing if under_way => GrantState::Refreshing,
        Stored::Refreshing | Stored::Lost => GrantState::Lost,
        Stored::Refused => GrantState::Refused,
        Stored::Unused => GrantState::Unused,
    }
}

/// What a state means to its user, where there is something to say.
pub(super) fn said(state: GrantState, renews: bool, in_force: bool) -> Option<Said> {
    let again = "Choose Connect to Qlik in your profile; where you are signed in at Qlik that is all.";
    match state {
        GrantState::NotConnected => Some(Said::new(
            "You are not connected to Qlik yet.",
            "Choose Connect to Qlik in your profile and sign in at Qlik.",
        )),
        GrantState::Connected if !renews => Some(Said::new(
            "Qlik gave nothing to renew your connection with, so it ends within hours.",
            "After that, choose Connect to Qlik again. An administrator of this portal can look at the scopes of the \
             OAuth client: offline_access is what renews it.",
        )),
        GrantState::Connected | GrantState::Refreshing => None,
        GrantState::Lost => Some(Said::new(
            "Qlik's answer was lost when your connection was renewed, and such an answer is given once.",
            again,
        )),
        GrantState::Refused => Some(Said::new(
            "Qlik takes your connection no more, as where it was withdrawn there or not used for long.",
            "Choose Connect to Qlik in your profile; if that does not help, an administrator of this portal tests the \
             connection in the settings.",
        )),
        GrantState::Ended => Some(Said::new("Your connection to Qlik has ended.", again)),
        GrantState::Unused if in_force => {
            Some(Said::new("This portal's Qlik settings were changed since you connected.", again))
        }
        GrantState::Unused => Some(Said::new(
            "This portal's Qlik settings were changed since you connected, and your connection is not needed any more.",
            "Nothing has to be done.",
        )),
    }
}

/// What becomes of a refresh token whose use failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was not used, and is good for another try.
    Kept,
    /// Qlik takes it no more.
    Refused,
    /// It may be used up. The server takes a second use for theft
    /// (<https://www.rfc-editor.org/rfc/rfc9700#section-4.14>), so there is none.
    Lost,
}

/// Judges a renewal that failed. `may_have_happened`: it is not certain that Qlik did
/// nothing.
pub(super) fn fate(kind: OAuthErrorKind, may_have_happened: bool) -> Fate {
    match kind {
        // Consent that was withdrawn is given by connecting again. Where it may be the client that is refused, the
        // token is not sent with each page until somebody finds out.
        OAuthErrorKind::InvalidGrant | OAuthErrorKind::ConsentNeeded | OAuthErrorKind::TokenOrClient => {
            Fate::Refused
        }
        _ if may_have_happened => Fate::Lost,
        // The client, its secret, its settings, the user: what is wrong there can be mended.
        _ => Fate::Kept,
    }
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
