//! What removing one's own way to Qlik does, before it is done.

use leptos::{prelude::*, server_fn::ServerFn};

use super::super::{Visit, go_on, load};
use crate::{
    api::qlik::{DisconnectQlik, RemoveQlik},
    routes,
    ssr::ctx,
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        page::{Crumb, Frame},
    },
};

const PROFILE: &[Crumb] = &[("Profile", Some(routes::PROFILE))];

/// Says what removing one's Qlik password does, then does it.
#[component]
pub fn RemoveCredentialsPage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let Some(view) = ctx::services()?.credentials(&visit.actor).await? else {
            return Ok(go_on(routes::PROFILE));
        };
        let password = view.stored.then_some("The Qlik password that is stored here is deleted.");
        let apps =
            view.in_force.then_some("My apps opens nothing from Qlik until you register a password again.");
        let rest = "What is known of the last sign-ins is forgotten. Your account at Qlik stays as it is.";
        let lines = [password, apps, Some(rest)];
        let action = RemoveQlik::PATH;
        Ok(page(visit, "Remove Qlik credentials", &lines, action))
    })
}

/// Says what removing one's connection does, then does it.
#[component]
pub fn RemoveConnectionPage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let Some(view) = ctx::services()?.grant_view(&visit.actor).await? else {
            return Ok(go_on(routes::PROFILE));
        };
        let apps = view.in_force.then_some("My apps opens nothing from Qlik until you connect again.");
        let rest = "What this portal has from Qlik for you is deleted here and ended there. Your account at Qlik stays as it is.";
        let lines = [apps, Some(rest)];
        let action = DisconnectQlik::PATH;
        Ok(page(visit, "Remove the connection to Qlik", &lines, action))
    })
}

fn page(visit: Visit, title: &'static str, lines: &[Option<&'static str>], action: &'static str) -> AnyView {
    let lines = lines.iter().flatten().map(|line| view! { <li>{*line}</li> }).collect_view();
    view! {
        <Frame viewer=visit.viewer crumbs=PROFILE title here=routes::PROFILE notice=visit.notice>
            <ul class="consequences">{lines}</ul>
            <form class="actions" method="post" action=action>
                <SubmitButton label="Remove" busy="Removing…" weight=Weight::Danger/>
                <LinkButton href=routes::PROFILE>"Cancel"</LinkButton>
            </form>
        </Frame>
    }
    .into_any()
}
