//! Sign in.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{go_on, load};
use crate::{
    api::{form, people::SignIn},
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{SubmitButton, Weight},
        field::{PasswordField, TextField},
        form::{ErrorSummary, FormState},
        page::Plain,
    },
    wire::Notice,
};

/// The sign-in; who is signed in already goes on.
#[component]
pub fn LoginPage() -> impl IntoView {
    load(async {
        let portal = ctx::portal().await?;
        let next = ctx::query("next");
        if ctx::visitor().await?.is_some() {
            return Ok(go_on(routes::local_path(&next).unwrap_or(routes::APPS)));
        }
        let notice = flash::take_notice().await?;
        let form = flash::take_form(form::SIGN_IN).await?;
        Ok(view! { <SignInForm portal=portal.name form next notice/> }.into_any())
    })
}

#[component]
fn SignInForm(portal: String, form: FormState, next: String, notice: Option<Notice>) -> impl IntoView {
    let wrong = form.has_errors();
    let held_up = form.is_held_up().then(|| {
        view! {
            <p class="aside">
                "A browser in which you signed in before is not held up by tries from elsewhere."
            </p>
        }
    });
    view! {
        <Plain portal title="Sign in" notice wrong>
            <ErrorSummary form=form.clone() fields=&["email", "password"]/>
            <form class="form" method="post" action=SignIn::PATH novalidate=true>
                <input type="hidden" name="next" value=next/>
                <TextField form=form.clone() name="email" label="E-mail" kind="email" autocomplete="username" focus=true/>
                <PasswordField form name="password" label="Password" autocomplete="current-password"/>
                <div class="actions">
                    <SubmitButton label="Sign in" busy="Signing in…" weight=Weight::Primary/>
                </div>
            </form>
            {held_up}
            <p class="aside">"Forgot your password? An administrator can give you a new link."</p>
        </Plain>
    }
}
