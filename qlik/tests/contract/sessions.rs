//! Using a session: CSRF, cookies, its end.

use std::sync::Arc;

use qlik::{ErrorKind, QlikSession, SessionCache, SessionLimits, TenantHost};
use sandbox::{AuthKind, Effect, Fault};

use crate::scene::Scene;

#[tokio::test]
async fn a_stale_csrf_token_is_replaced_once_and_the_change_made_once() {
    let scene = Scene::new().await;
    let session = scene.session(&scene.ada).await;
    let tenant = scene.qlik.with_session(&scene.host, Arc::clone(&session));
    scene.world.rotate_csrf(&scene.acme);
    scene.world.clear_log();
    tenant.create_web_integration("w", &[]).await.unwrap();
    assert_eq!(
        scene.asked(),
        [
            "POST /api/v1/web-integrations 403",
            "GET /api/v1/csrf-token 204",
            "POST /api/v1/web-integrations 201",
        ]
    );
    scene.world.clear_log();
    tenant.create_web_integration("w2", &[]).await.unwrap();
    assert_eq!(scene.asked().len(), 1, "the new token is kept");
}

#[tokio::test]
async fn a_csrf_token_that_is_refused_again_is_an_error_of_its_own() {
    let scene = Scene::new().await;
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.ada).await);
    let effect = Effect::Status { status: 403, code: "CSRF-TOKEN-2".into(), title: "no".into(), body: None };
    scene.world.add_fault(Fault::new("/api/v1/web-integrations", effect));
    scene.world.clear_log();
    let error = tenant.create_web_integration("w", &[]).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Csrf, Some(403)));
    assert!(!error.may_have_happened());
    assert_eq!(scene.world.log().len(), 3);
}

#[tokio::test]
async fn any_other_refusal_is_not_repeated() {
    let scene = Scene::new().await;
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.bea).await);
    scene.world.clear_log();
    let error = tenant.create_web_integration("w", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(scene.world.log().len(), 1);
}

#[tokio::test]
async fn cookies_that_answers_renew_are_taken_up() {
    let scene = Scene::new().await;
    let session = scene.session(&scene.bea).await;
    let cookies = || session.cookie_header("/", scene.world.now()).unwrap().expose().to_owned();
    let before = cookies();
    scene.qlik.with_session(&scene.host, Arc::clone(&session)).user_me().await.unwrap();
    assert_ne!(before, cookies());
    assert_eq!(before.matches("AWSALB=").count(), 1);
    assert_eq!(cookies().matches("AWSALB=").count(), 1, "renewed, not added");
}

#[tokio::test]
async fn a_stored_session_goes_on_working() {
    let scene = Scene::new().await;
    let session = scene.session(&scene.ada).await;
    let back = QlikSession::from_json(&session.expose_json()).unwrap();
    let tenant = scene.qlik.with_session(&scene.host, Arc::new(back));
    assert_eq!(tenant.user_me().await.unwrap().id, scene.ada.id);
    tenant.create_web_integration("w", &[]).await.unwrap();
}

#[tokio::test]
async fn a_session_that_ended_is_unauthorized() {
    let scene = Scene::new().await;
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.bea).await);
    scene.world.end_sessions(&scene.acme);
    assert_eq!(tenant.user_me().await.unwrap_err().kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn cookies_are_not_sent_to_another_host() {
    let scene = Scene::new().await;
    let session = scene.session(&scene.bea).await;
    let permanent: TenantHost = scene.acme.permanent_host.parse().unwrap();
    let error = scene.qlik.with_session(&permanent, session).user_me().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(scene.world.log().pop().unwrap().auth, AuthKind::None);
}

#[tokio::test]
async fn logging_out_ends_the_session_at_qlik() {
    let scene = Scene::new().await;
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.bea).await);
    tenant.logout().await.unwrap();
    assert!(scene.world.sessions(&scene.acme).is_empty());
    assert_eq!(scene.asked().pop().unwrap(), "GET /logout 302", "and is not sent on to the login");

    let location = "https://login.qlik.com/".to_owned();
    scene.world.add_fault(Fault::new("/logout", Effect::Redirect { location }));
    tenant.logout().await.unwrap();
}

#[tokio::test]
async fn a_key_needs_no_csrf_token() {
    let scene = Scene::new().await;
    assert!(scene.tenant(&scene.ada).csrf_token().await.unwrap().is_none());
}

#[tokio::test]
async fn fifty_requests_of_one_user_share_one_login_and_a_refusal_renews_it_once() {
    let scene = Scene::new().await;
    let cache = SessionCache::new(Arc::clone(scene.qlik.clock()), SessionLimits::default(), 100);
    let identity = scene.trusted_identity();
    let open = || async {
        let token = scene.token(&identity, &scene.bea);
        let login = qlik::JwtLogin { host: &scene.host, token, web_integration_id: None, origin: None };
        scene.qlik.login_jwt(login).await
    };
    let logins = || scene.world.jwt_used_jtis().len();
    let ask = || async {
        let session = cache.get("acme/bea", open).await.unwrap();
        let tenant = scene.qlik.with_session(&scene.host, Arc::clone(&session));
        match tenant.user_me().await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                cache.invalidate("acme/bea", &session).await;
                let again = cache.get("acme/bea", open).await.unwrap();
                scene.qlik.with_session(&scene.host, again).user_me().await
            }
            other => other,
        }
    };
    let all = futures::future::join_all((0..50).map(|_| ask())).await;
    assert!(all.iter().all(|user| user.as_ref().unwrap().id == scene.bea.id));
    assert_eq!(logins(), 1);

    scene.world.end_sessions(&scene.acme);
    let all = futures::future::join_all((0..50).map(|_| ask())).await;
    assert!(all.iter().all(|user| user.as_ref().unwrap().id == scene.bea.id));
    assert_eq!(logins(), 2);
}
