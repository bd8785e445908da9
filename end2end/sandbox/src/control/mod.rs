#![doc = include_str!("help.md")]

mod behaviour;
mod oauth;
mod scene;
mod sign_in;

use std::sync::Arc;

use axum::extract::{Request, State as Shared};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::demo::{Demo, DemoOptions};
use crate::world::{WorldError, WorldHandle};

/// What the control interface can do, as text for a terminal.
pub const CONTROL_HELP: &str = include_str!("help.md");

/// What the handlers share.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    pub(crate) world: WorldHandle,
    pub(crate) demo: Arc<std::sync::Mutex<Option<Demo>>>,
    pub(crate) options: Option<DemoOptions>,
    pub(crate) start: Option<jiff::Timestamp>,
    pub(crate) login_hosts: Vec<String>,
}

/// A refusal of the control interface.
#[derive(Debug)]
pub(crate) struct Wrong(StatusCode, String);

impl Wrong {
    pub(crate) fn request(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }
}

impl From<WorldError> for Wrong {
    fn from(error: WorldError) -> Self {
        let status = match error {
            WorldError::HostTaken(_) => StatusCode::CONFLICT,
            WorldError::Certificate => StatusCode::BAD_REQUEST,
            _ => StatusCode::NOT_FOUND,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

pub(crate) type Done = Result<Json<Value>, Wrong>;

/// `{}`: done, nothing to tell.
pub(crate) fn done() -> Json<Value> {
    Json(json!({}))
}

pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/state", get(behaviour::state))
        .route("/demo", get(behaviour::demo))
        .route("/reset", post(behaviour::reset))
        .route("/clock", get(behaviour::clock).post(behaviour::move_clock))
        .route("/faults", get(behaviour::faults).post(behaviour::add_fault).delete(behaviour::clear_faults))
        .route("/faults/{id}", delete(behaviour::remove_fault))
        .route("/block-websockets", post(behaviour::block_websockets))
        .route("/log", get(behaviour::log).delete(behaviour::clear_log))
        .route("/events", get(behaviour::events))
        .route("/rate-limits", post(behaviour::rate_limits))
        .route("/fresh-key-delay", post(behaviour::fresh_key_delay))
        .route("/fresh-idp-delay", post(behaviour::fresh_idp_delay))
        .route("/date-skew", post(behaviour::date_skew))
        .route("/switches", get(behaviour::switches).patch(behaviour::change_switches))
        .route("/tenants", post(scene::add_tenant))
        .route("/tenants/{tenant}", patch(scene::change_tenant))
        .route("/users", post(scene::add_user))
        .route("/users/{id}", patch(scene::change_user).delete(scene::delete_user))
        .route("/keys", post(scene::create_key))
        .route("/keys/{id}", patch(scene::change_key))
        .route("/web-integrations", post(scene::add_web_integration))
        .route(
            "/web-integrations/{id}",
            patch(scene::change_web_integration).delete(scene::delete_web_integration),
        )
        .route("/idps", post(scene::add_idp))
        .route("/idps/{id}", delete(scene::delete_idp))
        .route("/spaces", post(scene::add_space))
        .route("/spaces/{id}", patch(scene::change_space))
        .route("/apps", post(scene::add_app))
        .route("/closed-apps", post(scene::add_closed_app))
        .route("/sessions", delete(scene::end_sessions))
        .route("/rotate-csrf", post(scene::rotate_csrf))
        .route("/login-host", get(sign_in::read).patch(sign_in::change))
        .route("/accounts", get(sign_in::accounts).post(sign_in::add_account))
        .route("/accounts/{email}", patch(sign_in::change_account).delete(sign_in::delete_account))
        .route("/tries", delete(sign_in::forget_tries))
        .route("/oauth-clients", post(oauth::add_client))
        .route("/oauth-clients/{id}", patch(oauth::change_client).delete(oauth::delete_client))
        .route("/oauth-consents", delete(oauth::forget_consents))
        .route("/oauth-tokens", get(oauth::tokens))
        .route("/oauth-tokens/expire", post(oauth::expire))
        .route("/oauth-tokens/revoke", post(oauth::revoke))
        .fallback(|| async { Wrong(StatusCode::NOT_FOUND, "no such verb; see --help-control".into()) })
        .layer(middleware::from_fn(loopback_only))
        .with_state(control)
}

/// A web page in some browser may reach a loopback port through a name of its
/// own; only requests for the loopback itself are answered.
async fn loopback_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if ["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return next.run(request).await;
    }
    Wrong(StatusCode::FORBIDDEN, "the control interface answers to 127.0.0.1 only".into()).into_response()
}

/// The state that handlers extract.
pub(crate) type On = Shared<Control>;
