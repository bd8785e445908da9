//! What can stand between a user and Qlik, in words, with who can mend it.

use qlik::{
    User,
    error::{Error as QlikError, ErrorKind},
};

use crate::{
    matching::{Judged, Person, Rules, Seen, Sends, Verdict, judge},
    words::{self, Said, Sent},
};

/// What stands between a user and Qlik.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The portal is not connected to a Qlik tenant.
    NotConnected,
    /// Qlik has no user with this e-mail.
    NoQlikUser,
    /// Qlik has several active users with this e-mail.
    SeveralQlikUsers,
    /// The Qlik user is disabled or was deleted.
    QlikUserDisabled,
    /// Signing in would make a Qlik user, and that is not allowed.
    WouldCreate,
    /// Signing in would change a Qlik user's subject, and that is not allowed.
    WouldRewrite,
    /// The e-mail is the subject of another Qlik user.
    SubjectTaken,
    /// Qlik refused the portal's JWT.
    JwtRefused,
    /// The portal's API key does not work.
    KeyDead,
    /// The portal's key may not read users.
    UsersUnreadable,
    /// The user has not registered e-mail and password of their Qlik account.
    NotRegistered,
    /// A sign-in with the user's Qlik account did not work, or nobody knows how it
    /// ended: it is not tried again by itself.
    CredentialsRefused,
    /// Qlik does not answer, or answers with an error of its own.
    QlikAway,
    /// Qlik's rate limit is reached.
    RateLimited,
    /// Qlik opened a session for somebody else; it was closed.
    WrongUser,
    /// The user has to connect to Qlik, or to connect again.
    NotLinked,
    /// Qlik refuses the portal's OAuth client.
    OAuthRefused,
    /// Something else.
    Other,
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The person who is looking.
    You,
    /// An administrator of this portal.
    Administrator,
    /// An administrator of the Qlik tenant.
    QlikAdministrator,
    /// Nobody has to: it passes.
    Nobody,
}

/// What is wrong, who can mend it, and Qlik's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub kind: TroubleKind,
    /// What is so.
    pub says: String,
    /// What to do.
    pub remedy: String,
    /// Who can mend it.
    pub who: Who,
    /// How long Qlik asks to wait, in seconds.
    pub retry_after_s: Option<u64>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, who: Who, said: Said) -> Self {
        Self {
            kind,
            says: said.says,
            remedy: said.remedy,
            who,
            retry_after_s: None,
            qlik_code: None,
            trace_id: None,
        }
    }

    pub(super) fn with(mut self, e: &QlikError) -> Self {
        self.qlik_code = e.code().map(str::to_owned);
        self.trace_id = e.trace_id().map(str::to_owned);
        self.retry_after_s = e.retry_after().map(|d| d.as_secs().max(1));
        self
    }

    pub(crate) fn not_connected() -> Self {
        let said = Said::new(
            "This portal is not connected to Qlik Cloud yet.",
            "An administrator connects it under Administration > Settings.",
        );
        Self::new(TroubleKind::NotConnected, Who::Administrator, said)
    }

    /// An error of a call that was made as the user.
    pub(crate) fn of_call(e: &QlikError, host: &str) -> Self {
        if e.kind() == ErrorKind::Unauthorized {
            let said =
                Said::new("Qlik does not take the session that was just opened.", "Look again in a moment.");
            return Self::new(TroubleKind::QlikAway, Who::Nobody, said).with(e);
        }
        let (kind, who) = match e.kind() {
            ErrorKind::RateLimited => (TroubleKind::RateLimited, Who::Nobody),
            ErrorKind::Forbidden => (TroubleKind::Other, Who::QlikAdministrator),
            ErrorKind::Dns
            | ErrorKind::NotQlik
            | ErrorKind::NoTenant
            | ErrorKind::Intercepted
            | ErrorKind::RedirectLeavesTenant
            | ErrorKind::LinkLeavesTenant => (TroubleKind::QlikAway, Who::Administrator),
            _ => (TroubleKind::QlikAway, Who::Nobody),
        };
        Self::new(kind, who, words::of_sent(e, host, Sent::Session)).with(e)
    }

    /// An error of a call that was made with the portal's key.
    pub(super) fn of_key(e: &QlikError, host: &str) -> Self {
        match (e.kind(), e.code()) {
            (ErrorKind::Unauthorized, _) | (_, Some("AUTH-5")) => Self::new(
                TroubleKind::KeyDead,
                Who::Administrator,
                Said::new(
                    "Qlik refuses this portal's API key.",
                    "An administrator of this portal can mend it under Administration > Settings.",
                ),
            )
            .with(e),
            (ErrorKind::Forbidden, _) => Self::new(
                TroubleKind::UsersUnreadable,
                Who::Administrator,
                Said::new(
                    "The owner of this portal's API key may not read the Qlik tenant's users, so yours can't be found.",
                    "An administrator of this portal can use a key of another Qlik user.",
                ),
            )
            .with(e),
            _ => Self::of_call(e, host),
        }
    }

    /// A sign-in that is refused before it is tried.
    pub(super) fn of_verdict(judged: &Judged<'_>, email: &str) -> Self {
        let theirs = judged.about.and_then(|s| s.email.as_deref()).unwrap_or("another e-mail");
        let qlik =
            |kind, says: String, remedy| Self::new(kind, Who::QlikAdministrator, Said::new(says, remedy));
        let here = |kind, says, remedy| Self::new(kind, Who::Administrator, Said::new(says, remedy));
        match judged.verdict {
            Verdict::Several => several(Some(judged.count)),
            Verdict::Disabled | Verdict::Invited => qlik(
                TroubleKind::QlikUserDisabled,
                format!("The Qlik user with the e-mail {email} is not active."),
                "A Tenant Admin can enable it in Qlik, or you accept the invitation that Qlik sent you.",
            ),
            Verdict::NoEmail => qlik(
                TroubleKind::NoQlikUser,
                format!(
                    "The Qlik tenant has no user with the e-mail {email}, but one of your name without an e-mail."
                ),
                "If that is you, a Tenant Admin adds the e-mail at Qlik's identity provider.",
            ),
            Verdict::PlusAddress => qlik(
                TroubleKind::NoQlikUser,
                format!("The Qlik tenant has no user with the e-mail {email}, but one with {theirs}."),
                "The e-mail must be the same here and in Qlik. An administrator of this portal or of the Qlik tenant corrects it.",
            ),
            Verdict::OtherEmail => here(
                TroubleKind::SubjectTaken,
                format!(
                    "Signing you in would open the Qlik user of {theirs}, who has your e-mail as subject."
                ),
                "An administrator uses the same e-mail for you here and in Qlik; Administration > Users > Who will match shows it.",
            ),
            Verdict::WouldCreate => here(
                TroubleKind::WouldCreate,
                format!(
                    "The Qlik tenant has no user with the e-mail {email}; signing you in would create one, which may use a licence."
                ),
                "A Tenant Admin can invite you, or an administrator of this portal lets Qlik create users under Administration > Users > Who will match.",
            ),
            Verdict::WouldRewrite => here(
                TroubleKind::WouldRewrite,
                format!("Signing you in would give the Qlik user with the e-mail {email} another subject."),
                "An administrator of this portal stops sending the e-mail as subject under Administration > Settings, as users can be read, or allows it under Administration > Users > Who will match.",
            ),
            // A match that is signed in is not refused; should one come here, the user was not found.
            Verdict::NoUser | Verdict::OtherCase | Verdict::Matched => qlik(
                TroubleKind::NoQlikUser,
                format!("The Qlik tenant has no user with the e-mail {email}."),
                "The e-mail must be the same here and in Qlik. A Tenant Admin can invite you, or an administrator of this portal corrects the e-mail.",
            ),
        }
    }

    /// An error of the login itself.
    pub(super) fn of_login(e: &QlikError, host: &str) -> Self {
        let refused = |said| Self::new(TroubleKind::JwtRefused, Who::Administrator, said).with(e);
        match (e.kind(), e.code()) {
            (_, Some("LOGIN-12")) => several(None).with(e),
            (_, Some("LOGIN-10" | "LOGIN-8")) => refused(Said::new(
                "Qlik refuses the sign-in: the web integration does not list this portal's origin.",
                "An administrator adds the origin to the web integration in Qlik; Test connection in the settings shows it.",
            )),
            (_, Some("USER_INVITE_EXPIRED")) => Self::new(
                TroubleKind::QlikUserDisabled,
                Who::QlikAdministrator,
                Said::new(
                    "Your invitation to the Qlik tenant expired.",
                    "A Tenant Admin can invite you again.",
                ),
            )
            .with(e),
            (ErrorKind::Forbidden, _) => Self::new(
                TroubleKind::QlikUserDisabled,
                Who::QlikAdministrator,
                Said::new("Qlik does not let your user in.", "A Tenant Admin can enable it in Qlik."),
            )
            .with(e),
            (ErrorKind::Unauthorized | ErrorKind::BadRequest, _) => refused(Said::new(
                "Qlik refuses the portal's JWT.",
                "An administrator looks at the JWT identity provider; Test connection in the settings names the cause.",
            )),
            _ => Self::of_call(e, host),
        }
    }
}

fn several(count: Option<usize>) -> Trouble {
    let n = count.map_or_else(|| "Several".to_owned(), |n| n.to_string());
    Trouble::new(
        TroubleKind::SeveralQlikUsers,
        Who::QlikAdministrator,
        Said::new(
            format!(
                "{n} active users of the Qlik tenant have your e-mail, so it is not clear which one you are."
            ),
            "A Tenant Admin disables or deletes the ones that are not used.",
        ),
    )
}

/// The one active user among those with an e-mail, who is signed in under the
/// subject that Qlik has.
pub(crate) fn the_one(mut users: Vec<User>, email: &str) -> Result<User, Trouble> {
    let seen: Vec<Seen> = users.iter().map(Seen::from).collect();
    let judged = judge(Person { email, name: "" }, &seen, Rules::default());
    let refused = || Trouble::of_verdict(&judged, email);
    let Some(Sends::Stored { id, .. }) = &judged.sends else { return Err(refused()) };
    let place = users.iter().position(|u| u.id == *id).ok_or_else(refused)?;
    Ok(users.swap_remove(place))
}
