//! The guide: each procedure of the help page is in it, every field of the
//! settings leads to its section, and its ticks are those of the last checks.

use crate::{
    house::{House, markup::Page},
    settings::Beside,
};
use app::api::settings::{SaveSettings, TestConnection};
use axum::http::StatusCode;
use leptos::server_fn::ServerFn;

const GUIDE: &str = "/admin/guide";

/// A procedure of the help page: the section that has it, how many steps the
/// help page gives it, and what its steps and notes must name: today's words
/// and, as a note, the old ones.
const HELP_PAGE: &[(&str, &str, usize, &[&str])] = &[
    (
        "Authenticate with Qlik credentials",
        "connect-credentials",
        6,
        &[
            "Administration > Settings",
            "Qlik Sense Integration",
            "Qlik Sense tenant hostname",
            "Web Integration Id",
            "Qlik credentials",
            "Save",
            // Each user registers theirs; no own identity provider; the same e-mail.
            "Profile",
            "identity provider of its own",
            "must be the same",
        ],
    ),
    (
        "Authenticate with Qlik Sense API key",
        "connect",
        7,
        &[
            "Administration > Settings",
            "Qlik Sense Integration",
            "Qlik Sense tenant hostname",
            "Web Integration Id",
            "Qlik Sense API key",
            "Save",
            // Renewed by itself, short is safer; and the old limits.
            "renewed by itself",
            "short life",
            "Enterprise",
        ],
    ),
    ("The user's e-mail must be identical", "options", 0, &["must be the same in this portal and in Qlik"]),
    (
        "Check whether the JWT authorization capabilities are active",
        "jwt",
        3,
        &["Identity provider", "Create new", "JWT", "account manager"],
    ),
    (
        "Create a Web Integration Id",
        "web-integration",
        11,
        &[
            "Administration > Settings",
            "Tenant hostname",
            "Open Qlik Cloud",
            "Administration",
            "Web",
            "Create new",
            "name of your choice",
            "Add",
            "Create",
            "Copy the id",
            "Web Integration Id",
            "Console Management",
        ],
    ),
    (
        "Enable API keys",
        "allow-keys",
        1,
        &["Manage API keys", "Allowed", "Enable API keys", "Console Management"],
    ),
    ("User has the Developer role", "allow-keys", 1, &["User Default", "Developer", "edit the user’s roles"]),
    (
        "Generate the API key",
        "api-key",
        9,
        &[
            "avatar in the upper right corner",
            "Profile settings",
            "Management",
            "API keys that you have",
            "Generate new key",
            "description",
            "at least 3 days",
            "one day before it expires",
            "Generate",
            "shows once",
        ],
    ),
];

/// What stands in the element with the id `id`: its own text, and how many steps.
fn section(page: &Page, id: &str) -> (String, usize) {
    let whole = page.by_id(id).unwrap_or_else(|| panic!("no section {id}"));
    let mut steps = page.0.iter().filter(|e| e.attr("class") == Some("guide-steps"));
    let list = steps.rfind(|e| page.inside(e, "section").is_some_and(|s| std::ptr::eq(s, whole)));
    let count = list.map_or(0, |list| {
        let own =
            |e: &&crate::house::markup::Element| page.inside(e, "ol").is_some_and(|o| std::ptr::eq(o, list));
        page.all("li").filter(own).count()
    });
    (plain(&whole.text), count)
}

/// A text as it is read.
fn plain(text: &str) -> String {
    text.replace("&gt;", ">").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn every_procedure_of_the_help_page_is_there_in_numbered_steps() {
    let (_house, mut ada) = House::with_owner().await;
    let page = ada.visit(GUIDE).await.page();
    for (procedure, id, steps, parts) in HELP_PAGE {
        let (text, count) = section(&page, id);
        assert!(count >= *steps, "{procedure}: {count} steps");
        for part in *parts {
            assert!(text.contains(part), "{procedure}: {part}: {text}");
        }
    }
}

#[tokio::test]
async fn the_order_of_the_steps_is_that_of_the_help_page() {
    let (_house, mut ada) = House::with_owner().await;
    let page = ada.visit(GUIDE).await.page();
    for (procedure, id, _, parts) in
        HELP_PAGE.iter().filter(|(_, id, ..)| ["web-integration", "api-key"].contains(id))
    {
        let (text, _) = section(&page, id);
        // The old words come at the end; of the others each is found after the one before.
        let mut rest = text.as_str();
        for part in *parts {
            let at = rest.find(part).unwrap_or_else(|| panic!("{procedure}: {part} is out of order"));
            rest = &rest[at..];
        }
    }
}

#[tokio::test]
async fn every_field_of_the_settings_leads_to_its_section_of_the_guide() {
    let (_house, mut ada) = House::with_owner().await;
    let guide = ada.visit(GUIDE).await.page();
    let settings = ada.visit("/admin/settings").await.page();
    let mut led = Vec::new();
    for link in settings.all("a") {
        let Some(anchor) = link.attr("href").and_then(|h| h.strip_prefix("/admin/guide#")) else { continue };
        assert!(guide.by_id(anchor).is_some(), "#{anchor} leads nowhere");
        let place = settings.inside(link, "details").and_then(|d| d.attr("id")).unwrap();
        led.push((place.to_owned(), anchor.to_owned()));
    }
    let wanted = [
        ("how-hostname", "hostname"),
        ("how-web-integration", "web-integration"),
        ("how-authentication", "options"),
        ("how-api-key", "allow-keys"),
        ("how-api-key", "api-key"),
        ("how-oauth-client", "oauth-client"),
        ("how-identity-provider", "identity-provider"),
    ];
    assert_eq!(led, wanted.map(|(place, anchor)| (place.to_owned(), anchor.to_owned())));
    // One text: what a step says under a field is what it says in the guide.
    let how = settings.by_id("how-api-key").unwrap();
    let steps =
        settings.all("li").filter(|li| settings.inside(li, "details").is_some_and(|d| std::ptr::eq(d, how)));
    let (allow, make) = (section(&guide, "allow-keys").0, section(&guide, "api-key").0);
    let mut compared = 0;
    for step in steps {
        // The first sentence: a drawing's words may follow.
        let words = plain(&step.text).split('.').next().unwrap().to_owned();
        assert!(allow.contains(&words) || make.contains(&words), "{words}");
        compared += 1;
    }
    assert_eq!(compared, 12);
}

#[tokio::test]
async fn every_drawing_says_what_it_shows() {
    let (_house, mut ada) = House::with_owner().await;
    for path in [GUIDE, "/admin/settings"] {
        let page = ada.visit(path).await.page();
        let drawings: Vec<_> = page.all("svg").filter(|s| s.attr("class") == Some("sketch")).collect();
        assert!(drawings.len() > 5, "{path}");
        for drawing in drawings {
            assert_eq!(drawing.attr("role"), Some("img"), "{path}");
            assert!(drawing.attr("aria-label").is_some_and(|l| l.len() > 30), "{path}: {drawing:?}");
        }
    }
}

#[tokio::test]
async fn values_to_copy_stand_beside_their_steps() {
    let (house, mut ada) = House::with_owner().await;
    let identity = house.identity().await;
    let page = ada.visit(GUIDE).await.page();
    for (label, value) in [
        ("Tenant hostname", "acme.portal.example"),
        ("Origin for Qlik", "https://acme.portal.example"),
        ("Issuer", identity.issuer.as_str()),
        ("Key ID", identity.kid.as_str()),
    ] {
        assert_eq!(page.labelled(label).attr("value"), Some(value), "{label}");
    }
    assert!(page.one("pre").text.contains("BEGIN CERTIFICATE"));
}

#[tokio::test]
async fn links_lead_into_the_tenant_s_console_once_it_is_known() {
    let mut it = Beside::new().await;
    let links = |page: &Page| {
        let hrefs = page.all("a").filter_map(|a| a.attr("href"));
        hrefs.filter(|h| h.starts_with("https://")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = it.ada.visit(GUIDE).await.page();
    assert_eq!(links(&before), [""; 0]);
    assert!(before.by_id("api-key").unwrap().text.contains("leads right to the place in your tenant"));
    // Entered is enough: it need not be stored.
    it.ada.post(SaveSettings::PATH, &[("tenant_host", "globex.us.qlikcloud.com")]).await;
    let draft = links(&it.ada.visit(GUIDE).await.page());
    assert!(draft.iter().all(|l| l.starts_with("https://globex.us.qlikcloud.com/")), "{draft:?}");
    for path in
        ["/console/web-integrations", "/console/users", "/settings/api-keys", "/console/identity-providers"]
    {
        assert!(draft.iter().any(|l| l.ends_with(path)), "{path}: {draft:?}");
    }
}

#[tokio::test]
async fn ticks_are_those_of_the_stored_checks_and_check_again_comes_back_here() {
    let mut it = Beside::connected().await;
    let page = it.ada.visit(GUIDE).await.page();
    for step in
        ["hostname-paste", "web-add", "web-paste", "key-owner", "key-paste", "idp-login", "after-apps"]
    {
        let tick = page.by_id(&format!("tick-{step}")).unwrap();
        assert!(tick.text.contains("Passed"), "{step}: {}", tick.text);
    }
    assert!(page.by_id("guide-contents").unwrap().text.contains("Passed"));
    assert!(page.all("input").any(|i| i.attr("name") == Some("back") && i.attr("value") == Some("guide")));

    it.world.set_origins(&it.web, [""; 0]);
    let page = it.ada.submit(TestConnection::PATH, &[("back", "guide")]).await.page();
    assert_eq!(page.one("h1").text, "Guide");
    assert!(page.role("alert").join(" ").contains("One check failed."), "{:?}", page.role("alert"));
    let tick = page.by_id("tick-web-add").unwrap();
    assert!(tick.text.contains("Failed") && tick.text.contains("does not list this portal"), "{}", tick.text);
    assert!(page.by_id("short-web-integration").unwrap().text.contains("Failed"));
    let whole = &page.by_id("guide-whole").unwrap().text;
    assert!(whole.contains("Create a Web Integration Id"), "{whole}");
    // Any other word leads to the settings.
    for back in ["", "https://evil.example/"] {
        let answer = it.ada.post(TestConnection::PATH, &[("back", back)]).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/admin/settings"));
    }
}

#[tokio::test]
async fn an_open_guide_is_told_the_same_ticks_that_it_shows() {
    let mut it = Beside::connected().await;
    let page = it.ada.visit(GUIDE).await.page();
    let portal = it.house.portal_id().await;
    let json = app::ssr::status_json(&it.house.services, &portal).await.unwrap().unwrap();
    let told: leptos::serde_json::Value = leptos::serde_json::from_str(&json).unwrap();
    assert_eq!(page.by_id("status").unwrap().attr("data-mark"), told["mark"].as_str());
    let parts = Page::parse(told["html"].as_str().unwrap());
    let known = |e: &&crate::house::markup::Element| {
        e.attr("id").is_some_and(|id| ["tick-", "short-", "guide-"].iter().any(|p| id.starts_with(p)))
    };
    let mut compared = 0;
    for here in page.0.iter().filter(known).filter(|e| e.tag != "input") {
        let there = parts.by_id(here.attr("id").unwrap()).unwrap_or_else(|| panic!("{here:?}"));
        assert_eq!(here.text, there.text);
        compared += 1;
    }
    assert!(compared > 12, "{compared}");
}

#[tokio::test]
async fn checks_of_what_was_entered_show_before_anything_is_stored() {
    let mut it = Beside::new().await;
    let page = it.ada.visit(GUIDE).await.page();
    assert!(page.by_id("guide-whole").unwrap().text.contains("Nothing was checked so far."));
    assert!(page.all("button").all(|b| b.text != "Check again"), "there is nothing to check");
    it.world.set_origins(&it.web, [""; 0]);
    it.save(&[]).await;
    let page = it.ada.visit(GUIDE).await.page();
    assert!(page.by_id("guide-whole").unwrap().text.contains("Of what you entered; not stored."));
    assert!(page.by_id("tick-web-add").unwrap().text.contains("Failed"));
    assert!(page.by_id("tick-hostname-paste").unwrap().text.contains("Passed"));
}

#[tokio::test]
async fn the_guide_is_for_administrators_and_in_their_navigation() {
    let (house, mut ada) = House::with_owner().await;
    let page = ada.visit(GUIDE).await.page();
    assert_eq!(page.one("h1").text, "Guide");
    assert!(page.all("a").any(|a| a.attr("href") == Some(GUIDE) && a.attr("aria-current") == Some("page")));
    assert_eq!(house.visitor().visit(GUIDE).await.page().one("h1").text, "Sign in");
}

#[tokio::test]
async fn what_a_support_bundle_holds_is_said_before_it_is_downloaded() {
    let (_house, mut ada) = House::with_owner().await;
    for path in [GUIDE, "/admin/settings"] {
        let page = ada.visit(path).await;
        for (_, words) in backend::support::CONTENT {
            assert!(page.text.contains(&words.replace('&', "&amp;")), "{path}: {words}");
        }
        let link = page
            .page()
            .all("a")
            .any(|a| a.attr("href") == Some("/admin/settings/support.json") && a.attr("download").is_some());
        assert!(link, "{path}");
    }
}
