//! Web integrations, identity providers and session settings.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ORIGIN, Signer, acme, send, status};

const INTEGRATIONS: &str = "/api/v1/web-integrations";
const IDPS: &str = "/api/v1/identity-providers";

#[tokio::test]
async fn an_admin_makes_reads_changes_and_deletes_a_web_integration() {
    let acme = acme().await;
    let new = json!({"name": "Portal", "validOrigins": [ORIGIN]});
    let (made, body) = send(acme.ada(Method::POST, INTEGRATIONS).json(&new)).await;
    assert_eq!(made, StatusCode::CREATED);
    let path = format!("{INTEGRATIONS}/{}", body["id"].as_str().unwrap());
    let change = json!([{"op": "replace", "path": "/validOrigins", "value": ["http://127.0.0.1:3000"]}]);
    assert_eq!(status(acme.ada(Method::PATCH, &path).json(&change)).await, StatusCode::NO_CONTENT);
    let (_, body) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!(body["validOrigins"], json!(["http://127.0.0.1:3000"]));
    let (_, page) = send(acme.ada(Method::GET, INTEGRATIONS)).await;
    assert_eq!(page["data"][0]["name"], "Portal");
    assert_eq!(status(acme.ada(Method::DELETE, &path)).await, StatusCode::NO_CONTENT);
    let (gone, body) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!(gone, StatusCode::NOT_FOUND);
    assert_eq!(body["errors"][0]["status"], "404", "a string");
    assert!(body["traceId"].is_string());
}

#[tokio::test]
async fn origins_must_be_origins() {
    let acme = acme().await;
    for origin in ["portal.example", "https://*.example", "https://portal.example/path"] {
        let new = json!({"name": "Portal", "validOrigins": [origin]});
        let (status, _) = send(acme.ada(Method::POST, INTEGRATIONS).json(&new)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{origin}");
    }
}

#[tokio::test]
async fn who_is_no_admin_reads_web_integrations_unless_that_is_switched_off_and_changes_none() {
    let acme = acme().await;
    let id = acme.world.add_web_integration(&acme.tenant, "Portal", [ORIGIN]);
    let (_, bea) = acme.user_with_key("bea@acme.example");
    let path = format!("{INTEGRATIONS}/{id}");
    let ask = |method: Method, path: &str| acme.ask(method, path).bearer_auth(&bea);
    assert_eq!(status(ask(Method::GET, &path)).await, StatusCode::OK);
    let new = json!({"name": "Portal"});
    assert_eq!(status(ask(Method::POST, INTEGRATIONS).json(&new)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(ask(Method::DELETE, &path)).await, StatusCode::FORBIDDEN);
    acme.world.switch(|switches| switches.web_integrations_need_admin = true);
    assert_eq!(status(ask(Method::GET, &path)).await, StatusCode::FORBIDDEN);
}

fn official(pem: &str) -> Value {
    json!({
        "protocol": "jwtAuth", "provider": "external", "interactive": false, "active": true,
        "description": "Portal", "clockToleranceSec": 5,
        "options": {
            "jwtLoginEnabled": true, "issuer": "portal",
            "staticKeys": [{"kid": "kid-1", "pem": pem}],
        },
    })
}

#[tokio::test]
async fn an_admin_makes_a_jwt_identity_provider_as_the_official_example_does() {
    let acme = acme().await;
    let pem: String = Signer::new().certificate.lines().collect();
    let (made, body) = send(acme.ada(Method::POST, IDPS).json(&official(&pem))).await;
    assert_eq!(made, StatusCode::CREATED);
    assert_eq!(body["options"]["staticKeys"][0]["pem"], pem);
    let (again, _) = send(acme.ada(Method::POST, IDPS).json(&official(&pem))).await;
    assert_eq!(again, StatusCode::CONFLICT);
    let path = format!("{IDPS}/{}", body["id"].as_str().unwrap());
    let describe = json!([{"op": "replace", "path": "/description", "value": "New"}]);
    assert_eq!(status(acme.ada(Method::PATCH, &path).json(&describe)).await, StatusCode::NO_CONTENT);
    let rekey = json!([{"op": "replace", "path": "/options/staticKeys", "value": []}]);
    assert_eq!(status(acme.ada(Method::PATCH, &path).json(&rekey)).await, StatusCode::BAD_REQUEST);
    let (_, page) = send(acme.ada(Method::GET, IDPS)).await;
    assert_eq!(page["data"][0]["description"], "New");
    assert_eq!(status(acme.ada(Method::DELETE, &path)).await, StatusCode::NO_CONTENT);
    assert_eq!(status(acme.ada(Method::GET, &path)).await, StatusCode::NOT_FOUND);
    assert!(acme.world.idps(&acme.tenant).is_empty());
}

#[tokio::test]
async fn a_jwt_identity_provider_needs_exactly_one_good_key_and_known_members() {
    let acme = acme().await;
    let pem = Signer::new().certificate;
    let change = |path: &str, value: Value| {
        let mut body = official(&pem);
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let two = json!([{"kid": "a", "pem": pem}, {"kid": "b", "pem": pem}]);
    let mut unknown = official(&pem);
    unknown["options"]["jwksUri"] = "https://portal.example/jwks".into();
    for body in [
        change("/options/staticKeys", json!([])),
        change("/options/staticKeys", two),
        change("/options/staticKeys/0/pem", json!("-----BEGIN PUBLIC KEY-----AA-----END PUBLIC KEY-----")),
        change("/options/issuer", json!("")),
        change("/protocol", json!("OIDC")),
        change("/provider", json!("generic")),
        unknown,
    ] {
        assert_eq!(status(acme.ada(Method::POST, IDPS).json(&body)).await, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn identity_providers_are_for_tenant_admins() {
    let acme = acme().await;
    let (_, bea) = acme.user_with_key("bea@acme.example");
    let pem = Signer::new().certificate;
    for (method, body) in [(Method::GET, Value::Null), (Method::POST, official(&pem))] {
        let request = acme.ask(method, IDPS).bearer_auth(&bea).json(&body);
        assert_eq!(status(request).await, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn the_status_tells_whether_a_corporate_provider_replaces_the_qlik_account() {
    let acme = acme().await;
    let ask = || send(acme.ada(Method::GET, "/api/v1/identity-providers/status"));
    assert_eq!(ask().await.1["active_interactive_idps_count"], 0);
    let meta = || status(acme.ada(Method::GET, "/api/v1/identity-providers/me/meta"));
    assert_eq!(meta().await, StatusCode::OK);
    acme.world.set_corporate_idp(&acme.tenant, true);
    assert_eq!(ask().await.1["active_interactive_idps_count"], 1);
    assert_eq!(meta().await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn session_limits_are_readable_by_admins() {
    let acme = acme().await;
    let path = "/api/core/auth-settings";
    let (_, body) = send(acme.ada(Method::GET, path)).await;
    assert_eq!(
        (&body["userSessionInactivityTimeoutMinutes"], &body["isDefault"]),
        (&json!(30), &json!(true))
    );
    acme.world.set_session_limits(&acme.tenant, 15, 60);
    let (_, body) = send(acme.ada(Method::GET, path)).await;
    assert_eq!((&body["maxUserSessionLifespanMinutes"], &body["isDefault"]), (&json!(60), &json!(false)));
    let (_, bea) = acme.user_with_key("bea@acme.example");
    assert_eq!(status(acme.ask(Method::GET, path).bearer_auth(bea)).await, StatusCode::FORBIDDEN);
}
