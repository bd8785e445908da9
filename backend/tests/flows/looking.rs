//! Looking for a cause changes nothing: nobody is signed in who was not looked up just
//! before, and a sign-in says what Qlik has.

use crate::house::{House, days, mins};
use backend::{
    Role,
    apps::{AppsPage, AppsQuery},
    integration::Health,
    people::NewUser as NewPortalUser,
};
use sandbox::NewUser;
use secrecy::ExposeSecret as _;

fn logins(h: &House) -> usize {
    h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count()
}

#[tokio::test]
async fn a_deleted_owner_is_told_as_that_and_not_made_anew() {
    // Seen with the owner's own session, and with that of another user.
    for other in [false, true] {
        let h = House::connected().await;
        if other {
            h.world.add_user(&h.tenant, NewUser::admin("bea@acme.example"));
            let new =
                NewPortalUser { email: "bea@acme.example".into(), name: "Bea".into(), role: Role::User };
            let link = h.portal.add_user(&h.ada, new).await.unwrap();
            let password = "a long enough password".to_owned().into();
            let bea = h.portal.accept_invitation(link.token.expose_secret(), password).await.unwrap();
            let apps = h.portal.my_apps(&bea, AppsQuery::default()).await.unwrap();
            assert!(matches!(apps, AppsPage::Apps { .. }), "{apps:?}");
        }
        h.advance(mins(10));
        h.portal.probe_until(std::future::pending()).await.unwrap();
        let before = logins(&h);
        h.world.delete_user(&h.qlik_ada);
        h.portal.test_connection(&h.ada).await.unwrap();
        h.settle().await;
        let now = h.status().await;
        assert_eq!(now.health, Health::NeedsPerson, "{}", now.headline);
        let words = if other { "was deleted in Qlik" } else { "disabled or deleted" };
        assert!(now.headline.contains(words), "{other}: {}", now.headline);
        assert_eq!(logins(&h), before, "{other}: somebody was signed in");
        assert!(
            h.world.users(&h.tenant).iter().all(|u| u.email != "ada@acme.example"),
            "{other}: the owner was made anew"
        );
    }
}

#[tokio::test]
async fn with_nobodys_eyes_nobody_is_signed_in() {
    let h = House::connected().await;
    h.advance(days(2));
    h.world.delete_user(&h.qlik_ada);
    let before = logins(&h);
    h.advance(mins(4 * 60));
    h.settle().await;
    let now = h.status().await;
    assert_eq!(now.health, Health::NeedsPerson);
    assert!(now.headline.contains("has not used for a while"), "{}", now.headline);
    assert_eq!(logins(&h), before);
}

#[tokio::test]
async fn an_owner_who_is_seen_by_anothers_eyes_tells_the_cause() {
    // Whoever looks is Ada, and the key is somebody else's.
    for (what, words) in
        [("revoked", "was revoked or deleted"), ("permission", "may no longer manage API keys")]
    {
        let h = House::new().await;
        h.identity_provider().await;
        let bot = NewUser { manage_api_keys: true, ..NewUser::admin("bot@acme.example") };
        let bot = h.world.add_user(&h.tenant, bot);
        let (id, token) = h.world.create_key(&bot, "bot", days(3));
        let input = backend::integration::SaveInput { api_key: Some(token.into()), ..h.input() };
        assert!(h.portal.save_integration(&h.ada, input).await.unwrap().saved);
        match what {
            "revoked" => h.world.revoke_key(&id),
            _ => h.world.set_manage_api_keys(&bot, false),
        }
        h.portal.test_connection(&h.ada).await.unwrap();
        h.settle().await;
        let now = h.status().await;
        assert_eq!(now.health, Health::NeedsPerson, "{what}");
        assert!(now.headline.contains(words), "{what}: {}", now.headline);
    }
}

#[tokio::test]
async fn signing_in_leaves_name_and_email_at_qlik_as_they_are() {
    let h = House::new().await;
    h.identity_provider().await;
    let alice = h.world.add_user(
        &h.tenant,
        NewUser { name: "Alice Analyst".to_owned(), ..NewUser::new("Alice.Analyst@Acme.example") },
    );
    let before = [h.world.profile(&alice), h.world.profile(&h.qlik_ada)];
    assert!(h.save().await.saved);
    let new = NewPortalUser {
        email: "alice.analyst@acme.example".into(),
        name: "A. from Sales".into(),
        role: Role::User,
    };
    let link = h.portal.add_user(&h.ada, new).await.unwrap();
    let password = "a long enough password".to_owned().into();
    let actor = h.portal.accept_invitation(link.token.expose_secret(), password).await.unwrap();
    let apps = h.portal.my_apps(&actor, AppsQuery::default()).await.unwrap();
    assert!(!matches!(apps, AppsPage::Trouble(_)), "{apps:?}");
    h.portal.test_connection(&h.ada).await.unwrap();
    assert_eq!([h.world.profile(&alice), h.world.profile(&h.qlik_ada)], before);
}
