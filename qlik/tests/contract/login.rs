//! Opening a session with a signed token.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use qlik::{Error, ErrorKind, JwtLogin, JwtSubject, Qlik, QlikSession, SystemEntropy};
use sandbox::{AuthKind, Effect, EventKind, Fault, NewUser, UserStatus};

use crate::scene::{ORIGIN, Scene};

impl Scene {
    async fn login(&self, subject: JwtSubject) -> Result<QlikSession, Error> {
        let token = self.trusted_identity().sign(&subject, self.world.now(), &SystemEntropy).unwrap();
        self.qlik
            .login_jwt(JwtLogin { host: &self.host, token, web_integration_id: None, origin: None })
            .await
    }
}

fn subject(sub: &str, email: &str) -> JwtSubject {
    JwtSubject { sub: sub.into(), name: "N".into(), email: email.into(), groups: Vec::new() }
}

#[tokio::test]
async fn a_token_becomes_the_session_of_the_user_with_that_subject() {
    let scene = Scene::new().await;
    let session = scene.session(&scene.bea).await;
    assert_eq!(session.user().id, scene.bea.id);
    assert_eq!(session.opened_at(), scene.world.now());
    assert!(session.csrf().is_some());
    assert!(scene.world.events().is_empty(), "nobody was made or changed");

    let log = scene.world.log();
    let steps: Vec<_> = log.iter().map(|e| (e.method.as_str(), e.path.as_str(), e.auth)).collect();
    let me = format!("/api/v1/users/{}", scene.bea.id);
    assert_eq!(
        steps,
        [
            ("POST", "/login/jwt-session", AuthKind::Bearer),
            ("GET", "/api/v1/csrf-token", AuthKind::Session),
            ("GET", "/api/v1/users/me", AuthKind::Session),
            ("GET", me.as_str(), AuthKind::Session),
        ]
    );
    let cookie = session.cookie_header("/app/1", scene.world.now()).unwrap();
    for name in ["eas.sid=", "eas.sid.sig=", "_csrfToken=", "_csrfToken.sig=", "AWSALB=", "AWSALBCORS="] {
        assert!(cookie.expose().contains(name), "{name}");
    }
}

#[tokio::test]
async fn web_integration_and_origin_are_checked_by_qlik_at_login() {
    let scene = Scene::new().await;
    let web = scene.world.add_web_integration(&scene.acme, "Portal", [ORIGIN]);
    let identity = scene.trusted_identity();
    let login = async |id: &str, origin: &str| {
        let token = scene.token(&identity, &scene.bea);
        let (web_integration_id, origin) = (Some(id), Some(origin));
        scene.qlik.login_jwt(JwtLogin { host: &scene.host, token, web_integration_id, origin }).await
    };

    let session = login(&web, ORIGIN).await.unwrap();
    assert_eq!(session.web_integration_id(), Some(web.as_str()));
    let first = &scene.world.log()[0];
    assert_eq!(first.query.as_deref(), Some(format!("qlik-web-integration-id={web}").as_str()));
    assert_eq!(first.web_integration_id.as_ref(), Some(&web));
    assert_eq!(first.origin.as_deref(), Some(ORIGIN));

    let error = login(&web, "https://other.example").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, Some("LOGIN-10")));
    let error = login("wrong", ORIGIN).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
    let error = login("not\na header", ORIGIN).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::BadRequest, None));
}

#[tokio::test]
async fn a_tenant_that_does_not_know_the_key_refuses_the_token() {
    let scene = Scene::new().await;
    let token = scene.token(&scene.identity().0, &scene.bea);
    let login = JwtLogin { host: &scene.host, token, web_integration_id: None, origin: None };
    let error = scene.qlik.login_jwt(login).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.operation(), "POST /login/jwt-session");
    assert_eq!(scene.world.log().len(), 1, "a token is sent once");
}

#[tokio::test]
async fn a_token_is_good_for_a_minute() {
    let scene = Scene::new().await;
    let identity = scene.trusted_identity();
    for (late, fine) in [(59, true), (70, false)] {
        let token = scene.token(&identity, &scene.bea);
        scene.world.advance(SignedDuration::from_secs(late));
        let login = JwtLogin { host: &scene.host, token, web_integration_id: None, origin: None };
        let outcome = scene.qlik.login_jwt(login).await;
        assert_eq!(outcome.is_ok(), fine, "{late} s");
    }
}

#[tokio::test]
async fn users_who_may_not_log_in_are_told_apart() {
    let scene = Scene::new().await;
    scene.world.set_user_status(&scene.bea, UserStatus::Disabled);
    let error = scene.login(subject(&scene.bea.subject, "bea@acme.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);

    for _ in 0..2 {
        scene.world.add_user(&scene.acme, NewUser::new("twin@acme.example"));
    }
    let error = scene.login(subject("new", "twin@acme.example")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::BadRequest, Some("LOGIN-12")));
}

#[tokio::test]
async fn a_new_subject_with_a_known_email_shows_in_the_session_for_the_caller_to_see() {
    let scene = Scene::new().await;
    let session = scene.login(subject("other", "bea@acme.example")).await.unwrap();
    assert_eq!((session.user().id.as_str(), session.user().subject.as_str()), (&*scene.bea.id, "other"));
    assert!(matches!(scene.world.events()[0].kind, EventKind::Reassigned { .. }));
}

#[tokio::test]
async fn where_qlik_gives_no_csrf_token_the_cookies_value_is_used() {
    let scene = Scene::new().await;
    for status in [400, 404] {
        let effect = Effect::Status { status, code: "X".into(), title: "no".into(), body: None };
        scene.world.add_fault(Fault::new("/api/v1/csrf-token", effect).once());
        let session = scene.session(&scene.ada).await;
        let tenant = scene.qlik.with_session(&scene.host, session);
        tenant.create_web_integration("w", &[]).await.unwrap();
    }
}

#[tokio::test]
async fn a_login_that_sets_no_cookies_is_no_session() {
    let scene = Scene::new().await;
    let effect =
        Effect::Status { status: 200, code: String::new(), title: String::new(), body: Some("{}".into()) };
    scene.world.add_fault(Fault::new("/login/jwt-session", effect));
    let error = scene.login(subject(&scene.bea.subject, "bea@acme.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadBody);
}

#[tokio::test]
async fn a_login_that_does_not_tell_whose_it_is_is_no_session() {
    let scene = Scene::new().await;
    let effect = Effect::Status { status: 500, code: "X".into(), title: "no".into(), body: None };
    scene.world.add_fault(Fault::new("/api/v1/users/me", effect));
    let error = scene.login(subject(&scene.bea.subject, "bea@acme.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.operation().ends_with("/api/v1/users/me"), "{error}");
}

#[tokio::test]
async fn a_csrf_token_that_does_not_come_is_taken_from_the_cookie_and_costs_no_session() {
    let scene = Scene::new().await;
    let effect = Effect::Status { status: 500, code: "X".into(), title: "no".into(), body: None };
    scene.world.add_fault(Fault::new("/api/v1/csrf-token", effect));
    let session = scene.login(subject(&scene.bea.subject, "bea@acme.example")).await.unwrap();
    assert!(session.csrf().is_some());
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_login_its_token_is_sent_once() {
    let scene = Scene::new().await;
    let mut hasty = Scene::config(&scene.sandbox);
    hasty.request_timeout = Duration::from_millis(500);
    let hasty = Qlik::new(hasty, Arc::clone(scene.qlik.clock()), Arc::clone(scene.qlik.entropy())).unwrap();
    // So that its time is not spent on connecting.
    hasty.anonymous(&scene.host).probe().await.unwrap();
    let identity = scene.trusted_identity();
    let away = || Effect::Redirect { location: "https://evil.example/login".into() };
    let status = |status| Effect::Status { status, code: "X-1".into(), title: "t".into(), body: None };
    for (effect, kind) in [
        (Effect::CutBefore, ErrorKind::ConnectionLost),
        (Effect::CutAfter, ErrorKind::ConnectionLost),
        (Effect::HangAfter, ErrorKind::Timeout),
        (away(), ErrorKind::RedirectLeavesTenant),
        (Effect::Redirect { location: "/login".into() }, ErrorKind::UnexpectedStatus(302)),
        (status(503), ErrorKind::Unavailable),
        (status(403), ErrorKind::Forbidden),
        (Effect::RateLimited { retry_after_s: 60 }, ErrorKind::RateLimited),
    ] {
        scene.world.clear_faults();
        scene.world.clear_log();
        scene.world.add_fault(Fault::new("/login/jwt-session", effect.clone()));
        let token = scene.token(&identity, &scene.bea);
        let secret = token.expose().to_owned();
        let login = JwtLogin { host: &scene.host, token, web_integration_id: None, origin: None };
        let client = if kind == ErrorKind::Timeout { &hasty } else { &scene.qlik };
        let error = client.login_jwt(login).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{effect:?}");
        assert!(!format!("{error} {error:?}").contains(&secret));
        assert_eq!(scene.world.log().len(), 1, "{effect:?}");
    }
}
