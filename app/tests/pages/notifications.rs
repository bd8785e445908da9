//! The notifications page without script: what it shows, takes and refuses.

use crate::house::House;
use app::api::notices;
use axum::http::StatusCode;
use leptos::server_fn::ServerFn;

const PATH: &str = "/admin/notifications";
const MAIL: [(&str, &str); 7] = [
    ("smtp_host", "smtp.acme.example"),
    ("smtp_port", "587"),
    ("smtp_security", "starttls"),
    ("smtp_user", "qonduit"),
    ("smtp_password", "canary-password"),
    ("mail_from", "qonduit@acme.example"),
    ("mail_to", ""),
];

fn mail_with(field: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    MAIL.iter().map(|(f, v)| if *f == field { (*f, value) } else { (*f, *v) }).collect()
}

#[tokio::test]
async fn the_page_is_for_administrators_alone() {
    let (house, mut ada) = House::with_owner().await;
    let page = ada.visit(PATH).await.page();
    assert_eq!(page.one("h1").text, "Notifications");
    assert!(page.all("a").any(|a| a.attr("href") == Some(PATH) && a.attr("aria-current") == Some("page")));
    let nobody = house.visitor().visit(PATH).await;
    assert_eq!(nobody.page().one("h1").text, "Sign in");
    let mut stranger = house.visitor();
    for path in [
        notices::SaveMail::PATH,
        notices::SaveWebhook::PATH,
        notices::SaveRules::PATH,
        notices::TestMail::PATH,
    ] {
        assert_eq!(stranger.call(path, &MAIL).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn mail_is_saved_and_its_password_never_shown() {
    let (_house, mut ada) = House::with_owner().await;
    let answer = ada.submit(notices::SaveMail::PATH, &MAIL).await;
    assert!(!answer.text.contains("canary"));
    let page = answer.page();
    assert!(page.role("status").iter().any(|t| t.contains("The mail settings are saved.")));
    assert_eq!(page.labelled("Mail server (optional)").attr("value"), Some("smtp.acme.example"));
    assert_eq!(page.labelled("Password (optional)").attr("value"), None);
    let blank = ada.submit(notices::SaveMail::PATH, &mail_with("smtp_password", "")).await.page();
    assert!(blank.role("alert").is_empty(), "a blank password keeps the stored one");
    assert!(page.all("button").any(|b| b.text == "Send a test mail"));
}

#[tokio::test]
async fn a_field_that_is_wrong_says_so_and_what_was_typed_stays() {
    let (_house, mut ada) = House::with_owner().await;
    let answer = ada.submit(notices::SaveMail::PATH, &mail_with("smtp_security", "none")).await;
    assert!(!answer.text.contains("canary"));
    let page = answer.page();
    assert_eq!(page.labelled("Encryption").attr("aria-invalid"), Some("true"));
    assert_eq!(page.labelled("Mail server (optional)").attr("value"), Some("smtp.acme.example"));
    assert!(page.role("alert")[0].contains("on this machine alone"));
    let page =
        ada.submit(notices::SaveWebhook::PATH, &[("webhook_url", "http://hooks.example/")]).await.page();
    assert_eq!(page.labelled("Address (optional)").attr("aria-invalid"), Some("true"));
    assert_eq!(page.labelled("Address (optional)").attr("value"), Some("http://hooks.example/"));
    let page = ada.submit(notices::SaveRules::PATH, &[("repeat_hours", "0")]).await.page();
    assert_eq!(page.labelled("Tell again after (hours)").attr("aria-invalid"), Some("true"));
}

#[tokio::test]
async fn a_webhook_s_secret_is_shown_once() {
    let (_house, mut ada) = House::with_owner().await;
    let url = [("webhook_url", "https://hooks.acme.example/q")];
    let page = ada.submit(notices::SaveWebhook::PATH, &url).await.page();
    let first = page.labelled("Secret").attr("value").unwrap().to_owned();
    assert!(first.starts_with("whsec_"));
    let again = ada.visit(PATH).await;
    assert!(!again.text.contains("whsec_"));
    let kept = ada.submit(notices::SaveWebhook::PATH, &url).await;
    assert!(!kept.text.contains("whsec_"), "the secret stays");
    let page = ada.submit(notices::SaveWebhook::PATH, &[url[0], ("new_secret", "true")]).await.page();
    assert_ne!(page.labelled("Secret").attr("value").unwrap(), first);
}

#[tokio::test]
async fn a_test_says_how_it_ended_and_is_listed() {
    let (_house, mut ada) = House::with_owner().await;
    // Nobody listens there.
    let url = [("webhook_url", "http://127.0.0.1:9/")];
    ada.submit(notices::SaveWebhook::PATH, &url).await;
    let page = ada.submit(notices::TestWebhook::PATH, &[]).await.page();
    assert!(
        page.role("alert").iter().any(|t| t.contains("The test did not arrive.")),
        "{:?}",
        page.role("alert")
    );
    let row = page.all("tr").last().unwrap();
    assert!(row.text.contains("Given up") && row.text.contains("A test from Qonduit"), "{}", row.text);
}
