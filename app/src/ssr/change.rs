//! The change that is not in force yet, beside its page.

use backend::{Actor, Services, change::SwitchEnd};
use leptos::{prelude::Owner, serde_json};

use super::{
    error::unexpected,
    settings::{self, mark},
};
use crate::{
    error::AppError,
    pages::change::live_html,
    wire::{Notice, Part},
};

/// What an open page of the change is told now, as JSON of [`Part`]; none where
/// nothing is staged.
///
/// # Errors
/// Not an administrator, or an unexpected one.
pub async fn change_json(services: &Services, me: &Actor) -> Result<Option<String>, AppError> {
    let Some(change) = services.change_view(me, 1).await? else { return Ok(None) };
    // Outside of a request there is no reactive owner, and a view wants one.
    let html = Owner::new().with(|| live_html(&change));
    serde_json::to_string(&Part { mark: mark(&html), html }).map(Some).map_err(|e| unexpected(&e))
}

/// How a switch ended, or the way back, in the words of the page.
pub(crate) fn notice_of_switch(end: SwitchEnd, done: &str) -> Notice {
    let report = settings::report(end.report);
    if end.switched {
        let said = settings::notice_of(&report);
        return Notice { text: format!("{done} {}", said.text), ..said };
    }
    if report.identity_missing {
        return Notice::bad(
            "Nothing was changed: the new tenant has no identity provider of this portal, so nobody could sign in. \
             Create it below, then switch.",
        );
    }
    let failed = report.checks.iter().find(|c| c.outcome == crate::wire::Outcome::Failed);
    let why = failed.map(crate::wire::Check::whole).unwrap_or_default();
    Notice::bad(format!("Nothing was changed: it no longer works. {why}"))
}
