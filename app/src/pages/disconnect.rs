//! What stops working when the integration ends, before it ends.

use backend::connection::AuthOption;
use backend::onboard::MadeAtQlik;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{SETTINGS, Visit, go_on, load, lost::Lost, matching::counted};
use crate::{
    api::{form, settings::Disconnect},
    error::AppError,
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        form::{ErrorSummary, FormState},
        page::Frame,
    },
};

/// Says what will stop working, then ends the integration.
#[component]
pub fn DisconnectPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let settings = ctx::services()?.settings_view(&visit.actor).await?;
        let Some(connected) = settings.form else { return Ok(go_on(routes::SETTINGS)) };
        let form = flash::take_form(form::DISCONNECT).await?;
        let delete = form.value("delete_keys").is_none_or(|v| v == "true");
        let key = settings.status.map(|status| {
            let owner = status.key.owner_email.unwrap_or(status.key.owner_name);
            delete_key(status.key.last4, owner, delete)
        });
        let services = ctx::services()?;
        let portal = visit.actor.portal.id.as_str();
        let (forgotten, again) = consequences(connected.option, &Lost::read(&services, portal).await?);
        let made = made(&ctx::services()?.made_at_qlik(&visit.actor).await.map_err(AppError::from)?, &form);
        let made = if key.is_some() { made } else { None };
        let host = connected.tenant_host;
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=SETTINGS
                title="Disconnect"
                here=routes::SETTINGS
                notice=visit.notice
                wrong=form.has_errors()
            >
                <ErrorSummary form/>
                <p class="lead">"What stops working when this portal is disconnected from " <strong>{host}</strong> ":"</p>
                <ul class="consequences">
                    <li>"Nobody sees Qlik apps here any more, at once."</li>
                    <li>{forgotten}</li>
                    <li>"The Qlik sessions that are stored for this portal’s users are deleted."</li>
                </ul>
                <p>
                    "The portal’s users and the audit stay, as does what others made at Qlik. " {again}
                </p>
                <form class="form wide" method="post" action=Disconnect::PATH>
                    {key}
                    {made}
                    <div class="actions">
                        <SubmitButton label="Disconnect" busy="Disconnecting…" weight=Weight::Danger/>
                        <LinkButton href=routes::SETTINGS>"Cancel"</LinkButton>
                    </div>
                </form>
            </Frame>
        }
        .into_any())
    })
}

/// What is lost with the option, and what connecting again takes.
fn consequences(option: AuthOption, lost: &Lost) -> (String, &'static str) {
    match option {
        AuthOption::ApiKey => (
            "The API key is forgotten here and no longer renewed.".to_owned(),
            "To connect again, a new API key is needed.",
        ),
        AuthOption::Credentials => (
            match lost.passwords {
                0 => "No Qlik password is stored.".to_owned(),
                n => {
                    format!(
                        "{} here.",
                        counted(n, "stored Qlik password is wiped", "stored Qlik passwords are wiped")
                    )
                }
            },
            "To connect again, users register again.",
        ),
        AuthOption::OauthUsers => (
            match lost.grants {
                0 => "The client’s secret is forgotten here. No user is connected.".to_owned(),
                n => format!(
                    "{} at Qlik, and the client’s secret is forgotten here.",
                    counted(n, "connection of a user is revoked", "connections of users are revoked")
                ),
            },
            "To connect again, the client’s secret is needed, and users connect again.",
        ),
        AuthOption::OauthEveryone => (
            "The client’s secret is forgotten here; the client stays in Qlik.".to_owned(),
            "To connect again, the client’s secret is needed.",
        ),
    }
}

/// Whether the key is deleted at Qlik too.
fn delete_key(last4: String, owner: String, delete: bool) -> AnyView {
    view! {
        <div class="choice">
            <input
                type="checkbox"
                name="delete_keys"
                value="true"
                id="delete-keys"
                checked=delete
                aria-describedby="delete-keys-hint"
            />
            <label for="delete-keys">"Also delete the key at Qlik"</label>
            <p class="hint" id="delete-keys-hint">
                "The key …" {last4} " of " {owner}
                ". If it is not deleted, it works until it expires. Where Qlik does not delete it, nothing is disconnected."
            </p>
        </div>
    }
    .into_any()
}

/// What this portal made at Qlik, to be removed or left there.
fn made(all: &[MadeAtQlik], form: &FormState) -> Option<AnyView> {
    let checked = form.value("remove_made").is_some_and(|v| v == "true");
    let rows = all.iter().map(|m| {
        let what = match m.kind.as_str() {
            "web_integration" => "The web integration",
            "origin" => "This portal’s origin in the web integration",
            _ => "The JWT identity provider",
        };
        view! { <li>{what} " “" {m.name.clone()} "”"</li> }
    });
    (!all.is_empty()).then(|| {
        view! {
            <div class="choice">
                <input
                    type="checkbox"
                    name="remove_made"
                    value="true"
                    id="remove-made"
                    checked=checked
                    aria-describedby="remove-made-hint"
                />
                <label for="remove-made">"Also remove at Qlik what this portal made there"</label>
                <div class="hint" id="remove-made-hint"><ul>{rows.collect_view()}</ul></div>
            </div>
        }
        .into_any()
    })
}
