//! `/api/v1/roles`: the default roles, and those that users were given.

use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::extract::{Ctx, Params};
use super::pages::{Dialect, Paging};
use crate::clock::iso;
use crate::envelope::{Answer, Flavour};
use crate::world::WorldHandle;

/// Name and level of some of Qlik's default roles, unspaced as in the API. The
/// Developer role is gone: <https://qlik.dev/changelog/198-developer-role-removal>.
const DEFAULT_ROLES: [(&str, &str); 8] = [
    ("TenantAdmin", "admin"),
    ("AnalyticsAdmin", "admin"),
    ("DataAdmin", "admin"),
    ("AuditAdmin", "admin"),
    ("SharedSpaceCreator", "user"),
    ("ManagedSpaceCreator", "user"),
    ("DataSpaceCreator", "user"),
    ("Steward", "user"),
];

const PAGING: Paging = Paging {
    dialect: Dialect::NextPrev,
    default_limit: 20,
    flavour: Flavour::CORE,
    code: "ROLES-9400",
    null_links: false,
};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/api/v1/roles", get(list))
}

/// A role's id: derived from its name, since the sandbox keeps no roles.
pub(crate) fn role_id(name: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    crate::ids::hex(&digest.as_ref()[..12])
}

/// A role as it appears at a user.
pub(crate) fn reference(name: &str) -> Value {
    let default = DEFAULT_ROLES.iter().find(|(known, _)| *known == name);
    json!({
        "id": role_id(name),
        "name": name,
        "type": if default.is_some() { "default" } else { "custom" },
        "level": default.map_or("user", |(_, level)| level),
    })
}

async fn list(ctx: Ctx, params: Params) -> Answer {
    let state = ctx.state();
    let mut names: Vec<&str> = DEFAULT_ROLES.iter().map(|(name, _)| *name).collect();
    for user in state.users_of(ctx.tenant()) {
        for role in &user.roles {
            if !names.contains(&role.as_str()) {
                names.push(role);
            }
        }
    }
    names.sort_unstable();
    let created = state.tenant(ctx.tenant()).map(|t| iso(t.created));
    let render = |name: &&str| {
        let mut role = reference(name);
        role["tenantId"] = ctx.tenant().into();
        role["description"] = "".into();
        role["assignedScopes"] = json!([]);
        role["permissions"] = json!([]);
        role["createdAt"] = created.clone().into();
        role["lastUpdatedAt"] = created.clone().into();
        role["links"] =
            json!({ "self": { "href": ctx.site.url(&format!("/api/v1/roles/{}", role_id(name))) } });
        role
    };
    let page = PAGING.page(&ctx.site, "/api/v1/roles", &params, &names, |name| name, render)?;
    Ok(Json(page).into_response())
}
