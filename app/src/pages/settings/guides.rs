//! How to get each value, in today's Qlik words, with the help page's older words
//! as a note. Where the tenant is known, the step leads right to the place.

use leptos::prelude::*;

use super::{checks::out, sketch};
use crate::ssr::settings::Console;

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

/// A link to the place in the tenant's console, where the tenant is known.
fn go(url: Option<&str>, label: &str) -> AnyView {
    url.map(|url| view! { <p>{out(url, label)}</p> }).into_any()
}

pub(super) fn hostname() -> AnyView {
    guide(
        "how-hostname",
        "How",
        "to find the hostname",
        view! {
            {sketch::address_bar()}
            <ol>
                <li>"Open your Qlik Cloud in a browser."</li>
                <li>"Copy the address. Paste all of it here: the hostname is taken out."</li>
            </ol>
        }
        .into_any(),
    )
}

pub(super) fn web_integration(origin: &str, console: &Console) -> AnyView {
    guide(
        "how-web-integration",
        "How",
        "to create a web integration",
        view! {
            {sketch::page("Web", "Create new")}
            <ol>
                <li>"In Qlik, as a Tenant Admin, open " <b>"Administration"</b> " and then " <b>"Web"</b> "."</li>
                <li>"Choose " <b>"Create new"</b> " and enter a name of your choice."</li>
                <li>"Paste this portal’s origin, " <code>{origin.to_owned()}</code> ", and choose " <b>"Add"</b> "."</li>
                <li>"Choose " <b>"Create"</b> ", copy the id from the list, and paste it here."</li>
            </ol>
            {go(console.web.as_deref(), "Open Web in your Qlik tenant")}
            <p class="note">
                "The help page says Console Management > Web; Qlik now calls it Administration. Qlik compares the \
                 origin whole, with https and any port, and takes no wildcards."
            </p>
        }
        .into_any(),
    )
}

pub(super) fn authentication() -> AnyView {
    guide(
        "how-authentication",
        "Which one?",
        "",
        view! {
            <p>
                <b>"Qlik Sense API key"</b>
                " works with any identity provider. One person makes a key, and this portal renews it before it \
                 expires. Users are matched by e-mail, which must be the same here and in Qlik."
            </p>
            <p>
                <b>"Qlik credentials"</b>
                " is for tenants without an identity provider of their own: each user registers their Qlik e-mail and \
                 password in their profile. It is not available yet."
            </p>
        }
        .into_any(),
    )
}

pub(super) fn api_key(console: &Console) -> AnyView {
    guide(
        "how-api-key",
        "How",
        "to make an API key",
        view! {
            <p>"First, once for the tenant, a Tenant Admin allows keys:"</p>
            {sketch::page("Manage users", "Permissions")}
            <ol>
                <li>
                    "Open " <b>"Administration"</b> ", " <b>"Manage users"</b> ", " <b>"Permissions"</b>
                    " and there " <b>"User Default"</b> " or a custom role of the key’s owner."
                </li>
                <li>
                    "Under " <b>"Features and actions"</b> ", " <b>"Developer"</b> ", set " <b>"Manage API keys"</b>
                    " to " <b>"Allowed"</b> "."
                </li>
            </ol>
            <p>"Then the owner, best a Tenant Admin, makes the key:"</p>
            {sketch::page("API keys", "Generate new key")}
            <ol>
                <li>
                    "In Qlik choose the avatar in the upper right corner, " <b>"Profile settings"</b> ", and "
                    <b>"API keys"</b> "."
                </li>
                <li>"Choose " <b>"Generate new key"</b> " and enter a description."</li>
                <li>"Set the expiration to at least 3 days. Short is safe: it is renewed one day before it expires."</li>
                <li>"Choose " <b>"Generate"</b> ", copy the key, which Qlik shows once, and paste it here."</li>
            </ol>
            {go(console.api_keys.as_deref(), "Open API keys in your Qlik tenant")}
            <p class="note">
                "The help page asks for Enable API keys under Console Management > Settings and for the Developer \
                 role. Qlik replaced both with the permission Manage API keys in January 2026; an old tenant may \
                 still show them."
            </p>
        }
        .into_any(),
    )
}

pub(super) fn identity_provider(console: &Console) -> AnyView {
    guide(
        "how-identity-provider",
        "How",
        "to create the identity provider by hand",
        view! {
            {sketch::page("Identity provider", "Create new")}
            <ol>
                <li>
                    "In Qlik, as a Tenant Admin, open " <b>"Administration"</b> " and then "
                    <b>"Identity provider"</b> "."
                </li>
                <li>"Choose " <b>"Create new"</b> " and the type " <b>"JWT"</b> "."</li>
                <li>
                    "Enter a description, and copy " <b>"Certificate"</b> ", " <b>"Issuer"</b> " and "
                    <b>"Key ID"</b> " from here."
                </li>
                <li>"Choose " <b>"Create"</b> ", then test the connection here."</li>
            </ol>
            {go(console.identity_providers.as_deref(), "Open Identity provider in your Qlik tenant")}
            <p class="note">
                "The help page says that JWT authorization must be activated by your Qlik account manager. That holds \
                 only where Qlik does not offer the type JWT."
            </p>
        }
        .into_any(),
    )
}
