//! What happened, and the state after it: the other half of the pure core.

use super::{
    core::{Move, Policy},
    state::{End, Left, Phase, Provider, Reason, Snag, State, Trouble},
};
use crate::{backoff::doubling, renewal::Failing};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An administrator asked for something that [`allows`](super::allows) allows.
    Asked(Move),
    /// The request for the identity provider is about to be sent.
    Asking,
    /// The identity provider is in the tenant.
    Provided(String),
    /// None was made, for sure.
    NotProvided(Snag),
    /// One may have been made.
    Unclear(Snag),
    /// The API key's owner may not make one.
    NotAllowed,
    /// The new key signs in.
    Proved,
    /// The new key does not sign in yet.
    NotYet(Snag),
    /// The new key's identity provider is no longer in the tenant.
    Missing,
    /// The new key signs from now on.
    Switched,
    /// It does not: the new key was not proved.
    NotSwitched(Snag),
    /// The old key signs again.
    WentBack,
    /// It does not: the old key was not proved.
    NotBack(Snag),
    /// The new key was proved before the old one goes.
    ProvedLast,
    /// It was not: the old one stays.
    NotRetiring(Snag),
    /// Something on the way failed; the state stays.
    Failed(Snag),
    /// Nothing of the new key was found at Qlik, for the first time.
    NothingYet,
    /// The clock was put back behind the switch.
    KeptOld,
    /// It is over.
    Ended(End, Option<Left>),
}

/// The state after what happened. `jitter` is 0 to 1.
pub fn apply(now: i64, state: &State, event: Event, policy: &Policy, jitter: f64) -> State {
    let mut s = state.clone();
    let failed = |s: &State, snag| {
        trouble(now, s, snag, policy, |n| doubling(n, policy.backoff_first, policy.backoff_most, jitter))
    };
    match event {
        Event::Asked(wish) => asked(now, &mut s, wish),
        Event::Asking => {
            s.lost_at = s.unanswered_at();
            s.provider = Provider::Asked { at: now };
        }
        Event::Provided(id) => {
            s.provider = match s.provider {
                Provider::Asked { .. } | Provider::Made { .. } => Provider::Made { id },
                // There before this portal asked for it: a person's.
                Provider::None | Provider::ByHand { .. } => Provider::ByHand { look_at: now },
            };
            s.phase = Phase::Announce { since: now };
            (s.provided_at, s.trouble) = (Some(now), None);
        }
        Event::NotProvided(snag) => {
            s.provider = Provider::None;
            s.trouble = Some(failed(&s, snag));
        }
        Event::Unclear(snag) | Event::Failed(snag) | Event::NotRetiring(snag) => {
            s.trouble = Some(failed(&s, snag));
        }
        Event::NotAllowed => {
            // It may have been entered already: that is tried first.
            s.lost_at = s.unanswered_at();
            s.provider = Provider::ByHand { look_at: now };
            s.trouble = None;
        }
        Event::Proved => {
            s.phase = Phase::Ready;
            (s.provided_at, s.proved_at, s.trouble) = (s.provided_at.or(Some(now)), Some(now), None);
        }
        Event::NotYet(snag) => not_yet(now, &mut s, snag, policy),
        Event::Missing => {
            (s.phase, s.provider) = (Phase::Create, Provider::None);
            (s.provided_at, s.proved_at, s.trouble) = (None, None, None);
        }
        Event::Switched => {
            s.phase = Phase::Switched { retire_at: now + policy.grace };
            (s.proved_at, s.switched_at, s.trouble) = (Some(now), Some(now), None);
        }
        Event::NotSwitched(snag) => {
            // What was proved is so no longer: it is proved anew.
            let again = snag.reason.is_of_the_provider();
            s.phase = if again { Phase::Announce { since: now } } else { Phase::Ready };
            s.trouble = Some(failed(&s, snag));
        }
        Event::WentBack => {
            s.phase = Phase::Ready;
            (s.switched_at, s.trouble) = (None, None);
        }
        Event::NotBack(snag) => {
            if let Phase::Back { retire_at } = s.phase {
                s.phase = Phase::Switched { retire_at };
            }
            s.trouble = Some(failed(&s, snag));
        }
        Event::ProvedLast => {
            s.phase = Phase::Retire;
            (s.proved_at, s.trouble) = (Some(now), None);
        }
        Event::KeptOld => {
            if let Phase::Switched { retire_at } = &mut s.phase {
                *retire_at = now + policy.grace;
            }
        }
        Event::NothingYet => {
            s.phase = Phase::Undo { looked: true };
            s.trouble = None;
        }
        Event::Ended(end, left) => {
            s.phase = Phase::Ended { end, at: now, left };
            s.trouble = None;
        }
    }
    s
}

fn asked(now: i64, s: &mut State, wish: Move) {
    s.trouble = None;
    match (wish, &s.phase) {
        (Move::Check, Phase::Create) => {
            // The key's owner may have become a Tenant Admin.
            if let Provider::ByHand { .. } = s.provider {
                s.provider = Provider::None;
            }
        }
        (Move::Switch, Phase::Ready) => s.phase = Phase::Switch,
        (Move::Back, Phase::Switched { retire_at }) => s.phase = Phase::Back { retire_at: *retire_at },
        (Move::Retire, Phase::Switched { .. }) => s.phase = Phase::Switched { retire_at: now },
        (Move::Undo, Phase::Create | Phase::Announce { .. } | Phase::Ready) => {
            s.phase = Phase::Undo { looked: false };
        }
        _ => {}
    }
}

/// Tried often at first, for a new identity provider may need a moment; then as
/// long as it takes, for it costs little and nobody waits for it.
fn not_yet(now: i64, s: &mut State, snag: Snag, policy: &Policy) {
    if let (Phase::Create, Provider::ByHand { look_at }) = (&s.phase, &mut s.provider) {
        // Nothing is wrong while a person has yet to enter it.
        if matches!(snag.reason, Reason::Refused | Reason::Missing) {
            let longest =
                if now - s.began_at > policy.prove_for { policy.look_every } else { policy.prove_every };
            *look_at = now + longest;
            s.trouble = None;
            return;
        }
    }
    let since = match s.phase {
        Phase::Announce { since } => since,
        _ => now,
    };
    let longest = if now - since > policy.prove_for { policy.look_every } else { policy.prove_every };
    let wait = ((now - since) / 2).clamp(2, longest);
    s.trouble = Some(trouble(now, s, snag, policy, |_| wait));
}

/// One more failure; `wait` says how long the wait is after so many.
fn trouble(now: i64, s: &State, snag: Snag, policy: &Policy, wait: impl FnOnce(u32) -> i64) -> Trouble {
    let before = s.trouble.as_ref().map(|t| &t.failing);
    let attempts = before.map_or(0, |f| f.attempts) + 1;
    let asked_for = snag.fault.retry_after.unwrap_or(0).clamp(0, policy.backoff_most);
    let next_try_at = now + wait(attempts).max(asked_for);
    let since = before.map_or(now, |f| f.since.min(now));
    Trouble {
        reason: snag.reason,
        failing: Failing { attempts, since, next_try_at, set_at: now, fault: snag.fault },
    }
}
