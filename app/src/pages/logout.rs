//! Sign out: a page with a button, so that no link of another site can do it.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{Visit, load};
use crate::{
    api::people::SignOut,
    routes,
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        page::Frame,
    },
};

/// Asks whether to sign out.
#[component]
pub fn LogoutPage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let email = visit.actor.email;
        Ok(view! {
            <Frame viewer=visit.viewer title="Sign out" here="" notice=visit.notice>
                <p class="lead">"You are signed in as " <strong>{email}</strong> "."</p>
                <form class="actions" method="post" action=SignOut::PATH>
                    <SubmitButton label="Sign out" busy="Signing out…" weight=Weight::Primary/>
                    <LinkButton href=routes::HOME>"Stay signed in"</LinkButton>
                </form>
            </Frame>
        }
        .into_any())
    })
}
