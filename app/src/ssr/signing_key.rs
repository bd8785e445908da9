//! What the server functions of the signing key share.

use backend::rotation::{Move, RotationEnd, RotationOutcome};

use super::{
    ctx,
    form::{FormPost, Next},
};
use crate::{
    api::form,
    error::AppError,
    routes,
    wire::{Done, Notice, Tone},
};

/// Asks for a move and goes back to the page.
///
/// # Errors
/// Not an administrator, or the rotation is in another phase.
pub async fn step(wish: Move) -> Result<Done, AppError> {
    FormPost::new(form::SIGNING_KEY, routes::SIGNING_KEY)
        .answer(Box::pin(async move {
            let me = ctx::admin().await?;
            let end = ctx::services()?.move_rotation(&me, wish).await?;
            Ok(Next::to(routes::SIGNING_KEY).saying(notice_of(end)))
        }))
        .await
}

/// What came of it.
pub fn notice_of(end: RotationEnd) -> Notice {
    let tone = match end.outcome {
        RotationOutcome::Done => Tone::Good,
        RotationOutcome::Waits | RotationOutcome::Busy => Tone::Neutral,
        RotationOutcome::NotDone => Tone::Bad,
    };
    Notice { tone, text: end.says }
}
