//! The renewal as a whole, against the sandbox tenant and under a clock that is
//! moved: a key is renewed in time, and faults on the way lose nothing.

use crate::house::{House, days, mins};
use backend::{integration::Health, renewal::RenewalOutcome};
use sandbox::{Effect, Fault, KeyStatus, UserStatus};

/// To where the key has 20 hours left.
fn to_due(h: &House) {
    h.advance(days(2) + mins(4 * 60));
}

fn status(status: u16) -> Effect {
    Effect::Status { status, code: "TEST-1".to_owned(), title: "made on purpose".to_owned(), body: None }
}

#[tokio::test]
async fn a_due_key_is_renewed_and_the_old_one_is_gone_after_its_grace() {
    let h = House::connected().await;
    h.settle().await;
    assert_eq!(h.live().len(), 1, "nothing is done before it is due");
    to_due(&h);
    h.settle().await;
    let now = h.status().await;
    assert_ne!(now.key.key_id, h.key_id);
    assert_eq!(now.health, Health::Healthy, "{}", now.headline);
    assert_eq!(now.last_renewal.as_ref().unwrap().outcome.as_deref(), Some("renewed"));
    let live = h.live();
    assert_eq!(live.len(), 2, "the old key lives on for what began with it");
    assert_eq!(
        now.key.expires_at.duration_since(now.key.created_at),
        days(3),
        "the new key lives as long as the old one"
    );
    let tag = &live.iter().find(|k| k.id == now.key.key_id).unwrap().description;
    assert!(tag.starts_with(&format!("qonduit:{}:", h.ada.portal.id)), "{tag}");
    h.advance(mins(1));
    h.settle().await;
    assert_eq!(h.live().iter().map(|k| k.id.clone()).collect::<Vec<_>>(), [now.key.key_id]);
}

#[tokio::test]
async fn a_year_of_renewals_leaves_one_key_and_a_healthy_portal() {
    let h = House::connected().await;
    for _ in 0..180 {
        h.advance(days(2));
        h.settle().await;
        h.advance(mins(2));
        h.settle().await;
        assert_eq!(h.live().len(), 1);
    }
    assert_eq!(h.status().await.health, Health::Healthy);
    let keys = h.world.keys(&h.tenant);
    assert!(keys.len() > 150, "{} keys", keys.len());
    assert!(keys.iter().filter(|k| !k.deleted).count() == 1);
}

#[tokio::test]
async fn a_tenant_whose_maximum_is_24_hours_works_too() {
    let h = House::new().await;
    h.world.set_key_config(&h.tenant, days(1), 5);
    let (_, token) = h.world.create_key(&h.qlik_ada, "short", days(1));
    h.identity_provider().await;
    let input = backend::integration::SaveInput { api_key: Some(token.into()), ..h.input() };
    assert!(h.portal.save_integration(&h.ada, input).await.unwrap().saved);
    h.advance(mins(15 * 60));
    h.settle().await;
    let first = h.status().await.key.key_id;
    h.advance(mins(60));
    h.settle().await;
    let now = h.status().await;
    assert_ne!(now.key.key_id, first);
    assert_eq!(now.key.expires_at.duration_since(now.key.created_at), days(1));
}

#[tokio::test]
async fn a_shrunk_maximum_shortens_the_next_key() {
    let h = House::connected().await;
    h.world.set_key_config(&h.tenant, days(2), 5);
    to_due(&h);
    h.settle().await;
    let key = h.status().await.key;
    assert_eq!(key.expires_at.duration_since(key.created_at), days(2));
}

/// After any fault of the POST, the portal comes to rest with one new key in
/// use, no key of ours left over, and the hand-made key never touched too early.
#[tokio::test]
async fn whatever_happens_to_the_post_no_key_is_lost_and_no_orphan_stays() {
    let effects: Vec<(&str, Effect)> = vec![
        ("500", status(500)),
        ("503", status(503)),
        ("429", Effect::RateLimited { retry_after_s: 40 }),
        ("cut before", Effect::CutBefore),
        ("cut after", Effect::CutAfter),
        ("malformed", Effect::Malformed),
        ("truncated", Effect::Truncated),
        ("409", status(409)),
        ("400", status(400)),
    ];
    for (what, effect) in effects {
        let h = House::connected().await;
        to_due(&h);
        h.world.add_fault(Fault::new("/api/v1/api-keys", effect).on("POST").times(2));
        h.settle().await;
        let failing = h.status().await;
        assert_eq!(failing.key.key_id, h.key_id, "{what}: the old key stays in use");
        assert_eq!(failing.health, Health::Failing, "{what}");
        assert!(h.live().len() <= 2, "{what}");
        for _ in 0..8 {
            h.advance(mins(5));
            h.settle().await;
            assert!(h.live().len() <= 2, "{what}: more than two live keys");
        }
        let now = h.status().await;
        assert_ne!(now.key.key_id, h.key_id, "{what}");
        assert_eq!(now.health, Health::Healthy, "{what}: {}", now.headline);
        assert_eq!(
            h.live().iter().map(|k| k.id.as_str()).collect::<Vec<_>>(),
            [now.key.key_id.as_str()],
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_time_out_of_the_post_is_looked_for_and_cleaned_up() {
    let h = House::with_timeout(std::time::Duration::from_millis(600)).await.connect().await;
    to_due(&h);
    h.world.add_fault(Fault::new("/api/v1/api-keys", Effect::HangAfter).on("POST").once());
    h.settle().await;
    assert_eq!(h.live().len(), 2, "Qlik made the key, and its token is lost");
    h.advance(mins(2));
    h.settle().await;
    h.advance(mins(2));
    h.settle().await;
    assert_eq!(h.live().len(), 1);
    assert_eq!(h.status().await.health, Health::Healthy);
}

#[tokio::test]
async fn keys_without_our_tag_are_never_touched() {
    let h = House::connected().await;
    let (foreign, _) = h.world.create_key(&h.qlik_ada, "of another product", days(30));
    let (other_portal, _) = h.world.create_key(&h.qlik_ada, "qonduit:another-portal:1", days(30));
    to_due(&h);
    h.world.add_fault(Fault::new("/api/v1/api-keys", Effect::CutAfter).on("POST").once());
    for _ in 0..6 {
        h.settle().await;
        h.advance(mins(3));
    }
    let live: Vec<String> = h.live().into_iter().map(|k| k.id).collect();
    assert_eq!(live.len(), 3, "{live:?}");
    assert!(live.contains(&foreign) && live.contains(&other_portal));
}

#[tokio::test]
async fn a_fresh_key_that_takes_a_while_is_asked_again_before_it_is_judged() {
    let h = House::connected().await;
    to_due(&h);
    h.world.set_fresh_key_delay(mins(1));
    h.settle().await;
    assert_eq!(h.status().await.key.key_id, h.key_id, "an unproved key is not used");
    assert!(h.status().await.running.is_some());
    for _ in 0..30 {
        h.advance(jiff::SignedDuration::from_secs(5));
        h.settle().await;
    }
    assert_ne!(h.status().await.key.key_id, h.key_id);
    assert_eq!(h.world.keys(&h.tenant).len(), 2, "it was the same key that was asked again");
}

#[tokio::test]
async fn a_key_that_never_works_is_deleted_and_the_old_one_stays() {
    let h = House::connected().await;
    to_due(&h);
    h.world.set_fresh_key_delay(days(30));
    for _ in 0..20 {
        h.settle().await;
        h.advance(mins(1));
    }
    let now = h.status().await;
    assert_eq!((now.key.key_id, now.health), (h.key_id.clone(), Health::Failing));
    assert!(h.live().len() <= 2);
    h.world.set_fresh_key_delay(mins(0));
    for _ in 0..20 {
        h.advance(mins(5));
        h.settle().await;
    }
    assert_eq!(h.status().await.health, Health::Healthy);
    assert_eq!(h.live().len(), 1);
}

#[tokio::test]
async fn a_full_quota_says_so_and_goes_on_once_there_is_room() {
    let h = House::connected().await;
    h.world.set_key_config(&h.tenant, days(30), 1);
    to_due(&h);
    h.settle().await;
    let now = h.status().await;
    assert_eq!(now.health, Health::Failing);
    assert!(now.headline.contains("allows 1"), "{}", now.headline);
    h.world.set_key_config(&h.tenant, days(30), 5);
    h.advance(mins(2));
    h.settle().await;
    assert_eq!(h.status().await.health, Health::Healthy);
}

#[tokio::test]
async fn a_dead_key_is_told_apart_and_needs_a_person() {
    type Kill = fn(&House);
    let table: &[(&str, Kill, &str)] = &[
        ("revoked", |h| h.world.revoke_key(&h.key_id), "revoked or deleted"),
        (
            "permission lost",
            |h| h.world.set_manage_api_keys(&h.qlik_ada, false),
            "may no longer manage API keys",
        ),
        (
            "owner disabled",
            |h| h.world.set_user_status(&h.qlik_ada, UserStatus::Disabled),
            "disabled or deleted",
        ),
    ];
    for (what, kill, words) in table {
        let h = House::connected().await;
        to_due(&h);
        // As each quarter of an hour; what is seen there is looked with when the key is dead.
        h.portal.probe_until(std::future::pending()).await.unwrap();
        kill(&h);
        h.settle().await;
        let now = h.status().await;
        assert_eq!(now.health, Health::NeedsPerson, "{what}");
        assert!(now.headline.contains(words), "{what}: {}", now.headline);
        assert_eq!(h.portal.tick().await.unwrap(), 0, "{what}: no loop");
    }
}

#[tokio::test]
async fn a_permission_that_is_given_back_heals_it_without_a_paste() {
    let h = House::connected().await;
    to_due(&h);
    h.world.set_manage_api_keys(&h.qlik_ada, false);
    h.settle().await;
    assert_eq!(h.status().await.health, Health::NeedsPerson);
    h.world.set_manage_api_keys(&h.qlik_ada, true);
    h.advance(mins(16));
    h.settle().await;
    assert_eq!(h.status().await.health, Health::Healthy);
    assert_ne!(h.status().await.key.key_id, h.key_id);
}

#[tokio::test]
async fn an_expired_key_needs_one_paste_and_all_goes_on() {
    let h = House::connected().await;
    h.advance(days(4));
    h.settle().await;
    let now = h.status().await;
    assert_eq!(now.health, Health::NeedsPerson);
    assert!(now.headline.contains("expired"), "{}", now.headline);
    let (id, token) = h.world.create_key(&h.qlik_ada, "pasted", days(3));
    let input = backend::integration::SaveInput { api_key: Some(token.into()), ..h.input() };
    assert!(h.portal.save_integration(&h.ada, input).await.unwrap().saved);
    h.advance(mins(2));
    h.settle().await;
    let now = h.status().await;
    assert_eq!((now.health, now.key.key_id), (Health::Healthy, id));
}

#[tokio::test]
async fn renew_now_reports_the_end_state() {
    let h = House::connected().await;
    let end = h.portal.renew_now(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RenewalOutcome::Renewed, "{}", end.says);
    assert_ne!(h.status().await.key.key_id, h.key_id);

    h.world.add_fault(Fault::new("/api/v1/api-keys", status(503)).on("POST"));
    let end = h.portal.renew_now(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RenewalOutcome::Failed);
    assert!(end.says.contains("stays in use"), "{}", end.says);
    h.world.clear_faults();

    let id = h.status().await.key.key_id;
    h.world.revoke_key(&id);
    assert_eq!(h.portal.renew_now(&h.ada).await.unwrap().outcome, RenewalOutcome::NeedsPerson);
}

#[tokio::test]
async fn an_older_key_that_can_not_be_deleted_is_asked_for_once_and_then_waited_for() {
    let h = House::connected().await;
    assert_eq!(h.portal.renew_now(&h.ada).await.unwrap().outcome, RenewalOutcome::Renewed);
    h.world.add_fault(Fault::new("/api/v1/api-keys", status(500)).on("DELETE"));
    h.world.clear_log();
    let end = h.portal.renew_now(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RenewalOutcome::Failed);
    assert!(end.says.contains("has to go first"), "{}", end.says);
    assert_eq!(h.world.log().iter().filter(|e| e.method == "DELETE").count(), 1);
    assert_eq!(h.live().len(), 2, "no third key was made");
    h.world.clear_faults();
    let before = h.status().await.key.key_id;
    h.advance(mins(2));
    h.settle().await;
    assert_ne!(h.status().await.key.key_id, before, "what was asked for is done once there is room");
    h.advance(mins(2));
    h.settle().await;
    assert_eq!(h.live().len(), 1);
}

/// The key is not due for two days: what a person asked for is tried all the
/// same, no time in the past is shown, and what the failed try left is gone.
#[tokio::test]
async fn a_renewal_that_was_asked_for_and_failed_once_is_made_though_the_key_is_not_due() {
    let faults = [
        ("504 at the look", Fault::new("/api/v1/api-keys/configs", status(504))),
        (
            "429 at the look",
            Fault::new("/api/v1/api-keys", Effect::RateLimited { retry_after_s: 40 }).on("GET"),
        ),
        ("504", Fault::new("/api/v1/api-keys", status(504)).on("POST")),
        ("429", Fault::new("/api/v1/api-keys", Effect::RateLimited { retry_after_s: 40 }).on("POST")),
        ("lost before", Fault::new("/api/v1/api-keys", Effect::CutBefore).on("POST")),
        ("lost after", Fault::new("/api/v1/api-keys", Effect::CutAfter).on("POST")),
        ("odd", Fault::new("/api/v1/api-keys", Effect::Malformed).on("POST")),
        ("odder", Fault::new("/api/v1/api-keys", status(418)).on("POST")),
    ];
    for (what, fault) in faults {
        let h = House::connected().await;
        h.settle().await;
        // Twice, for what is only read is asked for once more by itself.
        h.world.add_fault(fault.times(2));
        let end = h.portal.renew_now(&h.ada).await.unwrap();
        assert_eq!(end.outcome, RenewalOutcome::Failed, "{what}: {}", end.says);
        assert!(end.says.contains("tried again by itself"), "{what}: {}", end.says);
        for _ in 0..6 {
            h.advance(mins(3));
            let now = h.status().await;
            assert!(now.next_try_at.is_none_or(|t| t >= h.portal.now()), "{what}: due in the past");
            assert!(now.renew_at >= h.portal.now(), "{what}: due in the past");
            h.settle().await;
        }
        let now = h.status().await;
        assert_eq!((now.health, now.next_try_at), (Health::Healthy, None), "{what}: {}", now.headline);
        assert_ne!(now.key.key_id, h.key_id, "{what}: the renewal was asked for");
        let live: Vec<String> = h.live().iter().map(|k| k.id.clone()).collect();
        assert_eq!(live, [now.key.key_id], "{what}: left over at Qlik");
    }
}

/// A dry run's key that could not be deleted is looked for, and that this fails
/// for a while is no failing renewal.
#[tokio::test]
async fn what_a_dry_run_left_is_deleted_soon_and_is_no_failing_renewal() {
    let h = House::connected().await;
    h.settle().await;
    h.world.add_fault(Fault::new("/api/v1/api-keys", status(503)).on("DELETE").times(3));
    assert!(!h.portal.dry_run(&h.ada).await.unwrap().ok);
    h.settle().await;
    assert_eq!(h.live().len(), 2, "it could not be deleted yet");
    assert_eq!(h.status().await.health, Health::Healthy);
    for _ in 0..4 {
        h.advance(mins(3));
        h.settle().await;
    }
    assert_eq!(h.live().len(), 1);
    let now = h.status().await;
    assert_eq!((now.health, now.key.key_id.as_str()), (Health::Healthy, h.key_id.as_str()));
}

/// The clock was 20 minutes ahead as the process ended in the middle of a
/// proof, and is right when the next one begins.
#[tokio::test]
async fn a_proof_that_a_clock_ahead_put_off_goes_on_once_the_clock_is_right() {
    let h = House::connected().await;
    h.settle().await;
    h.world.set_fresh_key_delay(mins(2));
    h.portal.clock.advance(mins(20));
    assert_eq!(h.portal.renew_now(&h.ada).await.unwrap().outcome, RenewalOutcome::Failed);
    assert_eq!(h.live().len(), 2, "the new key is there and does not work yet");
    h.world.set_fresh_key_delay(mins(0));
    h.portal.clock.advance(-mins(20));
    let next = h.portal.another().await.unwrap();
    next.end_claims().await.unwrap();
    h.advance(mins(3));
    for _ in 0..2 {
        while next.tick().await.unwrap() > 0 {}
        h.advance(mins(2));
    }
    let now = h.status().await;
    assert_ne!(now.key.key_id, h.key_id);
    assert_eq!(h.live().len(), 1);
}

#[tokio::test]
async fn two_processes_on_one_database_renew_once() {
    let h = House::connected().await;
    to_due(&h);
    let other = h.portal.another().await.unwrap();
    let (a, b) = tokio::join!(h.portal.tick(), other.tick());
    a.unwrap();
    b.unwrap();
    h.settle().await;
    assert_eq!(h.world.keys(&h.tenant).len(), 2, "one new key was made");
    assert_eq!(h.live().iter().filter(|k| k.status == KeyStatus::Active).count(), 2);
}

#[tokio::test]
async fn a_process_that_stops_after_the_key_was_made_is_taken_up_by_the_next() {
    let h = House::connected().await;
    to_due(&h);
    // The proof fails for now, which leaves the new key staged; then the process is gone.
    h.world.add_fault(Fault::new("/api/v1/users/me", status(503)).on("GET").times(4));
    h.portal.tick().await.unwrap();
    let next = h.portal.another().await.unwrap();
    h.world.clear_faults();
    h.advance(mins(2));
    next.tick().await.unwrap();
    assert_ne!(h.status().await.key.key_id, h.key_id);
    assert_eq!(h.world.keys(&h.tenant).len(), 2, "the staged key was taken, not made anew");
}

#[tokio::test]
async fn the_database_holds_no_token_and_no_private_key() {
    let h = House::connected().await;
    h.portal.my_apps(&h.ada, backend::apps::AppsQuery::default()).await.unwrap();
    to_due(&h);
    h.settle().await;
    let bytes = h.portal.bytes().unwrap();
    let secret = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    assert!(secret(h.key_id.as_bytes()), "the search finds what is there");
    assert!(!secret(h.token.as_bytes()));
    assert!(!secret(h.token.rsplit('.').next().unwrap().as_bytes()), "nor its signature");
    assert!(!secret(b"PRIVATE KEY"));
    assert!(!secret(b"eas.sid"));
    assert!(!secret(b"correct horse"));
    // Every token that the tenant ever gave begins like this.
    assert!(!secret(&h.token.as_bytes()[..20]));
}
