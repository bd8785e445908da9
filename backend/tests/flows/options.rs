//! The authentication options: each saved, tested, changed to and gone back from.

use backend::{
    connection::AuthOption,
    integration::{ConnectionView, Health, Outcome, Report, SaveInput, SaveOutcome},
};
use sandbox::{Effect, Fault, NewAccount, NewClient, NewClientRef};

use crate::{
    house::{HOST, House, ORIGIN, days, outcomes, the_failed},
    linking::apps,
    registering::RIGHT,
};

const ADA: &str = "ada@acme.example";

/// A client that may all that acting for everyone needs.
pub(crate) fn whole() -> NewClient {
    NewClient {
        scopes: ["user_default", "admin.users:read", "offline_access"].map(str::to_owned).to_vec(),
        redirect_uris: vec![backend::oauth::redirect_uri(ORIGIN)],
        ..NewClient::impersonator("Portal")
    }
}

pub(crate) fn by_client(option: AuthOption, client: &NewClientRef) -> SaveInput {
    SaveInput {
        tenant_host: HOST.to_owned(),
        auth_option: option.as_str().to_owned(),
        oauth_client_id: client.client_id.clone(),
        oauth_client_secret: client.client_secret.clone().map(Into::into),
        ..SaveInput::default()
    }
}

fn credentials(h: &House) -> SaveInput {
    SaveInput { auth_option: "credentials".to_owned(), api_key: None, ..h.input() }
}

/// What connects by this option.
fn input(h: &House, option: AuthOption, client: &NewClientRef) -> SaveInput {
    match option {
        AuthOption::ApiKey => h.input(),
        AuthOption::Credentials => credentials(h),
        AuthOption::OauthUsers | AuthOption::OauthEveryone => by_client(option, client),
    }
}

pub(crate) async fn save(h: &House, input: SaveInput) -> SaveOutcome {
    h.portal.save_integration(&h.ada, input).await.unwrap()
}

async fn view(h: &House) -> ConnectionView {
    h.portal.settings_view(&h.ada).await.unwrap().connection.unwrap()
}

pub(crate) fn of<'a>(report: &'a Report, id: &str) -> &'a backend::integration::Check {
    report.check(id).unwrap_or_else(|| panic!("{id}: {:#?}", report.checks))
}

#[tokio::test]
async fn each_option_is_saved_from_nothing_and_its_own_checks_are_made() {
    for option in AuthOption::ALL {
        let h = House::new().await;
        h.identity_provider().await;
        let client = h.world.add_oauth_client(&h.tenant, whole());
        let input = input(&h, option, &client);
        let saved = save(&h, input).await;
        assert!(saved.saved && !saved.staged, "{option:?}: {saved:#?}");
        let report = saved.report.unwrap();
        let made: Vec<&str> = report.checks.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(made, backend::doctor::ids(option).collect::<Vec<_>>(), "{option:?}");
        let form = h.portal.settings_view(&h.ada).await.unwrap().form.unwrap();
        assert_eq!(form.option, option);
        assert_eq!(h.portal.option(&h.ada.portal.id).await.unwrap(), Some(option));
        let asked = h.portal.doctor(&h.ada.portal).await.unwrap();
        assert!(asked.ok, "{option:?}: {asked:#?}");
    }
}

#[tokio::test]
async fn for_everyone_apps_are_seen_with_nothing_but_the_client() {
    let h = House::new().await;
    let client = h.world.add_oauth_client(&h.tenant, whole());
    let saved = save(&h, by_client(AuthOption::OauthEveryone, &client)).await;
    let report = saved.report.unwrap();
    assert_eq!(report.headline, "Connected. ada@acme.example sees 2 apps.");
    assert!(outcomes(&report).iter().all(|(_, o)| *o == Outcome::Passed), "{:#?}", outcomes(&report));
    assert_eq!(apps(&h.portal, &h.ada).await.unwrap().len(), 2);
    let seen = view(&h).await;
    assert_eq!((seen.option, seen.ready), (AuthOption::OauthEveryone, None));
    assert_eq!(seen.secret.unwrap().fingerprint.len(), 16);
    let stored = h.portal.bytes().unwrap();
    let secret = client.client_secret.unwrap();
    assert!(!stored.windows(secret.len()).any(|w| w == secret.as_bytes()), "the secret is sealed");
}

#[tokio::test]
async fn a_tenant_with_an_identity_provider_of_its_own_can_t_use_credentials() {
    let h = House::new().await;
    h.world.set_corporate_idp(&h.tenant, true);
    h.world.set_corporate_host(&h.tenant, "sso.corp.example");
    let refused = save(&h, credentials(&h)).await;
    assert_eq!(refused.fields, [backend::FieldError::new("auth_option", "check")]);
    let report = refused.report.unwrap();
    assert_eq!(the_failed(&report), "sign_in_way");
    let told = of(&report, "sign_in_way");
    assert!(told.says.contains("sso.corp.example"), "{}", told.says);
    assert!(told.remedy.as_deref().unwrap().contains("Qlik OAuth"), "{told:?}");
}

#[tokio::test]
async fn credentials_through_a_web_integration_without_this_origin_are_refused() {
    let h = House::new().await;
    h.world.set_origins(&h.web, ["https://other.example"]);
    let refused = save(&h, credentials(&h)).await;
    assert_eq!(refused.fields, [backend::FieldError::new("web_integration_id", "check")]);
    let report = refused.report.unwrap();
    assert_eq!(the_failed(&report), "web_sign_in");
    assert!(of(&report, "web_sign_in").says.contains(ORIGIN), "{report:#?}");
    assert_eq!(of(&report, "sign_in_way").outcome, Outcome::NotChecked);
}

#[tokio::test]
async fn a_sign_in_that_the_tenant_does_not_begin_is_no_fault_of_the_web_integration() {
    for (status, code) in [(401, "LOGIN-2"), (503, "X-1")] {
        let h = House::new().await;
        let odd =
            Effect::Status { status, code: code.to_owned(), title: "on purpose".to_owned(), body: None };
        h.world.add_fault(Fault::new("/login$", odd));
        let report = save(&h, credentials(&h)).await.report.unwrap();
        assert_eq!(the_failed(&report), "sign_in_way", "{report:#?}");
        let told = of(&report, "sign_in_way");
        assert!(told.qlik_code.as_deref() == Some(code) && !told.says.contains("key"), "{told:?}");
    }
}

#[tokio::test]
async fn one_administrators_own_refused_sign_in_is_told_and_leaves_the_connection_well() {
    let h = House::new().await;
    assert!(save(&h, credentials(&h)).await.saved);
    h.world.add_account(NewAccount::new(ADA, RIGHT));
    let end = h.portal.register_credentials(&h.ada, "another".to_owned().into()).await.unwrap();
    assert!(!end.stored);
    let asked = h.portal.test_connection(&h.ada).await.unwrap();
    let own = of(&asked, "own_session");
    assert_eq!(own.outcome, Outcome::Advice);
    assert!(own.says.starts_with(ADA) && own.says.contains("does not accept"), "{own:?}");
    assert_eq!(asked.headline, "Connected.");
    let view = h.portal.settings_view(&h.ada).await.unwrap();
    let connected = view.connection.unwrap();
    assert_eq!((connected.health, connected.headline.as_str()), (Health::Healthy, "Connected."));
}

#[tokio::test]
async fn the_own_session_of_who_asks_is_tried_and_a_probe_signs_nobody_in() {
    let h = House::new().await;
    assert!(save(&h, credentials(&h)).await.saved);
    let asked = h.portal.test_connection(&h.ada).await.unwrap();
    assert_eq!(of(&asked, "own_session").outcome, Outcome::NotChecked);
    h.world.add_account(NewAccount::new(ADA, RIGHT));
    let end = h.portal.register_credentials(&h.ada, RIGHT.to_owned().into()).await.unwrap();
    assert!(end.stored, "{end:?}");
    let asked = h.portal.test_connection(&h.ada).await.unwrap();
    assert_eq!(of(&asked, "own_session").outcome, Outcome::Passed);
    assert_eq!(of(&asked, "engine").outcome, Outcome::Passed, "{asked:#?}");
    assert_eq!(asked.headline, "Connected. ada@acme.example sees 2 apps.");
    h.advance(days(1));
    let tries = h.world.tries(ADA).tries;
    let probed = h.portal.doctor(&h.ada.portal).await.unwrap();
    assert_eq!(of(&probed, "own_session").outcome, Outcome::NotChecked);
    assert_eq!(h.world.tries(ADA).tries, tries);
}

#[tokio::test]
async fn from_the_key_to_another_option_waits_says_what_it_means_and_keeps_the_key_for_the_way_back() {
    let h = House::connected().await;
    let client = h.world.add_oauth_client(&h.tenant, whole());
    let saved = save(&h, by_client(AuthOption::OauthEveryone, &client)).await;
    assert!(saved.staged && !saved.saved, "{saved:#?}");
    assert_eq!(h.portal.option(&h.ada.portal.id).await.unwrap(), Some(AuthOption::ApiKey));
    let change = h.portal.change_view(&h.ada, 1).await.unwrap().unwrap();
    assert_eq!((change.now.option, change.then.option), (AuthOption::ApiKey, AuthOption::OauthEveryone));
    assert!(!change.compares() && change.after.is_none());
    assert_eq!(change.consequences.people, 1);
    assert!(h.portal.switch_to_staged(&h.ada, &change.id).await.unwrap().switched);

    assert_eq!(apps(&h.portal, &h.ada).await.unwrap().len(), 2);
    assert!(h.portal.status(&h.ada.portal.id).await.unwrap().is_none(), "no key is shown");
    // It is not renewed, and stays until its time is over: it lives for three days.
    h.advance(days(2));
    h.settle().await;
    assert_eq!(h.live().len(), 1);
    let back = h.portal.way_back(&h.ada).await.unwrap().unwrap();
    assert!(back.keeps_key && back.form.option == AuthOption::ApiKey);
    assert!(h.portal.go_back(&h.ada, &back.id).await.unwrap().switched);
    assert_eq!(h.portal.option(&h.ada.portal.id).await.unwrap(), Some(AuthOption::ApiKey));
    assert_eq!(apps(&h.portal, &h.ada).await.unwrap().len(), 2);
    // From now on it is renewed again.
    h.settle().await;
    let status = h.status().await;
    assert_ne!(status.key.key_id, h.key_id, "it was due");
}

#[tokio::test]
async fn after_its_time_the_key_is_deleted_at_qlik_and_the_next_one_begins_anew() {
    let h = House::connected().await;
    let (_, long) = h.world.create_key(&h.qlik_ada, "long", days(20));
    let with_long = SaveInput { api_key: Some(long.into()), ..h.input() };
    assert!(save(&h, with_long).await.saved);
    h.settle().await;
    h.advance(days(1));
    h.settle().await;
    assert_eq!(h.live().len(), 1, "the key before is gone");
    h.change(credentials(&h)).await;
    h.advance(days(6));
    h.settle().await;
    assert_eq!(h.live().len(), 1);
    h.advance(days(2));
    h.settle().await;
    assert_eq!(h.live().len(), 0, "nothing of ours is left at Qlik");
    assert!(h.portal.way_back(&h.ada).await.unwrap().is_none());
    let (_, key) = h.world.create_key(&h.qlik_ada, "again", days(3));
    h.change(SaveInput { api_key: Some(key.into()), ..h.input() }).await;
    h.advance(days(2) + jiff::SignedDuration::from_hours(2));
    h.settle().await;
    assert_eq!(h.live().len(), 2, "renewed, and the one before in its grace");
    assert_eq!(apps(&h.portal, &h.ada).await.unwrap().len(), 2);
}

#[tokio::test]
async fn closing_the_way_back_deletes_the_key_at_once() {
    let h = House::connected().await;
    h.change(credentials(&h)).await;
    h.portal.close_way_back(&h.ada).await.unwrap();
    h.settle().await;
    assert_eq!(h.live().len(), 0);
}

#[tokio::test]
async fn leaving_credentials_tells_how_many_passwords_it_wipes_and_wipes_them() {
    let h = House::connected().await;
    h.world.add_account(NewAccount::new(ADA, RIGHT));
    h.change(credentials(&h)).await;
    assert!(h.portal.register_credentials(&h.ada, RIGHT.to_owned().into()).await.unwrap().stored);
    assert_eq!(view(&h).await.ready, Some(1));
    let (_, key) = h.world.create_key(&h.qlik_ada, "again", days(3));
    assert!(save(&h, SaveInput { api_key: Some(key.into()), ..h.input() }).await.staged);
    let change = h.portal.change_view(&h.ada, 1).await.unwrap().unwrap();
    assert_eq!(change.consequences.passwords, 1);
    assert_eq!(h.portal.stored_passwords(&h.ada.portal.id).await.unwrap(), 1, "not before the switch");
    assert!(h.portal.switch_to_staged(&h.ada, &change.id).await.unwrap().switched);
    assert_eq!(h.portal.stored_passwords(&h.ada.portal.id).await.unwrap(), 0);
    let mine = h.portal.credentials(&h.ada).await.unwrap().unwrap();
    assert_eq!(mine.state, backend::credentials::CredentialState::Unused);
    // Going back brings the option back, and no password.
    let back = h.portal.way_back(&h.ada).await.unwrap().unwrap();
    assert!(h.portal.go_back(&h.ada, &back.id).await.unwrap().switched);
    assert_eq!(h.portal.option(&h.ada.portal.id).await.unwrap(), Some(AuthOption::Credentials));
    assert_eq!(h.portal.stored_passwords(&h.ada.portal.id).await.unwrap(), 0);
    // They are asked anew, and can do it.
    assert!(!mine.in_force);
    let mine = h.portal.credentials(&h.ada).await.unwrap().unwrap();
    assert!(mine.in_force && mine.state == backend::credentials::CredentialState::Unused, "{mine:?}");
    assert!(h.portal.register_credentials(&h.ada, RIGHT.to_owned().into()).await.unwrap().stored);
}

#[tokio::test]
async fn another_web_integration_changes_nothing_for_who_registered() {
    let h = House::connected().await;
    h.world.add_account(NewAccount::new(ADA, RIGHT));
    h.change(credentials(&h)).await;
    assert!(h.portal.register_credentials(&h.ada, RIGHT.to_owned().into()).await.unwrap().stored);
    let web = h.world.add_web_integration(&h.tenant, "Another", [ORIGIN]);
    assert!(save(&h, SaveInput { web_integration_id: web, ..credentials(&h) }).await.staged);
    let change = h.portal.change_view(&h.ada, 1).await.unwrap().unwrap();
    assert!(change.consequences.carried && change.consequences.passwords == 0, "{:?}", change.consequences);
    assert!(h.portal.switch_to_staged(&h.ada, &change.id).await.unwrap().switched);
    assert_eq!(h.portal.stored_passwords(&h.ada.portal.id).await.unwrap(), 1);
    assert_eq!(view(&h).await.ready, Some(1));
}

#[tokio::test]
async fn a_blank_secret_keeps_the_stored_one_and_a_new_one_replaces_it_at_once() {
    let h = House::new().await;
    let client = h.world.add_oauth_client(&h.tenant, whole());
    let input = || by_client(AuthOption::OauthEveryone, &client);
    assert!(save(&h, input()).await.saved);
    let first = view(&h).await.secret;
    let blank = SaveInput { oauth_client_secret: None, ..input() };
    assert!(save(&h, blank).await.saved);
    assert_eq!(view(&h).await.secret, first);
    let wrong = SaveInput { oauth_client_secret: Some("cd".repeat(32).into()), ..input() };
    assert_eq!(the_failed(&save(&h, wrong).await.report.unwrap()), "oauth_secret");
    assert_eq!(view(&h).await.secret, first, "nothing was stored");
}

#[tokio::test]
async fn a_staged_change_that_is_given_up_leaves_nothing_of_its_client() {
    let h = House::connected().await;
    let client = h.world.add_oauth_client(&h.tenant, whole());
    assert!(save(&h, by_client(AuthOption::OauthUsers, &client)).await.staged);
    h.portal.discard_staged(&h.ada).await.unwrap();
    assert!(h.portal.change_view(&h.ada, 1).await.unwrap().is_none());
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM oauth_clients")
        .fetch_one(h.portal.db().read())
        .await
        .unwrap();
    assert_eq!(left, 0, "its secret is gone");
    // The secret is asked for again.
    let blank = SaveInput { oauth_client_secret: None, ..by_client(AuthOption::OauthEveryone, &client) };
    let fields = save(&h, blank).await.fields;
    assert_eq!(fields, [backend::FieldError::new("oauth_client_secret", "required")]);
}

#[tokio::test]
async fn every_option_is_disconnected_and_nothing_of_it_stays() {
    for option in AuthOption::ALL {
        let h = House::new().await;
        h.identity_provider().await;
        let client = h.world.add_oauth_client(&h.tenant, whole());
        let input = input(&h, option, &client);
        assert!(save(&h, input).await.saved);
        let end = h.portal.disconnect(&h.ada, true, false).await.unwrap();
        assert!(end.disconnected && end.says.contains(HOST), "{option:?}: {}", end.says);
        assert!(h.portal.settings_view(&h.ada).await.unwrap().form.is_none());
        assert!(
            matches!(apps(&h.portal, &h.ada).await, Err(t) if t.kind == backend::door::TroubleKind::NotConnected)
        );
    }
}
