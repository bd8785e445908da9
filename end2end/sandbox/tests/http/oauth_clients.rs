//! `/api/v1/oauth-clients`, and the control interface's verbs for logins and OAuth.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::control::{control, post};
use crate::support::{Acme, acme, send, status};

const PATH: &str = "/api/v1/oauth-clients";

async fn create(acme: &Acme, body: Value) -> (StatusCode, Value) {
    send(acme.ada(Method::POST, PATH).json(&body)).await
}

#[tokio::test]
async fn a_secret_is_shown_once_and_named_by_its_hint() {
    let acme = acme().await;
    let new = json!({"appType": "web", "clientName": "robot", "redirectUris": ["https://portal.example/cb"],
        "allowedGrantTypes": ["urn:qlik:oauth:user-impersonation"], "connectionConfig": {"consentMethod": "trusted"}});
    let (status, made) = create(&acme, new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (id, secret) = (made["clientId"].as_str().unwrap(), made["clientSecret"].as_str().unwrap());
    let one = format!("{PATH}/{id}");
    let (_, read) = send(acme.ada(Method::GET, &one)).await;
    assert!(!read.to_string().contains(secret));
    assert!(secret.ends_with(read["clientSecrets"][0]["hint"].as_str().unwrap()));
    assert_eq!(read["connectionConfig"]["consentMethod"], "trusted");
    let (_, list) = send(acme.ada(Method::GET, &format!("{PATH}?totalResults=true"))).await;
    assert_eq!((&list["totalResults"], &list["data"][0]["clientId"]), (&json!(1), &json!(id)));
    let secrets = format!("{one}/client-secrets");
    for _ in 0..4 {
        assert_eq!(send(acme.ada(Method::POST, &secrets)).await.0, StatusCode::CREATED);
    }
    assert_eq!(send(acme.ada(Method::POST, &secrets)).await.0, StatusCode::CONFLICT, "five at most");
    let grant = |secret: &str| {
        let body = json!({"grant_type": "urn:qlik:oauth:user-impersonation", "client_id": id,
            "client_secret": secret, "user_lookup": {"field": "userId", "value": acme.ada.id}});
        crate::support::status(acme.ask(Method::POST, "/oauth/token").json(&body))
    };
    assert_eq!(grant(secret).await, StatusCode::OK);
    let hint = read["clientSecrets"][0]["hint"].as_str().unwrap();
    let gone = format!("{secrets}/{hint}");
    assert_eq!(send(acme.ada(Method::DELETE, &gone)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(acme.ada(Method::DELETE, &gone)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(grant(secret).await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(acme.ada(Method::DELETE, &one)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(acme.ada(Method::GET, &one)).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_client_is_changed_member_by_member_and_so_is_its_consent() {
    let acme = acme().await;
    let (_, made) = create(
        &acme,
        json!({"appType": "web", "clientName": "robot",
        "allowedAuthMethods": ["private_key_jwt"]}),
    )
    .await;
    assert_eq!(made.get("clientSecret"), None);
    let one = format!("{PATH}/{}", made["clientId"].as_str().unwrap());
    let patch = |path: &str, value: Value| {
        send(acme.ada(Method::PATCH, &one).json(&json!([{"op": "replace", "path": path, "value": value}])))
    };
    assert_eq!(patch("/clientName", json!("portal")).await.0, StatusCode::NO_CONTENT);
    assert_eq!(patch("/redirectUris", json!(["http://localhost:3000/cb"])).await.0, StatusCode::NO_CONTENT);
    assert_eq!(patch("/redirectUris", json!(["http://portal.example/cb"])).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(patch("/allowedGrantTypes", json!(["password"])).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(patch("/appType", json!("spa")).await.0, StatusCode::BAD_REQUEST);
    let (status, body) = patch("/allowedAuthMethods", json!(["client_secret"])).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert!(body["clientSecret"].is_string(), "a secret was made");
    let config = format!("{one}/connection-configs/me");
    let trust = json!([{"op": "replace", "path": "/consentMethod", "value": "trusted"}]);
    assert_eq!(send(acme.ada(Method::PATCH, &config).json(&trust)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(acme.ada(Method::GET, &config)).await.1["consentMethod"], "trusted");
    assert_eq!(send(acme.ada(Method::DELETE, &config)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(send(acme.ada(Method::GET, &config)).await.1["consentMethod"], "required");
    let published = send(acme.ada(Method::POST, &format!("{one}/actions/publish"))).await;
    assert_eq!(
        (published.0, &published.1["publishedAt"]),
        (StatusCode::CREATED, &json!("2026-11-24T12:00:00.000Z"))
    );
    let (_, read) = send(acme.ada(Method::GET, &one)).await;
    assert_eq!(
        (&read["clientName"], &read["redirectUris"]),
        (&json!("portal"), &json!(["http://localhost:3000/cb"]))
    );
}

#[tokio::test]
async fn only_administrators_have_clients_and_only_sound_ones() {
    let acme = acme().await;
    let (_, key) = acme.user_with_key("bea@acme.example");
    for (method, path) in [(Method::GET, PATH.to_owned()), (Method::GET, format!("{PATH}/x"))] {
        assert_eq!(status(acme.ask(method, &path).bearer_auth(&key)).await, StatusCode::FORBIDDEN);
    }
    let good = json!({"appType": "web", "clientName": "robot"});
    assert_eq!(
        status(acme.ask(Method::POST, PATH).bearer_auth(&key).json(&good)).await,
        StatusCode::FORBIDDEN
    );
    for (name, value) in [
        ("appType", json!("desktop")),
        ("clientName", json!("")),
        ("connectionConfig", json!({"consentMethod": "required"})),
        ("redirectUris", json!(["http://portal.example"])),
        ("allowedAuthMethods", json!(["password"])),
        ("publicKeys", json!([{"kid": "k", "alg": "HS256", "use": "sig"}])),
        ("shoeSize", json!(9)),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(create(&acme, body).await.0, StatusCode::BAD_REQUEST, "{name}");
    }
    let (_, spa) = create(&acme, json!({"appType": "spa", "clientName": "s"})).await;
    assert_eq!(spa.get("clientSecret"), None, "a public client has no secret");
    let secrets = format!("{PATH}/{}/client-secrets", spa["clientId"].as_str().unwrap());
    assert_eq!(status(acme.ada(Method::POST, &secrets)).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn accounts_pages_clients_and_tokens_are_set_from_outside() {
    let acme = acme().await;
    let account = json!({"email": "ada@acme.example", "password": "hush-hush", "otp": "482913"});
    post(&acme, "/accounts", account).await;
    for (path, body, expected) in [
        (
            "/login-host",
            json!({"shape": "form-extra", "rate_limited_s": 5, "block_s": 60, "hold": false}),
            StatusCode::OK,
        ),
        ("/login-host", json!({"shape": "wizard"}), StatusCode::UNPROCESSABLE_ENTITY),
        ("/login-host", json!({"hosts": []}), StatusCode::BAD_REQUEST),
        (
            "/accounts/ada@acme.example",
            json!({"otp": "", "condition": "unverified", "blocked": true}),
            StatusCode::OK,
        ),
        ("/accounts/nobody@acme.example", json!({"blocked": true}), StatusCode::NOT_FOUND),
        (
            "/tenants/acme.eu.qlikcloud.com",
            json!({"corporate_idp": true, "corporate_host": "idp.acme.example", "create_users_on_login": true}),
            StatusCode::OK,
        ),
    ] {
        let request = control_request(&acme, Method::PATCH, path, &body);
        assert_eq!(request.send().await.unwrap().status(), expected, "{path}");
    }
    let client = json!({"tenant": acme.tenant.id, "name": "robot", "consent": "trusted",
        "grants": ["urn:qlik:oauth:user-impersonation"]});
    let client = post(&acme, "/oauth-clients", client).await;
    let body = json!({"grant_type": "urn:qlik:oauth:user-impersonation", "client_id": client["client_id"],
        "client_secret": client["client_secret"], "user_lookup": {"field": "userId", "value": acme.ada.id}});
    let (_, granted) = send(acme.ask(Method::POST, "/oauth/token").json(&body)).await;
    let (_, tokens) = control(&acme.sandbox, Method::GET, "/oauth-tokens", None).await;
    assert_eq!((&tokens[0]["kind"], &tokens[0]["user"]), (&json!("access"), &json!(acme.ada.id)));
    let (_, state) = control(&acme.sandbox, Method::GET, "/state", None).await;
    let host = &state["login_host"];
    assert_eq!((&host["shape"], &host["rate_limited_s"]), (&json!("form-extra"), &json!(5)));
    let ada = &host["accounts"][0];
    assert_eq!(
        (&ada["mfa"], &ada["condition"], &ada["blocked"]),
        (&json!(false), &json!("unverified"), &json!(true))
    );
    assert_eq!(state["tenants"][0]["oauth_clients"][0]["consent"], "trusted");
    for secret in
        ["hush-hush", granted["access_token"].as_str().unwrap(), client["client_secret"].as_str().unwrap()]
    {
        assert!(!state.to_string().contains(secret) && !tokens.to_string().contains(secret));
    }
    let which = json!({"tenant": acme.tenant.id, "kind": "access"});
    assert_eq!(post(&acme, "/oauth-tokens/expire", which.clone()).await["ended"], 1);
    assert_eq!(post(&acme, "/oauth-tokens/revoke", which.clone()).await["ended"], 1);
    let path = format!("/oauth-clients/{}", client["client_id"].as_str().unwrap());
    let change = json!({"consent": "required", "redirect_uris": ["https://portal.example/cb"]});
    let (_, changed) = control(&acme.sandbox, Method::PATCH, &path, Some(change)).await;
    assert_eq!(changed["redirect_uris"], json!(["https://portal.example/cb"]));
    for (path, body) in [
        ("/oauth-consents", Some(json!({"tenant": acme.tenant.id}))),
        (path.as_str(), None),
        ("/accounts/ada@acme.example", None),
        ("/tries", None),
    ] {
        assert_eq!(control(&acme.sandbox, Method::DELETE, path, body).await.0, StatusCode::OK, "{path}");
    }
}

fn control_request(acme: &Acme, method: Method, path: &str, body: &Value) -> reqwest::RequestBuilder {
    let url = format!("http://{}{path}", acme.sandbox.control_addr().unwrap());
    acme.http.request(method, url).json(body)
}
