//! The doctor: for each check a connection in which its one input is wrong, and
//! then it is this check that does not pass, with its own remedy; what needs it
//! is left out, and everything else passes.

use std::collections::BTreeSet;

use backend::{
    doctor::{Outcome, Report, about, ids},
    integration::SaveInput,
    testing::{QlikAt, TestServices},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sandbox::{Effect, Fault, NewTenant, NewUser, UserStatus};

use crate::house::{House, days, mins, outcomes};

/// What is looked at: the stored connection by this portal, or a form that is
/// saved.
enum Look {
    Stored(TestServices),
    Save(SaveInput),
}

/// A name, what is broken, the check that shows it, how, and a word of what it says.
struct Row(&'static str, fn(&House) -> Look, &'static str, Outcome, &'static str);

fn here(h: &House) -> Look {
    elsewhere(h, h.portal.qlik_at())
}

fn elsewhere(h: &House, at: QlikAt) -> Look {
    Look::Stored(block_on(h.portal.reaching(at)))
}

/// The rows are plain functions; each runs on its own.
fn block_on<T>(work: impl Future<Output = Result<T, backend::Error>>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work)).unwrap()
}

fn status(path: &str, status: u16, code: &str) -> Fault {
    Fault::new(
        path,
        Effect::Status { status, code: code.to_owned(), title: "on purpose".to_owned(), body: None },
    )
}

fn pasted(h: &House, token: String) -> Look {
    Look::Save(SaveInput { api_key: Some(token.into()), ..h.input() })
}

const ROWS: &[Row] = &[
    Row(
        "a name that nobody has",
        |h| {
            block_on(async {
                let mut tx = h.portal.db().write().await?;
                sqlx::query("UPDATE integrations SET tenant_host = 'acme.invalid'").execute(&mut *tx).await?;
                Ok(tx.commit().await?)
            });
            here(h)
        },
        "name",
        Outcome::Failed,
        "does not resolve",
    ),
    Row(
        "a closed port",
        |h| elsewhere(h, QlikAt { resolve: "*.qlikcloud.com=127.0.0.1:1".to_owned(), ..h.portal.qlik_at() }),
        "reach",
        Outcome::Failed,
        "can't be reached",
    ),
    Row(
        "an authority that is not trusted",
        |h| elsewhere(h, QlikAt { ca_pem: None, ..h.portal.qlik_at() }),
        "tls",
        Outcome::Failed,
        "does not trust",
    ),
    Row(
        "Qlik is away",
        |h| {
            h.world.add_fault(status("/", 503, "X-1"));
            here(h)
        },
        "tenant",
        Outcome::Failed,
        "error of its own (HTTP 503)",
    ),
    Row(
        "the tenant's alias was given up",
        |h| {
            h.world.set_alias(&h.tenant, "acme-new");
            here(h)
        },
        "tenant",
        Outcome::Failed,
        "no tenant at",
    ),
    Row(
        "a clock that is ten minutes ahead",
        |h| {
            h.portal.clock.advance(mins(10));
            here(h)
        },
        "clock",
        Outcome::Failed,
        "10 min ahead of Qlik’s",
    ),
    Row(
        "a clock that is ten minutes behind",
        |h| {
            h.portal.clock.advance(mins(-10));
            here(h)
        },
        "clock",
        Outcome::Failed,
        "10 min behind Qlik’s",
    ),
    Row("a token that is no key", |h| pasted(h, no_key()), "key_form", Outcome::Failed, "carries no id"),
    Row(
        "an expired key",
        |h| {
            h.advance(days(4));
            here(h)
        },
        "key",
        Outcome::Failed,
        "The API key expired",
    ),
    Row(
        "a revoked key",
        |h| {
            h.world.revoke_key(&h.key_id);
            here(h)
        },
        "key",
        Outcome::Failed,
        "was revoked or deleted",
    ),
    Row(
        "an owner who was disabled",
        |h| {
            h.world.set_user_status(&h.qlik_ada, UserStatus::Disabled);
            here(h)
        },
        "key",
        Outcome::Failed,
        "disabled or deleted",
    ),
    Row(
        "an owner who may no longer manage keys",
        |h| {
            h.world.set_manage_api_keys(&h.qlik_ada, false);
            here(h)
        },
        "key",
        Outcome::Failed,
        "may no longer manage API keys",
    ),
    Row(
        "another tenant's key",
        |h| {
            let other = h.world.add_tenant(NewTenant::new("globex", "us"));
            let eve = h.world.add_user(&other, NewUser::admin("eve@globex.example"));
            pasted(h, h.world.create_key(&eve, "foreign", days(3)).1)
        },
        "key",
        Outcome::Failed,
        "another Qlik tenant",
    ),
    Row(
        "a pasted key that was revoked",
        |h| {
            let (id, token) = h.world.create_key(&h.qlik_ada, "second", days(3));
            h.world.revoke_key(&id);
            pasted(h, token)
        },
        "key",
        Outcome::Failed,
        "was revoked or deleted",
    ),
    Row(
        "a pasted key of somebody who is disabled",
        |h| {
            let bot = h.world.add_user(&h.tenant, bot());
            let token = h.world.create_key(&bot, "bot", days(3)).1;
            h.world.set_user_status(&bot, UserStatus::Disabled);
            pasted(h, token)
        },
        "key",
        Outcome::Failed,
        "disabled or deleted",
    ),
    Row(
        "an owner who is not active though the key works",
        |h| {
            let body = serde_json::json!({
                "id": h.qlik_ada.id, "subject": "s", "name": "Ada", "email": "ada@acme.example",
                "status": "disabled", "assignedRoles": [{ "name": "TenantAdmin" }],
            });
            let effect = Effect::Status {
                status: 200,
                code: String::new(),
                title: String::new(),
                body: Some(body.to_string()),
            };
            h.world.add_fault(Fault::new("/api/v1/users/me", effect));
            here(h)
        },
        "owner",
        Outcome::Failed,
        "not active in Qlik",
    ),
    Row(
        "keys that may not be listed",
        |h| {
            h.world.add_fault(status("/api/v1/api-keys$", 403, "APIKEYS-1"));
            here(h)
        },
        "permission",
        Outcome::Failed,
        "may not manage API keys",
    ),
    Row(
        "a key whose record is gone",
        |h| {
            h.world.add_fault(status("/api/v1/api-keys/*", 404, "APIKEYS-2"));
            here(h)
        },
        "lifetime",
        Outcome::Failed,
        "it was deleted",
    ),
    Row(
        "no room for one more key",
        |h| {
            h.world.set_key_config(&h.tenant, days(30), 1);
            here(h)
        },
        "quota",
        Outcome::Warning,
        "the tenant allows 1",
    ),
    Row(
        "a key of this portal that nobody uses",
        |h| {
            h.world.create_key(&h.qlik_ada, &format!("qonduit:{}:lost", h.ada.portal.id), days(3));
            here(h)
        },
        "quota",
        Outcome::Warning,
        "1 of 2 active keys carry this portal’s mark",
    ),
    Row(
        "users who may not be read",
        |h| {
            h.world.set_may_read_users(&h.qlik_ada, false);
            here(h)
        },
        "read_users",
        Outcome::Failed,
        "may not read the tenant's users",
    ),
    Row(
        "an unknown web integration",
        |h| {
            h.world.delete_web_integration(&h.web);
            here(h)
        },
        "web_integration",
        Outcome::Failed,
        "no web integration with this id",
    ),
    Row(
        "an origin with the wrong port",
        |h| {
            h.world.set_origins(&h.web, ["https://acme.portal.example:8443"]);
            here(h)
        },
        "origin",
        Outcome::Failed,
        "does not list this portal's origin",
    ),
    Row(
        "an identity provider that was deleted",
        |h| {
            for idp in h.world.idps(&h.tenant) {
                h.world.delete_idp(&idp.id);
            }
            here(h)
        },
        "identity_provider",
        Outcome::Failed,
        "was deleted in Qlik",
    ),
    Row(
        "a certificate that was replaced",
        |h| {
            let [idp] = &h.world.idps(&h.tenant)[..] else { panic!("one") };
            h.world.delete_idp(&idp.id);
            h.world.add_jwt_idp(&h.tenant, &idp.issuer, &idp.kid, &other_certificate());
            here(h)
        },
        "identity_provider",
        Outcome::Failed,
        "has another certificate",
    ),
    Row(
        "an issuer that was typed wrong",
        |h| {
            let [idp] = &h.world.idps(&h.tenant)[..] else { panic!("one") };
            let view = block_on(h.portal.settings_view(&h.ada)).identity;
            h.world.delete_idp(&idp.id);
            h.world.add_jwt_idp(&h.tenant, "https://acme.example/typo", &view.kid, &view.certificate_pem);
            here(h)
        },
        "identity_provider",
        Outcome::Failed,
        "names another issuer: https://acme.example/typo",
    ),
    Row(
        "a sign-in that is refused",
        |h| {
            h.world.add_fault(status("/login/jwt-session", 401, "LOGIN-99"));
            here(h)
        },
        "jwt_login",
        Outcome::Failed,
        "refuses the portal's JWT",
    ),
    Row(
        "no CSRF token",
        |h| {
            h.world.add_fault(status("/api/v1/csrf-token", 500, "CSRF-1"));
            here(h)
        },
        "csrf",
        Outcome::Failed,
        "error of its own",
    ),
    Row(
        "apps that can't be read",
        |h| {
            h.world.add_fault(status("/api/v1/items", 500, "ITEMS-1"));
            here(h)
        },
        "apps",
        Outcome::Failed,
        "error of its own",
    ),
    Row(
        "an engine that does not answer",
        |h| {
            h.world.add_fault(status("/app/", 502, "QEP-1"));
            here(h)
        },
        "engine",
        Outcome::Failed,
        "The engine does not answer",
    ),
    Row(
        "429",
        |h| {
            h.world.add_fault(Fault::new("/api/v1/items", Effect::RateLimited { retry_after_s: 13 }));
            here(h)
        },
        "rate",
        Outcome::Failed,
        "held back for 13 s",
    ),
    Row("a Tenant Admin's key", here, "least_rights", Outcome::Advice, "is a Tenant Admin"),
];

fn bot() -> NewUser {
    NewUser { manage_api_keys: true, may_read_users: Some(true), ..NewUser::new("bot@acme.example") }
}

fn no_key() -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    format!("{}.{}.{}", part(r#"{"alg":"ES384"}"#), part(r#"{"sub":"somebody"}"#), part("signature"))
}

fn other_certificate() -> String {
    let clock = backend::testing::FakeClock::new(crate::house::start());
    let (_, certificate) =
        qlik::SigningIdentity::generate("https://x.example", "x", &*clock, &qlik::SystemEntropy).unwrap();
    certificate.pem
}

async fn look(h: &House, look: Look) -> Report {
    match look {
        Look::Stored(portal) => portal.test_connection(&h.ada).await.unwrap(),
        Look::Save(input) => {
            let end = h.portal.save_integration(&h.ada, input).await.unwrap();
            assert!(!end.saved);
            end.report.unwrap()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_check_shows_what_is_wrong_with_its_own_input_and_no_other_does() {
    let mut shown = BTreeSet::new();
    for Row(what, broken, id, outcome, word) in ROWS {
        let h = House::connected().await;
        let report = look(&h, broken(&h)).await;
        let check = report.check(id).unwrap();
        assert_eq!(check.outcome, *outcome, "{what}: {:#?}", report.checks);
        assert!(check.says.contains(word), "{what}: {}", check.says);
        assert!(check.remedy.as_ref().is_some_and(|r| !r.is_empty()), "{what}: what to do?");
        for other in report.checks.iter().filter(|c| c.id != *id) {
            let needs_it = other.says.contains(&format!("it needs: {}.", check.title));
            let held = *id == "rate" && other.says.contains("rate limit is reached");
            let after_held = *id == "rate" && other.says.contains("it needs: The session reads apps.");
            // Whoever owns the key of these connections is a Tenant Admin.
            let advice = other.id == "least_rights" && other.outcome == Outcome::Advice;
            assert!(
                match other.outcome {
                    Outcome::Passed => true,
                    Outcome::NotChecked => needs_it || held || after_held,
                    _ => advice,
                },
                "{what}: {other:#?}"
            );
        }
        assert!(report.checks.iter().any(|c| c.id != *id && c.outcome == Outcome::Passed), "{what}");
        shown.insert(*id);
    }
    assert_eq!(
        shown,
        ids(backend::connection::AuthOption::ApiKey).collect(),
        "a check that never fails in this table proves nothing"
    );
}

#[tokio::test]
async fn where_all_is_well_every_check_passes_and_says_what_it_asked() {
    let h = House::connected().await;
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    let not_passed: Vec<_> = outcomes(&report).into_iter().filter(|(_, o)| *o != Outcome::Passed).collect();
    assert_eq!(not_passed, [("least_rights", Outcome::Advice)]);
    assert_eq!(
        report.checks.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
        ids(backend::connection::AuthOption::ApiKey).collect::<Vec<_>>()
    );
    for check in &report.checks {
        assert!(check.elapsed_ms.is_some(), "{check:?}");
        assert_eq!(check.title, about(&check.id).unwrap().0);
    }
    let asked = |id: &str| report.check(id).unwrap().request.clone().unwrap_or_default();
    assert!(asked("owner").starts_with("GET /api/v1/users/me") && asked("engine").starts_with("WSS"));
    // What was opened for the checks is closed again.
    assert!(h.world.sessions(&h.tenant).is_empty());
}

#[tokio::test]
async fn a_key_of_a_user_with_no_more_than_it_needs_passes_without_advice() {
    let h = House::connected().await;
    let bot = h.world.add_user(&h.tenant, bot());
    let token = h.world.create_key(&bot, "bot", days(3)).1;
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let report = h.portal.save_integration(&h.ada, input).await.unwrap().report.unwrap();
    assert_eq!(report.check("least_rights").unwrap().outcome, Outcome::Passed);
    // What only a Tenant Admin may list is left out, and the sign-in shows that it is there.
    assert_eq!(report.check("identity_provider").unwrap().outcome, Outcome::NotChecked);
    assert_eq!(report.check("jwt_login").unwrap().outcome, Outcome::Passed, "{:#?}", report.checks);
}

#[tokio::test]
async fn the_operator_gets_the_same_report_in_the_name_of_who_saved_the_settings() {
    let h = House::connected().await;
    let report = h.portal.doctor(&h.ada.portal).await.unwrap();
    assert!(report.ok && report.headline.contains("ada@acme.example sees 2 apps"), "{}", report.headline);
}
