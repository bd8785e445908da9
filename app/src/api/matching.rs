//! Who of the portal's people Qlik knows, for administrators.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx,
        form::{FormPost, Next},
    },
    wire::{Notice, Tone},
};
use crate::{error::AppError, wire::Done};

/// Begins to compare the portal's users with those of the Qlik tenant, in the
/// background.
///
/// # Errors
/// Not an administrator, nothing connected.
#[server(prefix = "/api", endpoint = "matching/compare")]
pub async fn compare_users() -> Result<Done, AppError> {
    FormPost::new(form::MATCHING, routes::MATCHING)
        .answer(async {
            let me = ctx::admin().await?;
            let next = Next::to(routes::MATCHING);
            Ok(match ctx::services()?.start_matching(&me).await? {
                backend::matching::Started::Begun => next,
                backend::matching::Started::UnderWay => next.saying(Notice {
                    tone: Tone::Neutral,
                    text: "A comparison is under way already.".to_owned(),
                }),
            })
        })
        .await
}

/// Stores what Qlik may do at a sign-in.
///
/// # Errors
/// Not an administrator, nothing connected, another tenant by now.
#[server(prefix = "/api", endpoint = "matching/allow")]
pub async fn allow_at_sign_in(
    /// The id of the Qlik tenant that the choice is for.
    #[server(default)]
    tenant: String,
    /// Qlik may make users that it lacks.
    #[server(default)]
    create: bool,
    /// Qlik may give an existing user this portal's subject.
    #[server(default)]
    rewrite: bool,
) -> Result<Done, AppError> {
    let kept = |on| if on { "true" } else { "false" };
    let post = FormPost::new(form::ALLOW, routes::MATCHING)
        .keep("create", kept(create))
        .keep("rewrite", kept(rewrite));
    post.answer(async {
        let me = ctx::admin().await?;
        ctx::services()?.allow_at_sign_in(&me, &tenant, create, rewrite).await?;
        Ok(Next::to(routes::MATCHING).saying(Notice::good("What Qlik may do at a sign-in is saved.")))
    })
    .await
}
