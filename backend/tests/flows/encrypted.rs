//! Nothing leaves in the clear or to somebody else: mail over TLS and STARTTLS,
//! webhooks over HTTPS, with certificates that are good and that are not.

use std::sync::Arc;

use backend::notices::{Channel, DeliveryState, MailInput, WebhookInput};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use tokio_rustls::rustls::ServerConfig;

use crate::{
    house::{House, mins},
    mailserver::{MailServer, Speaks, mails, mails_that},
    receivers::{Hook, Order, Receiver, hooks_over},
    tls::{Authority, self_made},
    told::{PASSWORD, Told, mail_to},
};

const HERE: &str = "127.0.0.1";

/// A portal that trusts an authority of the operator's, that authority, and
/// receivers that are not encrypted yet.
async fn trusting() -> (Authority, Told) {
    let ours = Authority::new("Acme");
    let t = Told::at(House::trusting(&ours.pem).await).await;
    (ours, t)
}

fn over(security: &str, mails: &MailServer) -> MailInput {
    MailInput { security: security.into(), ..mail_to(mails.port) }
}

async fn mail_test(t: &Told, mails: &MailServer, security: &str) -> (bool, String) {
    t.h.portal.save_mail(&t.h.ada, over(security, mails)).await.unwrap();
    let end = t.h.portal.send_test_notice(&t.h.ada, Channel::Mail).await.unwrap();
    (end.ok, end.says)
}

async fn hook_test(t: &Told, hooks: &Receiver<Hook>) -> (bool, String) {
    let url = format!("https://{HERE}:{}/hook", hooks.port);
    t.h.portal.save_webhook(&t.h.ada, WebhookInput { url, new_secret: false }).await.unwrap();
    let end = t.h.portal.send_test_notice(&t.h.ada, Channel::Webhook).await.unwrap();
    (end.ok, end.says)
}

/// Whether the password, the sign-in as it travels, or the mail can be read in it.
fn gives_away(heard: &[u8]) -> bool {
    let sign_in = STANDARD.encode(format!("\0qonduit\0{PASSWORD}"));
    [PASSWORD, &sign_in, "MAIL FROM", "Subject:"]
        .iter()
        .any(|secret| heard.windows(secret.len()).any(|w| w == secret.as_bytes()))
}

/// Each certificate that must not be trusted, and what is said of it.
fn bad_certificates(ours: &Authority) -> [(Arc<ServerConfig>, &'static str); 5] {
    [
        (Authority::new("Globex").server(HERE), "whose issuer this server does not trust"),
        (ours.server_of(HERE, 2020, 2021), "that has expired"),
        (ours.server_of(HERE, 3000, 3001), "that is not valid yet"),
        (ours.server("mail.globex.example"), "for another name"),
        (self_made(HERE), "that a server can’t be known by"),
    ]
}

#[tokio::test]
async fn what_is_sent_unencrypted_would_be_noticed() {
    let t = Told::new().await;
    assert!(mail_test(&t, &t.mails, "none").await.0);
    assert!(!t.mails.got()[0].encrypted && gives_away(&t.mails.heard()));
}

#[tokio::test]
async fn a_mail_goes_over_tls_from_the_first_byte() {
    let (ours, t) = trusting().await;
    t.mails.now_speaks(Speaks::Tls(ours.server(HERE)));
    assert!(mail_test(&t, &t.mails, "tls").await.0);
    let mail = &t.mails.got()[0];
    assert!(mail.encrypted);
    assert_eq!(mail.login, Some(("qonduit".to_owned(), PASSWORD.to_owned())));
    let heard = t.mails.heard();
    assert!(!gives_away(&heard));
    assert_eq!(heard[0], 22, "a TLS handshake, and nothing before it");
}

#[tokio::test]
async fn a_mail_goes_over_starttls_and_the_password_after_it() {
    let (ours, t) = trusting().await;
    t.mails.now_speaks(Speaks::StartTls(ours.server(HERE)));
    assert!(mail_test(&t, &t.mails, "starttls").await.0);
    let mail = &t.mails.got()[0];
    assert!(mail.encrypted);
    assert_eq!(mail.login, Some(("qonduit".to_owned(), PASSWORD.to_owned())));
    let heard = t.mails.heard();
    assert!(!gives_away(&heard));
    let clear = b"EHLO acme.portal.example\r\nSTARTTLS\r\n";
    assert!(heard.starts_with(clear));
    assert_eq!(heard[clear.len()], 22, "a TLS handshake follows at once");
}

#[tokio::test]
async fn a_server_without_starttls_hears_neither_mail_nor_password() {
    let (_, t) = trusting().await;
    for (speaks, says) in [
        (Speaks::Plain, "does not offer what is set, such as STARTTLS"),
        (Speaks::StartTlsInVain, "does not take the mail for now (454)"),
    ] {
        t.mails.now_speaks(speaks);
        let (ok, end) = mail_test(&t, &t.mails, "starttls").await;
        assert!(!ok && end.contains(says), "{end}");
        let heard = String::from_utf8(t.mails.heard()).unwrap();
        assert!(
            heard.lines().all(|l| l.starts_with("EHLO ") || matches!(l, "STARTTLS" | "QUIT")),
            "it heard {heard}"
        );
    }
    assert!(t.mails.got().is_empty());
}

#[tokio::test]
async fn answers_that_somebody_slips_in_before_tls_begins_are_never_taken_for_the_servers() {
    let (ours, t) = trusting().await;
    t.mails.now_speaks(Speaks::StartTlsTamperedWith(ours.server(HERE)));
    // One answer too many, and the refusal of the mail would count as its taking.
    t.mails.orders([Order::Say(554)]);
    let (ok, end) = mail_test(&t, &t.mails, "starttls").await;
    assert!(!ok && end.contains("the kind of encryption"), "{end}");
    assert!(!gives_away(&t.mails.heard()) && t.mails.got().is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_where_it_is_set_hears_no_mail() {
    let (_, t) = trusting().await;
    let (ok, end) = mail_test(&t, &t.mails, "tls").await;
    assert!(!ok && end.contains("the kind of encryption"), "{end}");
    assert!(!gives_away(&t.mails.heard()) && t.mails.got().is_empty());
}

#[tokio::test]
async fn a_bad_certificate_of_the_mail_server_is_named_and_the_mail_waits_for_a_good_one() {
    let (ours, t) = trusting().await;
    let starttls = mails_that(Speaks::Plain, PASSWORD).await;
    let tls = mails(PASSWORD).await;
    t.fail().await;
    let mut tries = 0;
    for (server, security) in [(&tls, "tls"), (&starttls, "starttls")] {
        t.h.portal.save_mail(&t.h.ada, over(security, server)).await.unwrap();
        for (certificate, says) in bad_certificates(&ours) {
            server.now_speaks(match security {
                "tls" => Speaks::Tls(certificate),
                _ => Speaks::StartTls(certificate),
            });
            t.h.portal.deliver_notices().await.unwrap();
            tries += 1;
            let shown = t.h.portal.deliveries(&t.h.ada, 10).await.unwrap();
            let mail = shown.iter().find(|d| d.channel == Channel::Mail).unwrap();
            assert_eq!(mail.tries, tries);
            assert!(matches!(mail.state, DeliveryState::Waiting(_)), "{mail:?}");
            let error = mail.error.as_deref().unwrap();
            assert!(error.contains(&format!("{HERE} shows a certificate {says}")), "{security}: {error}");
            assert!(!gives_away(&server.heard()));
            t.h.advance(mins(8 * 60));
        }
        assert!(server.got().is_empty());
    }
    starttls.now_speaks(Speaks::StartTls(ours.server(HERE)));
    t.h.portal.deliver_notices().await.unwrap();
    let subjects: Vec<_> = starttls.got().iter().map(|m| m.header("subject")).collect();
    assert_eq!(subjects, ["Acme: The Qlik key could not be renewed"]);
}

#[tokio::test]
async fn without_the_operators_word_no_private_authority_is_trusted() {
    let ours = Authority::new("Acme");
    let t = Told::new().await;
    t.mails.now_speaks(Speaks::Tls(ours.server(HERE)));
    let hooks = hooks_over(ours.server(HERE)).await;
    for (ok, end) in [mail_test(&t, &t.mails, "tls").await, hook_test(&t, &hooks).await] {
        assert!(!ok && end.contains("QONDUIT_NOTICE_CA_FILE"), "{end}");
    }
    assert!(t.mails.got().is_empty() && hooks.got().is_empty());
}

#[tokio::test]
async fn each_authority_of_the_file_is_trusted() {
    let (first, second) = (Authority::new("Acme"), Authority::new("Globex"));
    let t = Told::at(House::trusting(&format!("{}{}", first.pem, second.pem)).await).await;
    for authority in [first, second] {
        t.mails.now_speaks(Speaks::Tls(authority.server(HERE)));
        assert!(mail_test(&t, &t.mails, "tls").await.0);
        assert!(hook_test(&t, &hooks_over(authority.server(HERE)).await).await.0);
    }
}

#[tokio::test]
async fn a_webhook_goes_over_https_and_its_signature_is_checked_by_who_gets_it() {
    let (ours, t) = trusting().await;
    let hooks = hooks_over(ours.server(HERE)).await;
    let hook = WebhookInput { url: format!("https://{HERE}:{}/hook", hooks.port), new_secret: false };
    let made = t.h.portal.save_webhook(&t.h.ada, hook).await.unwrap();
    let secret = made.expect("another server gets a secret of its own").expose_secret().to_owned();
    assert!(hook_test(&t, &hooks).await.0);
    let got = hooks.got();
    assert_eq!(got.len(), 1);
    assert!(got[0].is_signed_with(&secret) && !got[0].is_signed_with(&t.secret));
    assert!(!Hook { body: got[0].body.replace("Acme", "Acne"), ..got[0].clone() }.is_signed_with(&secret));
}

#[tokio::test]
async fn a_bad_certificate_of_the_receiver_is_named_and_it_gets_nothing() {
    let (ours, t) = trusting().await;
    for (certificate, says) in bad_certificates(&ours) {
        let hooks = hooks_over(certificate).await;
        let (ok, end) = hook_test(&t, &hooks).await;
        assert!(!ok && end.contains(&format!("{HERE} shows a certificate {says}")), "{end}");
        assert!(hooks.got().is_empty());
    }
    // A receiver that does not speak TLS at all.
    let (ok, end) = hook_test(&t, &t.hooks).await;
    assert!(!ok && end.contains("can’t be reached, or not over TLS"), "{end}");
    assert!(t.hooks.got().is_empty());
}

#[tokio::test]
async fn a_redirect_of_an_https_receiver_is_not_followed_and_the_notice_waits() {
    let ours = Authority::new("Acme");
    let secure = hooks_over(ours.server(HERE)).await;
    let mails = mails(PASSWORD).await;
    let url = format!("https://{HERE}:{}/hook", secure.port);
    let mail = mail_to(mails.port);
    let hook = WebhookInput { url, new_secret: false };
    let t = Told::to(House::trusting(&ours.pem).await, (mails, mail), (secure, hook)).await;
    t.fail().await;
    t.hooks.orders([Order::Redirect]);
    t.deliver().await;
    assert_eq!(t.hooks.got().iter().map(|g| g.path.as_str()).collect::<Vec<_>>(), ["/hook"]);
    let shown = t.h.portal.deliveries(&t.h.ada, 10).await.unwrap();
    let shown = shown.iter().find(|d| d.channel == Channel::Webhook).unwrap();
    assert!(matches!(shown.state, DeliveryState::Waiting(_)), "{shown:?}");
    assert!(shown.error.as_deref().unwrap().contains("points to another address (307)"), "{shown:?}");
    t.h.advance(mins(5));
    t.deliver().await;
    let got = t.hooks.got();
    assert_eq!((got.len(), &got[0].id), (2, &got[1].id));
    assert!(got.iter().all(|g| g.path == "/hook" && g.is_signed_with(&t.secret)));
}
