//! Login pages that differ in detail from those of the other tests: which form is the
//! login, which button sends it, and what is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qlik::PasswordLoginError as E;
use serde_json::json;

use crate::account_refusals::name;
use crate::site::{EMAIL, PASSWORD, Shape, login_page, settings, works};
use crate::stage::{Asked, CORPORATE, LOGIN, Reply, Stage};

/// A site whose login page is this one.
async fn showing(shape: Shape, page: String) -> Stage {
    Stage::new(move |asked: &Asked| match (asked.method.as_str(), asked.host.as_str(), asked.path.as_str()) {
        ("GET", LOGIN, "/login") => Reply::html(page.clone()),
        _ => works(shape)(asked),
    })
    .await
}

/// The form of the page, with more before and after it.
fn form_between(before: &str, after: &str) -> String {
    let page = login_page(Shape::Form);
    let (head, form) = page.split_once("<form method=\"POST\"").unwrap();
    let form =
        form.replace("autocomplete=\"current-password\"", "").replace("autocomplete=\"username email\"", "");
    format!("{head}{before}<form method=\"POST\"{form}{after}")
}

const SIGN_UP: &str = "<form method=post action=/u/signup><input name=email type=email><input type=password name=password></form>";
const FORGOT: &str =
    "<form method=post id=forgot-password><input name=email type=email><button>Send</button></form>";

#[tokio::test]
async fn a_form_for_signing_up_or_for_a_forgotten_password_is_not_the_login() {
    for page in [form_between(SIGN_UP, FORGOT), form_between(FORGOT, SIGN_UP)] {
        let stage = showing(Shape::Form, page).await;
        stage.sign_in().await.unwrap();
        assert_eq!(stage.tries(), 1);
    }
    let identifier =
        "<form method=post><input type=hidden name=state value=l1><input name=identifier></form>";
    for page in [format!("{FORGOT}{identifier}"), format!("{identifier}{FORGOT}")] {
        showing(Shape::Steps, page).await.sign_in().await.unwrap();
    }
    // Alone it is none either.
    for page in [SIGN_UP, FORGOT] {
        let stage = showing(Shape::Form, page.to_owned()).await;
        let error = stage.sign_in().await.unwrap_err();
        assert_eq!((name(&error), error.password_sent(), stage.tries()), ("unexpected", false, 0), "{page}");
        assert!(!stage.log().iter().any(|asked| asked.body.contains("ada")), "{page}");
    }
}

#[tokio::test]
async fn the_button_after_the_password_sends_it_and_not_one_for_another_way_in() {
    let others = "<button name=provider value=google formaction=/social>Google</button>";
    let page =
        login_page(Shape::Form).replace("<input type=\"hidden\"", &format!("{others}<input type=\"hidden\""));
    let stage = showing(Shape::Form, page).await;
    stage.sign_in().await.unwrap();
    let sent = stage.log().into_iter().find(|asked| asked.method == "POST").unwrap();
    assert_eq!((sent.path.as_str(), sent.field("provider")), ("/u/login", None));
}

#[tokio::test]
async fn a_form_for_a_script_is_left_to_the_settings_of_the_script() {
    for action in ["#", "#/login", "javascript:void(0)", "JavaScript:login()"] {
        let form = format!(
            "<form method=post action=\"{action}\"><input name=email type=email><input type=password name=password></form>"
        );
        let page = login_page(Shape::Classic) + &form;
        let stage = showing(Shape::Classic, page).await;
        stage.sign_in().await.unwrap_or_else(|e| panic!("{action}: {e}"));
        assert_eq!(stage.tries(), 1, "{action}");
    }
}

#[tokio::test]
async fn the_accounts_are_called_as_the_pages_own_script_calls_them() {
    let mut config = settings();
    config["callbackURL"] = json!("https://acme.eu.qlikcloud.com/login/callback");
    let page = format!(
        "<script>var config = JSON.parse(atob('{}'));</script><script>var databaseConnection = 'Qlik-Users';
        function google() {{ webAuth.authorize({{ connection: 'google-oauth2' }}) }}</script>",
        STANDARD.encode(config.to_string())
    );
    let stage = Stage::new(move |asked: &Asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/login") if asked.host == LOGIN => Reply::html(page.clone()),
        ("POST", "/usernamepassword/login") => {
            let sent: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
            assert_eq!(sent["connection"], "Qlik-Users");
            Reply::json(401, &json!({"code":"invalid_user_password"}))
        }
        _ => works(Shape::Classic)(asked),
    })
    .await;
    assert!(matches!(stage.sign_in().await.unwrap_err(), E::WrongPassword));
    assert_eq!(stage.tries(), 1);
}

#[tokio::test]
async fn a_button_for_a_social_account_is_not_pressed() {
    let social = "<form method=post action=/social><input type=hidden name=connection value=google-oauth2><button>Google</button></form>";
    let loose = format!("<div><input name=email><input type=password></div>{social}");
    let script = format!("<div id=root></div>{social}");
    let sends = format!("{loose}<script>function enter() {{ api.submit(fields()) }}</script>");
    for page in [loose, script, sends, social.to_owned()] {
        let stage = Stage::new(move |asked: &Asked| {
            match (asked.method.as_str(), asked.host.as_str(), asked.path.as_str()) {
                ("GET", LOGIN, "/login") => Reply::html(page.clone()),
                ("POST", LOGIN, "/social") => Reply::to("https://accounts.google.com/o/oauth2"),
                _ => works(Shape::Form)(asked),
            }
        })
        .await;
        let error = stage.sign_in().await.unwrap_err();
        assert_eq!((name(&error), error.password_sent()), ("unexpected", false));
        assert!(!stage.lines().iter().any(|line| line.contains("/social")));
    }
    // The page for the e-mail once more, beside such a button.
    let again = format!("<form method=post><input name=identifier></form>{social}");
    let stage = Stage::new(move |asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (LOGIN, "/login") => Reply::html(again.clone()),
        _ => works(Shape::Steps)(asked),
    })
    .await;
    assert_eq!(name(&stage.sign_in().await.unwrap_err()), "unexpected");
    assert!(!stage.lines().iter().any(|line| line.contains("/social")));
}

#[tokio::test]
async fn a_login_host_that_hands_the_browser_on_by_itself_is_followed() {
    let submit = "<script>document.forms[0].submit()</script>";
    let on = |more: &str| {
        format!("<form method=post action=/login/more><input type=hidden name=a value=b></form>{more}")
    };
    for (page, fine) in [(on(submit), true), (on(""), false)] {
        let stage = Stage::new(move |asked: &Asked| {
            match (asked.method.as_str(), asked.host.as_str(), asked.path.as_str()) {
                ("GET", LOGIN, "/login") => Reply::html(page.clone()),
                ("POST", LOGIN, "/login/more") => Reply::html(login_page(Shape::Form)),
                _ => works(Shape::Form)(asked),
            }
        })
        .await;
        let outcome = stage.sign_in_as(EMAIL, PASSWORD).await;
        assert_eq!(outcome.is_ok(), fine, "{:?}", outcome.err());
    }
    let saml = format!(
        "<form method=post action=https://{CORPORATE}/><input type=hidden name=SAMLRequest value=x><button>Go</button></form>"
    );
    let error = showing(Shape::Form, saml).await.sign_in().await.unwrap_err();
    assert!(matches!(&error, E::CorporateProvider { host } if host == CORPORATE), "{error:?}");
}
