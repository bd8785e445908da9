//! `/api/v1/tenants`, <https://qlik.dev/manage/tenants/update-tenants>.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;

use super::extract::{Ctx, JsonBody};
use super::patch;
use crate::clock::iso;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::{Tenant, WorldHandle};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/api/v1/tenants/me", get(me)).route("/api/v1/tenants/{id}", get(read).patch(change))
}

const FLAVOUR: Flavour = Flavour::CORE;
const BAD_REQUEST: &str = "TENANTS-9400";

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "TENANTS-9404", "Tenant not found").flavour(FLAVOUR)
}

/// "Redirects to retrieve the tenant that the user accessing this API is part of".
async fn me(ctx: Ctx) -> Response {
    found(ctx.site.url(&format!("/api/v1/tenants/{}", ctx.tenant())))
}

/// 302 with an absolute location.
pub(crate) fn found(location: String) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

async fn read(ctx: Ctx, Path(id): Path<String>) -> Answer {
    let state = ctx.state();
    let tenant = state.tenant(&id).filter(|t| t.id == ctx.tenant()).ok_or_else(unknown)?;
    // Qlik names datacenters by their cloud region; only the form matters here.
    let datacenter = match tenant.region.as_str() {
        "us" => "us-east-1",
        "eu" => "eu-west-1",
        "uk" => "eu-west-2",
        "de" => "eu-central-1",
        other => other,
    };
    Ok(Json(json!({
        "id": tenant.id,
        "name": tenant.name,
        // The generated name comes first, aliases follow.
        "hostnames": std::iter::once(&tenant.permanent_host).chain(&tenant.alias_host).collect::<Vec<_>>(),
        "createdByUser": null,
        "datacenter": datacenter,
        "region": tenant.region,
        "created": iso(tenant.created),
        "lastUpdated": iso(tenant.updated),
        "status": "active",
        "autoAssignCreateSharedSpacesRoleToProfessionals": true,
        "links": { "self": { "href": ctx.site.url(&format!("/api/v1/tenants/{}", tenant.id)) } },
    }))
    .into_response())
}

/// What a patch may replace (`@qlik/api`, `TenantPatchSchema`). The original hostname is
/// none of it: that never changes.
const ALIAS: &str = "/hostnames/1";
const PATHS: [&str; 7] = [
    "/name",
    ALIAS,
    "/autoAssignCreateSharedSpacesRoleToProfessionals",
    "/autoAssignPrivateAnalyticsContentCreatorRoleToProfessionals",
    "/autoAssignDataServicesContributorRoleToProfessionals",
    "/enableAnalyticCreation",
    "/enableAppOpeningFeedback",
];

/// Renames the tenant or its alias; all or nothing. From then on the old alias is no
/// hostname of any tenant and answers as such, `LOGIN-2`.
async fn change(ctx: Ctx, Path(id): Path<String>, body: JsonBody) -> Answer {
    ctx.admin_only(FLAVOUR, "Forbidden")?;
    let mut state = ctx.state();
    let tenant = state.tenant(&id).filter(|t| t.id == ctx.tenant()).ok_or_else(unknown)?;
    let region = format!(".{}.qlikcloud.com", tenant.region);
    let operations = patch::read(&body, &PATHS, FLAVOUR, BAD_REQUEST)?;
    let bad = |title: &str, path: &str| patch::bad(title, path, FLAVOUR, BAD_REQUEST);
    let (mut name, mut alias) = (None, None);
    for operation in &operations {
        let path = operation.path.as_str();
        let text = operation.value.as_str().filter(|text| !text.is_empty());
        match path {
            "/name" => name = Some(text.ok_or_else(|| bad("The value must be a string", path))?.to_owned()),
            ALIAS => {
                let host = text.filter(|host| is_alias(host, &region));
                let host = host.ok_or_else(|| bad("The value must be a hostname of the region", path))?;
                alias = Some(host.to_owned());
            }
            _ if operation.value.is_boolean() => {}
            _ => return Err(bad("The value must be a boolean", path)),
        }
    }
    if let Some(host) = alias {
        // To name the alias that the tenant has is no change.
        if !state.tenant(&id).is_some_and(|tenant| tenant.has_host(&host)) {
            state.set_alias_host(&id, Some(host)).map_err(|_| bad("The hostname is taken", ALIAS))?;
        }
    }
    let now = state.now();
    let tenant: &mut Tenant = state.find_tenant_mut(&id).map_err(|_| unknown())?;
    tenant.name = name.unwrap_or_else(|| tenant.name.clone());
    tenant.updated = now;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// One label before the region's part.
fn is_alias(host: &str, region: &str) -> bool {
    host.to_ascii_lowercase().strip_suffix(region).is_some_and(|label| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}
