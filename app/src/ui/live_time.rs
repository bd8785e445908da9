//! Moments in a part of the page that is replaced while it is open. An island in
//! there would not come alive, so these are plain elements with marks on them,
//! and the island that replaces the part writes them in the viewer's zone.

use leptos::prelude::*;

use super::time::Moment;

/// A moment, marked to be rewritten in the viewer's zone.
#[component]
pub fn LiveTime(
    /// When.
    #[prop(into)]
    at: Moment,
) -> impl IntoView {
    let title = at.utc.clone();
    view! { <time datetime=at.iso title=title data-live="">{at.utc}</time> }
}

/// How far a moment is from now, marked to be kept right.
#[component]
pub fn LiveUntil(
    /// The moment, in unix seconds.
    at: i64,
    /// What the server counted; empty where the island is to count.
    #[prop(into)]
    counted: String,
) -> impl IntoView {
    view! { <span class="relative" data-at=at.to_string()>{counted}</span> }
}
