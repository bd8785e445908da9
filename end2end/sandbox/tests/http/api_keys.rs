//! API keys: lifetimes, quota, owners, and what stops a key.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::{KeyStatus, NewTenant, NewUser, UserStatus};
use serde_json::{Value, json};

use crate::support::{Acme, acme, send, status};

const KEYS: &str = "/api/v1/api-keys";

fn at(id: &str) -> String {
    format!("{KEYS}/{id}")
}

#[tokio::test]
async fn a_key_makes_its_successor_which_works_and_lasts_as_long_as_asked() {
    let acme = acme().await;
    let (status, made) =
        send(acme.ada(Method::POST, KEYS).json(&json!({"description": "next", "expiry": "P3D"}))).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(made["expiry"], "2026-11-27T12:00:00.000Z");
    assert_eq!(made["sub"], acme.ada.id);
    let path = at(made["id"].as_str().unwrap());
    let token = made["token"].as_str().unwrap();
    let (status, read) = send(acme.ask(Method::GET, &path).bearer_auth(token)).await;
    assert_eq!((status, &read["status"]), (StatusCode::OK, &json!("active")));
    assert_eq!(read.get("token"), None, "the token is shown once only");
    acme.world.advance(SignedDuration::from_hours(72));
    let (status, body) = send(acme.ask(Method::GET, &path).bearer_auth(token)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["errors"][0]["title"], "Authorization Required");
}

#[tokio::test]
async fn without_an_expiry_a_key_lasts_the_tenant_s_maximum_and_not_longer_on_request() {
    let acme = acme().await;
    let (_, made) = send(acme.ada(Method::POST, KEYS).json(&json!({"description": "d"}))).await;
    assert_eq!(made["expiry"], "2026-11-27T12:00:00.000Z");
    let too_long = json!({"description": "d", "expiry": "PT72H1S"});
    let (status, body) = send(acme.ada(Method::POST, KEYS).json(&too_long)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["errors"][0]["status"], 400, "an integer");
    assert_eq!(body.get("traceId"), None);
}

#[tokio::test]
async fn a_key_needs_a_description_a_duration_and_nothing_unknown() {
    let acme = acme().await;
    for body in [
        json!({}),
        json!({"description": ""}),
        json!({"description": 1}),
        json!({"description": "d", "expiry": "2026-11-27T12:00:00Z"}),
        json!({"description": "d", "expiry": "72h"}),
        json!({"description": "d", "lifetime": "P1D"}),
        json!({"description": "d", "subType": "externalClient"}),
    ] {
        assert_eq!(status(acme.ada(Method::POST, KEYS).json(&body)).await, StatusCode::BAD_REQUEST, "{body}");
    }
    let plain = acme.ada(Method::POST, KEYS).body(r#"{"description":"d"}"#);
    assert_eq!(status(plain).await, StatusCode::BAD_REQUEST, "content-type is missing");
}

#[tokio::test]
async fn the_quota_counts_active_keys_of_that_user_only() {
    let acme = acme().await;
    let new = json!({"description": "d", "expiry": "PT1H"});
    for _ in 0..4 {
        assert_eq!(status(acme.ada(Method::POST, KEYS).json(&new)).await, StatusCode::CREATED);
    }
    let (refused, body) = send(acme.ada(Method::POST, KEYS).json(&new)).await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
    assert!(body["errors"][0]["detail"].as_str().unwrap().contains('5'));
    let (_, bea) = acme.user_with_key("bea@acme.example");
    let hers = acme.ask(Method::POST, KEYS).bearer_auth(&bea).json(&new);
    assert_eq!(status(hers).await, StatusCode::CREATED);
    acme.world.advance(SignedDuration::from_hours(2));
    assert_eq!(status(acme.ada(Method::POST, KEYS).json(&new)).await, StatusCode::CREATED);
}

#[tokio::test]
async fn nobody_makes_a_key_for_another_user() {
    let acme = acme().await;
    let (bea, _) = acme.user_with_key("bea@acme.example");
    let (status, body) =
        send(acme.ada(Method::POST, KEYS).json(&json!({"description": "d", "sub": bea.id}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["errors"][0]["title"], "Requestor not allowed to create an API key");
}

#[tokio::test]
async fn a_user_sees_and_names_only_his_own_keys_an_admin_all() {
    let acme = acme().await;
    let (bea, token) = acme.user_with_key("bea@acme.example");
    let bea_asks = |path: &str| acme.ask(Method::GET, path).bearer_auth(&token);
    let (_, page) = send(bea_asks(KEYS)).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(page["data"][0]["sub"], bea.id);
    assert_eq!(status(bea_asks(&format!("{KEYS}?sub={}", acme.ada.id))).await, StatusCode::FORBIDDEN);
    assert_eq!(status(bea_asks(&at(&acme.ada_key.0))).await, StatusCode::FORBIDDEN);
    let (_, page) = send(acme.ada(Method::GET, KEYS)).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_list_filters_sorts_and_pages_by_cursor() {
    let acme = acme().await;
    acme.world.set_key_config(&acme.tenant, SignedDuration::from_hours(72), 100);
    for n in 1..=5 {
        acme.world.advance(SignedDuration::from_secs(1));
        acme.world.create_key(&acme.ada, &format!("key {n}"), SignedDuration::from_hours(n));
    }
    acme.world.revoke_key(&acme.world.keys(&acme.tenant)[5].id);
    acme.world.advance(SignedDuration::from_secs(2 * 3600 + 60));
    let (_, active) = send(acme.ada(Method::GET, &format!("{KEYS}?status=active&limit=1"))).await;
    assert_eq!(active["data"][0]["description"], "key 4", "the newest active first");
    let mut seen = vec![active["data"][0]["description"].clone()];
    let mut next = active["links"]["next"]["href"].as_str().map(str::to_owned);
    while let Some(href) = next {
        let (_, page) = send(acme.http.get(href).bearer_auth(&acme.ada_key.1)).await;
        seen.push(page["data"][0]["description"].clone());
        next = page["links"]["next"]["href"].as_str().map(str::to_owned);
    }
    assert_eq!(Value::from(seen), json!(["key 4", "key 3", "ada's"]));
    assert_eq!(status(acme.ada(Method::GET, &format!("{KEYS}?limit=101"))).await, StatusCode::BAD_REQUEST);
    assert_eq!(status(acme.ada(Method::GET, &format!("{KEYS}?status=dead"))).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn only_the_description_can_be_patched() {
    let acme = acme().await;
    let path = at(&acme.ada_key.0);
    let send_patch = |value: Value| acme.ada(Method::PATCH, &path).json(&value);
    let good = json!([{"op": "replace", "path": "/description", "value": "renamed"}]);
    assert_eq!(status(send_patch(good)).await, StatusCode::NO_CONTENT);
    assert_eq!(acme.world.keys(&acme.tenant)[0].description, "renamed");
    for bad in [
        json!([{"op": "replace", "path": "/expiry", "value": "P9D"}]),
        json!([{"op": "add", "path": "/description", "value": "x"}]),
        json!([{"op": "replace", "path": "/description", "value": 1}]),
        json!({"op": "replace", "path": "/description", "value": "x"}),
        json!([]),
    ] {
        assert_eq!(status(send_patch(bad.clone())).await, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn the_owner_removes_a_key_and_an_admin_revokes_that_of_another() {
    let acme = acme().await;
    let (bea, token) = acme.user_with_key("bea@acme.example");
    let key = acme.world.live_keys(&bea)[0].id.clone();
    assert_eq!(status(acme.ada(Method::DELETE, &at(&key))).await, StatusCode::NO_CONTENT);
    let (_, read) = send(acme.ada(Method::GET, &at(&key))).await;
    assert_eq!(read["status"], "revoked");
    assert_eq!(status(acme.ask(Method::GET, KEYS).bearer_auth(token)).await, StatusCode::UNAUTHORIZED);
    let (own, _) = acme.world.create_key(&acme.ada, "spare", SignedDuration::from_hours(1));
    assert_eq!(status(acme.ada(Method::DELETE, &at(&own))).await, StatusCode::NO_CONTENT);
    assert_eq!(status(acme.ada(Method::GET, &at(&own))).await, StatusCode::NOT_FOUND);
    assert_eq!(status(acme.ada(Method::DELETE, &at(&own))).await, StatusCode::NOT_FOUND);
    let views = acme.world.keys(&acme.tenant);
    let view = |id: &str| views.iter().find(|k| k.id == id).unwrap();
    assert_eq!((view(&key).status, view(&key).deleted), (KeyStatus::Revoked, false));
    assert!(view(&own).deleted);
}

#[tokio::test]
async fn a_key_stops_with_its_owner_s_permission_standing_or_life_and_comes_back_with_it() {
    let acme = acme().await;
    let ask = || status(acme.ada(Method::GET, KEYS));
    assert_eq!(ask().await, StatusCode::OK);
    acme.world.set_manage_api_keys(&acme.ada, false);
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    acme.world.set_manage_api_keys(&acme.ada, true);
    assert_eq!(ask().await, StatusCode::OK);
    acme.world.set_user_status(&acme.ada, UserStatus::Disabled);
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    acme.world.set_user_status(&acme.ada, UserStatus::Active);
    assert_eq!(ask().await, StatusCode::OK);
    acme.world.delete_user(&acme.ada);
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_is_worth_nothing_at_another_tenant_or_with_a_changed_signature() {
    let acme = acme().await;
    acme.world.add_tenant(NewTenant::new("globex", "us"));
    let abroad = acme.http.get(format!("https://globex.us.qlikcloud.com{KEYS}"));
    assert_eq!(status(abroad.bearer_auth(&acme.ada_key.1)).await, StatusCode::UNAUTHORIZED);
    let (claims, _) = acme.ada_key.1.rsplit_once('.').unwrap();
    let forged = format!("{claims}.AAAA");
    assert_eq!(status(acme.ask(Method::GET, KEYS).bearer_auth(forged)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(acme.ask(Method::GET, KEYS)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_fresh_key_may_need_a_while_before_it_works() {
    let acme = acme().await;
    acme.world.set_fresh_key_delay(SignedDuration::from_secs(5));
    let (_, made) = send(acme.ada(Method::POST, KEYS).json(&json!({"description": "d"}))).await;
    let ask = || status(acme.ask(Method::GET, KEYS).bearer_auth(made["token"].as_str().unwrap()));
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    acme.world.advance(SignedDuration::from_secs(5));
    assert_eq!(ask().await, StatusCode::OK);
}

#[tokio::test]
async fn a_dead_key_is_explained_only_where_that_is_switched_on() {
    let acme = acme().await;
    acme.world.switch(|switches| switches.explain_dead_keys = true);
    acme.world.revoke_key(&acme.ada_key.0);
    let (status, body) = send(acme.ada(Method::GET, KEYS)).await;
    assert_eq!((status, crate::support::code(&body)), (StatusCode::UNAUTHORIZED, "APIKEYS-18"));
}

fn config_path(acme: &Acme) -> String {
    format!("{KEYS}/configs/{}", acme.tenant.id)
}

#[tokio::test]
async fn the_configuration_is_readable_and_an_admin_changes_it_all_or_nothing() {
    let acme = acme().await;
    let path = config_path(&acme);
    let (_, config) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!(config["max_api_key_expiry"], "P3D");
    assert_eq!(config["max_keys_per_user"], 5);
    let half_bad = json!([
        {"op": "replace", "path": "/max_api_key_expiry", "value": "P90D"},
        {"op": "replace", "path": "/max_keys_per_user", "value": 1001},
    ]);
    assert_eq!(status(acme.ada(Method::PATCH, &path).json(&half_bad)).await, StatusCode::BAD_REQUEST);
    let (_, config) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!(config["max_api_key_expiry"], "P3D");
    let good = json!([{"op": "replace", "path": "/max_api_key_expiry", "value": "P90D"}]);
    assert_eq!(status(acme.ada(Method::PATCH, &path).json(&good)).await, StatusCode::NO_CONTENT);
    let (_, config) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!(config["max_api_key_expiry"], "P90D");
    let (_, bea) = acme.user_with_key("bea@acme.example");
    let hers = |method: Method| acme.ask(method, &path).bearer_auth(&bea);
    assert_eq!(status(hers(Method::GET)).await, StatusCode::OK);
    assert_eq!(status(hers(Method::PATCH).json(&good)).await, StatusCode::FORBIDDEN);
    acme.world.switch(|switches| switches.key_config_needs_admin = true);
    assert_eq!(status(hers(Method::GET)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(acme.ada(Method::GET, &format!("{KEYS}/configs/other"))).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_shrunken_maximum_leaves_existing_keys_alone() {
    let acme = acme().await;
    acme.world.set_key_config(&acme.tenant, SignedDuration::from_hours(1), 0);
    let (_, key) = send(acme.ada(Method::GET, &at(&acme.ada_key.0))).await;
    assert_eq!(key["expiry"], "2026-11-27T12:00:00.000Z");
    let new = json!({"description": "d", "expiry": "PT1H"});
    assert_eq!(status(acme.ada(Method::POST, KEYS).json(&new)).await, StatusCode::FORBIDDEN, "quota 0");
}

#[tokio::test]
async fn a_session_user_without_the_permission_makes_no_key() {
    let portal = crate::support::portal().await;
    let acme = &portal.acme;
    let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
    let jar = portal.cookies(&crate::support::claims(&bea.subject, &bea.email, "j1")).await;
    let csrf = crate::support::cookie(&jar, "_csrfToken").to_owned();
    let (status, body) = send(
        acme.ask(Method::POST, KEYS)
            .header("cookie", jar)
            .header("qlik-csrf-token", csrf)
            .json(&json!({"description": "d"})),
    )
    .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["errors"][0]["title"], "Requestor not allowed to create an API key");
}
