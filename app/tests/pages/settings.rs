//! The settings and the apps, whole: visits without script, and the calls that a
//! script makes, beside a sandbox tenant under the same clock.
use crate::house::{House, Visitor};
use app::api::settings::{
    CreateIdentityProvider, DiscardSettings, Disconnect, RenewNow, SaveSettings, TestConnection,
};
use axum::http::StatusCode;
use backend::testing::QlikAt;
use jiff::SignedDuration;
use leptos::{serde_json::Value, server_fn::ServerFn};
use sandbox::{NewApp, NewTenant, NewUser, Sandbox, SandboxConfig, TenantRef, UserRef, WorldHandle};

const HOST: &str = "acme.eu.qlikcloud.com";
const ORIGIN: &str = "https://acme.portal.example";
const SETTINGS: &str = "/admin/settings";

/// A portal whose owner is signed in, beside a tenant of which the same person
/// is Tenant Admin.
pub(crate) struct Beside {
    _sandbox: Sandbox,
    pub(crate) world: WorldHandle,
    pub(crate) house: House,
    pub(crate) ada: Visitor,
    pub(crate) tenant: TenantRef,
    pub(crate) qlik_ada: UserRef,
    pub(crate) web: String,
    token: String,
}

impl Beside {
    pub(crate) async fn new() -> Self {
        let start = "2026-11-25T14:00:00Z".parse().unwrap();
        let sandbox =
            Sandbox::start(SandboxConfig { start: Some(start), ..SandboxConfig::default() }).await.unwrap();
        let world = sandbox.world();
        let tenant = world.add_tenant(NewTenant::new("acme", "eu"));
        world.set_key_config(&tenant, days(30), 5);
        let qlik_ada = world.add_user(&tenant, NewUser::admin("ada@acme.example"));
        let web = world.add_web_integration(&tenant, "Portal", [ORIGIN]);
        let (_, token) = world.create_key(&qlik_ada, "made by hand", days(3));
        let at = QlikAt {
            resolve: sandbox.resolve_spec(),
            ca_pem: Some(sandbox.ca_pem().to_owned()),
            ..QlikAt::default()
        };
        let (house, ada) = House::with_owner_at(at).await;
        let it = Self { _sandbox: sandbox, world, house, ada, tenant, qlik_ada, web, token };
        it.add_apps(["Revenue", "Scratch"]);
        it
    }

    pub(crate) async fn connected() -> Self {
        let mut it = Self::new().await;
        it.save(&[]).await;
        it.ada.post(CreateIdentityProvider::PATH, &[]).await;
        it.ada.visit(SETTINGS).await;
        it
    }

    fn add_apps<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let app = NewApp { name: name.to_owned(), owner: self.qlik_ada.id.clone(), ..NewApp::default() };
            self.world.add_app(&self.tenant, app);
        }
    }

    /// What an administrator types; `other` in place of some of it.
    fn typed(&self, other: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("tenant_host", HOST.to_owned()),
            ("web_integration_id", self.web.clone()),
            ("auth_option", "api_key".to_owned()),
            ("api_key", self.token.clone()),
        ];
        for (name, value) in other {
            fields.retain(|(n, _)| n != name);
            fields.push((name, (*value).to_owned()));
        }
        fields
    }

    /// Saves without script.
    pub(crate) async fn save(&mut self, other: &[(&'static str, &str)]) -> crate::house::Answer {
        let fields = self.typed(other);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.ada.submit(SaveSettings::PATH, &fields).await
    }

    /// Saves as the page's script does.
    async fn call(&mut self, other: &[(&'static str, &str)]) -> Value {
        let fields = self.typed(other);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = self.ada.call(SaveSettings::PATH, &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        leptos::serde_json::from_str(&answer.text).unwrap()
    }
}

fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * n)
}

#[tokio::test]
async fn a_save_names_the_owner_and_the_panel_shows_the_key() {
    let mut it = Beside::new().await;
    let before = it.ada.visit(SETTINGS).await;
    assert!(before.text.contains("Not connected") && before.page().by_id("status").is_none());

    let after = it.save(&[("tenant_host", " https://ACME.eu.qlikcloud.com/hub ")]).await;
    let page = after.page();
    let notice = page.role("status").join(" ");
    assert!(notice.contains("The key belongs to ada@acme.example"), "{notice}");
    assert_eq!(page.by_id("settings-tenant_host").unwrap().attr("value"), Some(HOST));
    assert!(page.by_id("status-facts").unwrap().text.contains("ada@acme.example"));
    assert!(!after.text.contains(&it.token), "the key is in the page");
    // No identity provider yet, which the key may make.
    assert!(after.text.contains("See what will be created"));
}

#[tokio::test]
async fn the_identity_provider_is_shown_before_it_is_created_and_then_users_can_sign_in() {
    let mut it = Beside::new().await;
    assert_eq!(it.ada.visit("/admin/settings/identity-provider").await.page().one("h1").text, "Settings");
    it.save(&[]).await;
    let plan = it.ada.visit("/admin/settings/identity-provider").await;
    let identity = it.house.identity().await;
    let wanted = [
        "Qonduit portal acme.portal.example",
        &identity.issuer,
        &identity.kid,
        "BEGIN CERTIFICATE",
        "5<!> s",
    ];
    for part in wanted {
        assert!(
            plan.text.contains(part) || plan.text.contains(&part.replace("<!>", "")),
            "{part}: {}",
            plan.text
        );
    }
    assert!(it.world.idps(&it.tenant).is_empty(), "looking creates nothing");

    let after = it.ada.submit(CreateIdentityProvider::PATH, &[]).await;
    let notice = after.page().role("status").join(" ");
    assert!(notice.contains("Connected. ada@acme.example sees 2 apps."), "{notice}");
    assert_eq!(it.world.idps(&it.tenant).len(), 1);
    assert!(after.text.contains("Healthy"));
}

#[tokio::test]
async fn a_failed_check_keeps_what_was_typed_and_stands_by_its_field_with_script_and_without() {
    let mut it = Beside::new().await;
    it.world.set_origins(&it.web, [""; 0]);
    let without = it.save(&[]).await;
    let page = without.page();
    let web = page.by_id("settings-web_integration_id").unwrap();
    assert_eq!(web.attr("value"), Some(it.web.as_str()));
    assert_eq!(web.attr("aria-invalid"), Some("true"));
    let message = page.by_id("settings-web_integration_id-error").unwrap();
    assert!(message.text.contains("does not list this portal"), "{}", message.text);
    assert!(page.one("title").text.starts_with("Error: "));
    assert!(page.by_id("settings-errors").unwrap().text.contains("does not list"));
    assert_eq!(page.by_id("settings-api_key").unwrap().attr("value"), None);
    assert!(page.by_id("settings-api_key-hint").unwrap().text.contains("Paste it again"));
    assert!(page.by_id("settings-check-origin").unwrap().text.contains("Failed"));
    assert!(page.by_id("settings-check-jwt_login").unwrap().text.contains("Not checked"));
    assert!(!without.text.contains(&it.token));

    let with = it.call(&[]).await;
    assert_eq!((&with["saved"], &with["next"]), (&Value::Bool(false), &Value::Null));
    let parts = crate::house::markup::Page::parse(with["html"].as_str().unwrap());
    for id in ["settings-errors", "settings-web_integration_id-error", "settings-check-origin"] {
        let (here, there) = (parts.by_id(id).unwrap(), page.by_id(id).unwrap());
        let no_ms = |t: &str| t.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        assert_eq!(no_ms(&here.text), no_ms(&there.text), "{id}");
    }
    assert!(!with.to_string().contains(&it.token));
}

#[tokio::test]
async fn a_draft_stays_until_it_is_saved_or_discarded() {
    let mut it = Beside::new().await;
    it.save(&[("tenant_host", "https://nobody.eu.qlikcloud.com/x")]).await;
    for _ in 0..2 {
        let page = it.ada.visit(SETTINGS).await.page();
        assert_eq!(
            page.by_id("settings-tenant_host").unwrap().attr("value"),
            Some("nobody.eu.qlikcloud.com")
        );
    }
    let page = it.ada.submit(DiscardSettings::PATH, &[]).await.page();
    assert_eq!(page.by_id("settings-tenant_host").unwrap().attr("value"), Some(""));
    assert!(page.by_id("settings-errors").is_none());

    it.save(&[("web_integration_id", "")]).await;
    it.save(&[]).await;
    let page = it.ada.visit(SETTINGS).await.page();
    assert!(page.by_id("settings-errors").is_none() && page.by_id("settings-draft").unwrap().text.is_empty());
}

#[tokio::test]
async fn every_field_that_can_not_be_taken_is_told_at_once() {
    let mut it = Beside::new().await;
    for (option, wrong) in [
        ("", &["tenant_host", "web_integration_id", "auth_option"][..]),
        ("api_key", &["tenant_host", "web_integration_id", "api_key"]),
        ("credentials", &["tenant_host", "web_integration_id"]),
        ("oauth_everyone", &["tenant_host", "oauth_client_id", "oauth_client_secret"]),
        ("oauth_users", &["tenant_host", "oauth_client_id"]),
    ] {
        let page = it.ada.submit(SaveSettings::PATH, &[("auth_option", option)]).await.page();
        for field in wrong {
            assert!(page.by_id(&format!("settings-{field}-error")).is_some(), "{option}: {field}");
            let link = format!("#settings-{field}");
            assert!(page.all("a").any(|a| a.attr("href") == Some(link.as_str())), "{option}: {field}");
        }
    }
    assert!(it.world.log().is_empty(), "nothing was asked of Qlik");
}

#[tokio::test]
async fn a_script_that_saved_is_sent_on_to_the_notice() {
    let mut it = Beside::new().await;
    let answer = it.call(&[]).await;
    assert_eq!((&answer["saved"], answer["next"].as_str()), (&Value::Bool(true), Some(SETTINGS)));
    let page = it.ada.visit(SETTINGS).await.page();
    assert!(page.role("status").join(" ").contains("The key belongs to ada@acme.example"));
}

#[tokio::test]
async fn renewing_and_testing_end_with_a_notice_of_what_is_so() {
    let mut it = Beside::connected().await;
    let before = it.house.services.status(&it.house.portal_id().await).await.unwrap().unwrap();
    let page = it.ada.submit(RenewNow::PATH, &[]).await.page();
    assert!(page.role("status").join(" ").contains("The key was renewed."));
    assert!(page.by_id("status-facts").unwrap().text.contains("Old key"));
    let after = it.house.services.status(&it.house.portal_id().await).await.unwrap().unwrap();
    assert_ne!(before.key.key_id, after.key.key_id);

    let page = it.ada.submit(TestConnection::PATH, &[]).await.page();
    assert!(page.role("status").join(" ").contains("Connected. ada@acme.example sees 2 apps."));
    it.world.set_origins(&it.web, [""; 0]);
    let page = it.ada.submit(TestConnection::PATH, &[]).await.page();
    assert!(page.role("alert").join(" ").contains("One check failed."), "{:?}", page.role("alert"));
    assert!(page.by_id("settings-check-origin").unwrap().text.contains("Failed"));
}

#[tokio::test]
async fn disconnecting_says_what_stops_and_deletes_the_key_only_where_it_is_wished() {
    let mut it = Beside::connected().await;
    let page = it.ada.visit("/admin/settings/disconnect").await.page();
    assert!(page.labelled("Also delete the key at Qlik").attr("checked").is_some());
    let fault = sandbox::Fault::new(
        "/api/v1/api-keys",
        sandbox::Effect::Status { status: 503, code: "X".into(), title: "away".into(), body: None },
    );
    it.world.add_fault(fault.on("DELETE"));
    let page = it.ada.submit(Disconnect::PATH, &[("delete_keys", "true")]).await.page();
    assert_eq!(page.one("h1").text, "Disconnect");
    assert!(page.role("alert").join(" ").contains("nothing was disconnected"));

    let page = it.ada.submit(Disconnect::PATH, &[]).await.page();
    assert!(page.role("status").join(" ").contains("lives on at Qlik"));
    assert!(page.by_id("status").is_none());
    assert_eq!(it.world.live_keys(&it.qlik_ada).len(), 1);
}

#[tokio::test]
async fn each_open_page_is_told_a_change_and_nothing_secret() {
    let it = Beside::connected().await;
    let portal = it.house.portal_id().await;
    let json = app::ssr::status_json(&it.house.services, &portal).await.unwrap().unwrap();
    let told: Value = leptos::serde_json::from_str(&json).unwrap();
    assert_eq!(told["health"], "healthy");
    let parts = crate::house::markup::Page::parse(told["html"].as_str().unwrap());
    for id in ["status-health", "status-says", "status-facts", "key-stored"] {
        assert!(parts.by_id(id).is_some(), "{id}");
    }
    assert!(!json.contains(&it.token));
    let nobody = app::ssr::status_json(&it.house.services, "nobody").await.unwrap();
    assert_eq!(nobody, None);
}

#[tokio::test]
async fn only_administrators_reach_the_settings_and_their_functions() {
    let mut it = Beside::connected().await;
    let mut nobody = it.house.visitor();
    for path in [
        SaveSettings::PATH,
        RenewNow::PATH,
        TestConnection::PATH,
        Disconnect::PATH,
        CreateIdentityProvider::PATH,
    ] {
        let answer = nobody.post(path, &[]).await;
        assert!(answer.location().starts_with("/login"), "{path}: {}", answer.location());
        assert_eq!(nobody.call(path, &[]).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert!(it.ada.visit(SETTINGS).await.page().by_id("status").is_some(), "still connected");
}

#[tokio::test]
async fn apps_are_searched_and_paged_and_nothing_found_is_told() {
    let mut it = Beside::connected().await;
    let names: Vec<String> = (0..23).map(|n| format!("Report {n:02}")).collect();
    it.add_apps(names.iter().map(String::as_str));
    let first = it.ada.visit("/apps").await.page();
    assert_eq!(first.all("li").filter(|l| l.attr("class") == Some("app")).count(), 20);
    let next =
        first.all("a").find(|a| a.text.trim() == "Next").unwrap().attr("href").unwrap().replace("&amp;", "&");
    let second = it.ada.visit(&next).await.page();
    assert_eq!(second.all("li").filter(|l| l.attr("class") == Some("app")).count(), 5);
    assert!(second.all("a").any(|a| a.text.trim() == "Previous"));

    let found = it.ada.visit("/apps?q=scratch").await;
    assert!(found.text.contains("Scratch") && !found.text.contains("Revenue"));
    assert_eq!(found.page().by_id("apps-q").unwrap().attr("value"), Some("scratch"));
    assert!(it.ada.visit("/apps?q=zq%3Cb%3E").await.text.contains("No apps match"));
}

#[tokio::test]
async fn a_portal_that_is_not_connected_says_so_and_leads_administrators_to_the_settings() {
    let mut it = Beside::new().await;
    let answer = it.ada.visit("/apps").await;
    assert_eq!(answer.status, StatusCode::OK);
    let page = answer.page();
    assert!(page.role("alert").join(" ").contains("not connected to Qlik Cloud yet"));
    assert!(page.all("a").any(|a| a.text.trim() == "Open Settings" && a.attr("href") == Some(SETTINGS)));
}
