//! Who will match, without script: the page, its rows, its choices and its file.

use crate::{
    house::{House, Visitor, markup::Page},
    settings::Beside,
};
use app::{api::matching, ssr::matching::csv};
use axum::http::StatusCode;
use backend::{
    Actor, Role,
    matching::RowsQuery,
    people::{Caller, NewUser as NewPortalUser},
};
use futures::TryStreamExt as _;
use leptos::server_fn::ServerFn;
use sandbox::NewUser;

const PATH: &str = "/admin/users/matching";
const CREATE: &str = "Let Qlik create users that it lacks (each may use a licence)";
const REWRITE: &str = "Let Qlik give an existing user this portal’s subject";

async fn owner(house: &House) -> Actor {
    let portal = house.services.portal_by_host("acme.portal.example").await.unwrap().unwrap();
    let password = "correct horse battery".to_owned().into();
    house.services.sign_in(&portal, "ada@acme.example", password, Caller::default()).await.unwrap()
}

async fn add(it: &Beside, email: &str, name: &str) {
    let ada = owner(&it.house).await;
    let new = NewPortalUser { email: email.to_owned(), name: name.to_owned(), role: Role::User };
    it.house.services.add_user(&ada, new).await.unwrap();
}

/// Bea is known at Qlik, Carl has a plus there, Dora is unknown.
async fn compared() -> Beside {
    let mut it = Beside::connected().await;
    it.world.add_user(&it.tenant, NewUser::new("bea@acme.example"));
    it.world.add_user(&it.tenant, NewUser::new("carl+qlik@acme.example"));
    it.world.add_user(&it.tenant, NewUser { email_hidden: true, ..NewUser::new("x@acme.example") });
    for (email, name) in
        [("bea@acme.example", "Bea & <Co>"), ("carl@acme.example", "Carl"), ("dora@acme.example", "=Dora")]
    {
        add(&it, email, name).await;
    }
    it.ada.submit(matching::CompareUsers::PATH, &[]).await;
    it.house.services.compare_due(&|| false).await.unwrap();
    it
}

/// The rows of the table with that caption, cell by cell, one text each.
fn rows(page: &Page, caption: &str) -> Vec<String> {
    let region =
        page.0.iter().find(|e| e.attr("role") == Some("region") && e.attr("aria-label") == Some(caption));
    let region = region.unwrap_or_else(|| panic!("no table {caption}"));
    let inside = |e| page.inside(e, "div").is_some_and(|div| std::ptr::eq(div, region));
    page.all("tr")
        .filter(|tr| inside(tr) && page.inside(tr, "tbody").is_some())
        .map(|tr| tr.text.clone())
        .collect()
}

fn users(page: &Page) -> Vec<String> {
    rows(page, "Users and their verdicts")
}

#[tokio::test]
async fn the_page_and_its_forms_are_for_administrators_alone() {
    let (house, mut ada) = House::with_owner().await;
    let page = ada.visit(PATH).await.page();
    assert_eq!(page.one("h1").text, "Who will match");
    assert!(page.all("p").any(|p| p.text.contains("not connected to Qlik Cloud yet")));
    assert_eq!(house.visitor().visit(PATH).await.page().one("h1").text, "Sign in");
    let mut stranger = house.visitor();
    for path in [matching::CompareUsers::PATH, matching::AllowAtSignIn::PATH] {
        assert_eq!(stranger.call(path, &[]).await.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(ada.call(path, &[]).await.status, StatusCode::NOT_FOUND, "nothing is connected: {path}");
    }
    let user = Actor { role: Role::User, ..owner(&house).await };
    assert!(csv(house.services.services.clone(), user, RowsQuery::default()).await.is_err());
}

#[tokio::test]
async fn a_comparison_is_shown_empty_under_way_and_done() {
    let mut it = Beside::connected().await;
    let empty = it.ada.visit(PATH).await.page();
    assert!(empty.all("p").any(|p| p.text == "No result yet"));
    let begun = it.ada.submit(matching::CompareUsers::PATH, &[]).await;
    let page = begun.page();
    assert!(
        page.role("status").iter().any(|t| t.contains("Qlik’s users are read")),
        "{:?}",
        page.role("status")
    );
    assert!(page.all("a").any(|a| a.text == "Refresh" && a.attr("href") == Some(PATH)));
    assert!(page.all("p").any(|p| p.text.contains("0 pages read")));
    let again = it.ada.submit(matching::CompareUsers::PATH, &[]).await.page();
    assert!(again.role("status").iter().any(|t| t.contains("under way already")));
    it.house.services.compare_due(&|| false).await.unwrap();
    let done = it.ada.visit(PATH).await.page();
    assert!(done.role("status").iter().any(|t| t.contains("Compared with acme.eu.qlikcloud.com")));
    assert!(done.all("a").all(|a| a.text != "Refresh"));
    assert_eq!(users(&done).len(), 1);
}

#[tokio::test]
async fn counts_rows_and_advice_say_what_was_found_and_text_is_no_markup() {
    let mut it = compared().await;
    let answer = it.ada.visit(PATH).await;
    assert!(answer.text.contains("Bea &amp; &lt;Co&gt;"));
    let page = answer.page();
    let verdicts = rows(&page, "Verdicts");
    assert_eq!(verdicts.len(), 3, "{verdicts:?}");
    assert!(
        verdicts[0].starts_with("No such user1") && verdicts[0].contains("Invite the user"),
        "{verdicts:?}"
    );
    assert!(verdicts[1].starts_with("Plus address1"), "{verdicts:?}");
    assert!(verdicts[2].starts_with("Matched2"), "{verdicts:?}");
    assert!(
        page.all("p")
            .any(|p| p.text.contains("4 users of this portal, 4 Qlik users. 1 Qlik user has no e-mail"))
    );
    let all = users(&page);
    assert!(all[0].contains("dora@acme.example") && all[0].contains("Nobody"), "{all:?}");
    assert!(all[1].contains("carl+qlik@acme.example"), "{all:?}");
}

#[tokio::test]
async fn rows_are_sorted_and_filtered_by_the_address_alone() {
    let mut it = compared().await;
    let by = async |ada: &mut Visitor, query: &str| ada.visit(&format!("{PATH}{query}")).await.page();
    let page = by(&mut it.ada, "?sort=-email").await;
    assert!(users(&page)[0].contains("dora@acme.example"));
    let heads: Vec<_> = page.all("th").filter(|th| th.attr("aria-sort").is_some()).collect();
    assert_eq!((heads.len(), heads[0].attr("aria-sort")), (1, Some("descending")));
    let link = page.all("a").find(|a| a.attr("class") == Some("sort") && a.text == "E-mail").unwrap();
    assert_eq!(link.attr("href"), Some("/admin/users/matching?sort=email"));
    assert!(page.all("th").all(|th| th.attr("scope").is_some()));

    let page = by(&mut it.ada, "?q=CARL&sort=name").await;
    assert_eq!(users(&page).len(), 1);
    assert_eq!(page.labelled("Search e-mail or name").attr("value"), Some("CARL"));
    let page = by(&mut it.ada, "?verdict=matched").await;
    assert_eq!(users(&page).len(), 2);
    let chosen: Vec<_> =
        page.all("option").filter(|o| o.attr("selected").is_some()).map(|o| &o.text).collect();
    assert_eq!(chosen, ["Matched", "Verdict, to do first"]);
    assert!(page.all("a").any(|a| a.attr("href") == Some("/admin/users/matching.csv?verdict=matched")));
    let none = by(&mut it.ada, "?q=%3Cb%3Enobody").await;
    assert!(none.all("p").any(|p| p.text == "No user matches this filter"));
}

#[tokio::test]
async fn many_rows_come_a_hundred_a_page() {
    let mut it = Beside::connected().await;
    it.house.services.many_users(&it.house.portal_id().await, 250).await.unwrap();
    it.ada.submit(matching::CompareUsers::PATH, &[]).await;
    it.house.services.compare_due(&|| false).await.unwrap();
    let page = it.ada.visit(&format!("{PATH}?sort=email&page=2")).await.page();
    assert_eq!(users(&page).len(), 100);
    assert!(page.all("p").any(|p| p.text == "101 to 200 of 251 users"));
    let links: Vec<_> = page.all("nav").filter(|n| n.attr("aria-label") == Some("Pages")).collect();
    assert!(links[0].text.contains("Page 2 of 3"), "{}", links[0].text);
    for href in ["/admin/users/matching?sort=email", "/admin/users/matching?sort=email&amp;page=3"] {
        assert!(page.all("a").any(|a| a.attr("href") == Some(href)), "{href}");
    }
}

#[tokio::test]
async fn what_qlik_may_do_is_chosen_and_the_comparison_is_then_out_of_date() {
    let mut it = compared().await;
    let page = it.ada.visit(PATH).await.page();
    let box_of = |page: &Page, text: &str| page.labelled(text).attr("checked").is_some();
    assert!(!box_of(&page, CREATE) && !box_of(&page, REWRITE));
    let tenant = page.all("input").find(|i| i.attr("name") == Some("tenant")).unwrap();
    let tenant = tenant.attr("value").unwrap().to_owned();
    let fields = [("tenant", tenant.as_str()), ("create", "true")];
    let page = it.ada.submit(matching::AllowAtSignIn::PATH, &fields).await.page();
    assert!(box_of(&page, CREATE) && !box_of(&page, REWRITE));
    assert!(page.role("status").iter().any(|t| t.contains("other choices")), "{:?}", page.role("status"));
    let audit = it.ada.visit("/admin/audit").await;
    assert!(audit.text.contains("Let Qlik create users, and change no subjects at a sign-in"));

    // Chosen on a page that was open while the portal was connected elsewhere.
    let fields = [("tenant", "another"), ("rewrite", "true")];
    let page = it.ada.submit(matching::AllowAtSignIn::PATH, &fields).await.page();
    assert!(page.role("alert")[0].contains("another Qlik tenant"), "{:?}", page.role("alert"));
    assert!(box_of(&page, REWRITE), "what was chosen stays");
    assert!(!box_of(&it.ada.visit(PATH).await.page(), REWRITE), "and was not stored");
}

#[tokio::test]
async fn a_comparison_that_failed_says_why_with_qliks_code() {
    let mut it = compared().await;
    let away =
        sandbox::Effect::Status { status: 403, code: "USERS-X".into(), title: "No".into(), body: None };
    it.world.add_fault(sandbox::Fault::new("/api/v1/users$", away));
    it.ada.submit(matching::CompareUsers::PATH, &[]).await;
    it.house.services.compare_due(&|| false).await.unwrap();
    let page = it.ada.visit(PATH).await.page();
    let said = page.role("status").join(" ");
    assert!(said.contains("may not read the Qlik tenant's users") && said.contains("USERS-X"), "{said}");
    assert_eq!(users(&page).len(), 4, "the last result stays");
}

#[tokio::test]
async fn the_file_has_every_row_once_and_no_formula() {
    let it = compared().await;
    it.house.services.many_users(&it.house.portal_id().await, 1_200).await.unwrap();
    let ada = owner(&it.house).await;
    let services = it.house.services.services.clone();
    services.start_matching(&ada).await.unwrap();
    services.compare_due(&|| false).await.unwrap();
    let whole = async |query: RowsQuery| -> String {
        let parts = csv(services.clone(), ada.clone(), query).await.unwrap().unwrap();
        parts.try_collect::<Vec<_>>().await.unwrap().concat()
    };
    let file = whole(RowsQuery::default()).await;
    let lines: Vec<&str> = file.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 1 + 1_204);
    assert!(lines[0].starts_with("\"E-mail\",\"Name\",\"Verdict\",\"What to do\""), "{}", lines[0]);
    assert!(file.contains("\"dora@acme.example\",\"'=Dora\",\"No such user\""), "no formula");
    assert!(file.contains("\"Bea & <Co>\",\"Matched\""));
    let found = whole(RowsQuery { search: "dora".to_owned(), ..RowsQuery::default() }).await;
    assert_eq!(found.split_terminator("\r\n").count(), 2);

    // A newer comparison takes the rows away: the file breaks off instead of ending early.
    let parts = csv(services.clone(), ada.clone(), RowsQuery::default()).await.unwrap().unwrap();
    services.start_matching(&ada).await.unwrap();
    services.compare_due(&|| false).await.unwrap();
    assert!(parts.try_collect::<Vec<_>>().await.is_err());
}
