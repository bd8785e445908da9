//! The pure core: no time, no chance, no I/O of its own.

use super::{
    policy::{Policy, asked_for, longest, next_look, next_proof, next_try},
    state::{
        Ahead, Attempt, Failing, Fault, KeyRef, Need, NeedReason, Phase, Retiring, State, Stray, Trigger,
    },
};

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

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An administrator asked for a renewal.
    Requested,
    /// The intent of an attempt is about to be stored.
    Began(Attempt),
    /// Qlik made the key; its token is stored in the same transaction.
    Created(KeyRef),
    /// No key was made, for sure.
    NotCreated(Fault),
    /// A key may have been made.
    Unclear(Fault),
    /// The attempt was cleaned up at Qlik.
    Recovered,
    /// Something on the way failed; the state stays.
    Failed(Fault),
    /// The new key does not work yet.
    NotYet(Fault),
    /// The new key works and is the same owner's.
    Proved,
    /// The new key was deleted, the attempt is over.
    GaveUp(Fault),
    /// The new key is the one in use from now on.
    Switched {
        /// When it comes due.
        renew_at: i64,
    },
    /// A key is gone at Qlik.
    Retired(String),
    /// Qlik says that it does not know a key: it is gone, unless Qlik is wrong,
    /// which a sweep finds out.
    Unknown(String),
    /// A key could not be deleted.
    NotRetired(String, Fault),
    /// Nothing of ours is left over at Qlik.
    Swept,
    /// A key of this portal's that is none of this database's was seen, or no
    /// longer is.
    Stray(Option<Stray>),
    /// The machine can't go on.
    Needs(NeedReason, Fault),
    /// The key works again.
    Works,
    /// The coming renewal was looked at.
    LookedAhead(Ahead),
    /// A trial is about to make a key, which is found by its tag whatever
    /// becomes of the trial.
    TrialBegan,
}

/// What to do now. The same state gives the same decision.
pub fn decide(now: i64, state: &State, policy: &Policy) -> Decision {
    use Decision::{Do, Wait};
    let held_until = state
        .failing
        .as_ref()
        .filter(|f| !state.requested && waits(now, f.next_try_at, longest(policy)))
        .map(|f| f.next_try_at);

    match &state.phase {
        Phase::Proved { new, .. } => return Do(Action::Switch(new.clone()), "the new key is proved"),
        Phase::Staged { new, prove_until, .. } => {
            if state.need.as_ref().is_some_and(|n| !waits(now, n.recheck_at, policy.recheck)) {
                return Do(Action::Recheck, "a refused key may have been mended at Qlik");
            }
            // While the key in use is dead, the new one is the last hope: it is asked as long as it lives.
            let spare = state.need.is_none() && state.current.expires_at > now;
            let over = now >= *prove_until || now < prove_until - policy.prove_for;
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
        waits(now, r.delete_at, last).then_some(r.delete_at)
    };
    if let Some(r) = state.retiring.first().filter(|r| kept_until(r).is_none()) {
        return Do(Action::Retire(r.key.clone()), "the grace time of the old key is over");
    }
    let next_retire = state.retiring.first().and_then(kept_until);

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
    let due = state.requested || now >= state.renew_at;
    if due {
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
        let why = if state.requested { "an administrator asked for it" } else { "the key is due" };
        return Do(Action::Begin(trigger), why);
    }
    let late = state.sweep_at.filter(|t| waits(now, *t, policy.late));
    let sweep = state.sweep || (state.sweep_at.is_some() && late.is_none());
    if sweep && held_until.is_none() {
        return Do(Action::Sweep, "a key with our tag may be left over");
    }
    if !waits(now, state.look_at, policy.look_every) {
        return Do(Action::LookAhead, "the coming renewal was not looked at for a day");
    }
    let next = [Some(state.renew_at), Some(state.look_at), next_retire, late, held_until.filter(|_| sweep)]
        .into_iter()
        .flatten()
        .min();
    Wait(next, "the key is not due")
}

/// Whether `until` is a wait of at most `longest`. One that is further off was
/// set by a clock that has been put back since, and holds nothing up.
fn waits(now: i64, until: i64, longest: i64) -> bool {
    until > now && until - now <= longest
}

/// When to decide again. Where only a person can go on, a day later all the
/// same: the clock by which nothing could be done may have been wrong.
pub fn next_action_at(now: i64, state: &State, policy: &Policy) -> i64 {
    match decide(now, state, policy) {
        Decision::Do(..) => now,
        Decision::Wait(until, _) => until.unwrap_or(now + policy.look_every),
    }
}

/// The state after what happened. `jitter` is 0 to 1.
pub fn apply(now: i64, state: &State, event: Event, policy: &Policy, jitter: f64) -> State {
    let mut s = state.clone();
    match event {
        Event::Requested => {
            s.requested = true;
        }
        Event::Began(attempt) => {
            s.phase = Phase::Creating { attempt };
            s.requested = false;
        }
        Event::Created(new) => {
            if let Phase::Creating { attempt } = s.phase.clone() {
                s.failing = s.failing.map(|f| Failing { next_try_at: now, ..f });
                s.phase = Phase::Staged { attempt, new, prove_until: now + policy.prove_for };
            }
        }
        Event::NotCreated(fault) => {
            s.phase = Phase::Active;
            s.requested = false;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::Unclear(fault) => {
            s.sweep = true;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::Recovered => {
            s.phase = Phase::Active;
            s.sweep = false;
            s.sweep_at = Some(now + policy.late);
        }
        Event::Failed(fault) => {
            s.requested = false;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::NotYet(fault) => {
            let since = match &s.phase {
                Phase::Staged { prove_until, .. } => prove_until - policy.prove_for,
                _ => now,
            };
            let wait = next_proof(now, since).max(now + asked_for(fault.retry_after, policy));
            // The request is served by this attempt; kept, it would let the proof go round without a wait.
            s.requested = false;
            let (attempts, first) = s.failing.as_ref().map_or((0, now), |f| (f.attempts, f.since));
            s.failing = Some(Failing { attempts, since: first, next_try_at: wait, fault });
        }
        Event::Proved => {
            if let Phase::Staged { attempt, new, .. } = s.phase.clone() {
                s.phase = Phase::Proved { attempt, new };
            }
        }
        Event::GaveUp(fault) => {
            s.phase = Phase::Active;
            s.sweep = true;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::Switched { renew_at } => {
            if let Phase::Proved { new, .. } = s.phase.clone() {
                let old = std::mem::replace(&mut s.current, new);
                s.retiring.push(Retiring { key: old, delete_at: now + policy.grace, tries: 0 });
                s.phase = Phase::Active;
                s.renew_at = renew_at;
                s.look_at = next_look(now, policy, jitter);
                s.ahead = None;
                s.failing = None;
                s.need = None;
                s.requested = false;
            }
        }
        Event::Retired(id) => s.retiring.retain(|r| r.key.key_id != id),
        Event::Unknown(id) => {
            s.retiring.retain(|r| r.key.key_id != id);
            s.sweep = true;
        }
        Event::NotRetired(id, fault) => {
            s.requested = false;
            let current = s.current.clone();
            for r in s.retiring.iter_mut().filter(|r| r.key.key_id == id) {
                r.tries += 1;
                r.delete_at = next_try(now, r.tries, fault.retry_after, &current, policy, jitter);
            }
            s.retiring.sort_by_key(|r| r.delete_at);
        }
        Event::Swept => {
            s.sweep = false;
            s.sweep_at = s.sweep_at.filter(|t| waits(now, *t, policy.late));
        }
        Event::Stray(stray) => s.stray = stray,
        Event::Needs(reason, fault) => {
            if matches!(s.phase, Phase::Creating { .. }) {
                s.phase = Phase::Active;
                s.sweep = true;
                s.sweep_at = Some(now + policy.late);
            }
            s.requested = false;
            let since = s.need.as_ref().filter(|n| n.reason == reason).map_or(now, |n| n.since);
            s.need = Some(Need { reason, fault, since, recheck_at: now + policy.recheck });
        }
        Event::Works => s.need = None,
        Event::LookedAhead(ahead) => {
            s.look_at = if ahead.checks.is_empty() {
                now + policy.look_again
            } else {
                next_look(now, policy, jitter)
            };
            s.ahead = Some(ahead);
        }
        Event::TrialBegan => {
            s.sweep = true;
            s.sweep_at = Some(now + policy.late);
        }
    }
    s
}

fn failed(now: i64, s: &State, fault: Fault, policy: &Policy, jitter: f64) -> Failing {
    let attempts = s.failing.as_ref().map_or(0, |f| f.attempts).saturating_add(1);
    let since = s.failing.as_ref().map_or(now, |f| f.since);
    let next_try_at = next_try(now, attempts, fault.retry_after, &s.current, policy, jitter);
    Failing { attempts, since, next_try_at, fault }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
