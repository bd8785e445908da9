//! Publishing, secrets and consent of an OAuth client.

use axum::Json;
use axum::extract::Path;
use axum::response::IntoResponse as _;
use http::StatusCode;
use serde_json::json;

use super::{BAD_REQUEST, FLAVOUR, admins, bad, of, refuse, unknown};
use crate::clock::iso;
use crate::envelope::Answer;
use crate::routes::extract::{Ctx, JsonBody};
use crate::routes::patch;
use crate::world::Consent;
use crate::world::oauth::{MAX_SECRETS, Secret};

pub(super) async fn publish(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    let now = state.now();
    let at = *of(&ctx, &mut state, &id)?.published.get_or_insert(now);
    Ok((StatusCode::CREATED, Json(json!({ "publishedAt": iso(at) }))).into_response())
}

pub(super) async fn add_secret(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    let now = state.now();
    let client = of(&ctx, &mut state, &id)?;
    if !client.is_confidential() {
        return Err(bad("Only clients of type web have secrets", "/appType"));
    }
    if client.secrets.len() >= MAX_SECRETS {
        return Err(refuse(
            StatusCode::CONFLICT,
            "OAUTH-CLIENTS-9409",
            "The client has the maximum of 5 secrets",
        ));
    }
    let Secret { value, hint, created, created_by } = client.add_secret(now, &ctx.caller.user);
    let body = json!({
        "clientId": id, "clientSecret": value, "hint": hint, "createdAt": iso(created), "createdBy": created_by,
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(super) async fn remove_secret(ctx: Ctx, Path((id, hint)): Path<(String, String)>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    let client = of(&ctx, &mut state, &id)?;
    let before = client.secrets.len();
    client.secrets.retain(|secret| secret.hint != hint);
    if client.secrets.len() == before {
        return Err(unknown());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn connection(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    let client = of(&ctx, &mut state, &id)?;
    Ok(Json(json!({ "consentMethod": client.consent, "status": "active" })).into_response())
}

pub(super) async fn change_connection(ctx: Ctx, Path(id): Path<String>, body: JsonBody) -> Answer {
    admins(&ctx)?;
    let operations = patch::read(&body, &["/consentMethod"], FLAVOUR, BAD_REQUEST)?;
    let mut state = ctx.state();
    let client = of(&ctx, &mut state, &id)?;
    for operation in operations {
        client.consent = serde_json::from_value(operation.value)
            .map_err(|_| bad("consentMethod must be required or trusted", "/consentMethod"))?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends the tenant's connection: what was consented to and given out ends with it.
pub(super) async fn disconnect(ctx: Ctx, Path(id): Path<String>) -> Answer {
    admins(&ctx)?;
    let mut state = ctx.state();
    of(&ctx, &mut state, &id)?.consent = Consent::Required;
    state.oauth.consents.retain(|(client, _), _| *client != id);
    state.end_tokens(ctx.tenant(), Some(&id), None, None, false);
    Ok(StatusCode::NO_CONTENT.into_response())
}
