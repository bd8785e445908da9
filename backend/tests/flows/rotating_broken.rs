//! The replacement of the signing key when something goes wrong: answers that are
//! lost, two processes at once, providers that others delete.

use backend::{
    Error,
    rotation::{End, Move, PhaseState, Reason, RotationOutcome},
    testing::TestServices,
};
use sandbox::{Effect, Fault};

use crate::{
    house::mins,
    rotating::{GRACE, active, asked, house, kids, logins, newcomer, ready, rotate, view, works},
};

fn status(status: u16) -> Effect {
    Effect::Status { status, code: "TEST-1".to_owned(), title: "made on purpose".to_owned(), body: None }
}

#[tokio::test]
async fn whatever_becomes_of_the_request_for_the_provider_there_is_one_in_the_end() {
    for (what, effect) in [
        ("500", status(500)),
        ("400", status(400)),
        ("409", status(409)),
        ("429", Effect::RateLimited { retry_after_s: 40 }),
        ("cut before", Effect::CutBefore),
        ("cut after", Effect::CutAfter),
        ("malformed", Effect::Malformed),
        ("truncated", Effect::Truncated),
    ] {
        let h = house().await;
        h.world.add_fault(Fault::new("/api/v1/identity-providers", effect).on("POST").once());
        let end = h.portal.begin_rotation(&h.ada).await.unwrap();
        assert_eq!(end.outcome, RotationOutcome::NotDone, "{what}: {}", end.says);
        assert_eq!(view(&h).await.rotation.unwrap().phases[0].state, PhaseState::Failing, "{what}");
        h.advance(mins(1));
        rotate(&h.portal).await;
        let rotation = view(&h).await.rotation.unwrap();
        assert_eq!(rotation.phases[2].state, PhaseState::Waits, "{what}: {:?}", rotation.trouble);
        assert_eq!(kids(&h).len(), 2, "{what}");
        // It is known to be ours, whatever was lost.
        asked(&h, Move::Undo).await;
        h.advance(mins(11));
        rotate(&h.portal).await;
        assert_eq!(kids(&h).len(), 1, "{what}");
        assert!(view(&h).await.rotation.unwrap().left.is_none(), "{what}");
    }
}

#[tokio::test]
async fn whatever_becomes_of_the_deletion_the_old_provider_is_gone_in_the_end() {
    for (what, effect) in [
        ("500", status(500)),
        ("429", Effect::RateLimited { retry_after_s: 40 }),
        ("cut before", Effect::CutBefore),
        ("cut after", Effect::CutAfter),
    ] {
        let h = house().await;
        let (_, new) = ready(&h).await;
        asked(&h, Move::Switch).await;
        h.world.add_fault(Fault::new("/api/v1/identity-providers/*", effect).on("DELETE").once());
        let end = h.portal.move_rotation(&h.ada, Move::Retire).await.unwrap();
        assert_eq!(end.outcome, RotationOutcome::Waits, "{what}: {}", end.says);
        assert_eq!(
            view(&h).await.rotation.unwrap().moves,
            [Move::Check],
            "{what}: there is no way back any more"
        );
        h.advance(mins(1));
        rotate(&h.portal).await;
        assert_eq!(kids(&h), [new], "{what}");
        assert!(view(&h).await.rotation.unwrap().left.is_none(), "{what}");
    }
}

#[tokio::test]
async fn a_request_that_takes_place_after_it_was_called_off_leaves_nothing_behind() {
    let h = house().await;
    let (issuer, kid, pem);
    h.world.add_fault(Fault::new("/api/v1/identity-providers", Effect::CutBefore).on("POST").once());
    h.portal.begin_rotation(&h.ada).await.unwrap();
    {
        let new = view(&h).await.rotation.unwrap().new_kid;
        let identity = h.portal.signing_identity(&h.ada.portal.id, &new).await.unwrap().unwrap();
        (issuer, kid, pem) = (identity.issuer, identity.kid, identity.certificate_pem);
    }
    assert_eq!(asked(&h, Move::Undo).await, RotationOutcome::Waits);
    assert!(view(&h).await.rotation.unwrap().undoing);
    // Qlik was slow: the provider comes now.
    h.world.add_jwt_idp(&h.tenant, &issuer, &kid, &pem);
    h.advance(mins(11));
    rotate(&h.portal).await;
    assert_eq!(kids(&h).len(), 1);
    assert!(matches!(view(&h).await.rotation.unwrap().ended, Some((End::Undone, _))));
}

#[tokio::test]
async fn a_provider_that_comes_twice_of_a_request_that_was_repeated_is_deleted() {
    for undo in [true, false] {
        let h = house().await;
        h.world.add_fault(Fault::new("/api/v1/identity-providers", Effect::CutBefore).on("POST").once());
        h.portal.begin_rotation(&h.ada).await.unwrap();
        h.advance(mins(1));
        rotate(&h.portal).await;
        let again = h.world.idps(&h.tenant).pop().unwrap();
        let late = || h.world.add_jwt_idp(&h.tenant, &again.issuer, &again.kid, &again.pem);
        if undo {
            assert_eq!(asked(&h, Move::Undo).await, RotationOutcome::Waits);
            late();
            h.advance(mins(11));
            rotate(&h.portal).await;
        } else {
            late();
            asked(&h, Move::Switch).await;
            asked(&h, Move::Retire).await;
        }
        assert_eq!(kids(&h), [active(&h).await], "undone: {undo}");
    }
}

#[tokio::test]
async fn of_two_processes_one_begins_and_one_switches_and_both_sign_with_the_same_key() {
    let h = house().await;
    let other = h.portal.another().await.unwrap();
    // The other one has the old key open in memory.
    works(&other, &newcomer(&h, "bea").await, "before").await;
    let (one, two) = tokio::join!(h.portal.begin_rotation(&h.ada), other.begin_rotation(&h.ada));
    assert_eq!(
        [&one, &two].iter().filter(|r| matches!(r, Err(Error::Conflict(_)))).count(),
        1,
        "{one:?} {two:?}"
    );
    assert_eq!(kids(&h).len(), 2);
    let switch = |p: &TestServices| {
        let (p, ada) = (p.services.clone(), h.ada.clone());
        async move { p.move_rotation(&ada, Move::Switch).await }
    };
    let (one, two) = tokio::join!(switch(&h.portal), switch(&other));
    assert_eq!(
        [&one, &two].iter().filter(|r| matches!(r, Err(Error::Conflict(_)))).count(),
        1,
        "{one:?} {two:?}"
    );
    let new = active(&h).await;
    let before = logins(&h, &new);
    works(&other, &newcomer(&h, "carl").await, "the other process").await;
    works(&h.portal, &newcomer(&h, "dora").await, "this process").await;
    assert_eq!(logins(&h, &new), before + 2);
    h.advance(GRACE);
    let (one, two) = tokio::join!(h.portal.rotate_due(), other.rotate_due());
    assert!(one.unwrap() + two.unwrap() >= 1);
    rotate(&other).await;
    assert_eq!(kids(&h), [new]);
}

#[tokio::test]
async fn a_provider_that_takes_a_while_is_tried_again_and_nothing_changes_for_users() {
    let h = house().await;
    h.world.set_fresh_idp_delay(mins(3));
    let end = h.portal.begin_rotation(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RotationOutcome::Waits, "{}", end.says);
    let rotation = view(&h).await.rotation.unwrap();
    assert_eq!(rotation.phases[1].state, PhaseState::Failing);
    assert_eq!(rotation.trouble.unwrap().reason, Reason::Refused);
    assert!(rotation.next.is_some());
    h.world.set_fresh_idp_delay(mins(0));
    works(&h.portal, &newcomer(&h, "bea").await, "announced").await;
    h.world.set_fresh_idp_delay(mins(3));
    h.advance(mins(2));
    rotate(&h.portal).await;
    assert_eq!(view(&h).await.rotation.unwrap().phases[1].state, PhaseState::Failing);
    h.advance(mins(2));
    rotate(&h.portal).await;
    assert_eq!(view(&h).await.rotation.unwrap().phases[2].state, PhaseState::Waits);
    assert_eq!(kids(&h).len(), 2, "it was the same provider");
}

#[tokio::test]
async fn a_new_provider_that_somebody_deletes_is_noticed_before_the_switch_and_made_again() {
    let h = house().await;
    let (old, new) = ready(&h).await;
    h.advance(mins(30));
    h.world.delete_idp(&h.world.idps(&h.tenant)[1].id);
    let end = h.portal.move_rotation(&h.ada, Move::Switch).await.unwrap();
    assert_eq!(end.outcome, RotationOutcome::Waits, "{}", end.says);
    assert!(end.says.contains("created again"), "{}", end.says);
    assert_eq!(active(&h).await, old, "nothing has changed for users");
    assert_eq!(kids(&h), [old.as_str(), new.as_str()]);
    assert_eq!(asked(&h, Move::Switch).await, RotationOutcome::Done);
    assert_eq!(active(&h).await, new);
}

#[tokio::test]
async fn after_the_switch_a_missing_new_provider_keeps_the_old_key_which_can_be_gone_back_to() {
    let h = house().await;
    let (old, new) = ready(&h).await;
    asked(&h, Move::Switch).await;
    h.advance(mins(30));
    let gone = h.world.idps(&h.tenant).into_iter().find(|i| i.kid == new).unwrap();
    h.world.delete_idp(&gone.id);
    assert_eq!(asked(&h, Move::Retire).await, RotationOutcome::NotDone);
    let rotation = view(&h).await.rotation.unwrap();
    assert_eq!(rotation.trouble.unwrap().reason, Reason::Missing);
    assert_eq!(kids(&h), [old.as_str()], "the old provider is the last one that works");
    assert_eq!(asked(&h, Move::Back).await, RotationOutcome::Done);
    works(&h.portal, &newcomer(&h, "bea").await, "back").await;
}

#[tokio::test]
async fn an_old_provider_that_somebody_deleted_is_no_way_back_and_no_hindrance() {
    let h = house().await;
    let (old, new) = ready(&h).await;
    asked(&h, Move::Switch).await;
    let gone = h.world.idps(&h.tenant).into_iter().find(|i| i.kid == old).unwrap();
    h.world.delete_idp(&gone.id);
    assert_eq!(asked(&h, Move::Back).await, RotationOutcome::NotDone);
    assert_eq!(active(&h).await, new, "users sign in with the key that works");
    h.advance(mins(1));
    assert_eq!(asked(&h, Move::Retire).await, RotationOutcome::Done);
    assert!(view(&h).await.rotation.unwrap().left.is_none());
}

#[tokio::test]
async fn a_session_for_the_wrong_user_is_closed_and_proves_nothing() {
    let h = house().await;
    let (old, _) = ready(&h).await;
    let open = h.world.sessions(&h.tenant).len();
    let eve = h.world.add_user(&h.tenant, sandbox::NewUser::new("eve@acme.example"));
    // The proof's users/me answers for somebody else.
    let body = format!(
        r#"{{"id":"{}","subject":"{}","name":"Eve","email":"eve@acme.example","status":"active"}}"#,
        eve.id, eve.subject
    );
    let wrong = Effect::Status { status: 200, code: String::new(), title: String::new(), body: Some(body) };
    h.world.add_fault(Fault::new("/api/v1/users/me", wrong).after(1).once());
    assert_eq!(asked(&h, Move::Switch).await, RotationOutcome::NotDone);
    let trouble = view(&h).await.rotation.unwrap().trouble.unwrap();
    assert_eq!(trouble.reason, Reason::WrongUser);
    assert_eq!(active(&h).await, old);
    assert_eq!(h.world.sessions(&h.tenant).len(), open, "it was closed");
}

#[tokio::test]
async fn a_dead_api_key_and_an_origin_that_is_not_listed_are_told_apart() {
    let h = house().await;
    ready(&h).await;
    h.world.set_origins(&h.web, [""; 0]);
    assert_eq!(asked(&h, Move::Switch).await, RotationOutcome::NotDone);
    assert_eq!(view(&h).await.rotation.unwrap().trouble.unwrap().reason, Reason::Origin);
    h.world.set_origins(&h.web, [crate::house::ORIGIN]);
    h.world.revoke_key(&h.key_id);
    h.advance(mins(1));
    assert_eq!(asked(&h, Move::Switch).await, RotationOutcome::NotDone);
    assert_eq!(view(&h).await.rotation.unwrap().trouble.unwrap().reason, Reason::ApiKey);
}
