//! Keeps the page of the comparison right while one is under way, and puts the
//! result in when it is there.

use leptos::prelude::*;

/// The line that says whether the page is live.
#[island]
pub fn MatchingPanel() -> impl IntoView {
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    {
        // The rows that the address asks for.
        let query = window().location().search().unwrap_or_default();
        super::follow::follow(&format!("{}{query}", crate::routes::MATCHING_STREAM), "matching", said);
    }
    view! { <span class="live">{said}</span> }
}
