//! Lists that try to lead astray.

use qlik::{ApiKeyQuery, AppQuery, ErrorKind};
use sandbox::{Effect, Fault, NewApp};

use crate::scene::Scene;

fn body(text: String) -> Effect {
    Effect::Status { status: 200, code: String::new(), title: String::new(), body: Some(text) }
}

#[tokio::test]
async fn a_link_to_another_host_is_refused_and_not_followed() {
    let scene = Scene::new().await;
    for n in 0..3 {
        let app = NewApp { name: format!("{n}"), owner: scene.ada.id.clone(), ..NewApp::default() };
        scene.world.add_app(&scene.acme, app);
    }
    let tenant = scene.tenant(&scene.ada);
    let host = "evil.example".to_owned();
    scene.world.add_fault(Fault::new("/api/v1/items", Effect::ForeignLinks { host }));
    let query = AppQuery { limit: 2, ..AppQuery::default() };
    let error = tenant.apps_page(&query).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LinkLeavesTenant);
    assert_eq!(scene.world.log().len(), 1);
}

#[tokio::test]
async fn links_that_are_null_missing_or_relative_are_fine() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    for links in [r#","links":{"next":{"href":null},"prev":null}"#, r#","links":{}"#, "", r#","links":null"#]
    {
        scene.world.add_fault(Fault::new("/api/v1/items", body(format!(r#"{{"data":[]{links}}}"#))).once());
        let page = tenant.apps_page(&AppQuery::default()).await.unwrap();
        assert_eq!((page.next, page.prev), (None, None), "{links}");
    }
    let relative = r#"{"data":[],"links":{"next":{"href":"/api/v1/items?next=abc"}}}"#;
    scene.world.add_fault(Fault::new("/api/v1/items", body(relative.into())).once());
    assert_eq!(tenant.apps_page(&AppQuery::default()).await.unwrap().next.as_deref(), Some("next=abc"));
}

#[tokio::test]
async fn pages_that_go_in_a_circle_or_never_end_are_given_up() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    let circle = r#"{"data":[],"links":{"next":{"href":"/api/v1/api-keys?startingAfter=a"}}}"#;
    scene.world.add_fault(Fault::new("/api/v1/api-keys", body(circle.into())).times(5));
    let error = tenant.api_keys(&ApiKeyQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadBody);
    assert_eq!(scene.world.log().len(), 2);

    scene.world.clear_faults();
    scene.world.clear_log();
    for n in 0..60 {
        let on = format!(r#"{{"data":[],"links":{{"next":{{"href":"?startingAfter=a{n}"}}}}}}"#);
        scene.world.add_fault(Fault::new("/api/v1/api-keys", body(on)).once());
    }
    let error = tenant.api_keys(&ApiKeyQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadBody);
    assert_eq!(scene.world.log().len(), 50);
}

#[tokio::test]
async fn a_link_without_a_cursor_does_not_start_again() {
    let scene = Scene::new().await;
    let link = r#"{"data":[],"links":{"next":{"href":"/api/v1/api-keys"}}}"#;
    scene.world.add_fault(Fault::new("/api/v1/api-keys", body(link.into())));
    let error = scene.tenant(&scene.ada).api_keys(&ApiKeyQuery::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadBody);
}

#[tokio::test]
async fn what_is_no_cursor_is_not_sent() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    for cursor in ["", "x", "resourceType=user", "next="] {
        let query = AppQuery { cursor: Some(cursor.into()), ..AppQuery::default() };
        assert_eq!(tenant.apps_page(&query).await.unwrap_err().kind(), ErrorKind::BadRequest, "{cursor}");
    }
    assert!(scene.world.log().is_empty());
}
