//! All checks, in the order in which they are made.

use futures::future::BoxFuture;

use super::{
    account, everyone, key, oauth, reach,
    report::Note,
    subject::{Known, Subject},
    web,
};
use crate::{Error, connection::AuthOption};

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
    /// The options for which it is made.
    options: &'static [AuthOption],
    pub(super) make: for<'a> fn(&'a Subject<'a>, &'a mut Known) -> BoxFuture<'a, Made>,
}

impl Spec {
    /// Whether it is made for this option.
    pub(super) fn is_of(&self, option: AuthOption) -> bool {
        self.options.contains(&option)
    }
}

const ALL: &[AuthOption] = &AuthOption::ALL;
const BY_KEY: &[AuthOption] = &[AuthOption::ApiKey];
const BY_PASSWORD: &[AuthOption] = &[AuthOption::Credentials];
const BY_CLIENT: &[AuthOption] = &[AuthOption::OauthUsers, AuthOption::OauthEveryone];
const BY_CODES: &[AuthOption] = &[AuthOption::OauthUsers];
const FOR_EVERYONE: &[AuthOption] = &[AuthOption::OauthEveryone];
const BY_USERS: &[AuthOption] = &[AuthOption::Credentials, AuthOption::OauthUsers];
/// Where a session is made of cookies.
const COOKIES: &[AuthOption] = &[AuthOption::ApiKey, AuthOption::Credentials];

const HOST: Option<&str> = Some("tenant_host");
const KEY: Option<&str> = Some("api_key");
const WEB: Option<&str> = Some("web_integration_id");
const OPTION: Option<&str> = Some("auth_option");
const CLIENT: Option<&str> = Some("oauth_client_id");
const SECRET: Option<&str> = Some("oauth_client_secret");

macro_rules! check {
    ($options:ident, $id:literal, $proves:literal, needs $needs:expr, asks $request:literal, $field:expr, $make:ident) => {
        check!(@ $options, $id, $proves, $needs, $request, $field, |subject, known| Box::pin(subject.$make(known)))
    };
    // Asks nothing: an earlier answer is looked at.
    ($options:ident, $id:literal, $proves:literal, needs $needs:expr, $field:expr, $make:path) => {
        check!(@ $options, $id, $proves, $needs, "", $field, |subject, known| {
            Box::pin(std::future::ready(Ok($make(subject, known))))
        })
    };
    (@ $options:ident, $id:literal, $proves:literal, $needs:expr, $request:literal, $field:expr, $make:expr) => {
        Spec {
            id: $id, proves: $proves, needs: &$needs, request: $request, field: $field, options: $options,
            make: $make,
        }
    };
}

/// The table. Of needs those count that are made for the same option.
pub(super) const CHECKS: &[Spec] = &[
    check!(ALL, "name", "The hostname’s name resolves", needs [], asks "DNS; GET /api/v1/tenants/me", HOST, name),
    check!(ALL, "reach", "The host can be reached", needs["name"], HOST, reach::reach),
    check!(ALL, "tls", "The host’s certificate is trusted", needs["reach"], HOST, reach::tls),
    check!(ALL, "tenant", "The host is a Qlik tenant", needs["tls"], HOST, reach::tenant),
    check!(ALL, "clock", "This server’s clock is right", needs["tenant"], None, reach::clock),
    check!(BY_KEY, "key_form", "The key is one of Qlik’s API keys", needs [], KEY, key::key_form),
    check!(
        BY_KEY, "key", "The tenant accepts the API key", needs ["tenant", "key_form"],
        asks "GET /api/v1/tenants/me", KEY, key
    ),
    check!(
        BY_KEY, "owner", "The key’s owner is active", needs ["key"],
        asks "GET /api/v1/users/me", KEY, owner
    ),
    check!(
        BY_KEY, "permission", "The owner may manage API keys", needs ["owner"],
        asks "GET /api/v1/api-keys?sub={owner}", KEY, permission
    ),
    check!(
        BY_KEY, "lifetime", "The key lives long enough", needs ["permission"],
        asks "GET /api/v1/api-keys/{id}, GET /api/v1/api-keys/configs/{tenant}", KEY, lifetime
    ),
    check!(BY_KEY, "quota", "There is room for the next key", needs ["permission", "lifetime"], KEY, key::quota),
    check!(
        BY_KEY, "read_users", "Users can be found by their e-mail", needs ["key"],
        asks "GET /api/v1/users?filter=email eq {e-mail}", KEY, read_users
    ),
    check!(
        BY_KEY, "web_integration", "The web integration exists", needs ["key"],
        asks "GET /api/v1/web-integrations/{id}", WEB, web_integration
    ),
    check!(
        BY_KEY,
        "origin",
        "The web integration lists this portal’s origin",
        needs["web_integration"],
        WEB,
        web::origin
    ),
    check!(
        BY_KEY, "identity_provider", "The tenant has this portal’s JWT identity provider", needs ["owner"],
        asks "GET /api/v1/identity-providers", None, identity_provider
    ),
    check!(
        BY_KEY, "jwt_login", "A user can sign in by JWT",
        needs ["clock", "owner", "read_users", "origin", "identity_provider"],
        asks "POST /login/jwt-session, GET /api/v1/users/me", None, jwt_login
    ),
    check!(
        BY_PASSWORD, "web_sign_in", "The tenant takes sign-ins through the web integration", needs ["tenant"],
        asks "GET /login", WEB, web_sign_in
    ),
    check!(
        BY_PASSWORD,
        "sign_in_way",
        "The tenant signs people in with Qlik accounts",
        needs["web_sign_in"],
        OPTION,
        account::sign_in_way
    ),
    check!(
        BY_CLIENT, "oauth_client", "The tenant knows the OAuth client", needs ["tenant"],
        asks "POST /oauth/token", CLIENT, oauth_client
    ),
    check!(
        BY_CLIENT,
        "oauth_secret",
        "The client’s secret is right",
        needs["oauth_client"],
        SECRET,
        oauth::secret
    ),
    check!(
        FOR_EVERYONE, "oauth_grant", "The client may act for itself and for users", needs ["oauth_secret"],
        asks "GET /api/v1/tenants/me, GET /api/v1/users?filter=email eq {e-mail}, POST /oauth/token (impersonation)",
        CLIENT, oauth_grant
    ),
    check!(
        BY_CODES,
        "oauth_code",
        "The client may let users connect",
        needs["oauth_secret"],
        CLIENT,
        oauth::code
    ),
    check!(
        BY_CODES, "oauth_redirect", "Users come back from Qlik to this portal", needs ["oauth_client"],
        asks "GET /oauth/authorize (prompt=none)", CLIENT, oauth_redirect
    ),
    check!(
        FOR_EVERYONE,
        "oauth_consent",
        "The client is trusted in the tenant",
        needs["oauth_grant"],
        CLIENT,
        everyone::consent
    ),
    check!(
        FOR_EVERYONE,
        "oauth_scope",
        "The client’s scopes are enough",
        needs["oauth_grant"],
        CLIENT,
        everyone::scope
    ),
    check!(
        FOR_EVERYONE, "oauth_user", "The portal can act for a user",
        needs ["oauth_consent", "oauth_scope"],
        asks "GET /api/v1/users/me", None, oauth_user
    ),
    check!(
        BY_USERS, "own_session", "Your own sign-in works",
        needs ["sign_in_way", "oauth_code"],
        asks "GET /api/v1/users/me", None, own_session
    ),
    check!(
        COOKIES, "csrf", "The session gets a CSRF token", needs ["jwt_login", "own_session"],
        asks "GET /api/v1/csrf-token", None, csrf
    ),
    check!(
        ALL, "apps", "The session reads apps", needs ["jwt_login", "own_session", "oauth_user"],
        asks "GET /api/v1/items?resourceType=app", None, apps
    ),
    check!(
        ALL, "engine", "The engine answers with that session", needs ["csrf", "apps"],
        asks "WSS /app/{app}: OnConnected, EngineVersion", None, engine
    ),
    check!(
        BY_KEY,
        "least_rights",
        "The key can do no more than it needs",
        needs["owner"],
        KEY,
        key::least_rights
    ),
    check!(ALL, "rate", "Qlik’s rate limit is not reached", needs [], None, reach::rate),
];

pub(super) fn spec(id: &str) -> Option<&'static Spec> {
    CHECKS.iter().find(|c| c.id == id)
}

/// The ids of all checks of an option, in their order.
pub fn ids(option: AuthOption) -> impl Iterator<Item = &'static str> {
    CHECKS.iter().filter(move |c| c.is_of(option)).map(|c| c.id)
}

/// What a check proves, and the field that it is about.
pub fn about(id: &str) -> Option<(&'static str, Option<&'static str>)> {
    spec(id).map(|c| (c.proves, c.field))
}
