//! How a user's Qlik credentials stand, and what is counted of their tries.
//!
//! This module must not know where any of it is stored.

/// How a user's Qlik credentials stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialState {
    /// Nothing is registered.
    NotRegistered,
    /// The password worked the last time.
    Works,
    /// A sign-in is under way.
    Trying,
    /// The last sign-in ended without an answer.
    Unclear,
    /// Qlik does not accept e-mail and password.
    Refused,
    /// The account asks for a second factor.
    MfaNeeded,
    /// Qlik has blocked the account.
    Blocked,
    /// Qlik has seen too many sign-ins.
    TooMany,
    /// The person has to do something about the account at Qlik: a stolen or expired
    /// password, an unconfirmed e-mail, a proof that a person is there.
    Account,
    /// The account is no user of the Qlik tenant.
    NotMember,
    /// The sign-in opened another user's session.
    OtherUser,
    /// The Qlik tenant signs people in elsewhere.
    SignInChanged,
    /// Qlik's sign-in page is not one that is known.
    Unexpected,
    /// It was registered for another connection than the one in force.
    Unused,
}

impl CredentialState {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NotRegistered,
        Self::Works,
        Self::Trying,
        Self::Unclear,
        Self::Refused,
        Self::MfaNeeded,
        Self::Blocked,
        Self::TooMany,
        Self::Account,
        Self::NotMember,
        Self::OtherUser,
        Self::SignInChanged,
        Self::Unexpected,
        Self::Unused,
    ];

    /// As it is stored and audited.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotRegistered => "none",
            Self::Works => "works",
            Self::Trying => "trying",
            Self::Unclear => "unclear",
            Self::Refused => "refused",
            Self::MfaNeeded => "mfa",
            Self::Blocked => "blocked",
            Self::TooMany => "too_many",
            Self::Account => "account",
            Self::NotMember => "not_member",
            Self::OtherUser => "other_user",
            Self::SignInChanged => "sign_in_changed",
            Self::Unexpected => "unexpected",
            Self::Unused => "unused",
        }
    }

    /// Reads [`CredentialState::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// What decides of a user's credentials. Times are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// As it is stored.
    pub(super) state: CredentialState,
    /// While trying: what it was before, where the password that is tried is not the
    /// stored one.
    pub(super) before: Option<CredentialState>,
    /// Whether a try was begun whose end is not written: also one that was given up
    /// by removing what is registered, since it goes on at Qlik.
    pub(super) in_flight: bool,
    /// Whether a password is stored.
    pub(super) stored: bool,
    /// Whether it is for the e-mail and the tenant of now.
    pub(super) belongs: bool,
    /// Tries since the last that worked in which the password was or may have been sent.
    pub(super) refusals: i64,
    pub(super) hold_until: Option<i64>,
    pub(super) tried_at: Option<i64>,
}

impl Row {
    /// Of somebody who never registered anything.
    pub(super) const NONE: Self = Self {
        state: CredentialState::NotRegistered,
        before: None,
        in_flight: false,
        stored: false,
        belongs: true,
        refusals: 0,
        hold_until: None,
        tried_at: None,
    };
}

/// What counts beside the user's own: sign-ins of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Around {
    /// Until when no password sign-in is begun at one of the tenant's hosts.
    pub(super) host_hold: Option<i64>,
    /// Password sign-ins that this portal began in the last minute.
    pub(super) begun: i64,
    /// When the oldest of these began.
    pub(super) oldest: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_read_as_it_is_written() {
        for state in CredentialState::ALL {
            assert_eq!(CredentialState::parse(state.as_str()), Some(state));
        }
        assert_eq!(CredentialState::parse("fine"), None);
    }
}
