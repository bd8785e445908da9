//! Every call with a bearer token that is no API key by its type. The sandbox takes
//! its own keys as bearer tokens, which is all that matters on the line.

use std::sync::Arc;

use qlik::{AccessToken, AppQuery, ErrorKind, Tenant};
use sandbox::AuthKind;

use crate::engine;
use crate::scene::Scene;

impl Scene {
    fn bearer(&self, token: &str, user: &str) -> Tenant {
        self.qlik.with_bearer(&self.host, Arc::new(AccessToken::new(token)), user)
    }
}

#[tokio::test]
async fn a_bearer_token_acts_for_its_user_in_reads_changes_and_at_the_engine() {
    let scene = Scene::new().await;
    let app = engine::app(&scene, &scene.ada);
    let (_, key) = scene.key(&scene.ada);
    let tenant = scene.bearer(key.expose(), &scene.ada.id);
    assert_eq!(tenant.user_me().await.unwrap().id, scene.ada.id);
    assert_eq!(tenant.apps_page(&AppQuery::default()).await.unwrap().data.len(), 1);
    let made = tenant.create_web_integration("w", &["https://portal.example".to_owned()]).await.unwrap();
    tenant.delete_web_integration(&made.id).await.unwrap();
    tenant.engine_version(&app, Some("https://portal.example")).await.unwrap();
    assert!(scene.world.log().iter().all(|entry| entry.auth == AuthKind::Bearer));
    assert!(!format!("{tenant:?}").contains(key.expose()));
}

#[tokio::test]
async fn a_bearer_token_that_does_not_work_is_refused_as_a_key_is() {
    let scene = Scene::new().await;
    for token in ["opaque-and-unknown", "not a\nheader"] {
        let error = scene.bearer(token, "u1").user_me().await.unwrap_err();
        let wanted = if token.contains('\n') { ErrorKind::BadRequest } else { ErrorKind::Unauthorized };
        assert_eq!(error.kind(), wanted);
        assert!(!format!("{error} {error:?}").contains(token));
    }
}
