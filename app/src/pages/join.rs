//! Where a one-time link leads: sets a password and signs in.

use backend::people::InvitedUser;
use leptos::{prelude::*, server_fn::ServerFn};

use super::load;
use crate::{
    api::{form, people::Join},
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        field::{FieldFrame, PasswordField},
        form::{ErrorSummary, FormState},
        page::Plain,
    },
    words,
};

/// Sets the password of whom the link is for, or says that it works no more.
#[component]
pub fn JoinPage() -> impl IntoView {
    load(async {
        let token = ctx::query("token");
        let invited = ctx::services()?.invitation(&token).await?;
        let form = flash::take_form(form::JOIN).await?;
        let Some(invited) = invited else {
            ctx::set_status(404);
            return Ok(view! { <DeadLink/> }.into_any());
        };
        Ok(view! { <JoinForm invited token form/> }.into_any())
    })
}

#[component]
fn DeadLink() -> impl IntoView {
    view! {
        <Plain portal="" title="This link has ended">
            <p class="lead">{words::field_message("token", "bad_token")}</p>
            <p class="actions"><LinkButton href=routes::LOGIN>"Sign in"</LinkButton></p>
        </Plain>
    }
}

#[component]
fn JoinForm(invited: InvitedUser, token: String, form: FormState) -> impl IntoView {
    let wrong = form.has_errors();
    let title = format!("Welcome, {}", invited.name);
    let email_id = form.field_id("email");
    view! {
        <Plain portal=invited.portal_name title lead="Choose a password for your account. This link works once." wrong>
            <ErrorSummary form=form.clone() fields=&["password"]/>
            <form class="form" method="post" action=Join::PATH novalidate=true>
                <input type="hidden" name="token" value=token/>
                <FieldFrame id=email_id.clone() label="E-mail" hint=None error=None>
                    <input class="input" id=email_id type="email" readonly=true autocomplete="username" value=invited.email/>
                </FieldFrame>
                <PasswordField
                    form
                    name="password"
                    label="Password"
                    hint="At least 12 characters. A few words that don’t belong together make a good one."
                    autocomplete="new-password"
                />
                <div class="actions">
                    <SubmitButton label="Set password" busy="Saving…" weight=Weight::Primary/>
                </div>
            </form>
        </Plain>
    }
}
