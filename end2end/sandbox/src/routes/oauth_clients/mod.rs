//! `/api/v1/oauth-clients`, for Tenant Admins
//! (<https://qlik.dev/apis/rest/oauth-clients/>). Codes of errors are not published.

mod parts;

use axum::extract::Path;
use axum::response::IntoResponse as _;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::clock::iso;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::routes::extract::{Ctx, JsonBody, Params};
use crate::routes::pages::{Dialect, Paging};
use crate::routes::patch;
use crate::world::oauth::Client;
use crate::world::{Consent, NewClient, State, WorldHandle};

const FLAVOUR: Flavour = Flavour::CORE;
const BAD_REQUEST: &str = "OAUTH-CLIENTS-9400";
const PATH: &str = "/api/v1/oauth-clients";

const PAGING: Paging = Paging {
    dialect: Dialect::NextPrev,
    default_limit: 20,
    flavour: FLAVOUR,
    code: BAD_REQUEST,
    null_links: false,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/api/v1/oauth-clients/{id}", get(read).patch(change).delete(remove))
        .route("/api/v1/oauth-clients/{id}/actions/publish", post(parts::publish))
        .route("/api/v1/oauth-clients/{id}/client-secrets", post(parts::add_secret))
        .route("/api/v1/oauth-clients/{id}/client-secrets/{hint}", delete(parts::remove_secret))
        .route(
            "/api/v1/oauth-clients/{id}/connection-configs/me",
            get(parts::connection).patch(parts::change_connection).delete(parts::disconnect),
        )
}

fn refuse(status: StatusCode, code: &str, title: &str) -> Refusal {
    Refusal::new(status, code, title).flavour(FLAVOUR)
}

fn bad(why: &str, pointer: &str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, BAD_REQUEST, why).pointer(pointer)
}

fn unknown() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "OAUTH-CLIENTS-9404", "OAuth client not found")
}

fn admins(ctx: &Ctx) -> Answer<()> {
    ctx.admin_only(FLAVOUR, "TenantAdmin role required")
}

fn of<'a>(ctx: &Ctx, state: &'a mut State, id: &str) -> Answer<&'a mut Client> {
    state.client_of(ctx.tenant(), id).ok_or_else(unknown)?;
    state.client_mut(id).map_err(|_| unknown())
}

fn render(client: &Client) -> Value {
    let secrets: Vec<_> = client
        .secrets
        .iter()
        .map(|s| json!({ "hint": s.hint, "createdAt": iso(s.created), "createdBy": s.created_by }))
        .collect();
    let mut body = json!({
        "clientId": client.id,
        "clientName": client.name,
        "description": client.description,
        "appType": client.app_type,
        "allowedGrantTypes": client.grants,
        "allowedScopes": client.scopes,
        "allowedAuthMethods": client.auth_methods,
        "allowedOrigins": client.origins,
        "redirectUris": client.redirect_uris,
        "publicKeys": client.public_keys,
        "clientSecrets": secrets,
        "connectionConfig": { "consentMethod": client.consent, "status": "active" },
        "createdAt": iso(client.created),
        "updatedAt": iso(client.updated),
        "createdByType": "user",
    });
    let optional = [
        ("clientUri", client.home_uri.clone()),
        ("logoUri", client.logo_uri.clone()),
        ("jwksUri", client.jwks_uri.clone()),
        ("publishedAt", client.published.map(iso)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    body
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    admins(&ctx)?;
    let state = ctx.state();
    let mut all: Vec<&Client> = state.oauth.clients.iter().filter(|c| c.tenant == ctx.tenant()).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let total = all.len();
    let mut page = PAGING.page(&ctx.site, PATH, &params, &all, |c| &c.id, |c| render(c))?;
    if params.get("totalResults") == Some("true") {
        page["totalResults"] = total.into();
    }
    Ok(Json(page).into_response())
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let state = ctx.state();
    Ok(Json(render(state.client_of(ctx.tenant(), &id).ok_or_else(unknown)?)).into_response())
}

/// The members of `OAuthClientCreateRequest` in `@qlik/api`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    app_type: String,
    client_name: String,
    description: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    jwks_uri: Option<String>,
    allowed_auth_methods: Option<Vec<String>>,
    #[serde(default)]
    allowed_grant_types: Vec<String>,
    #[serde(default)]
    allowed_origins: Vec<String>,
    allowed_scopes: Option<Vec<String>>,
    connection_config: Option<Connection>,
    #[serde(default)]
    public_keys: Vec<Value>,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Connection {
    consent_method: Option<String>,
}

/// What a client must hold to, made or changed.
fn check(
    app_type: &str,
    grants: &[String],
    methods: &[String],
    keys: &[Value],
    redirects: &[String],
) -> Answer<()> {
    let known = ["client_credentials", "urn:qlik:oauth:user-impersonation"];
    if grants.iter().any(|g| !known.contains(&g.as_str())) || (!grants.is_empty() && app_type != "web") {
        return Err(bad("Unknown grant type, or not for this appType", "/allowedGrantTypes"));
    }
    if methods.iter().any(|m| m != "client_secret" && m != "private_key_jwt") {
        return Err(bad("Unknown authentication method", "/allowedAuthMethods"));
    }
    let fits = |key: &Value| {
        ["RS256", "RS512", "ES384"].iter().any(|alg| key["alg"] == *alg)
            && key["kid"].is_string()
            && key["use"] == "sig"
    };
    if !keys.iter().all(fits) {
        return Err(bad("A key needs kid, use sig and alg RS256, RS512 or ES384", "/publicKeys"));
    }
    // Localhost may go without TLS, for development.
    let safe = |uri: &String| {
        Url::parse(uri).is_ok_and(|url| {
            let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1"));
            url.fragment().is_none() && (url.scheme() == "https" || (url.scheme() == "http" && local))
        })
    };
    if app_type != "native" && !redirects.iter().all(safe) {
        return Err(bad("A redirect URI must be https, or http on localhost", "/redirectUris"));
    }
    Ok(())
}

async fn create(ctx: Ctx, body: JsonBody) -> Answer {
    admins(&ctx)?;
    let body: Create = body.read(FLAVOUR, BAD_REQUEST)?;
    if !["web", "native", "spa", "anonymous-embed"].contains(&body.app_type.as_str()) {
        return Err(bad("appType must be web, native, spa or anonymous-embed", "/appType"));
    }
    if body.client_name.is_empty() {
        return Err(bad("clientName is required", "/clientName"));
    }
    let methods = body.allowed_auth_methods.unwrap_or_else(|| vec!["client_secret".into()]);
    check(&body.app_type, &body.allowed_grant_types, &methods, &body.public_keys, &body.redirect_uris)?;
    let consent = match body.connection_config.and_then(|c| c.consent_method).as_deref() {
        None => Consent::Required,
        Some("trusted") => Consent::Trusted,
        Some(_) => return Err(bad("The only allowed value is trusted", "/connectionConfig/consentMethod")),
    };
    let new = NewClient {
        name: body.client_name,
        app_type: body.app_type,
        grants: body.allowed_grant_types,
        scopes: body.allowed_scopes.unwrap_or_else(|| vec!["user_default".into()]),
        redirect_uris: body.redirect_uris,
        origins: body.allowed_origins,
        auth_methods: methods,
        public_keys: body.public_keys,
        consent,
    };
    let mut state = ctx.state();
    let made = state.add_client(ctx.tenant(), new, &ctx.caller.user).map_err(|_| unknown())?;
    let client = of(&ctx, &mut state, &made.id)?;
    client.description = body.description.unwrap_or_default();
    (client.home_uri, client.logo_uri, client.jwks_uri) = (body.client_uri, body.logo_uri, body.jwks_uri);
    let mut answer = render(client);
    if let Some(secret) = made.secrets.first() {
        answer["clientSecret"] = secret.value.as_str().into();
    }
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// The paths of `OAuthClientUpdate`; here `replace` alone is built.
const PATHS: [&str; 11] = [
    "/allowedOrigins",
    "/clientName",
    "/clientUri",
    "/description",
    "/logoUri",
    "/redirectUris",
    "/allowedScopes",
    "/allowedGrantTypes",
    "/publicKeys",
    "/allowedAuthMethods",
    "/jwksUri",
];

async fn change(ctx: Ctx, Path(id): Path<String>, body: JsonBody) -> Answer {
    admins(&ctx)?;
    let operations = patch::read(&body, &PATHS, FLAVOUR, BAD_REQUEST)?;
    let mut state = ctx.state();
    let now = state.now();
    let client = of(&ctx, &mut state, &id)?;
    let mut next = client.clone();
    for operation in operations {
        let wrong = || bad("The value is of the wrong kind", &operation.path);
        let text = || operation.value.as_str().map(str::to_owned).ok_or_else(wrong);
        let texts = || serde_json::from_value::<Vec<String>>(operation.value.clone()).map_err(|_| wrong());
        match operation.path.as_str() {
            "/allowedOrigins" => next.origins = texts()?,
            "/clientName" => next.name = text()?,
            "/clientUri" => next.home_uri = Some(text()?),
            "/description" => next.description = text()?,
            "/logoUri" => next.logo_uri = Some(text()?),
            "/redirectUris" => next.redirect_uris = texts()?,
            "/allowedScopes" => next.scopes = texts()?,
            "/allowedGrantTypes" => next.grants = texts()?,
            "/publicKeys" => next.public_keys = operation.value.as_array().cloned().ok_or_else(wrong)?,
            "/allowedAuthMethods" => next.auth_methods = texts()?,
            _ => next.jwks_uri = Some(text()?),
        }
    }
    check(&next.app_type, &next.grants, &next.auth_methods, &next.public_keys, &next.redirect_uris)?;
    // "Returns 202 with a client secret if one is generated during the update."
    let wants = next.is_confidential() && next.auth_methods.iter().any(|m| m == "client_secret");
    let secret = (wants && next.secrets.is_empty()).then(|| next.add_secret(now, &ctx.caller.user));
    *client = next;
    match secret {
        Some(secret) => {
            Ok((StatusCode::ACCEPTED, Json(json!({ "clientSecret": secret.value }))).into_response())
        }
        None => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn remove(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    of(&ctx, &mut state, &id)?;
    state.remove_client(&id).map_err(|_| unknown())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
