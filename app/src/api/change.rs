//! A change of the Qlik Sense integration that waits to be brought into force,
//! and the way back after it. For administrators.
//!
//! What talks to Qlik is boxed: those futures are large, and each caller would
//! carry them on its stack.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        change::notice_of_switch,
        ctx,
        form::{FormPost, Next},
        settings,
    },
    wire::Notice,
};
use crate::{error::AppError, wire::Done};

/// Brings the staged change into force, if it still works.
///
/// # Errors
/// Not an administrator, nothing staged, another change by now.
#[server(prefix = "/api", endpoint = "change/switch")]
pub async fn switch_to_change(
    /// The id of the change that was seen.
    #[server(default)]
    id: String,
) -> Result<Done, AppError> {
    FormPost::new(form::CHANGE, routes::CHANGE)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.switch_to_staged(&me, &id).await?;
            let next = if end.switched { routes::SETTINGS } else { routes::CHANGE };
            Ok(Next::to(next).saying(notice_of_switch(end, "The new settings are in force.")))
        }))
        .await
}

/// Tests the staged change once more.
///
/// # Errors
/// Not an administrator, nothing staged.
#[server(prefix = "/api", endpoint = "change/test")]
pub async fn test_change() -> Result<Done, AppError> {
    FormPost::new(form::CHANGE, routes::CHANGE)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let report = ctx::services()?.test_staged(&me).await?;
            Ok(Next::to(routes::CHANGE).saying(settings::notice_of(&settings::report(report))))
        }))
        .await
}

/// Creates the identity provider in the tenant of the change.
///
/// # Errors
/// Not an administrator, nothing staged, Qlik refuses.
#[server(prefix = "/api", endpoint = "change/create-identity-provider")]
pub async fn create_change_provider() -> Result<Done, AppError> {
    FormPost::new(form::CHANGE, routes::CHANGE)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let report = ctx::services()?.create_staged_provider(&me).await?;
            let mut notice = settings::notice_of(&settings::report(report));
            notice.text = format!("The identity provider is in the new tenant. {}", notice.text);
            Ok(Next::to(routes::CHANGE).saying(notice))
        }))
        .await
}

/// Compares the users anew with both tenants.
///
/// # Errors
/// Not an administrator, nothing staged.
#[server(prefix = "/api", endpoint = "change/compare")]
pub async fn compare_change() -> Result<Done, AppError> {
    FormPost::new(form::CHANGE, routes::CHANGE)
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.compare_staged(&me).await?;
            Ok(Next::to(routes::CHANGE))
        })
        .await
}

/// Gives the staged change up.
///
/// # Errors
/// Not an administrator, nothing staged.
#[server(prefix = "/api", endpoint = "change/discard")]
pub async fn discard_change() -> Result<Done, AppError> {
    FormPost::new(form::CHANGE, routes::CHANGE)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let left = ctx::services()?.discard_staged(&me).await?;
            let notice = match left {
                None => Notice::good("The change was given up. Nothing was changed."),
                Some(left) => Notice::bad(format!("The change was given up. {left}")),
            };
            Ok(Next::to(routes::SETTINGS).saying(notice))
        }))
        .await
}

/// Brings the settings before the last change back into force, if they still work.
///
/// # Errors
/// Not an administrator, nothing to go back to, other settings by now.
#[server(prefix = "/api", endpoint = "change/back")]
pub async fn go_back(
    /// The id of the settings that were seen.
    #[server(default)]
    id: String,
) -> Result<Done, AppError> {
    FormPost::new(form::STATUS, routes::SETTINGS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.go_back(&me, &id).await?;
            Ok(Next::to(routes::SETTINGS)
                .saying(notice_of_switch(end, "The settings before are in force again.")))
        }))
        .await
}

/// Closes the way back before its time.
///
/// # Errors
/// Not an administrator, no way back.
#[server(prefix = "/api", endpoint = "change/close")]
pub async fn close_way_back() -> Result<Done, AppError> {
    FormPost::new(form::STATUS, routes::SETTINGS)
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.close_way_back(&me).await?;
            Ok(Next::to(routes::SETTINGS).saying(Notice::good("The settings before are forgotten.")))
        })
        .await
}
