//! What the libraries around the pages answer without a word, where the database
//! fails them: the layers of sessions and of who is signed in. It becomes an answer
//! that says what is wrong and what to do.

use app::{error::AppError, words};
use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use backend::Services;

use crate::session_store;

/// What it needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    pub(crate) services: Services,
    /// The name of the session's cookie.
    pub(crate) cookie: &'static str,
}

pub(crate) async fn storage(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    let (response, failed) = session_store::noticing(sessions.cookie, next.run(request)).await;
    let silent = response.status() == StatusCode::INTERNAL_SERVER_ERROR
        && response.body().size_hint().exact() == Some(0);
    if !silent {
        return response;
    }
    match failed.or_else(|| sessions.services.db().trouble()) {
        Some(trouble) => told(&trouble.into()),
        None => told_nothing(response),
    }
}

fn told(error: &AppError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = (status, format!("{}\n", words::error_message(error))).into_response();
    if let Some(seconds) = error.retry_after_s() {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn told_nothing(mut response: Response) -> Response {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response.map(|_| Body::from("Something went wrong here. The server\u{2019}s log has more.\n"))
}
