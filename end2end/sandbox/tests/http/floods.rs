//! Answers that are too much, as a client meets them that reads on.

use reqwest::{Method, Response, StatusCode};
use sandbox::{Effect, Fault, Flood};
use serde_json::{Value, json};

use crate::control::post;
use crate::support::{Acme, HOST, acme, claims, client, portal};

async fn ask(acme: &Acme, http1: bool, flood: Flood) -> reqwest::Result<Response> {
    acme.world.clear_faults();
    acme.world.add_fault(Fault::new("/api/v1/items", Effect::Flood(flood)));
    let request = client(&acme.sandbox, http1).get(format!("https://{HOST}/api/v1/items"));
    request.bearer_auth(&acme.ada_key.1).send().await
}

/// Reads until so many bytes have come or the body ends.
async fn read(mut response: Response, most: usize) -> Vec<u8> {
    let mut whole = Vec::new();
    while whole.len() < most
        && let Some(chunk) = response.chunk().await.unwrap()
    {
        whole.extend_from_slice(&chunk);
    }
    whole
}

#[tokio::test]
async fn a_body_is_good_json_of_any_length_announced_or_not() {
    let acme = acme().await;
    for (http1, announced) in [(true, true), (true, false), (false, true), (false, false)] {
        for bytes in [100, 3 << 20] {
            let answer = ask(&acme, http1, Flood::Body { bytes, announced }).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.content_length().is_some(), announced);
            let whole = read(answer, usize::MAX).await;
            assert_eq!(whole.len() as u64, bytes);
            let body: Value = serde_json::from_slice(&whole).unwrap();
            assert_eq!(body["data"].as_array().unwrap().len(), 1);
        }
        let huge = ask(&acme, http1, Flood::Body { bytes: 1 << 40, announced }).await.unwrap();
        assert_eq!(huge.content_length(), announced.then_some(1 << 40));
        assert!(read(huge, 1 << 20).await.starts_with(br#"{"data":["xxx"#), "made as it is read");
    }
}

#[tokio::test]
async fn a_body_has_no_end_or_comes_byte_by_byte() {
    let acme = acme().await;
    for http1 in [true, false] {
        let endless = ask(&acme, http1, Flood::Endless).await.unwrap();
        assert!(read(endless, 8 << 20).await.len() >= 8 << 20);
        let mut drops = ask(&acme, http1, Flood::Trickle { ms: 1 }).await.unwrap();
        for expected in br#"{"da"# {
            assert_eq!(drops.chunk().await.unwrap().unwrap().as_ref(), [*expected]);
        }
    }
    let items = acme.ada(Method::GET, "/api/v1/spaces").send().await.unwrap();
    assert_eq!(items.status(), StatusCode::OK, "the rest is served");
}

#[tokio::test]
async fn headers_and_nesting_are_beyond_measure() {
    let acme = acme().await;
    let some = ask(&acme, true, Flood::Headers { count: 90 }).await.unwrap();
    assert_eq!(some.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-flood-")).count(), 90);
    for (http1, flood) in [
        (true, Flood::Headers { count: 5_000 }),
        (false, Flood::Headers { count: 5_000 }),
        (true, Flood::LongHeader { bytes: 1 << 20 }),
        (false, Flood::LongHeader { bytes: 1 << 20 }),
    ] {
        let refused = ask(&acme, http1, flood.clone()).await;
        assert!(refused.is_err(), "more than this client takes: {flood:?}");
    }
    let long = ask(&acme, true, Flood::LongHeader { bytes: 9_000 }).await.unwrap();
    assert_eq!(long.headers()["x-flood"].len(), 9_000);
    let deep = ask(&acme, false, Flood::Nested { depth: 100_000 }).await.unwrap();
    let whole = read(deep, usize::MAX).await;
    assert_eq!(whole.len(), 200_000);
    assert!(serde_json::from_slice::<Value>(&whole).is_err(), "too deep for this reader");
}

#[tokio::test]
async fn cookies_come_with_the_answer_that_there_is() {
    let portal = portal().await;
    let flood = Effect::Flood(Flood::Cookies { count: 50 });
    portal.acme.world.add_fault(Fault::new("/login/jwt-session", flood).on("POST"));
    let answer = portal.login(&claims("s", "s@acme.example", "j1")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 56);
    assert_eq!(portal.acme.world.sessions(&portal.acme.tenant).len(), 1);
}

#[tokio::test]
async fn floods_are_let_loose_from_outside_on_one_method_and_path() {
    let acme = acme().await;
    let flood = json!({"flood": {"body": {"bytes": 1000}}});
    post(&acme, "/faults", json!({"path": "/api/v1/items$", "method": "GET", "effect": flood})).await;
    let body = acme.ada(Method::GET, "/api/v1/items").send().await.unwrap().bytes().await.unwrap();
    assert_eq!(body.len(), 1000);
    let other = acme.ada(Method::DELETE, "/api/v1/items").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::METHOD_NOT_ALLOWED);
    for effect in [
        json!("endless"),
        json!({"nested": {"depth": 9}}),
        json!({"headers": {"count": 9}}),
        json!({"long_header": {"bytes": 9}}),
        json!({"trickle": {"ms": 9}}),
        json!({"cookies": {"count": 9}}),
    ] {
        post(&acme, "/faults", json!({"path": "/nowhere", "effect": {"flood": effect}})).await;
    }
}
