//! API keys that work only after a while, whoever makes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::NewTenant;
use serde_json::{Value, json};

use crate::control::{control, post};
use crate::engine::handshake;
use crate::support::{Acme, acme, noon, send, status};

const KEYS: &str = "/api/v1/api-keys";

async fn works(acme: &Acme, token: &str) -> bool {
    match status(acme.ask(Method::GET, KEYS).bearer_auth(token)).await {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}"),
    }
}

/// A key of each origin: the API, a test, and the control interface.
async fn of_each_origin(acme: &Acme) -> [String; 3] {
    let (made, body) = send(acme.ada(Method::POST, KEYS).json(&json!({"description": "d"}))).await;
    assert_eq!(made, StatusCode::CREATED);
    let by_control = post(acme, "/keys", json!({"user": acme.ada.id})).await;
    let by_test = acme.world.create_key(&acme.ada, "d", SignedDuration::from_hours(1)).1;
    let token = |body: &Value| body["token"].as_str().unwrap().to_owned();
    [token(&body), by_test, token(&by_control)]
}

#[tokio::test]
async fn a_tenant_s_new_keys_work_after_so_many_seconds_whoever_made_them() {
    let acme = acme().await;
    acme.world.keys_work_after(&acme.tenant, SignedDuration::from_secs(20));
    let tokens = of_each_origin(&acme).await;
    acme.world.advance(SignedDuration::from_secs(19));
    for token in &tokens {
        assert!(!works(&acme, token).await);
    }
    assert!(works(&acme, &acme.ada_key.1).await, "older ones go on");
    let socket = handshake(&acme, "/app/x").bearer_auth(&tokens[1]).send().await.unwrap();
    assert_eq!(socket.status(), StatusCode::UNAUTHORIZED, "every call");
    acme.world.advance(SignedDuration::from_secs(1));
    for token in &tokens {
        assert!(works(&acme, token).await);
    }
}

#[tokio::test]
async fn or_after_so_many_calls_each_counted_for_itself() {
    let acme = acme().await;
    acme.world.keys_work_after_calls(&acme.tenant, 2);
    for token in of_each_origin(&acme).await {
        let mut tries = Vec::new();
        for _ in 0..4 {
            tries.push(works(&acme, &token).await);
        }
        assert_eq!(tries, [false, false, true, true]);
    }
    let globex = acme.world.add_tenant(NewTenant::new("globex", "us"));
    let hank = acme.world.add_user(&globex, sandbox::NewUser::admin("hank@globex.example"));
    let (_, token) = acme.world.create_key(&hank, "d", SignedDuration::from_hours(1));
    let there = acme.http.get(format!("https://{}{KEYS}", globex.alias_host)).bearer_auth(token);
    assert_eq!(status(there).await, StatusCode::OK, "this tenant's alone");
}

#[tokio::test]
async fn a_key_that_there_is_can_be_made_fresh_again() {
    let acme = acme().await;
    let (id, token) = &acme.ada_key;
    acme.world.refuse_key_calls(id, 1);
    assert_eq!((works(&acme, token).await, works(&acme, token).await), (false, true));
    acme.world.refuse_key_until(id, noon() + SignedDuration::from_secs(5));
    assert!(!works(&acme, token).await);
    acme.world.advance(SignedDuration::from_secs(5));
    assert!(works(&acme, token).await);
}

#[tokio::test]
async fn all_that_is_set_from_outside_too() {
    let acme = acme().await;
    let change = async |path: String, body: Value| {
        assert_eq!(control(&acme.sandbox, Method::PATCH, &path, Some(body)).await.0, StatusCode::OK);
    };
    let tenant = format!("/tenants/{}", acme.tenant.id);
    change(tenant.clone(), json!({"keys_work_after_s": 5, "keys_work_after_calls": 1})).await;
    let made = post(&acme, "/keys", json!({"user": acme.ada.id})).await;
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    assert!(!works(&acme, token).await);
    assert!(!works(&acme, token).await, "the seconds are not over");
    acme.world.advance(SignedDuration::from_secs(5));
    assert!(works(&acme, token).await);
    change(format!("/keys/{id}"), json!({"works_after_calls": 1, "works_after_s": 5})).await;
    assert!(!works(&acme, token).await);
    change(format!("/keys/{id}"), json!({"works_after_s": 0})).await;
    assert!(works(&acme, token).await);
}

fn payload(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_tells_when_it_was_made_only_where_that_is_switched_on() {
    let acme = acme().await;
    assert_eq!(payload(&acme.ada_key.1).get("iat"), None);
    acme.world.switch(|switches| switches.keys_tell_when_made = true);
    for token in of_each_origin(&acme).await {
        assert_eq!(payload(&token)["iat"], noon().as_second());
        assert!(works(&acme, &token).await);
    }
}
