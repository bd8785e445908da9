//! The engine's websocket against everything that can go wrong with it.

use std::time::Duration;

use jiff::SignedDuration;
use qlik::{Error, ErrorKind, Resolve, SessionState};
use sandbox::{Effect, EngineFault};

use crate::engine::{app, strike};
use crate::scene::Scene;

/// The error of a call with a key of Ada's for her app, while `effect` strikes it.
/// The key is new each time, so that a hold on one call does not reach the next.
async fn struck(scene: &Scene, app: &str, effect: Effect) -> Error {
    strike(scene, effect);
    let error = scene.tenant(&scene.ada).engine_version(app, None).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("eyJ") && error.operation().contains("/app/{id}"), "{shown}");
    error
}

#[tokio::test]
async fn a_refusal_keeps_its_kind_code_and_trace_and_is_not_repeated() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    for (status, kind) in [
        (400, ErrorKind::BadRequest),
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (418, ErrorKind::UnexpectedStatus(418)),
        (500, ErrorKind::Unavailable),
        (503, ErrorKind::Unavailable),
    ] {
        scene.world.clear_log();
        let effect = Effect::Status { status, code: "SOME-7".into(), title: "Some title".into(), body: None };
        let error = struck(&scene, &id, effect).await;
        assert_eq!((error.kind(), error.status()), (kind, Some(status)));
        assert_eq!((error.code(), error.title()), (Some("SOME-7"), Some("Some title")));
        assert!(error.trace_id().is_some());
        assert_eq!(scene.world.log().len(), 1);
    }
}

#[tokio::test]
async fn a_page_instead_of_a_websocket_is_not_qlik() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    for status in [200, 204] {
        let body = Some("<html>hunter2</html>".to_owned());
        let effect = Effect::Status { status, code: String::new(), title: String::new(), body };
        let error = struck(&scene, &id, effect).await;
        assert_eq!((error.kind(), error.status()), (ErrorKind::NotQlik, Some(status)));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    for (location, kind) in [
        ("https://evil.example/", ErrorKind::RedirectLeavesTenant),
        ("http://acme.eu.qlikcloud.com/", ErrorKind::RedirectLeavesTenant),
        ("/login", ErrorKind::UnexpectedStatus(302)),
    ] {
        scene.world.clear_log();
        let error = struck(&scene, &id, Effect::Redirect { location: location.into() }).await;
        assert_eq!((error.kind(), error.status()), (kind, Some(302)), "{location}");
        assert_eq!(scene.world.log().len(), 1);
    }
}

#[tokio::test]
async fn a_rate_limit_holds_this_caller_back_in_all_its_reads() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    let tenant = scene.tenant(&scene.ada);
    strike(&scene, Effect::RateLimited { retry_after_s: 13 });
    let error = tenant.engine_version(&id, None).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some("HTTP-429")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(13)));
    scene.world.clear_faults();
    assert_eq!(tenant.user_me().await.unwrap_err().kind(), ErrorKind::RateLimited);
    let held = tenant.engine_version(&id, None).await.unwrap_err();
    assert_eq!((held.kind(), held.may_have_happened()), (ErrorKind::RateLimited, false));
    assert_eq!(scene.world.log().len(), 1, "nothing is sent while held");
    scene.world.advance(SignedDuration::from_secs(13));
    tenant.engine_version(&id, None).await.unwrap();
}

#[tokio::test]
async fn it_takes_a_place_in_the_tenants_reads() {
    let scene = Scene::with(|config| config.tier1_per_minute = 1).await;
    let id = app(&scene, &scene.ada);
    let tenant = scene.tenant(&scene.ada);
    tenant.engine_version(&id, None).await.unwrap();
    assert_eq!(tenant.user_me().await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(scene.world.log().len(), 1);
}

#[tokio::test]
async fn a_cut_connection_is_told_and_not_repeated() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    for effect in [Effect::CutBefore, Effect::CutAfter, Effect::Engine(EngineFault::Cut)] {
        scene.world.clear_log();
        let error = struck(&scene, &id, effect.clone()).await;
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::ConnectionLost, true), "{effect:?}");
        assert_eq!(scene.world.log().len(), 1);
    }
}

#[tokio::test]
async fn what_does_not_come_in_time_is_a_timeout_and_what_comes_late_is_not() {
    let scene = Scene::with(|config| config.request_timeout = Duration::from_millis(300)).await;
    let id = app(&scene, &scene.ada);
    for effect in [
        Effect::HangForever,
        Effect::HangAfter,
        Effect::Delay { ms: 60_000 },
        Effect::Engine(EngineFault::Silent),
    ] {
        let error = struck(&scene, &id, effect.clone()).await;
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Timeout, true), "{effect:?}");
    }
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    strike(&scene, Effect::Delay { ms: 20 });
    scene.tenant(&scene.ada).engine_version(&id, None).await.unwrap();
}

#[tokio::test]
async fn each_close_code_has_its_kind() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    for (code, kind) in [
        (4202, ErrorKind::BadRequest),
        (4203, ErrorKind::Forbidden),
        (4204, ErrorKind::NotFound),
        (4205, ErrorKind::Unavailable),
        (4230, ErrorKind::RateLimited),
        (4240, ErrorKind::Unavailable),
        (1011, ErrorKind::ConnectionLost),
    ] {
        let effect = Effect::Engine(EngineFault::Close { code, reason: None });
        let error = struck(&scene, &id, effect).await;
        assert_eq!((error.kind(), error.close_code()), (kind, Some(code)));
        let reason = if code == 4203 { "QEP-103" } else { "QEP-104" };
        assert_eq!((error.code(), error.trace_id().is_some()), (Some(reason), true));
    }
    let reason = Some("in words".to_owned());
    let error = struck(&scene, &id, Effect::Engine(EngineFault::Close { code: 1011, reason })).await;
    assert_eq!((error.code(), error.title()), (None, Some("in words")));
}

#[tokio::test]
async fn a_greeting_or_an_answer_that_says_no_keeps_its_code() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    let state = "SESSION_ERROR_NO_LICENSE".to_owned();
    let error = struck(&scene, &id, Effect::Engine(EngineFault::Greet { state })).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("SESSION_ERROR_NO_LICENSE")));
    let refuse = EngineFault::Refuse { code: 5, message: "Access denied".into() };
    let error = struck(&scene, &id, Effect::Engine(refuse)).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("5")));

    strike(&scene, Effect::Engine(EngineFault::Greet { state: "SESSION_ATTACHED".into() }));
    let info = scene.tenant(&scene.ada).engine_version(&id, None).await.unwrap();
    assert_eq!(info.session_state, SessionState::Attached);
}

#[tokio::test]
async fn a_message_that_is_broken_or_too_long_is_not_read() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    let error = struck(&scene, &id, Effect::Engine(EngineFault::Malformed)).await;
    assert_eq!(error.kind(), ErrorKind::BadBody);
    let error = struck(&scene, &id, Effect::Engine(EngineFault::TooLong { bytes: 1 << 20 })).await;
    assert_eq!((error.kind(), error.title()), (ErrorKind::BadBody, Some("the answer is too large")));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_and_a_port_that_is_closed_are_told_apart() {
    let scene = Scene::with(|config| config.ca_pem = None).await;
    let error = scene.tenant(&scene.ada).engine_version("id", None).await.unwrap_err();
    assert_eq!((error.kind(), error.tls_fault()), (ErrorKind::Tls, Some(qlik::TlsFault::UnknownIssuer)));

    let addr = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let resolve = Resolve::parse(&format!("*.qlikcloud.com={addr}")).unwrap();
    let scene = Scene::with(|config| config.resolve = resolve).await;
    let error = scene.tenant(&scene.ada).engine_version("id", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(scene.world.log().is_empty());
}
