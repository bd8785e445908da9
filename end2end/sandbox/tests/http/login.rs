//! Login by JWT: which tokens are taken, and which user they become.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::{EventKind, NewUser, UserStatus};
use serde_json::{Value, json};

use crate::support::{ORIGIN, Portal, Signer, claims, code, jar, noon, portal, send};

fn bea(portal: &Portal) -> sandbox::UserRef {
    portal.acme.world.add_user(&portal.acme.tenant, NewUser::new("bea@acme.example"))
}

async fn refused(portal: &Portal, claims: &Value) -> (StatusCode, Value) {
    let (status, body) = send(portal.login(claims)).await;
    assert!(status.is_client_error(), "{claims} was taken");
    (status, body)
}

#[tokio::test]
async fn a_known_subject_gets_a_session_of_separate_cookies_with_commas_in_their_dates() {
    let portal = portal().await;
    let bea = bea(&portal);
    let response = portal.login(&claims(&bea.subject, &bea.email, "j1")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let lines: Vec<_> =
        response.headers().get_all("set-cookie").iter().map(|l| l.to_str().unwrap().to_owned()).collect();
    assert_eq!(lines.len(), 6);
    assert!(lines.iter().all(|line| line.contains("Expires=") && line.contains(", ")), "{lines:?}");
    assert!(lines[0].starts_with("eas.sid=") && lines[0].contains("HttpOnly"));
    let jar = jar(&response);
    assert_eq!(response.json::<Value>().await.unwrap(), json!({}));
    let me = portal.acme.ask(Method::GET, "/api/v1/users/me").header("cookie", jar).send().await.unwrap();
    assert!(me.headers()["location"].to_str().unwrap().ends_with(&bea.id));
    assert_eq!(portal.acme.world.events(), []);
    assert_eq!(portal.acme.world.jwt_used_jtis(), ["j1"]);
}

#[tokio::test]
async fn a_token_is_good_for_one_login() {
    let portal = portal().await;
    let bea = bea(&portal);
    let claims = claims(&bea.subject, &bea.email, "j1");
    assert_eq!(send(portal.login(&claims)).await.0, StatusCode::OK);
    assert_eq!(refused(&portal, &claims).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_required_claim_is_required() {
    let portal = portal().await;
    for name in ["aud", "sub", "subType", "name", "email", "email_verified", "jti", "iat", "nbf", "exp"] {
        let mut claims = claims("s", "s@acme.example", "j1");
        claims.as_object_mut().unwrap().remove(name);
        let (status, body) = refused(&portal, &claims).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "INTERNAL-TOKEN-1"), "{name}");
        assert_eq!(
            body["errors"][0]["detail"],
            format!("JWT_LOGIN_VALIDATIONS Missing required claim: {name}")
        );
        assert_eq!(body["errors"][0]["status"], "400");
    }
    assert!(portal.acme.world.jwt_used_jtis().is_empty(), "a refused token is not spent");
}

#[tokio::test]
async fn claims_keep_to_their_rules() {
    let portal = portal().await;
    let now = noon().as_second();
    for (name, value, expected) in [
        ("aud", json!("qlik.api"), StatusCode::UNAUTHORIZED),
        ("aud", json!(["qlik.api/login/jwt-session"]), StatusCode::BAD_REQUEST),
        ("iss", json!("another"), StatusCode::UNAUTHORIZED),
        ("subType", json!("service"), StatusCode::BAD_REQUEST),
        ("email_verified", json!(false), StatusCode::BAD_REQUEST),
        ("email_verified", json!("true"), StatusCode::BAD_REQUEST),
        ("exp", json!(now - 30 + 3_601), StatusCode::BAD_REQUEST),
        ("exp", json!(now - 5), StatusCode::UNAUTHORIZED),
        ("nbf", json!(now + 6), StatusCode::UNAUTHORIZED),
        ("iat", json!(now + 60), StatusCode::UNAUTHORIZED),
        ("nbf", json!("now"), StatusCode::BAD_REQUEST),
        ("groups", json!("Finance"), StatusCode::BAD_REQUEST),
    ] {
        let mut claims = claims("s", "s@acme.example", "j1");
        claims[name] = value.clone();
        assert_eq!(refused(&portal, &claims).await.0, expected, "{name} = {value}");
    }
}

#[tokio::test]
async fn small_clock_differences_are_tolerated() {
    let portal = portal().await;
    let now = noon().as_second();
    for (jti, name, value) in [("j1", "exp", now - 4), ("j2", "nbf", now + 5)] {
        let mut claims = claims("s", "s@acme.example", jti);
        claims[name] = value.into();
        assert_eq!(send(portal.login(&claims)).await.0, StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn the_signature_the_key_id_and_the_algorithm_must_fit() {
    let portal = portal().await;
    let claims = claims("s", "s@acme.example", "j1");
    let hs = jsonwebtoken::encode(
        &jsonwebtoken::Header { kid: Some("kid-1".into()), ..jsonwebtoken::Header::default() },
        &claims,
        &jsonwebtoken::EncodingKey::from_secret(portal.signer.certificate.as_bytes()),
    )
    .unwrap();
    for token in
        [Signer::new().sign("kid-1", &claims), portal.signer.sign("kid-2", &claims), hs, "junk".into()]
    {
        let request = portal.acme.ask(Method::POST, "/login/jwt-session").bearer_auth(token);
        assert_eq!(send(request).await.0, StatusCode::UNAUTHORIZED);
    }
    let request = portal.acme.ask(Method::POST, "/login/jwt-session");
    assert_eq!(send(request).await.0, StatusCode::UNAUTHORIZED, "no token at all");
}

#[tokio::test]
async fn a_second_identity_provider_lets_keys_rotate() {
    let portal = portal().await;
    let next = Signer::new();
    portal.acme.world.add_jwt_idp(&portal.acme.tenant, "portal", "kid-2", &next.certificate);
    let login = |token: String| send(portal.acme.ask(Method::POST, "/login/jwt-session").bearer_auth(token));
    assert_eq!(login(next.sign("kid-2", &claims("s", "s@x", "j1"))).await.0, StatusCode::OK);
    assert_eq!(login(portal.signer.sign("kid-1", &claims("s", "s@x", "j2"))).await.0, StatusCode::OK);
    let old = portal.acme.world.idps(&portal.acme.tenant)[0].id.clone();
    portal.acme.world.delete_idp(&old);
    assert_eq!(
        login(portal.signer.sign("kid-1", &claims("s", "s@x", "j3"))).await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_fresh_identity_provider_may_need_a_while_before_it_works() {
    let portal = portal().await;
    let world = &portal.acme.world;
    world.set_fresh_idp_delay(SignedDuration::from_secs(20));
    assert_eq!(refused(&portal, &claims("s", "s@x", "j1")).await.0, StatusCode::UNAUTHORIZED);
    world.advance(SignedDuration::from_secs(20));
    assert_eq!(send(portal.login(&claims("s", "s@x", "j1"))).await.0, StatusCode::OK);
    assert_eq!(world.idps(&portal.acme.tenant)[0].logins, 1);
}

#[tokio::test]
async fn sessions_outlive_the_identity_provider_that_opened_them_unless_told_otherwise() {
    for ends in [false, true] {
        let portal = portal().await;
        let world = &portal.acme.world;
        world.switch(|s| s.deleted_idp_ends_sessions = ends);
        let jar = portal.cookies(&claims("s", "s@x", "j1")).await;
        world.delete_idp(&world.idps(&portal.acme.tenant)[0].id);
        let me = portal.acme.ask(Method::GET, "/api/v1/users/me").header("cookie", jar);
        assert_eq!(send(me).await.0 == StatusCode::UNAUTHORIZED, ends);
    }
}

#[tokio::test]
async fn an_origin_must_be_listed_by_the_web_integration_that_is_named() {
    let portal = portal().await;
    let attempt = |jti: &str, id: Option<&str>, origin: Option<&str>| {
        let mut request = portal.login(&claims("s", "s@acme.example", jti));
        if let Some(id) = id {
            request = request.header("qlik-web-integration-id", id);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        send(request)
    };
    let id = portal.integration.as_str();
    let (status, body) = attempt("j1", Some(id), Some("https://other.example")).await;
    assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "LOGIN-10"));
    let (status, body) = attempt("j1", Some(id), Some("http://portal.example")).await;
    assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "LOGIN-10"), "the scheme counts");
    assert_eq!(attempt("j1", None, Some(ORIGIN)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(attempt("j1", Some("unknown"), None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(attempt("j1", Some(id), Some(ORIGIN)).await.0, StatusCode::OK, "j1 is still unspent");
    assert_eq!(attempt("j2", None, None).await.0, StatusCode::OK, "server to server");
    let query = format!("/login/jwt-session?qlik-web-integration-id={id}");
    let token = portal.signer.sign("kid-1", &claims("s", "s@acme.example", "j3"));
    let by_query = portal.acme.ask(Method::POST, &query).bearer_auth(token).header("origin", ORIGIN);
    assert_eq!(send(by_query).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_new_subject_with_a_known_e_mail_takes_the_user_over() {
    let portal = portal().await;
    let bea = bea(&portal);
    assert_eq!(send(portal.login(&claims("new-sub", "BEA@acme.example", "j1"))).await.0, StatusCode::OK);
    assert_eq!(portal.acme.world.subject(&bea), "new-sub");
    assert_eq!(
        portal.acme.world.events()[0].kind,
        EventKind::Reassigned {
            user: bea.id,
            email: "BEA@acme.example".into(),
            old_subject: bea.subject,
            new_subject: "new-sub".into(),
        }
    );
}

#[tokio::test]
async fn two_active_users_of_one_e_mail_are_a_conflict() {
    let portal = portal().await;
    let (first, second) = (bea(&portal), bea(&portal));
    let (status, body) = refused(&portal, &claims("new-sub", "bea@acme.example", "j1")).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "LOGIN-12"));
    let conflict = portal.acme.world.events()[0].kind.clone();
    assert!(
        matches!(conflict, EventKind::Conflict { matched_users, .. } if matched_users == [first.id.clone(), second.id])
    );
    let by_subject = send(portal.login(&claims(&first.subject, "bea@acme.example", "j2"))).await;
    assert_eq!(by_subject.0, StatusCode::OK, "the subject is unambiguous");
}

#[tokio::test]
async fn an_unknown_user_is_made_by_the_login() {
    let portal = portal().await;
    let mut new = claims("s-new", "new@acme.example", "j1");
    new["groups"] = json!(["Finance"]);
    assert_eq!(send(portal.login(&new)).await.0, StatusCode::OK);
    let users = portal.acme.world.users(&portal.acme.tenant);
    assert_eq!(users.last().unwrap().subject, "s-new");
    assert!(matches!(portal.acme.world.events()[0].kind, EventKind::Created { .. }));
}

#[tokio::test]
async fn disabled_users_and_late_invitations_are_refused_early_ones_accepted() {
    let portal = portal().await;
    let world = &portal.acme.world;
    let bea = bea(&portal);
    world.set_user_status(&bea, UserStatus::Disabled);
    let (status, _) = refused(&portal, &claims(&bea.subject, &bea.email, "j1")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let invited = world.add_user(
        &portal.acme.tenant,
        NewUser {
            status: UserStatus::Invited,
            invite_expiry: Some(noon()),
            ..NewUser::new("ivy@acme.example")
        },
    );
    let (status, body) = refused(&portal, &claims(&invited.subject, &invited.email, "j2")).await;
    assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "USER_INVITE_EXPIRED"));
    world.advance(SignedDuration::from_secs(-1));
    assert_eq!(send(portal.login(&claims(&invited.subject, &invited.email, "j3"))).await.0, StatusCode::OK);
}

#[tokio::test]
async fn interactive_login_leads_to_the_qlik_account_and_checks_where_it_returns_to() {
    let portal = portal().await;
    let id = &portal.integration;
    let ask = |query: String| portal.acme.ask(Method::GET, &format!("/login?{query}")).send();
    let good = ask(format!("returnto={ORIGIN}/home&qlik-web-integration-id={id}")).await.unwrap();
    assert_eq!(good.status(), StatusCode::FOUND);
    assert!(good.headers()["location"].to_str().unwrap().starts_with("https://login.qlik.com/authorize?"));
    let bad = ask(format!("returnto=https://other.example&qlik-web-integration-id={id}")).await.unwrap();
    let (status, body) = crate::support::parts(bad).await;
    assert_eq!((status, code(&body)), (StatusCode::UNAUTHORIZED, "LOGIN-10"));
    let (_, body) = crate::support::parts(ask("returnto=%3A%3A".into()).await.unwrap()).await;
    assert_eq!(code(&body), "LOGIN-8");
}
