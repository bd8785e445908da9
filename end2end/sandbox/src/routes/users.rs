//! `/api/v1/users`. Who may read other users is not published; here it takes a
//! Tenant Admin or a user who was given that right. To delete one takes a Tenant Admin.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Ctx, JsonBody, Params};
use super::pages::{Dialect, Paging};
use super::roles;
use super::scim::Filter;
use super::tenants::found;
use crate::clock::iso;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::{State, User, WorldHandle};

const FLAVOUR: Flavour = Flavour::USERS;
const BAD_REQUEST: &str = "USERS-9400";

const PAGING: Paging = Paging {
    dialect: Dialect::NextPrev,
    default_limit: 20,
    flavour: FLAVOUR,
    code: BAD_REQUEST,
    null_links: false,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new()
        .route("/api/v1/users", get(list))
        .route("/api/v1/users/me", get(me))
        .route("/api/v1/users/actions/filter", post(filter))
        .route("/api/v1/users/actions/count", get(count))
        .route("/api/v1/users/{id}", get(read).delete(remove))
}

fn refuse(status: StatusCode, code: &str, title: &str) -> Refusal {
    Refusal::new(status, code, title).flavour(FLAVOUR)
}

fn may_read_others(ctx: &Ctx) -> Answer<()> {
    if ctx.caller.rights.read_users {
        return Ok(());
    }
    Err(refuse(StatusCode::FORBIDDEN, "USERS-9403", "Not allowed to read users"))
}

/// "Redirects to retrieve the user resource associated with the JWT claims".
async fn me(ctx: Ctx) -> Response {
    found(ctx.site.url(&format!("/api/v1/users/{}", ctx.caller.user)))
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    let state = ctx.state();
    if id != ctx.caller.user {
        may_read_others(&ctx)?;
    }
    let user = state.shown_users(ctx.tenant()).find(|user| user.id == id).ok_or_else(unknown)?;
    Ok(Json(render(&ctx, &state, user)).into_response())
}

/// Code and title are those of the documented example.
fn unknown() -> Refusal {
    refuse(StatusCode::NOT_FOUND, "USERS-7", "Not found")
}

async fn remove(ctx: Ctx, Path(id): Path<String>) -> Answer {
    ctx.admin_only(FLAVOUR, "Not allowed to delete users")?;
    let mut state = ctx.state();
    state.user_of(ctx.tenant(), &id).ok_or_else(unknown)?;
    state.delete_user(&id).map_err(|_| unknown())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The Unix time of an invitation's end is given in seconds.
fn render(ctx: &Ctx, state: &State, user: &User) -> Value {
    let mut scopes = Vec::new();
    if user.manage_api_keys && state.switches.list_key_scope {
        scopes.push("api-keys");
    }
    let groups: Vec<_> = user
        .groups
        .iter()
        .map(|name| json!({ "id": roles::role_id(name), "name": name, "providerType": "idp" }))
        .collect();
    let mut body = json!({
        "id": user.id,
        "tenantId": user.tenant,
        "subject": user.subject,
        "name": user.name,
        "status": user.status.as_str(),
        "assignedGroups": groups,
        "assignedScopes": scopes,
        "locale": "en",
        "zoneinfo": "Etc/UTC",
        "preferredLocale": "en",
        "preferredZoneinfo": "Etc/UTC",
        "createdAt": iso(user.created),
        "lastUpdatedAt": iso(user.updated),
        "links": { "self": { "href": ctx.site.url(&format!("/api/v1/users/{}", user.id)) } },
    });
    if let Some(email) = user.visible_email() {
        body["email"] = email.into();
    }
    if let Some(end) = user.invite_expiry {
        body["inviteExpiry"] = end.as_second().into();
    }
    // "Must have access to roles to view other users' assigned roles."
    if user.id == ctx.caller.user || ctx.caller.rights.admin {
        body["assignedRoles"] = user.roles.iter().map(|name| roles::reference(name)).collect();
    }
    body
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    find(&ctx, "/api/v1/users", &params, params.get("filter"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterBody {
    filter: Option<String>,
}

async fn filter(ctx: Ctx, params: Params, body: JsonBody) -> Answer {
    let body: FilterBody = body.read(FLAVOUR, BAD_REQUEST)?;
    find(&ctx, "/api/v1/users/actions/filter", &params, body.filter.as_deref())
}

async fn count(ctx: Ctx) -> Answer {
    may_read_others(&ctx)?;
    Ok(Json(json!({ "total": ctx.state().users_of(ctx.tenant()).count() })).into_response())
}

fn find(ctx: &Ctx, path: &str, params: &Params, filter: Option<&str>) -> Answer {
    may_read_others(ctx)?;
    let bad = |title: &str| refuse(StatusCode::BAD_REQUEST, BAD_REQUEST, title);
    let filter = match filter.filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(Filter::parse(text).map_err(|why| bad("Invalid filter").detail(why))?),
    };
    let state = ctx.state();
    let mut users: Vec<&User> = state
        .shown_users(ctx.tenant())
        .filter(|user| filter.as_ref().is_none_or(|filter| matches(filter, user)))
        .collect();
    let sort = params.get("sort").unwrap_or("+id");
    match sort.trim_start_matches(['+', '-', ' ']) {
        "id" | "_id" => users.sort_by(|a, b| a.id.cmp(&b.id)),
        "name" => users.sort_by(|a, b| a.name.cmp(&b.name)),
        "email" => users.sort_by(|a, b| a.email.cmp(&b.email)),
        "subject" => users.sort_by(|a, b| a.subject.cmp(&b.subject)),
        "status" => users.sort_by_key(|u| u.status.as_str()),
        "createdAt" => users.sort_by_key(|u| u.created),
        _ => return Err(bad("sort names no sortable field")),
    }
    if sort.starts_with('-') {
        users.reverse();
    }
    let total = users.len();
    let mut page = PAGING.page(&ctx.site, path, params, &users, |u| &u.id, |u| render(ctx, &state, u))?;
    if params.get("totalResults") == Some("true") {
        page["totalResults"] = total.into();
    }
    Ok(Json(page).into_response())
}

fn matches(filter: &Filter, user: &User) -> bool {
    let role_ids: Vec<String> = user.roles.iter().map(|name| roles::role_id(name)).collect();
    let group_ids: Vec<String> = user.groups.iter().map(|name| roles::role_id(name)).collect();
    let values = |field: &str| -> Vec<&str> {
        match field {
            "id" => vec![&user.id],
            "subject" => vec![&user.subject],
            "name" => vec![&user.name],
            "email" => user.visible_email().into_iter().collect(),
            "status" => vec![user.status.as_str()],
            "assignedRoles.name" => user.roles.iter().map(String::as_str).collect(),
            "assignedRoles.id" => role_ids.iter().map(String::as_str).collect(),
            "assignedGroups.id" => group_ids.iter().map(String::as_str).collect(),
            "assignedScopes" if user.manage_api_keys => vec!["api-keys"],
            _ => Vec::new(),
        }
    };
    filter.holds(&values)
}
