//! Saving the settings: each check fails when its one input is wrong, and only
//! then, and nothing is stored.

use crate::house::{HOST, House, days, mins, outcomes, the_failed};
use backend::integration::{Health, Outcome, SaveInput};
use sandbox::{NewTenant, NewUser, UserStatus};

/// The key of these connections is a Tenant Admin's, which is worth an advice.
const WELL: [Outcome; 2] = [Outcome::Passed, Outcome::Advice];

#[tokio::test]
async fn the_right_values_are_stored_and_the_owner_and_the_apps_are_named() {
    let h = House::connected().await;
    let status = h.status().await;
    assert_eq!(status.health, Health::Healthy, "{}", status.headline);
    assert_eq!(status.key.owner_email.as_deref(), Some("ada@acme.example"));
    assert_eq!(status.key.key_id, h.key_id);
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    assert!(outcomes(&report).iter().all(|(_, o)| WELL.contains(o)), "{:#?}", report.checks);
    assert_eq!(report.headline, "Connected. ada@acme.example sees 2 apps.");
    // The key is due one day before it expires, give or take its jitter.
    let due_in = status.renew_at.duration_since(crate::house::start());
    assert!(due_in <= days(2) && due_in >= days(2) - mins(15), "{due_in}");
}

#[tokio::test]
async fn a_missing_identity_provider_is_a_warning_with_an_offer_where_the_key_can_make_it() {
    let h = House::new().await;
    let saved = h.save().await;
    let report = saved.report.unwrap();
    assert!(saved.saved && report.identity_missing);
    assert_eq!(report.check("identity_provider").unwrap().outcome, Outcome::Warning);
    assert_eq!(report.check("jwt_login").unwrap().outcome, Outcome::NotChecked);
    assert_eq!(report.check("apps").unwrap().outcome, Outcome::NotChecked);
    assert_eq!(h.status().await.health, Health::Attention);

    let plan = h.portal.identity_provider_plan(&h.ada).await.unwrap();
    let report = h.portal.create_identity_provider(&h.ada).await.unwrap();
    assert!(outcomes(&report).iter().all(|(_, o)| WELL.contains(o)), "{:#?}", report.checks);
    let made = h.world.idps(&h.tenant);
    assert_eq!((made.len(), &made[0].issuer, &made[0].kid), (1, &plan.issuer, &plan.kid));
    // Once more changes nothing.
    h.portal.create_identity_provider(&h.ada).await.unwrap();
    assert_eq!(h.world.idps(&h.tenant).len(), 1);
    assert_eq!(h.status().await.health, Health::Healthy);
}

#[tokio::test]
async fn without_a_tenant_admins_key_a_missing_identity_provider_fails_the_login_check() {
    let h = House::new().await;
    let bot =
        NewUser { manage_api_keys: true, may_read_users: Some(true), ..NewUser::new("bot@acme.example") };
    let bot = h.world.add_user(&h.tenant, bot);
    let (_, token) = h.world.create_key(&bot, "bot", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(!end.saved);
    let report = end.report.unwrap();
    assert_eq!(the_failed(&report), "jwt_login");
    assert!(report.check("jwt_login").unwrap().remedy.as_ref().unwrap().contains("JWT identity provider"));
    assert!(h.portal.status(&h.ada.portal.id).await.unwrap().is_none());
}

/// What is broken, the check that must fail, the field that it is tied to.
#[tokio::test]
async fn each_check_fails_when_only_its_own_input_is_wrong_and_nothing_is_stored() {
    type Break = fn(&House, &mut SaveInput);
    let table: &[(&str, Break, &str, &str)] = &[
        (
            "host of nobody",
            |_, i| "nobody.eu.qlikcloud.com".clone_into(&mut i.tenant_host),
            "tenant",
            "tenant_host",
        ),
        ("revoked key", |h, _| h.world.revoke_key(&h.key_id), "key", "api_key"),
        (
            "another tenant's key",
            |h, i| {
                let other = h.world.add_tenant(NewTenant::new("globex", "us"));
                let eve = h.world.add_user(&other, NewUser::admin("eve@globex.example"));
                i.api_key = Some(h.world.create_key(&eve, "foreign", days(3)).1.into());
            },
            "key",
            "api_key",
        ),
        ("no permission", |h, _| h.world.set_manage_api_keys(&h.qlik_ada, false), "key", "api_key"),
        (
            "owner disabled",
            |h, _| h.world.set_user_status(&h.qlik_ada, UserStatus::Disabled),
            "key",
            "api_key",
        ),
        (
            "unknown web integration",
            |_, i| "unknown".clone_into(&mut i.web_integration_id),
            "web_integration",
            "web_integration_id",
        ),
        (
            "origin with another port",
            |h, _| h.world.set_origins(&h.web, ["https://acme.portal.example:8443"]),
            "origin",
            "web_integration_id",
        ),
        ("no origin", |h, _| h.world.set_origins(&h.web, [""; 0]), "origin", "web_integration_id"),
        (
            "may not read users",
            |h, i| {
                let bot = NewUser {
                    manage_api_keys: true,
                    may_read_users: Some(false),
                    ..NewUser::new("bot@acme.example")
                };
                let bot = h.world.add_user(&h.tenant, bot);
                i.api_key = Some(h.world.create_key(&bot, "bot", days(3)).1.into());
            },
            "read_users",
            "api_key",
        ),
    ];
    for (what, break_it, check, field) in table {
        let h = House::new().await;
        h.identity_provider().await;
        let mut input = h.input();
        break_it(&h, &mut input);
        let end = h.portal.save_integration(&h.ada, input).await.unwrap();
        assert!(!end.saved, "{what}");
        let report = end.report.unwrap();
        assert_eq!(the_failed(&report), *check, "{what}");
        assert!(report.check(check).unwrap().remedy.is_some(), "{what}");
        assert_eq!((end.fields[0].field, end.fields[0].code), (*field, "check"), "{what}");
        // Independent checks were made and passed; the rest says what it lacks.
        let others = report.checks.iter().filter(|c| c.id != *check);
        for other in others {
            assert!(
                other.outcome != Outcome::Failed
                    && (other.outcome != Outcome::NotChecked || other.says.contains("needs")),
                "{what}: {other:?}"
            );
        }
        assert!(h.portal.status(&h.ada.portal.id).await.unwrap().is_none(), "{what}: something was stored");
    }
}

#[tokio::test]
async fn a_key_with_20_hours_left_is_taken_with_a_warning() {
    let h = House::new().await;
    h.identity_provider().await;
    h.advance(days(2) + mins(4 * 60));
    let end = h.save().await;
    assert!(end.saved);
    let report = end.report.unwrap();
    let lifetime = report.check("lifetime").unwrap();
    assert_eq!(lifetime.outcome, Outcome::Warning);
    assert!(lifetime.says.contains("20 h left"), "{}", lifetime.says);
}

#[tokio::test]
async fn connected_but_sees_nothing_is_a_warning() {
    let h = House::new().await;
    h.identity_provider().await;
    let bot = h.world.add_user(
        &h.tenant,
        NewUser { manage_api_keys: true, may_read_users: Some(true), ..NewUser::new("bot@acme.example") },
    );
    let (_, token) = h.world.create_key(&bot, "bot", days(3));
    h.world.delete_user(&h.qlik_ada);
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.saved);
    let report = end.report.unwrap();
    assert_eq!(report.check("apps").unwrap().outcome, Outcome::Warning);
    assert_eq!(report.headline, "Connected, with one warning.");
}

#[tokio::test]
async fn a_full_quota_is_a_warning_before_it_stops_a_renewal() {
    let h = House::new().await;
    h.identity_provider().await;
    h.world.set_key_config(&h.tenant, days(30), 1);
    let report = h.save().await.report.unwrap();
    assert_eq!(report.check("quota").unwrap().outcome, Outcome::Warning);
}

#[tokio::test]
async fn a_blank_key_keeps_the_stored_one() {
    let h = House::connected().await;
    let end = h.portal.save_integration(&h.ada, SaveInput { api_key: None, ..h.input() }).await.unwrap();
    assert!(end.saved);
    assert_eq!(h.status().await.key.key_id, h.key_id);
}

#[tokio::test]
async fn a_key_that_is_pasted_over_a_living_one_retires_it() {
    let h = House::connected().await;
    let (id, token) = h.world.create_key(&h.qlik_ada, "second", days(3));
    let end = h
        .portal
        .save_integration(&h.ada, SaveInput { api_key: Some(token.into()), ..h.input() })
        .await
        .unwrap();
    assert!(end.saved);
    assert_eq!(h.status().await.key.key_id, id);
    h.settle().await;
    assert_eq!(h.live().len(), 2, "the old one has its grace time");
    h.advance(mins(2));
    h.settle().await;
    assert_eq!(h.live().iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn nobody_but_an_administrator_may_touch_the_settings() {
    let h = House::connected().await;
    let user = backend::Actor { role: backend::Role::User, ..h.ada.clone() };
    assert!(matches!(h.portal.save_integration(&user, h.input()).await, Err(backend::Error::NotAllowed)));
    assert!(matches!(h.portal.settings_view(&user).await, Err(backend::Error::NotAllowed)));
    assert!(matches!(h.portal.test_connection(&user).await, Err(backend::Error::NotAllowed)));
    assert!(matches!(h.portal.renew_now(&user).await, Err(backend::Error::NotAllowed)));
    assert!(matches!(h.portal.disconnect(&user, true, false).await, Err(backend::Error::NotAllowed)));
    assert!(matches!(h.portal.create_identity_provider(&user).await, Err(backend::Error::NotAllowed)));
}

#[tokio::test]
async fn disconnecting_deletes_the_key_at_qlik_and_forgets_it_here() {
    let h = House::connected().await;
    let end = h.portal.disconnect(&h.ada, true, false).await.unwrap();
    assert!(end.disconnected, "{}", end.says);
    assert!(h.live().is_empty());
    assert!(h.portal.status(&h.ada.portal.id).await.unwrap().is_none());
}

#[tokio::test]
async fn disconnecting_stops_where_the_key_can_not_be_deleted() {
    let h = House::connected().await;
    let fault = sandbox::Fault::new(
        "/api/v1/api-keys",
        sandbox::Effect::Status { status: 503, code: "X".to_owned(), title: "away".to_owned(), body: None },
    );
    h.world.add_fault(fault.on("DELETE"));
    let end = h.portal.disconnect(&h.ada, true, false).await.unwrap();
    assert!(!end.disconnected);
    assert_eq!(h.status().await.key.key_id, h.key_id);
    let end = h.portal.disconnect(&h.ada, false, false).await.unwrap();
    assert!(end.disconnected);
    assert_eq!(h.live().len(), 1);
}

#[tokio::test]
async fn a_host_is_asked_nothing_before_it_passes_the_form() {
    let h = House::new().await;
    let input = SaveInput { tenant_host: "169.254.169.254".to_owned(), ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert_eq!((end.fields[0].field, end.fields[0].code), ("tenant_host", "ip_address"));
    assert!(h.world.log().is_empty());
    assert!(end.report.is_none());
    assert_eq!(h.input().tenant_host, HOST);
}
