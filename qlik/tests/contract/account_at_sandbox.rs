//! Qlik accounts and OAuth against the sandbox tenant, whose pages and tokens were
//! not written by who wrote the client.

use qlik::{
    AccountPassword, Error, PasswordLogin, PasswordLoginError, QlikSession, SignIn, SignInWay,
    oauth::{ClientSecret, OAuthClient, OAuthClientId, OAuthErrorKind, UserLookup},
};
use sandbox::{AccountCondition, LoginShape, NewAccount};

use crate::scene::{ORIGIN, Scene};

const RIGHT: &str = "bea's own, and long enough";
const BEA: &str = "bea@acme.example";
const BACK: &str = "https://portal.example/qlik/back";

/// A scene in which Bea has an account, seen in this shape.
async fn scene(shape: LoginShape) -> (Scene, String) {
    let s = Scene::new().await;
    let web = s.world.add_web_integration(&s.acme, "Portal", [ORIGIN]);
    s.world.add_account(NewAccount::new(BEA, RIGHT));
    s.world.set_login_shape(shape);
    (s, web)
}

async fn log_in(s: &Scene, web: &str, password: &str) -> Result<QlikSession, PasswordLoginError> {
    let password = AccountPassword::new(password.to_owned());
    let login = PasswordLogin {
        host: &s.host,
        permanent_host: None,
        email: BEA,
        password: &password,
        web_integration_id: Some(web),
        origin: Some(ORIGIN),
        return_to: BACK,
    };
    s.qlik.login_with_password(login).await
}

#[tokio::test]
async fn every_shape_that_can_be_known_signs_in_with_one_try() {
    use LoginShape::{Classic, Form, FormExtra, FormPostCallback, IdentifierFirst};
    for shape in [Classic, Form, FormExtra, IdentifierFirst, FormPostCallback] {
        let (s, web) = scene(shape).await;
        let session = log_in(&s, &web, RIGHT).await.unwrap_or_else(|e| panic!("{shape:?}: {e:?}"));
        assert_eq!(session.user().email.as_deref(), Some(BEA), "{shape:?}");
        let tries = s.world.tries(BEA);
        assert_eq!((tries.tries, tries.failures, tries.most_in_flight), (1, 0, 1), "{shape:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_in_every_shape_with_one_try() {
    use LoginShape::{Classic, Form, FormExtra, FormPostCallback, IdentifierFirst};
    for shape in [Classic, Form, FormExtra, IdentifierFirst, FormPostCallback] {
        let (s, web) = scene(shape).await;
        let end = log_in(&s, &web, "another").await;
        assert!(matches!(end, Err(PasswordLoginError::WrongPassword)), "{shape:?}: {end:?}");
        let tries = s.world.tries(BEA);
        assert_eq!((tries.tries, tries.failures), (1, 1), "{shape:?}");
    }
}

#[tokio::test]
async fn what_stands_in_the_way_of_an_account_is_told_apart() {
    /// What, how it comes about, how it is told, and after how many tries.
    type Row = (&'static str, fn(&Scene), fn(&PasswordLoginError) -> bool, u32);
    let table: [Row; 8] = [
        (
            "a second factor",
            |s| s.world.set_otp(BEA, Some("123456")),
            |e| matches!(e, PasswordLoginError::MfaNeeded { .. }),
            1,
        ),
        (
            "blocked",
            |s| s.world.set_blocked(BEA, true),
            |e| matches!(e, PasswordLoginError::Blocked { .. } | PasswordLoginError::TooMany { .. }),
            1,
        ),
        (
            "a leaked password",
            |s| s.world.set_account_condition(BEA, AccountCondition::PasswordLeaked),
            // A plain form says it in words, and those are not read: there it counts as refused.
            |e| matches!(e, PasswordLoginError::BreachedPassword | PasswordLoginError::WrongPassword),
            1,
        ),
        (
            "an expired password",
            |s| s.world.set_account_condition(BEA, AccountCondition::PasswordExpired),
            |e| matches!(e, PasswordLoginError::PasswordExpired),
            1,
        ),
        (
            "an unverified e-mail",
            |s| s.world.set_account_condition(BEA, AccountCondition::Unverified),
            |e| matches!(e, PasswordLoginError::EmailNotVerified),
            1,
        ),
        (
            "a captcha",
            |s| s.world.set_login_shape(LoginShape::Captcha),
            |e| matches!(e, PasswordLoginError::CaptchaNeeded { password_sent: false }),
            0,
        ),
        (
            "a page that nobody knows",
            |s| s.world.set_login_shape(LoginShape::Changed),
            |e| matches!(e, PasswordLoginError::UnexpectedPage { password_sent: false, .. }),
            0,
        ),
        (
            "a corporate identity provider",
            |s| s.world.set_corporate_idp(&s.acme, true),
            |e| matches!(e, PasswordLoginError::CorporateProvider { .. }),
            0,
        ),
    ];
    for (what, arrange, told, tries) in table {
        for shape in [LoginShape::Classic, LoginShape::Form] {
            let (s, web) = scene(shape).await;
            arrange(&s);
            let end = log_in(&s, &web, RIGHT).await.map(|session| session.user().email.clone());
            let error = end.expect_err(what);
            assert!(told(&error), "{what}, {shape:?}: {error:?}");
            assert_eq!(s.world.tries(BEA).tries, tries, "{what}, {shape:?}");
            assert!(!error.password_sent() || tries == 1, "{what}, {shape:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn how_a_tenant_signs_people_in_is_seen_without_a_password() {
    let (s, web) = scene(LoginShape::Classic).await;
    let sign_in = || SignIn {
        host: &s.host,
        permanent_host: None,
        web_integration_id: Some(&web),
        origin: Some(ORIGIN),
        return_to: BACK,
    };
    let way = s.qlik.sign_in_way(sign_in()).await.unwrap();
    assert!(matches!(way, SignInWay::QlikAccount { .. }), "{way:?}");
    s.world.set_corporate_idp(&s.acme, true);
    let way = s.qlik.sign_in_way(sign_in()).await.unwrap();
    assert!(matches!(way, SignInWay::Corporate { .. }), "{way:?}");
    assert_eq!(s.world.tries(BEA).tries, 0);
}

#[tokio::test]
async fn a_client_acts_for_a_user_by_id_and_for_nobody_else() -> Result<(), Error> {
    let s = Scene::new().await;
    let made = s.world.add_oauth_client(&s.acme, sandbox::NewClient::impersonator("Portal"));
    let id: OAuthClientId = made.client_id.parse().unwrap();
    let secret = ClientSecret::new(made.client_secret.unwrap());
    let client = OAuthClient { id: &id, secret: Some(&secret) };
    let of = UserLookup::UserId(&s.bea.id);
    let tokens = s.qlik.impersonate(&s.host, client, of, "user_default").await.unwrap();
    let me = s.qlik.with_bearer(&s.host, std::sync::Arc::new(tokens.access), &s.bea.id).user_me().await?;
    assert_eq!(me.email.as_deref(), Some(BEA));
    let nobody = s.qlik.impersonate(&s.host, client, UserLookup::UserId("nobody"), "user_default").await;
    // Qlik documents one 403 for what is wrong with the user, and no code to tell it apart by.
    let kind = nobody.unwrap_err().kind();
    assert!(matches!(kind, OAuthErrorKind::UserUnknown | OAuthErrorKind::UserDisabled), "{kind:?}");
    Ok(())
}
