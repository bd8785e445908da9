//! Logins that end elsewhere than in a session of the person.

use qlik::PasswordLoginError as E;
use serde_json::json;

use crate::account_refusals::name;
use crate::site::{EMAIL, Shape, works};
use crate::stage::{Asked, CORPORATE, LOGIN, Reply, Stage};

#[tokio::test]
async fn a_provider_of_the_organisation_is_named_and_never_asked() {
    for reply in [
        Reply::to(format!("https://{CORPORATE}/saml?x=1")),
        Reply::to("https://SSO.corp.example:8443/").status(303),
    ] {
        let stage = Stage::new(move |asked: &Asked| match asked.path.as_str() {
            "/login" => reply.clone(),
            path => panic!("{path}"),
        })
        .await;
        let error = stage.sign_in().await.unwrap_err();
        assert!(matches!(&error, E::CorporateProvider { host } if host == CORPORATE), "{error:?}");
        assert!(!error.password_sent());
    }
}

#[tokio::test]
async fn the_tenants_refusal_of_the_request_itself_keeps_its_code() {
    let body =
        json!({"errors":[{"code":"LOGIN-10","title":"returnto not included in web integration whitelist"}]});
    let stage = Stage::new(move |_: &Asked| Reply::json(401, &body)).await;
    let error = stage.sign_in().await.unwrap_err();
    let E::Transport { error, password_sent: false } = error else { panic!("{error:?}") };
    assert_eq!((error.code(), error.status()), (Some("LOGIN-10"), Some(401)));
}

#[tokio::test]
async fn a_session_of_another_user_is_closed_and_never_given_out() {
    for (user, known) in [
        (json!({"id":"u2","name":"Eve","email":"eve@acme.example"}), true),
        (json!({"id":"u2","name":"Eve"}), false),
    ] {
        let stage = Stage::new(move |asked: &Asked| {
            if asked.path.ends_with("/users/me") {
                Reply::json(200, &user)
            } else {
                works(Shape::Classic)(asked)
            }
        })
        .await;
        let error = stage.sign_in().await.unwrap_err();
        assert!(
            matches!(&error, E::OtherUser { user_id, email_known } if user_id == "u2" && *email_known == known),
            "{error:?}"
        );
        assert!(error.password_sent());
        assert_eq!(stage.lines().last().map(String::as_str), Some("GET acme.eu.qlikcloud.com/logout"));
    }
}

#[tokio::test]
async fn a_login_that_goes_in_circles_ends() {
    for after_password in [false, true] {
        let stage = Stage::new(move |asked: &Asked| {
            if asked.path == "/login" && asked.host == LOGIN && !after_password {
                return Reply::to("/login");
            }
            if asked.path == "/authorize/resume" {
                return Reply::to("/authorize/resume");
            }
            works(Shape::Form)(asked)
        })
        .await;
        let error = stage.sign_in().await.unwrap_err();
        assert_eq!((name(&error), error.password_sent()), ("unexpected", after_password));
        assert_eq!(stage.log().len(), 20);
        assert_eq!(stage.tries(), usize::from(after_password));
    }
}

#[tokio::test]
async fn without_an_address_or_password_nothing_is_asked() {
    let stage = Stage::new(|asked: &Asked| panic!("{asked:?}")).await;
    for (email, password) in [("", "x"), (" ", "x"), (EMAIL, "")] {
        let error = stage.sign_in_as(email, password).await.unwrap_err();
        assert_eq!((name(&error), error.password_sent()), ("transport", false));
    }
    assert!(stage.log().is_empty());
}
