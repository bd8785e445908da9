//! `/oauth/token`: every grant, what it wants and what it refuses.

use jiff::SignedDuration;
use reqwest::{Method, RequestBuilder, StatusCode};
use sandbox::{Consent, NewClient, NewClientRef, NewUser, TokenKind, UserStatus};
use serde_json::{Value, json};

use crate::support::{Acme, acme, code, noon, send, status};

pub(crate) const IMPERSONATION: &str = "urn:qlik:oauth:user-impersonation";

pub(crate) fn token(acme: &Acme, body: &Value) -> RequestBuilder {
    acme.ask(Method::POST, "/oauth/token").json(body)
}

fn impersonator(acme: &Acme) -> NewClientRef {
    acme.world.add_oauth_client(&acme.tenant, NewClient::impersonator("robot"))
}

fn impersonate(client: &NewClientRef, field: &str, value: &str) -> Value {
    json!({ "grant_type": IMPERSONATION, "client_id": client.client_id, "client_secret": client.client_secret,
        "scope": "user_default", "user_lookup": { "field": field, "value": value } })
}

fn title(body: &Value) -> &str {
    body["errors"][0]["title"].as_str().unwrap_or_default()
}

async fn me(acme: &Acme, token: &str) -> (StatusCode, Option<String>) {
    let response = acme.ask(Method::GET, "/api/v1/users/me").bearer_auth(token).send().await.unwrap();
    let location = response.headers().get("location").map(|l| l.to_str().unwrap().to_owned());
    (response.status(), location.and_then(|l| l.rsplit('/').next().map(str::to_owned)))
}

#[tokio::test]
async fn a_user_is_impersonated_by_id_and_by_subject_for_six_hours() {
    let acme = acme().await;
    let client = impersonator(&acme);
    for (field, value) in [("userId", &acme.ada.id), ("subject", &acme.ada.subject)] {
        let (status, body) = send(token(&acme, &impersonate(&client, field, value))).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["token_type"], "bearer");
        assert_eq!(body["expires_at"], "2026-11-24T18:00:00.000Z");
        assert_eq!(body["scope"], "user_default");
        assert!(body.get("expires_in").is_none() && body.get("refresh_token").is_none());
        let token = body["access_token"].as_str().unwrap();
        assert!(!token.contains('.'), "tokens are opaque");
        assert_eq!(me(&acme, token).await, (StatusCode::FOUND, Some(acme.ada.id.clone())));
        acme.world.advance(SignedDuration::from_secs(6 * 3_600 - 1));
        assert_eq!(me(&acme, token).await.0, StatusCode::FOUND);
        acme.world.advance(SignedDuration::from_secs(1));
        assert_eq!(me(&acme, token).await.0, StatusCode::UNAUTHORIZED);
        acme.world.set_now(noon());
    }
}

#[tokio::test]
async fn a_user_is_looked_up_by_nothing_else() {
    let acme = acme().await;
    let client = impersonator(&acme);
    for field in ["email", "name", "userID", ""] {
        let (status, body) = send(token(&acme, &impersonate(&client, field, &acme.ada.email))).await;
        assert_eq!((status, title(&body)), (StatusCode::BAD_REQUEST, "invalid_request"), "{field}");
        assert_eq!(code(&body), "OAUTH-9400");
        assert_eq!(body["traceId"].as_str().unwrap().len(), 32);
    }
    let mut without = impersonate(&client, "userId", "x");
    without.as_object_mut().unwrap().remove("user_lookup");
    assert_eq!(status(token(&acme, &without)).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_does_not_exist_or_is_disabled_is_not_impersonated_and_nobody_is_made() {
    let acme = acme().await;
    let client = impersonator(&acme);
    let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
    let (_, body) = send(token(&acme, &impersonate(&client, "userId", &bea.id))).await;
    let live = body["access_token"].as_str().unwrap().to_owned();
    acme.world.set_user_status(&bea, UserStatus::Disabled);
    assert_eq!(me(&acme, &live).await.0, StatusCode::UNAUTHORIZED, "what was given out ends too");
    for (field, value) in [("userId", bea.id.as_str()), ("userId", "nobody"), ("subject", "auth0|new")] {
        let (status, body) = send(token(&acme, &impersonate(&client, field, value))).await;
        assert_eq!((status, title(&body)), (StatusCode::FORBIDDEN, "access_denied"), "{value}");
    }
    assert_eq!(acme.world.users(&acme.tenant).len(), 2);
}

#[tokio::test]
async fn impersonation_wants_a_trusted_web_client_that_was_allowed_it() {
    let acme = acme().await;
    let tenant = &acme.tenant;
    let good = NewClient::impersonator("robot");
    let trusted = acme.world.add_oauth_client(tenant, good.clone());
    let required = NewClient { consent: Consent::Required, ..good.clone() };
    let without = NewClient { grants: vec!["client_credentials".into()], ..good.clone() };
    for client in [required, without] {
        let client = acme.world.add_oauth_client(tenant, client);
        let (status, body) = send(token(&acme, &impersonate(&client, "userId", &acme.ada.id))).await;
        assert_eq!((status, title(&body)), (StatusCode::FORBIDDEN, "unauthorized_client"));
    }
    let native = acme.world.add_oauth_client(tenant, NewClient { app_type: "native".into(), ..good });
    let mut body = impersonate(&native, "userId", &acme.ada.id);
    body.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(status(token(&acme, &body)).await, StatusCode::UNAUTHORIZED, "it has nothing to show");
    acme.world.set_consent(&trusted.client_id, Consent::Required);
    let refused = status(token(&acme, &impersonate(&trusted, "userId", &acme.ada.id))).await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_client_must_show_who_it_is() {
    let acme = acme().await;
    let client = impersonator(&acme);
    for (name, value, expected) in [
        ("client_secret", json!("wrong"), StatusCode::UNAUTHORIZED),
        ("client_secret", Value::Null, StatusCode::UNAUTHORIZED),
        ("client_id", json!("unknown"), StatusCode::UNAUTHORIZED),
        ("client_id", Value::Null, StatusCode::BAD_REQUEST),
        ("grant_type", json!("password"), StatusCode::BAD_REQUEST),
        ("scope", json!("admin_classic"), StatusCode::BAD_REQUEST),
    ] {
        let mut body = impersonate(&client, "userId", &acme.ada.id);
        body[name] = value;
        assert_eq!(status(token(&acme, &body)).await, expected, "{body}");
    }
    let plain = acme.ask(Method::POST, "/oauth/token").header("content-type", "text/plain").body("{}");
    assert_eq!(status(plain).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_client_acts_for_itself_as_a_bot_with_an_administrator_s_rights_within_its_scopes() {
    let acme = acme().await;
    let new = NewClient {
        scopes: vec!["user_default".into(), "admin_classic".into()],
        ..NewClient::impersonator("robot")
    };
    let client = acme.world.add_oauth_client(&acme.tenant, new);
    let secret = client.client_secret.clone().unwrap();
    let form =
        [("grant_type", "client_credentials"), ("client_id", &client.client_id), ("client_secret", &secret)];
    let (status, body) = send(acme.ask(Method::POST, "/oauth/token").form(&form)).await;
    assert_eq!((status, &body["scope"]), (StatusCode::OK, &json!("user_default admin_classic")));
    let all = body["access_token"].as_str().unwrap().to_owned();
    let small = json!({"grant_type": "client_credentials", "client_id": client.client_id,
        "client_secret": secret, "scope": "user_default"});
    let (_, body) = send(token(&acme, &small)).await;
    let small = body["access_token"].as_str().unwrap();
    let idps = |token: &str| acme.ask(Method::GET, "/api/v1/identity-providers").bearer_auth(token);
    assert_eq!(send(idps(&all)).await.0, StatusCode::OK);
    assert_eq!(send(idps(small)).await.0, StatusCode::FORBIDDEN);
    let bots = acme.world.users(&acme.tenant).into_iter().filter(|u| u.subject.starts_with("qlikbot\\"));
    assert_eq!(bots.count(), 1, "one bot however often it acts");
}

#[tokio::test]
async fn scopes_open_what_they_name_and_nothing_else() {
    let acme = acme().await;
    let names = ["user_default", "admin.users", "admin.users:read", "admin_classic", "mcp:execute"];
    let scopes = names.map(str::to_owned).to_vec();
    let client =
        acme.world.add_oauth_client(&acme.tenant, NewClient { scopes, ..NewClient::impersonator("r") });
    // me, another user, the users, items, identity providers
    for (scope, expected) in [
        ("user_default", [302, 403, 403, 200, 403]),
        ("admin.users:read", [302, 200, 200, 403, 403]),
        ("user_default admin.users", [302, 200, 200, 200, 403]),
        ("admin_classic", [302, 200, 200, 200, 200]),
        ("mcp:execute", [302, 403, 403, 403, 403]),
    ] {
        let mut body = impersonate(&client, "userId", &acme.ada.id);
        body["scope"] = scope.into();
        let (_, body) = send(token(&acme, &body)).await;
        let token = body["access_token"].as_str().unwrap();
        let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
        let other = format!("/api/v1/users/{}", bea.id);
        let paths =
            ["/api/v1/users/me", &other, "/api/v1/users", "/api/v1/items", "/api/v1/identity-providers"];
        for (path, expected) in paths.into_iter().zip(expected) {
            let answer = acme.ask(Method::GET, path).bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{scope} at {path}");
        }
    }
    let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
    let mut body = impersonate(&client, "userId", &bea.id);
    body["scope"] = "admin_classic".into();
    let (_, body) = send(token(&acme, &body)).await;
    let users = acme.ask(Method::GET, "/api/v1/users").bearer_auth(body["access_token"].as_str().unwrap());
    assert_eq!(status(users).await, StatusCode::FORBIDDEN, "a scope gives no more than the user has");
}

#[tokio::test]
async fn a_token_is_good_at_its_own_tenant_until_it_is_revoked_or_its_time_is_over() {
    let acme = acme().await;
    let client = impersonator(&acme);
    let give = || async {
        let (_, body) = send(token(&acme, &impersonate(&client, "userId", &acme.ada.id))).await;
        body["access_token"].as_str().unwrap().to_owned()
    };
    let (first, second) = (give().await, give().await);
    acme.world.add_tenant(sandbox::NewTenant::new("globex", "us"));
    let elsewhere = acme.http.get("https://globex.us.qlikcloud.com/api/v1/users/me").bearer_auth(&first);
    assert_eq!(status(elsewhere).await, StatusCode::UNAUTHORIZED);
    let revoke = |token: &str| acme.ask(Method::POST, "/oauth/revoke").json(&json!({ "token": token }));
    assert_eq!(revoke(&first).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(revoke("unknown").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        status(acme.ask(Method::POST, "/oauth/revoke").json(&json!({}))).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(me(&acme, &first).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(me(&acme, &second).await.0, StatusCode::FOUND);
    acme.world.expire_tokens(&acme.tenant, Some(TokenKind::Access));
    assert_eq!(me(&acme, &second).await.0, StatusCode::UNAUTHORIZED);
    let third = give().await;
    acme.world.revoke_tokens(&acme.tenant, None);
    assert_eq!(me(&acme, &third).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(acme.world.oauth_tokens(&acme.tenant).len(), 3);
}

#[tokio::test]
async fn a_token_is_exchanged_for_one_purpose_and_works_for_no_other() {
    let acme = acme().await;
    let client = impersonator(&acme);
    let (_, body) = send(token(&acme, &impersonate(&client, "userId", &acme.ada.id))).await;
    let access = body["access_token"].as_str().unwrap();
    let good = json!({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": access, "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "client_id": client.client_id, "purpose": "websocket"});
    let (status, body) = send(token(&acme, &good)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let temporary = body["access_token"].as_str().unwrap();
    assert_eq!(me(&acme, temporary).await.0, StatusCode::UNAUTHORIZED, "it is for websockets");
    for (name, value, expected) in [
        ("purpose", "mail", StatusCode::BAD_REQUEST),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt", StatusCode::BAD_REQUEST),
        ("client_id", "another", StatusCode::UNAUTHORIZED),
        ("subject_token", temporary, StatusCode::UNAUTHORIZED),
    ] {
        let mut bad = good.clone();
        bad[name] = value.into();
        assert_eq!(send(token(&acme, &bad)).await.0, expected, "{name}");
    }
    // The engine takes either: in the header, or exchanged, in the query. Without an
    // upgrade the answer is 400, which comes after the caller was recognised.
    let open = |query: &str| acme.ask(Method::GET, &format!("/app/x{query}"));
    assert_eq!(send(open("").bearer_auth(access)).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(send(open(&format!("?accessToken={temporary}"))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(send(open(&format!("?accessToken={access}"))).await.0, StatusCode::UNAUTHORIZED);
    let log = acme.world.log();
    assert!(log.iter().all(|e| e.query.as_deref().is_none_or(|q| q == "accessToken=***")));
}

#[tokio::test]
async fn the_token_endpoint_has_the_second_tier_s_limit() {
    let acme = acme().await;
    let client = impersonator(&acme);
    acme.world.set_rate_limits(true, 1_000, 1);
    let mut ends = Vec::new();
    for _ in 0..6 {
        ends.push(status(token(&acme, &impersonate(&client, "userId", &acme.ada.id))).await.as_u16());
    }
    assert_eq!(ends, [200, 200, 200, 200, 200, 429]);
}
