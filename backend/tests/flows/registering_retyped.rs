//! Qlik credentials where the user types the very password that is stored: it is that
//! which is tried, so a refusal is a refusal of the stored one.

use backend::credentials::CredentialState as State;
use sandbox::{Effect, Fault};

use crate::{
    house::mins,
    registering::{BEA, RIGHT, Scene, wrong},
};

#[tokio::test]
async fn the_stored_password_typed_once_more_and_refused_is_not_sent_a_second_time() {
    let s = Scene::registered().await;
    s.h.world.set_password(BEA, "changed at Qlik");
    let before = s.tries();
    let saved = s.save(RIGHT).await;
    assert_eq!((saved.view.state, saved.view.stored), (State::Refused, false), "{saved:?}");
    assert!(saved.view.says.unwrap().contains("is deleted"));
    s.h.advance(mins(60));
    s.trouble().await;
    assert_eq!(s.tries() - before, 1, "not by itself");
    assert_eq!(wrong(s.try_save(RIGHT).await), ("qlik_password", "same_as_refused"));
    // One that works is the one that is stored.
    let s = Scene::registered().await;
    assert!(s.save(RIGHT).await.stored);
    assert_eq!(s.state().await, (State::Works, true));
    assert_eq!(s.apps().await, Ok(1), "its session is used");
    assert_eq!(s.tries(), 2);
}

#[tokio::test]
async fn the_stored_password_typed_once_more_with_the_answer_lost_is_unclear_and_may_be_tried_once() {
    let s = Scene::registered().await;
    let before = s.tries();
    for stored in [true, false] {
        s.h.world.add_fault(Fault::new("/usernamepassword/login", Effect::CutAfter).once());
        let saved = s.save(RIGHT).await;
        assert_eq!((saved.view.state, saved.view.stored), (State::Unclear, stored), "{saved:?}");
        s.h.advance(mins(60));
        s.trouble().await;
    }
    assert_eq!(s.tries() - before, 2, "none by itself");
}
