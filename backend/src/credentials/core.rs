//! Whether a password sign-in may be begun now, and what is written before it is.
//!
//! Qlik blocks an account after a few refusals, so a password that Qlik may have
//! refused is never sent again by itself. This module must not know the store, nor
//! send anything.

use super::state::{Around, CredentialState as State, Row};

/// How long a try holds others up, in seconds: longer than the longest login of the
/// client. One that is older was left by a process that ended.
pub(super) const TRYING: i64 = 2 * 60;
/// The door signs a user in once in that time, in seconds: where Qlik ends each
/// session at once, opening it anew again and again would be a flood of logins.
const DOOR_GAP: i64 = 60;
/// So many password sign-ins may be begun in a portal in [`PACE_TIME`].
const PACE: i64 = 10;
/// In seconds.
pub(super) const PACE_TIME: i64 = 60;
/// After so many refusals in a row there is a pause before each further try: Auth0,
/// on which Qlik's login stands by all public signs, blocks an account after ten
/// (<https://auth0.com/docs/secure/attack-protection/brute-force-protection>), and
/// Qlik may have set it lower.
pub(super) const REFUSALS: i64 = 3;
/// In seconds.
pub(super) const PAUSE: i64 = 15 * 60;
/// No hold is longer, whatever was asked for, in seconds.
pub(super) const LONGEST: i64 = 24 * 60 * 60;
/// A server's clock may be ahead of another's by so much, in seconds. A time in the
/// store that is further off than its longest and this was written by a clock that
/// has been put back since.
pub(super) const SKEW: i64 = 60 * 60;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// The user typed a password, to be registered: another one than is stored.
    Typed,
    /// The user typed the very password that is stored and works: what comes of it comes
    /// to the stored one.
    Retyped,
    /// The user asks for one more try with the stored one.
    Again,
    /// The user needs a session, and the stored one is to open it.
    Door,
}

/// Why a try has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// One is under way for this user.
    Busy,
    /// Qlik asked for it, or too many were refused.
    Held,
    /// The user was signed in just now.
    TooSoon,
    /// Many of this portal are being signed in.
    Pace,
}

/// What is written before a password may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) want: Want,
    /// How it stood before.
    pub(super) before: State,
    /// Whether a password was stored that could still be of use.
    pub(super) stored: bool,
    /// Refusals and hold as they were before, should nothing be sent.
    pub(super) refusals: i64,
    pub(super) hold_until: Option<i64>,
}

impl Begun {
    /// The row's `state_before`: none where the stored password itself is tried.
    pub(super) fn state_before(&self) -> Option<State> {
        (!matches!(self.want, Want::Door | Want::Retyped)).then_some(self.before)
    }

    /// Whether the stored password stays in the row meanwhile. The one explicit try
    /// takes it out: only if it works, or nothing was sent, it is put back. So there
    /// is no second one, whatever happens in between.
    pub(super) fn keeps_password(&self) -> bool {
        self.stored && self.want != Want::Again
    }

    /// Refusals and hold as they are if this process ends now: as though refused.
    pub(super) fn as_refused(&self, now: i64) -> (i64, Option<i64>) {
        let refusals = self.refusals + 1;
        let pause = (refusals >= REFUSALS).then_some(now + PAUSE);
        (refusals, self.hold_until.max(pause))
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Sign in.
    Try(Begun),
    /// Not before then, in unix seconds.
    Wait { until: i64, why: Why },
    /// Not as things stand.
    Not(State),
}

/// How credentials stand, an overdue try judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: State,
    /// Whether a password is stored that could still be of use.
    pub(super) stored: bool,
    /// Until when a try that is under way holds others up.
    pub(super) busy_until: Option<i64>,
}

/// How credentials stand now.
pub(super) fn standing(now: i64, row: &Row) -> Standing {
    let stored = row.stored && row.belongs;
    let live = row.tried_at.filter(|t| row.in_flight && *t > now - TRYING && *t <= now + TRYING);
    let state = match (row.state, row.before) {
        (State::Trying, _) if live.is_some() => State::Trying,
        (State::NotRegistered, _) => State::NotRegistered,
        _ if !row.belongs => State::Unused,
        // A typed password was under way: of the stored one nothing new is known.
        (State::Trying, Some(before)) if stored => before,
        (State::Trying, _) => State::Unclear,
        (state, _) => state,
    };
    Standing { state, stored, busy_until: live.map(|t| t + TRYING) }
}

/// Until when nothing is tried, if so.
pub(super) fn held(now: i64, row: &Row, around: &Around) -> Option<i64> {
    [row.hold_until, around.host_hold].into_iter().filter_map(|hold| still(now, hold)).max()
}

/// A hold that is not over, and not of a clock that has been put back since.
fn still(now: i64, hold: Option<i64>) -> Option<i64> {
    hold.filter(|until| *until > now && *until <= now + LONGEST + SKEW)
}

/// Whether the user may ask for one more try with the stored password.
pub(super) fn may_try_again(standing: Standing) -> bool {
    let idle = matches!(standing.state, State::Works | State::Trying | State::NotRegistered | State::Unused);
    standing.stored && !idle
}

/// What is wanted where the user typed a password. `is_stored`: the very one that is
/// stored. That is tried as what it is, so that a refusal is a refusal of the stored
/// one, and not of one beside which that is kept.
pub(super) fn typed(standing: Standing, is_stored: bool) -> Want {
    match is_stored && standing.stored {
        false => Want::Typed,
        true if may_try_again(standing) => Want::Again,
        true => Want::Retyped,
    }
}

/// Decides. The row and what is around it must be of one moment, in which nobody
/// else decides.
pub(super) fn decide(now: i64, row: &Row, around: &Around, want: Want) -> Decision {
    let stands = standing(now, row);
    if let Some(until) = stands.busy_until {
        return Decision::Wait { until, why: Why::Busy };
    }
    let allowed = match want {
        Want::Typed => true,
        Want::Again => may_try_again(stands),
        Want::Door | Want::Retyped => stands.state == State::Works && stands.stored,
    };
    if !allowed {
        return Decision::Not(stands.state);
    }
    if let Some(until) = held(now, row, around) {
        return Decision::Wait { until, why: Why::Held };
    }
    let recent = row.tried_at.filter(|t| *t > now - DOOR_GAP && *t <= now + DOOR_GAP);
    if let (Want::Door, Some(tried)) = (want, recent) {
        return Decision::Wait { until: tried + DOOR_GAP, why: Why::TooSoon };
    }
    if around.begun >= PACE {
        let until = around.oldest.unwrap_or(now).min(now) + PACE_TIME;
        return Decision::Wait { until, why: Why::Pace };
    }
    Decision::Try(Begun {
        want,
        before: stands.state,
        stored: stands.stored,
        refusals: row.refusals,
        hold_until: still(now, row.hold_until),
    })
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
