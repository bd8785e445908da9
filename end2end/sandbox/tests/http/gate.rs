//! What stands before the endpoints: hosts, protocols, the log, rate limits.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode, Version};
use sandbox::{AuthKind, NewTenant, Sandbox, SandboxConfig};
use serde_json::json;

use crate::support::{
    HOST, ORIGIN, acme, claims, client, client_of, code, cookie, noon, parts, portal, send, status,
};

#[tokio::test]
async fn an_unknown_hostname_has_no_authentication_configured() {
    let acme = acme().await;
    let request = acme.http.get("https://nobody.eu.qlikcloud.com/api/v1/tenants/me");
    let (status, body) = send(request).await;
    assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "LOGIN-2"));
    assert_eq!(body["errors"][0]["title"], "No authentication configured for this hostname");
}

#[tokio::test]
async fn an_alias_that_was_given_up_serves_no_more() {
    let acme = acme().await;
    acme.world.set_alias(&acme.tenant, "acme-new");
    let ask = |host: &str| {
        let url = format!("https://{host}/api/v1/users/me");
        status(acme.http.get(url).bearer_auth(&acme.ada_key.1))
    };
    assert_eq!(ask(HOST).await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask("acme-new.eu.qlikcloud.com").await, StatusCode::FOUND);
    assert_eq!(ask(&acme.tenant.permanent_host).await, StatusCode::FOUND);
}

#[tokio::test]
async fn what_is_not_built_is_404_and_a_wrong_method_405_in_the_envelope() {
    let acme = acme().await;
    let (status, body) = send(acme.ada(Method::GET, "/api/v1/reloads")).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "HTTP-404"));
    let (status, body) = send(acme.ada(Method::PUT, "/api/v1/api-keys")).await;
    assert_eq!((status, code(&body)), (StatusCode::METHOD_NOT_ALLOWED, "HTTP-405"));
    let (status, _) = send(acme.ask(Method::GET, "/api/v1/reloads")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "who asks comes first");
}

#[tokio::test]
async fn dates_can_be_off_and_nothing_else_with_them() {
    let acme = acme().await;
    let ask = |path: &str| acme.ada(Method::GET, path).send();
    for (seconds, date) in [(600, "12:10:00"), (-600, "11:50:00"), (0, "12:00:00")] {
        acme.world.set_date_skew(SignedDuration::from_secs(seconds));
        for path in ["/api/v1/tenants/me", "/api/v1/nothing"] {
            let answer = ask(path).await.unwrap();
            assert_eq!(answer.headers()["date"], format!("Tue, 24 Nov 2026 {date} GMT"));
        }
        assert_eq!(acme.world.now(), noon());
    }
}

#[tokio::test]
async fn both_protocols_are_spoken_and_dates_are_the_sandbox_s() {
    let acme = acme().await;
    for (http, version) in
        [(client(&acme.sandbox, false), Version::HTTP_2), (client(&acme.sandbox, true), Version::HTTP_11)]
    {
        let response = http.get(format!("https://{HOST}/login")).send().await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(response.headers()["date"], "Tue, 24 Nov 2026 12:00:00 GMT");
    }
}

#[tokio::test]
async fn sandboxes_side_by_side_share_nothing() {
    let one = acme().await;
    let other = Sandbox::start(SandboxConfig::default()).await.unwrap();
    other.world().add_tenant(NewTenant::new("acme", "eu"));
    let url = format!("https://{HOST}/login");
    let mistaken = client_of(other.ca_pem(), one.sandbox.addr(), false);
    assert!(mistaken.get(&url).send().await.unwrap_err().is_connect(), "another authority");
    assert!(client(&other, false).get(&url).send().await.is_ok());
    assert_eq!((one.world.log().len(), other.world().log().len()), (0, 1));
}

#[tokio::test]
async fn shutting_down_closes_the_door() {
    let acme = acme().await;
    assert_eq!(status(acme.ada(Method::GET, "/api/v1/users/me")).await, StatusCode::FOUND);
    acme.sandbox.shutdown().await;
    let again = acme.http.get(format!("https://{HOST}/")).send().await;
    assert!(again.is_err());
}

#[tokio::test]
async fn the_log_knows_who_asked_and_holds_no_secret() {
    let acme = acme().await;
    let request = acme
        .ada(Method::GET, "/api/v1/items?limit=5")
        .header("origin", ORIGIN)
        .header("qlik-web-integration-id", "w1");
    assert_eq!(status(request).await, StatusCode::OK);
    assert_eq!(status(acme.ask(Method::GET, "/api/v1/items")).await, StatusCode::UNAUTHORIZED);
    let log = acme.world.log();
    assert_eq!(log.len(), 2);
    assert_eq!((log[0].path.as_str(), log[0].query.as_deref()), ("/api/v1/items", Some("limit=5")));
    assert_eq!((log[0].auth, log[1].auth), (AuthKind::Bearer, AuthKind::None));
    assert_eq!(log[0].user.as_ref(), Some(&acme.ada.id));
    assert_eq!(log[0].key.as_ref(), Some(&acme.ada_key.0));
    assert_eq!(log[0].origin.as_deref(), Some(ORIGIN));
    assert_eq!((log[0].status, log[1].status), (Some(200), Some(401)));
    assert!(log[0].headers.contains(&"authorization".to_owned()));
    let secret = acme.ada_key.1.rsplit('.').next().unwrap();
    assert!(!format!("{log:?}").contains(secret));
    acme.world.clear_log();
    assert!(acme.world.log().is_empty());
}

#[tokio::test]
async fn rate_limits_block_one_tier_say_how_long_and_pass() {
    let acme = acme().await;
    acme.world.set_rate_limits(true, 2, 1);
    for _ in 0..10 {
        assert_eq!(status(acme.ada(Method::GET, "/api/v1/api-keys")).await, StatusCode::OK);
    }
    let response = acme.ada(Method::GET, "/api/v1/api-keys").send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "300");
    let (limited, body) = parts(response).await;
    assert_eq!((limited, code(&body)), (StatusCode::TOO_MANY_REQUESTS, "HTTP-429"));
    assert_eq!(body["errors"][0]["title"], "API rate limit reached.");
    let new = json!({"description": "d", "expiry": "PT1H"});
    assert_eq!(
        status(acme.ada(Method::POST, "/api/v1/api-keys").json(&new)).await,
        StatusCode::CREATED,
        "the other tier is open"
    );
    acme.world.advance(SignedDuration::from_secs(300));
    assert_eq!(status(acme.ada(Method::GET, "/api/v1/api-keys")).await, StatusCode::OK);
}

#[tokio::test]
async fn only_listed_origins_are_let_in_by_cors() {
    let portal = portal().await;
    let preflight =
        |origin: &str| portal.acme.ask(Method::OPTIONS, "/api/v1/items").header("origin", origin).send();
    let listed = preflight(ORIGIN).await.unwrap();
    assert_eq!(listed.status(), StatusCode::NO_CONTENT);
    assert_eq!(listed.headers()["access-control-allow-origin"], ORIGIN);
    let other = preflight("https://other.example").await.unwrap();
    assert_eq!(other.headers().get("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_running_clock_starts_with_the_machine_s() {
    let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
    let first = sandbox.world().now();
    assert!(first > noon().checked_sub(SignedDuration::from_hours(24 * 365 * 5)).unwrap());
    sandbox.world().advance(SignedDuration::from_hours(1));
    assert!(sandbox.world().now().duration_since(first) >= SignedDuration::from_hours(1));
}

#[tokio::test]
async fn the_discovery_document_names_endpoints_on_the_asked_host() {
    let acme = acme().await;
    let (_, body) = send(acme.ask(Method::GET, "/.well-known/oauth-authorization-server")).await;
    assert_eq!(body["token_endpoint"], format!("https://{HOST}/oauth/token"));
}

#[tokio::test]
async fn nothing_is_served_beyond_the_loopback() {
    for config in [
        SandboxConfig { listen: ([0, 0, 0, 0], 0).into(), ..SandboxConfig::default() },
        SandboxConfig { control: Some(([0, 0, 0, 0], 0).into()), ..SandboxConfig::default() },
    ] {
        assert!(Sandbox::start(config).await.unwrap_err().to_string().contains("loopback"));
    }
}

#[tokio::test]
async fn debug_output_of_a_sandbox_holds_no_token_and_no_cookie() {
    let portal = portal().await;
    let jar = portal.cookies(&claims("s", "s@acme.example", "j1")).await;
    let shown = format!("{:?}", portal.acme.sandbox);
    assert!(shown.contains("acme.eu.qlikcloud.com"), "the world is shown");
    let token = portal.acme.ada_key.1.rsplit('.').next().unwrap();
    for secret in [token, cookie(&jar, "eas.sid"), cookie(&jar, "eas.sid.sig"), cookie(&jar, "_csrfToken")] {
        assert!(!shown.contains(secret));
    }
}
