//! The fields of the settings form, labelled as the help page labels them.

use backend::integration::KeyView;
use leptos::prelude::*;

mod authentication;
mod client;
mod secret;

use self::secret::Secret;
use super::guides;
use crate::{
    routes,
    ssr::settings::Shown,
    ui::field::{Need, TextField},
};

/// All fields, with what was typed and what is wrong with it.
pub(super) fn fields(shown: &Shown) -> AnyView {
    let stored = shown.view.form.as_ref();
    let host = stored.map(|f| f.tenant_host.clone()).unwrap_or_default();
    let web = stored.map(|f| f.web_integration_id.clone()).unwrap_or_default();
    view! {
        <div class="asked">
            <TextField
                form=shown.form.clone()
                name="tenant_host"
                label="Qlik Sense tenant hostname"
                hint="It is in the address bar of your Qlik Cloud, such as acme.eu.qlikcloud.com."
                value=host
                inputmode=Some("url")
                technical=true
            />
            {guides::hostname()}
        </div>
        <div class="asked">
            <TextField
                form=shown.form.clone()
                name="web_integration_id"
                label="Web Integration Id"
                hint="The id of a web integration in Qlik that lists this portal’s origin. Qlik OAuth can do without."
                value=web
                need=Need::Depends
                technical=true
            />
            {guides::web_integration(shown)}
        </div>
        <div class="asked">{authentication::choice(shown)} {guides::authentication()}</div>
        <div class="of-option" data-option="api_key">
            <div class="asked">{key(shown)} {guides::api_key(shown)}</div>
            {subject(shown)}
        </div>
        <div class="of-option" data-option="credentials">{authentication::credentials()}</div>
        <div class="of-option" data-option="oauth">{client::fields(shown)}</div>
    }
    .into_any()
}

fn key(shown: &Shown) -> AnyView {
    let stored = shown.view.status.as_ref().map(|s| &s.key);
    let hint = match stored {
        Some(key) => view! { <span id="key-stored">{key_stored(key)}</span> }.into_any(),
        None => "Make one in Qlik and paste it here. It is stored sealed and never shown again.".into_any(),
    };
    let field = Secret {
        name: "api_key",
        label: "Qlik Sense API key",
        hint,
        lost: shown.key_lost.then_some("The key that you pasted was not kept. Paste it again to save."),
        required: stored.is_none(),
    };
    field.view(&shown.form)
}

/// Which key is stored, and how it is kept.
pub(super) fn key_stored(key: &KeyView) -> String {
    let day = key.stored_at.strftime("%-d %b %Y");
    format!("Set {day}, ends {}. Leave empty to keep it.", key.last4)
}

fn subject(shown: &Shown) -> AnyView {
    let stored = shown.view.form.as_ref().is_some_and(|f| f.email_as_subject);
    let chosen = shown.form.value("email_as_subject").map_or(stored, |v| v == "true");
    // Where users may not be read, this is the way on, so it is shown.
    let wanted = shown.report.as_ref().and_then(|r| r.check("read_users"));
    let open = chosen || wanted.is_some_and(|c| c.outcome == crate::wire::Outcome::Failed);
    let id = shown.form.field_id("email_as_subject");
    view! {
        <details class="guide" id="settings-subject" open=open>
            <summary>"The key’s owner may not read users?"</summary>
            <div class="guide-body">
                <p>
                    "Each user is looked up at Qlik by e-mail first, and signed in under the subject that Qlik has \
                     for them. That needs a key whose owner may read users, such as a Tenant Admin. "
                    <a href=routes::MATCHING>"See who will match"</a>
                </p>
                <div class="choice">
                    <input
                        type="checkbox"
                        name="email_as_subject"
                        value="true"
                        id=id.clone()
                        checked=chosen
                        aria-describedby=format!("{id}-hint")
                    />
                    <label for=id.clone()>"Send each user's e-mail as subject"</label>
                    <p class="hint" id=format!("{id}-hint")>
                        "Only where users can’t be read. A user whom Qlik has under another subject with this e-mail \
                         may then be changed to the new subject, and may take over the name and the e-mail that this portal has; \
                         an e-mail that Qlik does not know may become a new user. \
                         Where they can be read, such a sign-in is refused until it is allowed under Who will match."
                    </p>
                </div>
            </div>
        </details>
    }
    .into_any()
}
