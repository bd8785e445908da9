//! Tenants, users, roles, items and spaces.

use reqwest::{Method, StatusCode};
use sandbox::{NewApp, NewUser};
use serde_json::{Value, json};

use crate::support::{Acme, HOST, acme, code, send, status};

fn encode(filter: &str) -> String {
    url::form_urlencoded::byte_serialize(filter.as_bytes()).collect()
}

#[tokio::test]
async fn me_redirects_to_the_resource_on_the_same_host() {
    let acme = acme().await;
    for (path, target) in [
        ("/api/v1/users/me", format!("https://{HOST}/api/v1/users/{}", acme.ada.id)),
        ("/api/v1/tenants/me", format!("https://{HOST}/api/v1/tenants/{}", acme.tenant.id)),
    ] {
        let response = acme.ada(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(response.headers()["location"], target);
        let (status, body) = send(acme.http.get(&target).bearer_auth(&acme.ada_key.1)).await;
        assert_eq!(status, StatusCode::OK);
        assert!(target.ends_with(body["id"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_tenant_lists_its_permanent_hostname_first_and_serves_both() {
    let acme = acme().await;
    let path = format!("/api/v1/tenants/{}", acme.tenant.id);
    let (_, body) = send(acme.ada(Method::GET, &path)).await;
    assert_eq!(body["hostnames"], json!([acme.tenant.permanent_host, HOST]));
    assert_eq!(body["region"], "eu");
    let permanent = acme.http.get(format!("https://{}{path}", acme.tenant.permanent_host.to_uppercase()));
    assert_eq!(status(permanent.bearer_auth(&acme.ada_key.1)).await, StatusCode::OK);
    assert_eq!(status(acme.ada(Method::GET, "/api/v1/tenants/another")).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn users_are_found_by_e_mail_whatever_its_case_and_only_if_qlik_knows_it() {
    let acme = acme().await;
    acme.world.add_user(&acme.tenant, NewUser::new("Bea@Acme.example"));
    acme.world.add_user(&acme.tenant, NewUser { email_hidden: true, ..NewUser::new("carl@acme.example") });
    let find = |email: &str| {
        let filter = encode(&format!(r#"email eq "{email}""#));
        send(acme.ada(Method::GET, &format!("/api/v1/users?filter={filter}")))
    };
    let (status, page) = find("bea@acme.EXAMPLE").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["data"][0]["email"], "Bea@Acme.example");
    let (_, page) = find("carl@acme.example").await;
    assert_eq!(page["data"], json!([]));
    let by_post = acme
        .ada(Method::POST, "/api/v1/users/actions/filter")
        .json(&json!({"filter": r#"assignedRoles.name eq "tenantadmin""#}));
    let (status, page) = send(by_post).await;
    assert_eq!((status, &page["data"][0]["id"]), (StatusCode::OK, &json!(acme.ada.id)));
}

#[tokio::test]
async fn a_filter_that_qlik_does_not_know_is_refused() {
    let acme = acme().await;
    let filter = encode(r#"email sw "a""#);
    let (status, body) = send(acme.ada(Method::GET, &format!("/api/v1/users?filter={filter}"))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["errors"][0]["status"], 400);
    assert!(body["traceId"].is_string());
}

#[tokio::test]
async fn users_page_both_ways_and_count() {
    let acme = acme().await;
    for n in 0..24 {
        acme.world.add_user(&acme.tenant, NewUser::new(format!("u{n:02}@acme.example")));
    }
    let mut emails: Vec<Value> = Vec::new();
    let mut next = Some(format!("https://{HOST}/api/v1/users?sort=email&limit=10&totalResults=true"));
    while let Some(href) = next {
        let (_, page) = send(acme.http.get(href).bearer_auth(&acme.ada_key.1)).await;
        assert_eq!(page["totalResults"], 25);
        emails.extend(page["data"].as_array().unwrap().iter().map(|u| u["email"].clone()));
        next = page["links"]["next"]["href"].as_str().map(str::to_owned);
    }
    assert_eq!(emails.len(), 25);
    assert_eq!((&emails[0], &emails[24]), (&json!("ada@acme.example"), &json!("u23@acme.example")));
    let (_, count) = send(acme.ada(Method::GET, "/api/v1/users/actions/count")).await;
    assert_eq!(count["total"], 25);
}

#[tokio::test]
async fn reading_users_takes_an_admin_or_the_right_to_it_but_everyone_reads_himself() {
    let acme = acme().await;
    let (bea, token) = acme.user_with_key("bea@acme.example");
    let ask = |path: String| acme.ask(Method::GET, &path).bearer_auth(&token);
    assert_eq!(status(ask("/api/v1/users".into())).await, StatusCode::FORBIDDEN);
    let (own, body) = send(ask(format!("/api/v1/users/{}", bea.id))).await;
    assert_eq!((own, &body["assignedScopes"]), (StatusCode::OK, &json!(["api-keys"])));
    let hers = format!("/api/v1/users/{}", acme.ada.id);
    assert_eq!(status(ask(hers.clone())).await, StatusCode::FORBIDDEN);
    acme.world.set_may_read_users(&bea, true);
    let (other, body) = send(ask(hers)).await;
    assert_eq!(other, StatusCode::OK);
    assert_eq!(body.get("assignedRoles"), None, "roles of others are for admins");
    let (status, body) = send(acme.ada(Method::GET, "/api/v1/users/nobody")).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "USERS-7"));
}

#[tokio::test]
async fn roles_are_unspaced_and_know_no_developer() {
    let acme = acme().await;
    let (_, body) = send(acme.ada(Method::GET, "/api/v1/roles?limit=100")).await;
    let names: Vec<_> = body["data"].as_array().unwrap().iter().map(|r| r["name"].clone()).collect();
    assert!(names.contains(&json!("TenantAdmin")));
    assert!(!names.contains(&json!("Developer")));
}

fn add_apps(acme: &Acme, owner: &str, others: &str) -> String {
    let space = acme.world.add_space(&acme.tenant, "Finance", "managed");
    acme.world.set_space_members(&space, [owner]);
    let app = |name: &str, owner: &str, space: Option<&String>, readers: Vec<String>| {
        acme.world.add_app(
            &acme.tenant,
            NewApp {
                name: name.into(),
                owner: owner.into(),
                space: space.cloned(),
                readers,
                ..NewApp::default()
            },
        );
    };
    app("Own", owner, None, vec![]);
    app("In my space", others, Some(&space), vec![]);
    app("Shared with me", others, None, vec![owner.into()]);
    app("Not mine", others, None, vec![]);
    space
}

#[tokio::test]
async fn a_user_lists_the_apps_he_has_access_to_and_an_admin_all() {
    let acme = acme().await;
    let (bea, token) = acme.user_with_key("bea@acme.example");
    let space = add_apps(&acme, &bea.id, &acme.ada.id);
    let names = |path: &str| {
        let request = acme.ask(Method::GET, path).bearer_auth(&token);
        async move {
            let (status, page) = send(request).await;
            assert_eq!(status, StatusCode::OK);
            let names: Vec<_> = page["data"].as_array().unwrap().iter().map(|i| i["name"].clone()).collect();
            Value::from(names)
        }
    };
    let all = "/api/v1/items?resourceType=app&sort=-name&noActions=true";
    assert_eq!(names(all).await, json!(["Shared with me", "Own", "In my space"]));
    assert_eq!(names(&format!("{all}&query=SHARED")).await, json!(["Shared with me"]));
    assert_eq!(names(&format!("{all}&spaceId={space}")).await, json!(["In my space"]));
    assert_eq!(names(&format!("{all}&spaceId=personal")).await, json!(["Shared with me", "Own"]));
    assert_eq!(names(&format!("{all}&spaceType=managed")).await, json!(["In my space"]));
    assert_eq!(names("/api/v1/items?resourceType=note").await, json!([]));
    let (_, page) = send(acme.ada(Method::GET, "/api/v1/items?resourceType=app")).await;
    assert_eq!(page["data"].as_array().unwrap().len(), 4);
    assert_eq!(page["links"]["next"]["href"], Value::Null, "no more is said by null here");
    let item = &page["data"][0];
    assert_eq!(
        item["links"]["open"]["href"],
        format!("https://{HOST}/sense/app/{}", item["resourceId"].as_str().unwrap())
    );
    let (_, spaces) = send(acme.ask(Method::GET, "/api/v1/spaces").bearer_auth(&token)).await;
    assert_eq!(spaces["data"][0]["id"], space);
}

#[tokio::test]
async fn an_app_id_needs_its_kind_and_bad_sorts_are_refused() {
    let acme = acme().await;
    for query in ["resourceId=x", "sort=size", "limit=0", "next=zzz"] {
        let (status, body) = send(acme.ada(Method::GET, &format!("/api/v1/items?{query}"))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(body["errors"][0]["meta"]["temporary"], false);
    }
}
