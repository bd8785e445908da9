//! Accounts at the login host: second factors, blocks, limits, what is counted, and
//! tenants that have a provider of their own.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::{AccountCondition, LoginShape, Sandbox, SandboxConfig, TryOutcome};
use serde_json::json;

use crate::sign_in::{EMAIL, FILLABLE, PASSWORD, answer, onward, scene, who};
use crate::support::{ORIGIN, send};

#[tokio::test]
async fn five_failures_in_a_row_block_an_account_until_time_or_control_lets_it_in() {
    let scene = scene(LoginShape::Classic).await;
    let world = scene.world();
    world.set_block_time(SignedDuration::from_mins(30));
    let mut browser = scene.browser();
    for _ in 0..5 {
        assert_eq!(scene.sign_in(&mut browser, EMAIL, "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let end = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    assert_eq!(end.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(end.json(), json!({"code": "too_many_attempts", "statusCode": 429}));
    world.set_login_shape(LoginShape::Form);
    let end = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    assert_eq!(end.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(end.shows("blocked after multiple consecutive login attempts"));
    let tries = world.tries("BEA@acme.example");
    assert_eq!((tries.tries, tries.failures, tries.in_a_row), (7, 5, 5));
    assert_eq!(tries.outcomes[4..], [TryOutcome::Wrong, TryOutcome::Blocked, TryOutcome::Blocked]);
    world.advance(SignedDuration::from_mins(30));
    assert_eq!(scene.sign_in(&mut browser, EMAIL, PASSWORD).await.status, StatusCode::FOUND);
    world.set_blocked(EMAIL, true);
    assert_eq!(scene.sign_in(&mut browser, EMAIL, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    world.set_blocked(EMAIL, false);
    assert_eq!(scene.sign_in(&mut browser, EMAIL, PASSWORD).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait_and_looks_at_no_password() {
    let scene = scene(LoginShape::Classic).await;
    for shape in FILLABLE {
        scene.world().set_login_shape(shape);
        scene.world().set_login_rate_limited(Some(90));
        let end = scene.sign_in(&mut scene.browser(), EMAIL, "wrong").await;
        assert_eq!((end.status, end.retry_after.as_deref()), (StatusCode::TOO_MANY_REQUESTS, Some("90")));
        scene.world().set_login_rate_limited(None);
        let end = scene.sign_in(&mut scene.browser(), EMAIL, PASSWORD).await;
        assert_eq!(end.status, StatusCode::FOUND);
    }
    assert_eq!(scene.world().tries(EMAIL).failures, 0);
}

#[tokio::test]
async fn a_second_factor_stands_between_the_password_and_the_code() {
    for shape in FILLABLE {
        let scene = scene(shape).await;
        scene.world().set_otp(EMAIL, Some("482913"));
        let mut browser = scene.browser();
        let page = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
        assert_eq!((page.url.path(), page.status), ("/mfa", StatusCode::OK), "{shape:?}");
        let past = format!("https://login.qlik.com/authorize/resume?{}", page.url.query().unwrap());
        let past = browser.get(&past).await;
        assert!(past.location.unwrap().starts_with("/mfa?"), "there is no way around it");
        let again = browser.submit(&page, "code", &[("code", "000000")]).await;
        assert!(again.shows("The code you entered is invalid."));
        assert_eq!(who(&scene, &browser).await, None);
        let end = browser.submit(&again, "code", &[("code", "482913")]).await;
        let end = onward(&mut browser, end).await;
        assert!(end.location.is_some_and(|l| l.starts_with(ORIGIN)));
        assert_eq!(who(&scene, &browser).await.as_ref(), Some(&scene.bea.id));
        let tries = scene.world().tries(EMAIL);
        assert_eq!((tries.tries, tries.otp_tries), (1, 2));
    }
}

#[tokio::test]
async fn a_login_ends_after_five_wrong_codes() {
    let scene = scene(LoginShape::Form).await;
    scene.world().set_otp(EMAIL, Some("482913"));
    let mut browser = scene.browser();
    let page = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    for _ in 0..5 {
        browser.submit(&page, "code", &[("code", "1")]).await;
    }
    let end = browser.submit(&page, "code", &[("code", "482913")]).await;
    assert_eq!(end.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(scene.world().tries(EMAIL).otp_tries, 5);
}

#[tokio::test]
async fn a_leaked_password_is_refused_and_expired_and_unverified_ones_end_on_pages() {
    let scene = scene(LoginShape::Classic).await;
    let mut browser = scene.browser();
    scene.world().set_account_condition(EMAIL, AccountCondition::PasswordLeaked);
    let end = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    assert_eq!((end.status, &end.json()["code"]), (StatusCode::UNAUTHORIZED, &json!("password_leaked")));
    for shape in FILLABLE {
        scene.world().set_login_shape(shape);
        for (condition, path) in [
            (AccountCondition::PasswordExpired, "/password-expired"),
            (AccountCondition::Unverified, "/unverified"),
        ] {
            scene.world().set_account_condition(EMAIL, condition);
            let end = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
            assert_eq!((end.url.path(), end.status), (path, StatusCode::OK), "{shape:?}");
        }
    }
    assert_eq!(who(&scene, &browser).await, None);
}

#[tokio::test]
async fn tries_of_one_moment_are_seen_together_and_tries_in_a_row_are_not() {
    let scene = scene(LoginShape::Classic).await;
    let world = scene.world().clone();
    let (mut one, mut two) = (scene.browser(), scene.browser());
    let (first, second) = (scene.open(&mut one).await, scene.open(&mut two).await);
    answer(&mut one, &first, EMAIL, PASSWORD).await;
    answer(&mut two, &second, EMAIL, PASSWORD).await;
    assert_eq!((world.tries(EMAIL).tries, world.tries(EMAIL).most_in_flight), (2, 1));
    world.hold_logins(true);
    let (first, second) = (scene.open(&mut one).await, scene.open(&mut two).await);
    let release = async {
        while world.tries(EMAIL).in_flight < 2 {
            tokio::task::yield_now().await;
        }
        world.hold_logins(false);
    };
    let (first, second, ()) = tokio::join!(
        answer(&mut one, &first, EMAIL, PASSWORD),
        answer(&mut two, &second, EMAIL, PASSWORD),
        release
    );
    assert_eq!((first.status, second.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!((world.tries(EMAIL).in_flight, world.tries(EMAIL).most_in_flight), (0, 2));
}

#[tokio::test]
async fn a_try_whose_client_goes_away_is_counted_and_ends() {
    let scene = scene(LoginShape::Classic).await;
    let world = scene.world().clone();
    world.hold_logins(true);
    let mut browser = scene.browser();
    let page = scene.open(&mut browser).await;
    let http = crate::support::client(&scene.portal.acme.sandbox, true);
    let jar = browser.cookies(&"https://login.qlik.com/usernamepassword/login".parse().unwrap());
    let body = crate::sign_in::submission(&page, EMAIL, PASSWORD);
    let request =
        http.post("https://login.qlik.com/usernamepassword/login").header("cookie", jar).json(&body);
    let pending = tokio::spawn(request.send());
    while world.tries(EMAIL).in_flight < 1 {
        tokio::task::yield_now().await;
    }
    pending.abort();
    while world.tries(EMAIL).in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.tries(EMAIL).outcomes, [TryOutcome::Abandoned]);
}

#[tokio::test]
async fn a_corporate_provider_takes_the_login_elsewhere_and_is_counted_by_the_status() {
    let scene = scene(LoginShape::Classic).await;
    let acme = &scene.portal.acme;
    let count = || async {
        let status = acme.ada(Method::GET, "/api/v1/identity-providers/status");
        send(status).await.1["active_interactive_idps_count"].clone()
    };
    assert_eq!(count().await, 0);
    acme.world.set_corporate_idp(&acme.tenant, true);
    assert_eq!(count().await, 1);
    let mut browser = scene.browser();
    let first = browser.get(&scene.start()).await;
    assert!(
        first.location.as_deref().unwrap().starts_with("https://sso.corp.example/adfs/oauth2/authorize?")
    );
    let page = browser.follow(first).await;
    assert!(page.shows("userNameInput") && page.shows("passwordInput"));
    let end = browser.submit(&page, "Password", &[("UserName", EMAIL), ("Password", PASSWORD)]).await;
    assert!(end.shows("Incorrect user ID or password."));
    let posted = acme.world.log().into_iter().filter(|e| e.host == "sso.corp.example" && e.method == "POST");
    assert_eq!(posted.count(), 1, "what was sent there is seen");
    acme.world.set_corporate_host(&acme.tenant, "idp.acme.example");
    let first = browser.get(&scene.start()).await;
    assert!(first.location.unwrap().starts_with("https://idp.acme.example/"));
    assert!(acme.sandbox.resolve_spec().contains(",idp.acme.example=127.0.0.1:"));
}

#[tokio::test]
async fn the_login_host_may_have_further_names_and_all_are_told_to_the_resolver() {
    let config =
        SandboxConfig { login_hosts: vec!["login.second.example".into()], ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let addr = sandbox.addr();
    let spec = sandbox.resolve_spec();
    assert_eq!(
        spec,
        format!(
            "*.qlikcloud.com={addr},login.qlik.com={addr},login.second.example={addr},sso.corp.example={addr}"
        )
    );
    let http = crate::support::client(&sandbox, false);
    let page = http.get("https://login.second.example/login?state=x").send().await.unwrap();
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    assert!(page.text().await.unwrap().contains("pressed the back button"));
}
