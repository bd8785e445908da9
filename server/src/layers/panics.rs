//! A panic in a request is that request's alone: logged under an incident id
//! that the person sees too.

use std::any::Any;

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};
use qlik::{SystemEntropy, random_id};

#[expect(clippy::needless_pass_by_value, reason = "the layer gives it so")]
pub(crate) fn on_panic(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let incident = random_id(&SystemEntropy);
    let words = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words");
    tracing::error!(incident, panic = words, "a request panicked");
    let mut response = Response::new(Body::from(format!(
        "Something went wrong that should not. It was logged as incident {incident}.\n"
    )));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
