//! Qlik credentials that Qlik refuses: each reason has its state and its words, and
//! nothing is sent a second time by itself.

use backend::{
    audit,
    credentials::CredentialState as State,
    door::{TroubleKind, Who},
};
use sandbox::{AccountCondition, Effect, Fault, LoginShape};

use crate::{
    house::{HOST, mins},
    registering::{BEA, RIGHT, Scene, after, wrong},
};

#[tokio::test]
async fn a_wrong_password_is_not_stored_and_the_same_one_is_not_sent_again() {
    let s = Scene::new().await;
    let saved = s.save("wrong").await;
    assert!(!saved.stored && !saved.view.stored && !saved.view.may_try_again, "{saved:?}");
    assert_eq!(saved.view.state, State::Refused);
    assert_eq!(wrong(s.try_save("wrong").await), ("qlik_password", "same_as_refused"));
    assert_eq!(s.tries(), 1);
    let trouble = s.trouble().await;
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::CredentialsRefused, Who::You));
    assert_eq!(s.tries(), 1, "opening the apps sends nothing");
    assert_eq!(s.audited(audit::CREDENTIALS_REFUSED).await, [serde_json::json!({ "state": "refused" })]);
    assert!(s.save(RIGHT).await.stored);
    assert_eq!(s.tries(), 2);
}

#[tokio::test]
async fn what_was_refused_is_forgotten_with_the_rest_but_how_often_is_not() {
    let s = Scene::new().await;
    s.save("wrong").await;
    s.h.portal.remove_credentials(&s.bea).await.unwrap();
    assert_eq!(s.state().await, (State::NotRegistered, false));
    assert!(!s.save("wrong").await.stored, "it is sent");
    s.h.portal.remove_credentials(&s.bea).await.unwrap();
    assert!(!s.save("wrong").await.stored);
    s.h.portal.remove_credentials(&s.bea).await.unwrap();
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 15 * 60, "three in a row are three");
    assert_eq!(s.tries(), 3);
}

#[tokio::test]
async fn a_typed_password_that_is_wrong_leaves_the_stored_one_that_works() {
    let s = Scene::registered().await;
    let saved = s.save("wrong").await;
    assert!(!saved.stored && saved.view.stored, "{saved:?}");
    assert_eq!(saved.view.state, State::Works);
    assert!(saved.view.says.unwrap().contains("stays as it was"));
    assert_eq!(s.view().await.says, None, "the next page tells how it stands");
    s.h.advance(mins(1));
    assert_eq!(s.apps().await, Ok(1));
}

#[tokio::test]
async fn a_typed_password_that_is_right_but_needs_a_second_factor_wipes_the_stored_one() {
    let s = Scene::registered().await;
    s.h.world.set_password(BEA, "a new one");
    s.h.world.set_otp(BEA, Some("123456"));
    let saved = s.save("a new one").await;
    assert_eq!((saved.view.state, saved.view.stored), (State::MfaNeeded, false));
    assert!(saved.view.says.unwrap().contains("is deleted"));
}

/// Answers as Qlik's login host does for an account that is blocked
/// (<https://auth0.com/docs/libraries/common-auth0-library-authentication-errors>).
pub(crate) fn block(s: &Scene) {
    let body = Some(r#"{"code":"unauthorized","description":"user is blocked","statusCode":401}"#.to_owned());
    let blocked = Effect::Status { status: 401, code: String::new(), title: String::new(), body };
    s.h.world.add_fault(Fault::new("/usernamepassword/login", blocked));
}

/// How often a password was posted, whatever came of it.
fn posts(s: &Scene) -> usize {
    s.h.world.log().iter().filter(|e| e.path == "/usernamepassword/login").count()
}

type Arrange = fn(&Scene);
/// What, how it comes about, the state, whether a stored password stays, and how
/// often it was sent.
type Row = (&'static str, Arrange, State, bool, usize);

const TABLE: [Row; 11] = [
    ("another password", |s| s.h.world.set_password(BEA, "changed at Qlik"), State::Refused, false, 1),
    ("a second factor", |s| s.h.world.set_otp(BEA, Some("123456")), State::MfaNeeded, false, 1),
    ("blocked", block, State::Blocked, false, 1),
    ("blocked after too many tries", |s| s.h.world.set_blocked(BEA, true), State::TooMany, false, 1),
    (
        "a stolen password",
        |s| s.h.world.set_account_condition(BEA, AccountCondition::PasswordLeaked),
        State::Account,
        false,
        1,
    ),
    (
        "an expired password",
        |s| s.h.world.set_account_condition(BEA, AccountCondition::PasswordExpired),
        State::Account,
        false,
        1,
    ),
    (
        "an unconfirmed e-mail",
        |s| s.h.world.set_account_condition(BEA, AccountCondition::Unverified),
        State::Account,
        false,
        1,
    ),
    ("a captcha", |s| s.h.world.set_login_shape(LoginShape::Captcha), State::Account, true, 0),
    (
        "a page that nobody knows",
        |s| s.h.world.set_login_shape(LoginShape::Changed),
        State::Unexpected,
        true,
        0,
    ),
    (
        "a corporate provider",
        |s| s.h.world.set_corporate_idp(&s.h.tenant, true),
        State::SignInChanged,
        true,
        0,
    ),
    (
        "another user's session",
        |s| s.h.world.set_email(&s.qlik_bea, "other@acme.example"),
        State::OtherUser,
        false,
        1,
    ),
];

#[tokio::test]
async fn each_reason_has_its_state_where_a_stored_password_meets_it() {
    for (what, arrange, state, stays, sent) in TABLE {
        let s = Scene::registered().await;
        let before = posts(&s);
        arrange(&s);
        let trouble = s.trouble().await;
        assert_eq!(s.state().await, (state, stays), "{what}: {trouble:?}");
        assert_eq!(posts(&s) - before, sent, "{what}");
        assert!(!trouble.says.is_empty() && !trouble.remedy.is_empty(), "{what}: {trouble:?}");
        s.h.advance(mins(60));
        for _ in 0..3 {
            assert_eq!(s.trouble().await.kind, trouble.kind, "{what}");
        }
        assert_eq!(posts(&s) - before, sent, "{what}: not again");
        assert_eq!(s.view().await.may_try_again, stays, "{what}");
        let refused = s.audited(audit::CREDENTIALS_REFUSED).await;
        assert_eq!(refused, [serde_json::json!({ "state": state.as_str() })], "{what}");
    }
}

#[tokio::test]
async fn each_reason_has_its_state_where_a_typed_password_meets_it_and_nothing_is_stored() {
    for (what, arrange, state, _, sent) in TABLE {
        let s = Scene::new().await;
        arrange(&s);
        let saved = s.save(RIGHT).await;
        assert!(!saved.stored, "{what}");
        assert_eq!((saved.view.state, saved.view.stored), (state, false), "{what}: {saved:?}");
        assert!(saved.view.says.is_some() && saved.view.remedy.is_some(), "{what}");
        assert_eq!(posts(&s), sent, "{what}");
        assert_eq!(s.h.portal.stored_passwords(&s.bea.portal.id).await.unwrap(), 0, "{what}");
        s.h.advance(mins(60));
        s.trouble().await;
        assert_eq!(posts(&s), sent, "{what}: not again");
    }
}

#[tokio::test]
async fn an_account_that_is_no_user_of_the_tenant_is_told_so() {
    let s = Scene::new().await;
    s.h.world.delete_user(&s.qlik_bea);
    let saved = s.save(RIGHT).await;
    assert_eq!((saved.view.state, saved.view.stored), (State::NotMember, false));
    assert_eq!(s.trouble().await.kind, TroubleKind::NoQlikUser);
}

#[tokio::test]
async fn a_tenant_that_refuses_after_the_password_says_why_and_what_to_give_to_support() {
    let s = Scene::new().await;
    let said = Effect::Status {
        status: 400,
        code: "LOGIN-12".to_owned(),
        title: "Multiple active users detected with the same e-mail".to_owned(),
        body: None,
    };
    s.h.world.add_fault(Fault { host: Some(HOST.to_owned()), ..Fault::new("/login/callback", said) });
    let saved = s.save(RIGHT).await;
    assert_eq!((saved.view.state, saved.view.stored), (State::Unexpected, false));
    let view = s.view().await;
    let says = view.says.unwrap();
    assert!(
        says.contains("accepts this e-mail and password") && says.contains("HTTP 400, LOGIN-12"),
        "{says}"
    );
    s.h.advance(mins(60));
    s.trouble().await;
    assert_eq!(s.tries(), 1, "not again");
}

#[tokio::test]
async fn a_page_that_nobody_knows_is_described_to_the_user_and_to_the_administrator() {
    let s = Scene::registered().await;
    s.h.world.set_login_shape(LoginShape::Changed);
    s.trouble().await;
    let own = s.view().await.says.unwrap();
    let states = s.h.portal.credential_states(&s.h.ada).await.unwrap();
    assert_eq!(states[&s.bea.user_id].says.as_deref(), Some(own.as_str()));
    assert!(own.contains("It saw: at the login page, login.qlik.com/login 200 text/html"), "{own}");
    assert!(own.ends_with("The password was not sent."), "{own}");
}

#[tokio::test]
async fn a_password_that_was_changed_at_qlik_is_tried_once_and_never_again() {
    let s = Scene::registered().await;
    s.h.world.set_password(BEA, "changed at Qlik");
    let before = s.tries();
    for _ in 0..5 {
        s.trouble().await;
        s.h.advance(mins(20));
    }
    assert_eq!(s.tries() - before, 1);
    assert_eq!(wrong(s.try_save(RIGHT).await), ("qlik_password", "same_as_refused"));
    assert!(s.save("changed at Qlik").await.stored);
    s.h.advance(mins(60));
    assert_eq!(s.apps().await, Ok(1));
}

#[tokio::test]
async fn what_was_registered_for_another_tenant_counts_as_unused() {
    let s = Scene::registered().await;
    let mut db = s.h.portal.db().write().await.unwrap();
    sqlx::query("UPDATE qlik_credentials SET tenant_host = 'globex.eu.qlikcloud.com'")
        .execute(&mut *db)
        .await
        .unwrap();
    db.commit().await.unwrap();
    let before = s.tries();
    assert_eq!(s.trouble().await.kind, TroubleKind::NotRegistered);
    assert_eq!(s.view().await.state, State::Unused);
    assert_eq!(s.tries(), before);
}
