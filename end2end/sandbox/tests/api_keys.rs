//! API keys over HTTP: lifetimes, quota, owners, and what stops a key.

mod support;

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::json;
use support::{acme, code, send};

const KEYS: &str = "/api/v1/api-keys";

#[tokio::test]
async fn a_key_makes_its_successor_which_works_and_lasts_as_long_as_asked() {
    let acme = acme().await;
    let (status, made) =
        send(acme.ada(Method::POST, KEYS).json(&json!({"description": "next", "expiry": "P3D"}))).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(made["expiry"], "2026-11-27T12:00:00.000Z");
    assert_eq!(made["sub"], acme.ada.id);
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    let token = made["token"].as_str().unwrap();
    let (status, read) = send(acme.ask(Method::GET, &path).bearer_auth(token)).await;
    assert_eq!((status, read["status"].as_str()), (StatusCode::OK, Some("active")));
    assert_eq!(read.get("token"), None);
    acme.world.advance(SignedDuration::from_hours(72));
    let (status, body) = send(acme.ask(Method::GET, &path).bearer_auth(token)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["errors"][0]["title"], "Authorization Required");
}
