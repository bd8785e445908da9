//! `/api/v1/items`: the catalogue of what the caller has access to. The sandbox
//! has apps only.

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
use crate::world::{App, State, WorldHandle};

const FLAVOUR: Flavour = Flavour::ITEMS;
const BAD_REQUEST: &str = "ITEMS-9400";

const PAGING: Paging = Paging {
    dialect: Dialect::NextPrev,
    default_limit: 10,
    flavour: FLAVOUR,
    code: BAD_REQUEST,
    null_links: true,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/api/v1/items", get(list)).route("/api/v1/items/{id}", get(read))
}

fn bad(title: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, BAD_REQUEST, title).flavour(FLAVOUR)
}

fn render(ctx: &Ctx, app: &App, actions: bool) -> Value {
    let link = |path: String| json!({ "href": ctx.site.url(&path) });
    let can: &[&str] = if !actions {
        &[]
    } else if app.owner == ctx.caller.user {
        &["delete", "read", "reload", "update"]
    } else {
        &["read"]
    };
    let mut item = json!({
        "id": app.item_id,
        "tenantId": app.tenant,
        "name": app.name,
        "resourceType": "app",
        "resourceId": app.id,
        "resourceSubType": "",
        "resourceAttributes": {
            "id": app.id,
            "name": app.name,
            "description": app.description,
            "owner": "",
            "ownerId": app.owner,
            "published": false,
            "lastReloadTime": app.reloaded.map(iso).unwrap_or_default(),
        },
        "resourceCustomAttributes": null,
        "resourceCreatedAt": iso(app.created),
        "resourceUpdatedAt": iso(app.updated),
        "ownerId": app.owner,
        "creatorId": app.owner,
        "createdAt": iso(app.created),
        "updatedAt": iso(app.updated),
        "isFavorited": false,
        "collectionIds": [],
        "thumbnailId": "",
        "actions": can,
        "meta": { "isFavorited": false, "actions": can, "tags": [], "collections": [] },
        "links": {
            "self": link(format!("/api/v1/items/{}", app.item_id)),
            "open": link(format!("/sense/app/{}", app.id)),
            "collections": link(format!("/api/v1/items/{}/collections", app.item_id)),
        },
    });
    if !app.description.is_empty() {
        item["description"] = app.description.as_str().into();
    }
    if let Some(space) = &app.space {
        item["spaceId"] = space.as_str().into();
    }
    if let Some(reloaded) = app.reloaded {
        item["resourceReloadEndTime"] = iso(reloaded).into();
        item["resourceReloadStatus"] = "ok".into();
    }
    item
}

fn space_kind<'a>(state: &'a State, app: &App) -> &'a str {
    let space = app.space.as_ref().and_then(|id| state.spaces.iter().find(|s| s.id == *id));
    space.map_or("personal", |space| space.kind.as_str())
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    let state = ctx.state();
    let (user, admin) = (ctx.caller.user.as_str(), ctx.caller.rights.admin);
    if (params.get("resourceId").is_some() || params.get("resourceIds").is_some())
        && params.get("resourceType").is_none()
    {
        return Err(bad("resourceId needs resourceType"));
    }
    let wants_apps = params
        .get("resourceType")
        .is_none_or(|kinds| kinds.split(',').any(|kind| kind.split('[').next() == Some("app")));
    let lower = |name: &str| params.get(name).map(str::to_lowercase);
    let (name, query) = (lower("name"), lower("query"));
    let ids: Option<Vec<&str>> = params.get("resourceIds").map(|ids| ids.split(',').collect());
    let kinds: Option<Vec<&str>> = params.get("spaceType").map(|kinds| kinds.split(',').collect());
    let mut apps: Vec<&App> = state
        .apps
        .iter()
        .filter(|a| wants_apps && a.tenant == ctx.tenant() && state.sees_app(user, admin, a))
        .filter(|a| params.get("id").is_none_or(|id| a.item_id == id))
        .filter(|a| params.get("resourceId").is_none_or(|id| a.id == id))
        .filter(|a| ids.as_ref().is_none_or(|ids| ids.contains(&a.id.as_str())))
        .filter(|a| params.get("ownerId").is_none_or(|id| a.owner == id))
        .filter(|a| params.get("notOwnerId").is_none_or(|id| a.owner != id))
        .filter(|a| match params.get("spaceId") {
            None => true,
            Some("personal") => a.space.is_none(),
            Some(id) => a.space.as_deref() == Some(id),
        })
        .filter(|a| kinds.as_ref().is_none_or(|kinds| kinds.contains(&space_kind(&state, a))))
        .filter(|a| name.as_ref().is_none_or(|text| a.name.to_lowercase().contains(text)))
        .filter(|a| {
            query.as_ref().is_none_or(|text| {
                a.name.to_lowercase().contains(text) || a.description.to_lowercase().contains(text)
            })
        })
        .collect();
    let sort = params.get("sort").unwrap_or("+createdAt");
    // An unencoded "+" arrives as a space.
    match sort.trim_start_matches(['+', '-', ' ']) {
        "name" => apps.sort_by_key(|a| a.name.to_lowercase()),
        "createdAt" => apps.sort_by_key(|a| a.created),
        "updatedAt" | "recentlyUsed" => apps.sort_by_key(|a| a.updated),
        _ => return Err(bad("sort must be one of createdAt, updatedAt, recentlyUsed, name")),
    }
    if sort.starts_with('-') {
        apps.reverse();
    }
    let actions = params.get("noActions") != Some("true");
    let page = PAGING.page(
        &ctx.site,
        "/api/v1/items",
        &params,
        &apps,
        |a| &a.item_id,
        |a| render(&ctx, a, actions),
    )?;
    Ok(Json(page).into_response())
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    let state = ctx.state();
    let app = state
        .apps
        .iter()
        .find(|a| a.item_id == id && a.tenant == ctx.tenant())
        .filter(|a| state.sees_app(&ctx.caller.user, ctx.caller.rights.admin, a))
        .ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, "ITEMS-9404", "Item not found").flavour(FLAVOUR)
        })?;
    Ok(Json(render(&ctx, app, true)).into_response())
}
