//! `/oauth/authorize`: a signed-in user lets a client act, or says no.

use std::collections::HashMap;

use axum::extract::{Form, State as Shared};
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use url::{Url, form_urlencoded};

use super::{bad_request, refuse};
use crate::auth;
use crate::envelope::Answer;
use crate::ids;
use crate::routes::tenants::found;
use crate::routes::{Params, Site};
use crate::world::oauth::{AuthCode, Question};
use crate::world::signin;
use crate::world::{Consent, State, WorldHandle};

/// Back to the client, with parameters.
fn back(redirect_uri: &str, state: Option<&str>, with: &[(&str, &str)]) -> Answer {
    let mut url =
        Url::parse(redirect_uri).map_err(|_| bad_request("invalid_request", "redirect_uri is no URL"))?;
    url.query_pairs_mut().extend_pairs(with).extend_pairs(state.map(|state| ("state", state)));
    Ok(found(url.into()))
}

/// Scopes are separated by spaces; commas are taken as well, as the documentation
/// of `@qlik/api` has them.
pub(super) fn scopes(text: &str) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for scope in text.split([' ', ',']).filter(|s| !s.is_empty()) {
        if !scopes.iter().any(|s| s == scope) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

/// Every client may ask for a refresh token; all else must be allowed to it.
pub(super) fn allowed(allowed: &[String], asked: &[String]) -> bool {
    asked.iter().all(|s| s == "offline_access" || allowed.contains(s))
}

pub(super) async fn begin(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    params: Params,
    headers: HeaderMap,
) -> Answer {
    let mut state = world.lock();
    // Until client and redirect_uri are known, nothing goes back to them.
    let client = params
        .get("client_id")
        .and_then(|id| state.client_of(&site.tenant, id))
        .cloned()
        .ok_or_else(|| bad_request("invalid_client", "client_id is unknown"))?;
    let redirect_uri = params
        .get("redirect_uri")
        .filter(|uri| client.redirect_uris.iter().any(|listed| listed == uri))
        .ok_or_else(|| bad_request("invalid_request", "redirect_uri is not one of the client's"))?
        .to_owned();
    let tag = params.get("state");
    let wrong =
        |error: &str, why: &str| back(&redirect_uri, tag, &[("error", error), ("error_description", why)]);
    if params.get("response_type") != Some("code") {
        return wrong("unsupported_response_type", "response_type must be code");
    }
    if params.get("code_challenge_method") != Some("S256") {
        return wrong("invalid_request", "code_challenge_method must be S256");
    }
    let Some(challenge) = params.get("code_challenge").filter(|text| signin::is_challenge(text)) else {
        return wrong("invalid_request", "code_challenge is missing or no S256 challenge");
    };
    let scopes = params.get("scope").map_or_else(|| vec!["user_default".to_owned()], scopes);
    if scopes.is_empty() || !allowed(&client.scopes, &scopes) {
        return wrong("invalid_scope", "The client may not ask for these scopes");
    }
    let prompt = params.get("prompt").unwrap_or_default();
    if !["", "none", "login", "consent"].contains(&prompt) {
        return wrong("invalid_request", "prompt must be none, login or consent");
    }
    let user = auth::by_cookies(&mut state, &site.tenant, &headers).map(|caller| caller.user);
    let user = match user {
        Some(user) if prompt != "login" => user,
        _ if prompt == "none" => return wrong("login_required", "The user is not signed in"),
        _ => return Ok(to_login(&site, &params)),
    };
    let question = Question {
        tenant: site.tenant.clone(),
        user,
        client: client.id.clone(),
        redirect_uri: redirect_uri.clone(),
        scopes,
        state: tag.map(str::to_owned),
        challenge: challenge.to_owned(),
    };
    let given = state
        .oauth
        .consents
        .get(&(question.client.clone(), question.user.clone()))
        .is_some_and(|given| question.scopes.iter().all(|s| given.contains(s)));
    if client.consent == Consent::Trusted || (given && prompt != "consent") {
        return grant(&mut state, question);
    }
    if prompt == "none" {
        return wrong("consent_required", "The user has not consented");
    }
    let id = ids::token32();
    let page = consent_page(&id, &client.name, &question.scopes);
    state.oauth.questions.insert(id, question);
    Ok(page)
}

/// Through the tenant's login and back here, where the user is then asked no more
/// to sign in.
fn to_login(site: &Site, params: &Params) -> Response {
    let mut pairs: Vec<_> =
        params.0.iter().filter(|(name, value)| !(*name == "prompt" && *value == "login")).collect();
    pairs.sort();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let here = site.url(&format!("/oauth/authorize?{query}"));
    let mut login = form_urlencoded::Serializer::new(String::new());
    login.append_pair("returnto", &here);
    if let Some(hint) = params.get("login_hint") {
        login.append_pair("login_hint", hint);
    }
    found(site.url(&format!("/login?{}", login.finish())))
}

fn consent_page(id: &str, name: &str, scopes: &[String]) -> Response {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let list: Vec<_> = scopes.iter().map(|s| format!("<li>{}</li>", escape(s))).collect();
    let list = list.concat();
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>Authorize</title></head><body>\
         <h1>{} wants access to your Qlik account</h1><ul>{list}</ul>\
         <form method=\"post\" action=\"/oauth/consent\"><input type=\"hidden\" name=\"question\" value=\"{id}\">\
         <button name=\"decision\" value=\"allow\">Approve</button>\
         <button name=\"decision\" value=\"deny\">Deny</button></form></body></html>",
        escape(name)
    ))
    .into_response()
}

/// The user's answer. The question is put once, to one user.
pub(super) async fn answer(
    Shared(world): Shared<WorldHandle>,
    site: Site,
    headers: HeaderMap,
    sent: Result<Form<HashMap<String, String>>, axum::extract::rejection::FormRejection>,
) -> Answer {
    let Ok(Form(sent)) = sent else { return Err(bad_request("invalid_request", "The body must be a form")) };
    let mut state = world.lock();
    let caller = auth::by_cookies(&mut state, &site.tenant, &headers)
        .ok_or_else(|| refuse(StatusCode::UNAUTHORIZED, "login_required", "The user is not signed in"))?;
    let question = sent
        .get("question")
        .and_then(|id| state.oauth.questions.remove(id))
        .filter(|q| q.tenant == site.tenant && q.user == caller.user)
        .ok_or_else(|| bad_request("invalid_request", "This question was not put to this user"))?;
    match sent.get("decision").map(String::as_str) {
        Some("allow") => {
            let key = (question.client.clone(), question.user.clone());
            state.oauth.consents.entry(key).or_default().extend(question.scopes.iter().cloned());
            grant(&mut state, question)
        }
        Some("deny") => {
            let why = "The user refused";
            back(
                &question.redirect_uri,
                question.state.as_deref(),
                &[("error", "access_denied"), ("error_description", why)],
            )
        }
        _ => Err(bad_request("invalid_request", "decision must be allow or deny")),
    }
}

fn grant(state: &mut State, question: Question) -> Answer {
    let code = ids::token32();
    let location = back(&question.redirect_uri, question.state.as_deref(), &[("code", &code)])?;
    let created = state.now();
    state.oauth.codes.insert(
        code,
        AuthCode {
            tenant: question.tenant,
            client: question.client,
            user: question.user,
            redirect_uri: question.redirect_uri,
            scopes: question.scopes,
            challenge: question.challenge,
            created,
            family: None,
        },
    );
    Ok(location)
}
