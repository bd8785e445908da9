//! Why a login with a password gave no session.
//!
//! This module must not know how any of it is found out.

use std::fmt;
use std::time::Duration;

use super::shape::PageShape;
use crate::error::Error;

/// How far a login with a password had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginStep {
    /// On the way from the tenant to the login page.
    SignIn,
    /// At the page that asks for e-mail or password.
    LoginPage,
    /// The answer to e-mail and password.
    Submission,
    /// On the way back to the tenant.
    Return,
    /// At the tenant, after the login.
    Tenant,
}

impl fmt::Display for LoginStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignIn => "on the way to the login page",
            Self::LoginPage => "at the login page",
            Self::Submission => "in answer to e-mail and password",
            Self::Return => "on the way back to the tenant",
            Self::Tenant => "at the tenant, after the login",
        })
    }
}

/// Whose logins were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TooManyOf {
    /// This account's: Auth0 counts failures for an account and the address they come
    /// from (<https://auth0.com/docs/secure/attack-protection/brute-force-protection>).
    Account,
    /// Those from this address, or the answer does not tell.
    Host,
    /// None was made: this client holds logins at the host back.
    Here,
}

/// A login with e-mail and password that gave no session.
///
/// [`password_sent`](Self::password_sent) says whether it counts as a try: Qlik's
/// login host blocks accounts after a few refusals, so a caller must not make a
/// second try with a password of which the first was sent, whatever came of it,
/// until a person has looked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordLoginError {
    /// Qlik does not accept e-mail and password.
    #[error("Qlik does not accept this e-mail and password")]
    WrongPassword,
    /// The account asks for a second factor, which a program can't give
    /// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Introduction/qcs-MFA.htm>).
    #[error("the Qlik account asks for a second factor")]
    MfaNeeded {
        /// Whether the password was sent.
        password_sent: bool,
    },
    /// Qlik has blocked the account.
    #[error("Qlik has blocked the account")]
    Blocked {
        /// For how long, where it says so.
        retry_after: Option<Duration>,
        /// The host, where it said so with status 429: it may be about more than this
        /// account, which a second one's refusal would show.
        host: Option<String>,
        /// Whether the password was sent.
        password_sent: bool,
    },
    /// Too many logins, of this account or from this address.
    #[error("Qlik's login host has seen too many tries")]
    TooMany {
        /// Whose they were, as far as the answer tells.
        of: TooManyOf,
        /// The host that said so; of a tenant, the name that was asked for.
        host: String,
        /// For how long, where it says so.
        retry_after: Option<Duration>,
        /// Whether the password was sent.
        password_sent: bool,
    },
    /// The password is in a list of stolen ones; the person has to change it.
    #[error("Qlik refuses this password because it is in a list of stolen ones")]
    BreachedPassword,
    /// The person has to choose another password at Qlik.
    #[error("Qlik asks for a new password")]
    PasswordExpired,
    /// The person has to confirm their e-mail address at Qlik.
    #[error("the Qlik account's e-mail address is not confirmed")]
    EmailNotVerified,
    /// The login page wants to see that a person is there.
    #[error("Qlik's login page asks to prove that a person is there")]
    CaptchaNeeded {
        /// Whether the password was sent.
        password_sent: bool,
    },
    /// The tenant signs people in elsewhere: its administrator has set up a
    /// provider of the organisation. The password was not sent.
    #[error("the tenant signs people in at {host}, not with Qlik accounts")]
    CorporateProvider {
        /// Where it signs people in.
        host: String,
    },
    /// The account is good, but is no user of this tenant.
    #[error("the Qlik account is not a user of this tenant")]
    NotMember,
    /// The login host took the password, and the tenant refused what came of it: the
    /// answer has its status, code and trace id.
    #[error("the tenant refused the login after the password was accepted: {error}")]
    TenantRefused {
        /// What the tenant answered.
        #[source]
        error: Error,
    },
    /// The session that was opened is another user's. It was closed.
    #[error("the login opened the session of another user")]
    OtherUser {
        /// Whose it is.
        user_id: String,
        /// False where Qlik did not tell the user's e-mail address, so that nothing
        /// could be compared.
        email_known: bool,
    },
    /// Something that is not known.
    #[error("an unexpected page {step}: {shape}")]
    UnexpectedPage {
        /// How far the login had come.
        step: LoginStep,
        /// What was seen, without its content.
        shape: Box<PageShape>,
        /// Whether the password was sent.
        password_sent: bool,
    },
    /// There was no answer, or one that says that nothing works there.
    #[error("{error}")]
    Transport {
        /// What went wrong.
        #[source]
        error: Error,
        /// Whether the password was sent, or may have been.
        password_sent: bool,
    },
}

impl PasswordLoginError {
    /// Whether the password was sent, or may have been: then it was a try, and must
    /// not be repeated.
    pub fn password_sent(&self) -> bool {
        match self {
            Self::WrongPassword
            | Self::BreachedPassword
            | Self::PasswordExpired
            | Self::EmailNotVerified
            | Self::NotMember
            | Self::TenantRefused { .. }
            | Self::OtherUser { .. } => true,
            Self::CorporateProvider { .. } => false,
            Self::MfaNeeded { password_sent }
            | Self::Blocked { password_sent, .. }
            | Self::TooMany { password_sent, .. }
            | Self::CaptchaNeeded { password_sent }
            | Self::UnexpectedPage { password_sent, .. }
            | Self::Transport { password_sent, .. } => *password_sent,
        }
    }

    /// How long Qlik asks to wait, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Blocked { retry_after, .. } | Self::TooMany { retry_after, .. } => *retry_after,
            Self::Transport { error, .. } => error.retry_after(),
            _ => None,
        }
    }

    /// The host at which no login should be tried for a time, of whomever: one whose
    /// answer was not about an account. A minute is enough at one account's word,
    /// whatever time it names; that it is about more, a second account's shows.
    pub fn held_host(&self) -> Option<&str> {
        match self {
            Self::TooMany { of: TooManyOf::Host, host, .. } => Some(host),
            _ => None,
        }
    }
}
