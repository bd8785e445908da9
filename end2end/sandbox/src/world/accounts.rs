//! Qlik Accounts at the login host: passwords, second factors, blocks, and a count
//! of everything that was tried.
//!
//! It must not know how a password arrives or what a page looks like. Codes and
//! words are Auth0's (<https://auth0.com/docs/libraries/common-auth0-library-authentication-errors>),
//! whose tenant Qlik's login host is by all public signs.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::tries::{TriesView, TryOutcome};
use super::{State, WorldError};
use crate::clock::later;
use crate::ids;

/// What stands between a right password and a login.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountCondition {
    /// Nothing.
    #[default]
    Good,
    /// The password was found in a breach; it is refused even where it is right.
    PasswordLeaked,
    /// The password must be changed first, on a page of its own.
    PasswordExpired,
    /// The e-mail was never verified; a page says so.
    Unverified,
}

/// An account to make.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The e-mail that signs in.
    pub email: String,
    /// The password.
    pub password: String,
    /// The display name; without it, the local part of the e-mail.
    #[serde(default)]
    pub name: Option<String>,
    /// The subject that tenants see; without it, that of a user with this e-mail,
    /// else a new one. Another user's subject makes a login with another e-mail.
    #[serde(default)]
    pub subject: Option<String>,
    /// The six digits that the second factor wants; none without it.
    #[serde(default)]
    pub otp: Option<String>,
    /// What else stands in the way.
    #[serde(default)]
    pub condition: AccountCondition,
}

impl NewAccount {
    /// An account without a second factor.
    pub fn new(email: impl Into<String>, password: impl Into<String>) -> Self {
        Self { email: email.into(), password: password.into(), ..Self::default() }
    }
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount").field("email", &self.email).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) otp: Option<String>,
    pub(crate) condition: AccountCondition,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("email", &self.email).finish_non_exhaustive()
    }
}

/// The accounts and tries of one login host.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    all: Vec<Account>,
    pub(super) tries: BTreeMap<String, TriesView>,
}

/// "Brute-force protection": how many failures in a row block an account. Qlik's
/// number is not published.
const FAILURES_TO_BLOCK: u32 = 5;

impl Accounts {
    pub(crate) fn get(&self, email: &str) -> Option<&Account> {
        self.all.iter().find(|a| a.email.eq_ignore_ascii_case(email))
    }

    pub(crate) fn get_mut(&mut self, email: &str) -> Result<&mut Account, WorldError> {
        self.all
            .iter_mut()
            .find(|a| a.email.eq_ignore_ascii_case(email))
            .ok_or_else(|| WorldError::Nothing("account", email.to_owned()))
    }

    pub(crate) fn emails(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|a| a.email.as_str())
    }

    pub(crate) fn remove(&mut self, email: &str) -> bool {
        let before = self.all.len();
        self.all.retain(|a| !a.email.eq_ignore_ascii_case(email));
        self.all.len() != before
    }

    /// Judges a password. Failures count per e-mail, known or not, so that nobody
    /// learns which accounts exist.
    pub(crate) fn judge(
        &mut self,
        email: &str,
        password: &str,
        now: Timestamp,
        block_for: SignedDuration,
    ) -> TryOutcome {
        let right = self.get(email).is_some_and(|a| a.password == password);
        let leaked = self.get(email).is_some_and(|a| a.condition == AccountCondition::PasswordLeaked);
        let tally = self.tally(email);
        match tally.blocked_until {
            Some(until) if now < until => return TryOutcome::Blocked,
            Some(_) => {
                tally.blocked_until = None;
                tally.in_a_row = 0;
            }
            None => {}
        }
        if right && leaked {
            return TryOutcome::Leaked;
        }
        if right {
            tally.in_a_row = 0;
            return TryOutcome::Right;
        }
        tally.failures += 1;
        tally.in_a_row += 1;
        if tally.in_a_row >= FAILURES_TO_BLOCK {
            tally.blocked_until = Some(later(now, block_for));
        }
        TryOutcome::Wrong
    }
}

impl State {
    /// Makes an account; one that has the e-mail already is replaced.
    pub(crate) fn add_account(&mut self, new: NewAccount) -> Result<(), WorldError> {
        if new.email.is_empty() || new.password.is_empty() {
            return Err(WorldError::Nothing("e-mail and password for account", new.email));
        }
        let same_email = self
            .users
            .iter()
            .find(|u| u.visible_email().is_some_and(|e| e.eq_ignore_ascii_case(&new.email)))
            .map(|u| u.subject.clone());
        let name = new.name.unwrap_or_else(|| new.email.split('@').next().unwrap_or_default().to_owned());
        let subject = new.subject.or(same_email).unwrap_or_else(|| format!("auth0|{}", ids::object_id()));
        let accounts = &mut self.login.accounts;
        accounts.remove(&new.email);
        accounts.all.push(Account {
            email: new.email,
            password: new.password,
            name,
            subject,
            otp: new.otp,
            condition: new.condition,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs).unwrap()
    }

    fn one() -> Accounts {
        let mut accounts = Accounts::default();
        accounts.all.push(Account {
            email: "Bea@acme.example".into(),
            password: "right".into(),
            name: "Bea".into(),
            subject: "auth0|1".into(),
            otp: None,
            condition: AccountCondition::Good,
        });
        accounts
    }

    #[test]
    fn five_failures_in_a_row_block_and_a_right_one_before_that_starts_anew() {
        let mut accounts = one();
        let mut ask = |password: &str, when: i64| accounts.judge("bea@acme.example", password, at(when), DAY);
        for _ in 0..4 {
            assert_eq!(ask("wrong", 0), TryOutcome::Wrong);
        }
        assert_eq!(ask("right", 0), TryOutcome::Right);
        for _ in 0..5 {
            assert_eq!(ask("wrong", 0), TryOutcome::Wrong);
        }
        assert_eq!(ask("right", 86_399), TryOutcome::Blocked);
        assert_eq!(ask("right", 86_400), TryOutcome::Right, "the block ends with its time");
    }

    #[test]
    fn an_unknown_e_mail_is_blocked_like_a_known_one() {
        let mut accounts = one();
        for _ in 0..5 {
            assert_eq!(accounts.judge("nobody@x", "p", at(0), DAY), TryOutcome::Wrong);
        }
        assert_eq!(accounts.judge("nobody@x", "p", at(1), DAY), TryOutcome::Blocked);
        accounts.block("nobody@x", None);
        assert_eq!(accounts.judge("nobody@x", "p", at(1), DAY), TryOutcome::Wrong);
    }

    #[test]
    fn the_most_tries_at_one_moment_are_remembered() {
        let mut accounts = one();
        accounts.begin("a@x");
        accounts.begin("A@x");
        accounts.end("a@x", TryOutcome::Wrong);
        accounts.end("a@x", TryOutcome::Abandoned);
        let tries = accounts.tries("a@x");
        assert_eq!((tries.tries, tries.in_flight, tries.most_in_flight), (2, 0, 2));
    }

    #[test]
    fn debug_output_keeps_passwords_and_codes_to_itself() {
        let shown = format!(
            "{:?} {:?}",
            one(),
            NewAccount { otp: Some("482913".into()), ..NewAccount::new("a", "hush-hush") }
        );
        for secret in ["right", "hush-hush", "482913"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
