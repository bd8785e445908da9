//! Keeps the status on the settings page, and the ticks of the guide, right while
//! they are open: follows the server's events and puts in what they bring.

use leptos::prelude::*;

/// The line that says whether the panel is live.
#[island]
pub fn StatusPanel() -> impl IntoView {
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    super::follow::follow(crate::routes::STATUS_STREAM, "status", said);
    view! { <span class="live">{said}</span> }
}
