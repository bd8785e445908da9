//! What must be nowhere in the database's files, nor in what a value prints.

use backend::Role;
use jiff::SignedDuration;
use secrecy::ExposeSecret;

use crate::house::{House, OTHER_PASSWORD, OWNER, PASSWORD, new_user, secret, signs_in};

#[tokio::test]
async fn no_password_token_code_or_session_id_is_in_the_database_files() {
    let house = House::empty().await;
    let s = &house.services;
    let code = s.setup_code().await.unwrap().unwrap();
    let owner = s.set_up(House::form(&code), None).await.unwrap();
    let link = s.add_user(&owner, new_user("u@acme.example", Role::User)).await.unwrap();
    let unused = s.add_user(&owner, new_user("v@acme.example", Role::User)).await.unwrap();
    let user = house.accept(&link, PASSWORD).await.unwrap();
    s.change_password(&user, secret(PASSWORD), secret(OTHER_PASSWORD)).await.unwrap();
    assert!(!signs_in(&house, &owner.portal, OWNER, "a wrong password, typed").await);
    let session = *b"sixteen byte id!";
    let expires = s.now() + SignedDuration::from_hours(1);
    assert!(s.create_web_session(&session, b"what the session holds", expires).await.unwrap());

    let bytes = house.bytes();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    assert!(holds(OWNER.as_bytes()) && holds(b"what the session holds"), "the search finds what is there");
    for (what, needle) in [
        ("password", PASSWORD.as_bytes()),
        ("new password", OTHER_PASSWORD.as_bytes()),
        ("wrong password", b"a wrong password, typed"),
        ("used token", link.token.expose_secret().as_bytes()),
        ("unused token", unused.token.expose_secret().as_bytes()),
        ("set-up code", code.as_bytes()),
        ("set-up code without dashes", code.replace('-', "").as_bytes()),
        ("session id", &session),
    ] {
        assert!(!holds(needle), "{what}");
    }
}

#[tokio::test]
async fn no_value_prints_its_secret() {
    let house = House::empty().await;
    let code = house.services.setup_code().await.unwrap().unwrap();
    let form = House::form(&code);
    let shown = format!("{form:?}");
    assert!(shown.contains(OWNER) && !shown.contains(PASSWORD), "{shown}");
    let owner = house.services.set_up(form, None).await.unwrap();
    let link = house.services.add_user(&owner, new_user("u@acme.example", Role::User)).await.unwrap();
    let shown = format!("{link:?} {:?} {owner:?}", house.services);
    assert!(!shown.contains(link.token.expose_secret()), "{shown}");
    assert!(!shown.contains("argon2"), "{shown}");
}
