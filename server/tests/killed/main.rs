//! The server as a real process, ended with SIGKILL in the middle of a renewal:
//! at every remote call, on either side of its taking place, and at moments
//! that chance picks. The next process finishes what the last one began, with
//! one key, no leftover, and users who see their apps.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on ends")]

mod rig;

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rig::Rig;
use sandbox::Effect;

/// Every remote call of a renewal, in order.
const CALLS: [(&str, &str); 6] = [
    ("GET", "/api/v1/api-keys/configs/*"),
    ("GET", "/api/v1/api-keys$"),
    ("POST", "/api/v1/api-keys$"),
    ("GET", "/api/v1/users/me$"),
    ("PATCH", "/api/v1/api-keys/*"),
    ("DELETE", "/api/v1/api-keys/*"),
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_call_of_a_renewal_the_next_process_finishes_it() {
    let rig = Rig::new().await;
    for (method, path) in CALLS {
        for effect in [Effect::HangForever, Effect::HangAfter] {
            let what = format!("{method} {path}, {effect:?}");
            let before = rig.key_in_use().await;
            rig.portal.bring_forward().await.unwrap();
            let server = rig.start_into(method, path, effect, &what).await;
            server.kill().await;
            rig.portal.end_claims().await.unwrap();
            let server = rig.start().await;
            rig.settles(&before, &what).await;
            server.kill().await;
        }
    }
    rig.keeps_secrets();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_two_hundred_random_moments_no_key_is_lost() {
    let rig = Rig::new().await;
    let mut chance = StdRng::seed_from_u64(20_261_124);
    // How long a renewal takes; less, as soon as one was seen to end sooner.
    let mut whole = rig.undisturbed().await;
    let mut cut_short = 0;
    for round in 0..200 {
        let before = rig.key_in_use().await;
        rig.portal.bring_forward().await.unwrap();
        let mut server = rig.spawn();
        let moment = whole.mul_f64(chance.random_range(0.0..1.2));
        server.lives_for(moment).await;
        server.kill().await;
        if rig.key_in_use().await == before || rig.live().len() != 1 {
            cut_short += 1;
        } else {
            whole = whole.min(moment);
        }
        rig.portal.end_claims().await.unwrap();
        let server = rig.start().await;
        rig.settles(&before, &format!("round {round}, killed after {moment:?}")).await;
        server.kill().await;
    }
    assert!(cut_short >= 40, "only {cut_short} of 200 came before the end of a renewal");
    rig.keeps_secrets();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_on_one_database_either_may_be_killed() {
    let rig = Rig::new().await;
    let mut chance = StdRng::seed_from_u64(42);
    let undisturbed = rig.undisturbed().await;
    for round in 0..40 {
        let before = rig.key_in_use().await;
        rig.portal.bring_forward().await.unwrap();
        let (mut victim, other) = (rig.spawn(), rig.spawn());
        victim.lives_for(undisturbed.mul_f64(chance.random_range(0.0..1.2))).await;
        victim.kill().await;
        rig.portal.end_claims().await.unwrap();
        rig.settles(&before, &format!("round {round}")).await;
        other.kill().await;
    }
    rig.keeps_secrets();
}

/// As above, and nobody says that the dead process's claim is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_process_holds_up_a_renewal_for_less_than_a_minute() {
    let rig = Rig::new().await;
    let before = rig.key_in_use().await;
    rig.portal.bring_forward().await.unwrap();
    let server = rig.start_into("POST", "/api/v1/api-keys$", Effect::HangAfter, "the POST").await;
    server.kill().await;
    let _next = rig.start().await;
    rig.settles_within(Duration::from_mins(1), &before, "the claim runs out").await;
}

/// From before it says where it listens whoever stops it is heard.
#[tokio::test(flavor = "multi_thread")]
async fn stopped_while_it_still_starts_it_ends_in_order() {
    let rig = Rig::new().await;
    let server = rig.spawn_held_at_its_first_word().await;
    let ended = server.terminated().await;
    assert!(ended.success(), "{ended}");
}
