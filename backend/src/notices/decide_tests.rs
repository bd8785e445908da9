use proptest::prelude::*;

use super::*;
use crate::renewal::{Ahead, Attempt, Event, Failing, Need, Policy, Trigger, apply, due_at};

const HOUR: i64 = 3_600;
const REPEAT: i64 = 6 * HOUR;

fn key(id: &str, from: i64, life: i64) -> KeyRef {
    KeyRef { key_id: id.into(), created_at: from, expires_at: from + life }
}

/// A key of `days` that was made at 0.
fn healthy(days: i64) -> State {
    let key = key("old", 0, days * DAY);
    let due = due_at(&key, 0.5);
    State::new(key, due, DAY)
}

fn fault(says: &str) -> Fault {
    Fault { says: says.into(), code: None, trace_id: None, retry_after: None }
}

fn failed(attempts: u32) -> Failing {
    Failing { attempts, since: 0, next_try_at: 0, set_at: 0, fault: fault("down") }
}

fn need_of(reason: NeedReason, recheck_at: i64) -> Need {
    Need { reason, fault: fault("gone"), since: 0, recheck_at }
}

fn look(at: i64, checks: &[(&str, Outcome)]) -> Ahead {
    let check = |(id, outcome): &(&str, Outcome)| Check {
        id: (*id).into(),
        title: String::new(),
        outcome: *outcome,
        says: "so".into(),
        remedy: None,
        link: None,
        elapsed_ms: None,
        request: None,
        qlik_code: None,
        trace_id: None,
    };
    Ahead { at, checks: checks.iter().map(check).collect() }
}

/// A history: each step is a state and the time at which it came.
struct Story {
    state: State,
    told: Told,
}

impl Story {
    fn of(state: State) -> Self {
        Self { state, told: Told::default() }
    }

    fn step(&mut self, now: i64, change: impl FnOnce(&mut State)) -> Vec<&'static str> {
        let before = self.state.clone();
        change(&mut self.state);
        let (news, told) = arise(&before, &self.state, &self.told, REPEAT, now);
        self.told = told;
        news.iter().map(News::kind).collect()
    }

    fn wait(&mut self, now: i64) -> Vec<&'static str> {
        self.step(now, |_| {})
    }

    /// A renewal's switch.
    fn renew(&mut self, now: i64, id: &str, life: i64) -> Vec<&'static str> {
        let new = key(id, now, life);
        let attempt = Attempt { id: "a".into(), trigger: Trigger::Due, started_at: now };
        self.state.phase = Phase::Proved { attempt, new: new.clone() };
        self.step(now, |s| {
            *s = apply(now, s, Event::Switched { renew_at: due_at(&new, 0.0) }, &Policy::default(), 0.0);
        })
    }
}

const NOTHING: [&str; 0] = [];

#[test]
fn the_first_failure_is_told_once_and_again_after_six_hours() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(100, |s| s.failing = Some(failed(1))), ["renewal.failed"]);
    assert_eq!(s.step(200, |s| s.failing = Some(failed(2))), NOTHING);
    assert_eq!(s.step(100 + REPEAT - 1, |s| s.failing = Some(failed(3))), NOTHING);
    assert_eq!(s.step(100 + REPEAT, |s| s.failing = Some(failed(4))), ["renewal.still_failing"]);
    assert_eq!(s.step(101 + REPEAT, |s| s.failing = Some(failed(5))), NOTHING);
    assert_eq!(s.step(100 + 2 * REPEAT, |s| s.failing = Some(failed(6))), ["renewal.still_failing"]);
}

#[test]
fn a_new_key_that_does_not_work_yet_is_no_failure() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(100, |s| s.failing = Some(failed(0))), NOTHING);
}

#[test]
fn a_failure_is_closed_by_a_new_key_and_by_nothing_else() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(100, |s| s.failing = Some(failed(1))), ["renewal.failed"]);
    // What else may happen in the meantime: looks, sweeps, a save that shows the key to work, a recheck.
    assert_eq!(s.step(200, |s| s.sweep = true), NOTHING);
    assert_eq!(s.step(300, |s| s.ahead = Some(look(300, &[("ahead_slot", Outcome::Passed)]))), NOTHING);
    assert_eq!(s.step(400, |s| s.failing = None), NOTHING);
    assert_eq!(s.step(500, |s| *s = apply(500, s, Event::Works, &Policy::default(), 0.0)), NOTHING);
    assert_eq!(s.step(600, |s| s.failing = Some(failed(1))), NOTHING, "still the same trouble");
    assert_eq!(s.renew(700, "new", 30 * DAY), ["renewal.recovered"]);
    assert_eq!(s.step(800, |s| s.failing = Some(failed(1))), ["renewal.failed"], "the next trouble is told");
}

#[test]
fn a_pasted_key_closes_what_was_told_and_is_no_renewal() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(100, |s| *s = State { current: key("pasted", 100, DAY * 30), ..healthy(30) }), NOTHING);
    assert_eq!(s.step(200, |s| s.failing = Some(failed(1))), ["renewal.failed"]);
    let paste = |s: &mut State| *s = State { current: key("another", 300, DAY * 30), ..healthy(30) };
    assert_eq!(s.step(300, paste), ["renewal.recovered"]);
}

#[test]
fn a_renewal_without_trouble_is_a_renewal() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.renew(29 * DAY, "new", 30 * DAY), ["key.renewed"]);
}

#[test]
fn a_person_is_asked_for_once_for_each_reason_and_again_after_a_while() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(100, |s| s.need = Some(need_of(NeedReason::Revoked, 1))), ["renewal.person_needed"]);
    assert_eq!(s.step(200, |s| s.need = Some(need_of(NeedReason::Revoked, 2))), NOTHING);
    assert_eq!(
        s.step(300, |s| s.need = Some(need_of(NeedReason::OwnerDisabled, 3))),
        ["renewal.person_needed"]
    );
    assert_eq!(s.step(299 + REPEAT, |s| s.need = Some(need_of(NeedReason::OwnerDisabled, 4))), NOTHING);
    assert_eq!(
        s.step(300 + REPEAT, |s| s.need = Some(need_of(NeedReason::OwnerDisabled, 5))),
        ["renewal.person_needed"]
    );
    assert_eq!(s.step(301 + REPEAT, |s| s.sweep = true), NOTHING);
    assert_eq!(s.step(302 + REPEAT, |s| s.need = None), ["renewal.recovered"]);
    assert_eq!(s.step(303 + REPEAT, |s| s.sweep = false), NOTHING);
}

#[test]
fn a_key_that_works_again_closes_the_need_and_leaves_the_failure_open() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(100, |s| s.failing = Some(failed(1))), ["renewal.failed"]);
    assert_eq!(s.step(200, |s| s.need = Some(need_of(NeedReason::Refused, 1))), ["renewal.person_needed"]);
    assert_eq!(s.step(300, |s| s.need = None), ["renewal.recovered"]);
    assert_eq!(s.step(400, |s| s.failing = Some(failed(2))), NOTHING);
    assert_eq!(s.renew(500, "new", 30 * DAY), ["renewal.recovered"]);
}

#[test]
fn one_recovery_is_told_for_all_that_a_new_key_mends() {
    let mut s = Story::of(healthy(30));
    s.step(100, |s| s.failing = Some(failed(1)));
    s.step(200, |s| s.need = Some(need_of(NeedReason::Refused, 1)));
    assert_eq!(s.renew(300, "new", 30 * DAY), ["renewal.recovered"]);
    assert_eq!(s.told, Told::default());
}

#[test]
fn trouble_ahead_is_told_when_it_is_new_or_worse() {
    use Outcome::{Failed, Passed, Warning};
    let mut s = Story::of(healthy(30));
    let mut look_at = |at, checks: &[(&str, Outcome)]| s.step(at, |s| s.ahead = Some(look(at, checks)));
    assert_eq!(look_at(1, &[("a", Passed), ("b", Warning)]), ["renewal.at_risk"]);
    assert_eq!(look_at(2, &[("a", Passed), ("b", Warning)]), NOTHING);
    assert_eq!(look_at(3, &[("a", Passed), ("b", Failed)]), ["renewal.at_risk"]);
    assert_eq!(look_at(4, &[("a", Passed), ("b", Warning)]), NOTHING, "better is no news");
    assert_eq!(look_at(5, &[]), NOTHING, "Qlik could not be asked, which says nothing");
    assert_eq!(look_at(6, &[("a", Failed), ("b", Warning)]), ["renewal.at_risk"]);
    assert_eq!(look_at(7, &[("a", Passed), ("b", Passed)]), NOTHING);
    assert_eq!(look_at(8, &[("a", Failed)]), ["renewal.at_risk"], "it came back");
}

#[test]
fn a_warning_that_stays_is_not_told_anew_with_each_key() {
    let mut s = Story::of(healthy(1));
    assert_eq!(s.step(10, |s| s.ahead = Some(look(10, &[("time", Outcome::Warning)]))), ["renewal.at_risk"]);
    assert_eq!(s.renew(16 * HOUR, "new", DAY), ["key.renewed"]);
    assert_eq!(s.step(17 * HOUR, |s| s.ahead = Some(look(17, &[("time", Outcome::Warning)]))), NOTHING);
}

#[test]
fn healthy_keys_of_any_life_are_silent() {
    for days in [1, 2, 3, 7, 8, 30, 365] {
        let mut s = Story::of(healthy(days));
        let (mut now, mut renewals) = (0, 0);
        while renewals < 5 {
            now += HOUR / 4;
            if now >= s.state.renew_at {
                assert_eq!(s.renew(now, &format!("k{now}"), days * DAY), ["key.renewed"], "{days} d");
                renewals += 1;
            }
            assert_eq!(s.wait(now), NOTHING, "{days} d at {now}");
        }
    }
}

/// A key whose renewal is not tried at all, such as with a scheduler that stands still.
#[test]
fn a_key_that_is_not_renewed_is_told_of_two_hours_after_it_was_due() {
    let mut s = Story::of(healthy(30));
    let end = 30 * DAY;
    assert_eq!(s.wait(end - 22 * HOUR - 1), NOTHING);
    assert_eq!(s.wait(end - 22 * HOUR), ["key.expires_soon"]);
    assert_eq!(s.wait(end - 21 * HOUR), NOTHING, "once");
    assert_eq!(s.wait(end + 1), NOTHING, "an expired key is a need, not a warning");
}

#[test]
fn with_trouble_known_a_key_is_told_of_7_3_and_1_days_ahead() {
    let mut s = Story::of(healthy(30));
    let end = 30 * DAY;
    assert_eq!(s.step(DAY, |s| s.need = Some(need_of(NeedReason::Refused, 1))), ["renewal.person_needed"]);
    let mut seen = Vec::new();
    let mut now = 2 * DAY;
    while now < end {
        seen.extend(s.wait(now).into_iter().map(|kind| (kind, (end - now) / HOUR)));
        now += HOUR;
    }
    assert_eq!(seen, [("key.expires_soon", 7 * 24), ("key.expires_soon", 72), ("key.expires_soon", 22)]);
}

#[test]
fn thresholds_longer_than_a_keys_life_are_left_out() {
    let mut s = Story::of(healthy(3));
    s.step(HOUR, |s| s.need = Some(need_of(NeedReason::Refused, 1)));
    let seen: Vec<_> = (2..72).flat_map(|h| s.wait(h * HOUR).into_iter().map(move |_| 72 - h)).collect();
    assert_eq!(seen, [22]);
}

#[test]
fn a_notice_that_names_the_expiry_stands_for_the_threshold_that_is_passed() {
    let mut s = Story::of(healthy(30));
    let end = 30 * DAY;
    assert_eq!(
        s.step(end - 5 * DAY, |s| s.need = Some(need_of(NeedReason::Refused, 1))),
        ["renewal.person_needed"]
    );
    assert_eq!(s.wait(end - 5 * DAY + 1), NOTHING);
    assert_eq!(s.wait(end - 3 * DAY), ["key.expires_soon"]);
}

#[test]
fn a_renewal_that_is_at_work_is_waited_for() {
    let mut s = Story::of(healthy(30));
    let late = 30 * DAY - 10 * HOUR;
    let attempt = Attempt { id: "a".into(), trigger: Trigger::Due, started_at: late };
    assert_eq!(s.step(late, |s| s.phase = Phase::Creating { attempt }), NOTHING);
    assert_eq!(s.wait(late + 1), NOTHING);
    assert_eq!(next_check(&s.state, &s.told, late + 1), Some(late + 1 + SOON));
    assert_eq!(s.renew(late + 2, "new", 30 * DAY), ["key.renewed"]);
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(late, |s| s.sweep = true), NOTHING, "a step is no reason to warn");
    assert_eq!(s.wait(late + 1), ["key.expires_soon"]);
}

#[test]
fn the_next_look_at_the_expiry_is_the_next_threshold_that_was_not_told() {
    let s = Story::of(healthy(30));
    let end = 30 * DAY;
    for (now, next) in [
        (0, Some(end - 7 * DAY)),
        (end - 7 * DAY, Some(end - 3 * DAY)),
        (end - 3 * DAY, Some(end - 22 * HOUR)),
        (end - 22 * HOUR, Some(end - 22 * HOUR + SOON)),
        (end, None),
    ] {
        assert_eq!(next_check(&s.state, &s.told, now), next, "{now}");
    }
    assert_eq!(next_check(&healthy(1), &Told::default(), 0), None);
}

#[test]
fn a_clock_that_was_put_back_mutes_nothing() {
    let mut s = Story::of(healthy(30));
    assert_eq!(s.step(20 * DAY, |s| s.failing = Some(failed(1))), ["renewal.failed"]);
    assert_eq!(s.step(DAY, |s| s.failing = Some(failed(2))), ["renewal.still_failing"]);
}

#[test]
fn what_was_told_comes_back_from_its_json() {
    let mut s = Story::of(healthy(30));
    s.step(100, |s| s.failing = Some(failed(1)));
    s.step(200, |s| s.need = Some(need_of(NeedReason::Refused, 1)));
    s.step(300, |s| s.ahead = Some(look(300, &[("a", Outcome::Failed)])));
    let json = serde_json::to_string(&s.told).unwrap();
    assert_eq!(serde_json::from_str::<Told>(&json).unwrap(), s.told);
    assert_eq!(serde_json::from_str::<Told>("{}").unwrap(), Told::default());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Fail,
    Need,
    Works,
    Look(bool),
    Sweep,
    Renew,
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let step = prop_oneof![
        3 => Just(Step::Fail),
        2 => Just(Step::Need),
        1 => Just(Step::Works),
        2 => any::<bool>().prop_map(Step::Look),
        1 => Just(Step::Sweep),
        1 => Just(Step::Renew),
        3 => Just(Step::Wait),
    ];
    proptest::collection::vec((step, 1_i64..20 * HOUR), 1..60)
}

proptest! {
    /// Whatever happens: a recovery follows an alert and comes with what mends it; a lasting failure is
    /// never silent for longer than the repetition; nothing is told twice in one step.
    #[test]
    fn alerts_open_and_close_in_order(steps in steps()) {
        let policy = Policy::default();
        let mut s = Story::of(healthy(365));
        let (mut now, mut open, mut last_alert) = (0, 0_u32, None::<i64>);
        for (n, (step, after)) in steps.into_iter().enumerate() {
            now += after;
            let mends = matches!(step, Step::Renew) || (matches!(step, Step::Works) && s.state.need.is_some());
            let kinds = match step {
                Step::Fail => s.step(now, |s| *s = apply(now, s, Event::NotCreated(fault("x")), &policy, 0.0)),
                Step::Need => s.step(now, |s| *s = apply(now, s, Event::Needs(NeedReason::Refused, fault("y")), &policy, 0.0)),
                Step::Works => s.step(now, |s| *s = apply(now, s, Event::Works, &policy, 0.0)),
                Step::Look(ok) => {
                    let outcome = if ok { Outcome::Passed } else { Outcome::Failed };
                    s.step(now, |s| s.ahead = Some(look(now, &[("a", outcome)])))
                }
                Step::Sweep => s.step(now, |s| *s = apply(now, s, Event::Swept, &policy, 0.0)),
                Step::Renew => s.renew(now, &format!("k{n}"), 365 * DAY),
                Step::Wait => s.wait(now),
            };
            let recovered = kinds.iter().filter(|k| **k == "renewal.recovered").count();
            prop_assert!(recovered <= 1);
            if recovered == 1 {
                prop_assert!(mends && open > 0, "{step:?} with {open} open");
            }
            let mut unique = kinds.clone();
            unique.dedup();
            prop_assert_eq!(unique.len(), kinds.len());
            if matches!(step, Step::Fail) {
                let told = kinds.iter().any(|k| k.starts_with("renewal.") && *k != "renewal.recovered");
                prop_assert!(told || last_alert.is_some_and(|at| now - at < REPEAT), "a failure was silent");
                if told { last_alert = Some(now); }
            }
            open += u32::try_from(kinds.iter().filter(|k| **k == "renewal.failed" || **k == "renewal.person_needed").count()).unwrap();
            if matches!(step, Step::Renew) { open = 0; last_alert = None; }
        }
    }
}
