//! Interactive logins under way: what a tenant waits for, and what the login host
//! knows of them until it hands out a code.
//!
//! It must not know HTTP. The two sides meet only in what a browser carries from
//! one to the other, and in the redemption of a code.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::accounts::Accounts;
use crate::ids;

/// Qlik's own login host.
pub(crate) const LOGIN_HOST: &str = "login.qlik.com";
/// How long a person may take from the tenant's `/login` to its callback.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// How long a code may be on its way.
const CODE_LIFE: SignedDuration = SignedDuration::from_secs(60);

/// What the login host's pages look like. Qlik publishes none of it; a client must
/// take those that it can know and say what it saw of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoginShape {
    /// Auth0's classic page: a script with its configuration in base64, and JSON to
    /// `/usernamepassword/login`.
    #[default]
    Classic,
    /// A plain form with hidden fields.
    Form,
    /// A plain form in another order, with a one-time field, `email` for the name
    /// and a relative action.
    FormExtra,
    /// First the e-mail, then, on a page of its own, the password.
    IdentifierFirst,
    /// A plain form; the last step is a form that posts the code to the tenant.
    FormPostCallback,
    /// The page wants a captcha.
    Captcha,
    /// A page without any form that could be known.
    Changed,
}

/// A tenant's side of a login: made by `/login`, used up by `/login/callback`.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) tenant: String,
    /// What the cookie must hold.
    pub(crate) cookie: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) redirect_uri: String,
    pub(crate) returnto: String,
    pub(crate) created: Timestamp,
}

/// The login host's side: from `/authorize` to the code.
#[derive(Clone)]
pub(crate) struct Transaction {
    /// The host's own state, the one in its URLs.
    pub(crate) id: String,
    /// What the cookie `auth0` must hold.
    pub(crate) cookie: String,
    pub(crate) shape: LoginShape,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    /// The tenant's state, given back with the code.
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) challenge: String,
    pub(crate) login_hint: Option<String>,
    pub(crate) csrf: String,
    pub(crate) intstate: String,
    /// The value that the hidden field of [`LoginShape::FormExtra`] must bring
    /// back; another one with each page.
    pub(crate) once: String,
    /// The e-mail of the first page of [`LoginShape::IdentifierFirst`].
    pub(crate) identifier: Option<String>,
    /// The e-mail whose password was right.
    pub(crate) email: Option<String>,
    /// What the classic page's second form must bring back.
    pub(crate) ticket: Option<String>,
    pub(crate) otp_done: bool,
    pub(crate) otp_failures: u32,
    pub(crate) created: Timestamp,
}

struct Code {
    client: String,
    redirect_uri: String,
    challenge: String,
    nonce: String,
    email: String,
    created: Timestamp,
}

/// The login host, and what tenants wait for from it.
pub(crate) struct LoginHost {
    /// Its names.
    pub(crate) hosts: Vec<String>,
    /// The id of Qlik Cloud as a client of the login host.
    pub(crate) client_id: String,
    pub(crate) shape: LoginShape,
    pub(crate) accounts: Accounts,
    /// Every password is answered with 429 and so many seconds.
    pub(crate) rate_limited_s: Option<u32>,
    /// How long five failures block an account.
    pub(crate) block_for: SignedDuration,
    /// While true, passwords wait for their judgement.
    pub(crate) hold: watch::Sender<bool>,
    /// Posts to the login form that were refused before the password was looked at.
    pub(crate) malformed: u32,
    pub(super) pending: HashMap<String, Pending>,
    pub(crate) transactions: HashMap<String, Transaction>,
    codes: HashMap<String, Code>,
}

impl Default for LoginHost {
    fn default() -> Self {
        Self {
            hosts: vec![LOGIN_HOST.to_owned()],
            client_id: ids::token32(),
            shape: LoginShape::default(),
            accounts: Accounts::default(),
            rate_limited_s: None,
            block_for: SignedDuration::from_hours(24),
            hold: watch::Sender::new(false),
            malformed: 0,
            pending: HashMap::new(),
            transactions: HashMap::new(),
            codes: HashMap::new(),
        }
    }
}

impl fmt::Debug for LoginHost {
    /// The keys of its maps are states and codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginHost")
            .field("hosts", &self.hosts)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
pub(crate) fn s256(verifier: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

/// Whether a text has the form of an S256 challenge: 43 characters of base64url.
pub(crate) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

/// Whether a text may be a code verifier (RFC 7636, section 4.1).
pub(crate) fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

/// From so many on, what is too old to be used is forgotten: a load test must not
/// fill the memory.
const CAPACITY: usize = 1_000;

impl LoginHost {
    /// Keeps a tenant's side of a login until its callback.
    pub(crate) fn await_callback(&mut self, state: String, pending: Pending) {
        if self.pending.len() >= CAPACITY {
            let now = pending.created;
            self.pending.retain(|_, p| now.duration_since(p.created) < PATIENCE);
        }
        self.pending.insert(state, pending);
    }

    /// Keeps the host's side of a login until its code.
    pub(crate) fn open(&mut self, transaction: Transaction) {
        if self.transactions.len() >= CAPACITY {
            let now = transaction.created;
            self.transactions.retain(|_, t| now.duration_since(t.created) < PATIENCE);
            self.codes.retain(|_, c| now.duration_since(c.created) < CODE_LIFE);
        }
        self.transactions.insert(transaction.id.clone(), transaction);
    }

    pub(crate) fn is_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// A transaction that the browser with this cookie began, if it is not too old.
    pub(crate) fn transaction(
        &mut self,
        id: &str,
        cookie: Option<&str>,
        now: Timestamp,
    ) -> Option<&mut Transaction> {
        self.transactions
            .get_mut(id)
            .filter(|t| Some(t.cookie.as_str()) == cookie && now.duration_since(t.created) < PATIENCE)
    }

    /// Ends a transaction with a code for its account.
    pub(crate) fn issue_code(&mut self, id: &str, now: Timestamp) -> Option<(Transaction, String)> {
        let transaction = self.transactions.remove(id)?;
        let email = transaction.email.clone()?;
        let code = ids::token32();
        self.codes.insert(
            code.clone(),
            Code {
                client: transaction.client.clone(),
                redirect_uri: transaction.redirect_uri.clone(),
                challenge: transaction.challenge.clone(),
                nonce: transaction.nonce.clone(),
                email,
                created: now,
            },
        );
        Some((transaction, code))
    }

    /// A code is good once, for the login that asked for it.
    pub(super) fn redeem(&mut self, code: &str, pending: &Pending, now: Timestamp) -> Option<String> {
        let found = self.codes.remove(code)?;
        let good = found.client == self.client_id
            && found.redirect_uri == pending.redirect_uri
            && found.nonce == pending.nonce
            && found.challenge == s256(&pending.verifier)
            && now.duration_since(found.created) < CODE_LIFE;
        good.then_some(found.email)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard_s_example() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(s256(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_challenge(&s256(verifier)) && is_verifier(verifier));
        assert!(!is_challenge("short") && !is_verifier("short") && !is_verifier(&"ä".repeat(50)));
    }

    #[test]
    fn debug_output_keeps_states_and_codes_to_itself() {
        let mut host = LoginHost::default();
        host.hosts.push("sso.example".into());
        assert_eq!(
            format!("{host:?}"),
            "LoginHost { hosts: [\"login.qlik.com\", \"sso.example\"], shape: Classic, .. }"
        );
    }

    #[test]
    fn logins_that_nobody_finished_do_not_pile_up() {
        let mut host = LoginHost::default();
        let pending = |secs: i64| Pending {
            tenant: String::new(),
            cookie: String::new(),
            nonce: String::new(),
            verifier: String::new(),
            redirect_uri: String::new(),
            returnto: String::new(),
            created: Timestamp::from_second(1_800_000_000 + secs).unwrap(),
        };
        for n in 0..CAPACITY {
            host.await_callback(n.to_string(), pending(0));
        }
        host.await_callback("late".into(), pending(599));
        assert_eq!(host.pending.len(), CAPACITY + 1, "those may still come");
        host.await_callback("later".into(), pending(600));
        assert_eq!(host.pending.len(), 2);
    }
}
