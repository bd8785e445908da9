//! Buttons and links that look like buttons. Which one it is follows what it
//! does: a link goes somewhere, a button changes something.

use leptos::prelude::*;

/// How much a button stands out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Weight {
    /// The one next step of the page.
    Primary,
    /// Anything else.
    #[default]
    Plain,
    /// Ends or removes something.
    Danger,
}

impl Weight {
    /// The classes of a button of this weight.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button primary",
            Self::Plain => "button",
            Self::Danger => "button danger",
        }
    }
}

/// A link that looks like a button.
#[component]
pub fn LinkButton(
    /// Where it goes.
    #[prop(into)]
    href: String,
    /// How much it stands out.
    #[prop(optional)]
    weight: Weight,
    /// What it says.
    children: Children,
) -> impl IntoView {
    view! { <a class=weight.class() href=href>{children()}</a> }
}

/// The button that sends the form that it stands in.
#[component]
pub fn SubmitButton(
    /// What it says: a verb that names the result.
    label: &'static str,
    /// What it says while the form is under way.
    busy: &'static str,
    /// How much it stands out.
    #[prop(optional)]
    weight: Weight,
) -> impl IntoView {
    view! { <button type="submit" class=weight.class() data-busy=busy>{label}</button> }
}
