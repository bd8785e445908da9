//! Control verbs for OAuth: clients, consents, tokens.

use axum::Json;
use axum::extract::Path;
use serde::Deserialize;
use serde_json::{Value, json};

use super::scene::with_tenant;
use super::{Done, On, done};
use crate::world::oauth::Client;
use crate::world::{Consent, NewClient, NewClientRef, TokenKind};

/// A client without its secrets.
pub(super) fn client_json(client: &Client) -> Value {
    json!({
        "client_id": client.id, "name": client.name, "app_type": client.app_type, "grants": client.grants,
        "scopes": client.scopes, "redirect_uris": client.redirect_uris, "consent": client.consent,
        "secrets": client.secrets.len(),
    })
}

pub(super) async fn add_client(on: On, Json(body): Json<Value>) -> Done {
    let (tenant, new): (_, NewClient) = with_tenant(body)?;
    let client = on.world.lock().add_client(&tenant, new, "")?;
    let secret = client.secrets.first().map(|secret| secret.value.clone());
    Ok(Json(json!(NewClientRef { client_id: client.id, client_secret: secret })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientChange {
    consent: Option<Consent>,
    grants: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    redirect_uris: Option<Vec<String>>,
}

pub(super) async fn change_client(on: On, Path(id): Path<String>, Json(change): Json<ClientChange>) -> Done {
    let mut state = on.world.lock();
    let client = state.client_mut(&id)?;
    client.consent = change.consent.unwrap_or(client.consent);
    if let Some(grants) = change.grants {
        client.grants = grants;
    }
    if let Some(scopes) = change.scopes {
        client.scopes = scopes;
    }
    if let Some(uris) = change.redirect_uris {
        client.redirect_uris = uris;
    }
    Ok(Json(client_json(client)))
}

pub(super) async fn delete_client(on: On, Path(id): Path<String>) -> Done {
    on.world.lock().remove_client(&id)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    tenant: String,
    client: Option<String>,
    user: Option<String>,
    kind: Option<TokenKind>,
}

/// The users of a client are asked again.
pub(super) async fn forget_consents(on: On, Json(which): Json<Which>) -> Done {
    let mut state = on.world.lock();
    let tenant = state.find_tenant(&which.tenant)?.id.clone();
    let clients: Vec<_> =
        state.oauth.clients.iter().filter(|c| c.tenant == tenant).map(|c| c.id.clone()).collect();
    state.oauth.consents.retain(|(client, user), _| {
        !(clients.contains(client)
            && which.client.as_ref().is_none_or(|id| id == client)
            && which.user.as_ref().is_none_or(|id| id == user))
    });
    Ok(done())
}

pub(super) async fn tokens(on: On) -> Done {
    let state = on.world.lock();
    let views: Vec<_> = state.tenants.iter().flat_map(|t| state.token_views(&t.id)).collect();
    Ok(Json(json!(views)))
}

fn end(on: &On, which: &Which, expire: bool) -> Done {
    let mut state = on.world.lock();
    let tenant = state.find_tenant(&which.tenant)?.id.clone();
    let ended = state.end_tokens(&tenant, which.client.as_deref(), which.user.as_deref(), which.kind, expire);
    Ok(Json(json!({ "ended": ended })))
}

pub(super) async fn expire(on: On, Json(which): Json<Which>) -> Done {
    end(&on, &which, true)
}

pub(super) async fn revoke(on: On, Json(which): Json<Which>) -> Done {
    end(&on, &which, false)
}
