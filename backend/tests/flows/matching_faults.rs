//! A comparison under faults: crashes, other processes, rate limits, outages,
//! keys without the right, and links that lead elsewhere.

use crate::{
    house::{House, days, mins},
    matching::{asked, compare, many_at_qlik, view, work},
};
use backend::{
    integration::{Health, SaveInput},
    matching::{RunState, Started},
};
use jiff::SignedDuration;
use sandbox::{Effect, Fault, NewUser};

const USERS: &str = "/api/v1/users$";

#[tokio::test]
async fn a_crash_in_the_middle_loses_one_page_at_most() {
    let h = House::connected().await;
    h.portal.many_users(&h.ada.portal.id, 1_000).await.unwrap();
    many_at_qlik(&h, 999);
    h.world.clear_log();
    h.world.add_fault(Fault::new(USERS, Effect::HangForever).after(6).once());
    h.portal.start_matching(&h.ada).await.unwrap();
    let mut changes = h.portal.subscribe(&h.ada.portal.id);
    let services = h.portal.services.clone();
    let first = tokio::spawn(async move { services.compare_due(&|| false).await });
    while view(&h).await.running.unwrap().pages_read < 6 {
        changes.changed().await.unwrap();
    }
    // The process ends while it waits for the seventh page, or just before it asks for it: then the fault
    // must not strike the one that goes on.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    h.world.clear_faults();

    let another = h.portal.another().await.unwrap();
    work(&another).await;
    let running = view(&h).await.running.unwrap();
    assert_eq!(running.pages_read, 6, "until its claim is over nobody else goes on");
    assert_eq!(h.portal.start_matching(&h.ada).await.unwrap(), Started::UnderWay);
    h.advance(mins(2));
    work(&another).await;
    let last = view(&h).await.last.unwrap();
    assert_eq!((last.qlik_users, last.judged, last.pages_read), (1_000, 1_001, 10));
    assert!((10..=11).contains(&asked(&h)), "{} requests", asked(&h));
}

#[tokio::test]
async fn a_process_that_lost_its_claim_writes_nothing_more() {
    let h = House::connected().await;
    many_at_qlik(&h, 250);
    h.world.add_fault(Fault::new(USERS, Effect::Delay { ms: 300 }).after(1).once());
    h.portal.start_matching(&h.ada).await.unwrap();
    let mut changes = h.portal.subscribe(&h.ada.portal.id);
    let services = h.portal.services.clone();
    let slow = tokio::spawn(async move { services.compare_due(&|| false).await });
    while view(&h).await.running.unwrap().pages_read < 1 {
        changes.changed().await.unwrap();
    }
    h.advance(mins(2));
    work(&h.portal.another().await.unwrap()).await;
    slow.await.unwrap().unwrap();
    let last = view(&h).await.last.unwrap();
    assert_eq!((last.qlik_users, last.pages_read, last.judged), (251, 3, 1));
}

#[tokio::test]
async fn a_server_that_stops_leaves_its_run_to_be_taken_up_at_once() {
    let h = House::connected().await;
    many_at_qlik(&h, 250);
    h.portal.start_matching(&h.ada).await.unwrap();
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let stopped = || steps.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 2;
    h.portal.compare_due(&stopped).await.unwrap();
    assert_eq!(view(&h).await.running.unwrap().pages_read, 2);
    work(&h.portal.another().await.unwrap()).await;
    assert_eq!(view(&h).await.last.unwrap().qlik_users, 251);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_long_as_qlik_asks_and_no_longer() {
    let h = House::connected().await;
    many_at_qlik(&h, 250);
    h.world.add_fault(Fault::new(USERS, Effect::RateLimited { retry_after_s: 40 }).after(1).once());
    h.portal.start_matching(&h.ada).await.unwrap();
    work(&h.portal).await;
    let waits = view(&h).await.running.unwrap();
    assert_eq!(waits.pages_read, 1);
    let until = waits.waits_until.unwrap();
    assert_eq!(until.duration_since(crate::house::start()), SignedDuration::from_secs(40));
    assert!(waits.says.unwrap().contains("rate limit"));
    assert_eq!(waits.qlik_code.as_deref(), Some("HTTP-429"));
    h.advance(SignedDuration::from_secs(39));
    let before = asked(&h);
    work(&h.portal).await;
    assert_eq!(asked(&h), before, "Qlik is left alone until then");
    h.advance(SignedDuration::from_secs(2));
    work(&h.portal).await;
    let last = view(&h).await.last.unwrap();
    assert_eq!((last.qlik_users, last.says), (251, None));
}

#[tokio::test]
async fn an_outage_is_waited_out_and_one_that_lasts_ends_the_run_with_qliks_words() {
    let h = House::connected().await;
    let before = compare(&h).await.last.unwrap();
    let away = || {
        let status = Effect::Status { status: 503, code: "USERS-X".into(), title: "Away".into(), body: None };
        Fault::new(USERS, status)
    };
    // Each try asks twice.
    h.world.add_fault(away().times(2));
    h.portal.start_matching(&h.ada).await.unwrap();
    work(&h.portal).await;
    assert!(view(&h).await.running.unwrap().waits_until.is_some());
    h.advance(mins(1));
    work(&h.portal).await;
    let second = view(&h).await.last.unwrap();
    assert_ne!(second.id, before.id);

    h.world.add_fault(away());
    h.portal.start_matching(&h.ada).await.unwrap();
    for _ in 0..10 {
        work(&h.portal).await;
        h.advance(mins(6));
    }
    let seen = view(&h).await;
    let failed = seen.failed.unwrap();
    assert_eq!(failed.state, RunState::Failed);
    assert_eq!(failed.qlik_code.as_deref(), Some("USERS-X"));
    assert!(failed.trace_id.is_some() && failed.says.unwrap().contains("HTTP 503"));
    assert_eq!(seen.running, None);
    assert_eq!(seen.last.unwrap().id, second.id, "the last one that was done stays");
    h.world.clear_faults();
    let end = compare(&h).await;
    assert_eq!((end.failed, end.last.map(|l| l.state)), (None, Some(RunState::Done)));
}

#[tokio::test]
async fn a_key_that_may_not_read_users_and_one_that_is_dead_are_told_apart_at_once() {
    let h = House::new().await;
    h.identity_provider().await;
    let bot =
        NewUser { manage_api_keys: true, may_read_users: Some(true), ..NewUser::new("bot@acme.example") };
    let bot = h.world.add_user(&h.tenant, bot);
    let (key, token) = h.world.create_key(&bot, "bot", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    assert!(h.portal.save_integration(&h.ada, input).await.unwrap().saved);
    h.world.set_may_read_users(&bot, false);
    let failed = compare(&h).await.failed.unwrap();
    assert!(failed.says.unwrap().contains("may not read the Qlik tenant's users"));
    assert_eq!(failed.qlik_code.as_deref(), Some("USERS-9403"));
    h.world.revoke_key(&key);
    let seen = compare(&h).await;
    assert!(seen.failed.unwrap().says.unwrap().contains("refuses this portal's API key"));
    // The settings show it as well.
    assert_eq!(h.status().await.health, Health::NeedsPerson);
}

#[tokio::test]
async fn a_cursor_that_qlik_no_longer_takes_begins_the_reading_anew() {
    let h = House::connected().await;
    many_at_qlik(&h, 250);
    let old = Effect::Status { status: 400, code: "USERS-9400".into(), title: "cursor".into(), body: None };
    h.world.add_fault(Fault::new(USERS, old.clone()).after(2).once());
    let last = compare(&h).await.last.unwrap();
    assert_eq!((last.qlik_users, last.pages_read), (251, 3));
    // A first page that is refused is no matter of cursors.
    h.world.add_fault(Fault::new(USERS, old));
    assert_eq!(compare(&h).await.failed.unwrap().qlik_code.as_deref(), Some("USERS-9400"));
}

#[tokio::test]
async fn links_to_another_host_end_the_run_and_the_tenants_own_other_name_does_not() {
    let h = House::connected().await;
    many_at_qlik(&h, 250);
    let to = |host: &str| Fault::new(USERS, Effect::ForeignLinks { host: host.to_owned() });
    h.world.add_fault(to("evil.example"));
    assert!(compare(&h).await.failed.unwrap().says.unwrap().contains("points to another host"));
    h.world.clear_faults();
    // A server that was started anew has not heard of the other name yet.
    h.world.add_fault(to(&h.tenant.permanent_host));
    h.portal.start_matching(&h.ada).await.unwrap();
    work(&h.portal.another().await.unwrap()).await;
    assert_eq!(view(&h).await.last.unwrap().qlik_users, 251);
}
