//! The replacement of the signing key where this portal can't do all of it at
//! Qlik: a key that is no Tenant Admin's, and a tenant that was left.

use backend::{
    integration::SaveInput,
    rotation::{Move, PhaseState, Reason, RotationOutcome},
};
use sandbox::{NewTenant, NewUser};

use crate::{
    house::{House, ORIGIN, days, mins},
    rotating::{GRACE, active, asked, house, kids, newcomer, ready, rotate, view, works},
};

/// A key whose owner may read users and nothing else.
async fn with_a_bots_key(h: House) -> House {
    let bot =
        NewUser { manage_api_keys: true, may_read_users: Some(true), ..NewUser::new("bot@acme.example") };
    let bot = h.world.add_user(&h.tenant, bot);
    let (_, token) = h.world.create_key(&bot, "bot", days(3));
    h.identity_provider().await;
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let saved = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(saved.saved, "{saved:#?}");
    h
}

#[tokio::test]
async fn where_the_key_may_not_create_providers_a_person_enters_the_values_and_deletes_the_old() {
    let h = with_a_bots_key(House::new().await).await;
    let old = active(&h).await;
    let end = h.portal.begin_rotation(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RotationOutcome::Waits, "{}", end.says);
    let rotation = view(&h).await.rotation.unwrap();
    assert_eq!(rotation.phases[0].state, PhaseState::Waits);
    assert_eq!(rotation.trouble, None, "nothing is wrong");
    let (values, _) = rotation.by_hand.unwrap();
    h.advance(mins(20));
    rotate(&h.portal).await;
    assert_eq!(view(&h).await.rotation.unwrap().phases[0].state, PhaseState::Waits);

    h.world.add_jwt_idp(&h.tenant, &values.issuer, &values.kid, &values.certificate_pem);
    h.advance(mins(15));
    rotate(&h.portal).await;
    assert_eq!(view(&h).await.rotation.unwrap().phases[2].state, PhaseState::Waits, "ready for the switch");
    asked(&h, Move::Switch).await;
    works(&h.portal, &newcomer(&h, "bea").await, "switched").await;
    asked(&h, Move::Retire).await;
    let rotation = view(&h).await.rotation.unwrap();
    assert_eq!(rotation.left.unwrap().kid, old, "a person has to delete it");
    assert_eq!(kids(&h), [old, values.kid.clone()], "it is not ours to delete");
    assert_eq!(h.portal.stored_signing_keys().await.unwrap(), [values.kid]);
}

#[tokio::test]
async fn values_that_were_entered_by_hand_wrongly_are_told() {
    let h = with_a_bots_key(House::new().await).await;
    h.portal.begin_rotation(&h.ada).await.unwrap();
    let (values, _) = view(&h).await.rotation.unwrap().by_hand.unwrap();
    // The certificate of the other key: its owner can't be told which is which, but it is refused.
    let other = view(&h).await.active.certificate_pem;
    h.world.add_jwt_idp(&h.tenant, &values.issuer, &values.kid, &other);
    asked(&h, Move::Check).await;
    assert_eq!(view(&h).await.rotation.unwrap().phases[0].state, PhaseState::Waits);
    // A Tenant Admin's key sees why.
    let saved = h.portal.save_integration(&h.ada, h.input()).await.unwrap();
    assert!(saved.saved);
    asked(&h, Move::Check).await;
    let trouble = view(&h).await.rotation.unwrap().trouble.unwrap();
    assert_eq!(trouble.reason, Reason::OtherCertificate);
    assert_eq!(asked(&h, Move::Undo).await, RotationOutcome::Done);
    assert_eq!(view(&h).await.rotation.unwrap().left.unwrap().kid, values.kid);
}

#[tokio::test]
async fn a_key_that_became_a_tenant_admins_goes_on_by_itself() {
    let h = with_a_bots_key(House::new().await).await;
    h.portal.begin_rotation(&h.ada).await.unwrap();
    assert!(h.portal.save_integration(&h.ada, h.input()).await.unwrap().saved);
    assert_eq!(asked(&h, Move::Check).await, RotationOutcome::Done);
    assert_eq!(kids(&h).len(), 2);
    assert_eq!(asked(&h, Move::Undo).await, RotationOutcome::Done);
    assert_eq!(kids(&h).len(), 1, "this one is ours to delete");
}

/// Connects the portal to another tenant, in which its active key is known.
async fn move_away(h: &House) {
    let globex = h.world.add_tenant(NewTenant::new("globex", "us"));
    h.world.set_key_config(&globex, days(30), 5);
    let eve = h.world.add_user(&globex, NewUser::admin("ada@acme.example"));
    let web = h.world.add_web_integration(&globex, "Portal", [ORIGIN]);
    let (_, token) = h.world.create_key(&eve, "eve's", days(3));
    let identity = view(h).await.active;
    h.world.add_jwt_idp(&globex, &identity.issuer, &identity.kid, &identity.certificate_pem);
    let input = SaveInput {
        tenant_host: "globex.us.qlikcloud.com".to_owned(),
        web_integration_id: web,
        api_key: Some(token.into()),
        ..h.input()
    };
    h.change(input).await;
}

#[tokio::test]
async fn a_portal_that_moves_to_another_tenant_ends_its_rotation_with_what_is_left_to_do() {
    // Before the switch it can only be called off.
    let h = house().await;
    let (old, new) = ready(&h).await;
    move_away(&h).await;
    rotate(&h.portal).await;
    let rotation = view(&h).await.rotation.unwrap();
    assert_eq!(rotation.moves, [Move::Undo]);
    assert_eq!(rotation.elsewhere.as_deref(), Some("acme.eu.qlikcloud.com"));
    asked(&h, Move::Undo).await;
    assert_eq!(view(&h).await.rotation.unwrap().left.unwrap().kid, new);
    assert_eq!(h.portal.stored_signing_keys().await.unwrap(), [old]);

    // After it the old key goes at its time.
    let h = house().await;
    let (old, new) = ready(&h).await;
    asked(&h, Move::Switch).await;
    h.portal.disconnect(&h.ada, false, false).await.unwrap();
    rotate(&h.portal).await;
    assert_eq!(view(&h).await.rotation.unwrap().moves, [Move::Retire]);
    h.advance(GRACE);
    rotate(&h.portal).await;
    assert_eq!(view(&h).await.rotation.unwrap().left.unwrap().kid, old);
    assert_eq!(h.portal.stored_signing_keys().await.unwrap(), [new]);
}

#[tokio::test]
async fn disconnecting_with_all_that_was_made_removes_both_providers_and_the_rotation_can_be_called_off() {
    let h = house().await;
    let (old, _) = ready(&h).await;
    assert!(h.portal.disconnect(&h.ada, true, true).await.unwrap().disconnected);
    assert!(kids(&h).is_empty(), "nothing of ours is left at Qlik");
    rotate(&h.portal).await;
    asked(&h, Move::Undo).await;
    assert_eq!(h.portal.stored_signing_keys().await.unwrap(), [old]);
}
