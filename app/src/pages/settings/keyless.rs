//! How a connection is that has no key: the panel, without anything that is renewed.

use backend::{connection::AuthOption, integration::ConnectionView};
use leptos::{prelude::*, server_fn::ServerFn};

use super::status::{At, health_words};
use crate::{
    api::settings::TestConnection,
    routes,
    ui::{
        alert::Alert,
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
    },
    wire::Tone,
};

/// The health in a badge, and when it was looked at.
pub(super) fn health(connection: &ConnectionView, at: At) -> AnyView {
    let (tone, text) = health_words(connection.health);
    let checked =
        connection.checked_at.map(|t| view! { <span class="muted">"checked " {at.moment(t)}</span> });
    view! { <Badge tone text/> {checked} }.into_any()
}

/// The panel.
pub(super) fn panel(connection: &ConnectionView, at: At) -> AnyView {
    let (tone, _) = health_words(connection.health);
    let look = (tone != Tone::Good).then(|| {
        let headline = connection.headline.clone();
        view! {
            <Alert tone=Tone::Warning>
                <p>{headline}</p>
                <p><a href="#checks">"Go to the checks"</a></p>
            </Alert>
        }
    });
    view! {
        <div class="card status" id="status">
            <div class="slot">{look}</div>
            {facts(connection, at)}
            {connection.ready.filter(|n| *n < connection.people).map(|_| todo(connection.option))}
            <div class="actions">
                <form method="post" action=TestConnection::PATH>
                    <SubmitButton label="Test connection" busy="Testing…"/>
                </form>
                {connection.ready.map(|_| view! { <LinkButton href=routes::USERS>"Users"</LinkButton> })}
                <form method="get" action=routes::DISCONNECT>
                    <button class=Weight::Danger.class() type="submit">"Disconnect…"</button>
                </form>
            </div>
        </div>
    }
    .into_any()
}

/// What is left to be done, by each user.
fn todo(option: AuthOption) -> AnyView {
    let what = if option == AuthOption::Credentials {
        "registered the password of their Qlik account"
    } else {
        "connected to Qlik"
    };
    view! {
        <p>
            "Users see their apps once they have " {what} " in their own "
            <a href=format!("{}#qlik", routes::PROFILE)>"Profile"</a> "; so do you. Under "
            <a href=routes::USERS>"Users"</a> " you see who has, and can ask the others."
        </p>
    }
    .into_any()
}

fn facts(connection: &ConnectionView, at: At) -> AnyView {
    let done = if connection.option == AuthOption::Credentials { "registered" } else { "connected" };
    let ready = connection.ready.map(|n| {
        let all = connection.people;
        view! { <dt>"Users"</dt><dd>{n} " of " {all} " " {done}</dd> }
    });
    let client = connection.client_id.clone().map(|id| {
        let secret = match &connection.secret {
            Some(secret) => {
                let day = secret.set_at.strftime("%-d %b %Y").to_string();
                view! { <span class="sub">"Secret set " {day} ", fingerprint " <span class="mono">{secret.fingerprint.clone()}</span></span> }.into_any()
            }
            None => view! { <span class="sub">"Without a secret"</span> }.into_any(),
        };
        view! { <dt>"OAuth client"</dt><dd><span class="mono">{id}</span> {secret}</dd> }
    });
    let old = connection.old_key_until.map(|t| {
        view! { <dt>"Old key"</dt><dd>"Not in use; deleted at Qlik after " {at.moment(t)}</dd> }
    });
    view! {
        <dl class="facts">
            <dt>"Qlik tenant"</dt>
            <dd><span class="mono">{connection.tenant_host.clone()}</span></dd>
            <dt>"Authentication"</dt>
            <dd>{connection.option.label()}</dd>
            {client}
            {ready}
            {old}
        </dl>
    }
    .into_any()
}
