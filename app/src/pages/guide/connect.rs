//! The two options, and the way to connect by either: the help page's order of
//! steps, in our words.

use leptos::prelude::*;

use super::{
    procedure::{Known, Procedure, procedure, step},
    sketch,
};
use crate::{routes, ui::copy::CopyField};

fn to(section: &'static str, text: &'static str) -> AnyView {
    view! { <a href=format!("#{section}")>{text}</a> }.into_any()
}

fn settings() -> AnyView {
    view! { <a href=routes::SETTINGS>"Administration > Settings"</a> }.into_any()
}

/// Which of the two to take: what the field Authentication asks.
pub(crate) fn which() -> AnyView {
    view! {
        <p>
            <b>"Qlik Sense API key"</b>
            " works with any identity provider. One person makes a key, and this portal renews it before it expires. \
             Users register nothing: each is signed in by a JWT in their own name, and sees their own apps."
        </p>
        <p>
            <b>"Qlik credentials"</b>
            " is for tenants without an identity provider of their own, where people sign in to Qlik with a Qlik \
             account: each user registers their Qlik e-mail and password in their profile. It is not available yet."
        </p>
        <p>
            "Either way a user is found by e-mail: it must be the same in this portal and in Qlik."
        </p>
    }
    .into_any()
}

/// Connecting with a key, step by step.
pub(super) fn with_api_key() -> Procedure {
    procedure("connect")
        .lead(
            "Seven steps, of which four have a procedure of their own below. It takes about ten minutes, and somebody \
             who is Tenant Admin in Qlik.",
        )
        .steps([
            step(view! { "Open " {settings()} "." }),
            step(view! { "Go to the section " <b>"Qlik Sense Integration"</b> "." }),
            step(view! {
                "Enter the " <b>"Qlik Sense tenant hostname"</b> ". See " {to("hostname", "how to find it")} "."
            })
            .leads_to("hostname"),
            step(view! {
                "Enter the " <b>"Web Integration Id"</b> ". See "
                {to("web-integration", "how to create a web integration")} "."
            })
            .leads_to("web-integration"),
            step(view! { "Under " <b>"Authentication"</b> " choose " <b>"Qlik Sense API key"</b> "." })
                .drawn(sketch::options("Qlik credentials", "Qlik Sense API key", true)),
            step(view! {
                "Enter the " <b>"Qlik Sense API key"</b> ". See " {to("allow-keys", "who may make one")} " and "
                {to("api-key", "how it is made")} "."
            })
            .leads_to("api-key"),
            step(view! {
                "Choose " <b>"Save"</b> ". Everything is checked first, and nothing is stored where a check fails. Then "
                {to("identity-provider", "let Qlik trust this portal’s sign-ins")} ", once."
            })
            .leads_to("identity-provider"),
        ])
        .note(
            "From then on the key is renewed by itself, one day before it expires, or after two thirds of its life where \
             it lives for less than three days. A short life is the safer choice: a key that leaks is soon worth nothing.",
        )
        .old_way(
            "it took Qlik Sense Enterprise SaaS, and JWT authorization that Qlik had activated for the tenant.",
        )
}

/// Connecting with each user's own password: what it will take.
pub(super) fn with_credentials() -> Procedure {
    procedure("connect-credentials")
        .lead(view! {
            <b>"Not available yet."</b>
            " The option is shown in the settings and can’t be chosen. Once it is built, these will be its steps:"
        })
        .steps([
            step(view! { "Open " {settings()} "." }),
            step(view! { "Go to the section " <b>"Qlik Sense Integration"</b> "." }),
            step(view! {
                "Enter the " <b>"Qlik Sense tenant hostname"</b> ", as " {to("hostname", "for the other option")} "."
            }),
            step(view! {
                "Enter the " <b>"Web Integration Id"</b> ", as " {to("web-integration", "for the other option")} "."
            }),
            step(view! { "Under " <b>"Authentication"</b> " choose " <b>"Qlik credentials"</b> "." })
                .drawn(sketch::options("Qlik credentials", "Qlik Sense API key", false)),
            step(view! { "Choose " <b>"Save"</b> "." }),
            step(view! {
                "Each user registers their Qlik e-mail and password in their " <b>"Profile"</b> "."
            })
            .drawn(sketch::form("Qlik credentials", &[("E-mail", "ada@acme.example"), ("Password", "••••••••")], "Save")),
        ])
        .note(
            "It will need a tenant that uses Qlik’s own sign-in (a tenant with an identity provider of its own takes the \
             option Qlik Sense API key), the same e-mail here and in Qlik, and users whose Qlik account asks for nothing \
             but the password: multi-factor sign-in can’t be done in their place.",
        )
}

/// Finding the hostname.
pub(crate) fn hostname() -> Procedure {
    procedure("hostname").steps([
        step("Open your Qlik Cloud in a browser.").drawn(sketch::address_bar()),
        step(view! {
            "Copy the address and paste it into " <b>"Qlik Sense tenant hostname"</b>
            ". Paste all of it: the hostname is taken out."
        })
        .checked("hostname-paste"),
    ])
}

/// Creating the web integration.
pub(crate) fn web_integration(k: Known<'_>) -> Procedure {
    let origin = k.portal.origin.clone();
    let values = view! {
        <CopyField id="guide-hostname" label="Tenant hostname" value=k.portal.hostname.clone()/>
        <CopyField id="guide-origin" label="Origin for Qlik" value=origin.clone()/>
    };
    procedure("web-integration")
        .lead("A web integration says which sites may sign in to your Qlik tenant. This portal needs one.")
        .steps([
            step(view! { "In this portal, open " {settings()} "." }),
            step(view! {
                "Copy the " <b>"Tenant hostname"</b> ", or better the " <b>"Origin for Qlik"</b>
                " below it, which is the same with https:// in front."
            })
            .drawn(sketch::copied("Origin for Qlik", "https://acme.portal.example"))
            .with(values.into_any()),
            step("Open Qlik Cloud as a Tenant Admin."),
            step(view! { "Open " <b>"Administration"</b> " and then " <b>"Web"</b> "." }),
            step(view! { "Choose " <b>"Create new"</b> "." }).drawn(sketch::page("Web", "Create new")),
            step("Enter a name of your choice, such as the portal’s."),
            step(view! {
                "Paste the origin, " <code>{origin}</code> ", and choose " <b>"Add"</b> "."
            })
            .drawn(sketch::form(
                "Create web integration",
                &[("Name", "Reporting portal"), ("Add an origin", "https://acme.portal.example")],
                "Add",
            ))
            .checked("web-add"),
            step(view! { "Choose " <b>"Create"</b> "." }),
            step("Qlik makes an id and shows it in the list."),
            step("Copy the id.").drawn(sketch::copied("ID", "OG_YzbL1zweMS4XQcv88J_n0853IbM0R")),
            step(view! { "Paste it into " <b>"Web Integration Id"</b> " in the settings of this portal." })
                .checked("web-paste"),
        ])
        .link(k.console.web.as_ref(), "Open Web in your Qlik tenant")
        .note("Qlik compares the origin whole, with https and any port, and takes no wildcards.")
        .old_way(view! {
            "Qlik’s administration was called Management Console: there it is " <b>"Console Management > Web"</b>
            ", and the Tenant hostname is what the older instructions paste."
        })
}
