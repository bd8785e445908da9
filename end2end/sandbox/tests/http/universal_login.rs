//! The login with a Qlik Account: its pages, its rules, and what the tenant makes
//! of it.

use jiff::SignedDuration;
use reqwest::StatusCode;
use sandbox::{LoginShape, NewAccount, NewUser, TryOutcome, UserStatus};
use serde_json::json;

use crate::browser::form_with;
use crate::sign_in::{EMAIL, FILLABLE, PASSWORD, answer, config, onward, scene, submission, who};
use crate::support::{HOST, ORIGIN, code};

#[tokio::test]
async fn every_page_that_can_be_filled_in_leads_to_the_user_s_session_and_back() {
    for shape in FILLABLE {
        let scene = scene(shape).await;
        let mut browser = scene.browser();
        let end = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
        assert_eq!(end.location.as_deref(), Some("https://portal.example/home"), "{shape:?}: {}", end.text);
        assert_eq!(who(&scene, &browser).await.as_ref(), Some(&scene.bea.id), "{shape:?}");
        let names: Vec<_> = browser.jar.keys().filter(|k| k.0 == HOST).map(|k| k.2.as_str()).collect();
        assert_eq!(names, ["AWSALB", "AWSALBCORS", "_csrfToken", "_csrfToken.sig", "eas.sid", "eas.sid.sig"]);
        let tries = scene.world().tries(EMAIL);
        assert_eq!((tries.tries, tries.most_in_flight, tries.in_flight), (1, 1, 0));
        assert_eq!(tries.outcomes, [TryOutcome::Right]);
        assert_eq!(scene.world().malformed_logins(), 0);
    }
}

#[tokio::test]
async fn the_way_to_the_page_carries_what_was_captured_at_qlik() {
    let scene = scene(LoginShape::Classic).await;
    let mut browser = scene.browser();
    let first = browser.get(&scene.start()).await;
    let location = first.location.clone().unwrap();
    assert!(location.starts_with("https://login.qlik.com/authorize?client_id="));
    let page = browser.follow(first).await;
    assert_eq!(page.limit_left.as_deref(), Some("299"), "as Auth0 tells it on every answer");
    let query: Vec<_> = page.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    for name in
        ["state", "client", "protocol", "scope", "response_type", "redirect_uri", "nonce", "code_challenge"]
    {
        assert!(query.iter().any(|q| q == name), "{name} is not in {query:?}");
    }
    let config = config(&page);
    assert_eq!(config["callbackURL"], format!("https://{HOST}/login/callback"));
    assert_eq!(config["internalOptions"]["protocol"], "oauth2");
}

#[tokio::test]
async fn a_tenant_may_sign_in_by_its_own_name() {
    let scene = scene(LoginShape::Form).await;
    let own = scene.portal.acme.tenant.permanent_host.clone();
    scene.world().set_signs_in_by_own_name(HOST, true);
    let mut browser = scene.browser();
    let first = browser.get(&scene.start()).await;
    assert!(first.location.unwrap().starts_with(&format!("https://{own}/login?")));
    let end = scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    assert_eq!(end.location.as_deref(), Some("https://portal.example/home"), "{}", end.text);
    assert!(browser.jar.keys().any(|k| k.0 == own && k.2 == "eas.sid"));
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_page_s_own_way() {
    for (shape, status) in FILLABLE.into_iter().zip([401, 200, 401, 400, 200]) {
        let scene = scene(shape).await;
        let mut browser = scene.browser();
        let end = scene.sign_in(&mut browser, EMAIL, "wrong").await;
        assert_eq!(end.status.as_u16(), status, "{shape:?}");
        assert!(end.shows("Wrong email or password."), "{shape:?}");
        if shape == LoginShape::Classic {
            let expected = json!({"name": "ValidationError", "code": "invalid_user_password",
                "description": "Wrong email or password.", "statusCode": 401});
            assert_eq!(end.json(), expected);
        }
        assert_eq!(scene.world().tries(EMAIL).failures, 1);
        assert_eq!(who(&scene, &browser).await, None);
    }
}

#[tokio::test]
async fn after_a_wrong_password_the_page_that_comes_back_can_be_used() {
    for shape in [LoginShape::Form, LoginShape::FormExtra, LoginShape::FormPostCallback] {
        let scene = scene(shape).await;
        let mut browser = scene.browser();
        let again = scene.sign_in(&mut browser, EMAIL, "wrong").await;
        let end = answer(&mut browser, &again, EMAIL, PASSWORD).await;
        let end = onward(&mut browser, end).await;
        assert!(end.location.is_some_and(|l| l.starts_with(ORIGIN)), "{shape:?}");
    }
}

#[tokio::test]
async fn a_page_that_can_not_be_filled_in_has_no_way_through() {
    let captcha = scene(LoginShape::Captcha).await;
    let mut browser = captcha.browser();
    let page = captcha.open(&mut browser).await;
    assert!(page.shows("captcha"));
    let end = browser
        .submit(&page, "captcha", &[("username", EMAIL), ("password", PASSWORD), ("captcha", "x7k2p")])
        .await;
    assert!(end.shows("Solve the challenge question"));
    assert_eq!(captcha.world().tries(EMAIL).outcomes, [TryOutcome::Captcha], "a password went out in vain");
    let changed = scene(LoginShape::Changed).await;
    let page = changed.open(&mut changed.browser()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(form_with(&page.text, "password").is_none() && !page.shows("<form") && !page.shows("atob"));
}

#[tokio::test]
async fn what_a_classic_page_did_not_say_is_refused_before_the_password_is_looked_at() {
    let scene = scene(LoginShape::Classic).await;
    let mut browser = scene.browser();
    let page = scene.open(&mut browser).await;
    let whole = submission(&page, EMAIL, PASSWORD);
    let url = "https://login.qlik.com/usernamepassword/login";
    let names: Vec<_> = whole.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 13);
    for name in &names {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(browser.post_json(url, &without).await.status, StatusCode::BAD_REQUEST, "{name}");
        if !["username", "password"].contains(&name.as_str()) {
            let mut other = whole.clone();
            other[name] = json!("another");
            assert_eq!(browser.post_json(url, &other).await.status, StatusCode::FORBIDDEN, "{name}");
        }
    }
    let mut stranger = scene.browser();
    assert_eq!(stranger.post_json(url, &whole).await.status, StatusCode::FORBIDDEN, "no cookies");
    let fields: Vec<_> = names.iter().map(|n| (n.clone(), whole[n].as_str().unwrap().to_owned())).collect();
    assert_eq!(browser.post(url, &fields).await.status, StatusCode::BAD_REQUEST, "a form is no JSON");
    assert_eq!(scene.world().tries(EMAIL).tries, 0);
    assert_eq!(scene.world().malformed_logins(), 13 + 11 + 2);
    assert_eq!(browser.post_json(url, &whole).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_hidden_field_of_a_form_must_come_back_as_it_was_meant() {
    for shape in [LoginShape::Form, LoginShape::FormExtra, LoginShape::FormPostCallback] {
        let scene = scene(shape).await;
        let mut browser = scene.browser();
        let page = scene.open(&mut browser).await;
        let name = if shape == LoginShape::FormExtra { "email" } else { "username" };
        let hidden: Vec<_> =
            form_with(&page.text, "password").unwrap().fields.into_iter().map(|f| f.0).collect();
        for field in hidden.iter().filter(|f| !["email", "username", "password"].contains(&f.as_str())) {
            let own = [(name, EMAIL), ("password", PASSWORD), (field.as_str(), "Q&amp;A")];
            let end = browser.submit(&page, "password", &own).await;
            assert_eq!(end.status, StatusCode::BAD_REQUEST, "{shape:?} {field}");
        }
        assert_eq!(scene.world().tries(EMAIL).tries, 0);
        let end = browser.submit(&page, "password", &[(name, EMAIL), ("password", PASSWORD)]).await;
        assert_eq!(end.status, StatusCode::FOUND, "{shape:?}");
    }
}

#[tokio::test]
async fn a_one_time_field_is_good_once() {
    let scene = scene(LoginShape::FormExtra).await;
    let mut browser = scene.browser();
    let page = scene.open(&mut browser).await;
    let own = [("email", EMAIL), ("password", "wrong")];
    assert!(browser.submit(&page, "password", &own).await.shows("Wrong email"));
    let end = browser.submit(&page, "password", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(end.status, StatusCode::BAD_REQUEST, "the old page's value is spent");
}

#[tokio::test]
async fn a_result_that_was_tampered_with_or_left_out_gives_no_code() {
    let scene = scene(LoginShape::Classic).await;
    let mut browser = scene.browser();
    let page = scene.open(&mut browser).await;
    let result = answer(&mut browser, &page, EMAIL, PASSWORD).await;
    let id = config(&page)["internalOptions"]["state"].as_str().unwrap().to_owned();
    let early = browser.get(&format!("https://login.qlik.com/authorize/resume?state={id}")).await;
    assert_eq!(early.status, StatusCode::BAD_REQUEST, "the result was not brought back yet");
    let end = browser.submit(&result, "wresult", &[("wctx", &format!("{{\"state\":\"{id}\"}}"))]).await;
    assert_eq!(end.status, StatusCode::BAD_REQUEST);
    assert_eq!(browser.submit(&result, "wresult", &[]).await.status, StatusCode::BAD_REQUEST, "it is spent");
}

#[tokio::test]
async fn the_callback_wants_its_own_browser_a_fresh_code_and_each_of_them_once() {
    let scene = scene(LoginShape::Form).await;
    let mut browser = scene.browser();
    let page = scene.open(&mut browser).await;
    let submitted = answer(&mut browser, &page, EMAIL, PASSWORD).await;
    let resume = page.url.join(submitted.location.as_deref().unwrap()).unwrap();
    let callback = browser.get(resume.as_str()).await.location.unwrap();
    assert!(callback.starts_with(&format!("https://{HOST}/login/callback?code=")));
    let stranger = scene.browser().get(&callback).await;
    assert_eq!((stranger.status, code(&stranger.json())), (StatusCode::UNAUTHORIZED, "LOGIN-4"));
    let good = browser.get(&callback).await;
    assert_eq!(good.status, StatusCode::FOUND);
    let again = browser.get(&callback).await;
    assert_eq!(code(&again.json()), "LOGIN-4", "the state is used up");
    // A code that belongs to another login of the same browser: PKCE does not fit.
    let first = browser.get(&scene.start()).await;
    let mut other = scene.browser();
    let page = scene.open(&mut other).await;
    let submitted = answer(&mut other, &page, EMAIL, PASSWORD).await;
    let stolen = other.get(page.url.join(submitted.location.as_deref().unwrap()).unwrap().as_str()).await;
    let stolen: reqwest::Url = stolen.location.unwrap().parse().unwrap();
    let stolen = stolen.query_pairs().find(|(n, _)| n == "code").unwrap().1.into_owned();
    let own: reqwest::Url = first.location.unwrap().parse().unwrap();
    let own = own.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
    let mixed = browser.get(&format!("https://{HOST}/login/callback?code={stolen}&state={own}")).await;
    assert_eq!((mixed.status, code(&mixed.json())), (StatusCode::UNAUTHORIZED, "LOGIN-5"));
}

#[tokio::test]
async fn a_code_for_another_challenge_or_another_nonce_is_refused() {
    for name in ["code_challenge", "nonce"] {
        let scene = scene(LoginShape::Form).await;
        let mut browser = scene.browser();
        let first = browser.get(&scene.start()).await;
        let mut authorize: reqwest::Url = first.location.unwrap().parse().unwrap();
        let changed: Vec<_> = authorize
            .query_pairs()
            .map(|(n, v)| (n.to_string(), if n == name { "A".repeat(43) } else { v.to_string() }))
            .collect();
        authorize.query_pairs_mut().clear().extend_pairs(changed);
        let page = browser.get(authorize.as_str()).await;
        let page = browser.follow(page).await;
        let submitted = answer(&mut browser, &page, EMAIL, PASSWORD).await;
        let end = onward(&mut browser, submitted).await;
        assert_eq!((end.status, code(&end.json())), (StatusCode::UNAUTHORIZED, "LOGIN-5"), "{name}");
    }
}

#[tokio::test]
async fn a_late_code_and_a_late_person_are_refused() {
    let scene = scene(LoginShape::Form).await;
    let mut browser = scene.browser();
    let page = scene.open(&mut browser).await;
    let submitted = answer(&mut browser, &page, EMAIL, PASSWORD).await;
    let resume = page.url.join(submitted.location.as_deref().unwrap()).unwrap();
    let callback = browser.get(resume.as_str()).await.location.unwrap();
    scene.world().advance(SignedDuration::from_secs(61));
    assert_eq!(code(&browser.get(&callback).await.json()), "LOGIN-5");
    let page = scene.open(&mut browser).await;
    scene.world().advance(SignedDuration::from_mins(10));
    let end = answer(&mut browser, &page, EMAIL, PASSWORD).await;
    assert_eq!(end.status, StatusCode::BAD_REQUEST);
    assert!(end.shows("pressed the back button"));
}

#[tokio::test]
async fn who_is_no_member_is_refused_or_made_one_as_the_tenant_wants() {
    let scene = scene(LoginShape::Classic).await;
    scene.world().add_account(NewAccount::new("nina@elsewhere.example", "pw"));
    let mut browser = scene.browser();
    let end = scene.sign_in(&mut browser, "nina@elsewhere.example", "pw").await;
    assert_eq!((end.status, code(&end.json())), (StatusCode::FORBIDDEN, "AUTH-5"));
    scene.world().set_create_users_on_login(&scene.portal.acme.tenant, true);
    let end = scene.sign_in(&mut browser, "nina@elsewhere.example", "pw").await;
    assert_eq!(end.status, StatusCode::FOUND);
    let made = scene.world().users(&scene.portal.acme.tenant).pop().unwrap();
    assert_eq!(made.email, "nina@elsewhere.example");
    assert_eq!(who(&scene, &browser).await, Some(made.id));
}

#[tokio::test]
async fn a_user_may_have_another_e_mail_than_the_account_and_a_disabled_one_stays_out() {
    let scene = scene(LoginShape::Classic).await;
    let world = scene.world();
    let nick = NewUser { subject: Some("auth0|nick".into()), ..NewUser::new("nick@acme.example") };
    let nick = world.add_user(&scene.portal.acme.tenant, nick);
    let account =
        NewAccount { subject: Some("auth0|nick".into()), ..NewAccount::new("nicholas@home.example", "pw") };
    world.add_account(account);
    let mut browser = scene.browser();
    scene.sign_in(&mut browser, "nicholas@home.example", "pw").await;
    assert_eq!(who(&scene, &browser).await, Some(nick.id));
    world.set_user_status(&scene.bea, UserStatus::Disabled);
    let end = scene.sign_in(&mut scene.browser(), EMAIL, PASSWORD).await;
    assert_eq!(end.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_login_host_authorizes_tenants_only() {
    let scene = scene(LoginShape::Form).await;
    let mut browser = scene.browser();
    let good = browser.get(&scene.start()).await.location.unwrap();
    for (part, other) in [
        ("client_id=", "client_id=x"),
        ("acme.eu.qlikcloud.com", "portal.example"),
        ("response_type=code", "response_type=token"),
        ("code_challenge_method=S256", "code_challenge_method=plain"),
        ("code_challenge=", "code_challenge=x"),
        ("nonce=", "other="),
    ] {
        let bad = good.replacen(part, other, 1);
        assert_ne!(bad, good);
        assert_eq!(browser.get(&bad).await.status, StatusCode::BAD_REQUEST, "{other}");
    }
    assert_eq!(browser.get("https://login.qlik.com/api/v1/users/me").await.status, StatusCode::NOT_FOUND);
}
