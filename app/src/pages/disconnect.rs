//! What stops working when the integration ends, before it ends.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{SETTINGS, Visit, go_on, load};
use crate::{
    api::{form, settings::Disconnect},
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        form::ErrorSummary,
        page::Frame,
    },
};

/// Says what will stop working, then ends the integration.
#[component]
pub fn DisconnectPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let Some(status) = ctx::services()?.status(&visit.actor.portal.id).await? else {
            return Ok(go_on(routes::SETTINGS));
        };
        let form = flash::take_form(form::DISCONNECT).await?;
        let delete = form.value("delete_keys").is_none_or(|v| v == "true");
        let owner = status.key.owner_email.unwrap_or(status.key.owner_name);
        let (host, last4) = (status.tenant_host, status.key.last4);
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
                    <li>"The API key is forgotten here and no longer renewed."</li>
                    <li>"The Qlik sessions that are stored for this portal’s users are deleted."</li>
                </ul>
                <p>
                    "The web integration and the JWT identity provider stay at Qlik, as do the portal’s users and the \
                     audit. To connect again, a new API key is needed."
                </p>
                <form class="form wide" method="post" action=Disconnect::PATH>
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
                            ". If it is not deleted, it works until it expires. Where Qlik does not delete it, nothing \
                             is disconnected."
                        </p>
                    </div>
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
