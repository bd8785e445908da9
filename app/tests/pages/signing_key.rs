//! The page of the signing key without script, beside a sandbox tenant: the
//! phases, what can be asked for in each, and what is told.

use app::api::signing_key::{
    BeginRotation, CallOffRotation, CheckRotation, RetireSigningKey, SwitchSigningKey, SwitchSigningKeyBack,
};
use axum::http::StatusCode;
use jiff::SignedDuration;
use leptos::server_fn::ServerFn;

use crate::{
    house::{House, markup::Page},
    settings::Beside,
};

const PATH: &str = "/admin/settings/signing-key";
const RETIRE: &str = "/admin/settings/signing-key/retire";
const ALL: [&str; 6] = [
    BeginRotation::PATH,
    CheckRotation::PATH,
    SwitchSigningKey::PATH,
    SwitchSigningKeyBack::PATH,
    RetireSigningKey::PATH,
    CallOffRotation::PATH,
];

/// The phases with their states, as they are read.
fn phases(page: &Page) -> Vec<String> {
    let state = |li| page.0.iter().find(|e| is(page.inside_of(e, li), "badge") && e.tag == "span");
    page.all("li")
        .filter(|li| li.attr("class") == Some("check"))
        .map(|li| {
            let badge = state(li).map_or(String::new(), |b| b.text.trim().to_owned());
            let title = page.all("h3").find(|h| page.inside_of(h, li).is_some()).unwrap();
            format!("{} {badge}", title.text.trim())
        })
        .collect()
}

fn is(element: Option<&crate::house::markup::Element>, class: &str) -> bool {
    element.is_some_and(|e| e.attr("class").is_some_and(|c| c.contains(class)))
}

/// What the forms of the page post to, and where its button-like links lead.
fn offers(page: &Page) -> Vec<String> {
    let forms = page.all("form").filter_map(|f| f.attr("action")).filter(|a| a.contains("signing-key"));
    let links = page.all("a").filter(|a| a.attr("class").is_some_and(|c| c.starts_with("button")));
    let mut all: Vec<_> = forms.chain(links.filter_map(|a| a.attr("href"))).map(str::to_owned).collect();
    all.sort();
    all
}

#[tokio::test]
async fn the_page_is_for_administrators_alone() {
    let (house, mut ada) = House::with_owner().await;
    let page = ada.visit(PATH).await.page();
    assert_eq!(page.one("h1").text, "Signing key");
    assert!(page.all("p").any(|p| p.text.contains("Connect the portal first")));
    assert_eq!(offers(&page), ["/admin/settings"], "without a tenant there is nothing to replace");
    for path in [PATH, RETIRE] {
        assert_eq!(house.visitor().visit(path).await.page().one("h1").text, "Sign in");
    }
    let mut stranger = house.visitor();
    for path in ALL {
        assert_eq!(stranger.call(path, &[]).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(ada.call(BeginRotation::PATH, &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_settings_lead_to_the_page_and_it_shows_the_key_in_use() {
    let mut it = Beside::connected().await;
    let settings = it.ada.visit("/admin/settings").await.page();
    assert!(settings.all("a").any(|a| a.attr("href") == Some(PATH)));
    let key = it.house.identity().await;
    let page = it.ada.visit(PATH).await;
    assert!(page.text.contains(&key.kid) && page.text.contains("24 Nov 2031"), "{}", page.text);
    assert!(!page.text.contains("PRIVATE KEY"));
    assert_eq!(offers(&page.page()), [BeginRotation::PATH]);
}

#[tokio::test]
async fn a_rotation_goes_through_its_phases_by_plain_forms() {
    let mut it = Beside::connected().await;
    let page = it.ada.submit(BeginRotation::PATH, &[]).await.page();
    assert!(
        page.role("status").iter().any(|t| t.contains("The new key is ready")),
        "{:?}",
        page.role("alert")
    );
    assert_eq!(phases(&page), ["Create Done", "Announce Done", "Switch Your turn", "Retire Later"]);
    assert_eq!(offers(&page), [CallOffRotation::PATH, SwitchSigningKey::PATH]);
    assert_eq!(it.world.idps(&it.tenant).len(), 2);
    // Too early: the page that asks for the last confirmation leads back.
    assert_eq!(it.ada.visit(RETIRE).await.page().one("h1").text, "Signing key");
    let early = it.ada.submit(RetireSigningKey::PATH, &[]).await.page();
    assert!(early.role("alert")[0].contains("in this phase"), "{:?}", early.role("alert"));

    let page = it.ada.submit(SwitchSigningKey::PATH, &[]).await.page();
    assert_eq!(phases(&page), ["Create Done", "Announce Done", "Switch Done", "Retire Under way"]);
    assert_eq!(offers(&page), [RETIRE, SwitchSigningKeyBack::PATH]);
    assert!(page.all("p").any(|p| p.text.contains("The old key is retired by itself on")));

    let page = it.ada.submit(SwitchSigningKeyBack::PATH, &[]).await.page();
    assert!(page.role("status").iter().any(|t| t.contains("The old key is used again")));
    it.ada.submit(SwitchSigningKey::PATH, &[]).await;

    let confirm = it.ada.visit(RETIRE).await.page();
    assert!(confirm.all("li").any(|li| li.text.contains("can’t be undone")));
    assert_eq!(offers(&confirm), [PATH, RetireSigningKey::PATH]);
    let page = it.ada.submit(RetireSigningKey::PATH, &[]).await.page();
    assert!(page.role("status").iter().any(|t| t.contains("retired and wiped")));
    assert_eq!(it.world.idps(&it.tenant).len(), 1);
    assert_eq!(offers(&page), [BeginRotation::PATH], "it can begin anew");
    assert!(page.all("p").any(|p| p.text.contains("The key was replaced on")));

    let audit = it.ada.visit("/admin/audit").await.text;
    for what in [
        "Began to replace the signing key",
        "Asked to retire the old signing key",
        "Retired the old signing key",
    ] {
        assert!(audit.contains(what), "{what}");
    }
}

#[tokio::test]
async fn calling_it_off_leads_back_to_the_beginning() {
    let mut it = Beside::connected().await;
    it.ada.submit(BeginRotation::PATH, &[]).await;
    let page = it.ada.submit(CallOffRotation::PATH, &[]).await.page();
    assert!(page.role("status").iter().any(|t| t.contains("called off and the new key wiped")));
    assert!(phases(&page).is_empty());
    assert_eq!(offers(&page), [BeginRotation::PATH]);
    assert_eq!(it.world.idps(&it.tenant).len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_not_in_force_yet_is_told_with_its_next_try() {
    let mut it = Beside::connected().await;
    it.world.set_fresh_idp_delay(SignedDuration::from_mins(5));
    let page = it.ada.submit(BeginRotation::PATH, &[]).await.page();
    assert_eq!(phases(&page), ["Create Done", "Announce Not yet", "Switch Later", "Retire Later"]);
    assert!(page.all("p").any(|p| p.text.contains("does not accept sign-ins with this key yet")));
    assert!(page.all("p").any(|p| p.text.contains("It is tried again by itself on")));
    assert_eq!(offers(&page), [CallOffRotation::PATH, CheckRotation::PATH]);
    it.world.set_fresh_idp_delay(SignedDuration::ZERO);
    let page = it.ada.submit(CheckRotation::PATH, &[]).await.page();
    assert_eq!(phases(&page)[2], "Switch Your turn");
}

#[tokio::test]
async fn the_values_to_enter_by_hand_are_shown_where_the_key_may_not_create_providers() {
    let mut it = Beside::connected().await;
    let gone = sandbox::Effect::Status {
        status: 403,
        code: "HTTP-403".to_owned(),
        title: "TenantAdmin role required".to_owned(),
        body: None,
    };
    it.world.add_fault(sandbox::Fault::new("/api/v1/identity-providers", gone));
    let page = it.ada.submit(BeginRotation::PATH, &[]).await.page();
    assert_eq!(phases(&page)[0], "Create Your turn");
    let value = |label: &str| page.labelled(label).attr("value").unwrap().to_owned();
    assert!(value("Description").starts_with("Qonduit portal acme.portal.example, key "));
    let pem = page.all("pre").next().unwrap().text.clone();
    assert!(pem.contains("BEGIN CERTIFICATE"));
    it.world.add_jwt_idp(&it.tenant, &value("Issuer"), &value("Key ID"), &pem);
    let page = it.ada.submit(CheckRotation::PATH, &[]).await.page();
    assert_eq!(phases(&page)[2], "Switch Your turn");
    it.ada.submit(SwitchSigningKey::PATH, &[]).await;
    assert!(
        it.ada.visit(RETIRE).await.text.contains("Its identity provider is deleted"),
        "the old one is ours"
    );
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning_on_both_pages() {
    let mut it = Beside::connected().await;
    let near = it.house.identity().await.not_after - SignedDuration::from_hours(24 * 20);
    it.house.services.clock.set(near);
    // The browser session is over by then.
    it.ada.sign_in("ada@acme.example", "correct horse battery").await;
    for path in [PATH, "/admin/settings"] {
        let page = it.ada.visit(path).await;
        assert!(page.text.contains("The certificate") && page.text.contains("Replace the"), "{path}");
        assert!(page.page().all("div").any(|d| d.attr("class") == Some("alert warning")), "{path}");
    }
}
