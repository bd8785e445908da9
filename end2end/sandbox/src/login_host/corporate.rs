//! A corporate identity provider: an AD FS page that nobody of ours has business
//! with. It takes no login; that something was posted here is seen in the log.

use axum::Router;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;

use super::html;
use crate::world::WorldHandle;

/// Every page of such a provider.
pub(crate) fn routes(world: WorldHandle) -> Router {
    Router::new()
        .route("/adfs/oauth2/authorize", get(page).post(refused))
        .fallback(|| async { (StatusCode::NOT_FOUND, Html(html::page("Error", "<p>An error occurred</p>"))) })
        .with_state(world)
}

const FORM: &str = "<form method=\"post\" id=\"loginForm\" autocomplete=\"off\">\n\
    <input id=\"userNameInput\" name=\"UserName\" type=\"email\" value=\"\" placeholder=\"someone@example.com\"/>\n\
    <input id=\"passwordInput\" name=\"Password\" type=\"password\" placeholder=\"Password\"/>\n\
    <input id=\"optionForms\" type=\"hidden\" name=\"AuthMethod\" value=\"FormsAuthentication\"/>\n\
    <span id=\"submitButton\" role=\"button\" tabindex=\"4\">Sign in</span>\n</form>";

async fn page() -> Response {
    Html(html::page("Sign In", FORM)).into_response()
}

async fn refused() -> Response {
    let text = format!("<span id=\"errorText\">Incorrect user ID or password.</span>{FORM}");
    Html(html::page("Sign In", &text)).into_response()
}
