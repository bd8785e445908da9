//! The first start.

use backend::{Error, Role, Services, ServicesConfig, people::SetUp};

use crate::house::{House, OWNER, PASSWORD, ip, refused, secret, signs_in};

#[tokio::test]
async fn the_code_is_the_same_until_there_is_a_portal_and_gone_then() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    assert_eq!(house.services.setup_code().await.unwrap().as_deref(), Some(code.as_str()));
    house.services.set_up(House::form(&code), None).await.unwrap();
    assert_eq!(house.services.setup_code().await.unwrap(), None);
}

#[tokio::test]
async fn set_up_makes_the_portal_at_the_public_host_and_its_owner() {
    let (house, owner) = House::with_owner().await;
    assert_eq!(owner.portal.hostname, "acme.portal.example");
    assert_eq!(owner.portal.origin, "https://acme.portal.example");
    assert_eq!(owner.portal.name, "Acme reports");
    assert_eq!((owner.role, owner.is_owner, owner.email.as_str()), (Role::Administrator, true, OWNER));
    assert_eq!(house.services.actor(&owner.user_id).await.unwrap(), Some(owner.clone()));
    let found = house.services.portal_by_host("acme.portal.example").await.unwrap();
    assert_eq!(found.as_ref(), Some(&owner.portal));
    assert!(signs_in(&house, &owner.portal, OWNER, PASSWORD).await);
}

#[tokio::test]
async fn the_origin_has_the_port_of_the_public_address_and_the_hostname_has_none() {
    let house = House::empty().await;
    let s = &house.services;
    let public_url = "https://Acme.portal.example:8443/".parse().unwrap();
    let config = ServicesConfig { public_url, ..s.config().clone() };
    let there = Services::open(s.db().clone(), s.vault().clone(), s.qlik().clone(), config).await.unwrap();
    let code = there.setup_code().await.unwrap().unwrap();
    let owner = there.set_up(House::form(&code), None).await.unwrap();
    assert_eq!(owner.portal.hostname, "acme.portal.example");
    assert_eq!(owner.portal.origin, "https://acme.portal.example:8443");
}

#[tokio::test]
async fn a_code_may_be_typed_in_lower_case_and_without_dashes() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    let form = House::form(&code.to_lowercase().replace('-', " "));
    house.services.set_up(form, None).await.unwrap();
}

#[tokio::test]
async fn a_wrong_code_makes_no_portal() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    for (typed, why) in [("AAAA-AAAA-AAAA", "wrong"), (&code[..9], "wrong"), (" ", "required")] {
        let end = house.services.set_up(House::form(typed), None).await;
        assert_eq!(refused(end), [("code", why)]);
    }
    assert!(house.services.setup_code().await.unwrap().is_some());
}

#[tokio::test]
async fn all_that_is_wrong_in_the_form_is_told_at_once() {
    let house = House::empty().await;
    let form = SetUp {
        code: "x".to_owned(),
        portal_name: " ".to_owned(),
        name: "n".repeat(101),
        email: "nobody".to_owned(),
        password: secret("short"),
    };
    let all = [
        ("code", "wrong"),
        ("portal_name", "required"),
        ("name", "too_long"),
        ("email", "not_an_email"),
        ("password", "too_short"),
    ];
    assert_eq!(refused(house.services.set_up(form, None).await), all);
}

#[tokio::test]
async fn a_password_that_would_be_guessed_makes_no_portal() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    for (weak, why) in [
        ("password1234", "common"),
        ("Qlik2026!Qlik2026!", "personal"),
        ("Acmereports1", "personal"),
        ("olga.owner.1980", "personal"),
        ("Owner@acme.example", "same_as_email"),
        ("Summer2026!!!", "guessable"),
    ] {
        let form = SetUp { password: secret(weak), ..House::form(&code) };
        assert_eq!(refused(house.services.set_up(form, None).await), [("password", why)], "{weak}");
        // Who has no code makes nobody work.
        let form = SetUp { password: secret(weak), ..House::form("AAAA-AAAA-AAAA") };
        let told = refused(house.services.set_up(form, Some(ip("192.0.2.9"))).await);
        assert_eq!(told[0], ("code", "wrong"));
    }
}

#[tokio::test]
async fn a_second_set_up_is_refused_even_with_the_right_code() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    house.services.set_up(House::form(&code), None).await.unwrap();
    let again = house.services.set_up(House::form(&code), None).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

#[tokio::test]
async fn two_set_ups_at_once_make_one_portal() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    let (a, b) = tokio::join!(
        house.services.set_up(House::form(&code), None),
        house.services.set_up(House::form(&code), None)
    );
    let (won, lost) = if a.is_ok() { (a, b) } else { (b, a) };
    assert!(matches!(lost, Err(Error::Conflict(_))), "{lost:?}");
    let rows = house.services.list_users(&won.unwrap()).await.unwrap();
    assert_eq!(rows.len(), 1);
    let portals: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM portals")
        .fetch_one(house.services.db().read())
        .await
        .unwrap();
    assert_eq!(portals, 1);
}

#[tokio::test]
async fn many_wrong_codes_from_one_place_stop_that_place_and_no_other() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    let from = |code: &str, place| {
        let form = House::form(code);
        house.services.set_up(form, Some(ip(place)))
    };
    let mut tries = 0;
    let end = loop {
        match from("AAAA-AAAA-AAAA", "192.0.2.1").await {
            Err(Error::Invalid(_)) => tries += 1,
            end => break end,
        }
    };
    assert!(matches!(end, Err(Error::TooManyTries { retry_after }) if !retry_after.is_zero()), "{end:?}");
    assert_eq!(tries, 10);
    assert!(matches!(from(&code, "192.0.2.1").await, Err(Error::TooManyTries { .. })));
    from(&code, "192.0.2.2").await.unwrap();
}
