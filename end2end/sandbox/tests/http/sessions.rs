//! Cookie sessions: CSRF, lifetimes, rights, and the end.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::{NewUser, UserRef, UserStatus};
use serde_json::{Value, json};

use crate::support::{Portal, claims, code, cookie, jar, portal, send, status};

const ME: &str = "/api/v1/users/me";

async fn signed_in(portal: &Portal, user: NewUser) -> (UserRef, String) {
    let user = portal.acme.world.add_user(&portal.acme.tenant, user);
    let jar = portal.cookies(&claims(&user.subject, &user.email, "j1")).await;
    (user, jar)
}

fn with(portal: &Portal, method: Method, path: &str, jar: &str) -> reqwest::RequestBuilder {
    portal.acme.ask(method, path).header("cookie", jar)
}

#[tokio::test]
async fn a_session_needs_both_of_its_cookies_unchanged() {
    let portal = portal().await;
    let (_, jar) = signed_in(&portal, NewUser::new("bea@acme.example")).await;
    let (sid, sig) = (cookie(&jar, "eas.sid"), cookie(&jar, "eas.sid.sig"));
    let ask = |jar: String| status(with(&portal, Method::GET, ME, &jar));
    assert_eq!(ask(format!("eas.sid={sid}; eas.sid.sig={sig}")).await, StatusCode::FOUND);
    assert_eq!(ask(format!("eas.sid={sid}")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(format!("eas.sid={sid}; eas.sid.sig=x")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(format!("eas.sid=x; eas.sid.sig={sig}")).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn changes_need_the_csrf_token_and_reading_does_not() {
    let portal = portal().await;
    let (_, jar) = signed_in(&portal, NewUser::admin("bea@acme.example")).await;
    let new = json!({"name": "W"});
    let post = |csrf: Option<String>| {
        let mut request = with(&portal, Method::POST, "/api/v1/web-integrations", &jar).json(&new);
        if let Some(csrf) = csrf {
            request = request.header("qlik-csrf-token", csrf);
        }
        send(request)
    };
    let (refused, body) = post(None).await;
    assert_eq!((refused, code(&body)), (StatusCode::FORBIDDEN, "CSRF-TOKEN-2"));
    assert_eq!(body["code"], "CSRF-TOKEN-2", "where Qlik's own client looks");
    let answer = with(&portal, Method::GET, "/api/v1/csrf-token", &jar).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let csrf = answer.headers()["qlik-csrf-token"].to_str().unwrap().to_owned();
    assert_eq!(csrf, cookie(&jar, "_csrfToken"));
    assert_eq!(post(Some(csrf.clone())).await.0, StatusCode::CREATED);
    portal.acme.world.rotate_csrf(&portal.acme.tenant);
    assert_eq!(code(&post(Some(csrf)).await.1), "CSRF-TOKEN-2");
}

#[tokio::test]
async fn a_key_has_no_csrf_token() {
    let portal = portal().await;
    let (status, body) = send(portal.acme.ada(Method::GET, "/api/v1/csrf-token")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["errors"][0]["title"], "Token is not supported for the auth mechanism being used");
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_too_long_or_too_old_by_the_limits_at_login() {
    let portal = portal().await;
    portal.acme.world.set_session_limits(&portal.acme.tenant, 15, 60);
    let (_, jar) = signed_in(&portal, NewUser::new("bea@acme.example")).await;
    portal.acme.world.set_session_limits(&portal.acme.tenant, 600, 6_000);
    let ask = || status(with(&portal, Method::GET, ME, &jar));
    for _ in 0..4 {
        portal.acme.world.advance(SignedDuration::from_mins(14));
        assert_eq!(ask().await, StatusCode::FOUND);
    }
    portal.acme.world.advance(SignedDuration::from_mins(4));
    assert_eq!(ask().await, StatusCode::UNAUTHORIZED, "60 minutes old");
    let view = portal.acme.world.sessions(&portal.acme.tenant)[0].clone();
    assert!(!view.alive);
    portal.acme.world.set_session_limits(&portal.acme.tenant, 15, 60);
    let mut again = claims("s", "s@acme.example", "j2");
    for (name, shift) in [("iat", 0), ("nbf", -30), ("exp", 60)] {
        again[name] = (portal.acme.world.now().as_second() + shift).into();
    }
    let jar = portal.cookies(&again).await;
    portal.acme.world.advance(SignedDuration::from_mins(15));
    assert_eq!(
        status(with(&portal, Method::GET, ME, &jar)).await,
        StatusCode::UNAUTHORIZED,
        "15 minutes idle"
    );
}

#[tokio::test]
async fn a_session_keeps_the_rights_of_its_login() {
    let portal = portal().await;
    let (user, jar) = signed_in(&portal, NewUser::new("bea@acme.example")).await;
    let ask = || status(with(&portal, Method::GET, "/api/v1/users", &jar));
    assert_eq!(ask().await, StatusCode::FORBIDDEN);
    portal.acme.world.set_roles(&user, ["TenantAdmin"]);
    assert_eq!(ask().await, StatusCode::FORBIDDEN, "until the next login");
    let jar = portal.cookies(&claims(&user.subject, &user.email, "j2")).await;
    assert_eq!(status(with(&portal, Method::GET, "/api/v1/users", &jar)).await, StatusCode::OK);
}

#[tokio::test]
async fn a_disabled_user_s_session_ends() {
    let portal = portal().await;
    let (user, jar) = signed_in(&portal, NewUser::new("bea@acme.example")).await;
    portal.acme.world.set_user_status(&user, UserStatus::Disabled);
    assert_eq!(status(with(&portal, Method::GET, ME, &jar)).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn logout_ends_the_session_and_takes_the_cookies_back() {
    let portal = portal().await;
    let (_, cookies) = signed_in(&portal, NewUser::new("bea@acme.example")).await;
    let answer = with(&portal, Method::GET, "/logout", &cookies).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert!(jar(&answer).starts_with("eas.sid=; "));
    assert_eq!(status(with(&portal, Method::GET, ME, &cookies)).await, StatusCode::UNAUTHORIZED);
    assert!(portal.acme.world.sessions(&portal.acme.tenant).is_empty());
}

#[tokio::test]
async fn each_answer_to_a_session_renews_the_load_balancer_s_cookies() {
    let portal = portal().await;
    let (_, cookies) = signed_in(&portal, NewUser::new("bea@acme.example")).await;
    let answer = with(&portal, Method::GET, "/api/v1/items", &cookies).send().await.unwrap();
    let renewed = jar(&answer);
    assert!(renewed.starts_with("AWSALB=") && renewed.contains("AWSALBCORS="));
    assert_ne!(cookie(&renewed, "AWSALB"), cookie(&cookies, "AWSALB"));
    let page: Value = answer.json().await.unwrap();
    assert_eq!(page["data"], json!([]));
}
