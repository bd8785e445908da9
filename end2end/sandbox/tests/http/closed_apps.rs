//! Apps that a Tenant Admin is shown and may not open.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use sandbox::{NewApp, NewUser};
use serde_json::{Value, json};

use crate::control::{control, post};
use crate::engine::{closed, handshake, read, socket};
use crate::support::{Acme, acme, noon, send, status};

const NEWEST: &str = "/api/v1/items?resourceType=app&sort=-updatedAt&limit=100&noActions=true";

async fn names(acme: &Acme) -> Vec<Value> {
    let (status, page) = send(acme.ada(Method::GET, NEWEST)).await;
    assert_eq!(status, StatusCode::OK);
    page["data"].as_array().unwrap().iter().map(|item| item["name"].clone()).collect()
}

fn own_app(acme: &Acme) -> String {
    let new = NewApp { name: "Own".into(), owner: acme.ada.id.clone(), ..NewApp::default() };
    acme.world.add_app(&acme.tenant, new)
}

#[tokio::test]
async fn an_admin_is_shown_a_closed_app_first_and_may_not_open_it_until_the_space_has_them() {
    let acme = acme().await;
    let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
    own_app(&acme);
    let (app, space) = acme.world.add_closed_app(&acme.tenant, &bea, "Board figures");
    own_app(&acme);
    assert_eq!(names(&acme).await, [json!("Board figures"), json!("Own"), json!("Own")]);
    let (_, page) = send(acme.ada(Method::GET, &format!("/api/v1/items?spaceId={space}"))).await;
    assert_eq!((&page["data"][0]["resourceId"], &page["data"][0]["ownerId"]), (&json!(app), &json!(bea.id)));
    let (_, found) = send(acme.ada(Method::GET, &format!("/api/v1/spaces/{space}"))).await;
    assert_eq!((&found["type"], &found["meta"]["roles"]), (&json!("managed"), &json!([])));
    let knock = || handshake(&acme, &format!("/app/{app}")).bearer_auth(&acme.ada_key.1).send();
    let frame = closed(&mut socket(knock().await.unwrap()).await).await;
    let reason: Value = serde_json::from_str(&frame.reason).unwrap();
    assert_eq!((u16::from(frame.code), &reason["code"]), (4203, &json!("QEP-103")));
    assert_eq!(reason["traceId"].as_str().unwrap().len(), 32);
    acme.world.set_space_members(&space, [&acme.ada]);
    assert_eq!(read(&mut socket(knock().await.unwrap()).await).await["method"], "OnConnected");
}

#[tokio::test]
async fn several_closed_apps_all_come_before_the_others_and_who_is_no_member_sees_none() {
    let acme = acme().await;
    let (bea, token) = acme.user_with_key("bea@acme.example");
    let carl = acme.world.add_user(&acme.tenant, NewUser::new("carl@acme.example"));
    own_app(&acme);
    for name in ["First", "Second", "Third"] {
        acme.world.add_closed_app(&acme.tenant, &carl, name);
    }
    let tomorrow = Some(noon() + SignedDuration::from_hours(24));
    let ahead = NewApp {
        name: "Ahead".into(),
        owner: acme.ada.id.clone(),
        updated_at: tomorrow,
        ..NewApp::default()
    };
    acme.world.add_app(&acme.tenant, ahead);
    acme.world.add_closed_app(&acme.tenant, &carl, "Fourth");
    assert_eq!(names(&acme).await, ["Fourth", "Ahead", "Third", "Second", "First", "Own"].map(Value::from));
    let (_, page) = send(acme.ask(Method::GET, NEWEST).bearer_auth(token)).await;
    assert_eq!(page["data"], json!([]), "{} is no administrator", bea.email);
}

#[tokio::test]
async fn a_closed_app_is_made_and_opened_from_outside() {
    let acme = acme().await;
    let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
    own_app(&acme);
    let new = json!({"tenant": acme.tenant.id, "owner": bea.id, "name": "Board figures"});
    let made = post(&acme, "/closed-apps", new).await;
    assert_eq!(names(&acme).await[0], "Board figures");
    let path = format!("/app/{}", made["id"].as_str().unwrap());
    let knock = || handshake(&acme, &path).bearer_auth(&acme.ada_key.1).send();
    assert_eq!(u16::from(closed(&mut socket(knock().await.unwrap()).await).await.code), 4203);
    let space = format!("/spaces/{}", made["space"].as_str().unwrap());
    let members = Some(json!({"members": [acme.ada.id]}));
    assert_eq!(control(&acme.sandbox, Method::PATCH, &space, members.clone()).await.0, StatusCode::OK);
    assert_eq!(read(&mut socket(knock().await.unwrap()).await).await["method"], "OnConnected");
    let nowhere = control(&acme.sandbox, Method::PATCH, "/spaces/none", members).await.0;
    assert_eq!(nowhere, StatusCode::NOT_FOUND);
    assert_eq!(status(acme.ada(Method::GET, "/api/v1/items")).await, StatusCode::OK);
}
