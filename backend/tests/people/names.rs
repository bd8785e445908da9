//! Names and e-mails in all scripts: what is kept, and which two are one.

use backend::{
    Actor, Error, Role,
    people::{Caller, NewUser, SetUp},
};

use crate::house::{House, PASSWORD, new_user, refused, secret, signs_in};

/// What can't be seen, and what turns the line.
const UNSEEN: [&str; 4] = ["\u{202e}", "\u{2066}", "\u{200b}", "\u{0}"];

#[tokio::test]
async fn what_can_not_be_seen_is_refused_wherever_others_read_it() {
    let (house, owner) = House::with_owner().await;
    for unseen in UNSEEN {
        let new = NewUser {
            email: format!("ad{unseen}a@acme.example"),
            name: format!("Ada {unseen}nimda"),
            role: Role::User,
        };
        let both = [("email", "control_characters"), ("name", "control_characters")];
        assert_eq!(refused(house.services.add_user(&owner, new).await), both, "{unseen:?}");
        let renamed = house.services.rename(&owner, &format!("Olga{unseen}")).await;
        assert_eq!(refused(renamed), [("name", "control_characters")], "{unseen:?}");
    }
    let empty = House::empty().await;
    let code = empty.services.setup_code().await.unwrap().unwrap();
    let form = SetUp { portal_name: "Acme\u{2066}".to_owned(), ..House::form(&code) };
    assert_eq!(refused(empty.services.set_up(form, None).await), [("portal_name", "control_characters")]);
}

#[tokio::test]
async fn three_ways_of_writing_one_e_mail_are_one_account() {
    let (house, owner) = House::with_owner().await;
    let zoe = house.user(&owner, "zo\u{eb}@acme.example", Role::User).await;
    for same in ["zo\u{cb}@acme.example", "zoe\u{308}@acme.example", "ZOE\u{308}@ACME.example"] {
        let end = house.services.add_user(&owner, new_user(same, Role::User)).await;
        assert_eq!(refused(end), [("email", "taken")], "{same}");
        let came = house.services.sign_in(&owner.portal, same, secret(PASSWORD), Caller::default()).await;
        assert_eq!(came.unwrap().user_id, zoe.user_id);
    }
    assert!(!signs_in(&house, &owner.portal, "zoe@acme.example", PASSWORD).await);
    // As it was typed, in composed form.
    let other = house.services.add_user(&owner, new_user("Ame\u{301}lie@acme.example", Role::User)).await;
    let id = other.unwrap().user_id;
    assert_eq!(house.row(&owner, &id).await.email, "Am\u{e9}lie@acme.example");
}

/// An account as an earlier version made it.
async fn of_before(house: &House, owner: &Actor, id: &str, email: &str, at: i64) {
    let mut tx = house.services.db().write().await.unwrap();
    sqlx::query(
        "INSERT INTO users (id, portal_id, email, name, role, status, password_hash, created_at)
         SELECT ?, portal_id, ?, 'N', 'user', 'active', password_hash, ? FROM users WHERE id = ?",
    )
    .bind(id)
    .bind(email)
    .bind(at)
    .bind(&owner.user_id)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn accounts_of_before_get_their_key_and_of_two_with_one_key_both_go_on() {
    let (house, owner) = House::with_owner().await;
    of_before(&house, &owner, "plain", "Plain@acme.example", 5).await;
    of_before(&house, &owner, "younger", "zo\u{cb}@acme.example", 20).await;
    of_before(&house, &owner, "older", "zo\u{eb}@acme.example", 10).await;
    of_before(&house, &owner, "third", "zoe\u{308}@acme.example", 30).await;
    let house = house.another().await;
    let who = |email: &'static str| {
        let end = house.services.sign_in(&owner.portal, email, secret(PASSWORD), Caller::default());
        async move { end.await.map(|a| a.user_id).ok() }
    };
    assert_eq!(who("plain@ACME.example").await.as_deref(), Some("plain"));
    assert_eq!(who("zo\u{eb}@acme.example").await.as_deref(), Some("older"));
    assert_eq!(who("zo\u{cb}@acme.example").await.as_deref(), Some("younger"));
    assert_eq!(who("zoe\u{308}@acme.example").await.as_deref(), Some("third"));
    // By any other way of writing it the older one.
    assert_eq!(who("ZO\u{eb}@ACME.example").await.as_deref(), Some("older"));
    assert_eq!(who("ZOE\u{308}@ACME.example").await.as_deref(), Some("third"));

    let clashes = async |house: &House| {
        let rows = house.services.audit_page(&owner, None, 100).await.unwrap();
        rows.into_iter().filter(|r| r.action == "user.email_clash").count()
    };
    assert_eq!(clashes(&house).await, 2);
    let again = house.another().await;
    assert_eq!(clashes(&again).await, 2, "told once");
    // The next of them has the key when the first is gone.
    again.services.remove_user(&owner, "older").await.unwrap();
    let again = again.another().await;
    assert_eq!(
        again
            .services
            .sign_in(&owner.portal, "\u{ff3a}O\u{eb}@acme.example", secret(PASSWORD), Caller::default())
            .await
            .unwrap()
            .user_id,
        "younger"
    );
    let end = again.services.add_user(&owner, new_user("zo\u{eb}@acme.example", Role::User)).await;
    assert_eq!(refused(end), [("email", "taken")]);
}

#[tokio::test]
async fn a_name_is_kept_in_one_way_of_writing() {
    let (house, owner) = House::with_owner().await;
    let renamed = house.services.rename(&owner, " Zoe\u{308}  \u{a0}Q. ").await.unwrap();
    assert_eq!(renamed.name, "Zo\u{eb} Q.");
    let end = house.services.rename(&owner, "\u{e000}").await;
    assert_eq!(refused(end), [("name", "unknown_characters")]);
}

#[tokio::test]
async fn an_account_of_before_with_what_can_not_be_seen_still_signs_in() {
    let (house, owner) = House::with_owner().await;
    of_before(&house, &owner, "odd", "od\u{200b}d@acme.example", 5).await;
    let house = house.another().await;
    assert!(signs_in(&house, &owner.portal, "od\u{200b}d@acme.example", PASSWORD).await);
    assert_eq!(house.row(&owner, "odd").await.email, "od\u{fffd}d@acme.example");
    let end = house.services.add_user(&owner, new_user("od\u{200b}d@acme.example", Role::User)).await;
    assert!(matches!(end, Err(Error::Invalid(_))), "{end:?}");
}
