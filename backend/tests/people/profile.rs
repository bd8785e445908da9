//! What people change about themselves.

use backend::{Error, Role};
use secrecy::ExposeSecret;

use crate::house::{House, OTHER_PASSWORD, OWNER, PASSWORD, refused, secret, signs_in};

#[tokio::test]
async fn a_name_is_changed_and_no_session_ends() {
    let (house, owner) = House::with_owner().await;
    let renamed = house.services.rename(&owner, " Olga O. ").await.unwrap();
    assert_eq!(renamed, backend::Actor { name: "Olga O.".into(), ..owner.clone() });
    assert_eq!(house.services.actor(&owner.user_id).await.unwrap(), Some(renamed));
    assert_eq!(refused(house.services.rename(&owner, " ").await), [("name", "required")]);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one_and_ends_older_sessions() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let end = house.services.change_password(&user, secret(PASSWORD), secret(OTHER_PASSWORD)).await;
    let after = end.unwrap();
    assert!(after.auth_epoch > user.auth_epoch);
    assert_eq!(house.services.actor(&user.user_id).await.unwrap(), Some(after));
    assert!(!signs_in(&house, &owner.portal, &user.email, PASSWORD).await);
    assert!(signs_in(&house, &owner.portal, &user.email, OTHER_PASSWORD).await);
    assert!(signs_in(&house, &owner.portal, OWNER, PASSWORD).await);
}

#[tokio::test]
async fn a_wrong_current_password_or_a_bad_new_one_changes_nothing() {
    let (house, owner) = House::with_owner().await;
    let change = |current, new| house.services.change_password(&owner, secret(current), secret(new));
    assert_eq!(refused(change("not this one", OTHER_PASSWORD).await), [("current_password", "wrong")]);
    let both = [("current_password", "required"), ("new_password", "required")];
    assert_eq!(refused(change("", "").await), both);
    assert_eq!(refused(change(PASSWORD, "short").await), [("new_password", "too_short")]);
    assert_eq!(refused(change(PASSWORD, "Owner@acme.example").await), [("new_password", "same_as_email")]);
    assert_eq!(refused(change(PASSWORD, "password1234").await), [("new_password", "common")]);
    assert_eq!(refused(change(PASSWORD, "acme reports 1").await), [("new_password", "personal")]);
    assert_eq!(house.services.actor(&owner.user_id).await.unwrap(), Some(owner.clone()));
    assert!(signs_in(&house, &owner.portal, OWNER, PASSWORD).await);
}

#[tokio::test]
async fn a_new_password_ends_a_link_that_was_made_before() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let link = house.services.new_invitation(&owner, &user.user_id).await.unwrap();
    house.services.change_password(&user, secret(PASSWORD), secret(OTHER_PASSWORD)).await.unwrap();
    assert_eq!(house.services.invitation(link.token.expose_secret()).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_of_before_changes_nothing_any_more() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    house.services.change_password(&user, secret(PASSWORD), secret(OTHER_PASSWORD)).await.unwrap();
    let password = house.services.change_password(&user, secret(OTHER_PASSWORD), secret(PASSWORD)).await;
    assert!(matches!(password, Err(Error::NotSignedIn)), "{password:?}");
    let name = house.services.rename(&user, "Else").await;
    assert!(matches!(name, Err(Error::NotSignedIn)), "{name:?}");
}

#[tokio::test]
async fn of_two_new_passwords_at_once_one_is_set() {
    let (house, owner) = House::with_owner().await;
    let third = "a third one, long enough";
    let (a, b) = tokio::join!(
        house.services.change_password(&owner, secret(PASSWORD), secret(OTHER_PASSWORD)),
        house.services.change_password(&owner, secret(PASSWORD), secret(third))
    );
    let (first, second) = (a.is_ok(), b.is_ok());
    assert!(first ^ second, "{first} {second}");
    let lost = if first { b } else { a };
    assert!(matches!(lost, Err(Error::NotSignedIn)), "{lost:?}");
    assert_eq!(signs_in(&house, &owner.portal, OWNER, OTHER_PASSWORD).await, first);
    assert_eq!(signs_in(&house, &owner.portal, OWNER, third).await, second);
}

#[tokio::test]
async fn who_holds_a_session_can_not_guess_the_password_for_long() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let mut tries = 0;
    let end = loop {
        match house.services.change_password(&user, secret("not this one"), secret(OTHER_PASSWORD)).await {
            Err(Error::Invalid(_)) => tries += 1,
            end => break end,
        }
    };
    assert!(matches!(end, Err(Error::TooManyTries { .. })), "{end:?}");
    assert_eq!(tries, 10);
    house.services.change_password(&owner, secret(PASSWORD), secret(OTHER_PASSWORD)).await.unwrap();
}
