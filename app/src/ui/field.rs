//! Fields: label above, hint below, error below the hint, both tied to the
//! control by `aria-describedby`.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its props")]

use leptos::prelude::*;

use super::{form::FormState, icons::Icon};

/// The ids that describe a control, for its `aria-describedby`.
pub fn described_by(id: &str, hint: bool, error: bool) -> Option<String> {
    let ids: Vec<String> = [(hint, "hint"), (error, "error")]
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, what)| format!("{id}-{what}"))
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// Label, hint and error around a control, which must have the id `id` and be
/// described by [`described_by`].
#[component]
pub fn FieldFrame(
    /// The control's element id.
    #[prop(into)]
    id: String,
    /// Says what to enter.
    #[prop(into)]
    label: String,
    /// Says how.
    #[prop(optional_no_strip, into)]
    hint: Option<String>,
    /// Says what is wrong.
    #[prop(optional_no_strip, into)]
    error: Option<String>,
    /// May be left empty.
    #[prop(optional)]
    optional: bool,
    /// The control.
    children: Children,
) -> impl IntoView {
    let class = if error.is_some() { "field has-error" } else { "field" };
    view! {
        <div class=class>
            <label class="label" for=id.clone()>
                {label}
                {optional.then(|| view! { <span class="optional">" (optional)"</span> })}
            </label>
            {children()}
            {hint.map(|text| view! { <p class="hint" id=format!("{id}-hint")>{text}</p> })}
            {error.map(|text| view! { <FieldMessage id=format!("{id}-error") text/> })}
        </div>
    }
}

/// What is wrong with a field, below it.
#[component]
pub fn FieldMessage(
    /// The element id that the control is described by.
    #[prop(into)]
    id: String,
    /// The sentence.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! {
        <p class="field-error" id=id>
            <Icon name="cross"/>
            <span class="visually-hidden">"Error: "</span>
            {text}
        </p>
    }
}

/// Whether a field is to be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Need {
    /// It is.
    #[default]
    Yes,
    /// Other fields of the form decide that.
    Depends,
    /// It may be left empty, and says so.
    No,
}

/// A one-line text field.
#[component]
pub fn TextField(
    /// The form it is part of.
    form: FormState,
    /// Its name there.
    name: &'static str,
    /// Says what to enter.
    label: &'static str,
    /// `text`, `email`, `search`, …
    #[prop(default = "text")]
    kind: &'static str,
    /// Says how.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What it holds where nothing was typed yet.
    #[prop(optional, into)]
    value: String,
    /// What the browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Which keyboard a phone shows.
    #[prop(optional_no_strip)]
    inputmode: Option<&'static str>,
    /// Whether it is to be filled in.
    #[prop(optional)]
    need: Need,
    /// An id, a code or a host: monospace, not spell-checked, not capitalised.
    #[prop(optional)]
    technical: bool,
    /// Takes the focus when the page opens, unless something is wrong.
    #[prop(optional)]
    focus: bool,
) -> impl IntoView {
    let id = form.field_id(name);
    let error = form.error(name);
    let value = form.value(name).unwrap_or(value);
    let plain = technical || kind == "email";
    let describedby = described_by(&id, hint.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    let focus = focus && !form.has_errors();
    view! {
        <FieldFrame id=id.clone() label hint error optional=need == Need::No>
            <input
                class=if technical { "input mono" } else { "input" }
                id=id
                name=name
                type=kind
                value=value
                autocomplete=autocomplete
                inputmode=inputmode
                required=need == Need::Yes
                spellcheck=plain.then_some("false")
                autocapitalize=plain.then_some("none")
                aria-describedby=describedby
                aria-invalid=invalid
                autofocus=focus
            />
        </FieldFrame>
    }
}

/// A password field. Never holds a value: what was typed is not given back.
#[component]
pub fn PasswordField(
    /// The form it is part of.
    form: FormState,
    /// Its name there.
    name: &'static str,
    /// Says what to enter.
    label: &'static str,
    /// Says how.
    #[prop(optional, into)]
    hint: Option<String>,
    /// `current-password` or `new-password`.
    autocomplete: &'static str,
) -> impl IntoView {
    let id = form.field_id(name);
    let error = form.error(name);
    let describedby = described_by(&id, hint.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    view! {
        <FieldFrame id=id.clone() label hint error>
            <input
                class="input"
                id=id
                name=name
                type="password"
                autocomplete=autocomplete
                required=true
                spellcheck="false"
                autocapitalize="none"
                aria-describedby=describedby
                aria-invalid=invalid
            />
        </FieldFrame>
    }
}

/// A choice of one from a few.
#[component]
pub fn SelectField(
    /// The form it is part of.
    form: FormState,
    /// Its name there.
    name: &'static str,
    /// Says what to choose.
    label: &'static str,
    /// Says how.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Value and text of each choice.
    options: &'static [(&'static str, &'static str)],
    /// What is chosen where nothing was chosen yet.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    let id = form.field_id(name);
    let error = form.error(name);
    let chosen = form.value(name).unwrap_or(value);
    let describedby = described_by(&id, hint.is_some(), error.is_some());
    let invalid = error.is_some().then_some("true");
    let options = options
        .iter()
        .map(|(value, text)| view! { <option value=*value selected=chosen == *value>{*text}</option> })
        .collect_view();
    view! {
        <FieldFrame id=id.clone() label hint error>
            <select class="input select" id=id name=name aria-describedby=describedby aria-invalid=invalid>
                {options}
            </select>
        </FieldFrame>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_described_by_what_is_there() {
        assert_eq!(described_by("a", false, false), None);
        assert_eq!(described_by("a", true, false).as_deref(), Some("a-hint"));
        assert_eq!(described_by("a", true, true).as_deref(), Some("a-hint a-error"));
    }
}
