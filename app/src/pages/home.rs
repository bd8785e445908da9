//! The start: leads on to where this visitor belongs.

use leptos::prelude::*;

use super::{go_on, load};
use crate::{routes, ssr::ctx};

/// Leads to the apps, the sign-in or the set-up.
#[component]
pub fn HomePage() -> impl IntoView {
    load(async {
        ctx::actor().await?;
        Ok(go_on(routes::APPS))
    })
}
