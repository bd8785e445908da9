use proptest::prelude::*;

use super::*;

fn plan() -> Plan {
    Plan {
        tenant_host: "acme.eu.qlikcloud.com".to_owned(),
        tenant_id: "t".to_owned(),
        tenant_name: None,
        origin: "https://acme.portal.example".to_owned(),
        web: WebPlan::Create { name: "Qonduit".to_owned() },
        others: Vec::new(),
        idp: IdpPlan::Create { description: "Qonduit".to_owned() },
        issuer: "i".to_owned(),
        kid: "k".to_owned(),
        owner: "ada@acme.example".to_owned(),
        key_expires_at: 3 * 86_400,
        renew_at: 2 * 86_400,
        replaces: None,
    }
}

fn fault() -> Fault {
    Fault { says: "no".to_owned(), code: None, trace_id: None, retry_after: None }
}

fn report(ok: bool) -> Report {
    Report {
        at: jiff::Timestamp::UNIX_EPOCH,
        checks: Vec::new(),
        ok,
        headline: String::new(),
        identity_missing: false,
    }
}

fn object() -> Object {
    Object { id: "o".to_owned(), made: true }
}

fn after(events: &[Event]) -> Progress {
    events.iter().fold(Progress::new(plan()), |p, e| apply(&p, e.clone()))
}

#[test]
fn it_goes_from_the_plan_to_the_stored_connection() {
    let p =
        after(&[Event::Confirmed, Event::Web(object()), Event::Idp(object()), Event::Saved(report(true))]);
    assert_eq!((p.phase, p.ended(), p.next_at(0, 0.0)), (Phase::Done, true, None));
}

#[test]
fn nothing_happens_before_it_is_confirmed() {
    let p = after(&[Event::Web(object()), Event::Saved(report(true))]);
    assert_eq!((p.phase, p.next_at(0, 0.0)), (Phase::Planned, None));
}

#[test]
fn what_can_not_be_helped_is_undone_in_the_other_order() {
    let p = after(&[Event::Confirmed, Event::Web(object()), Event::Barred(fault())]);
    assert_eq!(p.phase, Phase::UndoIdp);
    let p = apply(&apply(&p, Event::Removed), Event::Removed);
    assert_eq!((p.phase, p.fault.is_some()), (Phase::Undone, true));
}

#[test]
fn what_may_pass_by_itself_is_tried_some_times_and_then_undone() {
    let mut p = after(&[Event::Confirmed]);
    for n in 1..TRIES {
        p = apply(&p, Event::Failed(fault()));
        assert_eq!((p.phase, p.tries), (Phase::Web, n));
        assert!(p.next_at(0, 1.0).unwrap() > 0);
    }
    assert_eq!(apply(&p, Event::Failed(fault())).phase, Phase::UndoIdp);
}

#[test]
fn what_can_not_be_removed_is_named() {
    let p = after(&[
        Event::Confirmed,
        Event::Barred(fault()),
        Event::Left("the provider".to_owned()),
        Event::Removed,
    ]);
    assert_eq!((p.phase, p.left.len()), (Phase::Undone, 1));
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Confirmed),
        Just(Event::Web(object())),
        Just(Event::Idp(object())),
        Just(Event::Saved(report(true))),
        Just(Event::Refused(report(false))),
        Just(Event::Failed(fault())),
        Just(Event::Barred(fault())),
        Just(Event::Removed),
        Just(Event::Left("x".to_owned())),
    ]
}

proptest! {
    /// Whatever happens: what runs has a time to go on, what ended has none and
    /// stays so, and it is never over with a step in doubt.
    #[test]
    fn a_run_goes_on_until_it_ended_and_then_stays(events in proptest::collection::vec(events(), 0..40)) {
        let mut p = Progress::new(plan());
        for event in events {
            let next = apply(&p, event);
            prop_assert_eq!(next.runs(), next.next_at(0, 0.5).is_some());
            if p.ended() {
                prop_assert_eq!(&next, &p);
            }
            if next.phase == Phase::Done {
                prop_assert!(next.web.is_some() && next.idp.is_some() && next.report.is_some());
            }
            p = next;
        }
        // With what it waits for it ends.
        for _ in 0..20 {
            p = match p.phase {
                Phase::Planned => apply(&p, Event::Confirmed),
                Phase::Web => apply(&p, Event::Web(object())),
                Phase::Idp => apply(&p, Event::Idp(object())),
                Phase::Save => apply(&p, Event::Saved(report(true))),
                Phase::UndoIdp | Phase::UndoWeb => apply(&p, Event::Removed),
                Phase::Done | Phase::Undone => break,
            };
        }
        prop_assert!(p.ended());
    }
}
