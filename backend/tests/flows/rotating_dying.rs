//! The replacement of the signing key when the process dies, at each of its calls
//! in turn, before and after the call takes place.

use std::time::Duration;

use backend::{
    rotation::{Move, PhaseState},
    testing::TestServices,
};
use sandbox::{Effect, Fault};

use crate::{
    house::{House, mins},
    rotating::{active, house, kids, logins, rotate, works},
};

/// Ends with `work`, or where it dies: in the middle of the request that is never
/// answered.
async fn or_dies<T>(h: &House, after: bool, work: impl Future<Output = T>) -> Option<T> {
    let struck = async {
        let mut pace = tokio::time::interval(Duration::from_millis(2));
        while !h.world.log().iter().any(|e| e.fault.is_some() && (e.handled || !after)) {
            pace.tick().await;
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = struck => None,
    }
}

/// The process that comes after one that died.
async fn next_process(h: &House) -> TestServices {
    h.portal.end_claims().await.unwrap();
    let next = h.portal.another().await.unwrap();
    // What waits for a better moment has it.
    for _ in 0..4 {
        h.advance(mins(3));
        rotate(&next).await;
    }
    next
}

/// How far the rotation is: none, or the phase that is not done, or its end.
async fn at(h: &House, process: &TestServices) -> String {
    let view = process.signing_key_view(&h.ada).await.unwrap();
    match view.rotation {
        None => "none".to_owned(),
        Some(r) => match r.phases.iter().find(|p| p.state != PhaseState::Done) {
            Some(phase) => phase.title.to_owned(),
            None => format!("{:?}", r.ended.unwrap().0),
        },
    }
}

/// A whole rotation in which a process dies at its call number `n`; false where
/// it has fewer calls.
async fn dies_at(n: u32, after: bool) -> bool {
    let h = house().await;
    let old = active(&h).await;
    works(&h.portal, &h.ada, "before").await;
    h.world.clear_log();
    let effect = if after { Effect::HangAfter } else { Effect::HangForever };
    h.world.add_fault(Fault::new("/", effect).after(n).once());
    let what = format!("call {n}, after: {after}");
    let (mut process, mut died) = (h.portal.another().await.unwrap(), false);
    for _ in 0..12 {
        let step = at(&h, &process).await;
        let done = match step.as_str() {
            "none" => or_dies(&h, after, Box::pin(process.begin_rotation(&h.ada))).await,
            "Switch" => or_dies(&h, after, Box::pin(process.move_rotation(&h.ada, Move::Switch))).await,
            "Retire" => or_dies(&h, after, Box::pin(process.move_rotation(&h.ada, Move::Retire))).await,
            "Retired" => break,
            _ => panic!("{what}: it stays in {step}"),
        };
        if let Some(done) = done {
            done.unwrap();
        } else {
            assert!(!died, "{what}: once is enough");
            died = true;
            h.world.clear_log();
            assert!((1..=2).contains(&kids(&h).len()), "{what}");
            assert!(kids(&h).contains(&active(&h).await), "{what}: nothing verifies the active key");
            process = next_process(&h).await;
            assert!(kids(&h).contains(&active(&h).await), "{what}: nothing verifies the active key");
            works(&process, &h.ada, &what).await;
        }
    }
    h.world.clear_faults();
    let new = active(&h).await;
    assert_ne!(new, old, "{what}");
    assert_eq!(kids(&h), [new.as_str()], "{what}");
    assert_eq!(at(&h, &process).await, "Retired", "{what}");
    h.world.end_sessions(&h.tenant);
    let before = logins(&h, &new);
    works(&process, &h.ada, &what).await;
    assert_eq!(logins(&h, &new), before + 1, "{what}");
    died
}

/// So many calls belong to the first half of a rotation, as far as it is halved here.
const HALF: u32 = 13;

/// Each call of a half of a rotation in turn, some rotations side by side.
async fn dies_at_every_call_of(second: bool, after: bool) {
    let mut n = if second { HALF } else { 0 };
    loop {
        let some = futures::future::join_all((n..n + 4).map(|n| dies_at(n, after))).await;
        n += 4;
        if some.contains(&false) {
            assert!(second, "a rotation has more calls than {n}");
            return;
        }
        if !second && n >= HALF {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_before_a_call_is_followed_by_one_that_goes_on() {
    dies_at_every_call_of(false, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_before_a_later_call_is_followed_by_one_that_goes_on() {
    dies_at_every_call_of(true, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_after_a_call_is_followed_by_one_that_goes_on() {
    dies_at_every_call_of(false, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_after_a_later_call_is_followed_by_one_that_goes_on() {
    dies_at_every_call_of(true, true).await;
}
