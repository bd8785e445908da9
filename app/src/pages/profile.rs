//! One's own name and password.

use backend::Actor;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{Visit, load};
use crate::{
    api::{
        form,
        profile::{ChangePassword, Rename},
    },
    islands::SubmitButton,
    routes,
    ssr::flash,
    ui::{
        button::Weight,
        card::Card,
        field::{PasswordField, TextField},
        form::{ErrorSummary, FormState},
        page::Frame,
    },
};

/// The profile of whoever is signed in.
#[component]
pub fn ProfilePage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let name = flash::take_form(form::RENAME).await?;
        let password = flash::take_form(form::CHANGE_PASSWORD).await?;
        let wrong = name.has_errors() || password.has_errors();
        Ok(view! {
            <Frame viewer=visit.viewer title="Profile" here=routes::PROFILE notice=visit.notice wrong>
                <ErrorSummary form=name.clone() fields=&["name"]/>
                <ErrorSummary form=password.clone() fields=&["current_password", "new_password"]/>
                <AccountCard actor=visit.actor form=name/>
                <PasswordCard form=password/>
            </Frame>
        }
        .into_any())
    })
}

#[component]
fn AccountCard(actor: Actor, form: FormState) -> impl IntoView {
    view! {
        <Card id="account" title="Account">
            <dl class="facts">
                <dt>"E-mail"</dt>
                <dd>{actor.email}</dd>
                <dt>"Role"</dt>
                <dd>{super::users::role_text(actor.role, actor.is_owner)}</dd>
            </dl>
            <form class="form" method="post" action=Rename::PATH novalidate=true>
                <TextField form name="name" label="Name" value=actor.name autocomplete="name"/>
                <div class="actions">
                    <SubmitButton label="Save name".into() busy="Saving…".into() class=Weight::Plain.class().into()/>
                </div>
            </form>
        </Card>
    }
}

#[component]
fn PasswordCard(form: FormState) -> impl IntoView {
    view! {
        <Card id="password-card" title="Password" lead="A new password signs you out in every other browser.">
            <form class="form" method="post" action=ChangePassword::PATH novalidate=true>
                <PasswordField
                    form=form.clone()
                    name="current_password"
                    label="Current password"
                    autocomplete="current-password"
                />
                <PasswordField
                    form
                    name="new_password"
                    label="New password"
                    hint="At least 12 characters. A few words that don’t belong together make a good one."
                    autocomplete="new-password"
                />
                <div class="actions">
                    <SubmitButton label="Change password".into() busy="Changing…".into() class=Weight::Plain.class().into()/>
                </div>
            </form>
        </Card>
    }
}
