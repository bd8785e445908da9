//! All checks, in the order in which they are made.

use futures::future::BoxFuture;

use super::{
    key, reach,
    report::Note,
    subject::{Known, Subject},
    web,
};
use crate::Error;

/// What a check gives.
pub(super) type Made = Result<Note, Error>;

/// One check.
pub(super) struct Spec {
    /// A stable name.
    pub(super) id: &'static str,
    /// What it proves.
    pub(super) proves: &'static str,
    /// The checks without which it means nothing.
    pub(super) needs: &'static [&'static str],
    /// What is asked of Qlik; empty where an earlier answer is looked at.
    pub(super) request: &'static str,
    /// The field of the settings that it is about.
    pub(super) field: Option<&'static str>,
    pub(super) make: for<'a> fn(&'a Subject<'a>, &'a mut Known) -> BoxFuture<'a, Made>,
}

const HOST: Option<&str> = Some("tenant_host");
const KEY: Option<&str> = Some("api_key");
const WEB: Option<&str> = Some("web_integration_id");

macro_rules! check {
    ($id:literal, $proves:literal, needs $needs:expr, asks $request:literal, $field:expr, $make:ident) => {
        check!(@ $id, $proves, $needs, $request, $field, |subject, known| Box::pin(subject.$make(known)))
    };
    // Asks nothing: an earlier answer is looked at.
    ($id:literal, $proves:literal, needs $needs:expr, $field:expr, $make:path) => {
        check!(@ $id, $proves, $needs, "", $field, |subject, known| {
            Box::pin(std::future::ready(Ok($make(subject, known))))
        })
    };
    (@ $id:literal, $proves:literal, $needs:expr, $request:literal, $field:expr, $make:expr) => {
        Spec { id: $id, proves: $proves, needs: &$needs, request: $request, field: $field, make: $make }
    };
}

/// The table.
pub(super) const CHECKS: &[Spec] = &[
    check!("name", "The hostname’s name resolves", needs [], asks "DNS; GET /api/v1/tenants/me", HOST, name),
    check!("reach", "The host can be reached", needs["name"], HOST, reach::reach),
    check!("tls", "The host’s certificate is trusted", needs["reach"], HOST, reach::tls),
    check!("tenant", "The host is a Qlik tenant", needs["tls"], HOST, reach::tenant),
    check!("clock", "This server’s clock is right", needs["tenant"], None, reach::clock),
    check!("key_form", "The key is one of Qlik’s API keys", needs [], KEY, key::key_form),
    check!(
        "key", "The tenant accepts the API key", needs ["tenant", "key_form"],
        asks "GET /api/v1/tenants/me", KEY, key
    ),
    check!("owner", "The key’s owner is active", needs ["key"], asks "GET /api/v1/users/me", KEY, owner),
    check!(
        "permission", "The owner may manage API keys", needs ["owner"],
        asks "GET /api/v1/api-keys?sub={owner}", KEY, permission
    ),
    check!(
        "lifetime", "The key lives long enough", needs ["permission"],
        asks "GET /api/v1/api-keys/{id}, GET /api/v1/api-keys/configs/{tenant}", KEY, lifetime
    ),
    check!("quota", "There is room for the next key", needs ["permission", "lifetime"], KEY, key::quota),
    check!(
        "read_users", "Users can be found by their e-mail", needs ["key"],
        asks "GET /api/v1/users?filter=email eq {e-mail}", KEY, read_users
    ),
    check!(
        "web_integration", "The web integration exists", needs ["key"],
        asks "GET /api/v1/web-integrations/{id}", WEB, web_integration
    ),
    check!(
        "origin",
        "The web integration lists this portal’s origin",
        needs["web_integration"],
        WEB,
        web::origin
    ),
    check!(
        "identity_provider", "The tenant has this portal’s JWT identity provider", needs ["owner"],
        asks "GET /api/v1/identity-providers", None, identity_provider
    ),
    check!(
        "jwt_login", "A user can sign in by JWT",
        needs ["clock", "owner", "read_users", "origin", "identity_provider"],
        asks "POST /login/jwt-session, GET /api/v1/users/me", None, jwt_login
    ),
    check!("csrf", "The session gets a CSRF token", needs ["jwt_login"], asks "GET /api/v1/csrf-token", None, csrf),
    check!("apps", "The session reads apps", needs ["jwt_login"], asks "GET /api/v1/items?resourceType=app", None, apps),
    check!(
        "engine", "The engine answers with that session", needs ["csrf", "apps"],
        asks "WSS /app/{app}: OnConnected, EngineVersion", None, engine
    ),
    check!("least_rights", "The key can do no more than it needs", needs["owner"], KEY, key::least_rights),
    check!("rate", "Qlik’s rate limit is not reached", needs [], None, reach::rate),
];

pub(super) fn spec(id: &str) -> Option<&'static Spec> {
    CHECKS.iter().find(|c| c.id == id)
}

/// The ids of all checks, in their order.
pub fn ids() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|c| c.id)
}

/// What a check proves, and the field that it is about.
pub fn about(id: &str) -> Option<(&'static str, Option<&'static str>)> {
    spec(id).map(|c| (c.proves, c.field))
}
