//! The options, and the way to connect by the two of the help page: its order of
//! steps, in our words.

use backend::connection::AuthOption;
use leptos::prelude::*;

use super::{
    procedure::{Known, Procedure, procedure, step},
    sketch,
};
use crate::{
    routes,
    ui::{copy::CopyField, table::Table},
};

pub(super) fn to(section: &'static str, text: &'static str) -> AnyView {
    view! { <a href=format!("#{section}")>{text}</a> }.into_any()
}

pub(super) fn settings() -> AnyView {
    view! { <a href=routes::SETTINGS>"Administration > Settings"</a> }.into_any()
}

/// The options side by side: name, what users do, what it needs, and for whom it is.
const OPTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "Qlik credentials",
        "Register the password of their Qlik account, in their Profile",
        "A web integration; a tenant where people sign in with Qlik accounts; accounts without a second factor.",
        "Small tenants without an identity provider of their own. Qlik neither documents nor supports it: a change of its \
         sign-in page can end it at any time.",
    ),
    (
        "Qlik Sense API key",
        "Nothing",
        "A web integration, an API key of a user who may read users, and a JWT identity provider that this portal can \
         create. Works with any identity provider and second factor.",
        "Most portals. The key is renewed by itself. Qlik supports JWT, and recommends OAuth for what is new.",
    ),
    (
        "Qlik OAuth, for everyone",
        "Nothing",
        "An OAuth client of type Web with M2M user impersonation, consent method Trusted. Users must exist in Qlik. \
         Works with any identity provider and second factor.",
        "New connections. What Qlik recommends today. The client’s secret is as powerful as an administrator.",
    ),
    (
        "Qlik OAuth, each user connects",
        "Connect once, in their Profile",
        "An OAuth client of type Web. Users must exist in Qlik. Works with any identity provider and second factor.",
        "Where nobody may act for users without their consent. What Qlik recommends today.",
    ),
];

/// Which of them to take: what the field Authentication asks.
pub(crate) fn which() -> AnyView {
    let rows = OPTIONS.iter().map(|(name, users, needs, whom)| {
        view! {
            <tr>
                <th scope="row">{*name}</th>
                <td data-label="Users do:">{*users}</td>
                <td data-label="Needs:">{*needs}</td>
                <td data-label="For:">{*whom}</td>
            </tr>
        }
    });
    view! {
        <Table caption="The authentication options" columns=&["Option", "Users do", "It needs", "For"]>
            {rows.collect_view()}
        </Table>
        <p>
            "Whichever it is, a user is found by e-mail: it must be the same in this portal and in Qlik."
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
                .drawn(sketch::options(AuthOption::ApiKey)),
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

/// Connecting with each user's own password.
pub(super) fn with_credentials() -> Procedure {
    procedure("connect-credentials")
        .lead(
            "Only where your Qlik tenant signs people in with Qlik accounts: a tenant with an identity provider of its own \
             can’t use it, and Save says so.",
        )
        .steps([
            step(view! { "Open " {settings()} "." }),
            step(view! { "Go to the section " <b>"Qlik Sense Integration"</b> "." }),
            step(view! {
                "Enter the " <b>"Qlik Sense tenant hostname"</b> ". See " {to("hostname", "how to find it")} "."
            }),
            step(view! {
                "Enter the " <b>"Web Integration Id"</b> ". See "
                {to("web-integration", "how to create a web integration")} "."
            }),
            step(view! { "Under " <b>"Authentication"</b> " choose " <b>"Qlik credentials"</b> "." })
                .drawn(sketch::options(AuthOption::Credentials))
                .checked("credentials-way"),
            step(view! { "Choose " <b>"Save"</b> "." }),
            step(view! {
                "Each user registers their Qlik password in their " <b>"Profile"</b>
                ". Under " <a href=routes::USERS>"Users"</a> " you see who has, and can ask the others."
            })
            .drawn(sketch::form("Qlik credentials", &[("E-mail", "ada@acme.example"), ("Qlik password", "••••••••")], "Save")),
        ])
        .note(
            "The e-mail must be the same here and in Qlik, and the Qlik account may ask for nothing but the password: a \
             second factor can’t be done in a user’s place. A password is tried once; one that Qlik refuses is not kept \
             and not sent again, so that nobody’s account is blocked. Where that is too little, Qlik OAuth works with any \
             account.",
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
