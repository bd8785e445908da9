//! The portal's people, and how one is added.

use backend::{
    Role,
    connection::AuthOption,
    people::{Status, UserRow},
};
use leptos::{prelude::*, server_fn::ServerFn};

use super::{ADMINISTRATION, Visit, load};
use crate::{
    api::{form, qlik::AskAll, users::AddUser},
    routes,
    ssr::{
        ctx,
        flash::{self, OneTimeLink},
        qlik::{Standing, Standings},
    },
    ui::{
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        card::Card,
        copy::CopyField,
        field::{SelectField, TextField},
        form::{ErrorSummary, FormState},
        page::Frame,
        table::Table,
        time::{Countdown, Moment, Time},
    },
    wire::Tone,
    words,
};

/// Value and text of the roles, the usual one first.
pub(super) const ROLES: &[(&str, &str)] = &[("user", "User"), ("administrator", "Administrator")];

/// The list of people.
#[component]
pub fn UsersPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let services = ctx::services()?;
        let users = services.list_users(&visit.actor).await?;
        let link = flash::take_link(&visit.actor.portal.id).await?;
        let form = flash::take_form(form::ADD_USER).await?;
        let now = services.now();
        let standings = Standings::read(&visit.actor).await?;
        let link = link.map(|link| {
            let name = users.iter().find(|u| u.id == link.user_id).map(|u| u.name.clone());
            view! { <LinkCard link name=name.unwrap_or_default() now/> }
        });
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=ADMINISTRATION
                title="Users"
                here=routes::USERS
                notice=visit.notice
                wrong=form.has_errors()
            >
                <ErrorSummary form=form.clone() fields=&["email", "name", "role"]/>
                {link}
                {top(&standings, &users, &visit.actor.user_id)}
                <Table
                    caption="Users"
                    columns=if standings.option.is_some() {
                        &["Name", "Role", "Status", "Qlik", "Last sign-in", ""]
                    } else {
                        &["Name", "Role", "Status", "Last sign-in", ""]
                    }
                >
                    {users
                        .into_iter()
                        .map(|user| {
                            let standing = standings.of(&user.id);
                            view! { <Row user standing now/> }
                        })
                        .collect_view()}
                </Table>
                <AddCard form/>
            </Frame>
        }
        .into_any())
    })
}

/// Where to see who has a way to Qlik, and how to ask those who have none.
fn top(standings: &Standings, users: &[UserRow], me: &str) -> AnyView {
    if standings.everyone {
        return view! {
            <p class="muted">
                "Users have nothing to do: each is looked up at Qlik by e-mail when they open My apps."
            </p>
        }
        .into_any();
    }
    let Some(option) = standings.option else {
        return view! {
            <p class="actions">
                <LinkButton href=routes::MATCHING>"Who will match at Qlik"</LinkButton>
            </p>
        }
        .into_any();
    };
    let open = users.iter().filter(|u| u.status == Status::Active);
    let open: Vec<_> = open.filter(|u| standings.of(&u.id).is_none_or(|s| !s.ready)).collect();
    let todo = if option == AuthOption::Credentials {
        "registered their Qlik credentials"
    } else {
        "connected to Qlik"
    };
    let says = match open.len() {
        0 => format!("All active users have {todo}."),
        1 => format!("1 active user has not {todo}, or it does not work."),
        n => format!("{n} active users have not {todo}, or it does not work."),
    };
    let ask = open.iter().any(|u| u.id != me).then(|| {
        view! {
            <form method="post" action=AskAll::PATH>
                <SubmitButton label="Ask them" busy="Asking…"/>
            </form>
        }
    });
    view! { <div class="actions"><p>{says}</p> {ask}</div> }.into_any()
}

#[component]
fn Row(user: UserRow, standing: Option<Standing>, now: jiff::Timestamp) -> impl IntoView {
    let standing = standing.map(|s| view! { <td data-label="Qlik"><Badge tone=s.tone text=s.text/></td> });
    let (tone, status) = status_text(&user, now);
    let signed_in = match user.last_login_at {
        Some(at) => view! { <Time at=Moment::from(at)/> }.into_any(),
        None => view! { <span class="muted">"Never"</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="name">{user.name.clone()}</span>
                <span class="sub">{user.email}</span>
            </th>
            <td>{role_text(user.role, user.is_owner)}</td>
            <td><Badge tone text=status/></td>
            {standing}
            <td class="nowrap" data-label="Last sign-in">{signed_in}</td>
            <td class="end">
                <a class="button small" href=routes::user(&user.id)>
                    "Manage"<span class="visually-hidden">" " {user.name}</span>
                </a>
            </td>
        </tr>
    }
}

#[component]
fn AddCard(form: FormState) -> impl IntoView {
    view! {
        <Card
            id="add"
            title="Add a user"
            lead="You get a one-time link to pass on. The person sets a password with it; Qonduit does not mail it."
            split=true
        >
            <form class="form" method="post" action=AddUser::PATH novalidate=true>
                <TextField
                    form=form.clone()
                    name="email"
                    label="E-mail"
                    kind="email"
                    hint="The same as in Qlik: people are matched by it."
                />
                <TextField form=form.clone() name="name" label="Name"/>
                <SelectField
                    form
                    name="role"
                    label="Role"
                    hint="Administrators change settings and people. Users open apps."
                    options=ROLES
                    value="user"
                />
                <div class="actions">
                    <SubmitButton label="Add user" busy="Adding…" weight=Weight::Primary/>
                </div>
            </form>
        </Card>
    }
}

/// A one-time link, the one time that it is shown.
#[component]
pub(super) fn LinkCard(link: OneTimeLink, name: String, now: jiff::Timestamp) -> impl IntoView {
    let until = jiff::Timestamp::from_second(link.expires_at).map(Moment::from).ok();
    let counted = words::relative(link.expires_at - now.as_second());
    view! {
        <section class="card highlight" aria-labelledby="link" role="status">
            <div class="card-head">
                <h2 class="card-title" id="link">"Link for " {name}</h2>
                <p class="card-lead">
                    "Pass it on to this person and nobody else. It is shown once, works once, and ends "
                    {until.map(|at| view! { <Time at/> })} " ("
                    <Countdown at=link.expires_at counted/> ")."
                </p>
            </div>
            <CopyField id="one-time-link" label="One-time link" value=link.url/>
        </section>
    }
}

/// What a person may do, in words.
pub(super) fn role_text(role: Role, is_owner: bool) -> &'static str {
    match (role, is_owner) {
        (_, true) => "Owner",
        (Role::Administrator, false) => "Administrator",
        (Role::User, false) => "User",
    }
}

/// Where an account stands, in words.
pub(super) fn status_text(user: &UserRow, now: jiff::Timestamp) -> (Tone, &'static str) {
    match user.status {
        Status::Active => (Tone::Good, "Active"),
        Status::Disabled => (Tone::Bad, "Disabled"),
        Status::Invited if user.invitation_expires.is_some_and(|at| at > now) => (Tone::Neutral, "Invited"),
        Status::Invited => (Tone::Warning, "Link expired"),
    }
}
