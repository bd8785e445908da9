//! Qlik credentials in times in which no sign-in is begun: because Qlik asks for it, of
//! one account or of all, or because too many were refused.

use backend::{Actor, credentials::CredentialState as State, door::TroubleKind};
use jiff::SignedDuration;
use sandbox::{Effect, Fault, NewAccount, NewUser};

use crate::{
    house::mins,
    registering::{RIGHT, Scene, after, apps},
    registering_refused::block,
};

#[tokio::test]
async fn after_three_refusals_there_is_a_pause_and_a_success_ends_the_count() {
    let s = Scene::new().await;
    for typed in ["one", "two"] {
        assert_eq!(s.save(typed).await.view.hold_until, None);
    }
    let third = s.save("three").await.view;
    assert_eq!(third.hold_until, Some(s.h.portal.now() + mins(15)));
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 15 * 60);
    s.h.advance(mins(14));
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 60);
    s.h.advance(mins(1));
    s.save("four").await;
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 15 * 60, "each further one pauses too");
    s.h.advance(mins(15));
    assert!(s.save(RIGHT).await.stored);
    assert_eq!(s.save("five").await.view.hold_until, None);
    assert_eq!(s.tries(), 6);
}

#[tokio::test]
async fn a_hold_of_a_clock_that_was_put_back_holds_nothing_up() {
    let s = Scene::new().await;
    for typed in ["one", "two", "three"] {
        s.save(typed).await;
    }
    s.h.advance(SignedDuration::from_hours(-48));
    assert!(s.save(RIGHT).await.stored);
}

#[tokio::test]
async fn a_block_holds_the_user_up_for_a_quarter_of_an_hour_and_nobody_else() {
    let s = Scene::new().await;
    block(&s);
    let saved = s.save(RIGHT).await;
    s.h.world.clear_faults();
    assert_eq!(saved.view.hold_until, Some(s.h.portal.now() + mins(15)));
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 15 * 60);
    s.h.world.add_account(NewAccount::new("ada@acme.example", "ada's own"));
    assert!(s.h.portal.register_credentials(&s.h.ada, "ada's own".to_owned().into()).await.unwrap().stored);
}

#[tokio::test]
async fn five_failures_in_a_row_block_and_by_then_there_were_pauses() {
    let s = Scene::new().await;
    let start = s.h.portal.now();
    for typed in 1..=5 {
        let saved = s.save(&format!("wrong {typed}")).await;
        assert_eq!(saved.view.state, State::Refused);
        let until = saved.view.hold_until.unwrap_or(s.h.portal.now());
        s.h.advance(until.duration_since(s.h.portal.now()));
    }
    assert!(s.h.portal.now().duration_since(start) >= mins(45));
    assert_eq!(s.save(RIGHT).await.view.state, State::TooMany, "Qlik refuses it unseen");
}

pub(crate) async fn cora(s: &Scene) -> Actor {
    s.h.portal.many_users(&s.bea.portal.id, 1).await.unwrap();
    let cora = s.h.portal.actor("many-1").await.unwrap().unwrap();
    s.h.world.add_user(&s.h.tenant, NewUser::new(&cora.email));
    s.h.world.add_account(NewAccount::new(&cora.email, "cora's own"));
    cora
}

#[tokio::test]
async fn one_user_s_429_stops_the_others_for_a_minute_and_a_second_one_s_for_the_time_named() {
    let s = Scene::registered().await;
    let cora = cora(&s).await;
    s.h.portal.register_credentials(&cora, "cora's own".to_owned().into()).await.unwrap();
    s.h.advance(mins(60));
    s.h.world.set_login_rate_limited(Some(1800));
    let trouble = s.trouble().await;
    assert_eq!((trouble.kind, trouble.retry_after_s), (TroubleKind::RateLimited, Some(1800)));
    assert_eq!(s.trouble().await.retry_after_s, Some(1800));
    assert_eq!(s.state().await, (State::TooMany, false), "it was sent, so it is not kept");
    let before = s.h.world.tries(&cora.email).tries;
    let held = apps(&s.h, &cora).await.unwrap_err();
    assert_eq!((held.kind, held.retry_after_s), (TroubleKind::RateLimited, Some(60)));
    let other = s.h.portal.another().await.unwrap();
    let there = other.register_credentials(&cora, "cora's own".to_owned().into()).await;
    assert_eq!(after(&s.h, there), 60, "other processes keep to it too");
    assert_eq!(s.h.world.tries(&cora.email).tries, before);
    s.h.advance(mins(1));
    // Qlik says so to a second user: now it is about everybody.
    let said = apps(&s.h, &cora).await.unwrap_err();
    assert_eq!((said.kind, said.retry_after_s), (TroubleKind::RateLimited, Some(1800)));
    s.h.world.set_login_rate_limited(None);
    let third = s.h.portal.register_credentials(&s.h.ada, "ada's own".to_owned().into()).await;
    assert_eq!(after(&s.h, third), 1800);
    s.h.advance(mins(30));
    s.h.world.add_account(NewAccount::new("ada@acme.example", "ada's own"));
    assert!(s.h.portal.register_credentials(&s.h.ada, "ada's own".to_owned().into()).await.unwrap().stored);
}

#[tokio::test]
async fn one_account_s_too_many_attempts_hold_up_that_account_alone() {
    let many = |body: &str| Effect::Status {
        status: 429,
        code: String::new(),
        title: String::new(),
        body: Some(body.to_owned()),
    };
    for body in [r#"{"code":"too_many_attempts","statusCode":429}"#, r#"{"code":"blocked_user"}"#] {
        let s = Scene::new().await;
        let cora = cora(&s).await;
        s.h.world.add_fault(Fault::new("/usernamepassword/login", many(body)).once());
        assert!(!s.save(RIGHT).await.stored);
        assert!(after(&s.h, s.try_save(RIGHT).await) >= 600, "{body}: theirs is held");
        let others = s.h.portal.register_credentials(&cora, "cora's own".to_owned().into()).await.unwrap();
        assert!(others.stored, "{body}: {others:?}");
    }
}

#[tokio::test]
async fn a_429_that_names_no_time_stops_the_others_for_a_minute() {
    let s = Scene::new().await;
    let cora = cora(&s).await;
    let path = "/usernamepassword/login";
    let body = Some(r#"{"code":"too_many_requests","statusCode":429}"#.to_owned());
    let many = Effect::Status { status: 429, code: String::new(), title: String::new(), body };
    s.h.world.add_fault(Fault::new(path, many).once());
    assert_eq!(s.save(RIGHT).await.view.state, State::TooMany);
    let held = s.h.portal.register_credentials(&cora, "cora's own".to_owned().into()).await;
    assert_eq!(after(&s.h, held), 60);
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 600, "and who was told so for ten");
}

#[tokio::test]
async fn a_429_that_does_not_tell_whose_tries_it_means_stops_all_however_short_the_time_it_names() {
    let path = "/usernamepassword/login";
    let many = |body: &str| Effect::Status {
        status: 429,
        code: String::new(),
        title: String::new(),
        body: Some(body.to_owned()),
    };
    for (effect, seconds) in [
        (many(r#"{"error":"access_denied"}"#), 60),
        (many(""), 60),
        (Effect::RateLimited { retry_after_s: 0 }, 15),
    ] {
        let s = Scene::new().await;
        let cora = cora(&s).await;
        s.h.world.add_fault(Fault::new(path, effect.clone()).once());
        assert!(!s.save(RIGHT).await.stored);
        let held = s.h.portal.register_credentials(&cora, "cora's own".to_owned().into()).await;
        assert_eq!(after(&s.h, held), seconds, "{effect:?}");
    }
}
