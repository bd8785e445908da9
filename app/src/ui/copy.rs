//! A value to copy: selectable text and a button beside it.

use leptos::prelude::*;

use crate::islands::CopyButton;

/// A labelled read-only field with a copy button.
#[component]
pub fn CopyField(
    /// The field's element id.
    id: &'static str,
    /// What the value is.
    label: &'static str,
    /// The value.
    #[prop(into)]
    value: String,
    /// What to do with it.
    #[prop(optional, into)]
    hint: Option<String>,
) -> impl IntoView {
    let describedby = hint.is_some().then(|| format!("{id}-hint"));
    view! {
        <div class="field">
            <label class="label" for=id>{label}</label>
            // No group with the same name: the field must be the only thing that is called so.
            <div class="copy-row">
                <input
                    class="input mono"
                    id=id
                    type="text"
                    readonly=true
                    value=value
                    spellcheck="false"
                    autocomplete="off"
                    aria-describedby=describedby
                />
                <CopyButton/>
            </div>
            {hint.map(|text| view! { <p class="hint" id=format!("{id}-hint")>{text}</p> })}
        </div>
    }
}
