//! The endpoints. Each module turns HTTP into a question to the world and its
//! answer into Qlik's JSON; rules about who may do what live in the world or are
//! plain checks on the caller.

mod api_keys;
mod auth_settings;
mod discovery;
mod engine;
mod extract;
mod identity_providers;
mod interactive;
mod items;
mod login;
mod oauth;
mod oauth_clients;
mod pages;
mod patch;
mod roles;
mod scim;
mod spaces;
mod tenants;
mod users;
mod web_integrations;

use axum::Router;
use http::StatusCode;

pub(crate) use extract::{Params, Site};

use crate::envelope::Refusal;
use crate::world::WorldHandle;

/// Every endpoint that the sandbox has; all else is 404.
pub(crate) fn router(world: WorldHandle) -> Router {
    Router::new()
        .merge(api_keys::routes())
        .merge(auth_settings::routes())
        .merge(discovery::routes())
        .merge(engine::routes())
        .merge(identity_providers::routes())
        .merge(interactive::routes())
        .merge(items::routes())
        .merge(login::routes())
        .merge(oauth::routes())
        .merge(oauth_clients::routes())
        .merge(roles::routes())
        .merge(spaces::routes())
        .merge(tenants::routes())
        .merge(users::routes())
        .merge(web_integrations::routes())
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP-405", "Method not allowed")
        })
        .with_state(world)
}
