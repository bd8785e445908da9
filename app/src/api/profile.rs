//! One's own name and password.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx,
        form::{FormPost, Next},
    },
    wire::Notice,
};
use crate::{
    error::AppError,
    wire::{Done, SecretInput},
};

/// Changes one's own name.
///
/// # Errors
/// A name that can't be taken, nobody signed in.
#[server(prefix = "/api", endpoint = "profile/rename")]
pub async fn rename(
    /// A person’s name.
    #[server(default)]
    name: String,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::RENAME, routes::PROFILE).keep("name", &name);
    post.answer(async {
        let me = ctx::actor().await?;
        ctx::services()?.rename(&me, &name).await?;
        Ok(Next::to(routes::PROFILE).saying(Notice::good("Your name is saved.")))
    })
    .await
}

/// Changes one's own password; sessions elsewhere end.
///
/// # Errors
/// A wrong current password, a new one that can't be taken, nobody signed in.
#[server(prefix = "/api", endpoint = "profile/change-password")]
pub async fn change_password(
    /// The present password.
    #[server(default)]
    current_password: SecretInput,
    /// The new password.
    #[server(default)]
    new_password: SecretInput,
) -> Result<Done, AppError> {
    FormPost::new(form::CHANGE_PASSWORD, routes::PROFILE)
        .answer(async {
            let me = ctx::actor().await?;
            let changed =
                ctx::services()?.change_password(&me, current_password.into(), new_password.into()).await?;
            ctx::start_session(changed).await?;
            Ok(Next::to(routes::PROFILE)
                .saying(Notice::good("Your password is changed. You were signed out everywhere else.")))
        })
        .await
}
