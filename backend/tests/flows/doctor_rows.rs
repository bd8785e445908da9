//! What is wrong in each row of the doctor's table, and which check is to show it.

use backend::{
    doctor::Outcome,
    integration::SaveInput,
    testing::{QlikAt, TestServices},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sandbox::{Effect, Fault, NewTenant, NewUser, UserStatus};

use crate::house::{House, days, mins};

/// What is looked at: the stored connection by this portal, or a form that is
/// saved.
pub(crate) enum Look {
    Stored(TestServices),
    Save(SaveInput),
}

/// A name, what is broken, the check that shows it, how, and a word of what it says.
pub(crate) struct Row(
    pub(crate) &'static str,
    pub(crate) fn(&House) -> Look,
    pub(crate) &'static str,
    pub(crate) Outcome,
    pub(crate) &'static str,
);

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

pub(crate) const ROWS: &[Row] = &[
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
        Outcome::Warning,
        "no tenant at acme.eu.qlikcloud.com any more",
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
        Outcome::Warning,
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

pub(crate) fn bot() -> NewUser {
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
