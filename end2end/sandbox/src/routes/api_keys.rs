//! `/api/v1/api-keys`, <https://qlik.dev/apis/rest/api-keys>.
//!
//! Qlik publishes no error codes for these refusals, only the form `APIKEYS-n`.
//! The numbers here are made up and lie far outside any that Qlik may use.

use axum::extract::{Path, State as Shared};
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
use crate::duration;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::{Key, KeyRefusal, WorldHandle};

const FLAVOUR: Flavour = Flavour::BARE;
const BAD_REQUEST: &str = "APIKEYS-9400";
const FORBIDDEN: &str = "APIKEYS-9403";
const NOT_FOUND: &str = "APIKEYS-9404";
const QUOTA: &str = "APIKEYS-9405";
const TOO_LONG: &str = "APIKEYS-9406";

const PAGING: Paging = Paging {
    dialect: Dialect::StartingAfter,
    default_limit: 20,
    flavour: FLAVOUR,
    code: BAD_REQUEST,
    null_links: false,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new()
        .route("/api/v1/api-keys", get(list).post(create))
        .route("/api/v1/api-keys/{id}", get(read).patch(rename).delete(remove))
        .route("/api/v1/api-keys/configs/{tenant}", get(read_config).patch(change_config))
}

fn refuse(status: StatusCode, code: &str, title: &str) -> Refusal {
    Refusal::new(status, code, title).flavour(FLAVOUR)
}

fn unknown() -> Refusal {
    refuse(StatusCode::NOT_FOUND, NOT_FOUND, "API key not found")
}

fn render(key: &Key, now: jiff::Timestamp) -> Value {
    json!({
        "id": key.id,
        "tenantId": key.tenant,
        "description": key.description,
        "status": key.status(now).as_str(),
        "sub": key.owner,
        "subType": "user",
        "expiry": iso(key.expiry),
        "createdByUser": key.created_by,
        "created": iso(key.created),
        "lastUpdated": iso(key.updated),
    })
}

/// Who is no Tenant Admin sees his own keys; to name another user is forbidden:
/// listing those needs the role.
async fn list(ctx: Ctx, params: Params) -> Answer {
    let state = ctx.state();
    let now = state.now();
    for name in ["sub", "createdByUser"] {
        if params.get(name).is_some_and(|user| user != ctx.caller.user) && !ctx.caller.rights.admin {
            return Err(refuse(
                StatusCode::FORBIDDEN,
                FORBIDDEN,
                "Not allowed to list the API keys of other users",
            ));
        }
    }
    if let Some(status) = params.get("status")
        && !["active", "expired", "revoked"].contains(&status)
    {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            BAD_REQUEST,
            "status must be active, expired or revoked",
        ));
    }
    let mut keys: Vec<&Key> = state
        .keys
        .iter()
        .filter(|k| k.tenant == ctx.tenant() && !k.deleted)
        .filter(|k| ctx.caller.rights.admin || k.owner == ctx.caller.user)
        .filter(|k| params.get("sub").is_none_or(|sub| k.owner == sub))
        .filter(|k| params.get("createdByUser").is_none_or(|user| k.created_by == user))
        .filter(|k| params.get("status").is_none_or(|status| k.status(now).as_str() == status))
        .collect();
    let sort = params.get("sort").unwrap_or("-created");
    match sort.trim_start_matches(['+', '-', ' ']) {
        "created" => keys.sort_by_key(|k| k.created),
        "description" => keys.sort_by(|a, b| a.description.cmp(&b.description)),
        "sub" => keys.sort_by(|a, b| a.owner.cmp(&b.owner)),
        "createdByUser" => keys.sort_by(|a, b| a.created_by.cmp(&b.created_by)),
        "status" => keys.sort_by_key(|k| k.status(now).as_str()),
        _ => return Err(refuse(StatusCode::BAD_REQUEST, BAD_REQUEST, "sort names no sortable field")),
    }
    if sort.starts_with('-') {
        keys.reverse();
    }
    let page = PAGING.page(&ctx.site, "/api/v1/api-keys", &params, &keys, |k| &k.id, |k| render(k, now))?;
    Ok(Json(page).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewKey {
    description: Option<String>,
    expiry: Option<String>,
    sub: Option<String>,
    sub_type: Option<String>,
}

async fn create(ctx: Ctx, body: JsonBody) -> Answer {
    let new: NewKey = body.read(FLAVOUR, BAD_REQUEST)?;
    let mut state = ctx.state();
    let description = new.description.filter(|text| !text.trim().is_empty()).ok_or_else(|| {
        refuse(StatusCode::BAD_REQUEST, BAD_REQUEST, "description is required").pointer("/description")
    })?;
    if new.sub_type.as_deref().is_some_and(|kind| kind != "user") {
        return Err(refuse(StatusCode::BAD_REQUEST, BAD_REQUEST, "Only subType user is supported here")
            .pointer("/subType"));
    }
    // In practice 403 even for a Tenant Admin:
    // https://community.qlik.com/t5/Integration-Extension-APIs/Creating-an-API-key-for-another-user/td-p/2063143
    if !ctx.caller.rights.manage_api_keys || new.sub.is_some_and(|sub| sub != ctx.caller.user) {
        return Err(refuse(StatusCode::FORBIDDEN, FORBIDDEN, "Requestor not allowed to create an API key"));
    }
    let lifetime = match new.expiry {
        None => None,
        Some(text) => Some(duration::parse(&text, state.now()).ok_or_else(|| {
            refuse(StatusCode::BAD_REQUEST, BAD_REQUEST, "expiry must be an ISO 8601 duration")
                .pointer("/expiry")
        })?),
    };
    let key = state.issue_key(ctx.tenant(), &ctx.caller.user, &description, lifetime).map_err(|refusal| {
        match refusal {
            KeyRefusal::Quota { limit } => {
                refuse(StatusCode::FORBIDDEN, QUOTA, "The user has reached the limit of active API keys")
                    .detail(format!("At most {limit} active API keys are allowed per user"))
            }
            KeyRefusal::TooLong { maximum } => {
                refuse(StatusCode::BAD_REQUEST, TOO_LONG, "expiry is beyond the tenant's maximum")
                    .detail(format!("The maximum is {maximum}"))
                    .pointer("/expiry")
            }
        }
    })?;
    let mut rendered = render(&key, state.now());
    rendered["token"] = key.token.into();
    Ok((StatusCode::CREATED, Json(rendered)).into_response())
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    let state = ctx.state();
    let key = state.key_of(ctx.tenant(), &id).ok_or_else(unknown)?;
    own_or_admin(&ctx, key)?;
    Ok(Json(render(key, state.now())).into_response())
}

fn own_or_admin(ctx: &Ctx, key: &Key) -> Answer<()> {
    if key.owner == ctx.caller.user || ctx.caller.rights.admin {
        return Ok(());
    }
    Err(refuse(StatusCode::FORBIDDEN, FORBIDDEN, "Not allowed to access the API key of another user"))
}

/// The description is the only thing about a key that can be changed.
async fn rename(ctx: Ctx, Path(id): Path<String>, body: JsonBody) -> Answer {
    let operations = patch::read(&body, &["/description"], FLAVOUR, BAD_REQUEST)?;
    let mut state = ctx.state();
    let key = state.key_of(ctx.tenant(), &id).ok_or_else(unknown)?;
    own_or_admin(&ctx, key)?;
    let now = state.now();
    for operation in operations {
        let description = operation
            .value
            .as_str()
            .ok_or_else(|| patch::bad("The value must be a string", &operation.path, FLAVOUR, BAD_REQUEST))?;
        let key = state.key_mut(&id).map_err(|_| unknown())?;
        description.clone_into(&mut key.description);
        key.updated = now;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The owner removes a key, a Tenant Admin revokes that of another:
/// <https://help.qlik.com/en-US/cloud-admin-playbook/Content/identity_and_access/review_api_keys.md>.
/// A Tenant Admin's own key is removed: the event speaks of the owner first.
async fn remove(ctx: Ctx, Path(id): Path<String>) -> Answer {
    let mut state = ctx.state();
    let key = state.key_of(ctx.tenant(), &id).ok_or_else(unknown)?;
    own_or_admin(&ctx, key)?;
    let own = key.owner == ctx.caller.user;
    let now = state.now();
    let key = state.key_mut(&id).map_err(|_| unknown())?;
    if own {
        key.deleted = true;
    } else {
        key.revoked = true;
    }
    key.updated = now;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn read_config(ctx: Ctx, Path(tenant): Path<String>) -> Answer {
    let state = ctx.state();
    if state.switches.key_config_needs_admin {
        ctx.admin_only(FLAVOUR, "Forbidden")?;
    }
    if tenant != ctx.tenant() {
        return Err(refuse(StatusCode::NOT_FOUND, NOT_FOUND, "Tenant not found"));
    }
    let config = &state.tenant(&tenant).ok_or_else(unknown)?.key_config;
    Ok(Json(json!({
        "max_api_key_expiry": config.max_api_key_expiry,
        "max_keys_per_user": config.max_keys_per_user,
        "scim_externalClient_expiry": config.scim_external_client_expiry,
    }))
    .into_response())
}

async fn change_config(
    ctx: Ctx,
    Shared(world): Shared<WorldHandle>,
    Path(tenant): Path<String>,
    body: JsonBody,
) -> Answer<Response> {
    ctx.admin_only(FLAVOUR, "Forbidden")?;
    if tenant != ctx.tenant() {
        return Err(refuse(StatusCode::NOT_FOUND, NOT_FOUND, "Tenant not found"));
    }
    let paths = ["/max_api_key_expiry", "/max_keys_per_user", "/scim_externalClient_expiry"];
    let operations = patch::read(&body, &paths, FLAVOUR, BAD_REQUEST)?;
    let mut state = world.lock();
    let now = state.now();
    // All or nothing: the copy replaces the configuration once every value is good.
    let mut config = state.tenant(&tenant).ok_or_else(unknown)?.key_config.clone();
    for operation in &operations {
        let bad = |title: &str| patch::bad(title, &operation.path, FLAVOUR, BAD_REQUEST);
        if operation.path == "/max_keys_per_user" {
            let count = operation.value.as_u64().filter(|count| *count <= 1_000);
            config.max_keys_per_user = count
                .and_then(|count| u32::try_from(count).ok())
                .ok_or_else(|| bad("The value must be a number from 0 to 1000"))?;
            continue;
        }
        let text = operation
            .value
            .as_str()
            .filter(|text| duration::parse(text, now).is_some())
            .ok_or_else(|| bad("The value must be an ISO 8601 duration"))?;
        if operation.path == "/max_api_key_expiry" {
            text.clone_into(&mut config.max_api_key_expiry);
        } else {
            text.clone_into(&mut config.scim_external_client_expiry);
        }
    }
    state.find_tenant_mut(&tenant).map_err(|_| unknown())?.key_config = config;
    Ok(StatusCode::NO_CONTENT.into_response())
}
