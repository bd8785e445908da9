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

/// A column of a table that can be sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The heading.
    pub text: &'static str,
    /// Where its order leads; none for a column that has none.
    pub href: Option<String>,
    /// The rows are in its order now, `true` for the last first.
    pub sorted: Option<bool>,
}

/// A table whose headings lead to the same rows in another order. Where it is too
/// narrow for them they are gone, so a form beside it must offer the orders too.
#[component]
pub fn SortTable(
    /// What the table shows.
    #[prop(into)]
    caption: String,
    /// The columns.
    heads: Vec<Head>,
    /// The rows.
    children: Children,
) -> impl IntoView {
    let heads = heads
        .into_iter()
        .map(|head| {
            let sorted = head.sorted.map(|last_first| if last_first { "descending" } else { "ascending" });
            let text = match head.href {
                Some(href) => view! { <a class="sort" href=href>{head.text}</a> }.into_any(),
                None => head.text.into_any(),
            };
            view! { <th scope="col" aria-sort=sorted>{text}</th> }
        })
        .collect_view();
    view! {
        <div class="table-scroll" role="region" aria-label=caption tabindex="0">
            <table class="table sortable">
                <caption class="visually-hidden">{caption.clone()}</caption>
                <thead><tr>{heads}</tr></thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}
