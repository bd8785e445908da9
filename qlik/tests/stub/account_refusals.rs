//! Each way in which a login is refused, and that it was tried once.

use std::time::Duration;

use qlik::{PasswordLoginError as E, TooManyOf};
use serde_json::json;

use crate::site::{EMAIL, SHAPES, Shape, holds_password, login_page, works};
use crate::stage::{Asked, LOGIN, Reply, Stage, TENANT};

/// A site of this shape that answers the request with the password by `reply`.
async fn refusing(shape: Shape, reply: Reply) -> Stage {
    Stage::new(move |asked: &Asked| if holds_password(asked) { reply.clone() } else { works(shape)(asked) })
        .await
}

/// A site whose login page is this one.
async fn showing(page: &'static str) -> Stage {
    Stage::new(move |asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (LOGIN, "/login") => Reply::html(page),
        _ => works(Shape::Form)(asked),
    })
    .await
}

pub fn name(error: &E) -> &'static str {
    match error {
        E::WrongPassword => "wrong",
        E::MfaNeeded { .. } => "mfa",
        E::Blocked { .. } => "blocked",
        E::TooMany { .. } => "too many",
        E::BreachedPassword => "breached",
        E::PasswordExpired => "expired",
        E::EmailNotVerified => "unverified",
        E::CaptchaNeeded { .. } => "captcha",
        E::CorporateProvider { .. } => "corporate",
        E::NotMember => "not member",
        E::TenantRefused { .. } => "tenant refused",
        E::OtherUser { .. } => "other user",
        E::UnexpectedPage { .. } => "unexpected",
        E::Transport { .. } => "transport",
        _ => "new",
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_on_pages_of_every_shape() {
    for shape in SHAPES {
        let stage = Stage::new(works(shape)).await;
        let error = stage.sign_in_as(EMAIL, "not the one").await.unwrap_err();
        assert!(matches!(error, E::WrongPassword), "{shape:?}: {error}");
        assert!(error.password_sent());
        assert_eq!(stage.tries(), 1, "{shape:?}");
    }
}

#[tokio::test]
async fn codes_of_a_json_answer_are_told_apart() {
    for (status, body, wanted) in [
        (401, json!({"code":"invalid_user_password"}), "wrong"),
        (403, json!({"error":"access_denied"}), "wrong"),
        (401, json!({"code":"mfa_required"}), "mfa"),
        (403, json!({"name":"a0.mfa_registration_required"}), "mfa"),
        (401, json!({"code":"unauthorized","description":"user is blocked"}), "blocked"),
        (401, json!({"code":"blocked_user"}), "blocked"),
        (423, json!({"error":{"code":"account_locked"}}), "blocked"),
        (429, json!({"code":"too_many_attempts","statusCode":429}), "too many"),
        (401, json!({"code":"too_many_attempts"}), "too many"),
        (429, json!({"code":"blocked_user"}), "blocked"),
        // Whatever else it says, a 429 is no answer about the password.
        (429, json!({"error":"access_denied"}), "too many"),
        (429, json!({"code":"invalid_captcha"}), "too many"),
        (401, json!({"code":"password_leaked"}), "breached"),
        (401, json!({"code":"password_change_required"}), "expired"),
        (401, json!({"errors":[{"code":"email_not_verified"}]}), "unverified"),
        (401, json!({"code":"invalid_captcha"}), "captcha"),
        (401, json!({"code":"unauthorized","description":"Wrong email or password."}), "wrong"),
        (401, json!({"statusCode":401,"error":"Unauthorized","message":"x"}), "wrong"),
        (401, json!({"error":"invalid_grant"}), "wrong"),
        (400, json!({"error":"invalid_grant"}), "wrong"),
        (403, json!({"code":"user_not_found"}), "wrong"),
        (401, json!({"code":"something_new"}), "wrong"),
        (401, json!({"code":"invalid_csrf_token"}), "unexpected"),
        (403, json!({"code":"something_new"}), "unexpected"),
        (403, json!({"statusCode":403,"error":"unauthorized"}), "unexpected"),
        (200, json!({"ok":true}), "unexpected"),
        (500, json!({"code":"invalid_user_password"}), "transport"),
    ] {
        for shape in [Shape::Classic, Shape::Form] {
            let stage = refusing(shape, Reply::json(status, &body)).await;
            let error = stage.sign_in().await.unwrap_err();
            assert_eq!(name(&error), wanted, "{status} {body}: {error}");
            assert!(error.password_sent() && stage.tries() == 1);
            assert_eq!(stage.log().iter().filter(|a| a.method == "POST").count(), 1);
        }
    }
}

#[tokio::test]
async fn pages_that_answer_a_password_are_told_apart_by_their_marks() {
    let again = |more: &str| format!("{more}{}", login_page(Shape::Form));
    let page = |body: String| Reply::html(body);
    for (reply, wanted) in [
        (page(again("<p>Falsch")), "wrong"),
        (page(again("<div role=alert>x</div>")), "wrong"),
        (page(again("")).status(401), "wrong"),
        // As though nothing had been sent: cookies lost, or a login that is too old.
        (page(again("")), "unexpected"),
        (page(again("<p data-error-code=user-blocked>x")), "blocked"),
        (page(again("<div class=g-recaptcha></div>x")), "captcha"),
        (page("<p data-error-code='too-many-failures'>x".into()).status(429), "too many"),
        (page(String::new()).status(429), "too many"),
        (page("<form method=post><input name=code autocomplete=one-time-code></form>".into()), "mfa"),
        (page("<h1>Unauthorized</h1>".into()).status(401), "wrong"),
        (Reply::with(401, "Unauthorized"), "wrong"),
        (page("<h1>Forbidden</h1>".into()).status(403), "unexpected"),
        (Reply::to("/login?error=access_denied"), "wrong"),
        (Reply::to("/login?error=unauthorized&error_description=no"), "wrong"),
        (Reply::to("/login?error=unauthorized&error_description=user%20is%20blocked"), "blocked"),
        (page("<p data-error-code=user-blocked>x".into()).status(429), "blocked"),
        (page("<div id=w></div><script>new Auth0MFAWidget({container:'w',requestToken:'t',postActionURL:'/x'})</script>".into()), "mfa"),
        (Reply::to("/mf?ticket=1"), "mfa"),
        (Reply::to("/login?error=invalid_user_password"), "wrong"),
        (Reply::to("/login?errorMessage=3"), "wrong"),
        (page("<div role=alert id=account-locked>x</div>".into()), "blocked"),
        (page("<form method=post action=/mfa/verify><input name=x></form>".into()), "mfa"),
        (page("<form method=post><input name=code inputmode=numeric></form>".into()), "mfa"),
        (page(login_page(Shape::Classic).replace("Welcome", "Nein")), "wrong"),
        (Reply::to("/u/mfa-otp-challenge?state=1"), "mfa"),
        (Reply::to("/mfa?state=1"), "mfa"),
        (Reply::to("/u/reset-password/request"), "expired"),
        (page("<form><input type=password name=a autocomplete=new-password><input type=password name=b></form>".into()), "expired"),
        (Reply::to("/u/email-verification?ticket=1"), "unverified"),
        (Reply::to("https://acme.eu.qlikcloud.com/login/callback?error=access_denied&error_description=no"), "not member"),
        (Reply::to("https://acme.eu.qlikcloud.com/cb?error=unauthorized&error_description=user%20is%20blocked"), "blocked"),
        (Reply::to("https://acme.eu.qlikcloud.com/cb?error=mfa_required"), "mfa"),
        (page("<p>Hello".into()), "unexpected"),
        (page("<form method=post><input type=hidden name=a><button name=ok value=y></button><button name=ok value=n></button></form>".into()), "unexpected"),
        (Reply::to("https://evil.example/"), "unexpected"),
        (Reply::to("http://login.qlik.com/"), "unexpected"),
        (Reply::to("https://login.qlik.com:8443/"), "unexpected"),
        (Reply::to(""), "unexpected"),
        (Reply::to("/u/login").status(307), "unexpected"),
        (Reply::to("/u/login").status(308), "unexpected"),
        (Reply::with(502, ""), "transport"),
        (Reply::with(200, "x".repeat(600_000)), "unexpected"),
    ] {
        let stage = refusing(Shape::Form, reply.clone()).await;
        let error = stage.sign_in().await.unwrap_err();
        assert_eq!(name(&error), wanted, "{reply:?}: {error}");
        assert!(error.password_sent());
        assert_eq!(stage.tries(), 1, "{reply:?}");
        assert!(stage.log().iter().all(|asked| asked.host == TENANT || asked.host == LOGIN));
    }
}

#[tokio::test]
async fn the_time_to_wait_is_taken_from_wherever_it_is() {
    let body = json!({"code":"too_many_attempts"});
    let limited = |status, left: &str| {
        let reply = Reply::json(status, &body).and("x-ratelimit-limit", "30");
        reply.and("x-ratelimit-remaining", left).and("x-ratelimit-reset", "4000000000")
    };
    for (reply, at_least, at_most) in [
        (Reply::json(429, &body).and("retry-after", "90"), 90, 90),
        (Reply::json(429, &json!({"code":"too_many_attempts","retryAfter":70})), 70, 70),
        (limited(429, "0"), 100_000_000, u64::MAX),
    ] {
        let stage = refusing(Shape::Classic, reply).await;
        let error = stage.sign_in().await.unwrap_err();
        let wait = error.retry_after().unwrap().as_secs();
        assert!(wait >= at_least && wait <= at_most, "{wait}");
    }
    // Auth0 tells how much of its limit is left on every answer.
    for reply in [Reply::json(429, &body), limited(429, "29"), limited(401, "29"), limited(401, "0")] {
        let stage = refusing(Shape::Classic, reply).await;
        assert_eq!(stage.sign_in().await.unwrap_err().retry_after(), None);
    }
}

#[tokio::test]
async fn after_too_many_tries_nothing_more_goes_to_that_host_for_the_time_named() {
    for reply in [
        Reply::json(429, &json!({"code":"too_many_requests"})).and("retry-after", "90"),
        Reply::json(401, &json!({"code":"rate_limited","retryAfter":90})),
        Reply::json(429, &json!({"retryAfter":90})),
        Reply::json(429, &json!({"code":"too_many_attempts","retryAfter":90}))
            .and("x-ratelimit-remaining", "0"),
    ] {
        let stage = refusing(Shape::Classic, reply).await;
        assert_eq!(stage.sign_in().await.unwrap_err().held_host(), Some(LOGIN));
        let error = stage.sign_in_as("bea@acme.example", "other").await.unwrap_err();
        assert!(matches!(error, E::TooMany { of: TooManyOf::Here, password_sent: false, .. }), "{error:?}");
        // A minute at one account's word.
        let wait = error.retry_after().unwrap();
        assert!(wait > Duration::from_secs(30) && wait <= Duration::from_mins(1), "{wait:?}");
        assert_eq!(stage.tries(), 1);
    }
    // What is about one account holds up no other.
    for reply in [
        Reply::json(429, &json!({"code":"too_many_attempts"})).and("retry-after", "90"),
        Reply::json(401, &json!({"code":"too_many_attempts","retryAfter":90})),
        Reply::json(429, &json!({"code":"blocked_user","retryAfter":90})),
    ] {
        let stage = refusing(Shape::Classic, reply).await;
        let error = stage.sign_in().await.unwrap_err();
        assert_eq!(
            (error.held_host(), error.retry_after()),
            (None, Some(Duration::from_secs(90))),
            "{error:?}"
        );
        let error = stage.sign_in_as("bea@acme.example", "other").await.unwrap_err();
        assert!(error.password_sent() && stage.tries() == 2, "{error:?}");
    }
    // A host that names no time at all is not asked again at once either.
    let at_once = Reply::json(429, &json!({"code":"too_many_requests"})).and("retry-after", "0");
    let stage = refusing(Shape::Classic, at_once).await;
    assert_eq!(stage.sign_in().await.unwrap_err().held_host(), Some(LOGIN));
    let error = stage.sign_in_as("bea@acme.example", "other").await.unwrap_err();
    assert!(matches!(error, E::TooMany { password_sent: false, .. }), "{error:?}");
    // A block of one account is none of the host.
    let stage = refusing(Shape::Classic, Reply::json(401, &json!({"code":"blocked_user"}))).await;
    assert_eq!(stage.sign_in().await.unwrap_err().held_host(), None);
    let error = stage.sign_in_as("bea@acme.example", "other").await.unwrap_err();
    assert!(error.password_sent(), "{error:?}");
}

#[tokio::test]
async fn login_pages_that_can_not_be_used_never_see_the_password() {
    for (page, wanted) in [
        (
            "<form method=post action=/u/login><input name=e type=email><input type=password name=p><div class=h-captcha></div></form>",
            "captcha",
        ),
        // The password would be in the address.
        ("<form action=/u/login><input name=e type=email><input type=password name=p></form>", "unexpected"),
        (
            "<form method=post action=https://evil.example/><input name=e type=email><input type=password name=p></form>",
            "unexpected",
        ),
        (
            "<form method=post action=http://login.qlik.com/><input name=e type=email><input type=password name=p></form>",
            "unexpected",
        ),
        (
            "<form method=post action=https://acme.eu.qlikcloud.com/><input name=e type=email><input type=password name=p></form>",
            "unexpected",
        ),
        (
            "<base href=https://evil.example/><form method=post action=x><input name=e type=email><input type=password name=p></form>",
            "unexpected",
        ),
        (
            "<form method=post action='javascript:x()'><input name=e type=email><input type=password name=p></form>",
            "unexpected",
        ),
        (
            "<form method=post action=x><input type=email name=e><button formaction=//evil.example></button><input type=password name=p></form>",
            "unexpected",
        ),
        ("<form method=post action=https://evil.example/><input name=email></form>", "unexpected"),
        ("<input name=email><input type=password name=p>", "unexpected"),
        (
            "<form method=post action=https://sso.corp.example/><input type=hidden name=SAMLRequest value=x></form>",
            "corporate",
        ),
        ("<meta http-equiv=refresh content='0;url=https://sso.corp.example/'>", "corporate"),
        ("", "unexpected"),
    ] {
        let stage = showing(page).await;
        let error = stage.sign_in().await.unwrap_err();
        assert_eq!(name(&error), wanted, "{page}: {error}");
        assert!(!error.password_sent());
        assert_eq!(stage.tries(), 0, "{page}");
        assert!(
            !stage.log().iter().any(|asked| asked.body.contains("ada") || asked.query.contains("ada")),
            "{page}"
        );
    }
}
