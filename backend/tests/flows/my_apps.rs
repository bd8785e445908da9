//! My apps: each user sees their own, and for each thing that can be wrong a
//! sentence says which and who can mend it.

use std::sync::Arc;

use crate::house::{House, app, days, mins};
use backend::{
    Actor, Error, Role,
    apps::{AppsPage, AppsQuery},
    door::{Trouble, TroubleKind, Who},
    people::NewUser as NewPortalUser,
    renewal::RenewalOutcome,
    testing::QlikAt,
};
use sandbox::{Effect, Fault, NewUser, UserStatus};
use secrecy::ExposeSecret as _;

async fn user(h: &House, email: &str) -> Actor {
    let new = NewPortalUser { email: email.to_owned(), name: "Somebody".to_owned(), role: Role::User };
    let link = h.portal.add_user(&h.ada, new).await.unwrap();
    h.portal
        .accept_invitation(link.token.expose_secret(), "a long enough password".to_owned().into())
        .await
        .unwrap()
}

async fn names(h: &House, who: &Actor) -> Vec<String> {
    match h.portal.my_apps(who, AppsQuery::default()).await.unwrap() {
        AppsPage::Apps { apps, .. } => apps.into_iter().map(|a| a.name).collect(),
        AppsPage::Trouble(t) => panic!("{t:?}"),
    }
}

async fn trouble(h: &House, who: &Actor) -> Trouble {
    match h.portal.my_apps(who, AppsQuery::default()).await.unwrap() {
        AppsPage::Apps { apps, .. } => panic!("{apps:?}"),
        AppsPage::Trouble(t) => t,
    }
}

#[tokio::test]
async fn two_users_see_different_apps_with_their_own_sessions() {
    let h = House::connected().await;
    let qlik_bea = h.world.add_user(&h.tenant, NewUser::new("bea@acme.example"));
    h.world.add_app(&h.tenant, app("Bea's own", &qlik_bea, None));
    let bea = user(&h, "Bea@Acme.example").await;
    assert_eq!(names(&h, &bea).await, ["Bea's own"]);
    let mut ada = names(&h, &h.ada).await;
    ada.sort();
    assert!(ada.contains(&"Revenue".to_owned()) && ada.contains(&"Scratch".to_owned()), "{ada:?}");
    assert!(
        h.world.events().iter().all(|e| !format!("{e:?}").contains("Reassigned")),
        "no subject was rewritten"
    );
}

/// Sixty pages at once, and as many again: who asks so is told to wait, and neither
/// the renewal nor an administrator nor another user is held up.
#[tokio::test]
async fn a_user_who_asks_for_all_at_once_stops_neither_the_renewal_nor_anybody_else() {
    let h = House::connected().await;
    let bea = user(&h, "bea@acme.example").await;
    h.world.add_user(&h.tenant, NewUser::new("bea@acme.example"));
    h.world.add_user(&h.tenant, NewUser::new("cy@acme.example"));
    let cy = user(&h, "cy@acme.example").await;
    // Sixty reads at once, and two a second.
    let small = QlikAt { reads_per_minute: Some(120), ..h.portal.qlik_at() };
    let portal = h.portal.reaching(small).await.unwrap();
    portal.my_apps(&bea, AppsQuery::default()).await.unwrap();
    let (mut told_to_wait, mut limited) = (0, 0);
    for round in 0..3 {
        let asked = (0..60).map(|n| {
            let search = Some(format!("{round}-{n}"));
            portal.my_apps(&bea, AppsQuery { search, cursor: None })
        });
        for answer in futures::future::join_all(asked).await {
            match answer {
                Err(Error::TooManyTries { retry_after }) => {
                    assert!(retry_after.as_secs() >= 1);
                    told_to_wait += 1;
                }
                Ok(AppsPage::Trouble(t)) => {
                    assert_eq!(t.kind, TroubleKind::RateLimited, "{t:?}");
                    limited += 1;
                }
                Ok(AppsPage::Apps { .. }) => {}
                Err(e) => panic!("{e:?}"),
            }
        }
    }
    assert!(told_to_wait >= 36 * 3 && limited > 0, "{told_to_wait} and {limited}");
    let others = portal.my_apps(&cy, AppsQuery::default()).await.unwrap();
    assert!(matches!(others, AppsPage::Apps { .. }), "{others:?}");
    let report = portal.test_connection(&h.ada).await.unwrap();
    assert!(report.ok, "{report:#?}");
    let end = portal.renew_now(&h.ada).await.unwrap();
    assert_eq!(end.outcome, RenewalOutcome::Renewed, "{}", end.says);
}

#[tokio::test]
async fn a_session_that_another_process_forgot_is_not_used_any_more() {
    let h = House::connected().await;
    h.world.add_user(&h.tenant, NewUser::new("bea@acme.example"));
    let bea = user(&h, "bea@acme.example").await;
    let other = h.portal.another().await.unwrap();
    let logins = || h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count();
    let opens = async || {
        let page = other.my_apps(&bea, AppsQuery::default()).await.unwrap();
        assert!(matches!(page, AppsPage::Apps { .. }), "{page:?}");
    };
    opens().await;
    let before = logins();
    opens().await;
    assert_eq!(logins(), before, "from memory");
    h.portal.disable_user(&h.ada, &bea.user_id).await.unwrap();
    h.portal.enable_user(&h.ada, &bea.user_id).await.unwrap();
    opens().await;
    assert_eq!(logins(), before + 1, "the other process forgot it with its user");
}

#[tokio::test]
async fn a_session_is_opened_once_however_many_ask_at_once() {
    let h = Arc::new(House::connected().await);
    h.world.clear_log();
    let asked = (0..12).map(|_| h.portal.my_apps(&h.ada, AppsQuery::default()));
    for page in futures::future::join_all(asked).await {
        assert!(matches!(page.unwrap(), AppsPage::Apps { .. }));
    }
    let logins = h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count();
    assert_eq!(logins, 1);
}

#[tokio::test]
async fn a_session_that_qlik_ended_is_opened_anew_unnoticed() {
    let h = House::connected().await;
    names(&h, &h.ada).await;
    h.world.end_sessions(&h.tenant);
    assert_eq!(names(&h, &h.ada).await.len(), 2);
}

#[tokio::test]
async fn an_idle_session_is_opened_anew_and_a_restart_uses_the_kept_one() {
    let h = House::connected().await;
    names(&h, &h.ada).await;
    h.advance(mins(31));
    assert_eq!(names(&h, &h.ada).await.len(), 2);
    h.world.clear_log();
    let restarted = h.portal.another().await.unwrap();
    assert!(matches!(restarted.my_apps(&h.ada, AppsQuery::default()).await.unwrap(), AppsPage::Apps { .. }));
    assert_eq!(h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count(), 0);
}

#[tokio::test]
async fn who_is_disabled_leaves_no_qlik_session_behind() {
    let h = House::connected().await;
    let qlik_bea = h.world.add_user(&h.tenant, NewUser::new("bea@acme.example"));
    h.world.add_app(&h.tenant, app("Bea's own", &qlik_bea, None));
    let bea = user(&h, "bea@acme.example").await;
    let logins = || h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count();
    names(&h, &bea).await;
    let before = logins();
    names(&h, &bea).await;
    assert_eq!(logins(), before, "the session is used again");
    h.portal.disable_user(&h.ada, &bea.user_id).await.unwrap();
    h.portal.enable_user(&h.ada, &bea.user_id).await.unwrap();
    names(&h, &bea).await;
    assert_eq!(logins(), before + 1, "it was forgotten, in memory and in the store");
}

#[tokio::test]
async fn a_renewal_is_not_noticed_by_users() {
    let h = House::connected().await;
    assert_eq!(names(&h, &h.ada).await.len(), 2);
    h.advance(days(2) + mins(240));
    h.settle().await;
    assert_eq!(names(&h, &h.ada).await.len(), 2);
    h.advance(mins(2));
    h.settle().await;
    assert_eq!(names(&h, &h.ada).await.len(), 2);
}

#[tokio::test]
async fn each_trouble_has_its_own_sentence_and_who_can_mend_it() {
    type Break = fn(&House);
    let table: &[(&str, Break, TroubleKind, Who)] = &[
        (
            "no user",
            |h| h.world.set_email(&h.qlik_ada, "other@acme.example"),
            TroubleKind::NoQlikUser,
            Who::QlikAdministrator,
        ),
        (
            "several",
            |h| {
                h.world.add_user(&h.tenant, NewUser::new("ada@acme.example"));
            },
            TroubleKind::SeveralQlikUsers,
            Who::QlikAdministrator,
        ),
        ("key dead", |h| h.world.revoke_key(&h.key_id), TroubleKind::KeyDead, Who::Administrator),
        (
            "identity provider deleted",
            |h| {
                let id = h.world.idps(&h.tenant)[0].id.clone();
                h.world.delete_idp(&id);
            },
            TroubleKind::JwtRefused,
            Who::Administrator,
        ),
        (
            "Qlik away",
            |h| {
                let gone = Effect::Status {
                    status: 503,
                    code: "X".to_owned(),
                    title: "away".to_owned(),
                    body: None,
                };
                h.world.add_fault(Fault::new("/", gone));
            },
            TroubleKind::QlikAway,
            Who::Nobody,
        ),
        (
            "rate limited",
            |h| {
                h.world
                    .add_fault(Fault::new("/login/jwt-session", Effect::RateLimited { retry_after_s: 13 }));
            },
            TroubleKind::RateLimited,
            Who::Nobody,
        ),
    ];
    for (what, break_it, kind, who) in table {
        let h = House::connected().await;
        break_it(&h);
        let t = trouble(&h, &h.ada).await;
        assert_eq!((t.kind, t.who), (*kind, *who), "{what}: {t:?}");
        assert!(!t.says.is_empty() && !t.remedy.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_disabled_qlik_user_is_told_so() {
    let h = House::connected().await;
    let qlik_bea = h.world.add_user(&h.tenant, NewUser::new("bea@acme.example"));
    h.world.set_user_status(&qlik_bea, UserStatus::Disabled);
    let bea = user(&h, "bea@acme.example").await;
    assert_eq!(trouble(&h, &bea).await.kind, TroubleKind::QlikUserDisabled);
}

#[tokio::test]
async fn nobody_is_connected_before_the_settings_are_saved() {
    let h = House::new().await;
    assert_eq!(trouble(&h, &h.ada).await.kind, TroubleKind::NotConnected);
}

#[tokio::test]
async fn a_session_of_somebody_else_is_closed_and_not_used() {
    let h = House::connected().await;
    // Between look-up and login the subject moves to another user.
    let mallory = h.world.add_user(&h.tenant, NewUser::new("mallory@acme.example"));
    let subject = h.world.subject(&h.qlik_ada);
    h.world.add_fault(Fault::new(
        "/api/v1/users/me",
        Effect::Redirect { location: format!("/api/v1/users/{}", mallory.id) },
    ));
    let t = trouble(&h, &h.ada).await;
    assert_eq!(t.kind, TroubleKind::WrongUser, "{t:?} {subject}");
}

#[tokio::test]
async fn a_dead_key_shows_in_the_settings_as_soon_as_a_user_meets_it() {
    let h = House::connected().await;
    h.world.revoke_key(&h.key_id);
    trouble(&h, &h.ada).await;
    assert_eq!(h.status().await.health, backend::integration::Health::NeedsPerson);
}

#[tokio::test]
async fn pages_follow_each_other_and_a_search_narrows_them() {
    let h = House::connected().await;
    for n in 0..45 {
        h.world.add_app(&h.tenant, app(&format!("Report {n:02}"), &h.qlik_ada, None));
    }
    let mut query = AppsQuery { search: Some("Report".to_owned()), cursor: None };
    let mut seen = Vec::new();
    for _ in 0..5 {
        let AppsPage::Apps { apps, next, .. } = h.portal.my_apps(&h.ada, query.clone()).await.unwrap() else {
            panic!("no apps")
        };
        seen.extend(apps.into_iter().map(|a| a.name));
        match next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 45);
}
