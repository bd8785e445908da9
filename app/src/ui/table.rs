//! Tables that stay tables for a screen reader and scroll by themselves where
//! the window is too narrow.

use leptos::prelude::*;

/// A table with a caption that only screen readers need; its rows are children.
#[component]
pub fn Table(
    /// What the table shows.
    #[prop(into)]
    caption: String,
    /// The column headings; an empty one is a column of actions.
    columns: &'static [&'static str],
    /// The rows.
    children: Children,
) -> impl IntoView {
    let heads = columns
        .iter()
        .map(|column| match *column {
            "" => view! { <th scope="col"><span class="visually-hidden">"Actions"</span></th> }.into_any(),
            text => view! { <th scope="col">{text}</th> }.into_any(),
        })
        .collect_view();
    // A region that scrolls must be reachable by keyboard, so it has a name and a tab stop.
    view! {
        <div class="table-scroll" role="region" aria-label=caption tabindex="0">
            <table class="table">
                <caption class="visually-hidden">{caption.clone()}</caption>
                <thead><tr>{heads}</tr></thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}
