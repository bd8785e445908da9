//! One client for everyone: users are looked up and impersonated, and nobody is made
//! or changed at Qlik.

use std::{collections::HashSet, sync::Arc};

use backend::{
    connection::AuthOption,
    door::{TroubleKind, Who},
    oauth::{LOOK_UP_SCOPE, USER_SCOPE},
};
use sandbox::{Consent, Effect, Fault, NewClient, NewUser, TokenKind, UserStatus};

use crate::{
    house::{House, app, mins},
    linking::{Linked, apps, user},
};

const USERS: &str = "/api/v1/users";

fn client() -> NewClient {
    NewClient { scopes: vec![USER_SCOPE.into(), LOOK_UP_SCOPE.into()], ..NewClient::impersonator("Portal") }
}

async fn everyone(new: NewClient) -> Linked {
    Linked::with(House::connected().await, AuthOption::OauthEveryone, new).await
}

fn failing(status: u16, title: &str) -> Effect {
    Effect::Status { status, code: "X-1".to_owned(), title: title.to_owned(), body: None }
}

#[tokio::test]
async fn each_user_sees_their_own_apps_and_does_nothing_for_it() {
    let l = everyone(client()).await;
    let qlik_bea = l.h.world.add_user(&l.h.tenant, NewUser::new("bea@acme.example"));
    l.h.world.add_app(&l.h.tenant, app("Bea's own", &qlik_bea, None));
    let bea = user(&l.h, "Bea@Acme.example").await;
    assert_eq!(apps(&l.h.portal, &bea).await.unwrap(), ["Bea's own"]);
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    let mine = l.live(TokenKind::Access);
    let of_bea = mine.iter().find(|t| t.user == qlik_bea.id).unwrap();
    assert_eq!(of_bea.scopes, [USER_SCOPE], "no more than needed");
    let own = mine.iter().find(|t| ![&qlik_bea.id, &l.h.qlik_ada.id].contains(&&t.user)).unwrap();
    assert_eq!(own.scopes, [LOOK_UP_SCOPE], "no more than needed");
    assert!(l.h.world.events().is_empty(), "nobody was made or changed");
}

#[tokio::test]
async fn a_client_that_reads_users_by_another_scope_gets_all_that_it_may() {
    let scopes = vec![USER_SCOPE.into(), "admin_classic".into()];
    let l = everyone(NewClient { scopes, ..client() }).await;
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    assert_eq!(l.asked("/oauth/token"), 3, "the narrow scope, all scopes, and Ada's");
    // Also where Qlik does not say that it is the scope.
    for status in [400, 403] {
        let l = everyone(client()).await;
        l.h.world.add_fault(Fault::new("/oauth/token", failing(status, "no")).once());
        assert_eq!(l.ada_sees().await.unwrap().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_token_is_kept_to_its_end_and_not_asked_for_again() {
    let l = everyone(client()).await;
    l.ada_sees().await.unwrap();
    l.h.advance(mins(5 * 60 + 58));
    l.ada_sees().await.unwrap();
    let restarted = l.h.portal.another().await.unwrap();
    apps(&restarted, &l.h.ada).await.unwrap();
    assert_eq!((l.asked("/oauth/token"), l.asked(USERS)), (2, 1), "the client's, and Ada's");
    l.h.advance(mins(2));
    l.ada_sees().await.unwrap();
    assert_eq!((l.asked("/oauth/token"), l.asked(USERS)), (4, 2));
}

#[tokio::test]
async fn the_clients_own_token_is_asked_for_once_however_many_come_at_once() {
    let l = Arc::new(everyone(client()).await);
    let mut all = vec![l.h.ada.clone()];
    for name in ["bea", "carl", "dora"] {
        let email = format!("{name}@acme.example");
        l.h.world.add_user(&l.h.tenant, NewUser::new(email.as_str()));
        all.push(user(&l.h, &email).await);
    }
    let asked = all.iter().map(|who| apps(&l.h.portal, who));
    assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
    assert_eq!(l.asked("/oauth/token"), 1 + all.len());
}

#[tokio::test]
async fn a_session_and_a_clients_token_that_qlik_ended_are_asked_for_anew_unnoticed() {
    let l = everyone(client()).await;
    l.ada_sees().await.unwrap();
    l.h.world.revoke_tokens(&l.h.tenant, None);
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    assert_eq!(l.asked("/oauth/token"), 4);
}

#[tokio::test]
async fn a_clients_token_that_is_never_taken_is_asked_for_twice_and_no_more() {
    let l = everyone(client()).await;
    l.h.world.add_fault(Fault::new("/api/v1/users$", failing(401, "no")));
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::OAuthRefused, "{trouble:?}");
    assert!(!trouble.says.contains("API key"), "{trouble:?}");
    assert_eq!(l.asked("/oauth/token"), 2);
}

#[tokio::test]
async fn a_session_that_qlik_takes_not_even_at_once_is_not_blamed_on_a_key() {
    let l = everyone(client()).await;
    l.h.world.add_fault(Fault::new("/api/v1/items", failing(401, "no")));
    let t = l.ada_sees().await.unwrap_err();
    assert!(t.says.contains("session") && !t.remedy.contains("key"), "{t:?}");
    assert_eq!(l.asked("/api/v1/items"), 2, "opened anew once");
}

#[tokio::test]
async fn each_mistake_in_the_clients_settings_is_told_apart() {
    let impersonation = "urn:qlik:oauth:user-impersonation".to_owned();
    let refused = TroubleKind::OAuthRefused;
    let table: [(&str, NewClient, TroubleKind, &str); 6] = [
        ("consent", NewClient { consent: Consent::Required, ..client() }, refused, "not trusted"),
        ("no grants", NewClient { grants: Vec::new(), ..client() }, refused, "get tokens in this way"),
        (
            "no impersonation",
            NewClient { grants: vec!["client_credentials".into()], ..client() },
            refused,
            "get tokens in this way",
        ),
        (
            "no client credentials",
            NewClient { grants: vec![impersonation], ..client() },
            refused,
            "get tokens in this way",
        ),
        (
            "no scope to look up",
            NewClient { scopes: vec![USER_SCOPE.into()], ..client() },
            TroubleKind::UsersUnreadable,
            "may not read",
        ),
        (
            "no scope for users",
            NewClient { scopes: vec![LOOK_UP_SCOPE.into()], ..client() },
            refused,
            "lacks a scope",
        ),
    ];
    for (what, new, kind, says) in table {
        let l = everyone(new).await;
        let t = l.ada_sees().await.unwrap_err();
        assert_eq!((t.kind, t.who), (kind, Who::Administrator), "{what}: {t:?}");
        assert!(t.says.contains(says) && t.qlik_code.is_some(), "{what}: {t:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_client_and_a_lost_scope_are_told_apart() {
    let l = everyone(client()).await;
    let mut said = HashSet::new();
    l.put(AuthOption::OauthEveryone, &l.client.client_id, Some("not-the-secret-of-it")).await;
    said.insert(l.ada_sees().await.unwrap_err().says);
    l.put(AuthOption::OauthEveryone, "nobody", Some("not-the-secret-of-it")).await;
    said.insert(l.ada_sees().await.unwrap_err().says);
    l.put(AuthOption::OauthEveryone, &l.client.client_id, l.client.client_secret.as_deref()).await;
    l.h.world.add_fault(Fault::new("/api/v1/users$", failing(403, "no")).once());
    let t = l.ada_sees().await.unwrap_err();
    assert_eq!(t.kind, TroubleKind::UsersUnreadable, "{t:?}");
    said.insert(t.says);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
}

#[tokio::test]
async fn who_is_not_one_active_qlik_user_is_told_so_and_never_impersonated() {
    type Break = fn(&House);
    let table: [(&str, Break, TroubleKind); 3] = [
        ("unknown", |h| h.world.set_email(&h.qlik_ada, "other@acme.example"), TroubleKind::NoQlikUser),
        (
            "several",
            |h| {
                h.world.add_user(&h.tenant, NewUser::new("ada@acme.example"));
            },
            TroubleKind::SeveralQlikUsers,
        ),
        (
            "disabled",
            |h| h.world.set_user_status(&h.qlik_ada, UserStatus::Disabled),
            TroubleKind::QlikUserDisabled,
        ),
    ];
    for (what, break_it, kind) in table {
        let l = everyone(client()).await;
        break_it(&l.h);
        let t = l.ada_sees().await.unwrap_err();
        assert_eq!((t.kind, t.who), (kind, Who::QlikAdministrator), "{what}: {t:?}");
        assert_eq!(l.asked("/oauth/token"), 1, "{what}: only the client's own token");
    }
}

#[tokio::test]
async fn what_qlik_says_of_the_user_at_the_impersonation_is_told() {
    for (title, kind, who) in [
        ("The user has too many tokens", TroubleKind::RateLimited, Who::Nobody),
        ("The user is disabled", TroubleKind::QlikUserDisabled, Who::QlikAdministrator),
        ("The user does not exist", TroubleKind::NoQlikUser, Who::QlikAdministrator),
    ] {
        let l = everyone(client()).await;
        l.h.world.add_fault(Fault::new("/oauth/token", failing(403, title)).after(1));
        let t = l.ada_sees().await.unwrap_err();
        assert_eq!((t.kind, t.who), (kind, who), "{t:?}");
    }
}

#[tokio::test]
async fn a_token_of_somebody_else_is_revoked_and_not_used() {
    let l = everyone(client()).await;
    l.qlik_names_mallory();
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::WrongUser);
    assert!(l.live(TokenKind::Access).iter().all(|t| t.user != l.h.qlik_ada.id));
}

#[tokio::test]
async fn a_rate_limit_passes() {
    let l = everyone(client()).await;
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::RateLimited { retry_after_s: 7 }).once());
    let t = l.ada_sees().await.unwrap_err();
    assert_eq!((t.kind, t.retry_after_s), (TroubleKind::RateLimited, Some(7)), "{t:?}");
}

#[tokio::test]
async fn no_token_and_no_secret_is_readable_in_the_database() {
    let l = everyone(client()).await;
    l.ada_sees().await.unwrap();
    let secret = l.client.client_secret.clone().unwrap().into_bytes();
    let bytes = l.h.portal.bytes().unwrap();
    let clear = |text: &[u8]| bytes.windows(text.len()).any(|w| w == text);
    assert!(!clear(&secret) && !clear(b"\"bearer\""));
    assert!(clear(l.client.client_id.as_bytes()), "what is in the clear would be found");
}
