//! Login pages that are plain forms: one with all fields, one in another order with
//! a one-time field, two pages one after the other, and two that a client can't
//! fill in.
//!
//! Quotes, entities and the order of attributes differ on purpose.

use std::collections::HashMap;

use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use url::form_urlencoded;

use super::html::{self, escape};
use super::{next, on, oops, retry_after, show, transaction, try_password, with_cookie};
use crate::auth;
use crate::routes::Params;
use crate::world::signin::Transaction;
use crate::world::{LoginShape, TryOutcome, WorldHandle};

/// A hidden field's value with every character that HTML has to escape.
const CONTEXT: &str = "Q&A \"1\" <2> 'x'";

pub(super) fn page(of: &Transaction, error: Option<&str>) -> String {
    let (alert, id, csrf) = (html::alert(error), &of.id, &of.csrf);
    let hint = escape(of.login_hint.as_deref().unwrap_or_default());
    let context = escape(CONTEXT);
    let body = match of.shape {
        LoginShape::FormExtra => format!(
            "{alert}<FORM ACTION='{check}?state={id}&#38;ui=en' class=l METHOD=POST>\n\
             <input value='{once}' type=hidden name=once><input name=context value=\"{context}\" TYPE='hidden'>\n\
             <input autocomplete=\"current-password\" name=password type=password required>\n\
             <INPUT id=email type=\"email\" value='{hint}' name=\"email\" disabled=\"\" style=\"display:none\" form=\"none\">\n\
             <input type=email name='email' value='{hint}'>\n\
             <input name=_csrf value={csrf} type=hidden>\n<input type=submit value='Sign in'>\n</FORM>",
            once = of.once,
            // Relative to /login, and to /login/check where an error is shown.
            check = if error.is_some() { "check" } else { "login/check" },
        ),
        LoginShape::FormPostCallback => format!(
            "{alert}<form name='language' method='get' action='/language'><select name='l'><option>en</option></select></form>\n\
             <form id='login' class='form' method='POST' action='https://login.qlik.com/login/post'>\n\
             <input name='state' value='{id}' type='hidden'/>\n<input name='_csrf' value='{csrf}' type='hidden'/>\n\
             <input name='context' value='{context}' type='hidden'/>\n\
             <input id='u' name='username' type='text' value='{hint}'/>\n<input id='p' name='password' type='password'/>\n\
             <button type='submit' name='action' value='default'>Continue</button>\n</form>"
        ),
        LoginShape::IdentifierFirst => format!(
            "{alert}<form method=\"POST\" data-form-primary=\"true\">\n<input type=\"hidden\" name=\"state\" value=\"{id}\"/>\n\
             <input class=\"input\" inputMode=\"email\" name=\"username\" id=\"username\" type=\"text\" value=\"{hint}\" required>\n\
             <input type=\"hidden\" name=\"js-available\" value=\"false\">\n\
             <button type=\"submit\" name=\"action\" value=\"default\">Continue</button>\n</form>"
        ),
        LoginShape::Captcha => format!(
            "{alert}<form method=\"post\" action=\"/login?state={id}\">\n<input type=\"hidden\" name=\"state\" value=\"{id}\">\n\
             <input type=\"hidden\" name=\"_csrf\" value=\"{csrf}\">\n<input type=\"hidden\" name=\"context\" value=\"{context}\">\n\
             <input type=\"text\" name=\"username\"><input type=\"password\" name=\"password\">\n\
             <div class=\"ulp-captcha\" data-captcha-provider=\"auth0\"><img alt=\"captcha\" src=\"data:image/svg+xml;base64,PHN2Zy8+\">\n\
             <input type=\"text\" name=\"captcha\" placeholder=\"Enter the code shown above\" required></div>\n\
             <button type=\"submit\">Log in</button>\n</form>"
        ),
        LoginShape::Changed => "<div id=\"root\" data-app=\"account\"></div>\n\
             <script type=\"module\" src=\"/assets/index-5f3a.js\"></script>\n<noscript>Enable JavaScript to sign in.</noscript>"
            .to_owned(),
        LoginShape::Classic | LoginShape::Form => format!(
            "{alert}<form method=\"post\" action=\"/login?state={id}&amp;client={client}\">\n\
             <input type=\"hidden\" name=\"state\" value=\"{id}\">\n<input type=\"hidden\" name=\"_csrf\" value=\"{csrf}\">\n\
             <input type=\"hidden\" name=\"context\" value=\"{context}\">\n\
             <label for=\"username\">Email address</label><input type=\"text\" id=\"username\" name=\"username\" value=\"{hint}\">\n\
             <label for=\"password\">Password</label><input type=\"password\" id=\"password\" name=\"password\">\n\
             <button type=\"submit\" name=\"action\" value=\"default\">Log in</button>\n</form>",
            client = of.client
        ),
    };
    html::page("Log in | Qlik", &body)
}

/// The fields of a form; an error where one came twice or it is no form.
fn fields(headers: &HeaderMap, body: &[u8]) -> Option<HashMap<String, String>> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !kind.split(';').next()?.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let mut fields = HashMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        if fields.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(fields)
}

fn malformed(world: &WorldHandle, why: &str) -> Response {
    world.lock().login.malformed += 1;
    oops(StatusCode::BAD_REQUEST, why)
}

/// What a submitted page must bring back besides e-mail and password.
fn brings_back(
    of: &Transaction,
    path: &str,
    sent: &HashMap<String, String>,
    cookie: Option<&str>,
) -> Result<(), &'static str> {
    let is = |name: &str, value: &str| sent.get(name).is_some_and(|v| v == value);
    let (place, wanted): (&str, &[(&str, &str)]) = match of.shape {
        LoginShape::Form | LoginShape::Captcha => {
            ("/login", &[("state", &of.id), ("_csrf", &of.csrf), ("context", CONTEXT)])
        }
        LoginShape::FormPostCallback => {
            ("/login/post", &[("state", &of.id), ("_csrf", &of.csrf), ("context", CONTEXT)])
        }
        LoginShape::FormExtra => {
            ("/login/check", &[("once", &of.once), ("_csrf", &of.csrf), ("context", CONTEXT)])
        }
        LoginShape::IdentifierFirst => ("/u/login/password", &[("state", &of.id)]),
        LoginShape::Classic | LoginShape::Changed => return Err("this page has no such form"),
    };
    if path != place {
        return Err("the form goes elsewhere");
    }
    if of.shape != LoginShape::IdentifierFirst && cookie != Some(of.csrf.as_str()) {
        return Err("the cookie _csrf is missing or wrong");
    }
    if wanted.iter().all(|(name, value)| is(name, value)) {
        Ok(())
    } else {
        Err("a hidden field is missing or wrong")
    }
}

/// A password, from any of the forms.
pub(super) async fn submit(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    uri: http::Uri,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Response {
    let Some(sent) = fields(&headers, &body) else { return malformed(&world, "the body must be a form") };
    let id = params.get("state").or_else(|| sent.get("state").map(String::as_str)).map(str::to_owned);
    let checked = {
        let mut state = world.lock();
        match transaction(&mut state, id.as_deref(), &headers) {
            Ok(found) => brings_back(found, uri.path(), &sent, auth::cookie(&headers, "_csrf")).map(|()| {
                // The one-time value is spent, whatever becomes of the password.
                found.once = crate::ids::token32();
                (found.shape, found.identifier.clone())
            }),
            Err(refused) => return *refused,
        }
    };
    let (shape, identifier) = match checked {
        Ok(checked) => checked,
        Err(why) => return malformed(&world, why),
    };
    let name = if shape == LoginShape::FormExtra { "email" } else { "username" };
    let email = match (shape, identifier, sent.get(name)) {
        // The second page shows the e-mail; what it sends back must be the same.
        (LoginShape::IdentifierFirst, Some(known), Some(again)) if known == *again => known,
        (LoginShape::IdentifierFirst, ..) => {
            return malformed(&world, "the username is not that of the first page");
        }
        (_, _, Some(email)) => email.clone(),
        _ => return malformed(&world, "the e-mail is missing"),
    };
    let Some(password) = sent.get("password") else { return malformed(&world, "the password is missing") };
    let outcome = try_password(&world, &email, password, shape == LoginShape::Captcha).await;
    let response = judged(&world, &email, outcome, id.as_deref(), &headers);
    if outcome == TryOutcome::RateLimited { retry_after(&world, response) } else { response }
}

fn judged(
    world: &WorldHandle,
    email: &str,
    outcome: TryOutcome,
    id: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let mut state = world.lock();
    let found = match transaction(&mut state, id, headers) {
        Ok(found) => found,
        Err(refused) => return *refused,
    };
    if outcome == TryOutcome::Right {
        found.email = Some(email.to_owned());
        let found = found.clone();
        return on(&next(&state, &found));
    }
    // Auth0's newer pages come back with 400, older forms with 200.
    let again = match found.shape {
        LoginShape::IdentifierFirst => StatusCode::BAD_REQUEST,
        LoginShape::FormExtra => StatusCode::UNAUTHORIZED,
        _ => StatusCode::OK,
    };
    let (status, text) = match outcome {
        TryOutcome::Blocked => (
            StatusCode::TOO_MANY_REQUESTS,
            "Your account has been blocked after multiple consecutive login attempts.",
        ),
        TryOutcome::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Too many requests. Try again later."),
        TryOutcome::Leaked => {
            (again, "This login has been blocked because your password has been leaked in another website.")
        }
        TryOutcome::Captcha => (again, "Solve the challenge question to verify you are not a robot."),
        TryOutcome::Right | TryOutcome::Wrong | TryOutcome::Abandoned => (again, "Wrong email or password."),
    };
    if found.shape == LoginShape::IdentifierFirst {
        return second_page(found, status, Some(text));
    }
    show(found, status, Some(text))
}

/// The e-mail, from the first of two pages.
pub(super) async fn identify(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Response {
    let Some(sent) = fields(&headers, &body) else { return malformed(&world, "the body must be a form") };
    let refuse = {
        let mut state = world.lock();
        let found = match transaction(&mut state, params.get("state"), &headers) {
            Ok(found) => found,
            Err(refused) => return *refused,
        };
        match (sent.get("state"), sent.get("username")) {
            _ if found.shape != LoginShape::IdentifierFirst => "this page has no such form",
            (Some(id), Some(email)) if *id == found.id && !email.is_empty() => {
                found.identifier = Some(email.clone());
                return on(&format!("/u/login/password?state={}", found.id));
            }
            _ => "a field is missing or wrong",
        }
    };
    malformed(&world, refuse)
}

/// The second of two pages.
pub(super) async fn password_page(
    Shared(world): Shared<WorldHandle>,
    params: Params,
    headers: HeaderMap,
) -> Response {
    let mut state = world.lock();
    match transaction(&mut state, params.get("state"), &headers) {
        Ok(found) if found.identifier.is_none() => on(&format!("/u/login/identifier?state={}", found.id)),
        Ok(found) => second_page(found, StatusCode::OK, None),
        Err(refused) => *refused,
    }
}

fn second_page(of: &Transaction, status: StatusCode, error: Option<&str>) -> Response {
    let email = escape(of.identifier.as_deref().unwrap_or_default());
    let body = format!(
        "{}<form class=\"c\" method=\"POST\" data-form-primary=\"true\">\n<input value=\"{}\" name=\"state\" type=\"hidden\"/>\n\
         <input type=\"text\" name=\"username\" value=\"{email}\" readonly aria-label=\"email\">\n\
         <input type=\"password\" name=\"password\" autocomplete=\"current-password\" required>\n\
         <button name=\"action\" value=\"default\" type=\"submit\">Continue</button>\n</form>",
        html::alert(error),
        of.id
    );
    let response = (status, axum::response::Html(html::page("Enter your password", &body))).into_response();
    with_cookie(response, "did_seen=1; Path=/u; Secure; HttpOnly")
}
