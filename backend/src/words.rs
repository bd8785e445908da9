//! What Qlik's errors mean, in words for people: what is so, and what to do.
//! One place for the checks, the renewal and the apps page.

use qlik::error::{Error, ErrorKind};

/// A sentence that says what is so, and one that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) says: String,
    pub(crate) remedy: String,
}

impl Said {
    pub(crate) fn new(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { says: says.into(), remedy: remedy.into() }
    }

    /// Both as one text.
    pub(crate) fn joined(&self) -> String {
        format!("{} {}", self.says, self.remedy)
    }
}

/// What to do where a key's owner may not manage API keys
/// (<https://qlik.dev/changelog/198-developer-role-removal>).
pub(crate) const ALLOW_KEYS: &str = "Set Manage API keys to Allowed for this user in Qlik (Administration > Manage \
                                     users > Permissions); old tenants: the Developer role.";

/// There is no room for one more key.
pub(crate) fn no_room(owner: &str, live: usize, max: u32) -> Said {
    Said::new(
        format!("{owner} has {live} active API keys, and the tenant allows {max}."),
        "Delete one that is not needed, or have a Tenant Admin raise the limit: a renewal needs one free place.",
    )
}

/// As what Qlik was asked: whom a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The portal's API key.
    Key,
    /// The OAuth client's id and secret.
    Client,
    /// A token of the OAuth client's own.
    ClientToken,
    /// A user's session or token.
    Session,
}

impl Sent {
    fn refused(self) -> Said {
        match self {
            Self::Key => Said::new(
                "Qlik refuses the API key.",
                "Make a new key in Qlik and paste it here; everything else stays as it is.",
            ),
            Self::Client => Said::new(
                "Qlik refuses the OAuth client.",
                "Compare its id and its secret with the client under Administration > OAuth in Qlik.",
            ),
            Self::ClientToken => Said::new(
                "Qlik does not take the token that it just gave to the OAuth client.",
                "Test the connection again; if it stays so, give the code and trace id to Qlik's support.",
            ),
            Self::Session => Said::new(
                "Qlik does not take the session that was just opened.",
                "Test the connection again; if it stays so, give the code and trace id to Qlik's support.",
            ),
        }
    }

    fn forbidden(self) -> Said {
        match self {
            Self::Key => Said::new(
                "Qlik does not allow this to the key's owner.",
                "A Tenant Admin can give the owner the permission in Qlik.",
            ),
            Self::Client | Self::ClientToken => Said::new(
                "Qlik does not allow this to the OAuth client.",
                "A Tenant Admin compares the client under Administration > OAuth in Qlik with the guide.",
            ),
            Self::Session => Said::new(
                "Qlik does not allow this to the user.",
                "A Tenant Admin can give the user the permission in Qlik.",
            ),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Key => "the key",
            Self::Client => "the client's secret",
            Self::ClientToken => "the token",
            Self::Session => "the session",
        }
    }
}

/// Words for an error of a call with the portal's API key, where nothing more is known
/// than the error itself.
pub(crate) fn of(e: &Error, host: &str) -> Said {
    of_sent(e, host, Sent::Key)
}

/// Words for an error where nothing more is known than the error itself, and what was
/// sent.
pub(crate) fn of_sent(e: &Error, host: &str, sent: Sent) -> Said {
    match e.kind() {
        ErrorKind::Dns => Said::new(
            format!("The name {host} does not resolve."),
            "Compare it with the address bar of your Qlik Cloud.",
        ),
        ErrorKind::Connect => Said::new(
            format!("{host} can't be reached from this server."),
            "Check this server's way to the internet, and an IP allowlist of the Qlik tenant.",
        ),
        ErrorKind::Tls => Said::new(
            format!("{host} shows a certificate that this server does not trust."),
            "Something between this server and Qlik answers in Qlik's place, such as a proxy. Ask the operator of this server.",
        ),
        ErrorKind::Timeout => {
            Said::new(format!("{host} did not answer in time."), "It is tried again by itself.")
        }
        ErrorKind::ConnectionLost => Said::new(
            format!("The connection to {host} broke before the answer came."),
            "It is tried again by itself.",
        ),
        ErrorKind::NotQlik => Said::new(
            format!("{host} answers, but not as a Qlik Cloud tenant."),
            "Compare it with the address bar of your Qlik Cloud.",
        ),
        ErrorKind::Unauthorized => sent.refused(),
        ErrorKind::Forbidden => sent.forbidden(),
        ErrorKind::NotFound => Said::new("Qlik does not know it.", "It may have been deleted in Qlik."),
        ErrorKind::RateLimited => {
            let wait = e.retry_after().map_or_else(String::new, |d| format!(" for {} s", d.as_secs().max(1)));
            Said::new(
                format!("Qlik's rate limit is reached; calls are held back{wait}."),
                "It goes on by itself.",
            )
        }
        ErrorKind::Unavailable => Said::new(
            format!("Qlik answers with an error of its own{}.", status(e)),
            "It is tried again by itself. Qlik's status page tells of outages.",
        ),
        ErrorKind::RedirectLeavesTenant | ErrorKind::LinkLeavesTenant => Said::new(
            format!("{host} points to another host, and {} is not sent there.", sent.noun()),
            "Enter the tenant's own hostname, without a vanity address in front.",
        ),
        ErrorKind::Signing | ErrorKind::Csrf => Said::new(
            "The Qlik session could not be opened.",
            "It is tried again with the next page; if it stays so, test the connection in the settings.",
        ),
        // A kind that the client learns later is shown as it comes until it has words here.
        _ => {
            let title = e.title().map_or_else(String::new, |t| format!(": {t}"));
            Said::new(
                format!("Qlik answered in an unexpected way{}{title}.", status(e)),
                "If it stays so, give the code and trace id to Qlik's support.",
            )
        }
    }
}

fn status(e: &Error) -> String {
    e.status().map_or_else(String::new, |s| format!(" (HTTP {s})"))
}
