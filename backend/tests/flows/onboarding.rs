//! One-paste set-up: seen first, made once, and never left half.

use std::time::Duration;

use backend::{
    integration::Health,
    onboard::{IdpPlan, Phase, PlanOutcome, Progress, SetUpInput, WebPlan},
    testing::TestServices,
};
use qlik::{HostPolicy, host::TenantHost};
use sandbox::{Effect, Fault, NewUser};

use crate::house::{HOST, House, ORIGIN, days, mins};

/// A tenant without a web integration or identity provider for the portal.
async fn bare() -> House {
    let h = House::new().await;
    h.world.delete_web_integration(&h.web);
    h
}

fn input(token: &str) -> SetUpInput {
    SetUpInput { tenant_host: HOST.to_owned(), api_key: Some(token.to_owned().into()) }
}

async fn planned(h: &House) -> (String, Progress) {
    let end = h.portal.plan_set_up(&h.ada, input(&h.token)).await.unwrap();
    assert!(matches!(end, PlanOutcome::Planned), "{end:?}");
    let view = h.portal.set_up_view(&h.ada).await.unwrap().unwrap();
    (view.id, view.progress)
}

async fn confirmed(h: &House) {
    let (id, _) = planned(h).await;
    h.portal.confirm_set_up(&h.ada, &id, None).await.unwrap();
}

async fn work(portal: &TestServices) {
    portal.set_up_until(std::future::pending()).await.unwrap();
}

async fn progress(h: &House) -> Progress {
    h.portal.set_up_view(&h.ada).await.unwrap().unwrap().progress
}

/// Works until it ended, with time for the waits between.
async fn to_the_end(h: &House) -> Progress {
    for _ in 0..40 {
        work(&h.portal).await;
        let now = progress(h).await;
        if now.ended() {
            return now;
        }
        h.advance(mins(4));
    }
    panic!("it does not end: {:?}", progress(h).await);
}

fn webs(h: &House) -> Vec<String> {
    h.world
        .web_integrations(&h.tenant)
        .into_iter()
        .filter(|w| w.origins.iter().any(|o| o == ORIGIN))
        .map(|w| w.id)
        .collect()
}

fn status(path: &str, status: u16) -> Fault {
    let (code, title) = ("X-1".to_owned(), "on purpose".to_owned());
    Fault::new(path, Effect::Status { status, code, title, body: None })
}

#[tokio::test]
async fn everything_is_seen_before_it_is_made_and_then_it_is_there() {
    let h = bare().await;
    let (id, seen) = planned(&h).await;
    assert_eq!(seen.plan.web, WebPlan::Create { name: "Qonduit acme.portal.example".to_owned() });
    assert!(matches!(seen.plan.idp, IdpPlan::Create { .. }));
    assert_eq!((seen.plan.origin.as_str(), seen.plan.owner.as_str()), (ORIGIN, "ada@acme.example"));
    assert!(h.world.log().iter().all(|e| e.method == "GET"), "nothing is changed by looking");

    h.portal.confirm_set_up(&h.ada, &id, None).await.unwrap();
    let end = to_the_end(&h).await;
    assert_eq!(end.phase, Phase::Done, "{end:#?}");
    assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (1, 1));
    let status = h.status().await;
    assert_eq!(status.health, Health::Healthy, "{}", status.headline);
    assert_eq!(status.key.key_id, h.key_id);
}

#[tokio::test]
async fn what_is_made_is_what_a_person_makes_after_the_help_page() {
    let by_hand = House::connected().await;
    let h = bare().await;
    confirmed(&h).await;
    to_the_end(&h).await;
    // As Qlik tells it, times and ids and what is each portal's own aside.
    let told = async |h: &House| {
        let qlik =
            h.portal.qlik().with_key(&TenantHost::parse(HOST, &HostPolicy::default()).unwrap(), h.key());
        let [p] = &qlik.identity_providers().await.unwrap()[..] else { panic!("one") };
        let view = h.portal.settings_view(&h.ada).await.unwrap().identity;
        let squeeze = |pem: &str| pem.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        assert_eq!((p.issuer.as_ref(), p.keys.len()), (Some(&view.issuer), 1));
        assert_eq!((&p.keys[0].kid, squeeze(&p.keys[0].pem)), (&view.kid, squeeze(&view.certificate_pem)));
        (p.protocol.clone(), p.provider.clone(), p.active, p.clock_tolerance_sec)
    };
    assert_eq!(told(&h).await, told(&by_hand).await);
    let origins =
        |h: &House| h.world.web_integrations(&h.tenant).into_iter().map(|w| w.origins).collect::<Vec<_>>();
    assert_eq!(origins(&h), origins(&by_hand));
}

#[tokio::test]
async fn running_it_again_changes_nothing() {
    let h = bare().await;
    confirmed(&h).await;
    to_the_end(&h).await;
    let before = (webs(&h), h.world.idps(&h.tenant).len());
    h.world.clear_log();
    let (id, seen) = planned(&h).await;
    assert!(matches!(seen.plan.web, WebPlan::Use { .. }) && matches!(seen.plan.idp, IdpPlan::Use { .. }));
    h.portal.confirm_set_up(&h.ada, &id, None).await.unwrap();
    assert_eq!(to_the_end(&h).await.phase, Phase::Done);
    assert_eq!((webs(&h), h.world.idps(&h.tenant).len()), before);
    let changes: Vec<_> = h
        .world
        .log()
        .into_iter()
        .filter(|e| e.method != "GET" && !e.path.starts_with("/login") && !e.path.starts_with("/logout"))
        .collect();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[tokio::test]
async fn the_origin_is_added_to_an_integration_that_the_administrator_chooses_and_the_others_stay() {
    let h = bare().await;
    let other = h.world.add_web_integration(&h.tenant, "Intranet", ["https://intranet.example"]);
    let (id, seen) = planned(&h).await;
    assert_eq!(seen.plan.others, [(other.clone(), "Intranet".to_owned())]);
    h.portal.confirm_set_up(&h.ada, &id, Some(&other)).await.unwrap();
    assert_eq!(to_the_end(&h).await.phase, Phase::Done);
    assert_eq!(webs(&h), std::slice::from_ref(&other));
    let listed = h.world.web_integrations(&h.tenant).into_iter().find(|w| w.id == other).unwrap().origins;
    assert_eq!(listed, ["https://intranet.example", ORIGIN]);

    // Disconnecting takes away what was added, and only that.
    let end = h.portal.disconnect(&h.ada, true, true).await.unwrap();
    assert!(end.disconnected, "{}", end.says);
    let listed = h.world.web_integrations(&h.tenant).into_iter().find(|w| w.id == other).unwrap().origins;
    assert_eq!(listed, ["https://intranet.example"]);
    assert!(h.world.idps(&h.tenant).is_empty());
}

#[tokio::test]
async fn disconnecting_removes_what_the_portal_made_where_that_is_wished_and_nothing_else() {
    let h = bare().await;
    let foreign = h.world.add_web_integration(&h.tenant, "Intranet", ["https://intranet.example"]);
    confirmed(&h).await;
    to_the_end(&h).await;
    let kinds: Vec<_> = h.portal.made_at_qlik(&h.ada).await.unwrap().into_iter().map(|m| m.kind).collect();
    assert_eq!(kinds, ["web_integration", "identity_provider"]);
    let end = h.portal.disconnect(&h.ada, true, true).await.unwrap();
    assert!(end.disconnected, "{}", end.says);
    let left: Vec<_> = h.world.web_integrations(&h.tenant).into_iter().map(|w| w.id).collect();
    assert_eq!((left, h.world.idps(&h.tenant).len()), (vec![foreign], 0));
}

#[tokio::test]
async fn what_was_made_by_hand_is_never_offered_for_removal() {
    let h = House::connected().await;
    assert!(h.portal.made_at_qlik(&h.ada).await.unwrap().is_empty());
    assert!(h.portal.disconnect(&h.ada, true, true).await.unwrap().disconnected);
    assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (1, 1));
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_object() {
    for path in ["/api/v1/web-integrations", "/api/v1/identity-providers"] {
        let h = bare().await;
        h.world.add_fault(Fault::new(path, Effect::CutAfter).on("POST").once());
        confirmed(&h).await;
        let end = to_the_end(&h).await;
        assert_eq!(end.phase, Phase::Done, "{path}: {end:#?}");
        assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (1, 1), "{path}");
    }
}

#[tokio::test]
async fn what_qlik_does_not_allow_half_way_is_undone() {
    for (path, method) in [
        ("/api/v1/web-integrations", "POST"),
        ("/api/v1/identity-providers", "POST"),
        ("/api/v1/api-keys/*", "GET"),
    ] {
        let h = bare().await;
        let (id, _) = planned(&h).await;
        h.world.add_fault(status(path, 403).on(method));
        h.portal.confirm_set_up(&h.ada, &id, None).await.unwrap();
        let end = to_the_end(&h).await;
        assert_eq!(end.phase, Phase::Undone, "{path}");
        assert!(end.fault.is_some() && end.left.is_empty(), "{path}: {end:#?}");
        assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (0, 0), "{path}");
        assert!(h.portal.status(&h.ada.portal.id).await.unwrap().is_none(), "{path}: nothing is stored");
        assert!(h.portal.made_at_qlik(&h.ada).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_sign_in_that_never_works_is_undone_with_the_checks_that_say_why() {
    let h = bare().await;
    h.world.add_fault(status("/login/jwt-session", 401));
    confirmed(&h).await;
    let end = to_the_end(&h).await;
    assert_eq!(end.phase, Phase::Undone);
    assert!(end.report.unwrap().check("jwt_login").unwrap().says.contains("refuses the portal's JWT"));
    assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (0, 0));
}

#[tokio::test]
async fn a_new_identity_provider_that_is_not_known_at_once_is_waited_for() {
    let h = bare().await;
    h.world.add_fault(status("/login/jwt-session", 401).times(2));
    confirmed(&h).await;
    assert_eq!(to_the_end(&h).await.phase, Phase::Done);
}

#[tokio::test]
async fn an_outage_in_the_middle_of_undoing_leaves_nothing_half_once_it_is_over() {
    let h = bare().await;
    h.world.add_fault(status("/api/v1/identity-providers", 403).on("POST"));
    h.world.add_fault(status("/api/v1/web-integrations", 503).on("DELETE").times(3));
    confirmed(&h).await;
    assert_eq!(to_the_end(&h).await.phase, Phase::Undone);
    assert!(webs(&h).is_empty());
}

#[tokio::test]
async fn a_process_that_dies_at_any_call_is_followed_by_another_that_ends_it() {
    let calls = [
        ("/api/v1/web-integrations", "POST"),
        ("/api/v1/identity-providers", "POST"),
        ("/login/jwt-session", "POST"),
    ];
    for (path, method) in calls {
        for effect in [Effect::HangForever, Effect::HangAfter] {
            let h = House::with_timeout(Duration::from_secs(30)).await;
            h.world.delete_web_integration(&h.web);
            confirmed(&h).await;
            h.world.add_fault(Fault::new(path, effect.clone()).on(method).once());
            // Ends at the call that hangs: the process is gone with it, its claim is not.
            let asked = async {
                while !h.world.log().iter().any(|e| e.method == method && e.path == path) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = work(&h.portal) => panic!("{path}: it should hang"),
                () = asked => {}
            }
            let next = h.portal.another().await.unwrap();
            work(&next).await;
            assert!(!progress(&h).await.ended(), "{path}: the claim still holds");
            h.advance(mins(4));
            let end = to_the_end(&h).await;
            assert_eq!(end.phase, Phase::Done, "{path} {effect:?}: {end:#?}");
            assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (1, 1), "{path} {effect:?}");
        }
    }
}

#[tokio::test]
async fn only_a_tenant_admins_key_can_do_it_and_that_is_said_at_its_field() {
    let h = bare().await;
    let bot =
        h.world.add_user(&h.tenant, NewUser { manage_api_keys: true, ..NewUser::new("bot@acme.example") });
    let (_, token) = h.world.create_key(&bot, "bot", days(3));
    let end = h.portal.plan_set_up(&h.ada, input(&token)).await.unwrap();
    let PlanOutcome::Refused { field: "api_key", says, .. } = end else { panic!("{end:?}") };
    assert!(says.contains("bot@acme.example is no Tenant Admin"), "{says}");
    let end = h.portal.plan_set_up(&h.ada, SetUpInput::default()).await.unwrap();
    let PlanOutcome::Fields(fields) = end else { panic!("{end:?}") };
    assert_eq!(fields.iter().map(|f| f.field).collect::<Vec<_>>(), ["tenant_host", "api_key"]);
}

#[tokio::test]
async fn a_plan_that_was_not_the_one_seen_can_not_be_confirmed() {
    let h = bare().await;
    let (old, _) = planned(&h).await;
    let (new, _) = planned(&h).await;
    let stale = h.portal.confirm_set_up(&h.ada, &old, None).await;
    assert!(matches!(stale, Err(backend::Error::NotFound)));
    h.portal.confirm_set_up(&h.ada, &new, None).await.unwrap();
    let again = h.portal.confirm_set_up(&h.ada, &new, None).await;
    assert!(matches!(again, Err(backend::Error::NotFound)), "it is at work");
    let over = h.portal.plan_set_up(&h.ada, input(&h.token)).await;
    assert!(matches!(over, Err(backend::Error::Conflict(_))));
}

#[tokio::test]
async fn the_key_is_kept_sealed_and_no_longer_than_it_is_needed() {
    let h = bare().await;
    planned(&h).await;
    let tail = h.token.as_bytes()[h.token.len() - 40..].to_vec();
    let holds = |h: &House| h.portal.bytes().unwrap().windows(tail.len()).any(|w| w == tail);
    assert!(!holds(&h));
    h.advance(mins(61));
    assert!(h.portal.set_up_view(&h.ada).await.unwrap().is_none());
    work(&h.portal).await;
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM onboardings").fetch_one(h.portal.db().read()).await.unwrap();
    assert_eq!(left, 0);
    confirmed(&h).await;
    to_the_end(&h).await;
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM onboardings WHERE sealed_key IS NOT NULL")
        .fetch_one(h.portal.db().read())
        .await
        .unwrap();
    assert_eq!(keys, 0);
    assert!(!holds(&h));
}

#[tokio::test]
async fn what_was_made_for_somebody_who_is_gone_from_the_portal_is_undone() {
    type Gone = &'static str;
    const WAYS: [Gone; 2] = ["DELETE FROM users WHERE id = ?", "UPDATE users SET role = 'user' WHERE id = ?"];
    for gone in WAYS {
        let h = bare().await;
        confirmed(&h).await;
        // The web integration is made; the provider has to wait.
        h.world.add_fault(status("/api/v1/identity-providers", 503).on("POST").once());
        work(&h.portal).await;
        assert_eq!(webs(&h).len(), 1, "{gone}");
        let mut tx = h.portal.db().write().await.unwrap();
        sqlx::query(gone).bind(&h.ada.user_id).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        for _ in 0..5 {
            h.advance(mins(4));
            work(&h.portal).await;
        }
        assert_eq!((webs(&h).len(), h.world.idps(&h.tenant).len()), (0, 0), "{gone}");
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM onboardings WHERE next_at IS NOT NULL")
            .fetch_one(h.portal.db().read())
            .await
            .unwrap();
        assert_eq!(left, 0, "{gone}: it came to its end");
    }
}
