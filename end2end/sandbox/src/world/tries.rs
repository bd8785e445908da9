//! What was tried with passwords, for each e-mail, and how much of it at one moment.
//!
//! It must not know which passwords are right.

use jiff::Timestamp;
use serde::Serialize;

use super::accounts::Accounts;

/// How one try with a password ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TryOutcome {
    /// It was right; what comes after it (second factor, pages) is not told here.
    Right,
    /// Wrong password, or no such account.
    Wrong,
    /// Refused unseen: too many failures in a row.
    Blocked,
    /// Refused unseen: the host takes no logins for a while.
    RateLimited,
    /// Right or wrong, the password is known from a breach.
    Leaked,
    /// Refused unseen: the page wants a captcha.
    Captcha,
    /// The client went away before the answer.
    Abandoned,
}

/// What was tried for one e-mail, whether or not there is such an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TriesView {
    /// The e-mail, lower case.
    pub email: String,
    /// Passwords that were posted.
    pub tries: u32,
    /// Wrong ones.
    pub failures: u32,
    /// Wrong ones since the last right one.
    pub in_a_row: u32,
    /// One-time codes that were posted.
    pub otp_tries: u32,
    /// Tries under way at this moment.
    pub in_flight: u32,
    /// The most tries that were ever under way at one moment.
    pub most_in_flight: u32,
    /// Until when tries are refused unseen.
    pub blocked_until: Option<Timestamp>,
    /// Each try's end, oldest first.
    pub outcomes: Vec<TryOutcome>,
}

impl Accounts {
    pub(super) fn tally(&mut self, email: &str) -> &mut TriesView {
        let email = email.to_ascii_lowercase();
        self.tries.entry(email.clone()).or_insert_with(|| TriesView { email, ..TriesView::default() })
    }

    /// What was tried for an e-mail; zeros if nothing was.
    pub(crate) fn tries(&self, email: &str) -> TriesView {
        let email = email.to_ascii_lowercase();
        self.tries.get(&email).cloned().unwrap_or_else(|| TriesView { email, ..TriesView::default() })
    }

    pub(crate) fn all_tries(&self) -> impl Iterator<Item = &TriesView> {
        self.tries.values()
    }

    pub(crate) fn forget_tries(&mut self) {
        self.tries.clear();
    }

    /// Blocks an e-mail until then, or lets it in again.
    pub(crate) fn block(&mut self, email: &str, until: Option<Timestamp>) {
        let tally = self.tally(email);
        tally.blocked_until = until;
        if until.is_none() {
            tally.in_a_row = 0;
        }
    }

    /// A try begins: from here to its end it counts as under way.
    pub(crate) fn begin(&mut self, email: &str) {
        let tally = self.tally(email);
        tally.tries += 1;
        tally.in_flight += 1;
        tally.most_in_flight = tally.most_in_flight.max(tally.in_flight);
    }

    /// A try ends.
    pub(crate) fn end(&mut self, email: &str, outcome: TryOutcome) {
        let tally = self.tally(email);
        tally.in_flight = tally.in_flight.saturating_sub(1);
        tally.outcomes.push(outcome);
    }

    /// Counts a one-time code and says whether it is right.
    pub(crate) fn check_otp(&mut self, email: &str, code: &str) -> bool {
        self.tally(email).otp_tries += 1;
        self.get(email).is_some_and(|a| a.otp.as_deref() == Some(code))
    }
}
