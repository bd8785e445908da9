//! Auth0's classic login page: its configuration is JSON in base64 within a script;
//! the script posts JSON, and the answer is a form that sends itself on.

use axum::Json;
use axum::extract::{Form, State as Shared};
use axum::response::{Html, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{html, next, on, oops, retry_after, transaction, try_password};
use crate::auth;
use crate::ids;
use crate::world::signin::Transaction;
use crate::world::{TryOutcome, WorldHandle};

/// The name of the login host's Auth0 tenant, and of its database of accounts.
const TENANT: &str = "qlik-prod";
const CONNECTION: &str = "Username-Password-Authentication";

pub(super) fn page(of: &Transaction) -> String {
    let config = json!({
        "assetsUrl": "",
        "auth0Domain": "login.qlik.com",
        "auth0Tenant": TENANT,
        "clientConfigurationBaseUrl": "https://login.qlik.com/",
        "callbackOnLocationHash": false,
        "callbackURL": of.redirect_uri,
        "cdn": "https://cdn.auth0.com/",
        "clientID": of.client,
        "dict": { "signin": { "title": "Sign in — Qlik" } },
        "extraParams": {
            "protocol": "oauth2",
            "response_type": "code",
            "scope": of.scope,
            "nonce": of.nonce,
            "code_challenge": of.challenge,
            "code_challenge_method": "S256",
            "login_hint": of.login_hint,
            "_csrf": of.csrf,
            "_intstate": of.intstate,
            "state": of.id,
        },
        "internalOptions": {
            "protocol": "oauth2",
            "response_type": "code",
            "scope": of.scope,
            "nonce": of.nonce,
            "_csrf": of.csrf,
            "_intstate": of.intstate,
            "state": of.id,
        },
        "connection": CONNECTION,
        "isThirdPartyClient": false,
        "authorizationServer": { "issuer": "https://login.qlik.com/" },
    });
    let config = STANDARD.encode(config.to_string());
    let body = format!(
        "<div id=\"auth0-lock-container\"></div>\n<script src=\"https://cdn.auth0.com/js/lock/12/lock.min.js\"></script>\n\
         <script>\n  // Decode utf8 characters properly\n  \
         var config = JSON.parse(decodeURIComponent(escape(window.atob('{config}'))));\n  \
         config.extraParams = config.extraParams || {{}};\n  var connection = config.connection;\n  \
         var lock = new Auth0Lock(config.clientID, config.auth0Domain, {{ auth: {{ redirectUrl: config.callbackURL, \
         responseType: config.internalOptions.response_type, params: config.internalOptions }} }});\n  lock.show();\n</script>"
    );
    html::page("Sign In with Qlik", &body)
}

/// What the page's script sends. Members beyond these are let through, as Auth0's
/// own script sends some.
#[derive(Deserialize)]
struct Submission {
    client_id: String,
    tenant: String,
    connection: String,
    username: String,
    password: String,
    state: String,
    nonce: String,
    redirect_uri: String,
    response_type: String,
    scope: String,
    #[serde(rename = "_csrf")]
    csrf: String,
    #[serde(rename = "_intstate")]
    intstate: String,
    protocol: String,
}

impl Submission {
    fn fits(&self, of: &Transaction, cookie: Option<&str>) -> Result<(), &'static str> {
        let same = |a: &str, b: &str, why| if a == b { Ok(()) } else { Err(why) };
        if cookie != Some(self.csrf.as_str()) {
            return Err("invalid csrf token");
        }
        same(&self.csrf, &of.csrf, "invalid csrf token")?;
        same(&self.intstate, &of.intstate, "_intstate")?;
        same(&self.client_id, &of.client, "client_id")?;
        same(&self.tenant, TENANT, "tenant")?;
        same(&self.connection, CONNECTION, "connection")?;
        same(&self.nonce, &of.nonce, "nonce")?;
        same(&self.redirect_uri, &of.redirect_uri, "redirect_uri")?;
        same(&self.response_type, "code", "response_type")?;
        same(&self.scope, &of.scope, "scope")?;
        same(&self.protocol, "oauth2", "protocol")
    }
}

fn error(status: StatusCode, name: &str, code: &str, description: &str) -> Response {
    let body =
        json!({ "name": name, "code": code, "description": description, "statusCode": status.as_u16() });
    (status, Json(body)).into_response()
}

/// A post that is not the page's: no password is looked at.
fn malformed(world: &WorldHandle, status: StatusCode, why: &str) -> Response {
    world.lock().login.malformed += 1;
    error(status, "AuthorizationError", "invalid_request", why)
}

pub(super) async fn submit(
    Shared(world): Shared<WorldHandle>,
    headers: HeaderMap,
    body: Result<Json<Value>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let Ok(Json(body)) = body else {
        return malformed(&world, StatusCode::BAD_REQUEST, "the body must be JSON");
    };
    let sent: Submission = match serde_json::from_value(body) {
        Ok(sent) => sent,
        Err(why) => return malformed(&world, StatusCode::BAD_REQUEST, &why.to_string()),
    };
    let checked = {
        let mut state = world.lock();
        match transaction(&mut state, Some(&sent.state), &headers) {
            Ok(found) => sent.fits(found, auth::cookie(&headers, "_csrf")),
            Err(_) => Err("state"),
        }
    };
    if let Err(what) = checked {
        return malformed(&world, StatusCode::FORBIDDEN, what);
    }
    match try_password(&world, &sent.username, &sent.password, false).await {
        TryOutcome::Right => proceed(&world, &sent, &headers),
        TryOutcome::Blocked => too_many("too_many_attempts"),
        TryOutcome::RateLimited => retry_after(&world, too_many("too_many_requests")),
        TryOutcome::Leaked => error(
            StatusCode::UNAUTHORIZED,
            "PasswordLeakedError",
            "password_leaked",
            "This login has been blocked because your password has been leaked in another website.",
        ),
        TryOutcome::Wrong | TryOutcome::Captcha | TryOutcome::Abandoned => error(
            StatusCode::UNAUTHORIZED,
            "ValidationError",
            "invalid_user_password",
            "Wrong email or password.",
        ),
    }
}

/// As captured: `{"code":"too_many_attempts","statusCode":429}`.
fn too_many(code: &str) -> Response {
    (StatusCode::TOO_MANY_REQUESTS, Json(json!({ "code": code, "statusCode": 429 }))).into_response()
}

fn context(of: &Transaction) -> String {
    json!({
        "strategy": "auth0",
        "auth0Client": "",
        "tenant": TENANT,
        "connection": CONNECTION,
        "client_id": of.client,
        "response_type": "code",
        "scope": of.scope,
        "protocol": "oauth2",
        "redirect_uri": of.redirect_uri,
        "state": of.id,
        "nonce": of.nonce,
        "sid": of.intstate,
        "realm": CONNECTION,
    })
    .to_string()
}

fn proceed(world: &WorldHandle, sent: &Submission, headers: &HeaderMap) -> Response {
    let mut state = world.lock();
    let host = state.login.hosts.first().cloned().unwrap_or_default();
    match transaction(&mut state, Some(&sent.state), headers) {
        Ok(found) => {
            let ticket = ids::token32() + &ids::token32();
            found.email = Some(sent.username.clone());
            found.ticket = Some(ticket.clone());
            let context = context(found);
            let fields = [("wa", "wsignin1.0"), ("wresult", ticket.as_str()), ("wctx", context.as_str())];
            Html(html::sends_itself(&format!("https://{host}/login/callback"), &fields)).into_response()
        }
        Err(refused) => *refused,
    }
}

/// The three fields of the form that sends itself.
#[derive(Deserialize)]
pub(super) struct Result3 {
    wa: String,
    wresult: String,
    wctx: String,
}

pub(super) async fn callback(
    Shared(world): Shared<WorldHandle>,
    headers: HeaderMap,
    sent: Result<Form<Result3>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(sent)) = sent else {
        return oops(StatusCode::BAD_REQUEST, "wa, wresult and wctx are required");
    };
    let id =
        serde_json::from_str::<Value>(&sent.wctx).ok().and_then(|c| c["state"].as_str().map(str::to_owned));
    let mut state = world.lock();
    let found = match transaction(&mut state, id.as_deref(), &headers) {
        Ok(found) => {
            let whole = context(found) == sent.wctx && sent.wa == "wsignin1.0";
            // A ticket is good once, right or not.
            let ticket = found.ticket.take();
            if !whole || ticket.as_deref() != Some(sent.wresult.as_str()) {
                found.email = None;
                return oops(StatusCode::BAD_REQUEST, "The result can't be verified");
            }
            found.clone()
        }
        Err(refused) => return *refused,
    };
    on(&next(&state, &found))
}
