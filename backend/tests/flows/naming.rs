//! The names of a tenant: an alias that is changed or removed at Qlik, and a tenant that
//! redirects calls to its permanent name. The tenant's id says which it is.

use crate::house::{HOST, House, days, mins, outcomes};
use backend::{
    apps::{AppsPage, AppsQuery},
    integration::{Health, Outcome, SaveInput},
    renewal::RenewalOutcome,
};
use sandbox::{NewTenant, NewUser};

const PERMANENT: &str = "tenant_host";

async fn permanent(h: &House) -> String {
    h.status().await.permanent_host
}

#[tokio::test]
async fn an_alias_that_is_renamed_is_fallen_back_from_told_and_the_new_one_is_taken_up() {
    let h = House::connected().await;
    let permanent = permanent(&h).await;
    assert_ne!(permanent, HOST);
    h.portal.my_apps(&h.ada, AppsQuery::default()).await.unwrap();
    h.world.set_alias(&h.tenant, "acme-new");

    // Whoever comes first notices nothing.
    let apps = h.portal.my_apps(&h.ada, AppsQuery::default()).await.unwrap();
    assert!(matches!(apps, AppsPage::Apps { .. }), "{apps:?}");
    h.settle().await;
    let view = h.portal.settings_view(&h.ada).await.unwrap();
    let names = view.names.unwrap();
    assert_eq!((names.former.as_str(), names.in_use.as_str()), (HOST, permanent.as_str()));
    assert_eq!(view.form.unwrap().tenant_host, permanent, "{PERMANENT}");

    // The renewal goes on, also in a process that has learnt nothing of it.
    let other = h.portal.another().await.unwrap();
    assert_eq!(other.renew_now(&h.ada).await.unwrap().outcome, RenewalOutcome::Renewed);
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    assert!(report.ok, "{:#?}", report.checks);
    assert_eq!(h.status().await.health, Health::Healthy);

    // The tenant told its new alias in that check; one click takes it up, without the key.
    let names = h.portal.settings_view(&h.ada).await.unwrap().names.unwrap();
    assert_eq!(names.aliases, ["acme-new.eu.qlikcloud.com"]);
    let end = h.portal.use_hostname(&h.ada, "acme-new.eu.qlikcloud.com").await.unwrap();
    assert!(end.saved && !end.staged, "{end:#?}");
    let view = h.portal.settings_view(&h.ada).await.unwrap();
    assert_eq!(view.form.unwrap().tenant_host, "acme-new.eu.qlikcloud.com");
    assert!(view.names.is_none());
    let elsewhere = h.portal.use_hostname(&h.ada, "globex.us.qlikcloud.com").await;
    assert!(matches!(elsewhere, Err(backend::Error::NotFound)));
}

#[tokio::test]
async fn a_page_from_before_saves_and_an_alias_that_comes_back_is_taken_up() {
    // The form still has the old name, and no key; the tenant has its old alias again, or not.
    for back in [true, false] {
        let h = House::connected().await;
        let permanent_here = permanent(&h).await;
        h.world.set_alias(&h.tenant, "acme-new");
        h.portal.test_connection(&h.ada).await.unwrap();
        h.settle().await;
        assert_eq!(h.status().await.tenant_host, permanent_here);
        if back {
            h.world.set_alias(&h.tenant, "acme");
        }
        let stale = SaveInput { api_key: None, ..h.input() };
        let end = h.portal.save_integration(&h.ada, stale).await.unwrap();
        assert!(end.saved && !end.staged, "{back}: {end:#?}");
        let now = h.status().await.tenant_host;
        assert_eq!(now, if back { HOST.to_owned() } else { permanent_here }, "{back}");
        assert!(h.portal.test_connection(&h.ada).await.unwrap().ok, "{back}");
    }
}

#[tokio::test]
async fn a_renewal_that_comes_due_after_the_alias_is_gone_does_not_blame_the_key() {
    let h = House::connected().await;
    h.world.set_alias(&h.tenant, "acme-new");
    let restarted = h.portal.another().await.unwrap();
    h.advance(days(2) + mins(4 * 60));
    for _ in 0..10 {
        if restarted.tick().await.unwrap() == 0 {
            break;
        }
    }
    let now = h.status().await;
    assert_ne!(now.key.key_id, h.key_id, "{}", now.headline);
    assert_eq!(now.last_renewal.unwrap().outcome.as_deref(), Some("renewed"));
}

#[tokio::test]
async fn a_tenant_that_is_gone_under_all_its_names_is_told_as_that_and_not_as_a_bad_key() {
    let h = House::new().await;
    h.identity_provider().await;
    // The permanent name is the one that was entered, so there is nothing to fall back to.
    let permanent = {
        assert!(h.save().await.saved);
        permanent(&h).await
    };
    let end = h
        .portal
        .save_integration(&h.ada, SaveInput { tenant_host: permanent.clone(), api_key: None, ..h.input() })
        .await
        .unwrap();
    assert!(end.saved, "the page lists this very name: {end:#?}");
    let gone = sandbox::Effect::Status {
        status: 401,
        code: "LOGIN-2".to_owned(),
        title: "No authentication configured for this hostname".to_owned(),
        body: None,
    };
    h.world.add_fault(sandbox::Fault::new("/", gone));
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    let tenant = report.check("tenant").unwrap();
    assert_eq!(tenant.outcome, Outcome::Failed);
    assert!(
        tenant.says.contains(&permanent) && tenant.qlik_code.as_deref() == Some("LOGIN-2"),
        "{tenant:#?}"
    );
    h.advance(days(2) + mins(4 * 60));
    h.settle().await;
    let now = h.status().await;
    assert_eq!(now.health, Health::Failing, "{}", now.headline);
    assert!(now.headline.contains("no tenant at"), "{}", now.headline);
    assert!(now.next_try_at.is_some(), "it is tried again");
}

#[tokio::test]
async fn an_alias_that_another_tenant_took_is_not_blamed_on_the_key() {
    let h = House::connected().await;
    let permanent = permanent(&h).await;
    h.world.set_alias(&h.tenant, "acme-new");
    let taker = h.world.add_tenant(NewTenant::new("taker", "eu"));
    h.world.set_alias(&taker, "acme");
    h.advance(days(2) + mins(4 * 60));
    h.settle().await;
    h.advance(mins(3));
    h.settle().await;
    let now = h.status().await;
    assert_eq!(now.tenant_host, permanent);
    assert_eq!(now.health, Health::Healthy, "{}", now.headline);
    assert_ne!(now.key.key_id, h.key_id, "it was renewed under the permanent name");
}

#[tokio::test]
async fn an_outage_in_which_no_name_is_known_moves_nobody() {
    let h = House::connected().await;
    let gone = sandbox::Effect::Status {
        status: 401,
        code: "LOGIN-2".to_owned(),
        title: "No authentication configured for this hostname".to_owned(),
        body: None,
    };
    h.world.add_fault(sandbox::Fault::new("/", gone));
    h.portal.test_connection(&h.ada).await.unwrap();
    h.settle().await;
    h.world.clear_faults();
    let view = h.portal.settings_view(&h.ada).await.unwrap();
    assert!(view.names.is_none());
    assert_eq!(view.form.unwrap().tenant_host, HOST);
    assert!(h.portal.test_connection(&h.ada).await.unwrap().ok);
}

#[tokio::test]
async fn another_name_of_the_same_tenant_is_no_change_and_another_tenant_needs_its_own_key() {
    let h = House::connected().await;
    h.world.set_alias(&h.tenant, "acme-two");
    // Nobody told the portal of this name yet; the tenant is asked under the one in use.
    let input = SaveInput { tenant_host: "acme-two.eu.qlikcloud.com".to_owned(), api_key: None, ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.saved && !end.staged, "{end:#?}");

    let globex = h.world.add_tenant(NewTenant::new("globex", "eu"));
    h.world.add_user(&globex, NewUser::admin("ada@acme.example"));
    let input = SaveInput { tenant_host: "globex.eu.qlikcloud.com".to_owned(), api_key: None, ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert_eq!((end.fields[0].field, end.fields[0].code), ("api_key", "other_tenant"));
    let log = h.world.log();
    assert!(
        log.iter()
            .all(|e| e.host != "globex.eu.qlikcloud.com" || !e.headers.contains(&"authorization".to_owned())),
        "the key went to another tenant"
    );
}

#[tokio::test]
async fn a_tenant_that_redirects_to_its_permanent_name_connects_and_survives_a_restart() {
    for status in [302, 307] {
        let h = House::new().await;
        h.identity_provider().await;
        h.world.redirect_to_permanent(&h.tenant, Some(status));
        h.world.set_permanent_links(&h.tenant, true);
        let end = h.save().await;
        assert!(end.saved, "{status}: {:#?}", end.report);
        let report = end.report.unwrap();
        let failed: Vec<_> = outcomes(&report)
            .into_iter()
            .filter(|(_, o)| !matches!(o, Outcome::Passed | Outcome::Advice))
            .collect();
        assert!(failed.is_empty(), "{status}: {failed:?}");

        let restarted = h.portal.another().await.unwrap();
        assert!(restarted.test_connection(&h.ada).await.unwrap().ok, "{status}");
        assert!(
            restarted.doctor(&h.ada.portal).await.unwrap().ok,
            "{status}: the command agrees with the page"
        );
        let apps = restarted.my_apps(&h.ada, AppsQuery::default()).await.unwrap();
        assert!(matches!(apps, AppsPage::Apps { .. }), "{status}: {apps:?}");
        assert_eq!(restarted.renew_now(&h.ada).await.unwrap().outcome, RenewalOutcome::Renewed, "{status}");
        // The name that was entered is still the tenant's.
        let view = h.portal.settings_view(&h.ada).await.unwrap();
        assert_eq!(view.form.unwrap().tenant_host, HOST);
        assert!(view.names.is_none());
    }
}

#[tokio::test]
async fn a_redirect_to_another_tenant_is_not_followed_with_a_key() {
    let h = House::connected().await;
    let globex = h.world.add_tenant(NewTenant::new("globex", "eu"));
    h.world.add_user(&globex, NewUser::admin("ada@acme.example"));
    let to = "https://globex.eu.qlikcloud.com/api/v1/users/me".to_owned();
    h.world.add_fault(sandbox::Fault::new("/api/v1/users/me", sandbox::Effect::Redirect { location: to }));
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    let owner = report.check("owner").unwrap();
    assert_eq!(owner.outcome, Outcome::Failed);
    assert!(owner.says.contains("globex.eu.qlikcloud.com"), "{owner:#?}");
    assert!(h.world.log().iter().all(|e| e.host != "globex.eu.qlikcloud.com"));
}
