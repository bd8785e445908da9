//! Qlik credentials where answers are lost and processes end: nobody knows whether
//! the password was refused, so it is the user who decides about one more try.

use std::sync::Arc;

use backend::{credentials::CredentialState as State, door::TroubleKind};
use sandbox::{Effect, Fault, LoginShape};
use secrecy::SecretString;

use crate::{
    house::{House, mins},
    registering::{BEA, RIGHT, Scene, in_flight, wrong},
};

const LOGIN: &str = "/usernamepassword/login";

fn lose_answer(s: &Scene) {
    s.h.world.add_fault(Fault::new(LOGIN, Effect::CutAfter).once());
}

#[tokio::test]
async fn a_lost_answer_is_unclear_and_the_user_may_try_once_more() {
    let s = Scene::registered().await;
    let before = s.tries();
    lose_answer(&s);
    assert_eq!(s.trouble().await.kind, TroubleKind::CredentialsRefused);
    assert_eq!(s.state().await, (State::Unclear, true));
    s.h.advance(mins(60));
    s.trouble().await;
    assert_eq!(s.tries() - before, 1, "not by itself");
    assert!(s.view().await.may_try_again);
    let again = s.h.portal.try_credentials_again(&s.bea).await.unwrap();
    assert!(again.stored && again.view.stored, "{again:?}");
    assert_eq!(s.state().await, (State::Works, true));
    assert_eq!(s.apps().await, Ok(1), "its session is used");
    assert_eq!(s.tries() - before, 2);
}

#[tokio::test]
async fn a_second_lost_answer_wipes_the_password() {
    let s = Scene::registered().await;
    lose_answer(&s);
    s.trouble().await;
    s.h.advance(mins(20));
    lose_answer(&s);
    let again = s.h.portal.try_credentials_again(&s.bea).await.unwrap();
    assert_eq!((again.view.state, again.view.stored), (State::Unclear, false));
    assert!(!again.view.may_try_again);
    assert!(s.h.portal.try_credentials_again(&s.bea).await.is_err());
    assert!(s.save(RIGHT).await.stored, "what is typed anew may be tried");
}

#[tokio::test]
async fn the_one_more_try_is_refused_where_the_password_changed_and_that_is_the_end() {
    let s = Scene::registered().await;
    s.h.world.set_password(BEA, "changed at Qlik");
    let before = s.tries();
    lose_answer(&s);
    s.trouble().await;
    let again = s.h.portal.try_credentials_again(&s.bea).await.unwrap();
    assert_eq!((again.view.state, again.view.stored), (State::Refused, false));
    assert!(s.h.portal.try_credentials_again(&s.bea).await.is_err());
    s.h.advance(mins(60));
    s.trouble().await;
    assert_eq!(s.tries() - before, 2);
}

#[tokio::test]
async fn what_works_is_not_tried_again_on_request() {
    let s = Scene::registered().await;
    let before = s.tries();
    assert!(s.h.portal.try_credentials_again(&s.bea).await.is_err());
    assert_eq!(s.tries(), before);
}

#[tokio::test]
async fn a_page_that_is_mended_takes_the_password_after_an_explicit_try_only() {
    let s = Scene::registered().await;
    s.h.world.set_login_shape(LoginShape::Changed);
    s.trouble().await;
    s.h.world.set_login_shape(LoginShape::Form);
    s.h.advance(mins(60));
    s.trouble().await;
    assert_eq!(s.state().await, (State::Unexpected, true));
    s.h.world.set_login_shape(LoginShape::Changed);
    let again = s.h.portal.try_credentials_again(&s.bea).await.unwrap();
    assert_eq!((again.view.state, again.view.stored), (State::Unexpected, true), "nothing was sent");
    s.h.world.set_login_shape(LoginShape::Form);
    assert!(s.h.portal.try_credentials_again(&s.bea).await.unwrap().stored);
}

#[tokio::test]
async fn an_outage_before_anything_is_sent_loses_nothing() {
    let s = Scene::registered().await;
    let before = s.tries();
    for path in ["/login", "/authorize"] {
        s.h.world.add_fault(Fault::new(path, Effect::CutBefore).once());
        let trouble = s.trouble().await;
        assert_eq!(trouble.kind, TroubleKind::QlikAway, "{path}: {trouble:?}");
        assert_eq!(s.state().await, (State::Works, true), "{path}");
        s.h.advance(mins(1));
    }
    assert_eq!(s.tries(), before);
    assert_eq!(s.apps().await, Ok(1), "it goes on by itself");
    let s = Scene::new().await;
    s.h.world.add_fault(Fault::new("/login", Effect::CutBefore).once());
    let saved = s.save(RIGHT).await;
    assert_eq!((saved.view.state, saved.view.stored), (State::NotRegistered, false));
    assert!(saved.view.says.unwrap().contains("was not sent"));
    assert!(s.save(RIGHT).await.stored);
}

/// A process that ends while Qlik judges the password, if it gets so far: it was
/// told to register this one, or to open the apps.
pub(crate) async fn dies(h: Arc<House>, typed: Option<&'static str>) {
    h.world.hold_logins(true);
    let process = tokio::runtime::Runtime::new().unwrap();
    let house = Arc::clone(&h);
    let work = process.spawn(async move {
        let portal = house.portal.another().await.unwrap();
        let user = sqlx::query_scalar::<_, String>("SELECT id FROM users WHERE email = ?").bind(BEA);
        let user = user.fetch_one(portal.db().read()).await.unwrap();
        let bea = portal.actor(&user).await.unwrap().unwrap();
        match typed {
            Some(typed) => drop(portal.register_credentials(&bea, SecretString::from(typed)).await),
            None => drop(portal.my_apps(&bea, backend::apps::AppsQuery::default()).await),
        }
    });
    tokio::select! {
        () = in_flight(&h) => {}
        done = work => done.unwrap(),
    }
    process.shutdown_background();
    h.world.hold_logins(false);
}

/// The scene, its house shared with a process that ends.
async fn shared(registered: bool) -> (Arc<House>, backend::Actor) {
    let s = if registered { Scene::registered().await } else { Scene::new().await };
    (Arc::new(s.h), s.bea)
}

async fn stands(h: &House, bea: &backend::Actor) -> (State, bool) {
    let view = h.portal.credentials(bea).await.unwrap().unwrap();
    (view.state, view.stored)
}

#[tokio::test]
async fn a_process_that_ends_in_a_try_of_the_door_leaves_it_unclear() {
    let (h, bea) = shared(true).await;
    let before = h.world.tries(BEA).tries;
    dies(Arc::clone(&h), None).await;
    assert_eq!(stands(&h, &bea).await, (State::Trying, true));
    let saved = h.portal.register_credentials(&bea, RIGHT.to_owned().into()).await;
    assert_eq!(wrong(saved), ("qlik_password", "wait"), "it may still be under way");
    h.advance(mins(2));
    assert_eq!(stands(&h, &bea).await, (State::Unclear, true));
    let trouble = crate::registering::apps(&h, &bea).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::CredentialsRefused);
    assert_eq!(h.world.tries(BEA).tries - before, 1, "not by itself");
    assert!(h.portal.try_credentials_again(&bea).await.unwrap().stored);
}

#[tokio::test]
async fn a_process_that_ends_in_a_save_leaves_nothing_stored_and_an_older_password_as_it_was() {
    let (h, bea) = shared(false).await;
    dies(Arc::clone(&h), Some(RIGHT)).await;
    h.advance(mins(2));
    assert_eq!(stands(&h, &bea).await, (State::Unclear, false));
    assert!(h.portal.register_credentials(&bea, RIGHT.to_owned().into()).await.unwrap().stored);

    let (h, bea) = shared(true).await;
    dies(Arc::clone(&h), Some("another")).await;
    assert_eq!(stands(&h, &bea).await, (State::Trying, true));
    h.advance(mins(2));
    assert_eq!(stands(&h, &bea).await, (State::Works, true));
    assert_eq!(crate::registering::apps(&h, &bea).await, Ok(1));
}

#[tokio::test]
async fn a_clock_that_is_put_back_far_holds_no_try_up_for_as_long() {
    let (h, bea) = shared(true).await;
    dies(Arc::clone(&h), None).await;
    h.advance(mins(-180));
    assert_eq!(stands(&h, &bea).await, (State::Unclear, true));
    assert!(h.portal.try_credentials_again(&bea).await.unwrap().stored);
}
