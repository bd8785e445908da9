//! The pure core: no time, no chance, no I/O of its own.

use super::state::{End, Phase, Provider, State};
use crate::backoff::holds;

const DAY: i64 = 86_400;

/// The numbers of a rotation, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long the old key can be gone back to after the switch.
    pub grace: i64,
    /// How long a new identity provider is tried often.
    pub prove_for: i64,
    /// The longest wait between two tries in that time.
    pub prove_every: i64,
    /// The longest wait between two tries after it.
    pub look_every: i64,
    /// The first wait after a failure.
    pub backoff_first: i64,
    /// The longest wait after a failure.
    pub backoff_most: i64,
    /// How long a request without an answer may take until it takes place all
    /// the same, and how long Qlik may need until it lists what was made.
    pub late: i64,
    /// How long before the certificate's end a rotation is advised.
    pub warn_before: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace: DAY,
            prove_for: 600,
            prove_every: 60,
            look_every: 900,
            backoff_first: 30,
            backoff_most: 3_600,
            late: 600,
            warn_before: 30 * DAY,
        }
    }
}

/// What an administrator can ask for while a rotation is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Try again now.
    Check,
    /// Sign with the new key.
    Switch,
    /// Sign with the old key again.
    Back,
    /// Give the old key up now.
    Retire,
    /// Give the new key up.
    Undo,
}

impl Move {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Check, Self::Switch, Self::Back, Self::Retire, Self::Undo];

    /// For logs and the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Switch => "switch",
            Self::Back => "switch_back",
            Self::Retire => "retire",
            Self::Undo => "undo",
        }
    }
}

/// Whether it can be asked for. `here`: the portal is still connected to the
/// tenant in which the rotation takes place.
pub fn allows(state: &State, wish: Move, here: bool) -> bool {
    match (wish, &state.phase) {
        (Move::Check, Phase::Create | Phase::Announce { .. })
        | (Move::Switch, Phase::Ready)
        | (Move::Back, Phase::Switched { .. }) => here,
        (Move::Check, Phase::Switched { .. } | Phase::Retire | Phase::Undo { .. }) => {
            here && state.trouble.is_some()
        }
        (Move::Retire, Phase::Switched { .. })
        | (Move::Undo, Phase::Create | Phase::Announce { .. } | Phase::Ready) => true,
        _ => false,
    }
}

/// The one thing to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Find the new key's identity provider, or make it.
    Provide,
    /// See whether the new key signs in.
    Prove,
    /// See whether the new key signs in, and use it.
    Switch,
    /// See whether the old key signs in, and use it again.
    Back,
    /// See once more whether the new key signs in, before the old one goes.
    ProveLast,
    /// Delete the old key's identity provider, and forget the old key.
    Delete,
    /// Delete the new key's identity provider, and forget the new key.
    Undo,
    /// Forget the key that nothing uses: its tenant can't be reached any more.
    Close(End),
    /// What was asked for can't be done in another tenant.
    CallOff,
    /// The clock was put back: the old key's time begins anew.
    KeepOld,
}

/// What [`decide`] says, with the reason in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Do this now.
    Do(Action, &'static str),
    /// Nothing to do until then; `None`: until a person acts.
    Wait(Option<i64>, &'static str),
}

/// What to do now. The same state gives the same decision.
pub fn decide(now: i64, state: &State, policy: &Policy, here: bool) -> Decision {
    use Decision::{Do, Wait};
    if let Phase::Ended { .. } = state.phase {
        return Wait(None, "it is over");
    }
    if let Phase::Switched { retire_at } = state.phase
        && retire_at > now + policy.grace
    {
        return Do(Action::KeepOld, "the clock was put back");
    }
    if !here {
        return elsewhere(now, state, policy);
    }
    // The longest wait after a failure, its jitter included.
    let longest = policy.backoff_most + policy.backoff_most / 5;
    if let Some(t) = state.trouble.as_ref().and_then(|t| t.failing.held_until(now, longest)) {
        // What a person asked for is tried at once; `apply` has taken the trouble away then.
        return Wait(Some(t), "the last try failed");
    }
    match (&state.phase, &state.provider) {
        (Phase::Create, Provider::ByHand { look_at }) if holds(now, 0, *look_at, policy.look_every) => {
            Wait(Some(*look_at), "a Tenant Admin has to enter the identity provider")
        }
        (Phase::Create, Provider::ByHand { .. }) => {
            Do(Action::Prove, "a Tenant Admin may have entered the identity provider")
        }
        (Phase::Create, _) => Do(Action::Provide, "the new key has no identity provider yet"),
        (Phase::Announce { .. }, _) => Do(Action::Prove, "the new key is not proved yet"),
        (Phase::Ready, _) => Wait(None, "an administrator says when to switch"),
        (Phase::Switch, _) => Do(Action::Switch, "an administrator asked for the switch"),
        (Phase::Switched { retire_at }, _) if now < *retire_at => {
            Wait(Some(*retire_at), "the old key is kept for a while")
        }
        (Phase::Switched { .. }, _) => Do(Action::ProveLast, "the time of the old key is over"),
        (Phase::Back { .. }, _) => Do(Action::Back, "an administrator asked for the old key"),
        (Phase::Retire, _) => Do(Action::Delete, "the new key works without the old one"),
        (Phase::Undo { looked: true }, _) => match may_come_until(now, state, policy) {
            Some(t) => Wait(Some(t), "Qlik may still make an identity provider that was asked for"),
            None => Do(Action::Undo, "the rotation was called off"),
        },
        (Phase::Undo { .. }, _) => Do(Action::Undo, "the rotation was called off"),
        (Phase::Ended { .. }, _) => Wait(None, "it is over"),
    }
}

/// Until when something may come of a request that got no answer, where that is
/// still to come.
pub(super) fn may_come_until(now: i64, state: &State, policy: &Policy) -> Option<i64> {
    state.unanswered_at().map(|at| at + policy.late).filter(|t| holds(now, 0, *t, policy.late))
}

/// The portal was connected to another tenant: what is in the old one is out of reach.
fn elsewhere(now: i64, state: &State, policy: &Policy) -> Decision {
    use Decision::{Do, Wait};
    let why = "the portal is connected to another tenant";
    match state.phase {
        // It may be connected to the old one again.
        Phase::Create | Phase::Announce { .. } => Wait(Some(now + policy.look_every), why),
        Phase::Switch | Phase::Back { .. } => Do(Action::CallOff, why),
        Phase::Switched { retire_at } if now < retire_at => Wait(Some(retire_at), why),
        Phase::Switched { .. } | Phase::Retire => Do(Action::Close(End::Retired), why),
        Phase::Undo { .. } => Do(Action::Close(End::Undone), why),
        Phase::Ready | Phase::Ended { .. } => Wait(None, why),
    }
}

/// When to decide again; `None`: when a person acts.
pub fn next_action_at(now: i64, state: &State, policy: &Policy, here: bool) -> Option<i64> {
    match decide(now, state, policy, here) {
        Decision::Do(..) => Some(now),
        Decision::Wait(until, _) => until,
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
