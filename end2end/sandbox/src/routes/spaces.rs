//! `/api/v1/spaces`: those that the caller sees. A personal space has no entry.

use axum::extract::Path;
use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::extract::{Ctx, Params};
use super::pages::{Dialect, Paging};
use crate::clock::iso;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::{Space, WorldHandle};

const PAGING: Paging = Paging {
    dialect: Dialect::NextPrev,
    default_limit: 10,
    flavour: Flavour::CORE,
    code: "SPACES-9400",
    null_links: false,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/api/v1/spaces", get(list)).route("/api/v1/spaces/{id}", get(read))
}

fn render(ctx: &Ctx, space: &Space) -> Value {
    let link = |tail: &str| json!({ "href": ctx.site.url(&format!("/api/v1/spaces/{}{tail}", space.id)) });
    let member = space.members.contains(&ctx.caller.user);
    json!({
        "id": space.id,
        "tenantId": space.tenant,
        "name": space.name,
        "description": "",
        "type": space.kind,
        "createdAt": iso(space.created),
        "updatedAt": iso(space.created),
        "meta": {
            "actions": ["read"],
            "roles": if member { json!(["consumer"]) } else { json!([]) },
            "assignableRoles": ["consumer", "facilitator"],
        },
        "links": { "self": link(""), "assignments": link("/assignments") },
    })
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    let state = ctx.state();
    let (user, admin) = (ctx.caller.user.as_str(), ctx.caller.rights.admin);
    let kinds: Option<Vec<&str>> = params.get("type").map(|kinds| kinds.split(',').collect());
    let name = params.get("name").map(str::to_lowercase);
    let mut spaces: Vec<&Space> = state
        .spaces
        .iter()
        .filter(|s| s.tenant == ctx.tenant() && state.sees_space(user, admin, s))
        .filter(|s| kinds.as_ref().is_none_or(|kinds| kinds.contains(&s.kind.as_str())))
        .filter(|s| name.as_ref().is_none_or(|name| s.name.to_lowercase().contains(name)))
        .collect();
    let sort = params.get("sort").unwrap_or("+name");
    match sort.trim_start_matches(['+', '-', ' ']) {
        "name" => spaces.sort_by(|a, b| a.name.cmp(&b.name)),
        "type" => spaces.sort_by(|a, b| a.kind.cmp(&b.kind)),
        "createdAt" => spaces.sort_by_key(|s| s.created),
        _ => {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "SPACES-9400", "sort names no sortable field")
                .flavour(Flavour::CORE));
        }
    }
    if sort.starts_with('-') {
        spaces.reverse();
    }
    let count = spaces.len();
    let mut page =
        PAGING.page(&ctx.site, "/api/v1/spaces", &params, &spaces, |s| &s.id, |s| render(&ctx, s))?;
    page["meta"] = json!({ "count": count });
    Ok(Json(page).into_response())
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    let state = ctx.state();
    let space = state
        .spaces
        .iter()
        .find(|s| s.id == id && s.tenant == ctx.tenant())
        .filter(|s| state.sees_space(&ctx.caller.user, ctx.caller.rights.admin, s))
        .ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, "SPACES-9404", "Space not found").flavour(Flavour::CORE)
        })?;
    Ok(Json(render(&ctx, space)).into_response())
}
