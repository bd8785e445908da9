//! Around the server functions: what the framework answers where ours can't. Our
//! own functions say where a browser goes on and with which status. Where a form
//! can't even be read none of them runs, and the framework answers 500, or sends a
//! browser to whatever stands in `Referer`, a page of another site, say.

use app::error::{AppError, Transport};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::server_fn::error::{FromServerFnError as _, SERVER_FN_ERROR_HEADER};

/// An error is a code and a few fields.
const MOST: usize = 64 * 1024;

pub(crate) async fn functions(mut request: Request, next: Next) -> Response {
    let html = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let html = html.is_some_and(|accepts| accepts.contains("text/html"));
    // Nothing of ours looks at it: without it the framework leads nowhere else.
    request.headers_mut().remove(header::REFERER);
    let response = next.run(request).await;
    // Ours leads on with 303, and has set the status of an error.
    let of_framework = matches!(response.status(), StatusCode::INTERNAL_SERVER_ERROR | StatusCode::FOUND);
    if of_framework && response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return with_its_status(response, html).await;
    }
    response
}

/// The error under the status that goes with it.
async fn with_its_status(response: Response, html: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MOST).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let error = AppError::de(bytes.clone());
    parts.status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    parts.headers.remove(header::LOCATION);
    if !html {
        return Response::from_parts(parts, Body::from(bytes));
    }
    let says = match error {
        AppError::Transport { kind: Transport::BadRequest } => {
            "This form could not be read. Nothing was changed. Open the page anew and send the form again.\n"
                .to_owned()
        }
        other => format!("{}\n", app::words::error_message(&other)),
    };
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(says))
}
