//! One's own name and password, and one's own way to Qlik where users have one.

pub mod connecting;
mod connection;
mod credentials;
pub mod remove;

use backend::{Actor, credentials::CredentialsView, oauth::GrantView, people::Refusals};
use leptos::{prelude::*, server_fn::ServerFn};

pub use connecting::{ConnectedPage, ConnectingPage};
pub(crate) use connection::state_words as connected_as;
pub(crate) use credentials::state_words as registered_as;
pub use remove::{RemoveConnectionPage, RemoveCredentialsPage};

use super::{Visit, load};
use crate::{
    api::{
        form,
        profile::{ChangePassword, Rename},
    },
    routes,
    ssr::{ctx, flash},
    ui::{
        button::SubmitButton,
        card::Card,
        field::{PasswordField, TextField},
        form::{ErrorSummary, FormState},
        page::Frame,
        time::{Moment, Time},
    },
};

/// The profile of whoever is signed in.
#[component]
pub fn ProfilePage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let name = flash::take_form(form::RENAME).await?;
        let password = flash::take_form(form::CHANGE_PASSWORD).await?;
        let qlik = flash::take_form(form::QLIK).await?;
        let services = ctx::services()?;
        let registered = services.credentials(&visit.actor).await?;
        let connected = services.grant_view(&visit.actor).await?;
        let refused = services.last_refusals(&visit.actor).await?;
        let own = own_cards(registered, connected, &qlik);
        let wrong = name.has_errors() || password.has_errors() || qlik.has_errors();
        Ok(view! {
            <Frame viewer=visit.viewer title="Profile" here=routes::PROFILE notice=visit.notice wrong>
                <ErrorSummary form=name.clone() fields=&["name"]/>
                <ErrorSummary form=password.clone() fields=&["current_password", "new_password"]/>
                <ErrorSummary form=qlik.clone() fields=&["qlik_password"]/>
                {own}
                <AccountCard actor=visit.actor.clone() refused form=name/>
                <PasswordCard email=visit.actor.email form=password/>
            </Frame>
        }
        .into_any())
    })
}

/// One's own way to Qlik; what is left of another option stands behind what is in force.
fn own_cards(registered: Option<CredentialsView>, connected: Option<GrantView>, form: &FormState) -> AnyView {
    let first = registered.as_ref().is_some_and(|view| view.in_force);
    let registered = registered.map(|view| credentials::card(&view, form));
    let connected = connected.map(|view| connection::card(&view));
    if first {
        view! { {registered} {connected} }.into_any()
    } else {
        view! { {connected} {registered} }.into_any()
    }
}

#[component]
fn AccountCard(actor: Actor, refused: Option<Refusals>, form: FormState) -> impl IntoView {
    let refused = refused.map(|them| {
        let places = match (them.places, them.or_more) {
            (1, _) => "from one address".to_owned(),
            (n, false) => format!("from {n} addresses"),
            (n, true) => format!("from {n} addresses or more"),
        };
        view! {
            <dt>"Refused sign-ins"</dt>
            <dd>
                {them.tries} " " {places} ", " <Time at=Moment::from(them.first_at)/> " to "
                <Time at=Moment::from(them.last_at)/>
            </dd>
        }
    });
    view! {
        <Card
            id="account"
            title="Account"
            lead="Others see your name. Your e-mail must be the one that Qlik knows."
            split=true
        >
            <dl class="facts">
                <dt>"E-mail"</dt>
                <dd>{actor.email}</dd>
                <dt>"Role"</dt>
                <dd>{super::users::role_text(actor.role, actor.is_owner)}</dd>
                {refused}
            </dl>
            <form class="form" method="post" action=Rename::PATH novalidate=true>
                <TextField form name="name" label="Name" value=actor.name autocomplete="name"/>
                <div class="actions">
                    <SubmitButton label="Save name" busy="Saving…"/>
                </div>
            </form>
        </Card>
    }
}

#[component]
fn PasswordCard(email: String, form: FormState) -> impl IntoView {
    view! {
        <Card
            id="password-card"
            title="Password"
            lead="A new password signs you out in every other browser."
            split=true
        >
            <form class="form" method="post" action=ChangePassword::PATH novalidate=true>
                // For password managers: whose password this is.
                <input type="email" autocomplete="username" value=email readonly=true hidden=true/>
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
                    <SubmitButton label="Change password" busy="Changing…"/>
                </div>
            </form>
        </Card>
    }
}
