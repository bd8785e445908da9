//! Notices as a whole: from a renewal against the sandbox tenant to a real mail
//! server and a real webhook receiver on loopback, under a clock that is moved.

use std::time::Duration;

use backend::{
    Actor, Error, Role,
    integration::Health,
    notices::{Channel, DeliveryState, MOST_TRIES, MailInput, RulesInput, STANDSTILL, WebhookInput},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use sandbox::{Effect, Fault};
use secrecy::ExposeSecret;

use crate::{
    house::{House, days, mins},
    receivers::{Hook, Mail, Order, Receiver, hooks, mails},
};

const PASSWORD: &str = "canary-of-the-mail-password";

struct Told {
    h: House,
    hooks: Receiver<Hook>,
    mails: Receiver<Mail>,
    secret: String,
}

impl Told {
    /// A connected portal that tells by mail and webhook.
    async fn new() -> Self {
        Self::at(House::connected().await).await
    }

    async fn at(h: House) -> Self {
        let (hooks, mails) = (hooks().await, mails(PASSWORD).await);
        h.portal.save_mail(&h.ada, mail_to(mails.port)).await.unwrap();
        let secret = h.portal.save_webhook(&h.ada, hook_to(hooks.port)).await.unwrap().unwrap();
        let secret = secret.expose_secret().to_owned();
        Self { h, hooks, mails, secret }
    }

    /// To where the key has 20 hours left, with a Qlik that makes no keys.
    async fn fail(&self) {
        self.h.advance(days(2) + mins(4 * 60));
        self.break_qlik();
        self.h.settle().await;
        assert_eq!(self.h.status().await.health, Health::Failing);
    }

    fn break_qlik(&self) {
        let down = Effect::Status {
            status: 503,
            code: "TEST-1".into(),
            title: "made on purpose".into(),
            body: None,
        };
        self.h.world.add_fault(Fault::new("/api/v1/api-keys", down).on("POST"));
    }

    async fn deliver(&self) -> usize {
        self.h.portal.watch_expiries().await.unwrap();
        self.h.portal.deliver_notices().await.unwrap()
    }

    fn kinds(&self) -> Vec<String> {
        self.hooks.got().iter().map(Hook::kind).collect()
    }
}

fn mail_to(port: u16) -> MailInput {
    MailInput {
        host: "127.0.0.1".into(),
        port: port.to_string(),
        security: "none".into(),
        user: "qonduit".into(),
        password: Some(PASSWORD.to_owned().into()),
        from: "Qonduit <qonduit@acme.example>".into(),
        to: String::new(),
    }
}

fn hook_to(port: u16) -> WebhookInput {
    WebhookInput { url: format!("http://127.0.0.1:{port}/hook"), new_secret: false }
}

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
async fn a_webhook_is_tried_again_under_the_same_id_until_it_is_taken() {
    let t = Told::at(House::with_timeout(Duration::from_millis(600)).await.connect().await).await;
    t.fail().await;
    t.hooks.orders([Order::Say(500), Order::Hang, Order::Redirect]);
    t.deliver().await;
    for round in 1..4 {
        assert_eq!(t.hooks.got().len(), round);
        assert_eq!(t.deliver().await, 0, "not before its time");
        t.h.advance(mins(5));
        t.deliver().await;
    }
    let got = t.hooks.got();
    assert_eq!(got.len(), 4);
    assert!(got.iter().all(|g| g.id == got[0].id && g.body == got[0].body && g.path == "/hook"));
    assert!(got.iter().all(|g| g.is_signed_with(&t.secret)));
    let times: Vec<_> = got.windows(2).map(|w| w[1].timestamp - w[0].timestamp).collect();
    assert_eq!(times, [300; 3], "a receiver can refuse what is old");
    t.h.advance(days(1));
    assert_eq!(t.deliver().await, 0);
    assert_eq!(t.mails.got().len(), 1, "the other channel is not held up");
    let shown = t.h.portal.deliveries(&t.h.ada, 10).await.unwrap();
    let hook = shown.iter().find(|d| d.channel == Channel::Webhook).unwrap();
    assert_eq!((hook.tries, hook.error.as_deref()), (4, None));
    assert!(matches!(hook.state, DeliveryState::Sent(_)));
}

#[tokio::test]
async fn a_changed_byte_or_time_does_not_pass_the_signature() {
    let t = Told::new().await;
    t.h.portal.send_test_notice(&t.h.ada, Channel::Webhook).await.unwrap();
    let hook = t.hooks.got().remove(0);
    assert!(hook.is_signed_with(&t.secret));
    assert!(!Hook { body: hook.body.replace("Acme", "Acne"), ..hook.clone() }.is_signed_with(&t.secret));
    assert!(!Hook { timestamp: hook.timestamp + 1, ..hook.clone() }.is_signed_with(&t.secret));
    assert!(!Hook { id: "msg_other".into(), ..hook }.is_signed_with(&t.secret));
}

#[tokio::test]
async fn a_mail_is_tried_again_with_the_same_message_id() {
    let t = Told::new().await;
    t.fail().await;
    t.mails.orders([Order::Say(451), Order::Say(554)]);
    t.deliver().await;
    t.h.advance(mins(2));
    t.deliver().await;
    t.h.advance(mins(2));
    t.deliver().await;
    let got = t.mails.got();
    assert_eq!(got.len(), 3);
    assert!(got.iter().all(|m| m.data == got[0].data));
}

#[tokio::test]
async fn a_notice_that_nobody_takes_is_given_up_and_stays_visible() {
    let t = Told::new().await;
    t.fail().await;
    t.hooks.orders([Order::Say(500); 100]);
    for _ in 0..2 * MOST_TRIES {
        t.deliver().await;
        t.h.advance(mins(7 * 60 + 13));
    }
    let hook = t.h.portal.deliveries(&t.h.ada, 100).await.unwrap();
    let hook = hook.iter().rfind(|d| d.channel == Channel::Webhook).unwrap();
    assert_eq!((hook.tries, hook.state), (MOST_TRIES, DeliveryState::GivenUp));
    assert_eq!(hook.error.as_deref(), Some("127.0.0.1 answers with 500."));
}

#[tokio::test]
async fn a_crash_between_sending_and_marking_sends_it_again_under_the_same_id() {
    let t = Told::new().await;
    t.h.portal.save_mail(&t.h.ada, MailInput::default()).await.unwrap();
    t.fail().await;
    t.hooks.orders([Order::Hang]);
    tokio::select! {
        _ = t.h.portal.deliver_notices() => panic!("it was not cut off"),
        () = t.hooks.came() => {}
    }
    let next = t.h.portal.another().await.unwrap();
    assert_eq!(next.deliver_notices().await.unwrap(), 0, "the claim of the one that is gone still holds");
    t.h.advance(mins(3));
    assert_eq!(next.deliver_notices().await.unwrap(), 1);
    let got = t.hooks.got();
    assert_eq!((got.len(), &got[0].id, &got[0].body), (2, &got[1].id, &got[1].body));
    t.h.advance(mins(60));
    assert_eq!(next.deliver_notices().await.unwrap(), 0);
}

#[tokio::test]
async fn who_was_overtaken_does_not_undo_what_the_other_wrote() {
    let t = Told::new().await;
    t.h.portal.save_mail(&t.h.ada, MailInput::default()).await.unwrap();
    t.fail().await;
    let next = t.h.portal.another().await.unwrap();
    t.hooks.orders([Order::Hang]);
    // The first hangs past its claim; the second sends; the first then ends in a time-out.
    let slow = t.h.portal.deliver_notices();
    let quick = async {
        t.hooks.came().await;
        t.h.advance(mins(3));
        assert_eq!(next.deliver_notices().await.unwrap(), 1);
    };
    let (slow, ()) = tokio::join!(slow, quick);
    assert_eq!(slow.unwrap(), 1);
    let end = t.h.portal.deliveries(&t.h.ada, 10).await.unwrap();
    assert!(matches!(end[0].state, DeliveryState::Sent(_)), "{end:?}");
}

#[tokio::test]
async fn two_processes_send_a_notice_once() {
    let t = Told::new().await;
    t.fail().await;
    let next = t.h.portal.another().await.unwrap();
    let (a, b) = tokio::join!(t.h.portal.deliver_notices(), next.deliver_notices());
    a.unwrap();
    b.unwrap();
    assert_eq!((t.kinds(), t.mails.got().len()), (vec!["renewal.failed".to_owned()], 1));
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

#[tokio::test]
async fn a_test_reports_its_end_and_is_tried_once() {
    let t = Told::new().await;
    for channel in [Channel::Mail, Channel::Webhook] {
        let end = t.h.portal.send_test_notice(&t.h.ada, channel).await.unwrap();
        assert!(end.ok, "{}", end.says);
    }
    assert_eq!((t.mails.got().len(), t.kinds()), (1, vec!["test".to_owned()]));
    t.hooks.orders([Order::Say(404)]);
    let end = t.h.portal.send_test_notice(&t.h.ada, Channel::Webhook).await.unwrap();
    assert_eq!((end.ok, end.says.as_str()), (false, "The test did not arrive. 127.0.0.1 answers with 404."));
    let wrong = MailInput { password: Some("wrong".to_owned().into()), ..mail_to(t.mails.port) };
    t.h.portal.save_mail(&t.h.ada, wrong).await.unwrap();
    let end = t.h.portal.send_test_notice(&t.h.ada, Channel::Mail).await.unwrap();
    assert!(!end.ok && end.says.contains("refuses user and password"), "{}", end.says);
    t.h.advance(days(1));
    assert_eq!(t.h.portal.deliver_notices().await.unwrap(), 0, "a test is not tried again");
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_mail_nor_password() {
    let t = Told::new().await;
    let input = MailInput { security: "starttls".into(), ..mail_to(t.mails.port) };
    t.h.portal.save_mail(&t.h.ada, input).await.unwrap();
    let end = t.h.portal.send_test_notice(&t.h.ada, Channel::Mail).await.unwrap();
    assert!(!end.ok && end.says.contains("does not offer what is set"), "{}", end.says);
    assert!(t.mails.got().is_empty());
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_operator_named_them() {
    let t = Told::new().await;
    // The operator named 127.0.0.1; this name leads there too, and is another.
    let url = format!("https://localhost:{}/hook", t.hooks.port);
    t.h.portal.save_webhook(&t.h.ada, WebhookInput { url, new_secret: false }).await.unwrap();
    let mail = MailInput { host: "localhost".into(), ..mail_to(t.mails.port) };
    t.h.portal.save_mail(&t.h.ada, mail).await.unwrap();
    for channel in [Channel::Mail, Channel::Webhook] {
        let end = t.h.portal.send_test_notice(&t.h.ada, channel).await.unwrap();
        assert!(!end.ok && end.says.contains("QONDUIT_NOTICE_HOSTS"), "{}", end.says);
    }
    assert!(t.hooks.got().is_empty() && t.mails.got().is_empty());
}

#[tokio::test]
async fn secrets_are_kept_sealed_and_a_blank_field_keeps_them() {
    let t = Told::new().await;
    let blank = MailInput { password: None, ..mail_to(t.mails.port) };
    t.h.portal.save_mail(&t.h.ada, blank).await.unwrap();
    assert!(t.h.portal.save_webhook(&t.h.ada, hook_to(t.hooks.port)).await.unwrap().is_none(), "shown once");
    for channel in [Channel::Mail, Channel::Webhook] {
        assert!(t.h.portal.send_test_notice(&t.h.ada, channel).await.unwrap().ok);
    }
    assert!(t.hooks.got()[0].is_signed_with(&t.secret));
    t.mails.orders([Order::Say(554)]);
    t.hooks.orders([Order::Say(500)]);
    t.fail().await;
    t.deliver().await;
    let view = t.h.portal.notices_view(&t.h.ada).await.unwrap();
    assert!(view.mail.password_at.is_some() && view.webhook.secret_at.is_some());
    assert!(!format!("{view:?}").contains("canary"));

    let bytes = t.h.portal.bytes().unwrap();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    assert!(holds(b"qonduit@acme.example"), "the search finds what is there");
    assert!(!holds(PASSWORD.as_bytes()));
    assert!(!holds(&t.secret.as_bytes()[6..]));
    assert!(!holds(&STANDARD.decode(&t.secret[6..]).unwrap()));
    assert!(!holds(b"canary of the"), "nor what the other side answered");
}

#[tokio::test]
async fn a_new_secret_replaces_the_old_one_at_once() {
    let t = Told::new().await;
    let again = WebhookInput { new_secret: true, ..hook_to(t.hooks.port) };
    let secret = t.h.portal.save_webhook(&t.h.ada, again).await.unwrap().unwrap();
    t.h.portal.send_test_notice(&t.h.ada, Channel::Webhook).await.unwrap();
    let hook = &t.hooks.got()[0];
    assert!(hook.is_signed_with(secret.expose_secret()) && !hook.is_signed_with(&t.secret));
}

#[tokio::test]
async fn what_was_turned_off_is_sent_nowhere() {
    let t = Told::new().await;
    t.fail().await;
    t.h.portal.save_mail(&t.h.ada, MailInput::default()).await.unwrap();
    t.h.portal.save_webhook(&t.h.ada, WebhookInput::default()).await.unwrap();
    t.deliver().await;
    assert!(t.hooks.got().is_empty() && t.mails.got().is_empty());
    let view = t.h.portal.notices_view(&t.h.ada).await.unwrap();
    assert_eq!((view.mail.password_at, view.webhook.secret_at), (None, None), "secrets are forgotten");
    let end = t.h.portal.send_test_notice(&t.h.ada, Channel::Mail).await;
    assert!(matches!(end, Err(Error::NotFound)));
}

#[tokio::test]
async fn only_administrators_see_or_change_it() {
    let t = Told::new().await;
    let bo = Actor { role: Role::User, ..t.h.ada.clone() };
    let p = &t.h.portal;
    assert!(matches!(p.notices_view(&bo).await, Err(Error::NotAllowed)));
    assert!(matches!(p.deliveries(&bo, 1).await, Err(Error::NotAllowed)));
    assert!(matches!(p.save_mail(&bo, MailInput::default()).await, Err(Error::NotAllowed)));
    assert!(matches!(p.save_webhook(&bo, WebhookInput::default()).await, Err(Error::NotAllowed)));
    assert!(matches!(p.save_notice_rules(&bo, RulesInput::default()).await, Err(Error::NotAllowed)));
    assert!(matches!(p.send_test_notice(&bo, Channel::Mail).await, Err(Error::NotAllowed)));
}
