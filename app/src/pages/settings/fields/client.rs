//! The OAuth client: its id and its secret.

use backend::{connection::AuthOption, oauth::redirect_uri};
use leptos::prelude::*;

use super::{super::guides, secret::Secret};
use crate::{
    ssr::settings::Shown,
    ui::{
        copy::CopyField,
        field::{Need, TextField},
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
                need=Need::Depends
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
    let connection = shown.view.connection.as_ref();
    let hint = match connection.and_then(|c| c.secret.as_ref()) {
        Some(secret) => {
            let day = secret.set_at.strftime("%-d %b %Y");
            format!("Set {day}, fingerprint {}. Leave empty to keep it.", secret.fingerprint)
        }
        None if connection.is_some_and(|c| c.option == AuthOption::OauthUsers) => {
            "None is set. A client without a secret works where each user connects.".to_owned()
        }
        None => "Qlik shows it once, when the client is made. It is stored sealed and never shown again. Where each user \
                 connects, a client without a secret works too: leave it empty."
            .to_owned(),
    };
    let field = Secret {
        name: "oauth_client_secret",
        label: "OAuth client secret",
        hint: hint.into_any(),
        lost: shown.secret_lost.then_some("The secret that you pasted was not kept. Paste it again to save."),
        required: false,
    };
    field.view(&shown.form)
}
