//! One-time links.

use backend::{
    Error, Role,
    people::{Invitation, InvitedUser},
};
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use crate::house::{House, OTHER_PASSWORD, OWNER, PASSWORD, disable, new_user, refused, signs_in};

async fn invited() -> (House, backend::Actor, Invitation) {
    let (house, owner) = House::with_owner().await;
    let invitation = house.services.add_user(&owner, new_user("new@acme.example", Role::User)).await.unwrap();
    (house, owner, invitation)
}

async fn opens(house: &House, invitation: &Invitation) -> bool {
    house.services.invitation(invitation.token.expose_secret()).await.unwrap().is_some()
}

#[tokio::test]
async fn a_link_tells_whom_it_is_for_and_lets_them_in_once() {
    let (house, owner, invitation) = invited().await;
    let token = invitation.token.expose_secret();
    assert_eq!(token.len(), 43);
    assert_eq!(
        house.services.invitation(token).await.unwrap(),
        Some(InvitedUser {
            email: "new@acme.example".into(),
            name: "Name of new@acme.example".into(),
            portal_name: "Acme reports".into()
        })
    );
    let actor = house.accept(&invitation, PASSWORD).await.unwrap();
    assert_eq!((actor.role, actor.is_owner), (Role::User, false));
    assert_eq!(actor.portal, owner.portal);
    assert_eq!(house.services.actor(&actor.user_id).await.unwrap(), Some(actor));
    assert!(signs_in(&house, &owner.portal, "new@acme.example", PASSWORD).await);

    assert!(!opens(&house, &invitation).await);
    assert_eq!(refused(house.accept(&invitation, OTHER_PASSWORD).await), [("token", "bad_token")]);
    assert!(!signs_in(&house, &owner.portal, "new@acme.example", OTHER_PASSWORD).await);
}

#[tokio::test]
async fn two_accepts_of_one_link_at_once_let_one_in() {
    let (house, owner, invitation) = invited().await;
    let (a, b) = tokio::join!(house.accept(&invitation, PASSWORD), house.accept(&invitation, OTHER_PASSWORD));
    let (first, second) = (a.is_ok(), b.is_ok());
    assert!(first ^ second, "{first} {second}");
    assert_eq!(refused(if first { b } else { a }), [("token", "bad_token")]);
    assert_eq!(signs_in(&house, &owner.portal, "new@acme.example", PASSWORD).await, first);
    assert_eq!(signs_in(&house, &owner.portal, "new@acme.example", OTHER_PASSWORD).await, second);
}

#[tokio::test]
async fn a_link_works_for_seven_days_and_not_longer() {
    let (house, _, invitation) = invited().await;
    house.clock.advance(SignedDuration::from_hours(168) - SignedDuration::from_secs(1));
    assert!(opens(&house, &invitation).await);
    house.clock.advance(SignedDuration::from_secs(1));
    assert!(!opens(&house, &invitation).await);
    assert_eq!(refused(house.accept(&invitation, PASSWORD).await), [("token", "expired")]);
}

#[tokio::test]
async fn an_unknown_token_lets_nobody_in() {
    let (house, _, invitation) = invited().await;
    let mut near = invitation.token.expose_secret().to_owned();
    near.pop();
    for token in ["", "x", near.as_str()] {
        assert_eq!(house.services.invitation(token).await.unwrap(), None);
        let end = house.services.accept_invitation(token, PASSWORD.into()).await;
        assert_eq!(refused(end), [("token", "bad_token")]);
    }
}

#[tokio::test]
async fn a_bad_password_leaves_the_link_as_it_was() {
    let (house, _, invitation) = invited().await;
    assert_eq!(refused(house.accept(&invitation, "short").await), [("password", "too_short")]);
    assert_eq!(refused(house.accept(&invitation, "NEW@acme.example").await), [("password", "same_as_email")]);
    house.accept(&invitation, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_new_link_ends_the_older_one() {
    let (house, owner, old) = invited().await;
    house.clock.advance(SignedDuration::from_hours(1));
    let new = house.services.new_invitation(&owner, &old.user_id).await.unwrap();
    assert_eq!(house.row(&owner, &old.user_id).await.invitation_expires, Some(new.expires_at));
    assert!(!opens(&house, &old).await);
    assert!(opens(&house, &new).await);
    assert_eq!(refused(house.accept(&old, PASSWORD).await), [("token", "bad_token")]);
    house.accept(&new, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_link_for_a_lost_password_replaces_it_when_used_and_ends_older_sessions() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let link = house.services.new_invitation(&owner, &user.user_id).await.unwrap();
    assert!(signs_in(&house, &owner.portal, &user.email, PASSWORD).await);
    assert_eq!(house.services.actor(&user.user_id).await.unwrap(), Some(user.clone()));

    let back = house.accept(&link, OTHER_PASSWORD).await.unwrap();
    assert!(back.auth_epoch > user.auth_epoch);
    assert!(!signs_in(&house, &owner.portal, &user.email, PASSWORD).await);
    assert!(signs_in(&house, &owner.portal, &user.email, OTHER_PASSWORD).await);
}

#[tokio::test]
async fn a_disabled_user_gets_no_link_and_the_one_they_have_is_dead() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let link = house.services.new_invitation(&owner, &user.user_id).await.unwrap();
    house.services.disable_user(&owner, &user.user_id).await.unwrap();
    assert!(!opens(&house, &link).await);
    assert_eq!(refused(house.accept(&link, OTHER_PASSWORD).await), [("token", "bad_token")]);
    let end = house.services.new_invitation(&owner, &user.user_id).await;
    assert!(matches!(end, Err(Error::Conflict(_))), "{end:?}");
    house.services.enable_user(&owner, &user.user_id).await.unwrap();
    assert!(!opens(&house, &link).await);
}

#[tokio::test]
async fn who_is_disabled_while_they_accept_stays_out() {
    let (house, owner, invitation) = invited().await;
    let mut tx = house.services.db().write().await.unwrap();
    let (services, token) = (house.services.clone(), invitation.token.clone());
    let under_way =
        tokio::spawn(async move { services.accept_invitation(token.expose_secret(), PASSWORD.into()).await });
    house.let_others_hash(&owner).await;
    disable(&mut tx, &invitation.user_id).await;
    tx.commit().await.unwrap();
    assert_eq!(refused(under_way.await.unwrap()), [("token", "bad_token")]);
    assert_eq!(house.services.actor(&invitation.user_id).await.unwrap(), None);
    assert!(!signs_in(&house, &owner.portal, "new@acme.example", PASSWORD).await);
}

#[tokio::test]
async fn the_owners_link_is_made_by_the_owner_or_by_the_operator_and_by_no_other_administrator() {
    let (house, owner) = House::with_owner().await;
    let admin = house.user(&owner, "admin@acme.example", Role::Administrator).await;
    let end = house.services.new_invitation(&admin, &owner.user_id).await;
    assert!(matches!(end, Err(Error::NotAllowed)), "{end:?}");
    house.services.new_invitation(&owner, &owner.user_id).await.unwrap();

    let link = house.services.owner_recovery(&owner.portal.id).await.unwrap();
    let newest = house.services.audit_page(&owner, None, 1).await.unwrap().remove(0);
    assert_eq!((newest.action.as_str(), newest.actor_name.as_str()), ("invitation.created", "Qonduit"));
    let back = house.accept(&link, OTHER_PASSWORD).await.unwrap();
    assert!(back.is_owner);
    assert!(signs_in(&house, &owner.portal, OWNER, OTHER_PASSWORD).await);
    assert!(matches!(house.services.owner_recovery("no such portal").await, Err(Error::NotFound)));
}
