//! Boxes that say something: a notice about what just happened, a standing
//! warning. Always a shape and a word beside the colour.

use leptos::prelude::*;

use super::icons::Icon;
use crate::wire::{Notice, Tone};

/// The class, the icon and the word for a tone.
pub const fn looks(tone: Tone) -> (&'static str, &'static str, &'static str) {
    match tone {
        Tone::Good => ("good", "check", "Done"),
        Tone::Warning => ("warning", "warning", "Warning"),
        Tone::Bad => ("bad", "cross", "Problem"),
        Tone::Neutral => ("neutral", "info", "Note"),
    }
}

/// What just happened, read out when the page opens.
#[component]
pub fn NoticeBox(
    /// The sentence.
    notice: Notice,
) -> impl IntoView {
    let role = if notice.tone == Tone::Bad { "alert" } else { "status" };
    view! { <div id="notice" role=role><Alert tone=notice.tone>{notice.text}</Alert></div> }
}

/// Something to know about this page.
#[component]
pub fn Alert(
    /// How it is meant.
    tone: Tone,
    /// What it says, in a line or two.
    children: Children,
) -> impl IntoView {
    let (class, icon, word) = looks(tone);
    view! {
        <div class=format!("alert {class}")>
            <Icon name=icon/>
            <div class="alert-body"><span class="visually-hidden">{word}": "</span>{children()}</div>
        </div>
    }
}
