//! `/api/v1/tenants`, <https://qlik.dev/manage/tenants/update-tenants>.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;

use super::extract::Ctx;
use crate::clock::iso;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::WorldHandle;

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/api/v1/tenants/me", get(me)).route("/api/v1/tenants/{id}", get(read))
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
    let tenant = state.tenant(&id).filter(|t| t.id == ctx.tenant()).ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "TENANTS-9404", "Tenant not found").flavour(Flavour::CORE)
    })?;
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
        "hostnames": [tenant.permanent_host, tenant.alias_host],
        "createdByUser": null,
        "datacenter": datacenter,
        "region": tenant.region,
        "created": iso(tenant.created),
        "lastUpdated": iso(tenant.created),
        "status": "active",
        "autoAssignCreateSharedSpacesRoleToProfessionals": true,
        "links": { "self": { "href": ctx.site.url(&format!("/api/v1/tenants/{}", tenant.id)) } },
    }))
    .into_response())
}
