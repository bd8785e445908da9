//! The replacement of the signing key, for administrators.
//!
//! What talks to Qlik is boxed: those futures are large, and each caller would
//! carry them on its stack.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx,
        form::{FormPost, Next},
        signing_key::{notice_of, step},
    },
};
use crate::{error::AppError, wire::Done};

/// Makes a new key and begins to bring it into use.
///
/// # Errors
/// Not an administrator, nothing connected, a rotation is under way.
#[server(prefix = "/api", endpoint = "signing-key/begin")]
pub async fn begin_rotation() -> Result<Done, AppError> {
    FormPost::new(form::SIGNING_KEY, routes::SIGNING_KEY)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.begin_rotation(&me).await?;
            Ok(Next::to(routes::SIGNING_KEY).saying(notice_of(end)))
        }))
        .await
}

/// Tries again what did not succeed yet.
///
/// # Errors
/// Not an administrator, nothing to try again.
#[server(prefix = "/api", endpoint = "signing-key/check")]
pub async fn check_rotation() -> Result<Done, AppError> {
    step(backend::rotation::Move::Check).await
}

/// Signs with the new key from now on.
///
/// # Errors
/// Not an administrator, the new key is not ready.
#[server(prefix = "/api", endpoint = "signing-key/switch")]
pub async fn switch_signing_key() -> Result<Done, AppError> {
    step(backend::rotation::Move::Switch).await
}

/// Signs with the old key again.
///
/// # Errors
/// Not an administrator, the old key is gone or in use.
#[server(prefix = "/api", endpoint = "signing-key/switch-back")]
pub async fn switch_signing_key_back() -> Result<Done, AppError> {
    step(backend::rotation::Move::Back).await
}

/// Gives the old key up, which can't be undone.
///
/// # Errors
/// Not an administrator, the new key is not in use.
#[server(prefix = "/api", endpoint = "signing-key/retire")]
pub async fn retire_signing_key() -> Result<Done, AppError> {
    step(backend::rotation::Move::Retire).await
}

/// Gives the new key up before it is used.
///
/// # Errors
/// Not an administrator, the new key is in use.
#[server(prefix = "/api", endpoint = "signing-key/call-off")]
pub async fn call_off_rotation() -> Result<Done, AppError> {
    step(backend::rotation::Move::Undo).await
}
