//! What is remembered of what happened.

use backend::{Role, audit, store::Tx};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::house::{House, OTHER_PASSWORD, OWNER, PASSWORD, new_user, secret, signs_in};

#[tokio::test]
async fn each_change_leaves_one_row_that_names_who_did_it() {
    let (house, owner) = House::with_owner().await;
    let s = &house.services;
    assert!(signs_in(&house, &owner.portal, &owner.email, PASSWORD).await);
    let link = s.add_user(&owner, new_user("u@acme.example", Role::User)).await.unwrap();
    let user = s.accept_invitation(link.token.expose_secret(), secret(PASSWORD)).await.unwrap();
    let id = user.user_id.clone();
    let user = s.rename(&user, "Una").await.unwrap();
    s.change_password(&user, secret(PASSWORD), secret(OTHER_PASSWORD)).await.unwrap();
    s.set_role(&owner, &id, Role::Administrator).await.unwrap();
    s.new_invitation(&owner, &id).await.unwrap();
    s.disable_user(&owner, &id).await.unwrap();
    s.enable_user(&owner, &id).await.unwrap();
    s.remove_user(&owner, &id).await.unwrap();

    let mut rows = s.audit_page(&owner, None, 100).await.unwrap();
    rows.reverse();
    let told: Vec<_> = rows.iter().map(|r| (r.actor_name.as_str(), r.action.as_str())).collect();
    let before = "Name of u@acme.example";
    assert_eq!(
        told,
        [
            ("Olga Owner", "portal.created"),
            ("Olga Owner", "signed_in"),
            ("Olga Owner", "user.added"),
            (before, "invitation.accepted"),
            ("Una", "profile.renamed"),
            ("Una", "password.changed"),
            ("Olga Owner", "user.role_changed"),
            ("Olga Owner", "invitation.created"),
            ("Olga Owner", "user.disabled"),
            ("Olga Owner", "user.enabled"),
            ("Olga Owner", "user.removed"),
        ]
    );
    assert_eq!(
        rows[2].detail,
        json!({"user": id, "email": "u@acme.example", "name": before, "role": "user"})
    );
    assert_eq!(rows[4].detail, json!({"from": before, "to": "Una"}));
    assert_eq!(
        rows[6].detail,
        json!({"user": id, "email": "u@acme.example", "from": "user", "to": "administrator"})
    );
    assert!(rows.iter().all(|r| r.at == house.services.now()));
}

#[tokio::test]
async fn what_was_refused_leaves_no_row_but_for_sign_ins() {
    let (house, owner) = House::with_owner().await;
    let admin = house.user(&owner, "admin@acme.example", Role::Administrator).await;
    let link = house.services.new_invitation(&owner, &admin.user_id).await.unwrap();
    let before = house.services.audit_page(&owner, None, 100).await.unwrap();
    let s = &house.services;
    assert!(!signs_in(&house, &owner.portal, "nobody@acme.example", "a wrong password").await);
    s.add_user(&owner, new_user("admin@acme.example", Role::User)).await.unwrap_err();
    s.set_role(&admin, &owner.user_id, Role::User).await.unwrap_err();
    s.disable_user(&admin, &admin.user_id).await.unwrap_err();
    s.remove_user(&admin, &owner.user_id).await.unwrap_err();
    s.change_password(&admin, secret("not this one"), secret(OTHER_PASSWORD)).await.unwrap_err();
    s.accept_invitation(link.token.expose_secret(), secret("short")).await.unwrap_err();
    assert_eq!(s.audit_page(&owner, None, 100).await.unwrap(), before);
}

#[tokio::test]
async fn pages_go_back_in_time_without_gap_or_repeat() {
    let (house, owner) = House::with_owner().await;
    let mut tx = house.services.db().write().await.unwrap();
    for n in 0..250 {
        note(&mut tx, &owner.portal.id, n, &house).await;
    }
    tx.commit().await.unwrap();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = house.services.audit_page(&owner, before, 40).await.unwrap();
        assert!(page.len() <= 40);
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(
            page.iter().filter(|r| r.action == "key.renewed").map(|r| r.detail["n"].as_i64().unwrap()),
        );
    }
    assert_eq!(seen, (0..250).rev().collect::<Vec<_>>());
    assert_eq!(house.services.audit_page(&owner, None, 100_000).await.unwrap().len(), 200);
    assert_eq!(house.services.audit_page(&owner, None, 0).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_row_is_not_there_when_its_transaction_is_given_up() {
    let (house, owner) = House::with_owner().await;
    let mut tx = house.services.db().write().await.unwrap();
    note(&mut tx, &owner.portal.id, 1, &house).await;
    drop(tx);
    assert_eq!(house.last_action(&owner).await, "portal.created");
}

#[tokio::test]
async fn another_portals_rows_are_not_shown() {
    let (house, owner) = House::with_owner().await;
    let far = house.second_portal(&owner).await;
    assert_eq!(house.services.audit_page(&far, None, 100).await.unwrap(), []);
    let mut tx = house.services.db().write().await.unwrap();
    note(&mut tx, &far.portal.id, 7, &house).await;
    tx.commit().await.unwrap();
    assert_eq!(house.last_action(&far).await, "key.renewed");
    assert_ne!(house.last_action(&owner).await, "key.renewed");
}

#[tokio::test]
async fn a_detail_that_is_no_json_is_none_and_the_page_goes_on() {
    let (house, owner) = House::with_owner().await;
    assert!(signs_in(&house, &owner.portal, &owner.email, PASSWORD).await);
    house.sql("UPDATE audit SET detail = 'nonsense' WHERE action = 'portal.created'").await;
    let rows = house.services.audit_page(&owner, None, 10).await.unwrap();
    let told: Vec<_> = rows.iter().map(|r| (r.action.as_str(), &r.detail)).collect();
    assert_eq!(told, [("signed_in", &json!({})), ("portal.created", &json!(null))]);
}

#[tokio::test]
async fn who_did_it_is_told_by_what_nobody_changes_about_themselves() {
    let (house, owner) = House::with_owner().await;
    let user = house.user(&owner, "user@acme.example", Role::User).await;
    let user = house.services.rename(&user, "Olga Owner").await.unwrap();
    house.services.rename(&user, "Innocent").await.unwrap();
    house.services.remove_user(&owner, &user.user_id).await.unwrap();
    let rows = house.services.audit_page(&owner, None, 10).await.unwrap();
    let by = |action: &str| rows.iter().find(|r| r.action == action).unwrap();
    let actor = by("profile.renamed").actor.clone().unwrap();
    assert_eq!((actor.id, actor.email.as_deref()), (user.user_id, Some("user@acme.example")));
    let actor = by("user.removed").actor.clone().unwrap();
    assert_eq!((actor.id, actor.email.as_deref()), (owner.user_id.clone(), Some(OWNER)));

    let mut tx = house.services.db().write().await.unwrap();
    note(&mut tx, &owner.portal.id, 1, &house).await;
    tx.commit().await.unwrap();
    assert_eq!(house.services.audit_page(&owner, None, 1).await.unwrap()[0].actor, None);
}

#[tokio::test]
async fn a_name_of_before_the_rules_turns_no_line() {
    let (house, owner) = House::with_owner().await;
    house.sql("UPDATE audit SET actor_name = 'Olga ' || char(0x202e) || 'nimda'").await;
    let rows = house.services.audit_page(&owner, None, 10).await.unwrap();
    assert_eq!(rows[0].actor_name, "Olga \u{fffd}nimda");
}

async fn note(tx: &mut Tx<'_>, portal_id: &str, n: i64, house: &House) {
    let now = house.services.now();
    audit::record(tx, portal_id, None, audit::KEY_RENEWED, json!({ "n": n }), now).await.unwrap();
}
