//! `/oauth/token` and `/oauth/revoke`.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::authorize::{allowed, scopes};
use super::client_auth::{self, Shown};
use super::{bad_request, refuse};
use crate::clock::iso;
use crate::envelope::{Answer, Refusal};
use crate::routes::Site;
use crate::world::oauth::{ACCESS_LIFE, Asked, Client, Issued, PURPOSE_LIFE, TokenRefusal};
use crate::world::{Consent, State, WorldHandle};

const IMPERSONATION: &str = "urn:qlik:oauth:user-impersonation";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What any of the grants may send. Unknown members are let through: Qlik's own
/// client sends a `redirect_uri` with an exchange.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sent {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
    scope: Option<String>,
    code: Option<String>,
    code_verifier: Option<String>,
    redirect_uri: Option<String>,
    refresh_token: Option<String>,
    subject_token: Option<String>,
    subject_token_type: Option<String>,
    purpose: Option<String>,
    user_lookup: Option<Value>,
    token: Option<String>,
}

/// JSON or a form; a form can't carry `user_lookup`.
fn read(headers: &HeaderMap, body: &Bytes) -> Answer<Sent> {
    let bad = |why: String| bad_request("invalid_request", why);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => serde_json::from_slice(body).map_err(|why| bad(why.to_string())),
        "application/x-www-form-urlencoded" => {
            let mut members = Map::new();
            for (name, value) in form_urlencoded::parse(body) {
                if name == "user_lookup"
                    || members.insert(name.into_owned(), Value::String(value.into_owned())).is_some()
                {
                    return Err(bad("a field came twice or can't be sent in a form".into()));
                }
            }
            serde_json::from_value(Value::Object(members)).map_err(|why| bad(why.to_string()))
        }
        _ => Err(bad("content-type must be application/json or application/x-www-form-urlencoded".into())),
    }
}

fn required<'a>(value: Option<&'a String>, name: &str) -> Answer<&'a str> {
    value
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| bad_request("invalid_request", format!("{name} is required")))
}

fn refusal(why: TokenRefusal) -> Refusal {
    match why {
        // "401: Invalid login or tokens, indicates that code or token used can be deleted by the client."
        TokenRefusal::InvalidGrant(why) => refuse(StatusCode::UNAUTHORIZED, "invalid_grant", why),
        TokenRefusal::InvalidScope => bad_request("invalid_scope", "More is asked for than was granted"),
        // "403: user disabled".
        TokenRefusal::User => {
            refuse(StatusCode::FORBIDDEN, "access_denied", "The user is unknown or disabled")
        }
    }
}

fn unauthorized_client(why: &str) -> Refusal {
    refuse(StatusCode::FORBIDDEN, "unauthorized_client", why)
}

pub(super) async fn give(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let sent = read(&headers, &body)?;
    let mut state = world.lock();
    let issued = match required(sent.grant_type.as_ref(), "grant_type")? {
        "authorization_code" => by_code(&mut state, &site, &sent)?,
        "refresh_token" => by_refresh(&mut state, &site, &sent)?,
        "client_credentials" => for_client(&mut state, &site, &sent)?,
        IMPERSONATION => impersonated(&mut state, &site, &sent)?,
        EXCHANGE => exchanged(&mut state, &site, &sent)?,
        _ => return Err(bad_request("unsupported_grant_type", "This grant is not offered")),
    };
    // There is no `expires_in`.
    let mut answer = json!({
        "access_token": issued.access.token,
        "token_type": "bearer",
        "expires_at": iso(issued.access.expires),
        "scope": issued.access.scopes.join(" "),
    });
    if let Some(refresh) = issued.refresh {
        answer["refresh_token"] = refresh.into();
    }
    let cache = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((cache, Json(answer)).into_response())
}

fn client(state: &mut State, site: &Site, sent: &Sent, id: Option<&str>, must_prove: bool) -> Answer<Client> {
    let shown = Shown {
        id: sent.client_id.as_deref().or(id),
        secret: sent.client_secret.as_deref(),
        assertion: sent.client_assertion.as_deref(),
        assertion_type: sent.client_assertion_type.as_deref(),
    };
    client_auth::identify(state, site, shown, must_prove)
}

fn by_code(state: &mut State, site: &Site, sent: &Sent) -> Answer<Issued> {
    let client = client(state, site, sent, None, false)?;
    let code = required(sent.code.as_ref(), "code")?;
    let verifier = required(sent.code_verifier.as_ref(), "code_verifier")?;
    let redirect_uri = required(sent.redirect_uri.as_ref(), "redirect_uri")?;
    state.redeem_code(&site.tenant, &client.id, code, redirect_uri, verifier).map_err(refusal)
}

/// Qlik's own client sends no `client_id` here: the token knows its client.
fn by_refresh(state: &mut State, site: &Site, sent: &Sent) -> Answer<Issued> {
    let token = required(sent.refresh_token.as_ref(), "refresh_token")?;
    let owner = state.oauth.refresh.iter().find(|t| t.token == token && t.tenant == site.tenant);
    let owner = owner
        .map(|t| t.client.clone())
        .ok_or_else(|| refusal(TokenRefusal::InvalidGrant("the refresh token is unknown")))?;
    let client = client(state, site, sent, Some(&owner), false)?;
    if client.id != owner {
        return Err(refusal(TokenRefusal::InvalidGrant("the refresh token is another client's")));
    }
    let wanted = sent.scope.as_deref().map(scopes);
    state.rotate(&site.tenant, token, wanted.as_deref()).map_err(refusal)
}

/// The scopes that a client gets without a user's consent.
fn own_scopes(client: &Client, sent: &Sent) -> Answer<Vec<String>> {
    let wanted = sent.scope.as_deref().map_or_else(|| client.scopes.clone(), scopes);
    if wanted.is_empty() || !allowed(&client.scopes, &wanted) {
        return Err(bad_request("invalid_scope", "The client may not ask for these scopes"));
    }
    Ok(wanted)
}

fn may_grant(client: &Client, grant: &str) -> Answer<()> {
    if client.app_type != "web" {
        return Err(unauthorized_client("Only clients of type web may use this grant"));
    }
    if !client.grants.iter().any(|g| g == grant) {
        return Err(unauthorized_client("This grant is not allowed to the client"));
    }
    Ok(())
}

fn for_client(state: &mut State, site: &Site, sent: &Sent) -> Answer<Issued> {
    let client = client(state, site, sent, None, true)?;
    may_grant(&client, "client_credentials")?;
    let scopes = own_scopes(&client, sent)?;
    let bot = state.bot_of(&site.tenant, &client.id).map_err(refusal)?;
    Ok(issue(state, site, &client, &bot, scopes))
}

/// By id or subject, never by e-mail; who does not exist is not made
/// (<https://qlik.dev/authenticate/oauth/>).
fn impersonated(state: &mut State, site: &Site, sent: &Sent) -> Answer<Issued> {
    let client = client(state, site, sent, None, true)?;
    may_grant(&client, IMPERSONATION)?;
    if client.consent != Consent::Trusted {
        return Err(unauthorized_client("The client's consent method must be trusted"));
    }
    let bad = |why: &str| bad_request("invalid_request", why);
    let lookup = sent.user_lookup.as_ref().ok_or_else(|| bad("user_lookup is required"))?;
    let value = lookup["value"]
        .as_str()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| bad("user_lookup.value is required"))?;
    let user = match lookup["field"].as_str() {
        Some("userId") => state.user_of(&site.tenant, value).map(|u| u.id.clone()),
        Some("subject") => state.users_of(&site.tenant).find(|u| u.subject == value).map(|u| u.id.clone()),
        _ => return Err(bad("user_lookup.field must be userId or subject")),
    };
    let scopes = own_scopes(&client, sent)?;
    let user = user.ok_or_else(|| refusal(TokenRefusal::User))?;
    state.active(&site.tenant, &user).map_err(refusal)?;
    Ok(issue(state, site, &client, &user, scopes))
}

/// There is nobody who could consent to a refresh token, so these have none.
fn issue(state: &mut State, site: &Site, client: &Client, user: &str, scopes: Vec<String>) -> Issued {
    let asked = Asked {
        tenant: &site.tenant,
        client: &client.id,
        user,
        scopes,
        purpose: None,
        life: ACCESS_LIFE,
        family: None,
    };
    state.issue(asked, false)
}

/// A temporary token for a place where no header can be sent. No secret is asked
/// for: the access token says enough.
fn exchanged(state: &mut State, site: &Site, sent: &Sent) -> Answer<Issued> {
    let id = required(sent.client_id.as_ref(), "client_id")?;
    let subject = required(sent.subject_token.as_ref(), "subject_token")?;
    if sent.subject_token_type.as_deref() != Some(ACCESS_TOKEN) {
        return Err(bad_request("invalid_request", "subject_token_type must be that of an access token"));
    }
    let purpose = required(sent.purpose.as_ref(), "purpose")?;
    if !["websocket", "webresource"].contains(&purpose) {
        return Err(bad_request("invalid_request", "purpose must be websocket or webresource"));
    }
    let access = state
        .authenticate_token(&site.tenant, subject, None)
        .filter(|access| access.client == id)
        .cloned()
        .ok_or_else(|| client_auth::invalid("subject_token is not a live token of this client"))?;
    let asked = Asked {
        tenant: &site.tenant,
        client: &access.client,
        user: &access.user,
        scopes: access.scopes.clone(),
        purpose: Some(purpose),
        life: PURPOSE_LIFE,
        family: Some(access.family.clone()),
    };
    Ok(state.issue(asked, false))
}

/// `{token, token_type_hint?}`: 200, known or not. A client that names itself must be it
/// (<https://www.rfc-editor.org/rfc/rfc7009#section-2.1>).
pub(super) async fn revoke(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let sent = read(&headers, &body)?;
    let token = required(sent.token.as_ref(), "token")?;
    let mut state = world.lock();
    if sent.client_id.is_some() || sent.client_secret.is_some() {
        client(&mut state, &site, &sent, None, false)?;
    }
    state.revoke_token(&site.tenant, token);
    Ok(StatusCode::OK.into_response())
}
