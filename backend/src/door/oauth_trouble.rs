//! What can stand between a user and Qlik where the way is OAuth, in words, with who
//! can mend it.

use qlik::{
    OAuthError, OAuthErrorKind,
    error::{Error as QlikError, ErrorKind},
};

use super::{Trouble, TroubleKind, Who};
use crate::{
    oauth::{LOOK_UP_SCOPE, USER_SCOPE},
    words::Said,
};

fn refused(who: Who, says: impl Into<String>, remedy: impl Into<String>) -> Trouble {
    Trouble::new(TroubleKind::OAuthRefused, who, Said::new(says, remedy))
}

impl Trouble {
    /// The settings name a client that is not stored.
    pub(crate) fn no_client() -> Self {
        refused(
            Who::Administrator,
            "This portal has no OAuth client for Qlik.",
            "An administrator enters one under Administration > Settings.",
        )
    }

    /// A grant that gave no token. What became of a user's own connection, where its
    /// token is what Qlik refuses, is for whoever keeps it to tell.
    pub(crate) fn of_oauth(e: &OAuthError, host: &str) -> Self {
        use OAuthErrorKind as K;
        let trouble = match e.kind() {
            K::UnknownClient => refused(
                Who::Administrator,
                "Qlik does not know this portal's OAuth client.",
                "An administrator compares the client id under Administration > Settings with the client in Qlik.",
            ),
            K::WrongSecret => refused(
                Who::Administrator,
                "Qlik refuses the secret of this portal's OAuth client.",
                "An administrator makes a new secret in Qlik and enters it under Administration > Settings.",
            ),
            K::ClientRefused => refused(
                Who::Administrator,
                "Qlik refuses this portal's OAuth client: it does not know the client id, or the secret is wrong.",
                "An administrator compares both under Administration > Settings with the client in Qlik.",
            ),
            K::TokenOrClient => refused(
                Who::You,
                "Qlik refuses this connection, or this portal's OAuth client; it does not say which.",
                "Choose Connect to Qlik in your profile; if that does not help, an administrator of this portal tests \
                 the connection in the settings.",
            ),
            K::GrantNotAllowed => refused(
                Who::Administrator,
                "Qlik does not let this portal's OAuth client get tokens in this way.",
                "A Tenant Admin compares the client in Qlik with the guide: where it acts for everyone it is of the type \
                 Web, with machine-to-machine and machine-to-machine user impersonation allowed.",
            ),
            K::ConsentNeeded => refused(
                Who::Administrator,
                "This portal's OAuth client is not trusted in Qlik.",
                "A Tenant Admin changes its consent method to Trusted in Qlik.",
            ),
            K::ScopeNotAllowed => refused(
                Who::Administrator,
                "This portal's OAuth client lacks a scope in Qlik.",
                format!(
                    "A Tenant Admin gives it the scope {USER_SCOPE}, and with it {LOOK_UP_SCOPE} where it acts for \
                     everyone, or offline_access where each user connects."
                ),
            ),
            K::UserUnknown => Self::new(
                TroubleKind::NoQlikUser,
                Who::QlikAdministrator,
                Said::new("Qlik does not know your user any more.", "A Tenant Admin can invite you again."),
            ),
            K::UserDisabled => Self::new(
                TroubleKind::QlikUserDisabled,
                Who::QlikAdministrator,
                Said::new("Qlik does not let your user in.", "A Tenant Admin can enable it in Qlik."),
            ),
            K::UserRefused => Self::new(
                TroubleKind::QlikUserDisabled,
                Who::QlikAdministrator,
                Said::new(
                    "Qlik does not let your user in: it is disabled, or has too many open tokens.",
                    "A Tenant Admin can enable it in Qlik; tokens end by themselves within hours.",
                ),
            ),
            K::TooManyTokens => Self::new(
                TroubleKind::RateLimited,
                Who::Nobody,
                Said::new(
                    "Qlik has too many open tokens of your user.",
                    "It goes on by itself as older ones end, within hours.",
                ),
            ),
            _ => return Self::of_unclear(e.error(), host),
        };
        trouble.with(e.error())
    }

    /// An error that says nothing of the client, or nothing that is known.
    fn of_unclear(e: &QlikError, host: &str) -> Self {
        match e.kind() {
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::BadRequest
            | ErrorKind::NotFound
            | ErrorKind::Conflict => refused(
                Who::Administrator,
                "Qlik refuses this portal's OAuth client.",
                "An administrator compares it with the guide; Test connection in the settings names more.",
            )
            .with(e),
            _ => Self::of_call(e, host),
        }
    }

    /// An error of asking whose a token is that was just got.
    pub(crate) fn of_token(e: &QlikError, host: &str) -> Self {
        match e.kind() {
            ErrorKind::Unauthorized => refused(
                Who::Nobody,
                "Qlik does not take the token that it just gave.",
                "Look again in a moment; if it stays so, give the code and trace id to Qlik's support.",
            )
            .with(e),
            ErrorKind::Forbidden => refused(
                Who::Administrator,
                "Qlik does not tell whose the token is that it gave.",
                format!("A Tenant Admin gives the OAuth client the scope {USER_SCOPE} in Qlik."),
            )
            .with(e),
            _ => Self::of_call(e, host),
        }
    }

    /// An error of a look-up with the client's own token.
    pub(crate) fn of_look_up(e: &QlikError, host: &str) -> Self {
        match e.kind() {
            ErrorKind::Forbidden => Self::new(
                TroubleKind::UsersUnreadable,
                Who::Administrator,
                Said::new(
                    "This portal's OAuth client may not read the Qlik tenant's users, so yours can't be found.",
                    format!("A Tenant Admin gives it the scope {LOOK_UP_SCOPE} in Qlik."),
                ),
            )
            .with(e),
            _ => Self::of_token(e, host),
        }
    }
}
