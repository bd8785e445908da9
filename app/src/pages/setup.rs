//! First start: makes the portal and its owner.

use leptos::{prelude::*, server_fn::ServerFn};

use super::load;
use crate::{
    api::{form, people::SetUp},
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{LinkButton, SubmitButton, Weight},
        field::{PasswordField, TextField},
        form::{ErrorSummary, FormState},
        page::Plain,
    },
};

/// The set-up, or, where a portal exists, that it does.
#[component]
pub fn SetupPage() -> impl IntoView {
    load(async {
        if ctx::services()?.setup_code().await?.is_none() {
            return Ok(view! { <SetUpAlready/> }.into_any());
        }
        let form = flash::take_form(form::SET_UP).await?;
        Ok(view! { <SetUpForm form/> }.into_any())
    })
}

#[component]
fn SetUpAlready() -> impl IntoView {
    view! {
        <Plain portal="" title="Set up already">
            <p class="lead">"This server has its portal. Sign in to use it."</p>
            <p class="actions">
                <LinkButton href=routes::LOGIN weight=Weight::Primary>"Sign in"</LinkButton>
            </p>
        </Plain>
    }
}

#[component]
fn SetUpForm(form: FormState) -> impl IntoView {
    let wrong = form.has_errors();
    view! {
        <Plain
            portal=""
            title="Set up this portal"
            lead="You make the portal and become its owner. The code shows that this server is yours."
            wrong
        >
            <ErrorSummary form=form.clone() fields=&["code", "portal_name", "name", "email", "password"]/>
            <form class="form" method="post" action=SetUp::PATH novalidate=true>
                <TextField
                    form=form.clone()
                    name="code"
                    label="Set-up code"
                    hint="The server printed it when it started: three groups of four."
                    technical=true
                    focus=true
                />
                <TextField
                    form=form.clone()
                    name="portal_name"
                    label="Portal name"
                    hint="People see it on top of each page. Your company’s name does well."
                    autocomplete="organization"
                />
                <TextField form=form.clone() name="name" label="Your name" autocomplete="name"/>
                <TextField form=form.clone() name="email" label="E-mail" kind="email" autocomplete="username"/>
                <PasswordField
                    form
                    name="password"
                    label="Password"
                    hint="At least 12 characters. A few words that don’t belong together make a good one."
                    autocomplete="new-password"
                />
                <div class="actions">
                    <SubmitButton label="Create portal" busy="Creating…" weight=Weight::Primary/>
                </div>
            </form>
        </Plain>
    }
}
