//! `/oauth`: authorization codes, tokens, revocation
//! (<https://qlik.dev/apis/rest/oauth/>).
//!
//! Codes and titles of errors are not published; the title is OAuth's own name of
//! the error, the detail says why.

mod authorize;
mod client_auth;
mod token;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;

use crate::envelope::{Flavour, Refusal};
use crate::world::WorldHandle;

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new()
        .route("/oauth/authorize", get(authorize::begin))
        .route("/oauth/consent", post(authorize::answer))
        .route("/oauth/token", post(token::give))
        .route("/oauth/revoke", post(token::revoke))
}

/// A refusal in OAuth's words.
fn refuse(status: StatusCode, error: &str, why: impl Into<String>) -> Refusal {
    Refusal::new(status, format!("OAUTH-{}", 9_000 + status.as_u16()), error)
        .detail(why)
        .flavour(Flavour::OAUTH)
}

fn bad_request(error: &str, why: impl Into<String>) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, error, why)
}
