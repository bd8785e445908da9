//! Qlik OAuth: the client in Qlik, and the way to connect by it.

use backend::oauth::redirect_uri;
use leptos::prelude::*;

use super::{
    connect::{settings, to},
    procedure::{Known, Procedure, procedure, step},
    sketch,
};
use crate::ui::copy::CopyField;

/// Creating the OAuth client, for either way.
pub(crate) fn oauth_client(k: Known<'_>) -> Procedure {
    let back = redirect_uri(&k.portal.origin);
    let values = view! { <CopyField id="guide-redirect" label="Redirect URL for Qlik" value=back.clone()/> };
    procedure("oauth-client")
        .lead("An OAuth client says what this portal may do in your Qlik tenant. A Tenant Admin creates it, once:")
        .steps([
            step(view! { "In Qlik, open " <b>"Administration"</b> " and then " <b>"OAuth"</b> "." }),
            step(view! { "Choose " <b>"Create new"</b> ", and the client type " <b>"Web"</b> ". The type can’t be changed later." })
                .drawn(sketch::page("OAuth", "Create new")),
            step("Enter a name of your choice, such as the portal’s."),
            step(view! {
                "Under scopes select " <b>"user_default"</b> ". Where the client acts for everyone, also "
                <b>"admin.users:read"</b> ", with which users are found by their e-mail; where each user connects, also "
                <b>"offline_access"</b> ", with which they stay connected."
            })
            .checked("oauth-scopes"),
            step(view! { "Paste the redirect URL, " <code>{back}</code> ", and choose " <b>"Add"</b> "." })
                .drawn(sketch::form(
                    "Create OAuth client",
                    &[("Name", "Reporting portal"), ("Add redirect URLs", "https://acme.portal.example/…")],
                    "Add",
                ))
                .with(values.into_any())
                .checked("oauth-redirect"),
            step(view! {
                "Where the client acts for everyone, tick " <b>"Allow Machine-to-Machine (M2M)"</b> " and "
                <b>"Allow M2M user impersonation"</b> "."
            })
            .checked("oauth-grants"),
            step(view! { "Choose " <b>"Create"</b> ". Qlik shows the client ID and the client secret, the secret this once." })
                .drawn(sketch::copied("Client ID", "b3ee66d6f21d1611efa89a425f656f6f")),
            step(view! {
                "Paste both into " <b>"OAuth client ID"</b> " and " <b>"OAuth client secret"</b>
                " in the settings of this portal."
            })
            .checked("oauth-paste"),
            step(view! {
                "Where the client acts for everyone, choose " <b>"Change consent method"</b> " in the menu of the client "
                "in the list, and there " <b>"Trusted"</b> "."
            })
            .checked("oauth-trust"),
        ])
        .note(
            "A client that acts for everyone is as powerful as an administrator: its secret is to be here and in Qlik, and \
             nowhere else. Qlik advises two clients for it, one to look users up and one with user_default alone; this \
             portal uses one.",
        )
}

/// Connecting by OAuth.
pub(super) fn with_oauth() -> Procedure {
    procedure("connect-oauth")
        .lead("What Qlik recommends for new connections. There are two ways.")
        .steps([
            step(view! { "Open " {settings()} ", and go to the section " <b>"Qlik Sense Integration"</b> "." }),
            step(view! {
                "Enter the " <b>"Qlik Sense tenant hostname"</b> ". A web integration is not needed: the field may stay empty."
            }),
            step(view! {
                "Under " <b>"Authentication"</b> " choose " <b>"Qlik OAuth, for everyone"</b> ", where users have nothing to \
                 do, or " <b>"Qlik OAuth, each user connects"</b> ", where nobody can act for them without their consent."
            }),
            step(view! {
                "Enter the client’s ID and secret. See " {to("oauth-client", "how the client is created")} "."
            })
            .leads_to("oauth-client"),
            step(view! { "Choose " <b>"Save"</b> ". The client is tried first; nothing is stored where a check fails." })
                .checked("oauth-user"),
            step(view! {
                "Where each user connects: they choose " <b>"Connect to Qlik"</b> " in their " <b>"Profile"</b>
                ", sign in at Qlik as ever, and agree."
            })
            .drawn(sketch::form("Qlik", &[("E-mail", "ada@acme.example")], "Connect to Qlik")),
        ])
        .note(
            "Users must exist in Qlik: OAuth makes and changes nobody there. Tokens are renewed by themselves; a user who \
             removes the connection in the Profile has its tokens revoked at Qlik too.",
        )
}
