//! `/api/v1/identity-providers`: JWT ones only, for Tenant Admins only
//! (<https://qlik.dev/manage/automate/identity-provider-create/>).

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Ctx, JsonBody, Params};
use super::pages::{Dialect, Paging};
use super::patch;
use crate::clock::iso;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::{Idp, NewIdp, WorldError, WorldHandle};

const FLAVOUR: Flavour = Flavour::BARE;
const BAD_REQUEST: &str = "IDENTITY-PROVIDERS-9400";
const PATH: &str = "/api/v1/identity-providers";

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
        .route("/api/v1/identity-providers/status", get(status))
        .route("/api/v1/identity-providers/me/meta", get(meta))
        .route("/api/v1/identity-providers/{id}", get(read).patch(describe).delete(remove))
}

fn refuse(status: StatusCode, code: &str, title: &str) -> Refusal {
    Refusal::new(status, code, title).flavour(FLAVOUR)
}

fn unknown() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "IDENTITY-PROVIDERS-9404", "Identity provider not found")
}

fn admins(ctx: &Ctx) -> Answer<()> {
    ctx.admin_only(FLAVOUR, "TenantAdmin role required")
}

fn render(idp: &Idp) -> Value {
    json!({
        "id": idp.id,
        "active": true,
        "interactive": false,
        "protocol": "jwtAuth",
        "provider": "external",
        "description": idp.description,
        "created": iso(idp.created),
        "lastUpdated": iso(idp.updated),
        "clockToleranceSec": idp.clock_tolerance_s,
        "tenantIds": [idp.tenant],
        "options": {
            "jwtLoginEnabled": true,
            "issuer": idp.issuer,
            "staticKeys": [{ "kid": idp.kid, "pem": idp.pem }],
        },
    })
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    admins(&ctx)?;
    let state = ctx.state();
    let wanted = params.get("active").is_none_or(|active| active == "true");
    let all: Vec<&Idp> = state.idps_of(ctx.tenant()).filter(|_| wanted).collect();
    let page = PAGING.page(&ctx.site, PATH, &params, &all, |i| &i.id, |i| render(i))?;
    Ok(Json(page).into_response())
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let state = ctx.state();
    let idp = state.idps_of(ctx.tenant()).find(|i| i.id == id).ok_or_else(unknown)?;
    Ok(Json(render(idp)).into_response())
}

/// Known members only, those of the official example included, so that a client's
/// slip of the pen shows itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    protocol: String,
    provider: Option<String>,
    #[serde(default)]
    description: String,
    clock_tolerance_sec: Option<i64>,
    tenant_ids: Option<Vec<String>>,
    interactive: Option<bool>,
    active: Option<bool>,
    options: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    issuer: String,
    static_keys: Vec<StaticKey>,
    jwt_login_enabled: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StaticKey {
    kid: String,
    pem: String,
}

async fn create(ctx: Ctx, body: JsonBody) -> Answer {
    admins(&ctx)?;
    let body: Body = body.read(FLAVOUR, BAD_REQUEST)?;
    let bad = |title: &str, pointer: &str| patch::bad(title, pointer, FLAVOUR, BAD_REQUEST);
    if body.protocol != "jwtAuth" {
        return Err(bad("The sandbox makes jwtAuth identity providers only", "/protocol"));
    }
    if body.provider.as_deref() != Some("external") {
        return Err(bad("provider must be external for jwtAuth", "/provider"));
    }
    if body.interactive == Some(true) {
        return Err(bad("A jwtAuth identity provider is not interactive", "/interactive"));
    }
    if body.active == Some(false) {
        return Err(bad("The sandbox keeps active identity providers only", "/active"));
    }
    if body.tenant_ids.is_some_and(|ids| ids.iter().any(|id| id != ctx.tenant())) {
        return Err(bad("tenantIds names another tenant", "/tenantIds"));
    }
    let tolerance = body.clock_tolerance_sec.unwrap_or(5);
    if tolerance < 0 {
        return Err(bad("clockToleranceSec must not be negative", "/clockToleranceSec"));
    }
    let options: Options = serde_json::from_value(body.options.unwrap_or_default())
        .map_err(|error| bad("Invalid options", "/options").detail(error.to_string()))?;
    if options.jwt_login_enabled == Some(false) {
        return Err(bad("The sandbox needs jwtLoginEnabled", "/options/jwtLoginEnabled"));
    }
    if options.issuer.is_empty() {
        return Err(bad("issuer is required", "/options/issuer"));
    }
    // "Limited to 1 key per identity provider."
    let [key] = options.static_keys.as_slice() else {
        return Err(bad("staticKeys must hold exactly one key", "/options/staticKeys"));
    };
    if key.kid.is_empty() {
        return Err(bad("kid is required", "/options/staticKeys/0/kid"));
    }
    let mut state = ctx.state();
    // Issuer and kid choose the provider, so two may not share both. No source
    // says what Qlik answers.
    if state.idp_for(ctx.tenant(), &options.issuer, &key.kid).is_some() {
        return Err(refuse(
            StatusCode::CONFLICT,
            "IDENTITY-PROVIDERS-9409",
            "An identity provider with this issuer and kid exists",
        ));
    }
    let new = NewIdp {
        issuer: &options.issuer,
        kid: &key.kid,
        pem: &key.pem,
        description: &body.description,
        clock_tolerance_s: tolerance,
    };
    match state.add_idp(ctx.tenant(), &new) {
        Ok(idp) => Ok((StatusCode::CREATED, Json(render(idp))).into_response()),
        Err(WorldError::Certificate) => Err(bad(
            "pem must be an X.509 certificate with an RSA key of at least 2048 bits",
            "/options/staticKeys/0/pem",
        )),
        Err(_) => Err(unknown()),
    }
}

/// For jwtAuth the description is all that can be changed.
async fn describe(ctx: Ctx, Path(id): Path<String>, body: JsonBody) -> Answer {
    admins(&ctx)?;
    let operations = patch::read(&body, &["/description"], FLAVOUR, BAD_REQUEST)?;
    let mut state = ctx.state();
    let now = state.now();
    let idp = state.idps.iter_mut().find(|i| i.id == id && i.tenant == ctx.tenant()).ok_or_else(unknown)?;
    for operation in operations {
        let text = operation
            .value
            .as_str()
            .ok_or_else(|| patch::bad("The value must be a string", &operation.path, FLAVOUR, BAD_REQUEST))?;
        text.clone_into(&mut idp.description);
        idp.updated = now;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    state.idps_of(ctx.tenant()).find(|i| i.id == id).ok_or_else(unknown)?;
    state.remove_idp(&id).map_err(|_| unknown())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn status(ctx: Ctx) -> Answer {
    admins(&ctx)?;
    let state = ctx.state();
    let corporate = state.tenant(ctx.tenant()).is_some_and(|t| t.corporate_idp);
    let mut metadata: Vec<Value> = state
        .idps_of(ctx.tenant())
        .map(|_| json!({ "active": true, "interactive": false, "provider": "external" }))
        .collect();
    if corporate {
        metadata.push(json!({ "active": true, "interactive": true, "provider": "generic" }));
    }
    Ok(Json(json!({
        "active_interactive_idps_count": u8::from(corporate),
        "idps_metadata": metadata,
    }))
    .into_response())
}

/// Metadata of the default provider, while no interactive one replaces it.
async fn meta(ctx: Ctx) -> Answer<Response> {
    let corporate = ctx.state().tenant(ctx.tenant()).is_some_and(|t| t.corporate_idp);
    if corporate {
        return Err(unknown());
    }
    Ok(Json(json!({
        "userPortalLink": "https://account.myqlik.qlik.com/account",
        "upgradeSubscriptionLink": "",
    }))
    .into_response())
}
