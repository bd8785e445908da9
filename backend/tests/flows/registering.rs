//! Qlik credentials: users register the password of their Qlik account, and the
//! portal opens Qlik with it.

use std::sync::Arc;

use backend::{
    Actor, Error, Role,
    apps::{AppsPage, AppsQuery},
    audit,
    connection::AuthOption,
    credentials::{CredentialState, CredentialsView, Registered},
    door::{Trouble, TroubleKind, Who},
    people::NewUser as NewPortalUser,
};
use sandbox::{LoginShape, NewAccount, NewUser, UserRef};
use secrecy::ExposeSecret as _;

use crate::house::{House, app, mins};

pub(crate) const BEA: &str = "bea@acme.example";
pub(crate) const RIGHT: &str = "bea's own, and long enough";

/// A portal that uses Qlik credentials, with Bea as a user of both.
pub(crate) struct Scene {
    pub(crate) h: House,
    pub(crate) bea: Actor,
    pub(crate) qlik_bea: UserRef,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(House::connected().await).await
    }

    pub(crate) async fn with(h: House) -> Self {
        let qlik_bea = h.world.add_user(&h.tenant, NewUser::new(BEA));
        h.world.add_app(&h.tenant, app("Bea's own", &qlik_bea, None));
        h.world.add_account(NewAccount::new(BEA, RIGHT));
        let new = NewPortalUser { email: BEA.to_owned(), name: "Bea".to_owned(), role: Role::User };
        let link = h.portal.add_user(&h.ada, new).await.unwrap();
        let password = "a long enough password".to_owned().into();
        let bea = h.portal.accept_invitation(link.token.expose_secret(), password).await.unwrap();
        use_credentials(&h).await;
        Self { h, bea, qlik_bea }
    }

    /// As [`Scene::new`], the password registered an hour ago and the session over.
    pub(crate) async fn registered() -> Self {
        let s = Self::new().await;
        assert!(s.save(RIGHT).await.stored);
        s.h.advance(mins(60));
        s
    }

    pub(crate) async fn save(&self, password: &str) -> Registered {
        self.try_save(password).await.unwrap()
    }

    pub(crate) async fn try_save(&self, password: &str) -> Result<Registered, Error> {
        self.h.portal.register_credentials(&self.bea, password.to_owned().into()).await
    }

    pub(crate) async fn view(&self) -> CredentialsView {
        self.h.portal.credentials(&self.bea).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self) -> (CredentialState, bool) {
        let view = self.view().await;
        (view.state, view.stored)
    }

    pub(crate) async fn apps(&self) -> Result<usize, Trouble> {
        apps(&self.h, &self.bea).await
    }

    pub(crate) async fn trouble(&self) -> Trouble {
        self.apps().await.unwrap_err()
    }

    /// How often a password was sent for Bea.
    pub(crate) fn tries(&self) -> u32 {
        self.h.world.tries(BEA).tries
    }

    pub(crate) async fn audited(&self, action: &str) -> Vec<serde_json::Value> {
        let rows = self.h.portal.audit_page(&self.h.ada, None, 100).await.unwrap();
        rows.into_iter().filter(|r| r.action == action).map(|r| r.detail).collect()
    }
}

/// Puts the portal on Qlik credentials.
pub(crate) async fn use_credentials(h: &House) {
    h.portal.put_on_option(&h.ada.portal.id, AuthOption::Credentials).await.unwrap();
}

pub(crate) async fn apps(h: &House, who: &Actor) -> Result<usize, Trouble> {
    match h.portal.my_apps(who, AppsQuery::default()).await.unwrap() {
        AppsPage::Apps { apps, .. } => Ok(apps.len()),
        AppsPage::Trouble(t) => Err(t),
    }
}

/// The only field that can't be taken, and why.
pub(crate) fn wrong(end: Result<Registered, Error>) -> (&'static str, &'static str) {
    match end {
        Err(Error::Invalid(wrong)) if wrong.len() == 1 => (wrong[0].field, wrong[0].code),
        other => panic!("{other:?}"),
    }
}

/// The seconds after which the next try is taken, where none was made now.
pub(crate) fn after(h: &House, end: Result<Registered, Error>) -> i64 {
    let end = end.unwrap();
    let says = end.view.says.unwrap();
    assert!(!end.stored && says.contains("The password was not sent. Try again in "), "{says}");
    end.view.hold_until.unwrap().duration_since(h.portal.now()).as_secs()
}

#[tokio::test]
async fn a_password_that_works_is_registered_with_one_sign_in_which_opens_the_apps_too() {
    for shape in [LoginShape::Classic, LoginShape::Form, LoginShape::FormExtra, LoginShape::IdentifierFirst] {
        let s = Scene::new().await;
        s.h.world.set_login_shape(shape);
        let none = s.view().await;
        assert_eq!((none.state, none.stored), (CredentialState::NotRegistered, false));
        assert_eq!(none.email, BEA);
        let saved = s.save(RIGHT).await;
        assert!(saved.stored && saved.view.stored, "{saved:?}");
        assert_eq!((saved.view.state, &saved.view.says), (CredentialState::Works, &None));
        assert_eq!(saved.view.used_at, Some(s.h.portal.now()));
        assert_eq!(s.apps().await, Ok(1), "{shape:?}");
        assert_eq!(s.tries(), 1, "{shape:?}");
        assert_eq!(s.audited(audit::CREDENTIALS_REGISTERED).await.len(), 1);
    }
}

#[tokio::test]
async fn who_has_not_registered_is_told_to_and_nothing_is_sent() {
    let s = Scene::new().await;
    let trouble = s.trouble().await;
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::NotRegistered, Who::You));
    assert!(trouble.remedy.contains("Profile"), "{trouble:?}");
    assert_eq!(s.tries(), 0);
}

#[tokio::test]
async fn what_can_t_be_a_password_is_not_sent_and_no_option_takes_none() {
    let s = Scene::new().await;
    assert_eq!(wrong(s.try_save("").await), ("qlik_password", "required"));
    assert_eq!(wrong(s.try_save(&"ä".repeat(257)).await), ("qlik_password", "too_long"));
    assert_eq!(s.tries(), 0);
    s.h.portal.put_on_option(&s.h.ada.portal.id, AuthOption::OauthUsers).await.unwrap();
    assert!(matches!(s.try_save(RIGHT).await, Err(Error::NotFound)));
    assert!(matches!(s.h.portal.try_credentials_again(&s.bea).await, Err(Error::NotFound)));
    assert_eq!(s.h.portal.credentials(&s.bea).await.unwrap(), None);
    assert_eq!(s.tries(), 0);
}

#[tokio::test]
async fn a_session_that_is_over_is_opened_anew_with_the_password() {
    let s = Scene::registered().await;
    assert_eq!(s.apps().await, Ok(1));
    assert_eq!(s.tries(), 2);
    s.h.advance(mins(2));
    s.h.world.end_sessions(&s.h.tenant);
    assert_eq!(s.apps().await, Ok(1), "Qlik ended it, which the user does not notice");
    assert_eq!(s.tries(), 3);
    assert_eq!(s.view().await.used_at, Some(s.h.portal.now()));
}

#[tokio::test]
async fn sessions_that_end_at_once_lead_to_one_sign_in_a_minute() {
    let s = Scene::new().await;
    s.save(RIGHT).await;
    for _ in 0..3 {
        s.h.world.end_sessions(&s.h.tenant);
        let trouble = s.trouble().await;
        assert_eq!((trouble.kind, trouble.retry_after_s), (TroubleKind::RateLimited, Some(60)));
    }
    assert_eq!(s.tries(), 1);
    assert_eq!(s.state().await, (CredentialState::Works, true));
    s.h.advance(mins(1));
    assert_eq!(s.apps().await, Ok(1));
    assert_eq!(s.tries(), 2);
}

#[tokio::test]
async fn however_many_ask_at_once_the_password_is_sent_once() {
    let s = Scene::registered().await;
    let asked = (0..8).map(|_| s.apps());
    for apps in futures::future::join_all(asked).await {
        assert_eq!(apps, Ok(1));
    }
    assert_eq!(s.tries(), 2);
}

/// Waits until a password of Bea's is at Qlik.
pub(crate) async fn in_flight(h: &House) {
    while h.world.tries(BEA).in_flight == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_processes_never_try_at_once_for_one_user() {
    let s = Scene::registered().await;
    let other = s.h.portal.another().await.unwrap();
    s.h.world.hold_logins(true);
    let beside = async {
        in_flight(&s.h).await;
        let busy = other.my_apps(&s.bea, AppsQuery::default()).await.unwrap();
        let saved = other.register_credentials(&s.bea, "another".to_owned().into()).await;
        let (state, stored) = s.state().await;
        s.h.world.hold_logins(false);
        (busy, saved, state, stored)
    };
    let (apps, (busy, saved, state, stored)) = tokio::join!(s.apps(), beside);
    assert_eq!(apps, Ok(1));
    assert!(matches!(busy, AppsPage::Trouble(t) if t.kind == TroubleKind::RateLimited));
    assert_eq!(wrong(saved), ("qlik_password", "wait"));
    assert_eq!((state, stored), (CredentialState::Trying, true));
    let tries = s.h.world.tries(BEA);
    assert_eq!((tries.tries, tries.most_in_flight), (2, 1));
}

#[tokio::test]
async fn who_leaves_the_page_leaves_no_try_behind_of_which_nothing_is_known() {
    let s = Scene::registered().await;
    s.h.world.hold_logins(true);
    {
        let apps = s.apps();
        tokio::pin!(apps);
        tokio::select! {
            _ = &mut apps => panic!("it is held"),
            () = in_flight(&s.h) => {}
        }
    }
    s.h.world.hold_logins(false);
    while s.state().await.0 == CredentialState::Trying {
        tokio::task::yield_now().await;
    }
    assert_eq!(s.state().await, (CredentialState::Works, true));
    assert_eq!(s.apps().await, Ok(1), "with the session that nobody waited for");
    assert_eq!(s.tries(), 2);
}

#[tokio::test]
async fn what_is_removed_is_gone_and_its_session_with_it() {
    let s = Scene::new().await;
    s.save(RIGHT).await;
    assert_eq!(s.apps().await, Ok(1));
    s.h.portal.remove_credentials(&s.bea).await.unwrap();
    assert_eq!(s.state().await, (CredentialState::NotRegistered, false));
    assert_eq!(s.trouble().await.kind, TroubleKind::NotRegistered);
    s.h.portal.remove_credentials(&s.bea).await.unwrap();
    assert_eq!(s.audited(audit::CREDENTIALS_REMOVED).await.len(), 1, "the second time there was nothing");
    assert_eq!(s.tries(), 1);
}

#[tokio::test]
async fn a_try_that_is_under_way_when_all_is_removed_leaves_nothing_and_holds_the_next_one_up() {
    let s = Scene::new().await;
    s.h.world.hold_logins(true);
    let beside = async {
        in_flight(&s.h).await;
        s.h.portal.remove_credentials(&s.bea).await.unwrap();
        let next = s.try_save(RIGHT).await;
        s.h.world.hold_logins(false);
        next
    };
    let (saved, next) = tokio::join!(s.try_save(RIGHT), beside);
    assert!(matches!(saved, Err(Error::Conflict(_))), "{saved:?}");
    assert_eq!(wrong(next), ("qlik_password", "wait"));
    assert_eq!(s.state().await, (CredentialState::NotRegistered, false));
    assert_eq!(s.trouble().await.kind, TroubleKind::NotRegistered, "no session is left either");
    assert!(s.h.world.sessions(&s.h.tenant).is_empty(), "it was closed");
    assert!(s.save(RIGHT).await.stored, "and now it may be registered");
    assert_eq!(s.h.world.tries(BEA).most_in_flight, 1);
}

#[tokio::test]
async fn a_change_of_the_option_wipes_what_was_registered() {
    let s = Scene::registered().await;
    let portal = s.h.ada.portal.id.clone();
    assert_eq!(s.h.portal.stored_passwords(&portal).await.unwrap(), 1);
    let wiped = s.h.portal.put_on_option(&portal, AuthOption::OauthUsers).await.unwrap();
    assert_eq!(wiped, 1);
    assert_eq!(s.h.portal.stored_passwords(&portal).await.unwrap(), 0);
    assert_eq!(s.state().await, (CredentialState::Unused, false));
    use_credentials(&s.h).await;
    assert_eq!(s.state().await, (CredentialState::Unused, false));
    assert_eq!(s.trouble().await.kind, TroubleKind::NotRegistered);
    assert!(s.save(RIGHT).await.stored);
}

#[tokio::test]
async fn the_administrator_sees_how_each_user_stands() {
    let s = Scene::new().await;
    s.save(RIGHT).await;
    assert!(matches!(s.h.portal.credential_states(&s.bea).await, Err(Error::NotAllowed)));
    let states = s.h.portal.credential_states(&s.h.ada).await.unwrap();
    assert_eq!(states.len(), 2);
    assert_eq!(states[&s.bea.user_id].state, CredentialState::Works);
    assert_eq!(states[&s.h.ada.user_id].state, CredentialState::NotRegistered);
    s.h.portal.put_on_option(&s.h.ada.portal.id, AuthOption::OauthUsers).await.unwrap();
    let states = s.h.portal.credential_states(&s.h.ada).await.unwrap();
    assert_eq!(states.len(), 1, "of those who registered");
    assert_eq!(states[&s.bea.user_id].state, CredentialState::Unused);
}

#[tokio::test]
async fn who_is_disabled_keeps_what_they_registered_and_who_is_removed_does_not() {
    let s = Scene::registered().await;
    s.h.portal.disable_user(&s.h.ada, &s.bea.user_id).await.unwrap();
    s.h.portal.enable_user(&s.h.ada, &s.bea.user_id).await.unwrap();
    assert_eq!(s.apps().await, Ok(1));
    s.h.portal.remove_user(&s.h.ada, &s.bea.user_id).await.unwrap();
    assert_eq!(s.h.portal.stored_passwords(&s.h.ada.portal.id).await.unwrap(), 0);
}

#[tokio::test]
async fn the_database_holds_no_password_in_the_clear() {
    let s = Scene::new().await;
    s.save("one that qlik refuses").await;
    let typed = s.h.portal.bytes().unwrap();
    s.save(RIGHT).await;
    s.apps().await.unwrap();
    let stored = s.h.portal.bytes().unwrap();
    for (bytes, password) in
        [(&typed, "one that qlik refuses"), (&stored, "one that qlik refuses"), (&stored, RIGHT)]
    {
        let there = bytes.windows(password.len()).any(|w| w == password.as_bytes());
        assert!(!there, "{password}");
    }
    let sealed = s.h.portal.stored_passwords(&s.bea.portal.id).await.unwrap();
    assert_eq!(sealed, 1, "it is there, but sealed");
}

#[tokio::test]
async fn ten_sign_ins_are_begun_in_a_minute_and_the_eleventh_waits() {
    let s = Arc::new(Scene::new().await);
    s.h.portal.many_users(&s.bea.portal.id, 10).await.unwrap();
    for n in 1..=10 {
        let user = s.h.portal.actor(&format!("many-{n}")).await.unwrap().unwrap();
        s.h.portal.register_credentials(&user, "of nobody".to_owned().into()).await.unwrap();
    }
    assert_eq!(after(&s.h, s.try_save(RIGHT).await), 60);
    assert_eq!(s.tries(), 0);
    let other = s.h.portal.another().await.unwrap();
    let there = other.register_credentials(&s.bea, RIGHT.to_owned().into()).await;
    assert_eq!(after(&s.h, there), 60, "another process keeps the same pace");
    s.h.advance(mins(1));
    assert!(s.save(RIGHT).await.stored);
}
