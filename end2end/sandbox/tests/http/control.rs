//! The control interface, as browser tests use it.

use reqwest::{Method, StatusCode};
use sandbox::{DemoOptions, Sandbox, SandboxConfig};
use serde_json::{Value, json};

use crate::support::{Acme, Signer, acme, client, send, status};

pub(crate) async fn control(
    sandbox: &Sandbox,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", sandbox.control_addr().unwrap());
    let mut request = client(sandbox, false).request(method, url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    send(request).await
}

pub(crate) async fn post(acme: &Acme, path: &str, body: Value) -> Value {
    let (status, body) = control(&acme.sandbox, Method::POST, path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

#[tokio::test]
async fn a_whole_scene_is_set_from_outside() {
    let acme = acme().await;
    let globex = post(&acme, "/tenants", json!({"alias": "globex", "region": "us"})).await;
    let host = globex["alias_host"].as_str().unwrap();
    let user = json!({"tenant": host, "email": "hank@globex.example", "roles": ["TenantAdmin"],
        "manage_api_keys": true});
    let hank = post(&acme, "/users", user).await;
    let key = post(&acme, "/keys", json!({"user": hank["id"], "lifetime": "P3D"})).await;
    let space = post(&acme, "/spaces", json!({"tenant": host, "name": "S", "kind": "shared"})).await;
    let app = json!({"tenant": host, "name": "Sales", "owner": hank["id"], "space": space["id"]});
    post(&acme, "/apps", app).await;
    let integration = json!({"tenant": host, "name": "P", "origins": ["https://a.example"]});
    let integration = post(&acme, "/web-integrations", integration).await;
    let pem = Signer::new().certificate;
    post(&acme, "/idps", json!({"tenant": host, "issuer": "i", "kid": "k", "pem": pem})).await;
    let path = format!("/web-integrations/{}", integration["id"].as_str().unwrap());
    let origins = json!({"origins": ["https://b.example"]});
    assert_eq!(control(&acme.sandbox, Method::PATCH, &path, Some(origins)).await.0, StatusCode::OK);
    let items = acme.http.get(format!("https://{host}/api/v1/items?resourceType=app"));
    let token = key["token"].as_str().unwrap();
    let (_, page) = send(items.bearer_auth(token)).await;
    assert_eq!(page["data"][0]["name"], "Sales");
    let (_, state) = control(&acme.sandbox, Method::GET, "/state", None).await;
    let seen = &state["tenants"][1];
    assert_eq!(seen["web_integrations"][0]["origins"], json!(["https://b.example"]));
    assert_eq!(seen["keys"][0]["status"], "active");
    assert_eq!(seen["idps"][0]["kid"], "k");
    assert!(!state.to_string().contains(token.rsplit('.').next().unwrap()), "no secrets in the state");
}

#[tokio::test]
async fn dates_and_the_engine_go_wrong_from_outside() {
    let acme = acme().await;
    post(&acme, "/date-skew", json!({"seconds": -600})).await;
    let answer = acme.ada(Method::GET, "/api/v1/tenants/me").send().await.unwrap();
    assert_eq!(answer.headers()["date"], "Tue, 24 Nov 2026 11:50:00 GMT");
    for effect in [json!({"close": {"code": 4240}}), json!("silent"), json!({"too_long": {"bytes": 9}})] {
        post(&acme, "/faults", json!({"path": "/app/", "effect": {"engine": effect}})).await;
    }
    let (_, state) = control(&acme.sandbox, Method::GET, "/state", None).await;
    assert_eq!(
        (state["switches"]["date_skew"].as_i64(), state["faults"].as_array().unwrap().len()),
        (Some(-600), 3)
    );
}

#[tokio::test]
async fn time_faults_limits_and_users_are_changed_from_outside() {
    let acme = acme().await;
    let ask = || status(acme.ada(Method::GET, "/api/v1/api-keys"));
    let fault = json!({"path": "/api/v1/api-keys", "times": 1,
        "effect": {"status": {"status": 503, "code": "X", "title": "Y"}}});
    post(&acme, "/faults", fault).await;
    assert_eq!(ask().await, StatusCode::SERVICE_UNAVAILABLE);
    let (_, faults) = control(&acme.sandbox, Method::GET, "/faults", None).await;
    assert_eq!(faults[0]["strikes"], 1);
    assert_eq!(control(&acme.sandbox, Method::DELETE, "/faults", None).await.0, StatusCode::OK);
    assert_eq!(ask().await, StatusCode::OK);
    let user = format!("/users/{}", acme.ada.id);
    let change = json!({"manage_api_keys": false});
    assert_eq!(control(&acme.sandbox, Method::PATCH, &user, Some(change)).await.0, StatusCode::OK);
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED);
    let change = json!({"manage_api_keys": true});
    assert_eq!(control(&acme.sandbox, Method::PATCH, &user, Some(change)).await.0, StatusCode::OK);
    let clock = post(&acme, "/clock", json!({"advance_s": 3 * 86_400})).await;
    assert_eq!(clock, json!({"now": "2026-11-27T12:00:00Z", "frozen": true}));
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED, "the key has expired");
    post(&acme, "/clock", json!({"set": "2026-11-24T12:00:00Z"})).await;
    assert_eq!(ask().await, StatusCode::OK);
    post(&acme, "/rate-limits", json!({"on": true, "tier1_per_min": 0})).await;
    assert_eq!(ask().await, StatusCode::TOO_MANY_REQUESTS);
    let (_, log) = control(&acme.sandbox, Method::GET, "/log", None).await;
    assert_eq!(log.as_array().unwrap().last().unwrap()["status"], 429);
}

#[tokio::test]
async fn wrong_requests_are_told_so() {
    let acme = acme().await;
    for (path, body, expected) in [
        ("/users", json!({"tenant": "nowhere", "email": "a@b.c"}), StatusCode::NOT_FOUND),
        ("/users", json!({"email": "a@b.c"}), StatusCode::BAD_REQUEST),
        ("/users", json!({"tenant": "x", "shoe_size": 9}), StatusCode::BAD_REQUEST),
        ("/keys", json!({"user": "nobody"}), StatusCode::NOT_FOUND),
        ("/tenants", json!({"alias": "acme", "region": "eu"}), StatusCode::CONFLICT),
        (
            "/idps",
            json!({"tenant": acme.tenant.id, "issuer": "i", "kid": "k", "pem": "x"}),
            StatusCode::BAD_REQUEST,
        ),
        ("/nothing", json!({}), StatusCode::NOT_FOUND),
    ] {
        let (status, answer) = control(&acme.sandbox, Method::POST, path, Some(body)).await;
        assert_eq!(status, expected, "{path}");
        assert!(answer["error"].is_string());
    }
}

#[tokio::test]
async fn a_name_that_leads_to_the_loopback_is_not_answered() {
    let acme = acme().await;
    let url = format!("http://{}/state", acme.sandbox.control_addr().unwrap());
    let request = client(&acme.sandbox, true).get(url).header("host", "evil.example:4444");
    assert_eq!(status(request).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_reset_brings_the_demo_world_back() {
    let demo = DemoOptions { portal_origin: "http://127.0.0.1:3000".into() };
    let config = SandboxConfig { demo: Some(demo), ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let first = sandbox.demo().unwrap().clone();
    sandbox.world().delete_user(&first.admin);
    let (status, second) = control(&sandbox, Method::POST, "/reset", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(second["tenant_host"], first.tenant_host);
    assert_ne!(second["api_key"], first.api_key);
    let (_, told) = control(&sandbox, Method::GET, "/demo", None).await;
    assert_eq!(told, second);
    let items = client(&sandbox, false)
        .get("https://acme.eu.qlikcloud.com/api/v1/items?resourceType=app&limit=100")
        .bearer_auth(second["api_key"].as_str().unwrap());
    let (_, page) = send(items).await;
    assert!(page["data"].as_array().unwrap().len() >= 30);
}
