//! A section of a page with its heading.

use leptos::prelude::*;

/// A section under a second-level heading.
#[component]
pub fn Card(
    /// The heading's element id, which names the section.
    id: &'static str,
    /// The heading.
    #[prop(into)]
    title: String,
    /// A sentence below the heading.
    #[prop(optional, into)]
    lead: Option<String>,
    /// Heading beside the content where there is room.
    #[prop(optional)]
    split: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    view! {
        <section class=if split { "card split" } else { "card" } aria-labelledby=id>
            <div class="card-head">
                <h2 class="card-title" id=id>{title}</h2>
                {lead.map(|text| view! { <p class="card-lead">{text}</p> })}
            </div>
            <div class="card-body">{children()}</div>
        </section>
    }
}

/// What a page shows while it has nothing: what it is for and the one thing to do.
#[component]
pub fn Empty(
    /// What is so.
    title: &'static str,
    /// What it is for, and what to do.
    children: Children,
) -> impl IntoView {
    view! { <div class="empty"><p class="empty-title">{title}</p>{children()}</div> }
}
