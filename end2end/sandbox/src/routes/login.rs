//! Signing in and out: `/login`, `/login/jwt-session`, `/logout`, and the CSRF
//! token that goes with a session (<https://qlik.dev/apis/rest/login>).

use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::SignedDuration;
use serde_json::json;

use super::extract::{Ctx, Params, Site};
use super::tenants::found;
use crate::auth::{self, Credential};
use crate::clock::{http_date, later};
use crate::envelope::{Answer, Flavour, Refusal};
use crate::gate;
use crate::world::{LoginRefusal, LoginRequest, Session, WorldHandle};

pub(crate) fn routes() -> Router<WorldHandle> {
    Router::new()
        .route("/login/jwt-session", post(by_jwt))
        .route("/logout", get(logout))
        .route("/api/v1/csrf-token", get(csrf_token))
}

async fn by_jwt(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = auth::bearer(&headers).ok_or_else(Refusal::unauthorized)?;
    // A browser sends the id both ways (https://qlik.dev/authenticate/jwt/implement-jwt-authorization/);
    // two different ones can't both be right.
    let from_query = params.get("qlik-web-integration-id");
    let from_header = text("qlik-web-integration-id");
    if from_query.zip(from_header).is_some_and(|(query, header)| query != header) {
        return Err(refusal(LoginRefusal::UnknownIntegration));
    }
    let session = world
        .lock()
        .login_by_jwt(LoginRequest {
            tenant: &site.tenant,
            token,
            web_integration_id: from_query.or(from_header),
            origin: text("origin"),
        })
        .map_err(refusal)?;
    let mut response = Json(json!({})).into_response();
    for cookie in session_cookies(&session).into_iter().chain(gate::load_balancer_cookies(&world)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Codes: those that Qlik's articles show; for the rest none is published.
pub(super) fn refusal(why: LoginRefusal) -> Refusal {
    let invalid_token = |what: String| {
        // https://community.qlik.com/t5/Official-Support-Articles/Qlik-Cloud-Example-of-JWT-token-format/ta-p/2435784
        Refusal::new(StatusCode::BAD_REQUEST, "INTERNAL-TOKEN-1", "Invalid token request")
            .detail(format!("JWT_LOGIN_VALIDATIONS {what}"))
    };
    match why {
        LoginRefusal::UnknownIntegration => {
            Refusal::new(StatusCode::UNAUTHORIZED, "HTTP-401", "Unknown web integration")
        }
        // https://qsda.help.motio.com/admin/connections/qcs-qlik-cloud-connection shows
        // this for /login; what a JWT login answers is not published.
        LoginRefusal::OriginNotListed => Refusal::new(
            StatusCode::UNAUTHORIZED,
            "LOGIN-10",
            "origin not included in web integration whitelist",
        ),
        LoginRefusal::BadToken(why) => Refusal::unauthorized().detail(why),
        LoginRefusal::MissingClaim(claim) => invalid_token(format!("Missing required claim: {claim}")),
        LoginRefusal::InvalidClaim(claim) => invalid_token(format!("Invalid claim: {claim}")),
        LoginRefusal::Disabled => Refusal::new(StatusCode::FORBIDDEN, "HTTP-403", "User is disabled"),
        // https://community.qlikview.com/t5/Official-Support-Articles/Qlik-Cloud-login-error-via-IDP-Multiple-active-users-detected/ta-p/1972823
        LoginRefusal::InviteExpired => {
            Refusal::new(StatusCode::FORBIDDEN, "USER_INVITE_EXPIRED", "User invitation expired")
        }
        // https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940
        LoginRefusal::NotMember => {
            Refusal::new(StatusCode::FORBIDDEN, "AUTH-5", "User is not a member of tenant")
        }
        LoginRefusal::Ambiguous => Refusal::new(
            StatusCode::BAD_REQUEST,
            "LOGIN-12",
            "Multiple active users detected with the same e-mail",
        ),
    }
}

/// One header each, with dates that hold a comma.
pub(super) fn session_cookies(session: &Session) -> Vec<HeaderValue> {
    let expires = http_date(later(session.created, session.max));
    let line = |name: &str, value: &str, http_only: bool| {
        let http_only = if http_only { "; HttpOnly" } else { "" };
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Expires={expires}; Secure{http_only}; SameSite=None"
        ))
    };
    [
        line("eas.sid", &session.sid, true),
        line("eas.sid.sig", &session.sid_sig, true),
        line("_csrfToken", &session.csrf, false),
        line("_csrfToken.sig", &session.csrf_sig, false),
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn csrf_token(ctx: Ctx) -> Answer {
    let refuse =
        |status, title: &str| Err(Refusal::new(status, "CSRF-TOKEN-9400", title).flavour(Flavour::CSRF));
    let Credential::Session(sid) = &ctx.caller.credential else {
        return refuse(StatusCode::BAD_REQUEST, "Token is not supported for the auth mechanism being used");
    };
    let csrf = ctx.state().sessions.get(sid).map(|session| session.csrf.clone());
    match csrf.and_then(|csrf| HeaderValue::from_str(&csrf).ok()) {
        Some(csrf) => Ok((StatusCode::NO_CONTENT, [("qlik-csrf-token", csrf)]).into_response()),
        None => refuse(StatusCode::NOT_FOUND, "Not found"),
    }
}

async fn logout(Shared(world): Shared<WorldHandle>, site: Site, headers: HeaderMap) -> Response {
    let mut state = world.lock();
    if let (Some(sid), Some(sig)) = (auth::cookie(&headers, "eas.sid"), auth::cookie(&headers, "eas.sid.sig"))
        && state.authenticate_session(&site.tenant, sid, sig).is_some()
    {
        state.sessions.remove(sid);
    }
    let past = http_date(later(state.now(), SignedDuration::from_hours(-24)));
    let mut response = found(site.url("/login"));
    for name in ["eas.sid", "eas.sid.sig", "_csrfToken", "_csrfToken.sig"] {
        let line = format!("{name}=; Path=/; Expires={past}; Max-Age=0; Secure; SameSite=None");
        if let Ok(cookie) = HeaderValue::from_str(&line) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}
