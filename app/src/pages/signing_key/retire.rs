//! What retiring the old key does, before it is done: the one phase that can't
//! be undone.

use backend::rotation::Move;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    super::{Visit, go_on, load},
    SIGNING_KEY,
};
use crate::{
    api::signing_key::RetireSigningKey,
    routes,
    ssr::ctx,
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        page::Frame,
    },
};

/// Says what retiring the old key does, then does it.
#[component]
pub fn RetireSigningKeyPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let shown = ctx::services()?.signing_key_view(&visit.actor).await?;
        let Some(rotation) = shown.rotation.filter(|r| r.moves.contains(&Move::Retire)) else {
            return Ok(go_on(routes::SIGNING_KEY));
        };
        let provider = if rotation.deletes_old {
            "Its identity provider is deleted in the Qlik tenant."
        } else {
            "Its identity provider stays in Qlik, for this portal did not make it. A Tenant Admin deletes it by hand."
        };
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=SIGNING_KEY
                title="Retire the old key"
                here=routes::SETTINGS
                notice=visit.notice
            >
                <p class="lead">
                    "What is gone with the old key " <span class="mono">{rotation.old_kid}</span> ", for good:"
                </p>
                <ul class="consequences">
                    <li>{provider}</li>
                    <li>"The old private key is wiped here."</li>
                    <li>"The way back to the old key is closed. This can’t be undone."</li>
                </ul>
                <p>
                    "First a sign-in with the new key is tried once more; if it does not work, nothing is retired. Users \
                     notice nothing: an open Qlik session goes on, or is opened anew by itself."
                </p>
                <form class="actions" method="post" action=RetireSigningKey::PATH>
                    <SubmitButton label="Retire the old key" busy="Retiring…" weight=Weight::Danger/>
                    <LinkButton href=routes::SIGNING_KEY>"Cancel"</LinkButton>
                </form>
            </Frame>
        }
        .into_any())
    })
}
