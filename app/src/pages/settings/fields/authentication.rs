//! Which authentication option: the choice, with what each asks of whom.

use backend::connection::AuthOption;
use leptos::prelude::*;

use crate::{ssr::settings::Shown, ui::field::FieldMessage};

/// The options in the order of the help page, then what Qlik offers today.
const OPTIONS: &[(AuthOption, &str)] = &[
    (
        AuthOption::Credentials,
        "Each user registers theirs in their Profile. Only where people sign in to Qlik with a Qlik account, without a \
         second factor.",
    ),
    (AuthOption::ApiKey, "One key for all users, renewed by itself. Users do nothing."),
    (
        AuthOption::OauthEveryone,
        "One OAuth client for all users. Users do nothing; what Qlik recommends today.",
    ),
    (
        AuthOption::OauthUsers,
        "Each user connects once, in their Profile. Works with second factors; no password comes here.",
    ),
];

/// The option that the form shows as chosen: the one that was typed, or is stored.
pub(super) fn chosen(shown: &Shown) -> AuthOption {
    let typed = shown.form.value("auth_option").and_then(|v| AuthOption::parse(&v));
    typed.or(shown.view.form.as_ref().map(|f| f.option)).unwrap_or_default()
}

pub(super) fn choice(shown: &Shown) -> AnyView {
    let id = shown.form.field_id("auth_option");
    let error = shown.form.error("auth_option");
    let described = error.is_some().then(|| format!("{id}-error"));
    let chosen = chosen(shown);
    let choices = OPTIONS.iter().map(|(option, hint)| {
        let own = format!("{id}-{}", option.as_str().replace('_', "-"));
        view! {
            <div class="choice">
                <input
                    type="radio"
                    name="auth_option"
                    value=option.as_str()
                    id=own.clone()
                    checked=*option == chosen
                    aria-describedby=format!("{own}-hint")
                />
                <label for=own.clone()>{option.label()}</label>
                <p class="hint" id=format!("{own}-hint")>{*hint}</p>
            </div>
        }
    });
    view! {
        <fieldset class="field choices" id=id.clone() tabindex="-1" aria-describedby=described>
            <legend class="label">"Authentication"</legend>
            {choices.collect_view()}
            {error.map(|text| view! { <FieldMessage id=format!("{id}-error") text/> })}
        </fieldset>
    }
    .into_any()
}

/// What the option asks for beyond the fields above: nothing of the administrator.
pub(super) fn credentials() -> AnyView {
    view! {
        <p class="hint">
            "Nothing more to enter here. Saving looks whether the tenant signs people in with Qlik accounts. Each user then \
             registers their Qlik password in their Profile; under Users you see who has, and can ask the others."
        </p>
    }
    .into_any()
}
