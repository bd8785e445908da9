//! How it travels: tried again, signed, sent once by several processes, kept
//! from where it must not go.

use std::time::Duration;

use crate::{
    house::{House, days, mins},
    receivers::{Hook, Order},
    told::{PASSWORD, Told, hook_to, mail_to},
};
use backend::{
    Actor, Error, Role,
    notices::{Channel, DeliveryState, MOST_TRIES, MailInput, RulesInput, WebhookInput},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;

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
async fn a_stored_secret_is_for_where_it_was_entered_or_shown_for_and_goes_nowhere_else() {
    let t = Told::new().await;
    for change in [
        |i: &mut MailInput| i.port = "2525".to_owned(),
        |i: &mut MailInput| i.host = "127.0.0.2".to_owned(),
        |i: &mut MailInput| i.user = "somebody".to_owned(),
    ] {
        let mut blank = MailInput { password: None, ..mail_to(t.mails.port) };
        change(&mut blank);
        let refused = t.h.portal.save_mail(&t.h.ada, blank).await.unwrap_err();
        assert!(
            matches!(&refused, Error::Invalid(f) if f.len() == 1 && f[0].field == "smtp_password"),
            "{refused:?}"
        );
    }
    let at = |url: &str| WebhookInput { url: url.to_owned(), new_secret: false };
    let here = hook_to(t.hooks.port).url;
    let other_path = at(&format!("{here}/other"));
    assert!(t.h.portal.save_webhook(&t.h.ada, other_path).await.unwrap().is_none(), "the same server");
    let elsewhere = t.h.portal.save_webhook(&t.h.ada, at("https://hooks.example/hook")).await.unwrap();
    assert!(elsewhere.is_some(), "another server gets a secret of its own");
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
