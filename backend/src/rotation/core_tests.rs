//! The core under a table of states, and under chance: whatever Qlik answers,
//! whenever a process dies and whoever presses what, the key that signs has a
//! provider that verifies it, and until the last phase there is a way back.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{
    renewal::Fault,
    rotation::{Event, Left, Reason, Snag, apply},
};

const OLD: &str = "old";
const NEW: &str = "new";

fn start() -> State {
    State::new(0, OLD, NEW, ("t", "acme.eu.qlikcloud.com"), "ada@acme.example")
}

fn snag(reason: Reason) -> Snag {
    let fault = Fault { says: format!("{reason:?}."), code: None, trace_id: None, retry_after: None };
    Snag { reason, fault }
}

fn in_phase(phase: Phase) -> State {
    State { phase, provided_at: Some(1), proved_at: Some(2), ..start() }
}

fn what(decision: Decision) -> Option<Action> {
    match decision {
        Decision::Do(action, _) => Some(action),
        Decision::Wait(..) => None,
    }
}

#[test]
fn each_phase_has_its_one_next_step() {
    let policy = Policy::default();
    let by_hand = |look_at| State { provider: Provider::ByHand { look_at }, ..start() };
    let switched = Phase::Switched { retire_at: 200 };
    let undo = |looked| State { provider: Provider::Asked { at: 50 }, ..in_phase(Phase::Undo { looked }) };
    let twice = State {
        provider: Provider::Made { id: "idp".into() },
        lost_at: Some(50),
        ..in_phase(Phase::Undo { looked: true })
    };
    let table: &[(&str, State, bool, Option<Action>)] = &[
        ("begun", start(), true, Some(Action::Provide)),
        ("begun, moved away", start(), false, None),
        ("a person has time", by_hand(200), true, None),
        ("a person had time", by_hand(100), true, Some(Action::Prove)),
        ("provided", in_phase(Phase::Announce { since: 1 }), true, Some(Action::Prove)),
        ("ready", in_phase(Phase::Ready), true, None),
        ("switch", in_phase(Phase::Switch), true, Some(Action::Switch)),
        ("switch, moved away", in_phase(Phase::Switch), false, Some(Action::CallOff)),
        ("in its grace", in_phase(switched.clone()), true, None),
        ("after its grace", in_phase(Phase::Switched { retire_at: 100 }), true, Some(Action::ProveLast)),
        (
            "after its grace, moved away",
            in_phase(Phase::Switched { retire_at: 100 }),
            false,
            Some(Action::Close(End::Retired)),
        ),
        ("back", in_phase(Phase::Back { retire_at: 200 }), true, Some(Action::Back)),
        ("retire", in_phase(Phase::Retire), true, Some(Action::Delete)),
        ("undo", undo(false), true, Some(Action::Undo)),
        ("undo, looked", undo(true), true, None),
        ("undo, looked, asked twice", twice, true, None),
        ("undo, moved away", undo(false), false, Some(Action::Close(End::Undone))),
        ("over", in_phase(Phase::Ended { end: End::Retired, at: 9, left: None }), true, None),
    ];
    for (name, state, here, action) in table {
        assert_eq!(what(decide(100, state, &policy, *here)), *action, "{name}");
    }
    let late = policy.late;
    assert_eq!(what(decide(50 + late, &undo(true), &policy, true)), Some(Action::Undo));
}

#[test]
fn what_a_later_clock_wrote_is_void() {
    let policy = Policy::default();
    for lead in [60, 1_200, 90_000, 400 * DAY] {
        let ahead = 100 + lead;
        let announced = in_phase(Phase::Announce { since: 90 });
        let state = apply(ahead, &announced, Event::Failed(snag(Reason::Qlik)), &policy, 0.0);
        assert_eq!(what(decide(100, &state, &policy, true)), Some(Action::Prove), "back-off, {lead}");
        // The way back lasts its day from when the clock is right, and no longer.
        let state = apply(ahead, &in_phase(Phase::Switch), Event::Switched, &policy, 0.0);
        for here in [true, false] {
            assert_eq!(what(decide(100, &state, &policy, here)), Some(Action::KeepOld), "grace, {lead}");
        }
        let state = apply(100, &state, Event::KeptOld, &policy, 0.0);
        assert_eq!(state.phase, Phase::Switched { retire_at: 100 + policy.grace }, "{lead}");
        let undo = |at| State { provider: Provider::Asked { at }, ..in_phase(Phase::Undo { looked: true }) };
        assert_eq!(what(decide(100, &undo(ahead), &policy, true)), Some(Action::Undo), "late one, {lead}");
    }
    let by_hand = State { provider: Provider::ByHand { look_at: 100 + 901 }, ..start() };
    assert_eq!(what(decide(100, &by_hand, &policy, true)), Some(Action::Prove));
}

#[test]
fn trouble_waits_and_what_a_person_asks_for_does_not() {
    let policy = Policy::default();
    let state = apply(
        100,
        &in_phase(Phase::Announce { since: 90 }),
        Event::NotYet(snag(Reason::Refused)),
        &policy,
        0.0,
    );
    assert!(matches!(decide(100, &state, &policy, true), Decision::Wait(Some(t), _) if t > 100));
    let asked = apply(100, &state, Event::Asked(Move::Check), &policy, 0.0);
    assert_eq!(what(decide(100, &asked, &policy, true)), Some(Action::Prove));
}

#[test]
fn a_new_provider_is_tried_often_at_first_and_for_good_then_rarely() {
    let policy = Policy::default();
    let mut state = in_phase(Phase::Announce { since: 0 });
    let (mut now, mut tries) = (0, 0);
    while now < policy.prove_for {
        state = apply(now, &state, Event::NotYet(snag(Reason::Refused)), &policy, 0.0);
        let next = state.trouble.as_ref().unwrap().failing.next_try_at;
        assert!((2..=policy.prove_every).contains(&(next - now)), "{}", next - now);
        (now, tries) = (next, tries + 1);
    }
    assert!((12..40).contains(&tries), "{tries}");
    state = apply(20_000, &state, Event::NotYet(snag(Reason::Refused)), &policy, 0.0);
    assert_eq!(state.trouble.unwrap().failing.next_try_at, 20_000 + policy.look_every);
}

#[test]
fn while_a_person_has_yet_to_enter_the_values_nothing_is_wrong() {
    let policy = Policy::default();
    let state = apply(0, &start(), Event::NotAllowed, &policy, 0.0);
    let state = apply(60, &state, Event::NotYet(snag(Reason::Refused)), &policy, 0.0);
    assert_eq!(state.trouble, None);
    let wrong = apply(120, &state, Event::NotYet(snag(Reason::Origin)), &policy, 0.0);
    assert_eq!(wrong.trouble.unwrap().reason, Reason::Origin);
}

#[test]
fn what_was_there_before_it_was_asked_for_is_a_persons() {
    let policy = Policy::default();
    let found = apply(5, &start(), Event::Provided("idp".into()), &policy, 0.0);
    assert!(matches!(found.provider, Provider::ByHand { .. }));
    let asked = apply(4, &start(), Event::Asking, &policy, 0.0);
    let made = apply(5, &asked, Event::Provided("idp".into()), &policy, 0.0);
    assert_eq!(made.provider, Provider::Made { id: "idp".into() });
}

#[test]
fn a_state_outlives_its_storage() {
    let policy = Policy::default();
    let mut state = apply(1, &start(), Event::Asking, &policy, 0.0);
    for event in [
        Event::Unclear(snag(Reason::Qlik)),
        Event::Provided("idp".into()),
        Event::Proved,
        Event::Asked(Move::Switch),
        Event::Switched,
        Event::Ended(
            End::Retired,
            Some(Left { issuer: "i".into(), kid: OLD.into(), tenant_host: "acme.eu.qlikcloud.com".into() }),
        ),
    ] {
        state = apply(2, &state, event, &policy, 0.0);
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state, "{json}");
    }
}

/// How a remote call fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    /// Qlik does not answer, and nothing takes place.
    Away,
    /// It takes place, and the answer is lost.
    Lost,
    /// It may take place later; no answer comes.
    Late,
    /// It takes place, and the process dies.
    DiesAfter,
    /// The process dies before it is sent.
    DiesBefore,
    /// The API key's owner may not.
    Forbidden,
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Step(Fate),
    Wish(Move),
    Pass(i64),
    /// A person enters the new key's provider, if they were asked to.
    Enter,
}

/// A tenant and a database.
struct World {
    now: i64,
    state: State,
    providers: BTreeSet<&'static str>,
    /// When a request takes place that got no answer.
    late: Option<i64>,
    policy: Policy,
}

impl World {
    fn new() -> Self {
        let providers = BTreeSet::from([OLD]);
        Self { now: 0, state: start(), providers, late: None, policy: Policy::default() }
    }

    fn tell(&mut self, event: Event) {
        self.state = apply(self.now, &self.state, event, &self.policy, 0.5);
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        if self.late.is_some_and(|at| at <= self.now) {
            self.late = None;
            self.providers.insert(NEW);
        }
    }

    fn proof(&self, kid: &str, fate: Fate) -> Option<Result<(), Snag>> {
        match fate {
            Fate::Well | Fate::Forbidden if self.providers.contains(kid) => Some(Ok(())),
            Fate::Well | Fate::Forbidden => Some(Err(snag(Reason::Refused))),
            Fate::DiesAfter | Fate::DiesBefore => None,
            Fate::Away | Fate::Lost | Fate::Late => Some(Err(snag(Reason::Qlik))),
        }
    }

    /// One step as the shell takes it.
    fn step(&mut self, fate: Fate) {
        let Some(action) = what(decide(self.now, &self.state, &self.policy, true)) else { return };
        match action {
            Action::Provide => self.provide(fate),
            Action::Prove => self.proved(NEW, fate, Event::Proved, Event::NotYet),
            Action::Switch => self.proved(NEW, fate, Event::Switched, Event::NotSwitched),
            Action::Back => self.proved(OLD, fate, Event::WentBack, Event::NotBack),
            Action::ProveLast => self.proved(NEW, fate, Event::ProvedLast, Event::NotRetiring),
            Action::Delete => self.delete(OLD, fate, End::Retired),
            Action::Undo => self.delete(NEW, fate, End::Undone),
            Action::Close(_) | Action::CallOff | Action::KeepOld => {
                unreachable!("the portal stays connected")
            }
        }
    }

    fn proved(&mut self, kid: &str, fate: Fate, good: Event, bad: fn(Snag) -> Event) {
        match self.proof(kid, fate) {
            Some(Ok(())) => self.tell(good),
            Some(Err(snag)) => self.tell(bad(snag)),
            None => {}
        }
    }

    fn provide(&mut self, fate: Fate) {
        match fate {
            Fate::Away => return self.tell(Event::Failed(snag(Reason::Qlik))),
            Fate::Forbidden => return self.tell(Event::NotAllowed),
            _ if self.providers.contains(NEW) => return self.tell(Event::Provided("idp".into())),
            _ => {}
        }
        self.tell(Event::Asking);
        match fate {
            Fate::DiesBefore => return,
            Fate::Late => self.late = Some(self.now + self.policy.late - 1),
            _ => {
                self.providers.insert(NEW);
            }
        }
        match fate {
            Fate::Well => self.tell(Event::Provided("idp".into())),
            Fate::Lost | Fate::Late => self.tell(Event::Unclear(snag(Reason::Qlik))),
            _ => {}
        }
    }

    fn delete(&mut self, kid: &'static str, fate: Fate, end: End) {
        let by_hand = matches!(self.state.provider, Provider::ByHand { .. }) && kid == NEW;
        let waits = may_come_until(self.now, &self.state, &self.policy).is_some();
        let looked = matches!(self.state.phase, Phase::Undo { looked: true });
        match fate {
            Fate::Away | Fate::Late => return self.tell(Event::Failed(snag(Reason::Qlik))),
            Fate::DiesBefore => return,
            Fate::Well | Fate::Lost | Fate::DiesAfter if !by_hand => {
                self.providers.remove(kid);
            }
            _ => {}
        }
        match fate {
            Fate::Lost => self.tell(Event::Failed(snag(Reason::Qlik))),
            Fate::DiesAfter => {}
            _ if end == End::Undone && waits && !looked => self.tell(Event::NothingYet),
            _ => {
                let there = self.providers.contains(kid).then(|| Left {
                    issuer: "i".into(),
                    kid: kid.into(),
                    tenant_host: "acme.eu.qlikcloud.com".into(),
                });
                self.tell(Event::Ended(end, there));
            }
        }
    }

    fn wish(&mut self, wish: Move) {
        if allows(&self.state, wish, true) {
            self.tell(Event::Asked(wish));
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Step(fate) => self.step(fate),
            Op::Wish(wish) => self.wish(wish),
            Op::Pass(seconds) => self.pass(seconds),
            Op::Enter => {
                if matches!(
                    (&self.state.phase, &self.state.provider),
                    (Phase::Create, Provider::ByHand { .. })
                ) {
                    self.providers.insert(NEW);
                }
            }
        }
    }

    /// Until a person has to act or it is over, Qlik being well.
    fn settle(&mut self) {
        for _ in 0..200 {
            match decide(self.now, &self.state, &self.policy, true) {
                Decision::Do(..) => self.step(Fate::Well),
                Decision::Wait(Some(until), _) if !matches!(self.state.phase, Phase::Switched { .. }) => {
                    if matches!(
                        (&self.state.phase, &self.state.provider),
                        (Phase::Create, Provider::ByHand { .. })
                    ) {
                        return;
                    }
                    self.pass(until - self.now);
                }
                Decision::Wait(..) => return,
            }
        }
        panic!("it does not come to rest: {:?}", self.state);
    }

    /// Called off, by whatever has to be asked for on the way.
    fn call_off(&mut self) {
        self.settle();
        self.wish(Move::Back);
        self.settle();
        self.wish(Move::Undo);
        self.settle();
    }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let fate = prop_oneof![
        6 => Just(Fate::Well),
        1 => Just(Fate::Away),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Late),
        1 => Just(Fate::DiesAfter),
        1 => Just(Fate::DiesBefore),
        1 => Just(Fate::Forbidden),
    ];
    let wish = proptest::sample::select(Move::ALL.to_vec());
    let op = prop_oneof![
        6 => fate.prop_map(Op::Step),
        3 => wish.prop_map(Op::Wish),
        2 => (1_i64..2_000).prop_map(Op::Pass),
        1 => Just(Op::Pass(86_400)),
        1 => Just(Op::Enter),
    ];
    proptest::collection::vec(op, 0..80)
}

proptest! {
    #[test]
    fn the_key_that_signs_always_has_a_provider_that_verifies_it(ops in ops()) {
        let mut w = World::new();
        for op in ops {
            w.run(op);
            prop_assert!(w.providers.contains(w.state.active()), "{:?} {:?}", w.state, w.providers);
            prop_assert!((1..=2).contains(&w.providers.len()));
        }
        w.settle();
        prop_assert!(w.providers.contains(w.state.active()));
    }

    #[test]
    fn until_the_last_phase_there_is_a_way_back_to_where_it_began(ops in ops()) {
        let mut w = World::new();
        for op in ops {
            w.run(op);
            if matches!(w.state.phase, Phase::Retire | Phase::Ended { .. }) {
                return Ok(());
            }
        }
        // The grace time may be over before somebody asks: then it is too late, and so it was told.
        if matches!(w.state.phase, Phase::Switched { retire_at } if retire_at <= w.now) {
            return Ok(());
        }
        w.call_off();
        let undone = matches!(w.state.phase, Phase::Ended { end: End::Undone, .. });
        prop_assert!(undone, "{:?}", w.state);
        prop_assert_eq!(w.state.active(), OLD);
        let left = matches!(w.state.phase, Phase::Ended { left: Some(_), .. });
        prop_assert_eq!(w.providers.contains(NEW), left, "what is left is told: {:?}", w.state);
    }

    #[test]
    fn what_ends_leaves_nothing_that_is_not_told(ops in ops()) {
        let mut w = World::new();
        for op in ops {
            w.run(op);
        }
        w.settle();
        if let Phase::Ended { left, .. } = &w.state.phase {
            let told = usize::from(left.is_some());
            prop_assert_eq!(w.providers.len(), 1 + told, "{:?} {:?}", w.state, w.providers);
        }
    }
}
