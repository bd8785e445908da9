//! Signing in, and who does not get in.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use backend::{Error, Role, people::Caller};
use jiff::SignedDuration;

use crate::house::{House, OWNER, PASSWORD, disable, ip, new_user, secret, signs_in};

#[tokio::test]
async fn an_e_mail_signs_in_in_any_case_and_the_time_is_kept() {
    let (house, owner) = House::with_owner().await;
    assert_eq!(house.row(&owner, &owner.user_id).await.last_login_at, Some(house.services.now()));
    house.clock.advance(SignedDuration::from_hours(5));
    let actor = house
        .services
        .sign_in(&owner.portal, " Owner@ACME.example ", secret(PASSWORD), Caller::default())
        .await
        .unwrap();
    assert_eq!(actor, owner);
    assert_eq!(house.row(&owner, &owner.user_id).await.last_login_at, Some(house.services.now()));
}

#[tokio::test]
async fn unknown_wrong_disabled_and_invited_give_one_error() {
    let (house, owner) = House::with_owner().await;
    let gone = house.user(&owner, "gone@acme.example", Role::User).await;
    house.services.disable_user(&owner, &gone.user_id).await.unwrap();
    house.services.add_user(&owner, new_user("new@acme.example", Role::User)).await.unwrap();
    for (email, password) in [
        ("nobody@acme.example", PASSWORD),
        ("", PASSWORD),
        (OWNER, "correct horse batterz"),
        (OWNER, ""),
        ("gone@acme.example", PASSWORD),
        ("new@acme.example", PASSWORD),
        ("new@acme.example", ""),
    ] {
        let end = house.services.sign_in(&owner.portal, email, secret(password), Caller::default()).await;
        assert!(matches!(end, Err(Error::BadCredentials)), "{email}: {end:?}");
    }
    assert!(signs_in(&house, &owner.portal, OWNER, PASSWORD).await);
}

#[tokio::test]
async fn an_account_opens_its_own_portal_alone() {
    let (house, owner) = House::with_owner().await;
    let far = house.second_portal(&owner).await;
    assert!(signs_in(&house, &far.portal, &far.email, PASSWORD).await);
    assert!(!signs_in(&house, &owner.portal, &far.email, PASSWORD).await);
    assert!(!signs_in(&house, &far.portal, OWNER, PASSWORD).await);
}

#[tokio::test]
async fn many_wrong_passwords_stop_that_e_mail_at_that_address_and_nobody_elsewhere() {
    let (house, owner) = House::with_owner().await;
    house.user(&owner, "other@acme.example", Role::User).await;
    let from = |email, password, place| {
        house.services.sign_in(&owner.portal, email, secret(password), Caller::at(ip(place)))
    };
    let mut tries = 0;
    let end = loop {
        match from(OWNER, "a wrong password", "192.0.2.1").await {
            Err(Error::BadCredentials) => tries += 1,
            end => break end,
        }
    };
    assert!(matches!(end, Err(Error::TooManyTries { retry_after }) if !retry_after.is_zero()), "{end:?}");
    assert_eq!(tries, 10);
    assert!(matches!(from(OWNER, PASSWORD, "192.0.2.1").await, Err(Error::TooManyTries { .. })));
    from(OWNER, PASSWORD, "192.0.2.2").await.unwrap();
    from("other@acme.example", PASSWORD, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn an_unknown_e_mail_is_throttled_as_a_known_one_is() {
    let (house, owner) = House::with_owner().await;
    let mut tries = 0;
    while let Err(Error::BadCredentials) = house
        .services
        .sign_in(&owner.portal, "nobody@acme.example", secret(PASSWORD), Caller::at(ip("192.0.2.1")))
        .await
    {
        tries += 1;
    }
    assert_eq!(tries, 10);
}

#[tokio::test]
async fn a_sign_in_that_went_well_forgives_earlier_slips() {
    let (house, owner) = House::with_owner().await;
    let here = || Caller::at(ip("2001:db8::1"));
    for _ in 0..3 {
        for _ in 0..8 {
            let end = house.services.sign_in(&owner.portal, OWNER, secret("a wrong password"), here()).await;
            assert!(matches!(end, Err(Error::BadCredentials)), "{end:?}");
        }
        house.services.sign_in(&owner.portal, OWNER, secret(PASSWORD), here()).await.unwrap();
    }
}

#[tokio::test]
async fn a_hash_of_old_parameters_is_renewed_by_a_sign_in_and_no_session_ends() {
    let (house, owner) = House::with_owner().await;
    let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap())
        .hash_password_with_salt(PASSWORD.as_bytes(), b"0123456789abcdef")
        .unwrap()
        .to_string();
    let mut tx = house.services.db().write().await.unwrap();
    sqlx::query("UPDATE users SET password_hash = ?").bind(&old).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let stored = || async {
        sqlx::query_scalar::<_, String>("SELECT password_hash FROM users")
            .fetch_one(house.services.db().read())
            .await
            .unwrap()
    };

    assert!(!signs_in(&house, &owner.portal, OWNER, "a wrong password").await);
    assert_eq!(stored().await, old);
    assert!(signs_in(&house, &owner.portal, OWNER, PASSWORD).await);
    let new = stored().await;
    assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    assert_eq!(house.services.actor(&owner.user_id).await.unwrap().unwrap().auth_epoch, owner.auth_epoch);
    assert!(signs_in(&house, &owner.portal, OWNER, PASSWORD).await);
    assert_eq!(stored().await, new);
}

#[tokio::test]
async fn who_is_disabled_while_the_password_is_checked_does_not_come_in() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let came_in = house.services.now();
    house.clock.advance(SignedDuration::from_hours(1));
    let mut tx = house.services.db().write().await.unwrap();
    let (services, portal) = (house.services.clone(), owner.portal.clone());
    // From a browser that the account knows: any other try is counted before it is made.
    let here = Caller { ip: None, device: Some(services.remember_device(&user, None).unwrap()) };
    let under_way =
        tokio::spawn(
            async move { services.sign_in(&portal, "user@acme.example", secret(PASSWORD), here).await },
        );
    house.let_others_hash(&owner).await;
    disable(&mut tx, &user.user_id).await;
    tx.commit().await.unwrap();
    let end = under_way.await.unwrap();
    assert!(matches!(end, Err(Error::BadCredentials)), "{end:?}");
    assert_eq!(house.row(&owner, &user.user_id).await.last_login_at, Some(came_in));
}
