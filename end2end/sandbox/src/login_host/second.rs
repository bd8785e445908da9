//! What may come after a right password: a one-time code, a page that stops, and
//! the way back to the tenant.

use std::collections::HashMap;

use axum::extract::{Form, State as Shared};
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::{html, next, on, oops, transaction};
use crate::routes::Params;
use crate::world::signin::Transaction;
use crate::world::{LoginShape, State, WorldHandle};

/// How many wrong codes end a login.
const OTP_PATIENCE: u32 = 5;

/// A transaction whose password was right and that belongs on this page.
fn standing(
    state: &mut State,
    page: &str,
    params: &Params,
    headers: &HeaderMap,
) -> Result<Transaction, Box<Response>> {
    let found = transaction(state, params.get("state"), headers)?.clone();
    // A classic login brings its ticket back first.
    if found.ticket.is_some() {
        return Err(Box::new(oops(StatusCode::BAD_REQUEST, "The login is not finished")));
    }
    let place = next(state, &found);
    if place.split('?').next() == Some(page) { Ok(found) } else { Err(Box::new(on(&place))) }
}

fn otp_form(of: &Transaction, error: Option<&str>) -> String {
    let body = format!(
        "{}<h1>Verify your identity</h1><p>Enter the one-time code of your authenticator app.</p>\n\
         <form method=\"post\" action=\"/mfa?state={id}\"><input type=\"hidden\" name=\"state\" value=\"{id}\">\n\
         <input name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"6\">\n\
         <button type=\"submit\">Continue</button></form>",
        html::alert(error),
        id = of.id
    );
    html::page("2-Step Verification", &body)
}

pub(super) async fn otp_page(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    match standing(&mut world.lock(), "/mfa", &params, &headers) {
        Ok(found) => Html(otp_form(&found, None)).into_response(),
        Err(refused) => *refused,
    }
}

pub(super) async fn otp(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
    sent: Result<Form<HashMap<String, String>>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(sent)) = sent else { return oops(StatusCode::BAD_REQUEST, "the body must be a form") };
    let mut state = world.lock();
    let found = match standing(&mut state, "/mfa", &params, &headers) {
        Ok(found) => found,
        Err(refused) => return *refused,
    };
    if sent.get("state") != Some(&found.id) {
        return oops(StatusCode::BAD_REQUEST, "a hidden field is missing or wrong");
    }
    if found.otp_failures >= OTP_PATIENCE {
        return (
            StatusCode::TOO_MANY_REQUESTS,
            Html(otp_form(&found, Some("Too many codes. Start again later."))),
        )
            .into_response();
    }
    let email = found.email.clone().unwrap_or_default();
    let code = sent.get("code").map(String::as_str).unwrap_or_default();
    let right = state.login.accounts.check_otp(&email, code);
    if let Some(kept) = state.login.transactions.get_mut(&found.id) {
        kept.otp_done = right;
        kept.otp_failures += u32::from(!right);
        if right {
            let kept = kept.clone();
            return on(&next(&state, &kept));
        }
    }
    Html(otp_form(&found, Some("The code you entered is invalid."))).into_response()
}

pub(super) async fn expired(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    match standing(&mut world.lock(), "/password-expired", &params, &headers) {
        Ok(found) => Html(html::page(
            "Password expired",
            &format!(
                "<h1>Your password has expired</h1><form method=\"post\" action=\"/password-expired?state={}\">\
                 <input type=\"password\" name=\"new-password\"><input type=\"password\" name=\"confirm-password\">\
                 <button type=\"submit\">Change password</button></form>",
                found.id
            ),
        ))
        .into_response(),
        Err(refused) => *refused,
    }
}

pub(super) async fn unverified(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    match standing(&mut world.lock(), "/unverified", &params, &headers) {
        Ok(_) => Html(html::page(
            "Verify your email",
            "<h1>Please verify your email</h1><p>We have sent you a message with a link. Open it, then sign in again.</p>",
        ))
        .into_response(),
        Err(refused) => *refused,
    }
}

/// Hands out the code: in the location, or in a form that sends itself.
pub(super) async fn resume(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    let mut state = world.lock();
    let found = match standing(&mut state, "/authorize/resume", &params, &headers) {
        Ok(found) => found,
        Err(refused) => return *refused,
    };
    let now = state.now();
    let Some((transaction, code)) = state.login.issue_code(&found.id, now) else {
        return oops(StatusCode::BAD_REQUEST, "The login is not finished");
    };
    if transaction.shape == LoginShape::FormPostCallback {
        let fields = [("code", code.as_str()), ("state", transaction.state.as_str())];
        return Html(html::page("Submit this form", &html::sends_itself(&transaction.redirect_uri, &fields)))
            .into_response();
    }
    match Url::parse(&transaction.redirect_uri) {
        Ok(mut url) => {
            url.query_pairs_mut().append_pair("code", &code).append_pair("state", &transaction.state);
            on(url.as_str())
        }
        Err(_) => oops(StatusCode::BAD_REQUEST, "Callback URL mismatch"),
    }
}
