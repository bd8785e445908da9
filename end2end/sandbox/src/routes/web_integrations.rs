//! `/api/v1/web-integrations`, <https://qlik.dev/apis/rest/web-integrations>.
//! Whether others than Tenant Admins may read them is not published: a switch.

use axum::extract::Path;
use axum::response::IntoResponse as _;
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
use crate::world::{WebIntegration, WorldHandle, is_origin};

const FLAVOUR: Flavour = Flavour::COMMON;
const BAD_REQUEST: &str = "WEB-INTEGRATIONS-9400";

const PAGING: Paging = Paging {
    dialect: Dialect::StartingAfter,
    default_limit: 10,
    flavour: FLAVOUR,
    code: BAD_REQUEST,
    null_links: true,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new()
        .route("/api/v1/web-integrations", get(list).post(create))
        .route("/api/v1/web-integrations/{id}", get(read).patch(change).delete(remove))
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "WEB-INTEGRATIONS-9404", "Web integration not found")
}

fn may_read(ctx: &Ctx) -> Answer<()> {
    if ctx.state().switches.web_integrations_need_admin {
        ctx.admin_only(FLAVOUR, "Requestor not allowed to read web integrations")?;
    }
    Ok(())
}

fn render(integration: &WebIntegration) -> Value {
    json!({
        "id": integration.id,
        "name": integration.name,
        "tenantId": integration.tenant,
        "validOrigins": integration.valid_origins,
        "created": iso(integration.created),
        "createdBy": integration.created_by,
        "lastUpdated": iso(integration.updated),
    })
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    may_read(&ctx)?;
    let state = ctx.state();
    let mut all: Vec<&WebIntegration> = state.integrations_of(ctx.tenant()).collect();
    match params.get("sort").map(|sort| (sort.trim_start_matches(['+', '-', ' ']), sort.starts_with('-'))) {
        None => {}
        Some(("name", descending)) => {
            all.sort_by(|a, b| a.name.cmp(&b.name));
            if descending {
                all.reverse();
            }
        }
        Some(_) => {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, BAD_REQUEST, "sort must be name"));
        }
    }
    let page = PAGING.page(&ctx.site, "/api/v1/web-integrations", &params, &all, |w| &w.id, |w| render(w))?;
    Ok(Json(page).into_response())
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    may_read(&ctx)?;
    let state = ctx.state();
    let integration = state.integration_of(ctx.tenant(), &id).ok_or_else(unknown)?;
    Ok(Json(render(integration)).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewIntegration {
    name: String,
    #[serde(default)]
    valid_origins: Vec<String>,
}

fn check_origins(origins: &[String], pointer: &str) -> Answer<()> {
    match origins.iter().find(|origin| !is_origin(origin)) {
        None => Ok(()),
        Some(origin) => Err(patch::bad("Invalid origin", pointer, FLAVOUR, BAD_REQUEST)
            .detail(format!("{origin:?} is not scheme://host or scheme://host:port"))),
    }
}

async fn create(ctx: Ctx, body: JsonBody) -> Answer {
    ctx.admin_only(FLAVOUR, "Requestor not allowed to create a web integration")?;
    let new: NewIntegration = body.read(FLAVOUR, BAD_REQUEST)?;
    if new.name.trim().is_empty() {
        return Err(patch::bad("name is required", "/name", FLAVOUR, BAD_REQUEST));
    }
    check_origins(&new.valid_origins, "/validOrigins")?;
    let mut state = ctx.state();
    let made = state
        .add_web_integration(ctx.tenant(), &new.name, new.valid_origins, &ctx.caller.user)
        .map_err(|_| unknown())?;
    let mut rendered = render(made);
    let link = ctx.site.url(&format!("/api/v1/web-integrations/{}", made.id));
    rendered["links"] = json!({ "self": { "href": link } });
    Ok((StatusCode::CREATED, Json(rendered)).into_response())
}

/// The schema calls `value` a string although `validOrigins` is an array: an array
/// is taken, and a string that holds one origin.
async fn change(ctx: Ctx, Path(id): Path<String>, body: JsonBody) -> Answer {
    ctx.admin_only(FLAVOUR, "Requestor not allowed to change web integrations")?;
    let operations = patch::read(&body, &["/name", "/validOrigins"], FLAVOUR, BAD_REQUEST)?;
    let mut state = ctx.state();
    let mut copy = state.integration_of(ctx.tenant(), &id).ok_or_else(unknown)?.clone();
    for operation in operations {
        let bad = |title| patch::bad(title, &operation.path, FLAVOUR, BAD_REQUEST);
        if operation.path == "/name" {
            let name = operation.value.as_str().filter(|name| !name.trim().is_empty());
            name.ok_or_else(|| bad("The value must be a string"))?.clone_into(&mut copy.name);
        } else {
            let origins: Vec<String> = match operation.value {
                Value::String(origin) => vec![origin],
                value => {
                    serde_json::from_value(value).map_err(|_| bad("The value must be an array of strings"))?
                }
            };
            check_origins(&origins, "/validOrigins")?;
            copy.valid_origins = origins;
        }
    }
    let integration = state.integration_mut(&id).map_err(|_| unknown())?;
    integration.name = copy.name;
    integration.valid_origins = copy.valid_origins;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove(ctx: Ctx, Path(id): Path<String>) -> Answer {
    ctx.admin_only(FLAVOUR, "Requestor not allowed to delete web integrations")?;
    let mut state = ctx.state();
    state.integration_of(ctx.tenant(), &id).ok_or_else(unknown)?;
    state.remove_web_integration(&id).map_err(|_| unknown())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
