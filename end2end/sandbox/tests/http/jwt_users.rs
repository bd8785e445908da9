//! What a JWT login makes of a user: the profile that it writes, the user that it makes,
//! and the one who was deleted.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::{EventKind, NewApp, NewUser, UserRef, UserStatus};
use serde_json::{Value, json};

use crate::control::control;
use crate::support::{Portal, claims, code, portal, send, status};

fn bea(portal: &Portal) -> UserRef {
    let new = NewUser { name: "Bea Novak".into(), ..NewUser::new("Bea.Novak@acme.example") };
    portal.acme.world.add_user(&portal.acme.tenant, new)
}

fn profile(name: &str, email: &str) -> (String, String) {
    (name.to_owned(), email.to_owned())
}

/// Signs in with a name of the portal's.
async fn sign_in(portal: &Portal, subject: &str, name: &str, email: &str, jti: &str) -> (StatusCode, Value) {
    let mut claims = claims(subject, email, jti);
    claims["name"] = name.into();
    send(portal.login(&claims)).await
}

#[tokio::test]
async fn a_jwt_login_writes_name_and_e_mail_unless_the_tenant_is_told_otherwise() {
    let portal = portal().await;
    let world = &portal.acme.world;
    let bea = bea(&portal);
    world.set_jwt_takes_over_profile(&portal.acme.tenant, false);
    let email = "bea.novak@acme.example";
    assert_eq!(sign_in(&portal, &bea.subject, "B. from Sales", email, "j1").await.0, StatusCode::OK);
    assert_eq!(world.profile(&bea), profile("Bea Novak", "Bea.Novak@acme.example"));
    world.set_jwt_takes_over_profile(&portal.acme.tenant, true);
    assert_eq!(sign_in(&portal, &bea.subject, "B. from Sales", email, "j2").await.0, StatusCode::OK);
    assert_eq!(world.profile(&bea), profile("B. from Sales", email), "capitals and all");
    let (_, seen) = send(portal.acme.ada(Method::GET, &format!("/api/v1/users/{}", bea.id))).await;
    assert_eq!((&seen["name"], &seen["email"]), (&json!("B. from Sales"), &json!(email)));
    world.set_name(&bea, "Bea Novak");
    assert_eq!(sign_in(&portal, &bea.subject, "Bea Novak", email, "j3").await.0, StatusCode::OK);
    assert_eq!(world.profile(&bea), profile("Bea Novak", email), "what Qlik has changes nothing");
}

#[tokio::test]
async fn it_is_on_from_the_start_and_an_e_mail_that_was_hidden_is_known_then() {
    let portal = portal().await;
    let new = NewUser { email_hidden: true, ..NewUser::new("carl@acme.example") };
    let carl = portal.acme.world.add_user(&portal.acme.tenant, new);
    assert_eq!(sign_in(&portal, &carl.subject, "C", "c@acme.example", "j1").await.0, StatusCode::OK);
    let (_, seen) = send(portal.acme.ada(Method::GET, &format!("/api/v1/users/{}", carl.id))).await;
    assert_eq!((&seen["name"], &seen["email"]), (&json!("C"), &json!("c@acme.example")));
    assert_eq!(portal.acme.world.subject(&carl), carl.subject);
}

#[tokio::test]
async fn a_user_whom_the_e_mail_finds_is_renamed_as_well() {
    let portal = portal().await;
    let bea = bea(&portal);
    let email = "bea.novak@acme.example";
    assert_eq!(sign_in(&portal, "another", "B", email, "j1").await.0, StatusCode::OK);
    assert_eq!(portal.acme.world.profile(&bea), profile("B", email));
    assert_eq!(portal.acme.world.subject(&bea), "another");
}

#[tokio::test]
async fn a_tenant_may_refuse_to_make_users_of_tokens() {
    let portal = portal().await;
    let world = &portal.acme.world;
    world.set_jwt_makes_users(&portal.acme.tenant, false);
    let before = world.users(&portal.acme.tenant);
    let (refused, body) = sign_in(&portal, "s-new", "New", "new@acme.example", "j1").await;
    assert_eq!((refused, code(&body)), (StatusCode::FORBIDDEN, "AUTH-5"));
    assert_eq!(world.users(&portal.acme.tenant), before);
    let bea = bea(&portal);
    assert_eq!(
        sign_in(&portal, &bea.subject, "B", &bea.email, "j2").await.0,
        StatusCode::OK,
        "known ones pass"
    );
}

#[tokio::test]
async fn a_deleted_user_takes_keys_sessions_and_tokens_along_and_is_made_anew_by_the_next_login() {
    let portal = portal().await;
    let world = &portal.acme.world;
    let (bea, key) = portal.acme.user_with_key("bea@acme.example");
    let app = NewApp { name: "Hers".into(), owner: bea.id.clone(), ..NewApp::default() };
    world.add_app(&portal.acme.tenant, app);
    let jar = portal.cookies(&claims(&bea.subject, &bea.email, "j1")).await;
    let by_key = || portal.acme.ask(Method::GET, "/api/v1/items").bearer_auth(&key);
    let by_session = || portal.acme.ask(Method::GET, "/api/v1/items").header("cookie", &jar);
    assert_eq!((status(by_key()).await, status(by_session()).await), (StatusCode::OK, StatusCode::OK));
    let path = format!("/api/v1/users/{}", bea.id);
    assert_eq!(status(portal.acme.ada(Method::DELETE, &path)).await, StatusCode::NO_CONTENT);
    for request in [by_key(), by_session()] {
        assert_eq!(status(request).await, StatusCode::UNAUTHORIZED);
    }
    assert!(world.sessions(&portal.acme.tenant).is_empty());
    let (gone, body) = send(portal.acme.ada(Method::GET, &path)).await;
    assert_eq!((gone, code(&body)), (StatusCode::NOT_FOUND, "USERS-7"));
    assert_eq!(status(portal.acme.ada(Method::DELETE, &path)).await, StatusCode::NOT_FOUND);
    let orphan = world.keys(&portal.acme.tenant).into_iter().find(|k| k.owner == bea.id).unwrap();
    assert!(!orphan.deleted, "keys stay on record");

    assert_eq!(sign_in(&portal, &bea.subject, "Bea", &bea.email, "j2").await.0, StatusCode::OK);
    let anew = world.users(&portal.acme.tenant).into_iter().find(|u| u.subject == bea.subject).unwrap();
    assert_ne!(anew.id, bea.id);
    let made = world.events().pop().unwrap().kind;
    assert!(matches!(made, EventKind::Created { user, .. } if user == anew.id));
    assert_eq!(status(by_key()).await, StatusCode::UNAUTHORIZED, "the key was another's");
    assert_eq!(world.sessions(&portal.acme.tenant).len(), 1);
}

#[tokio::test]
async fn users_are_deleted_by_administrators_alone_and_for_good() {
    let portal = portal().await;
    let (bea, key) = portal.acme.user_with_key("bea@acme.example");
    let path = format!("/api/v1/users/{}", portal.acme.ada.id);
    let (refused, _) = send(portal.acme.ask(Method::DELETE, &path).bearer_auth(key)).await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
    let by_control = format!("/users/{}", bea.id);
    let gone = control(&portal.acme.sandbox, Method::DELETE, &by_control, None).await.0;
    assert_eq!(gone, StatusCode::OK);
    let back = Some(json!({"status": "active"}));
    let (refused, _) = control(&portal.acme.sandbox, Method::PATCH, &by_control, back).await;
    assert_eq!(refused, StatusCode::NOT_FOUND, "nobody comes back");
    let (_, page) = send(portal.acme.ada(Method::GET, "/api/v1/users")).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn deleted_users_are_shown_as_such_where_that_is_switched_on() {
    let portal = portal().await;
    let world = &portal.acme.world;
    let bea = bea(&portal);
    world.set_user_status(&bea, UserStatus::Deleted);
    world.switch(|switches| switches.deleted_users_are_shown = true);
    let (found, body) = send(portal.acme.ada(Method::GET, &format!("/api/v1/users/{}", bea.id))).await;
    assert_eq!((found, &body["status"]), (StatusCode::OK, &json!("deleted")));
    assert_eq!(sign_in(&portal, &bea.subject, "Bea", &bea.email, "j1").await.0, StatusCode::OK);
    world.advance(SignedDuration::from_secs(1));
    let (_, page) = send(portal.acme.ada(Method::GET, "/api/v1/users?sort=status")).await;
    let statuses: Vec<_> = page["data"].as_array().unwrap().iter().map(|u| u["status"].clone()).collect();
    assert_eq!(statuses, ["active", "active", "deleted"].map(Value::from));
}

#[tokio::test]
async fn all_that_is_switched_from_outside_too() {
    let portal = portal().await;
    let path = format!("/tenants/{}", portal.acme.tenant.id);
    let change = json!({"jwt_takes_over_profile": false, "jwt_makes_users": false});
    assert_eq!(control(&portal.acme.sandbox, Method::PATCH, &path, Some(change)).await.0, StatusCode::OK);
    let bea = bea(&portal);
    assert_eq!(sign_in(&portal, &bea.subject, "B", &bea.email, "j1").await.0, StatusCode::OK);
    assert_eq!(portal.acme.world.profile(&bea).0, "Bea Novak");
    let (refused, _) = sign_in(&portal, "s-new", "New", "new@acme.example", "j2").await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
}
