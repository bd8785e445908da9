//! `/api/core/auth-settings`: how long cookie sessions last; for Tenant Admins.

use axum::response::IntoResponse as _;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::extract::Ctx;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::WorldHandle;

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/api/core/auth-settings", get(read))
}

async fn read(ctx: Ctx) -> Answer {
    ctx.admin_only(Flavour::CORE, "TenantAdmin role required")?;
    let state = ctx.state();
    let tenant = state.tenant(ctx.tenant()).ok_or_else(Refusal::not_found)?;
    Ok(Json(json!({
        "tenantId": tenant.id,
        "userSessionInactivityTimeoutMinutes": tenant.session_idle_minutes(),
        "maxUserSessionLifespanMinutes": tenant.session_max_minutes(),
        "isDefault": tenant.session_limits.is_none(),
        "dynamicClientRegistrationEnabled": false,
    }))
    .into_response())
}
