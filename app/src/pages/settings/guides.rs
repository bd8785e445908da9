//! How to get each value, under its field: the guide's own procedures, short.

use leptos::prelude::*;

use super::super::guide::{
    Known, Procedure, allow, generate, hostname as find_hostname, identity_provider as create_idp,
    oauth_client as create_client, web_integration as create_web, which,
};
use crate::{routes, ssr::settings::Shown};

/// A step's guide, opened in place.
fn guide(id: &'static str, summary: &'static str, about: &'static str, body: AnyView) -> AnyView {
    view! {
        <details class="guide" id=id>
            <summary>{summary}<span class="visually-hidden">" " {about}</span></summary>
            <div class="guide-body">{body}</div>
        </details>
    }
    .into_any()
}

fn how<const N: usize>(id: &'static str, about: &'static str, procedures: [Procedure; N]) -> AnyView {
    let body = procedures.into_iter().map(Procedure::in_place).collect_view();
    guide(id, "How", about, body.into_any())
}

fn known(shown: &Shown) -> Known<'_> {
    Known { portal: &shown.view.portal, identity: &shown.view.identity, console: &shown.console }
}

pub(super) fn hostname() -> AnyView {
    how("how-hostname", "to find the hostname", [find_hostname()])
}

pub(super) fn web_integration(shown: &Shown) -> AnyView {
    how("how-web-integration", "to create a web integration", [create_web(known(shown))])
}

pub(super) fn authentication() -> AnyView {
    let more = view! {
        {which()}
        <p><a href=format!("{}#options", routes::GUIDE)>"In the guide, with the steps of each"</a></p>
    };
    guide("how-authentication", "Which one?", "", more.into_any())
}

pub(super) fn api_key(shown: &Shown) -> AnyView {
    let k = known(shown);
    how("how-api-key", "to make an API key", [allow(k), generate(k)])
}

pub(super) fn oauth_client(shown: &Shown) -> AnyView {
    how("how-oauth-client", "to create an OAuth client", [create_client(known(shown))])
}

pub(super) fn identity_provider(shown: &Shown) -> AnyView {
    let k = known(shown);
    how("how-identity-provider", "to create the identity provider by hand", [create_idp(k)])
}
