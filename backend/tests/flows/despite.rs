//! What may not hold a save up: a check that is made as whoever happens to save, one whose
//! failure costs nothing, and what the settings in force lack as well.

use crate::house::{House, app, days, mins};
use backend::integration::{Health, Outcome, SaveInput};
use sandbox::{Effect, Fault, NewTenant, NewUser};

fn html(status: u16) -> Effect {
    Effect::Status {
        status,
        code: String::new(),
        title: String::new(),
        body: Some("<html><head><title>Blocked</title></head><body>no</body></html>".to_owned()),
    }
}

#[tokio::test]
async fn an_app_that_a_tenant_admin_may_not_open_holds_nothing_up() {
    let h = House::new().await;
    h.identity_provider().await;
    let bea = h.world.add_user(&h.tenant, NewUser::new("bea@acme.example"));
    h.world.add_closed_app(&h.tenant, &bea, "Board only");
    let end = h.save().await;
    assert!(end.saved, "{:#?}", end.report);
    // Ada's own apps are tried before the first of the list.
    assert_eq!(end.report.unwrap().check("engine").unwrap().outcome, Outcome::Passed);

    // Where there is none that she may open, the refusal is an answer.
    let h = House::new().await;
    let globex = h.world.add_tenant(NewTenant::new("globex", "eu"));
    h.world.set_key_config(&globex, days(30), 5);
    let ada = h.world.add_user(&globex, NewUser::admin("ada@acme.example"));
    let bea = h.world.add_user(&globex, NewUser::new("bea@acme.example"));
    let web = h.world.add_web_integration(&globex, "Portal", [crate::house::ORIGIN]);
    let view = h.portal.settings_view(&h.ada).await.unwrap().identity;
    h.world.add_jwt_idp(&globex, &view.issuer, &view.kid, &view.certificate_pem);
    for name in ["Board only", "Audit only"] {
        h.world.add_closed_app(&globex, &bea, name);
    }
    let token = h.world.create_key(&ada, "made by hand", days(3)).1;
    let input = SaveInput {
        tenant_host: "globex.eu.qlikcloud.com".to_owned(),
        web_integration_id: web,
        api_key: Some(token.into()),
        ..h.input()
    };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.saved, "{:#?}", end.report);
    let report = end.report.unwrap();
    let engine = report.check("engine").unwrap();
    assert_eq!(engine.outcome, Outcome::Advice);
    assert!(
        engine.says.contains("may not open") && engine.qlik_code.as_deref() == Some("QEP-103"),
        "{engine:#?}"
    );
    assert_eq!(h.status().await.health, Health::Healthy);
}

#[tokio::test]
async fn websockets_that_are_blocked_are_a_warning_and_the_settings_are_stored() {
    let h = House::new().await;
    h.identity_provider().await;
    h.world.add_fault(Fault::new("/app/", html(403)));
    let end = h.save().await;
    assert!(end.saved, "{:#?}", end.report);
    let report = end.report.unwrap();
    let engine = report.check("engine").unwrap();
    assert_eq!(engine.outcome, Outcome::Warning);
    assert!(engine.remedy.as_ref().unwrap().contains("websockets"), "{engine:#?}");
}

#[tokio::test]
async fn a_good_key_replaces_a_dead_one_whatever_else_the_settings_lack() {
    let h = House::connected().await;
    h.world.set_origins(&h.web, [""; 0]);
    h.world.revoke_key(&h.key_id);
    h.portal.probe_until(std::future::pending()).await.unwrap();
    h.settle().await;
    assert_eq!(h.status().await.health, Health::NeedsPerson);

    let (id, token) = h.world.create_key(&h.qlik_ada, "good", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.saved, "{:#?}", end.report);
    assert!(!end.report.unwrap().ok, "what is wrong is still shown");
    let now = h.status().await;
    assert_eq!((now.key.key_id.as_str(), now.health), (id.as_str(), Health::Attention));

    // What was typed newly must still work.
    let input = SaveInput { web_integration_id: "unknown".to_owned(), ..h.input() };
    assert!(!h.portal.save_integration(&h.ada, input).await.unwrap().saved);
    // And a key that is worse than the one in force is not stored.
    h.world.set_origins(&h.web, [crate::house::ORIGIN]);
    let bot =
        NewUser { manage_api_keys: true, may_read_users: Some(false), ..NewUser::new("bot@acme.example") };
    let bot = h.world.add_user(&h.tenant, bot);
    let worse = h.world.create_key(&bot, "worse", days(3)).1;
    let input = SaveInput { api_key: Some(worse.into()), ..h.input() };
    assert!(!h.portal.save_integration(&h.ada, input).await.unwrap().saved);
}

#[tokio::test]
async fn who_saves_does_not_decide_whether_users_can_sign_in() {
    let h = House::new().await;
    h.identity_provider().await;
    let bot =
        NewUser { manage_api_keys: true, may_read_users: Some(true), ..NewUser::new("bot@acme.example") };
    let bot = h.world.add_user(&h.tenant, bot);
    h.world.add_app(&h.tenant, app("Bot's own", &bot, None));
    let token = h.world.create_key(&bot, "bot", days(3)).1;
    // Qlik lets the administrator in no more, and answers so at the login alone.
    let refused = Effect::Status {
        status: 403,
        code: "USER_INVITE_EXPIRED".to_owned(),
        title: "User invitation expired".to_owned(),
        body: None,
    };
    h.world.add_fault(Fault::new("/login/jwt-session", refused).once());
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.saved, "{:#?}", end.report);
    let report = end.report.unwrap();
    assert_eq!(report.check("jwt_login").unwrap().outcome, Outcome::Passed);
    assert!(report.check("apps").unwrap().says.contains("invitation"), "{:#?}", report.check("apps"));
}

#[tokio::test]
async fn a_key_that_was_made_a_moment_ago_is_tried_before_it_is_judged() {
    let h = House::new().await;
    h.identity_provider().await;
    h.world.keys_work_after_calls(&h.tenant, 2);
    let (id, token) = h.world.create_key(&h.qlik_ada, "fresh", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let end = h.portal.save_integration(&h.ada, input).await.unwrap();
    assert!(end.saved, "{:#?}", end.report);
    assert_eq!(h.status().await.key.key_id, id);
    assert!(end.report.unwrap().check("key").unwrap().says.contains("It is new"));

    // The same over a key that works, whose eyes see when the new one was made.
    let (id, token) = h.world.create_key(&h.qlik_ada, "fresher", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    assert!(h.portal.save_integration(&h.ada, input).await.unwrap().saved);
    assert_eq!(h.status().await.key.key_id, id);

    // One that never works is judged, and the judgement says that it was waited for.
    h.world.keys_work_after_calls(&h.tenant, 1_000);
    let (_, token) = h.world.create_key(&h.qlik_ada, "never", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let report = h.portal.save_integration(&h.ada, input).await.unwrap().report.unwrap();
    assert!(report.check("key").unwrap().says.contains("tried for"), "{:#?}", report.check("key"));
}

#[tokio::test]
async fn answers_of_something_between_are_told_as_that_and_no_key_is_blamed() {
    let json = Effect::Status {
        status: 401,
        code: String::new(),
        title: String::new(),
        body: Some(r#"{"message":"Unauthorized"}"#.to_owned()),
    };
    for (what, effect) in
        [("a page, 401", html(401)), ("a page, 403", html(403)), ("JSON of another kind", json)]
    {
        let h = House::connected().await;
        h.advance(days(2) + mins(4 * 60));
        h.world.add_fault(Fault::new("/api/v1/", effect));
        h.settle().await;
        let now = h.status().await;
        assert_eq!(now.health, Health::Failing, "{what}: {}", now.headline);
        assert!(now.headline.contains("in Qlik's place"), "{what}: {}", now.headline);
        h.world.clear_faults();
        h.advance(mins(10));
        h.settle().await;
        assert_eq!(h.status().await.health, Health::Healthy, "{what}");
    }
}
