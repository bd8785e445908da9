//! The engine's websocket: who gets in, and with what.

use std::sync::Arc;

use qlik::{ErrorKind, JwtLogin, QlikSession, SessionState, TenantHost};
use sandbox::{AuthKind, Effect, Fault, LogEntry, NewApp, UserRef};

use crate::scene::{ORIGIN, Scene};

pub fn app(scene: &Scene, owner: &UserRef) -> String {
    let new = NewApp { name: "Sales".into(), owner: owner.id.clone(), ..NewApp::default() };
    scene.world.add_app(&scene.acme, new)
}

/// A session of Bea's that was opened through a web integration.
async fn through_integration(scene: &Scene, integration: &str) -> Arc<QlikSession> {
    let token = scene.token(&scene.trusted_identity(), &scene.bea);
    let login =
        JwtLogin { host: &scene.host, token, web_integration_id: Some(integration), origin: Some(ORIGIN) };
    Arc::new(scene.qlik.login_jwt(login).await.unwrap())
}

/// The requests for the engine so far.
fn knocks(scene: &Scene) -> Vec<LogEntry> {
    scene.world.log().into_iter().filter(|entry| entry.path.starts_with("/app/")).collect()
}

pub fn strike(scene: &Scene, effect: Effect) {
    scene.world.clear_faults();
    scene.world.add_fault(Fault::new("/app/", effect));
}

#[tokio::test]
async fn a_key_asks_for_the_version_says_goodbye_and_has_not_opened_the_app() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.ada);
    let tenant = scene.tenant(&scene.ada);
    let info = tenant.engine_version(&id, Some(ORIGIN)).await.unwrap();
    assert_eq!(info.session_state, SessionState::Created);
    assert!(info.version.starts_with("12."), "{info:?}");
    let knock = knocks(&scene).pop().unwrap();
    assert_eq!(
        (knock.status, knock.auth, knock.user),
        (Some(101), AuthKind::Bearer, Some(scene.ada.id.clone()))
    );
    assert_eq!((knock.asked, knock.closed), (vec!["EngineVersion".to_owned()], Some(1000)));
    assert_eq!((knock.query, knock.origin), (None, None), "what is for browsers is not sent");
    assert_eq!(knock.version, "HTTP/1.1");
    assert!(knock.headers.contains(&"user-agent".to_owned()));
}

#[tokio::test]
async fn a_session_sends_what_a_browser_sends() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.bea);
    let integration = scene.world.add_web_integration(&scene.acme, "Portal", [ORIGIN]);
    let session = through_integration(&scene, &integration).await;
    let tenant = scene.qlik.with_session(&scene.host, Arc::clone(&session));
    let cookies = || session.cookie_header("/", scene.world.now()).unwrap().expose().to_owned();
    let before = cookies();
    tenant.engine_version(&id, Some(ORIGIN)).await.unwrap();
    assert_ne!(before, cookies(), "cookies that the answer renews are taken up");
    let knock = knocks(&scene).pop().unwrap();
    assert_eq!((knock.auth, knock.user), (AuthKind::Session, Some(scene.bea.id.clone())));
    assert_eq!(
        (knock.origin.as_deref(), knock.web_integration_id.as_deref()),
        (Some(ORIGIN), Some(&*integration))
    );
    assert!(knock.headers.contains(&"qlik-csrf-token".to_owned()));
    let query = format!("qlik-csrf-token=***&qlik-web-integration-id={integration}");
    assert_eq!(knock.query, Some(query));
}

#[tokio::test]
async fn an_origin_that_is_not_listed_is_forbidden() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.bea);
    let integration = scene.world.add_web_integration(&scene.acme, "Portal", [ORIGIN]);
    let session = through_integration(&scene, &integration).await;
    let tenant = scene.qlik.with_session(&scene.host, session);
    let error = tenant.engine_version(&id, Some("https://stranger.example")).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Forbidden, Some(403)));
    let error = tenant.engine_version(&id, Some("https://line\nbreak")).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::BadRequest, false));
    assert_eq!(knocks(&scene).len(), 1, "what can't be sent is not");
}

#[tokio::test]
async fn a_stale_csrf_token_is_replaced_once() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.bea);
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.bea).await);
    scene.world.rotate_csrf(&scene.acme);
    scene.world.clear_log();
    tenant.engine_version(&id, None).await.unwrap();
    let path = format!("GET /app/{id}");
    assert_eq!(
        scene.asked(),
        [format!("{path} 403"), "GET /api/v1/csrf-token 204".to_owned(), format!("{path} 101")]
    );

    let effect = Effect::Status { status: 403, code: "CSRF-TOKEN-2".into(), title: "no".into(), body: None };
    strike(&scene, effect);
    scene.world.clear_log();
    let error = tenant.engine_version(&id, None).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Csrf, Some(403)));
    assert_eq!(scene.world.log().len(), 3);
}

#[tokio::test]
async fn a_session_that_ended_is_unauthorized_and_tells_no_other_host_its_secrets() {
    let scene = Scene::new().await;
    let id = app(&scene, &scene.bea);
    let session = scene.session(&scene.bea).await;
    let permanent: TenantHost = scene.acme.permanent_host.parse().unwrap();
    let elsewhere = scene.qlik.with_session(&permanent, Arc::clone(&session));
    assert_eq!(elsewhere.engine_version(&id, None).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    let knock = knocks(&scene).pop().unwrap();
    assert_eq!((knock.auth, knock.query), (AuthKind::None, None));
    assert!(!knock.headers.contains(&"qlik-csrf-token".to_owned()));

    scene.world.end_sessions(&scene.acme);
    let tenant = scene.qlik.with_session(&scene.host, session);
    assert_eq!(tenant.engine_version(&id, None).await.unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn an_app_of_others_and_an_app_that_is_not_there_are_told_apart() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    for (id, kind, code, reason) in [
        (app(&scene, &scene.bea), ErrorKind::Forbidden, 4203, "QEP-103"),
        ("nothing/here?".to_owned(), ErrorKind::NotFound, 4204, "QEP-104"),
    ] {
        let error = tenant.engine_version(&id, None).await.unwrap_err();
        assert_eq!((error.kind(), error.close_code(), error.status()), (kind, Some(code), None));
        assert_eq!((error.code(), error.trace_id().map(str::len)), (Some(reason), Some(32)));
        assert!(!error.is_transient());
    }
}
