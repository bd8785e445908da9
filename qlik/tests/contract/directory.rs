//! Tenant, users, apps and spaces.

use qlik::{AppQuery, AppSort, ErrorKind, UserStatus};
use sandbox::{Effect, Fault, NewApp, NewUser};

use crate::scene::Scene;

#[tokio::test]
async fn the_tenant_tells_its_names_the_permanent_one_first() {
    let scene = Scene::new().await;
    let info = scene.tenant(&scene.ada).tenant_me().await.unwrap();
    assert_eq!(info.id, scene.acme.id);
    assert_eq!(info.hostnames, [scene.acme.permanent_host.clone(), scene.acme.alias_host.clone()]);
    // Found by a redirect, with the key sent again at the same host.
    let last = scene.world.log().pop().unwrap();
    assert_eq!(last.path, format!("/api/v1/tenants/{}", scene.acme.id));
    assert!(last.key.is_some());
}

#[tokio::test]
async fn a_redirect_to_another_name_of_the_tenant_is_followed_once_the_tenant_has_told_it() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    let location = format!("https://{}/api/v1/users/{}", scene.acme.permanent_host, scene.ada.id);
    let fault = || Fault::new("/api/v1/users/me", Effect::Redirect { location: location.clone() });

    scene.world.add_fault(fault());
    let error = tenant.user_me().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RedirectLeavesTenant);
    tenant.tenant_me().await.unwrap();
    assert_eq!(tenant.user_me().await.unwrap().id, scene.ada.id);
    assert!(scene.world.log().iter().all(|e| e.host == scene.acme.alias_host), "always at the host asked");
}

#[tokio::test]
async fn redirects_without_end_end() {
    let scene = Scene::new().await;
    let location = "/api/v1/users/me".to_owned();
    scene.world.add_fault(Fault::new("/api/v1/users/me", Effect::Redirect { location }));
    let error = scene.tenant(&scene.ada).user_me().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedStatus(302));
    assert_eq!(scene.world.log().len(), 6);
}

#[tokio::test]
async fn the_callers_own_user_is_read_with_roles() {
    let scene = Scene::new().await;
    let ada = scene.tenant(&scene.ada).user_me().await.unwrap();
    assert!(ada.is_tenant_admin());
    assert_eq!(ada.status, UserStatus::Active);
    assert_eq!((ada.subject.as_str(), ada.name.as_str()), (scene.ada.subject.as_str(), "Ada"));
    assert_eq!(ada.email.as_deref(), Some("ada@acme.example"));
    scene.world.set_manage_api_keys(&scene.bea, true);
    assert!(!scene.tenant(&scene.bea).user_me().await.unwrap().is_tenant_admin());
}

#[tokio::test]
async fn whoever_a_person_may_be_is_found_by_one_request() {
    let scene = Scene::new().await;
    let named = |name: &str, user: NewUser| NewUser { name: name.to_owned(), ..user };
    let add = |user| scene.world.add_user(&scene.acme, user).id;
    let mut wanted = vec![
        add(named("A", NewUser::new("Kim+reports@acme.example"))),
        add(named("B", NewUser::new("kim@acme.example"))),
        add(named(
            "C",
            NewUser { subject: Some("KIM+qlik@acme.example".into()), ..NewUser::new("c@acme.example") },
        )),
        add(named("kim LEE", NewUser { email_hidden: true, ..NewUser::new("d@acme.example") })),
    ];
    add(named("E", NewUser::new("kimberley@acme.example")));
    wanted.sort();
    scene.world.clear_log();
    let found = scene.tenant(&scene.ada).users_who_may_be("kim+qlik@acme.example", "Kim Lee").await.unwrap();
    let mut ids: Vec<String> = found.into_iter().map(|u| u.id).collect();
    ids.sort();
    assert_eq!(ids, wanted);
    assert_eq!(scene.world.log().len(), 1);
}

#[tokio::test]
async fn users_are_found_by_email_in_any_case_and_by_nothing_else() {
    let scene = Scene::new().await;
    let odd = "o\"br\\ien+x@acme.example";
    let twin = NewUser { status: sandbox::UserStatus::Disabled, ..NewUser::new("BEA@acme.example") };
    let twin = scene.world.add_user(&scene.acme, twin);
    let quoted = scene.world.add_user(&scene.acme, NewUser::new(odd));
    scene.world.add_user(&scene.acme, NewUser::new("bea@acme.example.org"));
    let tenant = scene.tenant(&scene.ada);
    let ids = async |email: &str| -> Vec<String> {
        tenant.users_by_email(email).await.unwrap().into_iter().map(|u| u.id).collect()
    };

    let mut both = ids("Bea@ACME.example").await;
    both.sort();
    let mut expected = [scene.bea.id.clone(), twin.id];
    expected.sort();
    assert_eq!(both, expected);
    assert_eq!(ids(odd).await, [quoted.id]);
    assert!(ids("nobody@acme.example").await.is_empty());
    assert!(ids("x\" or email co \"a").await.is_empty());
}

#[tokio::test]
async fn a_caller_who_may_not_read_users_is_told_so() {
    let scene = Scene::new().await;
    scene.world.set_manage_api_keys(&scene.bea, true);
    let error = scene.tenant(&scene.bea).users_by_email("ada@acme.example").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(!format!("{error} {error:?}").contains("ada@"), "no query in an error");
}

#[tokio::test]
async fn all_users_come_in_pages_forth_and_back() {
    let scene = Scene::new().await;
    for n in 0..5 {
        scene.world.add_user(&scene.acme, NewUser::new(format!("u{n}@acme.example")));
    }
    let tenant = scene.tenant(&scene.ada);
    let first = tenant.users_page(None, 3).await.unwrap();
    let second = tenant.users_page(first.next.as_deref(), 3).await.unwrap();
    let third = tenant.users_page(second.next.as_deref(), 3).await.unwrap();
    assert_eq!((first.data.len(), second.data.len(), third.data.len()), (3, 3, 1));
    assert_eq!((first.prev, third.next), (None, None));
    assert_eq!(tenant.users_page(second.prev.as_deref(), 3).await.unwrap().data, first.data);
    assert_eq!(tenant.user(&scene.bea.id).await.unwrap().name, "Bea");
}

fn add_apps(scene: &Scene) -> String {
    let space = scene.world.add_space(&scene.acme, "Sales", "shared");
    scene.world.set_space_members(&space, [&scene.bea]);
    for n in 0..25 {
        let in_space = n % 5 == 0;
        scene.world.add_app(
            &scene.acme,
            NewApp {
                name: format!("App {n:02}"),
                description: if n == 3 { "The third".into() } else { String::new() },
                owner: if in_space { scene.ada.id.clone() } else { scene.bea.id.clone() },
                space: in_space.then(|| space.clone()),
                reloaded_at: (n == 3).then(|| scene.world.now()),
                ..NewApp::default()
            },
        );
    }
    scene.world.add_app(
        &scene.acme,
        NewApp { name: "Ada's own".into(), owner: scene.ada.id.clone(), ..NewApp::default() },
    );
    space
}

#[tokio::test]
async fn a_user_sees_their_apps_page_by_page_and_nobody_elses() {
    let scene = Scene::new().await;
    let space = add_apps(&scene);
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.bea).await);
    let mut query = AppQuery { limit: 10, sort: AppSort::Name, ..AppQuery::default() };
    let mut apps = Vec::new();
    loop {
        let page = tenant.apps_page(&query).await.unwrap();
        apps.extend(page.data);
        let Some(next) = page.next else { break };
        query.cursor = Some(next);
    }
    let names: Vec<_> = apps.iter().map(|a| a.name.clone()).collect();
    assert_eq!(names, (0..25).map(|n| format!("App {n:02}")).collect::<Vec<_>>());
    let third = &apps[3];
    assert_eq!(third.description.as_deref(), Some("The third"));
    assert_eq!(third.reloaded_at, Some(scene.world.now()));
    assert_eq!(third.owner_id.as_ref(), Some(&scene.bea.id));
    assert_eq!(third.open_url, format!("https://{}/sense/app/{}", scene.host, third.resource_id));
    assert_eq!((apps[0].space_id.as_ref(), third.space_id.as_ref()), (Some(&space), None));
}

#[tokio::test]
async fn apps_are_searched_and_filtered() {
    let scene = Scene::new().await;
    let space = add_apps(&scene);
    let tenant = scene.qlik.with_session(&scene.host, scene.session(&scene.bea).await);
    let count = async |query: AppQuery| tenant.apps_page(&query).await.unwrap().data.len();
    let all = AppQuery { limit: 100, ..AppQuery::default() };
    assert_eq!(count(AppQuery { query: Some("THIRD".into()), ..all.clone() }).await, 1);
    assert_eq!(count(AppQuery { name: Some("app 1".into()), ..all.clone() }).await, 10);
    assert_eq!(count(AppQuery { space_id: Some(space), ..all.clone() }).await, 5);
    assert_eq!(count(AppQuery { space_id: Some("personal".into()), ..all.clone() }).await, 20);
    assert_eq!(count(AppQuery { limit: 0, ..all.clone() }).await, 1, "limits are brought into range");
    assert_eq!(count(AppQuery { limit: 5000, ..all }).await, 25);
}

#[tokio::test]
async fn spaces_are_listed() {
    let scene = Scene::new().await;
    add_apps(&scene);
    let spaces = scene.tenant(&scene.ada).spaces().await.unwrap();
    let seen: Vec<_> = spaces.iter().map(|s| (s.name.as_str(), s.kind.as_str())).collect();
    assert_eq!(seen, [("Sales", "shared")]);
}
