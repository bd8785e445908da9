//! What disabling or removing a person does, before it is done.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    Visit, load,
    user::{USERS, find, id_of_address},
};
use crate::{
    api::users::{DisableUser, RemoveUser},
    routes,
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        page::Frame,
    },
};

/// Says what disabling does, then does it.
#[component]
pub fn DisableUserPage() -> impl IntoView {
    let id = id_of_address();
    load(async move {
        let visit = Visit::admin().await?;
        let user = find(&visit, &id).await?;
        let title = format!("Disable {}", user.name);
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=USERS title here=routes::USERS notice=visit.notice>
                <p class="lead">"What stops working for " <strong>{user.email}</strong> ":"</p>
                <ul class="consequences">
                    <li>"They are signed out everywhere, at once."</li>
                    <li>"They can’t sign in or open apps until someone enables the account again."</li>
                    <li>"A one-time link that they have stops working."</li>
                </ul>
                <p>"Their account, role and history stay, and with them a Qlik password or connection that they registered. Nothing \
                     changes at Qlik."</p>
                <form class="actions" method="post" action=DisableUser::PATH>
                    <input type="hidden" name="user" value=id.clone()/>
                    <SubmitButton label="Disable account" busy="Disabling…" weight=Weight::Danger/>
                    <LinkButton href=routes::user(&id)>"Cancel"</LinkButton>
                </form>
            </Frame>
        }
        .into_any())
    })
}

/// Says what removing does, then does it.
#[component]
pub fn RemoveUserPage() -> impl IntoView {
    let id = id_of_address();
    load(async move {
        let visit = Visit::admin().await?;
        let user = find(&visit, &id).await?;
        let title = format!("Remove {}", user.name);
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=USERS title here=routes::USERS notice=visit.notice>
                <p class="lead">"What is gone for " <strong>{user.email}</strong> ", for good:"</p>
                <ul class="consequences">
                    <li>"They are signed out everywhere, at once."</li>
                    <li>"Their account, password and one-time link are deleted."</li>
                    <li>"Their stored Qlik session is deleted, and a Qlik password or connection that they registered."</li>
                </ul>
                <p>
                    "What they did stays in the audit under the name that they had. At Qlik a connection is ended, and \
                     nothing else changes. To keep the account, "
                    <a href=routes::user_disable(&id)>"disable it"</a> " instead."
                </p>
                <form class="actions" method="post" action=RemoveUser::PATH>
                    <input type="hidden" name="user" value=id.clone()/>
                    <SubmitButton label="Remove account" busy="Removing…" weight=Weight::Danger/>
                    <LinkButton href=routes::user(&id)>"Cancel"</LinkButton>
                </form>
            </Frame>
        }
        .into_any())
    })
}
