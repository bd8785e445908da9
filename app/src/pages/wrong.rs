//! What a visitor sees instead of a page: it does not exist, is not for them, or
//! could not be made. What is wrong, why, and what to do.

use leptos::prelude::*;

use super::{go_on, load, viewer};
use crate::{
    error::AppError,
    routes,
    ssr::ctx,
    ui::{
        button::{LinkButton, Weight},
        page::{Frame, Plain},
    },
    words,
};

/// No page is at this address.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    load(async { Err(AppError::NotFound) })
}

/// What is shown instead of a page that failed with `error`.
pub(super) async fn instead(error: AppError) -> AnyView {
    match &error {
        AppError::NotSetUp => return go_on(routes::SETUP),
        AppError::NotSignedIn => return go_on(&routes::login(&ctx::path_and_query())),
        _ => ctx::set_error(&error),
    }
    let (title, says) = match &error {
        AppError::NotFound => (
            "Page not found",
            "There is nothing at this address. It may have been removed, or the address has a slip in it."
                .to_owned(),
        ),
        AppError::NoSuchPortal => (
            "No portal here",
            "No portal answers at this address. Use the address that your administrator gave you.".to_owned(),
        ),
        AppError::NotAllowed => (
            "For administrators",
            "This page needs an administrator. Ask one of them, or sign in with another account.".to_owned(),
        ),
        AppError::Storage { .. } => ("The server needs attention", words::error_message(&error)),
        AppError::Internal { .. } => ("Something went wrong", words::error_message(&error)),
        _ => ("This page can’t be shown", words::error_message(&error)),
    };
    // The error may come from where the visitor is looked up: then there is no frame either.
    let visitor = match &error {
        AppError::Internal { .. } | AppError::Storage { .. } => None,
        _ => ctx::visitor().await.ok().flatten(),
    };
    let content = view! {
        <p class="lead">{says}</p>
        <p class="actions">
            <LinkButton href=routes::HOME weight=Weight::Primary>"Go to the start page"</LinkButton>
        </p>
    };
    match visitor {
        Some(actor) => view! { <Frame viewer=viewer(&actor) title here="">{content}</Frame> }.into_any(),
        None => view! { <Plain portal="" title>{content}</Plain> }.into_any(),
    }
}
