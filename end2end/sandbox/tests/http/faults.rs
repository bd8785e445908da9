//! Faults: each effect as a client feels it, over HTTP/2 and HTTP/1.1.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use sandbox::{Effect, Fault};
use serde_json::json;

use crate::support::{Acme, HOST, acme, client, code, parts, send};

const KEYS: &str = "/api/v1/api-keys";

/// Creates a key, over either protocol.
fn create(acme: &Acme, http1: bool) -> reqwest::RequestBuilder {
    client(&acme.sandbox, http1)
        .post(format!("https://{HOST}{KEYS}"))
        .bearer_auth(&acme.ada_key.1)
        .json(&json!({"description": "d", "expiry": "PT1H"}))
}

fn keys(acme: &Acme) -> usize {
    acme.world.keys(&acme.tenant).len()
}

#[tokio::test]
async fn a_cut_before_leaves_nothing_behind_and_a_cut_after_leaves_the_key() {
    for http1 in [false, true] {
        let acme = acme().await;
        acme.world.add_fault(Fault::new(KEYS, Effect::CutBefore).on("POST").once());
        assert!(create(&acme, http1).send().await.is_err());
        assert_eq!(keys(&acme), 1);
        acme.world.add_fault(Fault::new(KEYS, Effect::CutAfter).on("POST").once());
        assert!(create(&acme, http1).send().await.is_err());
        assert_eq!(keys(&acme), 2);
        let log = acme.world.log();
        assert_eq!((log[0].status, log[1].status), (None, None));
        assert_eq!(log[1].fault.as_deref(), Some("CutAfter"));
        assert_eq!(create(&acme, http1).send().await.unwrap().status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_cut_on_http_2_takes_the_other_streams_of_the_connection_with_it() {
    let acme = acme().await;
    assert_eq!(acme.ada(Method::GET, "/api/v1/users/me").send().await.unwrap().status(), StatusCode::FOUND);
    acme.world.add_fault(Fault::new("/api/v1/items", Effect::HangForever));
    acme.world.add_fault(Fault::new("/api/v1/spaces", Effect::CutBefore));
    let waiting = tokio::spawn(acme.ada(Method::GET, "/api/v1/items").send());
    while !acme.world.log().iter().any(|entry| entry.path == "/api/v1/items") {
        tokio::task::yield_now().await;
    }
    assert!(acme.ada(Method::GET, "/api/v1/spaces").send().await.is_err());
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn broken_json_comes_with_a_good_status_after_the_change() {
    for http1 in [false, true] {
        let acme = acme().await;
        acme.world.add_fault(Fault::new(KEYS, Effect::Malformed));
        let response = create(&acme, http1).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["content-type"], "application/json");
        let text = response.text().await.unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
        assert_eq!(keys(&acme), 2);
    }
}

#[tokio::test]
async fn a_truncated_answer_starts_well_and_breaks_off() {
    for http1 in [false, true] {
        let acme = acme().await;
        acme.world.add_fault(Fault::new(KEYS, Effect::Truncated));
        let mut response = create(&acme, http1).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        let announced = response.content_length().unwrap();
        let first = response.chunk().await.unwrap().unwrap();
        assert!(first.starts_with(b"{") && (first.len() as u64) < announced);
        assert!(response.chunk().await.is_err());
        assert_eq!(keys(&acme), 2);
    }
}

#[tokio::test]
async fn statuses_limits_and_redirects_prevent_the_change() {
    let acme = acme().await;
    let http = || create(&acme, false).send();
    let down = Effect::Status { status: 503, code: "X-1".into(), title: "Down".into(), body: None };
    acme.world.add_fault(Fault::new(KEYS, down).once());
    let (status, body) = parts(http().await.unwrap()).await;
    assert_eq!((status, code(&body)), (StatusCode::SERVICE_UNAVAILABLE, "X-1"));
    acme.world.add_fault(Fault::new(KEYS, Effect::RateLimited { retry_after_s: 7 }).once());
    let response = http().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "7");
    let away = Effect::Redirect { location: "https://evil.example/".into() };
    acme.world.add_fault(Fault::new(KEYS, away).once());
    let response = http().await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()["location"], "https://evil.example/");
    let body = "<html>proxy</html>".to_owned();
    let html = Effect::Status { status: 200, code: String::new(), title: String::new(), body: Some(body) };
    acme.world.add_fault(Fault::new(KEYS, html).once());
    assert_eq!(http().await.unwrap().text().await.unwrap(), "<html>proxy</html>");
    assert_eq!(keys(&acme), 1);
}

#[tokio::test]
async fn a_slow_answer_comes_after_the_change_and_a_hanging_one_never() {
    let acme = acme().await;
    acme.world.add_fault(Fault::new(KEYS, Effect::Delay { ms: 60_000 }).once());
    let impatient = create(&acme, false).timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(keys(&acme), 2);
    acme.world.add_fault(Fault::new(KEYS, Effect::HangForever).once());
    let impatient = create(&acme, false).timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(keys(&acme), 2);
    acme.world.add_fault(Fault::new(KEYS, Effect::HangAfter).once());
    let impatient = create(&acme, true).timeout(Duration::from_millis(200));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    assert_eq!(keys(&acme), 3);
}

#[tokio::test]
async fn foreign_links_lead_away_from_the_tenant() {
    let acme = acme().await;
    for n in 0..3 {
        acme.world.create_key(&acme.ada, &n.to_string(), jiff::SignedDuration::from_hours(1));
    }
    acme.world.add_fault(Fault::new(KEYS, Effect::ForeignLinks { host: "evil.example".into() }));
    let (_, page) = send(acme.ada(Method::GET, &format!("{KEYS}?limit=2"))).await;
    let next = page["links"]["next"]["href"].as_str().unwrap();
    assert!(next.starts_with("https://evil.example/api/v1/api-keys?"), "{next}");
    acme.world.clear_faults();
    let (_, page) = send(acme.ada(Method::GET, &format!("{KEYS}?limit=2"))).await;
    assert!(page["links"]["next"]["href"].as_str().unwrap().contains(HOST));
}
