//! The OAuth client: its id and its secret.

use backend::{connection::AuthOption, oauth::redirect_uri};
use leptos::prelude::*;

use super::super::guides;
use crate::{
    ssr::settings::Shown,
    ui::{
        copy::CopyField,
        field::{FieldMessage, TextField, described_by},
    },
};

pub(super) fn fields(shown: &Shown) -> AnyView {
    let stored = shown.view.form.as_ref().and_then(|f| f.client_id.clone()).unwrap_or_default();
    view! {
        <div class="asked">
            <TextField
                form=shown.form.clone()
                name="oauth_client_id"
                label="OAuth client ID"
                hint="The id of an OAuth client of type Web in Qlik."
                value=stored
                technical=true
            />
            {guides::oauth_client(shown)}
        </div>
        {secret(shown)}
        <div class="only-users">
            <CopyField
                id="redirect-uri"
                label="Redirect URL for Qlik"
                value=redirect_uri(&shown.view.portal.origin)
                hint="Enter this as redirect URL of the client, where each user connects."
            />
        </div>
    }
    .into_any()
}

fn secret(shown: &Shown) -> AnyView {
    let id = shown.form.field_id("oauth_client_secret");
    let error = shown.form.error("oauth_client_secret");
    let lost = shown.secret_lost.then(|| {
        view! { <p class="hint strong">"The secret that you pasted was not kept. Paste it again to save."</p> }
    });
    let class = if error.is_some() { "field has-error" } else { "field" };
    let described = described_by(&id, true, error.is_some());
    let invalid = error.is_some().then_some("true");
    let message = error.map(|text| view! { <FieldMessage id=format!("{id}-error") text/> });
    let connection = shown.view.connection.as_ref();
    let hint = match connection.and_then(|c| c.secret.as_ref()) {
        Some(secret) => {
            let day = secret.set_at.strftime("%-d %b %Y");
            format!("Set {day}, fingerprint {}. Leave empty to keep it.", secret.fingerprint)
        }
        None if connection.is_some_and(|c| c.option == AuthOption::OauthUsers) => {
            "None is set. A client without a secret works where each user connects.".to_owned()
        }
        None => "Qlik shows it once, when the client is made. It is stored sealed and never shown again."
            .to_owned(),
    };
    view! {
        <div class=class>
            <label class="label" for=id.clone()>"OAuth client secret"</label>
            <input
                class="input mono"
                id=id.clone()
                name="oauth_client_secret"
                type="password"
                // Keeps browsers from filling in the password of the sign-in.
                autocomplete="new-password"
                spellcheck="false"
                autocapitalize="none"
                aria-describedby=described
                aria-invalid=invalid
            />
            <div class="hints" id=format!("{id}-hint")>{lost} <p class="hint">{hint}</p></div>
            {message}
        </div>
    }
    .into_any()
}
