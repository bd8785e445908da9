//! What every page must be, whatever it shows: each control has a label, each
//! description is there, each form posts the fields that its server function takes.

use std::collections::BTreeSet;

use crate::house::{House, Visitor, markup::Page};
use app::{
    api::{people, profile, users},
    error::AppError,
};
use axum::http::StatusCode;
use backend::people::Caller;
use leptos::server_fn::ServerFn;

/// Every page that the owner sees, with a second person in the portal.
async fn pages_of_owner() -> (House, Visitor, Vec<String>) {
    let (house, mut ada) = House::with_owner().await;
    let added = [("email", "bo@acme.example"), ("name", "Bo & <Co>"), ("role", "user")];
    ada.post(users::AddUser::PATH, &added).await;
    let me = house.services.list_users(&house_owner(&house).await).await.unwrap();
    let bo = me.iter().find(|u| u.name == "Bo & <Co>").unwrap().id.clone();
    let paths = [
        "/apps",
        "/profile",
        "/logout",
        "/admin/users",
        "/admin/users/matching",
        "/admin/audit",
        "/admin/settings",
        "/admin/settings/disconnect",
        "/admin/settings/renewals",
        "/admin/settings/signing-key",
        "/admin/settings/signing-key/retire",
        "/admin/notifications",
        "/admin/guide",
        "/admin/settings/identity-provider",
        "/nothing/here",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(["", "/disable", "/remove"].map(|end| format!("/admin/users/{bo}{end}")))
    .collect();
    (house, ada, paths)
}

async fn house_owner(house: &House) -> backend::Actor {
    let portal = house.services.portal_by_host("acme.portal.example").await.unwrap().unwrap();
    let sign_in = house.services.sign_in(
        &portal,
        "ada@acme.example",
        "correct horse battery".to_owned().into(),
        Caller::default(),
    );
    sign_in.await.unwrap()
}

/// Every page, each with the name that it is asked for under.
async fn every_page() -> Vec<(String, Page, String)> {
    let mut all = Vec::new();
    let fresh = House::new().await;
    let answer = fresh.visitor().visit("/").await;
    all.push(("set-up".to_owned(), answer.page(), answer.text));
    let answer = fresh.visitor().submit(people::SetUp::PATH, &[]).await;
    all.push(("set-up with errors".to_owned(), answer.page(), answer.text));

    let (house, mut ada, paths) = pages_of_owner().await;
    for path in paths {
        let answer = ada.visit(&path).await;
        all.push((path, answer.page(), answer.text));
    }
    for (name, path, fields) in [
        ("users with errors", users::AddUser::PATH, &[("email", "no"), ("role", "king")][..]),
        ("profile with errors", profile::ChangePassword::PATH, &[("new_password", "short")]),
    ] {
        let answer = ada.submit(path, fields).await;
        all.push((name.to_owned(), answer.page(), answer.text));
    }
    for path in ["/setup", "/login?next=/admin/users", "/join?token=none"] {
        let answer = house.visitor().visit(path).await;
        all.push((path.to_owned(), answer.page(), answer.text));
    }
    let me = house_owner(&house).await;
    let bo =
        house.services.list_users(&me).await.unwrap().into_iter().find(|u| u.name.starts_with("Bo")).unwrap();
    let invitation = house.services.new_invitation(&me, &bo.id).await.unwrap();
    let join = app::routes::join(secrecy::ExposeSecret::expose_secret(&invitation.token));
    let answer = house.visitor().visit(&join).await;
    all.push(("join".to_owned(), answer.page(), answer.text));
    let answer = house
        .visitor()
        .submit(people::SignIn::PATH, &[("email", "x@y.example"), ("password", "wrong")])
        .await;
    all.push(("login with errors".to_owned(), answer.page(), answer.text));
    all
}

#[tokio::test]
async fn every_control_of_every_page_has_a_label_and_what_describes_it_is_there() {
    for (name, page, _) in every_page().await {
        for control in page.0.iter().filter(|e| ["input", "select", "textarea"].contains(&e.tag.as_str())) {
            if control.attr("type") == Some("hidden") || control.attr("hidden").is_some() {
                continue;
            }
            let labelled = match control.attr("id") {
                Some(id) => page.all("label").any(|l| l.attr("for") == Some(id) && !l.text.trim().is_empty()),
                None => page.inside(control, "label").is_some(),
            };
            assert!(labelled, "{name}: {control:?}");
            assert_eq!(
                control.attr("aria-invalid").is_some(),
                described_by_error(control),
                "{name}: {control:?}"
            );
        }
        for label in page.all("label").filter(|l| l.attr("for").is_some()) {
            assert!(page.by_id(label.attr("for").unwrap()).is_some(), "{name}: {label:?}");
        }
        for pointer in ["aria-describedby", "aria-labelledby"] {
            for id in page.0.iter().filter_map(|e| e.attr(pointer)).flat_map(str::split_whitespace) {
                assert!(page.by_id(id).is_some(), "{name}: {pointer} {id}");
            }
        }
    }
}

fn described_by_error(control: &crate::house::markup::Element) -> bool {
    control.attr("aria-describedby").is_some_and(|ids| ids.ends_with("-error"))
}

#[tokio::test]
async fn every_page_has_one_heading_a_title_unique_ids_and_buttons_with_words() {
    for (name, page, html) in every_page().await {
        assert!(!page.one("h1").text.trim().is_empty(), "{name}");
        assert_eq!(page.one("html").attr("lang"), Some("en"));
        assert_eq!(page.one("main").attr("id"), Some("main"), "{name}");
        let title = &page.one("title").text;
        assert!(title.contains(page.one("h1").text.trim()), "{name}: {title}");
        let ids: Vec<_> = page.0.iter().filter_map(|e| e.attr("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{name}: {ids:?}");
        for button in page.all("button").chain(page.all("a")) {
            assert!(!button.text.trim().is_empty(), "{name}: {button:?}");
        }
        assert!(
            page.0.iter().all(|e| e.attr("style").is_none()),
            "{name}: an inline style, which the policy forbids"
        );
        assert!(!html.contains("<Co>"), "{name}: a person's name is markup");
        for link in page.all("a").filter_map(|a| a.attr("href")).filter(|h| h.starts_with('#')) {
            assert!(page.by_id(&link[1..]).is_some(), "{name}: {link} leads nowhere");
        }
    }
}

#[tokio::test]
async fn the_heading_levels_of_every_page_leave_none_out() {
    for (name, page, _) in every_page().await {
        let mut last = 0;
        for level in page.0.iter().filter_map(|e| ["h1", "h2", "h3"].iter().position(|h| *h == e.tag)) {
            assert!(level <= last + 1, "{name}: h{}", level + 1);
            last = level;
        }
    }
}

#[tokio::test]
async fn every_form_posts_what_its_server_function_takes() {
    let functions = [
        taken::<people::SetUp>("code portal_name name email password"),
        taken::<people::SignIn>("email password next"),
        taken::<people::SignOut>(""),
        taken::<people::Join>("token password"),
        taken::<profile::Rename>("name"),
        taken::<profile::ChangePassword>("current_password new_password"),
        taken::<users::AddUser>("email name role"),
        taken::<users::NewLink>("user"),
        taken::<users::SetRole>("user role"),
        taken::<users::DisableUser>("user"),
        taken::<users::EnableUser>("user"),
        taken::<users::RemoveUser>("user"),
    ];
    let mut seen = BTreeSet::new();
    for (name, page, _) in every_page().await {
        for form in page.all("form").filter(|f| f.attr("method") == Some("post")) {
            let action = form.attr("action").unwrap();
            let Some((_, fields)) = functions.iter().find(|(path, _)| *path == action) else { continue };
            seen.insert(action.to_owned());
            let posted: BTreeSet<_> = page
                .0
                .iter()
                .filter(|e| e.attr("name").is_some() && e.tag != "meta" && same(page.inside(e, "form"), form))
                .map(|e| e.attr("name").unwrap().to_owned())
                .collect();
            assert_eq!(posted, *fields, "{name}: {action}");
        }
    }
    let not_shown = [users::EnableUser::PATH];
    for (path, _) in &functions {
        assert!(seen.contains(*path) || not_shown.contains(path), "no page has a form for {path}");
    }
}

fn same(a: Option<&crate::house::markup::Element>, b: &crate::house::markup::Element) -> bool {
    a.is_some_and(|a| std::ptr::eq(a, b))
}

fn taken<F: ServerFn<Error = AppError>>(fields: &str) -> (&'static str, BTreeSet<String>) {
    (F::PATH, fields.split_whitespace().map(str::to_owned).collect())
}

#[tokio::test]
async fn every_page_carries_its_policy_and_is_kept_by_nobody() {
    let (_house, mut ada, paths) = pages_of_owner().await;
    for path in paths {
        let answer = ada.visit(&path).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        let page = answer.page();
        let nonces: BTreeSet<_> = page.all("script").map(|s| s.attr("nonce").unwrap()).collect();
        assert_eq!(nonces.len(), 1, "{path}");
        assert!(policy.contains(&format!("'nonce-{}'", nonces.first().unwrap())), "{path}: {policy}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let wanted = if path == "/nothing/here" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(answer.status, wanted, "{path}");
    }
}
