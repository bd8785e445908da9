//! A field for something secret, which is never shown: what it shows is whether one is
//! set, and how it is kept.

use leptos::prelude::*;

use crate::ui::{
    field::{FieldMessage, described_by},
    form::FormState,
};

/// The field.
pub(super) struct Secret {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// Which is set, or where to get one.
    pub(super) hint: AnyView,
    /// One was typed that is not kept.
    pub(super) lost: Option<&'static str>,
    pub(super) required: bool,
}

impl Secret {
    pub(super) fn view(self, form: &FormState) -> AnyView {
        let Self { name, label, hint, lost, required } = self;
        let id = form.field_id(name);
        let error = form.error(name);
        let class = if error.is_some() { "field has-error" } else { "field" };
        let described = described_by(&id, true, error.is_some());
        let invalid = error.is_some().then_some("true");
        let message = error.map(|text| view! { <FieldMessage id=format!("{id}-error") text/> });
        view! {
            <div class=class>
                <label class="label" for=id.clone()>{label}</label>
                <input
                    class="input mono"
                    id=id.clone()
                    name=name
                    type="password"
                    // Keeps browsers from filling in the password of the sign-in.
                    autocomplete="new-password"
                    required=required
                    spellcheck="false"
                    autocapitalize="none"
                    aria-describedby=described
                    aria-invalid=invalid
                />
                <div class="hints" id=format!("{id}-hint")>
                    {lost.map(|text| view! { <p class="hint strong">{text}</p> })} <p class="hint">{hint}</p>
                </div>
                {message}
            </div>
        }
        .into_any()
    }
}
