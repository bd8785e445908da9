//! Keeps the status panel of the settings page right while it is open: follows
//! the server's events and puts in what they bring.

use leptos::prelude::*;

/// The line that says whether the panel is live.
#[island]
pub fn StatusPanel() -> impl IntoView {
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    super::follow::follow(crate::routes::STATUS_STREAM, &FOLLOWED, said);
    view! { <span class="live">{said}</span> }
}

// The key's line is not there for somebody whose paste was not kept.
#[cfg(feature = "hydrate")]
static FOLLOWED: super::follow::Followed = super::follow::Followed {
    panel: "status",
    parts: &["status-health", "status-says", "status-facts"],
    more: &["key-stored"],
};
