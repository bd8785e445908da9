//! The list of people and what may be done with them.

use backend::{
    Actor, Error, Role,
    people::{NewUser, Status},
};
use jiff::SignedDuration;

use crate::house::{House, OWNER, PASSWORD, new_user, refused, signs_in};

#[tokio::test]
async fn an_added_user_is_invited_until_the_link_is_used() {
    let (house, owner) = House::with_owner().await;
    let typed = NewUser { email: " Una@acme.example ".into(), name: " Una ".into(), role: Role::User };
    let invitation = house.services.add_user(&owner, typed).await.unwrap();
    assert_eq!(invitation.expires_at, house.services.now() + SignedDuration::from_hours(168));
    let row = house.row(&owner, &invitation.user_id).await;
    assert_eq!((row.email.as_str(), row.name.as_str()), ("Una@acme.example", "Una"));
    assert_eq!((row.role, row.status, row.is_owner), (Role::User, Status::Invited, false));
    assert_eq!(row.invitation_expires, Some(invitation.expires_at));
    assert_eq!(row.created_at, house.services.now());

    house.accept(&invitation, PASSWORD).await.unwrap();
    let row = house.row(&owner, &invitation.user_id).await;
    assert_eq!((row.status, row.invitation_expires), (Status::Active, None));
    let names: Vec<_> =
        house.services.list_users(&owner).await.unwrap().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["Olga Owner", "Una"]);
}

#[tokio::test]
async fn an_e_mail_is_taken_in_any_case_and_free_in_another_portal() {
    let (house, owner) = House::with_owner().await;
    let end = house.services.add_user(&owner, new_user("OWNER@acme.example", Role::User)).await;
    assert_eq!(refused(end), [("email", "taken")]);
    let far = house.second_portal(&owner).await;
    house.services.add_user(&far, new_user(OWNER, Role::User)).await.unwrap();
}

#[tokio::test]
async fn an_e_mail_that_is_none_and_an_empty_name_are_told_at_once() {
    let (house, owner) = House::with_owner().await;
    let new = NewUser { email: "x".into(), name: " ".into(), role: Role::User };
    assert_eq!(
        refused(house.services.add_user(&owner, new).await),
        [("email", "not_an_email"), ("name", "required")]
    );
}

#[tokio::test]
async fn a_user_may_do_nothing_of_an_administrator() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    all_are(&house, &user, &owner.user_id, |e| matches!(e, Error::NotAllowed)).await;
    assert!(matches!(house.services.list_users(&user).await, Err(Error::NotAllowed)));
    assert!(matches!(house.services.audit_page(&user, None, 10).await, Err(Error::NotAllowed)));
    let added = house.services.add_user(&user, new_user("n@acme.example", Role::User)).await;
    assert!(matches!(added, Err(Error::NotAllowed)));
    assert_eq!(house.services.list_users(&owner).await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_was_an_administrator_when_the_request_came_in_and_is_none_now_may_do_nothing() {
    let (house, owner) = House::with_owner().await;
    let demoted = house.user(&owner, "a@acme.example", Role::Administrator).await;
    let disabled = house.user(&owner, "b@acme.example", Role::Administrator).await;
    let removed = house.user(&owner, "c@acme.example", Role::Administrator).await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    house.services.set_role(&owner, &demoted.user_id, Role::User).await.unwrap();
    house.services.disable_user(&owner, &disabled.user_id).await.unwrap();
    house.services.remove_user(&owner, &removed.user_id).await.unwrap();
    for stale in [demoted, disabled, removed] {
        all_are(&house, &stale, &user.user_id, |e| matches!(e, Error::NotAllowed)).await;
        let added = house.services.add_user(&stale, new_user("n@acme.example", Role::User)).await;
        assert!(matches!(added, Err(Error::NotAllowed)));
    }
}

#[tokio::test]
async fn a_user_of_another_portal_is_not_found() {
    let (house, owner) = House::with_owner().await;
    let far = house.second_portal(&owner).await;
    all_are(&house, &owner, &far.user_id, |e| matches!(e, Error::NotFound)).await;
    all_are(&house, &owner, "no such id", |e| matches!(e, Error::NotFound)).await;
    assert_eq!(house.services.list_users(&owner).await.unwrap().len(), 1);
    assert_eq!(house.services.actor(&far.user_id).await.unwrap(), Some(far));
}

#[tokio::test]
async fn the_owner_can_not_be_demoted_disabled_or_removed() {
    let (house, owner) = House::with_owner().await;
    let admin = house.user(&owner, "admin@acme.example", Role::Administrator).await;
    for by in [&admin, &owner] {
        let s = &house.services;
        assert_eq!(refused(s.set_role(by, &owner.user_id, Role::User).await), [("user", "owner")]);
        assert_eq!(refused(s.disable_user(by, &owner.user_id).await), [("user", "owner")]);
        assert_eq!(refused(s.remove_user(by, &owner.user_id).await), [("user", "owner")]);
    }
    assert_eq!(house.services.actor(&owner.user_id).await.unwrap(), Some(owner));
}

#[tokio::test]
async fn nobody_disables_or_removes_themself() {
    let (house, owner) = House::with_owner().await;
    let admin = house.user(&owner, "admin@acme.example", Role::Administrator).await;
    assert_eq!(refused(house.services.disable_user(&admin, &admin.user_id).await), [("user", "self")]);
    assert_eq!(refused(house.services.remove_user(&admin, &admin.user_id).await), [("user", "self")]);
    house.services.set_role(&admin, &admin.user_id, Role::User).await.unwrap();
    assert_eq!(house.row(&owner, &admin.user_id).await.role, Role::User);
}

#[tokio::test]
async fn the_last_active_administrator_stays_one() {
    let (house, owner) = House::with_owner().await;
    // A portal whose owner is no longer marked: the rule must not hang on the mark.
    house.sql("UPDATE users SET is_owner = 0").await;
    let owner = house.services.actor(&owner.user_id).await.unwrap().unwrap();
    let second = house.user(&owner, "admin@acme.example", Role::Administrator).await;
    house.services.disable_user(&owner, &second.user_id).await.unwrap();
    let end = house.services.set_role(&owner, &owner.user_id, Role::User).await;
    assert_eq!(refused(end), [("user", "last_administrator")]);
    assert_eq!(house.row(&owner, &owner.user_id).await.role, Role::Administrator);

    house.services.enable_user(&owner, &second.user_id).await.unwrap();
    house.services.set_role(&owner, &owner.user_id, Role::User).await.unwrap();
}

#[tokio::test]
async fn two_administrators_who_demote_each_other_at_once_leave_one() {
    let (house, owner) = House::with_owner().await;
    house.sql("UPDATE users SET is_owner = 0").await;
    let a = house.services.actor(&owner.user_id).await.unwrap().unwrap();
    let b = house.user(&a, "admin@acme.example", Role::Administrator).await;
    let (x, y) = tokio::join!(
        house.services.set_role(&a, &b.user_id, Role::User),
        house.services.set_role(&b, &a.user_id, Role::User)
    );
    let (won, lost) = if x.is_ok() { (x, y) } else { (y, x) };
    won.unwrap();
    assert!(matches!(lost, Err(Error::NotAllowed)), "{lost:?}");
    let admins: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM users WHERE role = 'administrator'")
        .fetch_one(house.services.db().read())
        .await
        .unwrap();
    assert_eq!(admins, 1);
}

#[tokio::test]
async fn disabling_ends_sessions_and_enabling_does_not_bring_them_back() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    house.services.disable_user(&owner, &user.user_id).await.unwrap();
    assert_eq!(house.services.actor(&user.user_id).await.unwrap(), None);
    assert!(!signs_in(&house, &owner.portal, &user.email, PASSWORD).await);

    house.services.enable_user(&owner, &user.user_id).await.unwrap();
    let back = house.services.actor(&user.user_id).await.unwrap().unwrap();
    assert!(back.auth_epoch > user.auth_epoch, "a session of before would go on");
    assert!(signs_in(&house, &owner.portal, &user.email, PASSWORD).await);
}

#[tokio::test]
async fn who_was_disabled_before_they_ever_came_in_is_invited_again_and_needs_a_new_link() {
    let (house, owner) = House::with_owner().await;
    let old = house.services.add_user(&owner, new_user("new@acme.example", Role::User)).await.unwrap();
    house.services.disable_user(&owner, &old.user_id).await.unwrap();
    house.services.enable_user(&owner, &old.user_id).await.unwrap();
    let row = house.row(&owner, &old.user_id).await;
    assert_eq!((row.status, row.invitation_expires), (Status::Invited, None));
    assert_eq!(house.services.actor(&old.user_id).await.unwrap(), None);
    assert_eq!(refused(house.accept(&old, PASSWORD).await), [("token", "bad_token")]);
    let new = house.services.new_invitation(&owner, &old.user_id).await.unwrap();
    house.accept(&new, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_removed_user_is_gone_and_their_e_mail_is_free() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    house.services.remove_user(&owner, &user.user_id).await.unwrap();
    assert_eq!(house.services.actor(&user.user_id).await.unwrap(), None);
    assert!(!signs_in(&house, &owner.portal, &user.email, PASSWORD).await);
    let rows = house.services.audit_page(&owner, None, 100).await.unwrap();
    assert!(rows.iter().any(|r| r.actor_name == user.name), "what they did stays");
    let again = house.user(&owner, "user@acme.example", Role::User).await;
    assert_ne!(again.user_id, user.user_id);
}

#[tokio::test]
async fn what_is_so_already_is_no_change_and_no_audit_row() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let before = house.services.audit_page(&owner, None, 100).await.unwrap().len();
    house.services.set_role(&owner, &user.user_id, Role::User).await.unwrap();
    house.services.enable_user(&owner, &user.user_id).await.unwrap();
    assert_eq!(house.services.audit_page(&owner, None, 100).await.unwrap().len(), before);
    assert_eq!(house.services.actor(&user.user_id).await.unwrap(), Some(user.clone()));
    house.services.disable_user(&owner, &user.user_id).await.unwrap();
    house.services.disable_user(&owner, &user.user_id).await.unwrap();
    assert_eq!(house.services.audit_page(&owner, None, 100).await.unwrap().len(), before + 1);
}

/// Everything that is done to one user, by this actor, ends with this error.
async fn all_are(house: &House, by: &Actor, user_id: &str, expected: impl Fn(&Error) -> bool) {
    let s = &house.services;
    let ends = [
        s.set_role(by, user_id, Role::Administrator).await,
        s.set_role(by, user_id, Role::User).await,
        s.disable_user(by, user_id).await,
        s.enable_user(by, user_id).await,
        s.remove_user(by, user_id).await,
        s.new_invitation(by, user_id).await.map(|_| ()),
    ];
    for (n, end) in ends.into_iter().enumerate() {
        let e = end.expect_err("it was done");
        assert!(expected(&e), "{n}: {e:?}");
    }
}
