//! What is told: from a renewal against the sandbox tenant to a real mail server
//! and a real webhook receiver on loopback, under a clock that is moved.

use crate::{
    house::{days, mins},
    told::{PASSWORD, Told},
};
use backend::notices::{RulesInput, STANDSTILL};
use jiff::SignedDuration;

#[tokio::test]
async fn a_failure_and_its_end_are_told_by_mail_and_by_webhook() {
    let t = Told::new().await;
    t.fail().await;
    assert_eq!(t.deliver().await, 2);
    let (mail, hook) = (&t.mails.got()[0], &t.hooks.got()[0]);
    assert_eq!(mail.to, ["ada@acme.example"], "without recipients, the administrators");
    assert_eq!(mail.from, "qonduit@acme.example");
    assert_eq!(mail.login, Some(("qonduit".to_owned(), PASSWORD.to_owned())));
    assert_eq!(mail.header("subject"), "Acme: The Qlik key could not be renewed");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert!(mail.header("message-id").ends_with("@acme.portal.example>"));
    assert_eq!(mail.header("date"), "Thu, 26 Nov 2026 16:00:00 +0000");
    assert!(mail.data.contains("https://acme.portal.example/admin/settings/renewals"), "{}", mail.data);
    assert_eq!(hook.kind(), "renewal.failed");
    assert!(hook.is_signed_with(&t.secret));
    assert_eq!(hook.json()["data"]["key_id"], *t.h.key_id);
    assert_eq!(t.deliver().await, 0, "once");

    t.h.world.clear_faults();
    t.h.advance(mins(3));
    t.h.settle().await;
    t.deliver().await;
    assert_eq!(t.kinds(), ["renewal.failed", "renewal.recovered"]);
    assert_eq!(t.mails.got().len(), 2);
}

#[tokio::test]
async fn a_failure_that_lasts_is_told_again_and_the_expiry_once() {
    let t = Told::new().await;
    t.fail().await;
    for _ in 0..48 {
        t.deliver().await;
        t.h.advance(mins(15));
        t.h.settle().await;
    }
    assert_eq!(t.kinds(), ["renewal.failed", "renewal.still_failing"]);
    assert_eq!(t.mails.got().len(), 2);
}

#[tokio::test]
async fn a_healthy_portal_is_silent_unless_renewals_are_wanted() {
    let t = Told::new().await;
    let live = async |rounds: usize| {
        for _ in 0..rounds {
            t.h.advance(days(2));
            t.h.settle().await;
            t.deliver().await;
            t.h.advance(mins(2));
            t.h.settle().await;
            t.deliver().await;
        }
    };
    live(15).await;
    assert_eq!(t.kinds(), [""; 0]);
    let rules = RulesInput { renewed: true, repeat_hours: "6".into() };
    t.h.portal.save_notice_rules(&t.h.ada, rules).await.unwrap();
    live(2).await;
    assert_eq!(t.kinds(), ["key.renewed", "key.renewed"]);
}

#[tokio::test]
async fn a_person_is_asked_for_and_thanked_by_a_recovery_after_the_paste() {
    let t = Told::new().await;
    t.h.world.revoke_key(&t.h.key_id);
    t.h.advance(days(2) + mins(240));
    t.h.settle().await;
    t.deliver().await;
    assert_eq!(t.kinds(), ["renewal.person_needed"]);
    let (_, token) = t.h.world.create_key(&t.h.qlik_ada, "pasted", days(3));
    let input = backend::integration::SaveInput { api_key: Some(token.into()), ..t.h.input() };
    assert!(t.h.portal.save_integration(&t.h.ada, input).await.unwrap().saved);
    t.deliver().await;
    assert_eq!(t.kinds(), ["renewal.person_needed", "renewal.recovered"]);
}

#[tokio::test]
async fn a_saving_that_leaves_the_failing_key_closes_no_alert() {
    let t = Told::new().await;
    t.fail().await;
    assert!(t.h.save().await.saved, "the key itself works");
    t.deliver().await;
    t.h.advance(mins(2));
    t.h.settle().await;
    t.deliver().await;
    assert_eq!(t.kinds(), ["renewal.failed"]);
}

#[tokio::test]
async fn what_stands_in_the_way_of_the_coming_renewal_is_told_days_ahead() {
    let t = Told::new().await;
    t.h.world.set_key_config(&t.h.tenant, days(30), 1);
    t.h.advance(days(1));
    t.h.settle().await;
    t.deliver().await;
    assert_eq!(t.kinds(), ["renewal.at_risk"]);
    t.h.portal.check_next_renewal(&t.h.ada).await.unwrap();
    t.deliver().await;
    assert_eq!(t.kinds().len(), 1, "the same finding is told once");
}

#[tokio::test]
async fn a_key_that_nobody_renews_is_told_of_before_it_expires() {
    let t = Told::new().await;
    // The renewal task never looks.
    t.h.advance(days(2) + mins(60));
    t.deliver().await;
    assert_eq!(t.kinds(), [""; 0]);
    t.h.advance(mins(61));
    t.deliver().await;
    assert_eq!(t.kinds(), ["key.expires_soon"]);
    t.h.advance(mins(600));
    t.deliver().await;
    assert_eq!(t.kinds().len(), 1);
}

#[tokio::test]
async fn a_renewal_task_that_stood_still_is_told_once() {
    let t = Told::new().await;
    t.h.portal.tick().await.unwrap();
    t.h.advance(SignedDuration::from_secs(STANDSTILL - 1));
    assert!(!t.h.portal.watch_scheduler().await.unwrap());
    t.h.advance(SignedDuration::from_secs(1));
    let next = t.h.portal.another().await.unwrap();
    assert!(next.watch_scheduler().await.unwrap());
    assert!(!t.h.portal.watch_scheduler().await.unwrap(), "each standstill is told once");
    t.deliver().await;
    assert_eq!(t.kinds(), ["scheduler.stood_still"]);
    let text = t.hooks.got()[0].json()["data"]["text"].as_str().unwrap().to_owned();
    assert!(text.contains("from 24 Nov 2026, 12:00 UTC to 24 Nov 2026, 12:30 UTC"), "{text}");
    t.h.portal.tick().await.unwrap();
    t.h.advance(mins(60));
    assert!(t.h.portal.watch_scheduler().await.unwrap(), "the next one is told too");
}
