//! The universal login, `login.qlik.com`: from a tenant's `/login` to the code that
//! the tenant's `/login/callback` takes.
//!
//! Qlik publishes none of it. By all public signs the host is an Auth0 tenant, so
//! this follows Auth0's classic login, and has further shapes of page for a client
//! to be tried against (see [`LoginShape`]). There is no single sign-on at the host:
//! every login asks for the password.
//!
//! It must not know tenants: it meets them only through the browser.

mod classic;
mod corporate;
mod forms;
mod html;
mod second;

use axum::Router;
use axum::extract::State as Shared;
use axum::middleware::map_response_with_state;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use url::{Url, form_urlencoded};

pub(crate) use corporate::routes as corporate_router;

use crate::auth;
use crate::clock::{http_date, later};
use crate::ids;
use crate::routes::Params;
use crate::world::signin::{self, Transaction};
use crate::world::{AccountCondition, LoginShape, State, TryOutcome, WorldHandle};

/// So many requests of one moment are taken, as it is told.
const LIMIT: i64 = 300;

/// Every page of the login host.
pub(crate) fn router(world: WorldHandle) -> Router {
    Router::new()
        .route("/authorize", get(authorize))
        .route("/authorize/resume", get(second::resume))
        .route("/login", get(page).post(forms::submit))
        .route("/login/check", post(forms::submit))
        .route("/login/post", post(forms::submit))
        .route("/usernamepassword/login", post(classic::submit))
        .route("/login/callback", post(classic::callback))
        .route("/u/login/identifier", get(page).post(forms::identify))
        .route("/u/login/password", get(forms::password_page).post(forms::submit))
        .route("/mfa", get(second::otp_page).post(second::otp))
        .route("/password-expired", get(second::expired))
        .route("/unverified", get(second::unverified))
        .fallback(|| async { oops(StatusCode::NOT_FOUND, "Not found") })
        .method_not_allowed_fallback(|| async { oops(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed") })
        .layer(map_response_with_state(world.clone(), limits))
        .with_state(world)
}

/// Auth0 tells of its limit on every answer: how much of it is left, and when it is
/// whole again
/// (<https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>).
async fn limits(Shared(world): Shared<WorldHandle>, mut response: Response) -> Response {
    let left = if response.status() == StatusCode::TOO_MANY_REQUESTS { 0 } else { LIMIT - 1 };
    let whole = world.lock().now().as_second() + 1;
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", LIMIT.into());
    headers.insert("x-ratelimit-remaining", left.into());
    headers.insert("x-ratelimit-reset", whole.into());
    response
}

/// A page that says that it went wrong, as Auth0 shows it.
fn oops(status: StatusCode, why: &str) -> Response {
    let text = format!(
        "<!DOCTYPE html><html><body><h1>Oops!, something went wrong</h1><p>{}</p></body></html>",
        html::escape(why)
    );
    (status, Html(text)).into_response()
}

/// 302 with a location that is relative to the host.
fn on(location: &str) -> Response {
    let value = HeaderValue::from_str(location).unwrap_or_else(|_| HeaderValue::from_static("/"));
    let text = format!("<p>Found. Redirecting to {}</p>", html::escape(location));
    (StatusCode::FOUND, [(header::LOCATION, value)], Html(text)).into_response()
}

fn with_cookie(mut response: Response, line: &str) -> Response {
    if let Ok(line) = HeaderValue::from_str(line) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

/// The transaction of a request: named by `state`, begun in this browser. The words
/// are those of Auth0's page.
fn transaction<'a>(
    state: &'a mut State,
    id: Option<&str>,
    headers: &HeaderMap,
) -> Result<&'a mut Transaction, Box<Response>> {
    let now = state.now();
    let cookie = auth::cookie(headers, "auth0").map(str::to_owned);
    id.and_then(|id| state.login.transaction(id, cookie.as_deref(), now))
        .ok_or_else(|| Box::new(oops(StatusCode::BAD_REQUEST, "You may have pressed the back button, refreshed during login, opened too many login dialogs, or there is some issue with cookies.")))
}

async fn authorize(Shared(world): Shared<WorldHandle>, params: Params) -> Response {
    let mut state = world.lock();
    let now = state.now();
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let bad = |why: &str| oops(StatusCode::BAD_REQUEST, why);
    if params.get("client_id") != Some(&state.login.client_id) {
        return bad("Unknown client");
    }
    // A tenant's callback and nothing else.
    let listed = Url::parse(&text("redirect_uri")).ok().is_some_and(|url| {
        url.scheme() == "https"
            && url.path() == "/login/callback"
            && url.query().is_none()
            && url.host_str().is_some_and(|host| state.tenant_by_host(host).is_some())
    });
    if !listed {
        return bad("Callback URL mismatch");
    }
    let sound = params.get("response_type") == Some("code")
        && !text("state").is_empty()
        && !text("nonce").is_empty()
        && params.get("code_challenge_method") == Some("S256")
        && signin::is_challenge(&text("code_challenge"));
    if !sound {
        return bad("The request to authorize is not complete");
    }
    // Auth0's states begin so.
    let id = format!("hKFo2S{}", ids::token32());
    let transaction = Transaction {
        id: id.clone(),
        cookie: ids::token32(),
        shape: state.login.shape,
        client: text("client_id"),
        redirect_uri: text("redirect_uri"),
        scope: text("scope"),
        state: text("state"),
        nonce: text("nonce"),
        challenge: text("code_challenge"),
        login_hint: params.get("login_hint").map(str::to_owned),
        csrf: ids::token32(),
        intstate: "deprecated".into(),
        once: ids::token32(),
        identifier: None,
        email: None,
        ticket: None,
        otp_done: false,
        otp_failures: 0,
        created: now,
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("state", &id)
        .append_pair("client", &transaction.client)
        .append_pair("protocol", "oauth2")
        .append_pair("scope", &transaction.scope)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &transaction.redirect_uri)
        .append_pair("nonce", &transaction.nonce)
        .append_pair("code_challenge", &transaction.challenge)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let next = if transaction.shape == LoginShape::IdentifierFirst {
        format!("/u/login/identifier?state={id}")
    } else {
        format!("/login?{query}")
    };
    let expires = http_date(later(now, SignedDuration::from_hours(72)));
    let own =
        format!("auth0={}; Path=/; Expires={expires}; HttpOnly; Secure; SameSite=None", transaction.cookie);
    let device = format!(
        "did=s%3Av0%3A{}; Max-Age=31557600; Path=/; Expires={expires}; HttpOnly; Secure; SameSite=None",
        ids::uuid()
    );
    state.login.open(transaction);
    with_cookie(with_cookie(on(&next), &own), &device)
}

/// The login page in the shape that the transaction began with.
async fn page(Shared(world): Shared<WorldHandle>, params: Params, headers: HeaderMap) -> Response {
    let mut state = world.lock();
    match transaction(&mut state, params.get("state"), &headers) {
        Ok(transaction) => show(transaction, StatusCode::OK, None),
        Err(refused) => *refused,
    }
}

/// Shows a transaction's page, with what went wrong before.
fn show(transaction: &mut Transaction, status: StatusCode, error: Option<&str>) -> Response {
    // Whatever an older page had is no longer taken.
    transaction.once = ids::token32();
    let text = match transaction.shape {
        LoginShape::Classic => classic::page(transaction),
        _ => forms::page(transaction, error),
    };
    let path = if transaction.shape == LoginShape::Classic { "/usernamepassword/login" } else { "/" };
    let csrf = format!("_csrf={}; Path={path}; HttpOnly; Secure; SameSite=Lax", transaction.csrf);
    let cache = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    with_cookie((status, cache, Html(text)).into_response(), &csrf)
}

/// Where a transaction goes on once the password was right.
fn next(state: &State, transaction: &Transaction) -> String {
    let account = transaction.email.as_deref().and_then(|email| state.login.accounts.get(email));
    let page = match account {
        None => "/login",
        Some(account) if account.otp.is_some() && !transaction.otp_done => "/mfa",
        Some(account) => match account.condition {
            AccountCondition::PasswordExpired => "/password-expired",
            AccountCondition::Unverified => "/unverified",
            AccountCondition::Good | AccountCondition::PasswordLeaked => "/authorize/resume",
        },
    };
    format!("{page}?state={}", transaction.id)
}

/// A try with a password, counted from its first moment to its end however it ends.
struct Try {
    world: WorldHandle,
    email: String,
    outcome: TryOutcome,
}

impl Drop for Try {
    fn drop(&mut self) {
        self.world.lock().login.accounts.end(&self.email, self.outcome);
    }
}

/// Judges a password, and waits first where the control interface holds logins up.
async fn try_password(world: &WorldHandle, email: &str, password: &str, captcha: bool) -> TryOutcome {
    let mut held = {
        let mut state = world.lock();
        state.login.accounts.begin(email);
        state.login.hold.subscribe()
    };
    let mut this = Try { world: world.clone(), email: email.to_owned(), outcome: TryOutcome::Abandoned };
    // An error means that the world was emptied meanwhile: nothing holds it up.
    drop(held.wait_for(|held| !held).await);
    let outcome = {
        let mut state = world.lock();
        let (now, block_for) = (state.now(), state.login.block_for);
        if state.login.rate_limited_s.is_some() {
            TryOutcome::RateLimited
        } else if captcha {
            TryOutcome::Captcha
        } else {
            state.login.accounts.judge(email, password, now, block_for)
        }
    };
    this.outcome = outcome;
    outcome
}

/// `Retry-After` where the host takes no logins for a while.
fn retry_after(world: &WorldHandle, mut response: Response) -> Response {
    if let Some(seconds) = world.lock().login.rate_limited_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
