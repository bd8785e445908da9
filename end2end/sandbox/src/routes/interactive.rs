//! `/login` and `/login/callback`: the interactive login, which leads through the
//! login host or a corporate identity provider and ends with the same session as a
//! JWT login (<https://qlik.dev/apis/rest/login>).

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Form, State as Shared};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::{Url, form_urlencoded};

use super::extract::{Params, Site};
use super::login::{refusal, session_cookies};
use super::tenants::found;
use crate::auth;
use crate::clock::{http_date, later};
use crate::envelope::{Answer, Refusal};
use crate::world::signin::{Pending, s256};
use crate::world::{CallbackRefusal, LoginRefusal, State, WorldHandle};
use crate::{gate, ids};

/// The cookie that ties a login to the browser that began it. Qlik's name for it is
/// not published.
const STATE_COOKIE: &str = "eas.login.state";
/// Its life in seconds.
const STATE_COOKIE_S: i64 = 600;

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new().route("/login", get(begin)).route("/login/callback", get(callback).post(posted_callback))
}

fn refuse(code: &str, title: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, code, title)
}

/// Where a login returns to: on the tenant itself, or an origin that the web
/// integration lists.
fn check_return(state: &State, site: &Site, params: &Params, headers: &HeaderMap) -> Answer<String> {
    let own = site.url("");
    let Some(returnto) = params.get("returnto") else { return Ok(site.url("/")) };
    let (origin, target) = match Url::parse(returnto) {
        Ok(url) => (url.origin().ascii_serialization(), url.to_string()),
        Err(_) if returnto.starts_with('/') && !returnto.starts_with("//") => {
            (own.clone(), site.url(returnto))
        }
        Err(_) => return Err(refuse("LOGIN-8", "Illegal returnto value")),
    };
    if origin != own {
        let id = params
            .get("qlik-web-integration-id")
            .or_else(|| headers.get("qlik-web-integration-id").and_then(|v| v.to_str().ok()))
            .ok_or_else(|| refuse("LOGIN-8", "Illegal returnto value"))?;
        let listed =
            state.integration_of(&site.tenant, id).is_some_and(|integration| integration.allows(&origin));
        if !listed {
            return Err(refuse("LOGIN-10", "returnto not included in web integration whitelist"));
        }
    }
    Ok(target)
}

async fn begin(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    uri: http::Uri,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let mut state = world.lock();
    let own = state.tenant(&site.tenant).filter(|t| t.signs_in_by_own_name).map(|t| t.permanent_host.clone());
    if let Some(own) = own.filter(|own| !site.authority.eq_ignore_ascii_case(own)) {
        return Ok(found(format!("https://{own}/login?{}", uri.query().unwrap_or_default())));
    }
    let returnto = check_return(&state, &site, &params, &headers)?;
    let pending = Pending {
        tenant: site.tenant.clone(),
        cookie: ids::token32(),
        nonce: ids::token32(),
        verifier: ids::token32() + &ids::token32(),
        redirect_uri: site.url("/login/callback"),
        returnto,
        created: state.now(),
    };
    let id = ids::token32();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("client_id", &state.login.client_id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &pending.redirect_uri)
        .append_pair("scope", "openid email profile")
        .append_pair("state", &id)
        .append_pair("nonce", &pending.nonce)
        .append_pair("code_challenge", &s256(&pending.verifier))
        .append_pair("code_challenge_method", "S256");
    for name in ["login_hint", "prompt", "max_age"] {
        if let Some(value) = params.get(name) {
            query.append_pair(name, value);
        }
    }
    let corporate = state.tenant(&site.tenant).filter(|t| t.corporate_idp).map(|t| t.corporate_host.clone());
    let provider = match (corporate, state.login.hosts.first()) {
        (Some(host), _) => format!("https://{host}/adfs/oauth2/authorize"),
        (None, Some(host)) => format!("https://{host}/authorize"),
        (None, None) => return Err(Refusal::not_found()),
    };
    let expires = http_date(later(pending.created, jiff::SignedDuration::from_secs(STATE_COOKIE_S)));
    let line = format!(
        "{STATE_COOKIE}={}; Path=/login; Expires={expires}; Max-Age={STATE_COOKIE_S}; HttpOnly; Secure; SameSite=None",
        pending.cookie
    );
    state.login.await_callback(id, pending);
    let mut response = found(format!("{provider}?{}", query.finish()));
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    Ok(response)
}

async fn callback(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    finish(&world, &site, &params.0, &headers)
}

/// `response_mode=form_post`.
async fn posted_callback(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    headers: HeaderMap,
    sent: Result<Form<HashMap<String, String>>, axum::extract::rejection::FormRejection>,
) -> Answer {
    let Ok(Form(sent)) = sent else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "LOGIN-5", "The body must be a form"));
    };
    finish(&world, &site, &sent, &headers)
}

/// Takes the code and opens the session. The codes of most of these refusals are not
/// published.
fn finish(
    world: &WorldHandle,
    site: &Site,
    sent: &HashMap<String, String>,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let text = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
    if let Some(error) = sent.get("error") {
        return Err(refuse("LOGIN-3", "The identity provider refused").detail(error.clone()));
    }
    let cookie = auth::cookie(headers, STATE_COOKIE);
    let finished = world.lock().finish_login(&site.tenant, text("state"), cookie, text("code"));
    let (session, returnto) = finished.map_err(|why| match why {
        CallbackRefusal::State => refuse("LOGIN-4", "No login of this state is under way in this browser"),
        CallbackRefusal::Code => refuse("LOGIN-5", "The code is not valid"),
        CallbackRefusal::NotMember => refusal(LoginRefusal::NotMember),
        CallbackRefusal::User(why) => refusal(why),
    })?;
    let mut response = found(returnto);
    let clear = format!("{STATE_COOKIE}=; Path=/login; Max-Age=0; HttpOnly; Secure; SameSite=None");
    let clear = HeaderValue::from_str(&clear).ok();
    for cookie in session_cookies(&session).into_iter().chain(gate::load_balancer_cookies(world)).chain(clear)
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
