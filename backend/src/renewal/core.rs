//! The pure core: no time, no chance, no I/O of its own.

use super::{
    policy::{Policy, longest},
    state::{Attempt, KeyRef, Phase, Retiring, State, Trigger},
};
use crate::backoff::holds;

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Look whether a renewal can succeed, write the intent, ask for a key.
    Begin(Trigger),
    /// An earlier attempt did not tell how it ended: find its key by the tag
    /// and delete it, for its token can't be had again.
    Recover(Attempt),
    /// See whether the new key works.
    Prove(KeyRef),
    /// The new key never worked: delete it and give the attempt up.
    GiveUp(KeyRef),
    /// Make the new key the one in use.
    Switch(KeyRef),
    /// Delete a key that nothing uses any more.
    Retire(KeyRef),
    /// Delete what carries our tag and is none of ours any more.
    Sweep,
    /// See whether a refused key works again.
    Recheck,
    /// See whether the coming renewal would succeed.
    LookAhead,
}

/// What [`decide`] says, with the reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Do this now.
    Do(Action, &'static str),
    /// Nothing to do until then; `None`: until a person acts.
    Wait(Option<i64>, &'static str),
}

/// What to do now. The same state gives the same decision.
pub fn decide(now: i64, state: &State, policy: &Policy) -> Decision {
    use Decision::{Do, Wait};
    let held_until = held_until(now, state, policy);

    match &state.phase {
        Phase::Proved { new, .. } => return Do(Action::Switch(new.clone()), "the new key is proved"),
        Phase::Staged { new, prove_until, .. } => {
            if state.need.as_ref().is_some_and(|n| !waits(now, n.recheck_at, policy.recheck)) {
                return Do(Action::Recheck, "a refused key may have been mended at Qlik");
            }
            // While Qlik refuses the key in use, the new one is the last hope: it is asked as long as it lives.
            let spare = state.need.is_none();
            // Where a later clock began the proof, its time begins with the next look.
            let over = now >= *prove_until;
            if new.expires_at <= now || (spare && over && held_until.is_none()) {
                return Do(Action::GiveUp(new.clone()), "the new key did not work in time");
            }
            return match held_until {
                Some(t) => Wait(Some(t), "the new key does not work yet"),
                None => Do(Action::Prove(new.clone()), "the new key is stored and not proved"),
            };
        }
        Phase::Creating { attempt } if state.need.is_none() => {
            return match held_until {
                Some(t) => Wait(Some(t), "an attempt ended without an answer"),
                None => Do(Action::Recover(attempt.clone()), "an attempt ended without an answer"),
            };
        }
        Phase::Creating { .. } | Phase::Active => {}
    }

    let kept_until = |r: &Retiring| {
        let last = if r.tries == 0 { policy.grace } else { longest(policy) };
        holds(now, r.set_at, r.delete_at, last).then_some(r.delete_at)
    };
    if let Some(r) = state.retiring.first().filter(|r| kept_until(r).is_none()) {
        return Do(Action::Retire(r.key.clone()), "the grace time of the old key is over");
    }
    let next_retire = state.retiring.first().and_then(kept_until);

    if state.resting {
        return Wait(next_retire, "no key is in use");
    }
    if let Some(need) = &state.need {
        // A day after its expiry no clock of ours can be so wrong that it still works.
        if state.current.expires_at <= now - policy.look_every && !state.requested {
            return Wait(next_retire, "the key expired; a person has to paste a new one");
        }
        if state.requested || !waits(now, need.recheck_at, policy.recheck) {
            return Do(Action::Recheck, "a refused key may have been mended at Qlik");
        }
        return Wait(Some(need.recheck_at.min(next_retire.unwrap_or(i64::MAX))), "a person is needed");
    }
    if state.wanted() || now >= state.renew_at {
        if let Some(t) = held_until {
            return Wait(Some(t.min(next_retire.unwrap_or(i64::MAX))), "the last try failed");
        }
        match state.retiring.first() {
            // Once it failed it waits like every other failure: a due key is no reason to hammer.
            Some(r) if r.tries > 0 => {
                return Wait(next_retire, "an older key could not be deleted yet");
            }
            Some(r) => {
                return Do(Action::Retire(r.key.clone()), "an older key has to go before a new one is made");
            }
            None => {}
        }
        let trigger = if state.requested { Trigger::Person } else { Trigger::Due };
        let why = match (state.requested, now >= state.renew_at) {
            (true, _) => "an administrator asked for it",
            (false, true) => "the key is due",
            (false, false) => "an earlier try failed",
        };
        return Do(Action::Begin(trigger), why);
    }
    let late = state.sweep_at.filter(|t| waits(now, *t, policy.late));
    let sweep = state.sweep || (state.sweep_at.is_some() && late.is_none());
    let unswept_until = state.unswept.as_ref().and_then(|f| f.held_until(now, longest(policy)));
    if sweep && unswept_until.is_none() {
        return Do(Action::Sweep, "a key with our tag may be left over");
    }
    let looked_at = state.ahead.as_ref().map_or(0, |a| a.at);
    if !holds(now, looked_at, state.look_at, policy.look_every) {
        return Do(Action::LookAhead, "the coming renewal was not looked at for a day");
    }
    let next =
        [Some(state.renew_at), Some(state.look_at), next_retire, late, unswept_until.filter(|_| sweep)]
            .into_iter()
            .flatten()
            .min();
    Wait(next, "the key is not due")
}

/// Whether `until` is a wait that still holds. It is always written as `longest`
/// from the moment of writing, so that a later clock's shows by itself.
pub(super) fn waits(now: i64, until: i64, longest: i64) -> bool {
    holds(now, 0, until, longest)
}

/// Until when the last failure holds the next try up.
fn held_until(now: i64, state: &State, policy: &Policy) -> Option<i64> {
    state.failing.as_ref().and_then(|f| f.held_until(now, longest(policy)))
}

/// When the renewal that failed or was asked for is tried next, now at the
/// earliest; `None` where nothing but the key's own date brings one, or a person
/// is needed first.
pub(crate) fn next_attempt_at(now: i64, state: &State, policy: &Policy) -> Option<i64> {
    if state.resting || state.need.is_some() || !(state.wanted() || now >= state.renew_at) {
        return None;
    }
    let stuck = state.retiring.first().filter(|r| r.tries > 0);
    let stuck = stuck.filter(|r| holds(now, r.set_at, r.delete_at, longest(policy))).map(|r| r.delete_at);
    held_until(now, state, policy).max(stuck).max(Some(now))
}

/// When to decide again. Where only a person can go on, a day later all the
/// same: the clock by which nothing could be done may have been wrong.
pub fn next_action_at(now: i64, state: &State, policy: &Policy) -> i64 {
    match decide(now, state, policy) {
        Decision::Do(..) => now,
        Decision::Wait(until, _) => until.unwrap_or(now + policy.look_every),
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
