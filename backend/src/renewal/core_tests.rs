use super::*;
use crate::renewal::{
    apply::{Event, apply},
    state::{Ahead, Fault, NeedReason},
};

const DAY: i64 = 86_400;

fn key(id: &str, created_at: i64, expires_at: i64) -> KeyRef {
    KeyRef { key_id: id.to_owned(), created_at, expires_at }
}

/// A key of three days, made at 0.
fn active() -> State {
    State::new(key("old", 0, 3 * DAY), 2 * DAY, 2 * DAY)
}

fn attempt() -> Attempt {
    Attempt { id: "a1".to_owned(), trigger: Trigger::Due, started_at: 2 * DAY }
}

fn fault() -> Fault {
    Fault { says: "It failed.".to_owned(), code: None, trace_id: None, retry_after: None }
}

fn policy() -> Policy {
    Policy::default()
}

fn after(state: &State, now: i64, events: &[Event]) -> State {
    events.iter().fold(state.clone(), |s, e| apply(now, &s, e.clone(), &policy(), 0.0))
}

fn does(now: i64, state: &State) -> Action {
    match decide(now, state, &policy()) {
        Decision::Do(action, _) => action,
        Decision::Wait(until, why) => panic!("waits until {until:?}: {why}"),
    }
}

fn waits(now: i64, state: &State) -> Option<i64> {
    match decide(now, state, &policy()) {
        Decision::Wait(until, _) => until,
        Decision::Do(action, why) => panic!("does {action:?}: {why}"),
    }
}

#[test]
fn nothing_is_done_before_the_key_is_due() {
    assert_eq!(waits(2 * DAY - 1, &active()), Some(2 * DAY));
    assert_eq!(does(2 * DAY, &active()), Action::Begin(Trigger::Due));
}

#[test]
fn a_request_makes_it_due_at_once_and_past_any_back_off() {
    let s = after(&active(), 100, &[Event::Failed(fault()), Event::Requested]);
    assert_eq!(does(100, &s), Action::Begin(Trigger::Person));
}

#[test]
fn whoever_finds_an_intent_looks_for_the_key_before_making_another() {
    let s = after(&active(), 2 * DAY, &[Event::Began(attempt())]);
    assert_eq!(does(2 * DAY, &s), Action::Recover(attempt()));
    let s = after(&s, 2 * DAY, &[Event::Recovered]);
    assert_eq!(does(2 * DAY, &s), Action::Begin(Trigger::Due));
}

#[test]
fn a_lost_answer_waits_and_then_looks_for_the_key() {
    let s = after(&active(), 2 * DAY, &[Event::Began(attempt()), Event::Unclear(fault())]);
    let until = waits(2 * DAY, &s).unwrap();
    assert_eq!(until, 2 * DAY + 60);
    assert_eq!(does(until, &s), Action::Recover(attempt()));
}

#[test]
fn a_key_is_proved_before_it_is_switched_to_and_the_old_one_outlives_the_switch() {
    let new = key("new", 2 * DAY, 5 * DAY);
    let s = after(&active(), 2 * DAY, &[Event::Began(attempt()), Event::Created(new.clone())]);
    assert_eq!(does(2 * DAY, &s), Action::Prove(new.clone()));
    assert_eq!(s.current.key_id, "old");
    let s = after(&s, 2 * DAY, &[Event::Proved]);
    assert_eq!(does(2 * DAY, &s), Action::Switch(new.clone()));
    assert_eq!(s.current.key_id, "old");
    let s = after(&s, 2 * DAY, &[Event::Switched { renew_at: 4 * DAY }]);
    assert_eq!(s.current, new);
    assert_eq!(waits(2 * DAY, &s), Some(2 * DAY + 60));
    assert_eq!(does(2 * DAY + 60, &s), Action::Retire(key("old", 0, 3 * DAY)));
    let s = after(&s, 2 * DAY + 60, &[Event::Retired("old".to_owned())]);
    assert_eq!(waits(2 * DAY + 60, &s), Some(3 * DAY), "it is looked at before it is due");
}

#[test]
fn a_fresh_key_that_does_not_work_yet_is_asked_again_and_given_up_in_the_end() {
    let new = key("new", 2 * DAY, 5 * DAY);
    let mut now = 2 * DAY;
    let mut s = after(&active(), now, &[Event::Began(attempt()), Event::Created(new.clone())]);
    let mut proofs = 0;
    while does(now, &s) == Action::Prove(new.clone()) {
        proofs += 1;
        s = after(&s, now, &[Event::NotYet(fault())]);
        now = waits(now, &s).unwrap();
    }
    assert_eq!(does(now, &s), Action::GiveUp(new));
    assert!((10..40).contains(&proofs), "{proofs} proofs in ten minutes");
    let s = after(&s, now, &[Event::GaveUp(fault())]);
    assert_eq!(s.current.key_id, "old");
    assert!(waits(now, &s).unwrap() > now, "a failed proof backs off");
}

#[test]
fn an_older_key_goes_before_a_third_one_is_made() {
    let mut s = active();
    s.retiring.push(Retiring { key: key("older", 0, 3 * DAY), delete_at: 2 * DAY + 60, tries: 0, set_at: 0 });
    assert_eq!(does(2 * DAY, &s), Action::Retire(key("older", 0, 3 * DAY)));
}

#[test]
fn an_older_key_that_can_not_be_deleted_is_not_hammered_by_a_due_or_requested_renewal() {
    for requested in [false, true] {
        let mut s = active();
        s.retiring.push(Retiring { key: key("older", 0, 3 * DAY), delete_at: 2 * DAY, tries: 0, set_at: 0 });
        s.requested = requested;
        let s = after(&s, 2 * DAY, &[Event::NotRetired("older".to_owned(), fault())]);
        assert_eq!(waits(2 * DAY, &s), Some(2 * DAY + 60), "requested: {requested}");
        assert_eq!(does(2 * DAY + 60, &s), Action::Retire(key("older", 0, 3 * DAY)));
    }
}

#[test]
fn a_request_during_a_proof_does_not_let_it_go_round_without_a_wait() {
    let new = key("new", 2 * DAY, 5 * DAY);
    let began = [Event::Began(attempt()), Event::Created(new), Event::Requested, Event::NotYet(fault())];
    let s = after(&active(), 2 * DAY, &began);
    assert_eq!(waits(2 * DAY, &s), Some(2 * DAY + 2));
}

#[test]
fn what_a_person_asked_for_is_tried_until_it_is_done_though_the_key_is_not_due() {
    let table: &[(&str, &[Event])] = &[
        ("could not look", &[Event::Began(attempt()), Event::NotCreated(fault())]),
        ("refused", &[Event::Began(attempt()), Event::Denied(fault())]),
        ("the answer was lost", &[Event::Began(attempt()), Event::Unclear(fault()), Event::Recovered]),
        (
            "never worked",
            &[
                Event::Began(attempt()),
                Event::Created(key("new", 100, 5 * DAY)),
                Event::NotYet(fault()),
                Event::GaveUp(fault()),
            ],
        ),
        ("the process died", &[Event::Began(attempt()), Event::Recovered]),
        ("the search failed", &[Event::Began(attempt()), Event::Failed(fault()), Event::Recovered]),
    ];
    for (name, events) in table {
        let mut now = 100;
        let mut s = after(&State { look_at: DAY, ..active() }, now, &[Event::Requested]);
        // Five times in a row.
        for _ in 0..5 {
            s = after(&s, now, events);
            assert!(s.requested, "{name}: forgotten");
            if let Decision::Wait(until, _) = decide(now, &s, &policy()) {
                let until = until.unwrap();
                assert!((now + 1..=now + 4_320).contains(&until), "{name}: waits until {until}");
                assert_eq!(next_attempt_at(now, &s, &policy()), Some(until), "{name}");
                now = until;
            }
            assert_eq!(does(now, &s), Action::Begin(Trigger::Person), "{name}");
        }
        let new = key("last", now, now + 3 * DAY);
        let ends = [
            Event::Began(attempt()),
            Event::Created(new),
            Event::Proved,
            Event::Switched { renew_at: now + 2 * DAY },
        ];
        let s = after(&s, now, &ends);
        assert!(!s.requested && s.failing.is_none(), "{name}");
    }
}

#[test]
fn a_request_ends_where_a_person_is_needed() {
    let s = State { look_at: DAY, ..active() };
    let s = after(&s, 100, &[Event::Requested, Event::Needs(NeedReason::Revoked, fault())]);
    assert!(!s.requested);
    let s = after(&s, 200, &[Event::Works]);
    assert_eq!(waits(200, &s), Some(DAY));
}

#[test]
fn a_failure_that_an_older_version_left_is_tried_again_and_not_due_in_the_past() {
    // Renew now failed once, the request was forgotten, the key is not due for long.
    let mut s = after(&State { look_at: DAY, ..active() }, 100, &[Event::Failed(fault())]);
    s.failing.as_mut().unwrap().set_at = 0;
    s.requested = false;
    assert_eq!(next_attempt_at(100, &s, &policy()), Some(160));
    assert_eq!(does(DAY / 2, &s), Action::Begin(Trigger::Due));
    assert_eq!(next_attempt_at(DAY / 2, &s, &policy()), Some(DAY / 2), "now, and not a day ago");
}

#[test]
fn leftovers_are_looked_for_as_soon_as_the_back_off_allows_and_that_is_no_failing_renewal() {
    let s = State { look_at: DAY, ..active() };
    let s = after(&s, 100, &[Event::MayLeaveKey, Event::NotSwept(fault())]);
    assert_eq!(s.failing, None);
    assert_eq!(waits(100, &s), Some(160));
    assert_eq!(does(160, &s), Action::Sweep);
    let s = after(&s, 160, &[Event::NotSwept(fault())]);
    assert_eq!(waits(160, &s), Some(280));
    let s = after(&s, 280, &[Event::Swept]);
    assert_eq!(waits(280, &s), Some(700), "once more, for a late one");
    let s = after(&s, 700, &[Event::Swept]);
    assert_eq!(waits(700, &s), Some(DAY));
    // What Qlik says it did not make is looked for too.
    let s = after(&s, 800, &[Event::Began(attempt()), Event::Denied(fault())]);
    assert!(s.sweep);
}

#[test]
fn a_proof_that_a_later_clock_began_or_put_off_goes_on_at_once() {
    let began = 2 * DAY;
    let ahead = began + 1_200;
    let new = key("new", began, 5 * DAY);
    // The process ends while its clock is 20 minutes ahead; then the clock is right.
    let kinds: &[(&str, &[Event])] = &[
        ("before the first proof", &[]),
        ("after one", &[Event::NotYet(fault())]),
        ("after some", &[Event::NotYet(fault()), Event::NotYet(fault())]),
        ("Qlik asked for a wait", &[Event::NotYet(Fault { retry_after: Some(900), ..fault() })]),
    ];
    for (name, events) in kinds {
        let s = after(&active(), ahead, &[Event::Began(attempt()), Event::Created(new.clone())]);
        let s = after(&s, ahead, events);
        assert_eq!(does(began + 5, &s), Action::Prove(new.clone()), "{name}");
        // And its ten minutes begin with that look.
        let s = after(&s, began + 5, &[Event::NotYet(fault())]);
        assert_eq!(waits(began + 5, &s), Some(began + 7), "{name}");
        assert_eq!(does(began + 5 + 600, &s), Action::GiveUp(new.clone()), "{name}");
    }
}

#[test]
fn every_wait_that_a_later_clock_wrote_is_void_however_short_its_lead() {
    let due = 2 * DAY;
    let began = [Event::Began(attempt())];
    for lead in [1, 60, 1_200, 3_600, 90_000] {
        let ahead = due + lead;
        let failed = after(&active(), ahead, &[Event::Began(attempt()), Event::NotCreated(fault())]);
        assert_eq!(does(due, &failed), Action::Begin(Trigger::Due), "back-off, {lead} s ahead");
        let unclear = after(&after(&active(), ahead, &began), ahead, &[Event::Unclear(fault())]);
        assert_eq!(does(due, &unclear), Action::Recover(attempt()), "orphan hunt, {lead} s ahead");
        let mut ending = active();
        ending.retiring.push(Retiring { key: key("older", 0, 3 * DAY), delete_at: 0, tries: 0, set_at: 0 });
        let ending = after(&ending, ahead, &[Event::NotRetired("older".to_owned(), fault())]);
        assert_eq!(does(due, &ending), Action::Retire(key("older", 0, 3 * DAY)), "deletion, {lead} s ahead");
        let needs = after(&active(), ahead, &[Event::Needs(NeedReason::Refused, fault())]);
        assert_eq!(does(due, &needs), Action::Recheck, "recheck, {lead} s ahead");
        let quiet = State { look_at: due + DAY, renew_at: 4 * DAY, ..active() };
        let unswept = after(&quiet, ahead, &[Event::MayLeaveKey, Event::NotSwept(fault())]);
        assert_eq!(does(due, &unswept), Action::Sweep, "search, {lead} s ahead");
    }
}

#[test]
fn failures_back_off_and_the_count_goes_up() {
    let mut s = active();
    let mut waits_for = Vec::new();
    let mut now = 2 * DAY;
    for _ in 0..5 {
        s = after(&s, now, &[Event::Began(attempt()), Event::NotCreated(fault())]);
        let next = waits(now, &s).unwrap();
        waits_for.push(next - now);
        now = next;
    }
    assert_eq!(waits_for, [60, 120, 240, 480, 960]);
    assert_eq!(s.failing.unwrap().attempts, 5);
}

#[test]
fn a_key_that_expired_by_our_clock_is_asked_about_at_qlik_for_a_day_and_then_no_more() {
    let s = active();
    assert_eq!(does(3 * DAY, &s), Action::Begin(Trigger::Due), "our clock may be wrong");
    let s = after(&s, 3 * DAY, &[Event::Needs(NeedReason::Expired, fault())]);
    assert_eq!(waits(3 * DAY, &s), Some(3 * DAY + 900));
    assert_eq!(does(3 * DAY + 900, &s), Action::Recheck);
    assert_eq!(waits(4 * DAY, &s), None);
    assert_eq!(waits(9 * DAY, &s), None);
}

#[test]
fn a_clock_that_is_put_back_does_not_leave_a_key_expired_that_works() {
    let s = after(&active(), 3 * DAY, &[Event::Needs(NeedReason::Expired, fault())]);
    assert_eq!(does(2 * DAY, &s), Action::Recheck);
    let s = after(&s, 2 * DAY, &[Event::Works]);
    assert_eq!(does(2 * DAY, &s), Action::Begin(Trigger::Due));
}

#[test]
fn waits_that_a_clock_ahead_has_set_hold_nothing_up_once_it_is_put_back() {
    let ahead = 2 * DAY + 80_000;
    let failed = after(&active(), ahead, &[Event::Began(attempt()), Event::NotCreated(fault())]);
    assert_eq!(does(2 * DAY, &failed), Action::Begin(Trigger::Due));
    let mut ending = active();
    ending.retiring.push(Retiring { key: key("older", 0, 3 * DAY), delete_at: ahead, tries: 0, set_at: 0 });
    assert_eq!(does(DAY, &ending), Action::Retire(key("older", 0, 3 * DAY)));
}

#[test]
fn a_refused_key_is_tried_again_in_case_it_was_mended_at_qlik() {
    let s = State { look_at: DAY, ..active() };
    let s = after(&s, 100, &[Event::Needs(NeedReason::PermissionLost, fault())]);
    assert_eq!(waits(100, &s), Some(1000));
    assert_eq!(does(1000, &s), Action::Recheck);
    let s = after(&s, 1000, &[Event::Works]);
    assert_eq!(waits(1000, &s), Some(DAY));
}

#[test]
fn the_coming_renewal_is_looked_at_once_a_day_and_soon_again_where_qlik_did_not_answer() {
    let s = State { look_at: DAY, ..active() };
    assert_eq!(does(DAY, &s), Action::LookAhead);
    let unseen = after(&s, DAY, &[Event::LookedAhead(Ahead { at: DAY, checks: Vec::new() })]);
    assert_eq!(waits(DAY, &unseen), Some(DAY + 3_600));
    let owner = crate::integration::Check {
        id: "ahead_owner".to_owned(),
        title: String::new(),
        outcome: crate::integration::Outcome::Passed,
        says: String::new(),
        remedy: None,
        link: None,
        elapsed_ms: None,
        request: None,
        qlik_code: None,
        trace_id: None,
    };
    let seen = after(&s, DAY, &[Event::LookedAhead(Ahead { at: DAY, checks: vec![owner] })]);
    assert_eq!(waits(DAY, &seen), Some(2 * DAY));
}

#[test]
fn a_new_key_is_not_given_up_while_the_one_in_use_is_dead() {
    let new = key("new", 2 * DAY, 5 * DAY);
    let began = [Event::Began(attempt()), Event::Created(new.clone()), Event::NotYet(fault())];
    let s = after(&active(), 2 * DAY, &began);
    let over = 2 * DAY + 3_600;
    assert_eq!(does(over, &s), Action::GiveUp(new.clone()));
    let s = after(&s, over, &[Event::Needs(NeedReason::Revoked, fault())]);
    assert_eq!(does(over, &s), Action::Prove(new));
}

#[test]
fn a_key_that_can_not_be_deleted_stays_on_the_list_and_waits_longer_each_time() {
    let mut s = active();
    s.retiring.push(Retiring { key: key("older", 0, 3 * DAY), delete_at: 10, tries: 0, set_at: 0 });
    let s = after(&s, 10, &[Event::NotRetired("older".to_owned(), fault())]);
    assert_eq!(s.retiring[0].delete_at, 70);
    let s = after(&s, 70, &[Event::NotRetired("older".to_owned(), fault())]);
    assert_eq!(s.retiring[0].delete_at, 190);
}

#[test]
fn an_intent_survives_the_json_of_the_store() {
    let new = key("new", 2 * DAY, 5 * DAY);
    let s =
        after(&active(), 2 * DAY, &[Event::Began(attempt()), Event::Created(new), Event::NotYet(fault())]);
    let json = serde_json::to_string(&s).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), s);
}
