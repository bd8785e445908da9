//! What happened, and the state after it: the other half of the pure core.

use super::{
    core::waits,
    policy::{Policy, asked_for, next_look, next_proof, next_try},
    state::{Ahead, Attempt, Failing, Fault, KeyRef, Need, NeedReason, Phase, Retiring, State, Stray},
};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An administrator asked for a renewal.
    Requested,
    /// The intent of an attempt is about to be stored.
    Began(Attempt),
    /// Qlik made the key; its token is stored in the same transaction.
    Created(KeyRef),
    /// No key was asked for.
    NotCreated(Fault),
    /// Qlik says that it made no key; whether that is so is looked at.
    Denied(Fault),
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
    /// Whether anything is could not be seen.
    NotSwept(Fault),
    /// A key of this portal's that is none of this database's was seen, or no
    /// longer is.
    Stray(Option<Stray>),
    /// The machine can't go on.
    Needs(NeedReason, Fault),
    /// The key works again.
    Works,
    /// The coming renewal was looked at.
    LookedAhead(Ahead),
    /// A trial makes a key or has made one: whatever becomes of it, it is looked
    /// for by its tag.
    MayLeaveKey,
}

/// The state after what happened. `jitter` is 0 to 1.
pub fn apply(now: i64, state: &State, event: Event, policy: &Policy, jitter: f64) -> State {
    let mut s = state.clone();
    match event {
        Event::Requested => {
            s.requested = true;
            // Whatever waits for another try of it waits no longer, once.
            s.failing = s.failing.map(|f| Failing { next_try_at: now, set_at: now, ..f });
        }
        Event::Began(attempt) => s.phase = Phase::Creating { attempt },
        Event::Created(new) => {
            if let Phase::Creating { attempt } = s.phase.clone() {
                s.failing = s.failing.map(|f| Failing { next_try_at: now, set_at: now, ..f });
                s.phase = Phase::Staged { attempt, new, prove_until: now + policy.prove_for };
            }
        }
        Event::NotCreated(fault) => {
            s.phase = Phase::Active;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::Unclear(fault) => {
            s.sweep = true;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::Recovered => {
            s.phase = Phase::Active;
            s.sweep = false;
            s.unswept = None;
            s.sweep_at = Some(now + policy.late);
        }
        Event::Failed(fault) => s.failing = Some(failed(now, &s, fault, policy, jitter)),
        Event::NotYet(fault) => s.failing = Some(not_yet(now, &mut s, fault, policy)),
        Event::Proved => {
            if let Phase::Staged { attempt, new, .. } = s.phase.clone() {
                s.phase = Phase::Proved { attempt, new };
            }
        }
        Event::Denied(fault) | Event::GaveUp(fault) => {
            s.phase = Phase::Active;
            s.sweep = true;
            s.failing = Some(failed(now, &s, fault, policy, jitter));
        }
        Event::Switched { renew_at } => {
            if let Phase::Proved { new, .. } = s.phase.clone() {
                let old = std::mem::replace(&mut s.current, new);
                s.retiring.push(Retiring { key: old, delete_at: now + policy.grace, tries: 0, set_at: now });
                s.phase = Phase::Active;
                s.renew_at = renew_at;
                s.look_at = next_look(now, policy, jitter);
                s.ahead = None;
                s.failing = None;
                s.need = None;
                s.requested = false;
            }
        }
        other => upkeep(now, &mut s, other, policy, jitter),
    }
    s
}

/// What happens beside the steps of an attempt.
fn upkeep(now: i64, s: &mut State, event: Event, policy: &Policy, jitter: f64) {
    match event {
        Event::Retired(id) => s.retiring.retain(|r| r.key.key_id != id),
        Event::Unknown(id) => {
            s.retiring.retain(|r| r.key.key_id != id);
            s.sweep = true;
        }
        Event::NotRetired(id, fault) => {
            let current = s.current.clone();
            for r in s.retiring.iter_mut().filter(|r| r.key.key_id == id) {
                r.tries += 1;
                r.delete_at = next_try(now, r.tries, fault.retry_after, &current, policy, jitter);
                r.set_at = now;
            }
            s.retiring.sort_by_key(|r| r.delete_at);
        }
        Event::Swept => {
            s.sweep = false;
            s.unswept = None;
            s.sweep_at = s.sweep_at.filter(|t| waits(now, *t, policy.late));
        }
        Event::NotSwept(fault) => {
            s.sweep = true;
            let again = once_more(now, s.unswept.as_deref(), &s.current, fault, policy, jitter);
            s.unswept = Some(Box::new(again));
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
        Event::MayLeaveKey => {
            s.sweep = true;
            s.sweep_at = Some(now + policy.late);
        }
        // The steps of an attempt, which `apply` takes.
        Event::Began(_)
        | Event::Created(_)
        | Event::NotCreated(_)
        | Event::Denied(_)
        | Event::Unclear(_)
        | Event::Recovered
        | Event::NotYet(_)
        | Event::Proved
        | Event::GaveUp(_)
        | Event::Switched { .. }
        | Event::Requested
        | Event::Failed(_) => {}
    }
}

fn failed(now: i64, s: &State, fault: Fault, policy: &Policy, jitter: f64) -> Failing {
    once_more(now, s.failing.as_ref(), &s.current, fault, policy, jitter)
}

/// One more failure after those `before`.
fn once_more(
    now: i64,
    before: Option<&Failing>,
    current: &KeyRef,
    fault: Fault,
    policy: &Policy,
    jitter: f64,
) -> Failing {
    let attempts = before.map_or(0, |f| f.attempts).saturating_add(1);
    let since = before.map_or(now, |f| f.since.min(now));
    let next_try_at = next_try(now, attempts, fault.retry_after, current, policy, jitter);
    Failing { attempts, since, next_try_at, set_at: now, fault }
}

/// The new key is asked again soon, and longer waits follow.
fn not_yet(now: i64, s: &mut State, fault: Fault, policy: &Policy) -> Failing {
    let since = match &mut s.phase {
        Phase::Staged { prove_until, .. } => {
            // A proof that a later clock began begins now.
            *prove_until = (*prove_until).min(now + policy.prove_for);
            *prove_until - policy.prove_for
        }
        _ => now,
    };
    let next_try_at = next_proof(now, since, s.current.expires_at <= now, policy)
        .max(now + asked_for(fault.retry_after, policy));
    let (attempts, since) = s.failing.as_ref().map_or((0, now), |f| (f.attempts, f.since.min(now)));
    Failing { attempts, since, next_try_at, set_at: now, fault }
}
