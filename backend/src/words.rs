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
/// sent. Qlik's code comes before what the answer's status is about.
pub(crate) fn of_sent(e: &Error, host: &str, sent: Sent) -> Said {
    match e.kind() {
        // Where calls are held back here it is for an answer that Qlik gave before.
        ErrorKind::RateLimited | ErrorKind::NoTenant => {}
        _ => {
            if let Some(said) = e.code().and_then(|code| of_code(code, sent)) {
                return said;
            }
        }
    }
    match e.kind() {
        ErrorKind::NoTenant => no_tenant(host),
        ErrorKind::Intercepted => intercepted(e, host, sent),
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
        ErrorKind::Unavailable if e.answered_by().is_some() || is_gateway(e) => Said::new(
            format!("A gateway in front of {host} answers in Qlik's place{}.", answered(e)),
            "It is tried again by itself. Qlik's status page tells of outages; if it shows none, look at the proxy of \
             this server.",
        ),
        ErrorKind::Unavailable => Said::new(
            format!("Qlik answers with an error of its own{}.", status(e)),
            "It is tried again by itself. Qlik's status page tells of outages.",
        ),
        ErrorKind::RedirectLeavesTenant | ErrorKind::LinkLeavesTenant => leaves_tenant(e, host, sent),
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

/// What Qlik's codes mean, where they say more than the status; the sources are beside
/// [`ErrorKind`] and in the documents of the calls.
fn of_code(code: &str, sent: Sent) -> Option<Said> {
    Some(match (code, sent) {
        ("AUTH-5", Sent::Key) => other_tenant(),
        ("AUTH-5", _) => Said::new(
            "Qlik says that the user is not a member of this tenant.",
            "A Tenant Admin adds the user to the tenant in Qlik.",
        ),
        ("APIKEYS-18", _) => Said::new(
            "The API key is expired or revoked.",
            "Make a new key in Qlik and paste it here; everything else stays as it is.",
        ),
        ("LOGIN-12", _) => Said::new(
            "Several active users of the tenant have the same e-mail.",
            "A Tenant Admin disables or deletes the ones that are not used.",
        ),
        ("USER_INVITE_EXPIRED", _) => Said::new(
            "The user's invitation to the tenant expired.",
            "A Tenant Admin invites the user again.",
        ),
        ("LOGIN-8" | "LOGIN-10", _) => Said::new(
            "The web integration does not list this portal's origin.",
            "Add the origin to the web integration in Qlik.",
        ),
        _ => return None,
    })
}

/// A key that was made in another tenant.
pub(crate) fn other_tenant() -> Said {
    Said::new(
        "The API key belongs to another Qlik tenant.",
        "Make a key in this tenant and paste it here; everything else stays as it is.",
    )
}

/// Qlik has no tenant of this name, or has none any more.
pub(crate) fn no_tenant(host: &str) -> Said {
    Said::new(
        format!("Qlik has no tenant at {host}."),
        "Compare it with the address bar of your Qlik Cloud: an alias can be changed or removed there.",
    )
}

/// Something answered that is not Qlik.
fn intercepted(e: &Error, host: &str, sent: Sent) -> Said {
    let says = format!("Something between this server and {host} answers in Qlik's place{}.", answered(e));
    let remedy = match e.status() {
        Some(407) => "A proxy asks this server to sign in. The operator of this server sets the proxy up.",
        Some(511) => {
            "The network wants a sign-in before it lets anything through. Ask the operator of this server."
        }
        _ => {
            "The operator of this server looks at its proxy and firewall, and an IP allowlist of the Qlik tenant."
        }
    };
    Said::new(says, format!("{remedy} It says nothing about {}; it is tried again by itself.", sent.noun()))
}

fn leaves_tenant(e: &Error, host: &str, sent: Sent) -> Said {
    let to = e.leads_to().map_or_else(|| "another host".to_owned(), str::to_owned);
    Said::new(
        format!("{host} points to {to}, and {} is not sent there.", sent.noun()),
        "If it is a sign-in page of your network, ask the operator of this server. Else enter the tenant's own hostname, \
         without a vanity address in front.",
    )
}

/// A status that gateways give for a server that they can't reach.
fn is_gateway(e: &Error) -> bool {
    matches!(e.status(), Some(502 | 504)) && e.code().is_none() && e.trace_id().is_none()
}

/// The status, and who says that it wrote the answer.
fn answered(e: &Error) -> String {
    match (e.status(), e.answered_by()) {
        (Some(status), Some(by)) => format!(" (HTTP {status}, “{by}”)"),
        (Some(status), None) => format!(" (HTTP {status})"),
        (None, _) => String::new(),
    }
}

fn status(e: &Error) -> String {
    e.status().map_or_else(String::new, |s| format!(" (HTTP {s})"))
}
