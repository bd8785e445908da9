//! What the tenant makes of a login: under which of its names, with which cookies, and
//! what it says where it does not take it.

use qlik::{AccountPassword, LoginStep, PasswordLogin, PasswordLoginError as E, QlikSession};
use serde_json::json;

use crate::account_refusals::name;
use crate::site::{EMAIL, ORIGIN, PASSWORD, RETURN, Shape, WEB, works};
use crate::stage::{Asked, LOGIN, PERMANENT, Reply, Stage, TENANT};

impl Stage {
    /// Signs in where no other name of the tenant is known.
    async fn sign_in_by_alias(&self) -> Result<QlikSession, E> {
        let login = PasswordLogin {
            host: &Self::host(),
            permanent_host: None,
            email: EMAIL,
            password: &AccountPassword::new(PASSWORD),
            web_integration_id: Some(WEB),
            origin: Some(ORIGIN),
            return_to: RETURN,
        };
        self.qlik.login_with_password(login).await
    }
}

/// A site on which the tenant's `path` is answered by `reply`.
async fn answering(path: &'static str, reply: Reply) -> Stage {
    Stage::new(move |asked: &Asked| {
        if asked.host == TENANT && asked.path == path { reply.clone() } else { works(Shape::Form)(asked) }
    })
    .await
}

fn errors(code: &str) -> serde_json::Value {
    json!({"errors":[{"code":code,"title":"about ada@acme.example"}],"traceId":"trace-1"})
}

#[tokio::test]
async fn a_person_who_is_no_user_of_the_tenant_is_told_so() {
    for path in ["/login/callback", "/api/v1/users/me"] {
        let stage = answering(path, Reply::json(403, &errors("AUTH-5"))).await;
        let error = stage.sign_in().await.unwrap_err();
        assert!(matches!(error, E::NotMember), "{path}: {error:?}");
    }
}

#[tokio::test]
async fn whatever_else_the_tenant_refuses_for_is_told_with_its_code_and_trace() {
    for (path, status, code) in [
        ("/login/callback", 400, "LOGIN-12"),
        ("/login/callback", 401, "LOGIN-8"),
        ("/login/callback", 401, "LOGIN-10"),
        ("/login/callback", 401, "AUTH-5"),
        ("/login/callback", 403, "USER_INVITE_EXPIRED"),
        ("/api/v1/users/me", 403, "HTTP-403"),
        ("/api/v1/users/me", 404, "HTTP-404"),
    ] {
        let stage = answering(path, Reply::json(status, &errors(code))).await;
        let error = stage.sign_in().await.unwrap_err();
        let E::TenantRefused { error: refusal } = &error else { panic!("{path} {status}: {error:?}") };
        assert_eq!(
            (refusal.status(), refusal.code(), refusal.trace_id()),
            (Some(status), Some(code), Some("trace-1"))
        );
        assert!(error.password_sent() && !format!("{error} {error:?}").contains("ada"), "{error:?}");
    }
    let page = Reply::html("<h1>Bad request</h1>").status(400).and("x-request-id", "r-1");
    let error = answering("/login/callback", page).await.sign_in().await.unwrap_err();
    assert!(
        matches!(&error, E::TenantRefused { error } if error.status() == Some(400) && error.trace_id() == Some("r-1")),
        "{error:?}"
    );
}

#[tokio::test]
async fn only_no_answer_and_an_outage_leave_it_unknown_how_a_login_ended() {
    for (path, reply, wanted) in [
        ("/login/callback", Reply::with(502, ""), "transport"),
        ("/login/callback", Reply::Cut, "transport"),
        ("/api/v1/users/me", Reply::with(429, "").and("retry-after", "70"), "too many"),
        ("/login/callback", Reply::with(429, "").and("retry-after", "70"), "too many"),
    ] {
        let error = answering(path, reply).await.sign_in().await.unwrap_err();
        assert_eq!((name(&error), error.password_sent()), (wanted, true), "{path}: {error:?}");
        if let E::TooMany { host, retry_after, .. } = &error {
            assert_eq!((host.as_str(), retry_after.map(|wait| wait.as_secs())), (TENANT, Some(70)));
        }
    }
}

#[tokio::test]
async fn a_session_that_is_there_since_the_first_answer_is_taken_where_it_works() {
    for works_after in [true, false] {
        let stage = Stage::new(move |asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
            (TENANT, "/login") => works(Shape::Form)(asked).cookie("eas.sid=session; Path=/; Secure"),
            (TENANT, "/login/callback") => Reply::to(RETURN),
            (TENANT, "/api/v1/users/me" | "/api/v1/csrf-token") if !works_after => Reply::with(401, ""),
            _ => works(Shape::Form)(asked),
        })
        .await;
        match stage.sign_in().await {
            Ok(session) => assert!(works_after && session.user().id == "u1"),
            Err(error) => assert!(
                !works_after
                    && matches!(
                        error,
                        E::UnexpectedPage { step: LoginStep::Tenant, password_sent: true, .. }
                    ),
                "{error:?}"
            ),
        }
    }
}

#[tokio::test]
async fn a_login_that_leaves_no_cookies_at_the_tenant_is_none() {
    let stage = Stage::new(|asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (TENANT, "/login") => Reply::to(format!("https://{LOGIN}/authorize")),
        (TENANT, "/login/callback") => Reply::to(RETURN),
        _ => works(Shape::Form)(asked),
    })
    .await;
    let error = stage.sign_in().await.unwrap_err();
    assert!(
        matches!(error, E::UnexpectedPage { step: LoginStep::Tenant, password_sent: true, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_session_is_where_its_cookie_is_and_not_where_a_load_balancers_is() {
    let stage = Stage::new(|asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (LOGIN, "/authorize/resume") => {
            Reply::to(format!("https://{PERMANENT}/login/callback?code=good&state=t1"))
        }
        (PERMANENT, "/login/callback") => {
            Reply::to(format!("https://{TENANT}/hub")).cookie("eas.sid=session; Path=/; Secure")
        }
        (TENANT, "/hub") => Reply::to(RETURN).cookie("AWSALB=x; Path=/"),
        _ => works(Shape::Form)(asked),
    })
    .await;
    let session = stage.sign_in().await.unwrap();
    assert_eq!(session.host().as_str(), PERMANENT);
}

#[tokio::test]
async fn the_tenants_other_name_is_taken_from_where_its_own_redirect_wants_to_come_back_to() {
    let back = |host: &str| {
        format!("https://{LOGIN}/authorize?redirect_uri=https%3A%2F%2F{host}%2Flogin%2Fcallback")
    };
    let to = back(PERMANENT);
    let stage = Stage::new(move |asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (TENANT, "/login") => Reply::to(to.clone()).cookie("eas.state=t1; Domain=eu.qlikcloud.com; Path=/"),
        (LOGIN, "/authorize/resume") => {
            Reply::to(format!("https://{PERMANENT}/login/callback?code=good&state=t1"))
        }
        (PERMANENT, "/login/callback") => Reply::to(RETURN).cookie("eas.sid=session; Path=/; Secure"),
        _ => works(Shape::Form)(asked),
    })
    .await;
    let session = stage.sign_in_by_alias().await.unwrap();
    assert_eq!((session.host().as_str(), stage.tries()), (PERMANENT, 1));
    // The tenant may also lead there before the login host.
    let stage = Stage::new(|asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (TENANT, "/login") => Reply::to(format!("https://{PERMANENT}/login?{}", asked.query)),
        (PERMANENT, "/login") => {
            Reply::to(format!("https://{LOGIN}/authorize")).cookie("eas.state=t1; Path=/")
        }
        (LOGIN, "/authorize/resume") => {
            Reply::to(format!("https://{PERMANENT}/login/callback?code=good&state=t1"))
        }
        _ => works(Shape::Form)(asked),
    })
    .await;
    assert_eq!(stage.sign_in_by_alias().await.unwrap().host().as_str(), PERMANENT);
    // What would end at a stranger's ends before the password.
    let to = back("evil.example");
    let stage = Stage::new(move |asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (TENANT, "/login") => Reply::to(to.clone()),
        _ => panic!("{}", asked.line()),
    })
    .await;
    let error = stage.sign_in_by_alias().await.unwrap_err();
    assert_eq!((name(&error), error.password_sent()), ("unexpected", false));
}
