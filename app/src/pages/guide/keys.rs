//! Keys and sign-ins: who may make an API key, how it is made, and what lets
//! Qlik trust this portal.

use backend::connection::AuthOption;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    super::settings::certificate,
    procedure::{Known, Procedure, procedure, step},
    sketch,
};
use crate::{
    api::settings::TestConnection,
    routes,
    ui::{button::SubmitButton, copy::CopyField},
};

/// Allowing API keys, once for a tenant.
pub(crate) fn allow(k: Known<'_>) -> Procedure {
    procedure("allow-keys")
        .lead("Once for the tenant, a Tenant Admin allows API keys for whoever is to make one:")
        .steps([
            step(view! {
                "In Qlik, open " <b>"Administration"</b> ", " <b>"Manage users"</b> " and there "
                <b>"Permissions"</b> "."
            })
            .drawn(sketch::page("Manage users", "Permissions")),
            step(view! {
                "Open " <b>"User Default"</b> ", which holds for everybody, or a custom role that the key’s owner has."
            }),
            step(view! {
                "Under " <b>"Features and actions"</b> ", " <b>"Developer"</b> ", set " <b>"Manage API keys"</b>
                " to " <b>"Allowed"</b> "."
            })
            .drawn(sketch::permission("Manage API keys", "Allowed"))
            .checked("keys-allowed"),
        ])
        .link(k.console.permissions.as_ref(), "Open Manage users in your Qlik tenant")
        .note("A key whose owner loses the permission stops working, so it has to stay.")
        .old_way(view! {
            "until January 2026 two settings stood in its place, and an old tenant may still show them: the switch "
            <b>"Enable API keys"</b> " under " <b>"Console Management > Settings"</b> ", and the "
            <b>"Developer role"</b> " of the key’s owner under " <b>"Console Management > Users"</b>
            " (edit the user’s roles). Both have to be on there."
        })
}

/// Making the key.
pub(crate) fn generate(k: Known<'_>) -> Procedure {
    procedure("api-key")
        .lead("The owner of the key, best a Tenant Admin, makes it:")
        .steps([
            step("In Qlik, signed in as the owner of the key, choose the avatar in the upper right corner.")
                .checked("key-owner"),
            step(view! { "Choose " <b>"Profile settings"</b> "." })
                .drawn(sketch::avatar_menu("Profile settings")),
            step(view! { "In the section " <b>"Management"</b> " choose " <b>"API keys"</b> "." }),
            step("You see the API keys that you have. One place must be free; one more for each renewal."),
            step(view! { "Choose " <b>"Generate new key"</b> "." })
                .drawn(sketch::page("API keys", "Generate new key")),
            step("Enter a description, such as the portal’s name."),
            step(view! {
                "Set the expiration to " <b>"at least 3 days"</b>
                ". Short is safe: it is renewed one day before it expires."
            })
            .drawn(sketch::form(
                "Generate new key",
                &[("Description", "Reporting portal"), ("Expires in", "3 days")],
                "Generate",
            ))
            .checked("key-expiration"),
            step(view! { "Choose " <b>"Generate"</b> "." }),
            step(view! {
                "Copy the key, which Qlik shows once, and paste it into " <b>"Qlik Sense API key"</b>
                " in the settings of this portal."
            })
            .drawn(sketch::copied("Your API key", "eyJhbGciOi…"))
            .checked("key-paste"),
        ])
        .link(k.console.api_keys.as_ref(), "Open API keys in your Qlik tenant")
        .note(
            "Where the list offers less than 3 days, the tenant’s maximum is short: 24 hours unless a Tenant Admin raised \
             it. Such a key works as well, and is renewed more often.",
        )
}

/// Seeing whether the tenant takes JWTs at all.
pub(super) fn jwt(k: Known<'_>) -> Procedure {
    procedure("jwt")
        .lead(
            "Users are signed in by JWT, so the tenant has to offer it. Most do; it takes a minute to see, and changes \
             nothing:",
        )
        .steps([
            step(view! {
                "In Qlik, as a Tenant Admin, open " <b>"Administration"</b> " and then " <b>"Identity provider"</b> "."
            }),
            step(view! { "Choose " <b>"Create new"</b> "." }).drawn(sketch::page("Identity provider", "Create new")),
            step(view! {
                "Look at the list " <b>"Type"</b> ". Where " <b>"JWT"</b>
                " is in it, the tenant offers it. Leave the form without creating anything."
            })
            .drawn(sketch::form("Create identity provider", &[("Type", "JWT")], "Cancel")),
        ])
        .link(k.console.identity_providers.as_ref(), "Open Identity provider in your Qlik tenant")
        .old_way(
            "JWT authorization was off unless Qlik activated it. Where the type is missing, ask your Qlik account manager to \
             activate JWT for embedded analytics and reporting.",
        )
}

/// Letting Qlik trust the portal's sign-ins.
pub(crate) fn identity_provider(k: Known<'_>) -> Procedure {
    let values = view! {
        <CopyField id="guide-issuer" label="Issuer" value=k.identity.issuer.clone()/>
        <CopyField id="guide-kid" label="Key ID" value=k.identity.kid.clone()/>
        {certificate(&k.identity.certificate_pem)}
    };
    procedure("identity-provider")
        .lead(view! {
            "With a Tenant Admin’s key this portal creates it by itself: " <b>"Settings"</b> " offers it after "
            <b>"Save"</b> ". By hand:"
        })
        .steps([
            step(view! {
                "In Qlik, as a Tenant Admin, open " <b>"Administration"</b> " and then " <b>"Identity provider"</b> "."
            })
            .drawn(sketch::page("Identity provider", "Create new")),
            step(view! { "Choose " <b>"Create new"</b> " and the type " <b>"JWT"</b> "." }),
            step(view! {
                "Enter a description, and copy " <b>"Certificate"</b> ", " <b>"Issuer"</b> " and " <b>"Key ID"</b>
                " from this portal. None of them is secret."
            })
            .with(values.into_any()),
            step(view! { "Choose " <b>"Create"</b> "." }).checked("idp-create"),
            step("Test the connection: a user is signed in for a moment.").checked("idp-login"),
        ])
        .link(k.console.identity_providers.as_ref(), "Open Identity provider in your Qlik tenant")
        .old_way(
            "JWT authorization had to be activated by your Qlik account manager. That holds only where Qlik does not offer \
             the type JWT.",
        )
}

/// What comes once it is saved, and what does not.
pub(super) fn afterwards(option: Option<AuthOption>) -> Procedure {
    let again = option.map(|_| check_again());
    let renewed = option.is_none_or(|o| o == AuthOption::ApiKey).then(|| {
        view! {
            "There is no key to renew by hand. When it comes due and how each renewal went is under "
            <a href=routes::RENEWALS>"Renewals"</a> "."
        }
    });
    let own = match option {
        Some(AuthOption::Credentials) => Some("register your Qlik password"),
        Some(AuthOption::OauthUsers) => Some("connect to Qlik"),
        _ => None,
    };
    let own = own.map(|what| {
        view! { "In your " <a href=format!("{}#qlik", routes::PROFILE)>"Profile"</a> ", " {what} ". Then open " }
    });
    let open = if own.is_some() { "" } else { "Open " };
    let procedure = procedure("afterwards")
        .lead("Connected, the portal looks after itself. Three things are worth a look:")
        .steps([
            step(view! { "Choose " <b>"Check again"</b> ": every check is made with what is stored." })
                .with(again.into_any())
                .checked("after-apps"),
            step(view! {
                {own} {open} <a href=routes::APPS>"My apps"</a> ". You see the Qlik apps that you may open, and nobody else’s."
            }),
            step(view! {
                "Add people under " <a href=routes::USERS>"Users"</a>
                ", each with the e-mail that they have in Qlik. Whom to tell when the connection stops working is set under "
                <a href=routes::NOTIFICATIONS>"Notifications"</a> "."
            }),
        ]);
    match renewed {
        Some(text) => procedure.note(text),
        None => procedure,
    }
}

/// Makes the checks with what is stored, and comes back here.
pub(super) fn check_again() -> AnyView {
    view! {
        <form method="post" action=TestConnection::PATH>
            <input type="hidden" name="back" value="guide"/>
            <SubmitButton label="Check again" busy="Checking…"/>
        </form>
    }
    .into_any()
}
