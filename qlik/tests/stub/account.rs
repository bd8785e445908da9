//! Signing in with a Qlik account where everything works.

use crate::site::{EMAIL, PASSWORD, RETURN, SHAPES, Shape, WEB, works};
use crate::stage::{Asked, LOGIN, PERMANENT, Reply, Stage, TENANT};

#[tokio::test]
async fn a_password_becomes_the_persons_session_whatever_the_pages_are_like() {
    for shape in SHAPES {
        let stage = Stage::new(works(shape)).await;
        let session =
            stage.sign_in().await.unwrap_or_else(|e| panic!("{shape:?}: {e}\n{:#?}", stage.lines()));
        assert_eq!(session.user().id, "u1", "{shape:?}");
        assert_eq!(session.host().as_str(), TENANT);
        assert_eq!(session.csrf().unwrap().expose(), "csrf-1");
        assert_eq!(session.web_integration_id(), Some(WEB));
        let cookies = session.cookie_header("/", "2026-03-01T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(cookies.expose(), "eas.state=t1; eas.sid=session; _csrfToken=c");
        assert_eq!(stage.tries(), 1, "{shape:?}: {:#?}", stage.lines());
        assert!(!stage.lines().iter().any(|line| line.contains("portal.example")));
    }
}

#[tokio::test]
async fn only_what_is_needed_is_asked() {
    let stage = Stage::new(works(Shape::Form)).await;
    stage.sign_in().await.unwrap();
    assert_eq!(
        stage.lines(),
        [
            "GET acme.eu.qlikcloud.com/login",
            "GET login.qlik.com/authorize",
            "GET login.qlik.com/login",
            "POST login.qlik.com/u/login",
            "GET login.qlik.com/authorize/resume",
            "GET acme.eu.qlikcloud.com/login/callback",
            "GET acme.eu.qlikcloud.com/api/v1/csrf-token",
            "GET acme.eu.qlikcloud.com/api/v1/users/me",
        ]
    );
}

#[tokio::test]
async fn a_login_that_ends_at_the_tenants_other_name_gives_a_session_for_that_name() {
    let stage = Stage::new(|asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (TENANT, "/login") => Reply::to(format!("https://{PERMANENT}/login?{}", asked.query)),
        (PERMANENT, "/login") => {
            Reply::to(format!("https://{LOGIN}/authorize")).cookie("eas.state=t1; Path=/")
        }
        (LOGIN, "/authorize/resume") => {
            Reply::to(format!("https://{PERMANENT}/login/callback?code=good&state=t1"))
        }
        (TENANT, path) => panic!("{path} at the other name"),
        _ => works(Shape::Form)(asked),
    })
    .await;
    let session = stage.sign_in().await.unwrap();
    assert_eq!(session.host().as_str(), PERMANENT);
}

#[tokio::test]
async fn the_tenants_own_page_is_an_end_as_well_as_the_return_address() {
    for end in ["https://acme.eu.qlikcloud.com/hub", "/hub?x=1", "/nothing-there"] {
        let stage = Stage::new(move |asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
            (TENANT, "/login/callback") => Reply::to(end).cookie("eas.sid=session; Path=/; Secure"),
            // Its own forms are not for the client to send.
            (TENANT, "/hub") => {
                Reply::html("<form method=post action=/logout><input type=hidden name=a value=b></form>")
            }
            (TENANT, "/nothing-there") => Reply::with(404, ""),
            _ => works(Shape::Classic)(asked),
        })
        .await;
        stage.sign_in().await.unwrap();
        assert!(!stage.lines().iter().any(|line| line.contains("logout")));
    }
}

#[tokio::test]
async fn a_tenants_page_that_sends_its_form_by_itself_is_followed() {
    let stage = Stage::new(|asked: &Asked| match (asked.host.as_str(), asked.path.as_str()) {
        (TENANT, "/login/callback") if asked.method == "GET" => Reply::html(
            "<form method=post action=/login/done><input type=hidden name=a value=b></form><script>document.forms[0].submit()</script>",
        )
        .cookie("eas.step=1; Path=/"),
        (TENANT, "/login/done") => Reply::to(RETURN).cookie("eas.sid=session; Path=/; Secure"),
        _ => works(Shape::Form)(asked),
    })
    .await;
    stage.sign_in().await.unwrap();
}

#[tokio::test]
async fn the_operators_own_login_host_is_allowed_and_no_other() {
    for (allowed, fine) in [(vec!["*.stand-in.example".to_owned()], true), (Vec::new(), false)] {
        let stage = Stage::with(
            |config| config.login_hosts = allowed,
            |asked: &Asked| {
                let mut asked = asked.clone();
                let is_stand_in = asked.host == "login.stand-in.example";
                if is_stand_in {
                    LOGIN.clone_into(&mut asked.host);
                    if let Some(origin) = asked.headers.iter_mut().find(|(name, _)| name == "origin") {
                        origin.1 = format!("https://{LOGIN}");
                    }
                } else if asked.host == LOGIN {
                    panic!("at Qlik's own");
                }
                match works(Shape::Form)(&asked) {
                    Reply::Answer { status, headers, body } => Reply::Answer {
                        status,
                        headers: headers
                            .into_iter()
                            .map(|(n, v)| (n, v.replace(LOGIN, "login.stand-in.example")))
                            .collect(),
                        body,
                    },
                    other => other,
                }
            },
        )
        .await;
        let outcome = stage.sign_in_as(EMAIL, PASSWORD).await;
        assert_eq!(outcome.is_ok(), fine, "{:?}", outcome.err());
        assert_eq!(stage.tries(), usize::from(fine));
    }
}
