//! Small marks of state: a shape, a word and only then a colour.

use leptos::prelude::*;

use super::{alert::looks, icons::Icon};
use crate::wire::{Outcome, Tone};

/// A state in one or two words.
#[component]
pub fn Badge(
    /// How it is meant.
    tone: Tone,
    /// The words.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let (class, icon, _) = looks(tone);
    let icon = if tone == Tone::Neutral { "dash" } else { icon };
    view! { <span class=format!("badge {class}")><Icon name=icon/>{text}</span> }
}

/// The words for how a check ended.
pub const fn outcome_words(outcome: Outcome) -> (Tone, &'static str) {
    match outcome {
        Outcome::Passed => (Tone::Good, "Passed"),
        Outcome::Advice => (Tone::Neutral, "Advice"),
        Outcome::Warning => (Tone::Warning, "Warning"),
        Outcome::Failed => (Tone::Bad, "Failed"),
        Outcome::NotChecked => (Tone::Neutral, "Not checked"),
    }
}

/// How a check ended.
#[component]
pub fn OutcomeBadge(
    /// How.
    outcome: Outcome,
) -> impl IntoView {
    let (tone, text) = outcome_words(outcome);
    let (class, icon, _) = looks(tone);
    // Two outcomes are neither good nor bad; their shapes differ.
    let icon = if outcome == Outcome::NotChecked { "dash" } else { icon };
    view! { <span class=format!("badge {class}")><Icon name=icon/>{text}</span> }
}
