//! `/.well-known/oauth-authorization-server`: where a tenant's OAuth
//! endpoints are. The keys at `jwks_uri` are not built here: access tokens are opaque.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::extract::Site;
use crate::world::WorldHandle;

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/.well-known/oauth-authorization-server", get(read))
}

async fn read(site: Site) -> Json<Value> {
    Json(json!({
        "issuer": site.url(""),
        "authorization_endpoint": site.url("/oauth/authorize"),
        "token_endpoint": site.url("/oauth/token"),
        "revocation_endpoint": site.url("/oauth/revoke"),
        "jwks_uri": site.url("/.well-known/jwks.json"),
        "response_types_supported": ["code"],
        "grant_types_supported": [
            "authorization_code",
            "client_credentials",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:qlik:oauth:user-impersonation",
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
    }))
}
