//! Keeps a part of a page right while it is open: follows a stream of the
//! server's events and puts in what they bring. The part says by `data-stream`
//! where its stream is, and by `data-mark` what the page shows already; a page has
//! at most one.

use leptos::prelude::*;

/// The line that says whether the part is live.
#[island]
pub fn LivePart() -> impl IntoView {
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    super::follow::follow(said);
    view! { <span class="live">{said}</span> }
}
