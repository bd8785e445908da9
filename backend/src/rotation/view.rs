//! What the page of the signing key shows.

use jiff::Timestamp;
use qlik::host::{ConsolePage, TenantHost};

use super::{
    act::description,
    core::{Decision, Move, Policy, allows, decide},
    state::{End, Left, Phase, Provider, State, Trouble},
    store::load,
};
use crate::{Actor, Error, Services, identity::IdentityView, renewal::load as load_integration, store::at};

/// The signing key, and its replacement where one is under way or was the last
/// thing that happened.
#[derive(Debug, Clone)]
pub struct SigningKeyView {
    /// The key that signs.
    pub active: IdentityView,
    /// When it was made.
    pub made_at: Timestamp,
    /// Its certificate ends within the time in which a rotation is advised.
    pub ends_soon: bool,
    /// The Qlik tenant, where one is connected.
    pub tenant_host: Option<String>,
    /// Where the tenant's own console lists identity providers.
    pub console: Option<String>,
    /// How long the old key can be gone back to after a switch, in seconds.
    pub grace: i64,
    /// The rotation.
    pub rotation: Option<RotationView>,
}

/// A rotation as the page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct RotationView {
    /// The four phases; none once it is over or called off.
    pub phases: Vec<PhaseView>,
    /// What can be asked for now.
    pub moves: Vec<Move>,
    /// The key that signed when it began.
    pub old_kid: String,
    /// The key that is to sign.
    pub new_kid: String,
    /// Whether the old key's identity provider was made by this portal, which
    /// then deletes it.
    pub deletes_old: bool,
    /// What keeps it from going on.
    pub trouble: Option<Trouble>,
    /// When something is done by itself next, and what.
    pub next: Option<(Timestamp, &'static str)>,
    /// The values to enter by hand, with the description.
    pub by_hand: Option<(IdentityView, String)>,
    /// It is being called off.
    pub undoing: bool,
    /// The portal was connected to another tenant meanwhile; this is the one in
    /// which it began.
    pub elsewhere: Option<String>,
    /// How and when it ended.
    pub ended: Option<(End, Timestamp)>,
    /// What a person has to delete in Qlik.
    pub left: Option<Left>,
}

/// One of the four phases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseView {
    /// Its name.
    pub title: &'static str,
    /// How far it is.
    pub state: PhaseState,
    /// Since when it is so.
    pub at: Option<Timestamp>,
    /// What is so.
    pub says: &'static str,
}

/// How far a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseState {
    /// It is over.
    Done,
    /// It is under way by itself.
    UnderWay,
    /// It did not succeed yet and is tried again by itself.
    Failing,
    /// It waits for a person.
    Waits,
    /// It has not begun.
    Later,
}

impl Services {
    /// All that the page of the signing key shows.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn signing_key_view(&self, actor: &Actor) -> Result<SigningKeyView, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let active = self.identity(&actor.portal).await?;
        let made_at = sqlx::query_scalar!(
            r#"SELECT created_at AS "at!" FROM signing_identities WHERE portal_id = ? AND kid = ?"#,
            portal,
            active.kid
        )
        .fetch_one(self.db().read())
        .await?;
        let integration = load_integration(self.db().read(), portal).await?;
        let policy = &self.config().rotation;
        let rotation = match load(self.db().read(), portal).await? {
            Some(found) => {
                let here = integration.as_ref().is_some_and(|r| r.tenant_id == found.state.tenant_id);
                let new = self.identity_of(portal, &found.state.new_kid).await?;
                let old = self.identity_of(portal, &found.state.old_kid).await?;
                let mut view = rotation(self.now().as_second(), &found.state, policy, here);
                view.deletes_old = here && old.is_some_and(|o| o.idp_id.is_some());
                view.by_hand = new
                    .filter(|_| waits_for_a_person(&found.state))
                    .map(|new| (new.clone(), description(&actor.portal.hostname, &new.kid)));
                Some(view)
            }
            None => None,
        };
        let host: Option<TenantHost> = integration.map(|r| r.tenant_host);
        Ok(SigningKeyView {
            ends_soon: self.ends_soon(&active),
            active,
            made_at: at(made_at),
            console: host.as_ref().map(|h| h.console_url(ConsolePage::IdentityProviders)),
            tenant_host: host.map(|h| h.to_string()),
            grace: policy.grace,
            rotation,
        })
    }

    /// Whether a rotation is advised: the certificate ends soon, or has ended. No
    /// source says what Qlik makes of an ended one.
    pub fn ends_soon(&self, identity: &IdentityView) -> bool {
        identity.not_after.as_second() - self.now().as_second() <= self.config().rotation.warn_before
    }
}

fn waits_for_a_person(state: &State) -> bool {
    matches!((&state.phase, &state.provider), (Phase::Create, Provider::ByHand { .. }))
}

fn rotation(now: i64, state: &State, policy: &Policy, here: bool) -> RotationView {
    let next = match decide(now, state, policy, here) {
        Decision::Wait(Some(until), _) if here || state.switched_at.is_some() => {
            Some((at(until), next_words(state)))
        }
        Decision::Wait(..) | Decision::Do(..) => None,
    };
    let (ended, left) = match &state.phase {
        Phase::Ended { end, at: when, left } => (Some((*end, at(*when))), left.clone()),
        _ => (None, None),
    };
    let undoing = matches!(state.phase, Phase::Undo { .. });
    RotationView {
        phases: if undoing || ended.is_some() { Vec::new() } else { phases(state) },
        moves: Move::ALL.into_iter().filter(|m| allows(state, *m, here)).collect(),
        old_kid: state.old_kid.clone(),
        new_kid: state.new_kid.clone(),
        deletes_old: false,
        trouble: state.trouble.clone(),
        next,
        by_hand: None,
        undoing,
        elsewhere: (!here && ended.is_none()).then(|| state.tenant_host.clone()),
        ended,
        left,
    }
}

const fn next_words(state: &State) -> &'static str {
    match state.phase {
        Phase::Switched { .. } if state.trouble.is_none() => "The old key is retired by itself",
        Phase::Create | Phase::Announce { .. } => "It is tried again by itself",
        Phase::Undo { .. } => "It is looked at again by itself",
        _ => "It goes on by itself",
    }
}

fn phases(state: &State) -> Vec<PhaseView> {
    let now = match state.phase {
        Phase::Create => 0,
        Phase::Announce { .. } => 1,
        Phase::Ready | Phase::Switch => 2,
        _ => 3,
    };
    (0..4).map(|i| phase(state, i, now)).collect()
}

/// The phase `i`, where `now` is the one at hand.
fn phase(state: &State, i: usize, now: usize) -> PhaseView {
    let by_hand = matches!(state.provider, Provider::ByHand { .. });
    let under_way = if state.trouble.is_some() { PhaseState::Failing } else { PhaseState::UnderWay };
    let how = match i.cmp(&now) {
        std::cmp::Ordering::Less => PhaseState::Done,
        std::cmp::Ordering::Greater => PhaseState::Later,
        std::cmp::Ordering::Equal => match state.phase {
            Phase::Create if by_hand && state.trouble.is_none() => PhaseState::Waits,
            Phase::Ready if state.trouble.is_none() => PhaseState::Waits,
            _ => under_way,
        },
    };
    let done = how == PhaseState::Done;
    let (title, since, says) = match i {
        0 => (
            "Create",
            if done { state.provided_at } else { Some(state.began_at) },
            match (done, by_hand) {
                (true, false) => "The new key has an identity provider of its own in the Qlik tenant.",
                (true, true) => "The new key has an identity provider that was entered in Qlik by hand.",
                (false, true) => {
                    "The new key is made. The API key’s owner may not create identity providers, so a Tenant Admin enters \
                     its values in Qlik."
                }
                (false, false) => "The new key is made, and its identity provider is created at Qlik.",
            },
        ),
        1 => (
            "Announce",
            if done { state.proved_at } else { state.provided_at.filter(|_| i == now) },
            if done {
                "A sign-in with the new key works."
            } else {
                "It is tried whether the new key signs in. Nothing changes for users."
            },
        ),
        2 => (
            "Switch",
            if done { state.switched_at } else { state.proved_at.filter(|_| i == now) },
            if done {
                "Each new sign-in uses the new key. Open Qlik sessions go on."
            } else if i == now {
                "The new key is ready; sign-ins still use the old one. You say when to switch, and can go back after it."
            } else {
                "Sign-ins use the new key. Open Qlik sessions go on, and you can go back."
            },
        ),
        _ => (
            "Retire",
            state.switched_at.filter(|_| i == now),
            match state.phase {
                Phase::Retire => {
                    "The new key was proved once more. The old one’s identity provider is being deleted."
                }
                _ if i == now => {
                    "The old key still works, and you can go back to it. It is retired after a proof that the new one works."
                }
                _ => {
                    "The old key’s identity provider is deleted and the old key wiped. This can’t be undone."
                }
            },
        ),
    };
    PhaseView { title, state: how, at: since.map(at), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(view: &RotationView) -> Vec<PhaseState> {
        view.phases.iter().map(|p| p.state).collect()
    }

    #[test]
    fn the_phases_are_done_one_after_the_other_and_the_moves_follow() {
        use PhaseState::{Done, Later, UnderWay, Waits};
        let policy = Policy::default();
        let mut state = State::new(0, "old", "new", ("t", "acme.eu.qlikcloud.com"), "ada@acme.example");
        let look = |state: &State| rotation(10, state, &policy, true);
        assert_eq!(states(&look(&state)), [UnderWay, Later, Later, Later]);
        assert_eq!(look(&state).moves, [Move::Check, Move::Undo]);
        state.phase = Phase::Announce { since: 5 };
        state.provided_at = Some(5);
        assert_eq!(states(&look(&state)), [Done, UnderWay, Later, Later]);
        state.phase = Phase::Ready;
        state.proved_at = Some(6);
        assert_eq!(states(&look(&state)), [Done, Done, Waits, Later]);
        assert_eq!(look(&state).moves, [Move::Switch, Move::Undo]);
        state.phase = Phase::Switched { retire_at: 100 };
        state.switched_at = Some(7);
        assert_eq!(states(&look(&state)), [Done, Done, Done, UnderWay]);
        assert_eq!(look(&state).moves, [Move::Back, Move::Retire]);
        assert_eq!(look(&state).next.map(|n| n.0.as_second()), Some(100));
        state.phase = Phase::Retire;
        assert_eq!(look(&state).moves, []);
        state.phase = Phase::Ended { end: End::Retired, at: 9, left: None };
        assert!(look(&state).phases.is_empty());
    }
}
