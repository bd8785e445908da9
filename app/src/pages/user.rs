//! One person of the portal, and what an administrator can change.

use backend::people::{Status, UserRow};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_params_map;

use super::{
    Visit, load,
    users::{LinkCard, ROLES, role_text, status_text},
};
use crate::{
    api::{
        form,
        qlik::AskUser,
        users::{EnableUser, NewLink, SetRole},
    },
    error::AppError,
    routes,
    ssr::{
        ctx, flash,
        qlik::{Standing, Standings},
    },
    ui::{
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        card::Card,
        field::SelectField,
        form::{ErrorSummary, FormState},
        page::{Crumb, Frame},
        time::{Moment, Time},
    },
};

/// What stands above the pages of one person.
pub(super) const USERS: &[Crumb] = &[("Administration", None), ("Users", Some(routes::USERS))];

/// The `id` of the address.
pub(super) fn id_of_address() -> String {
    use_params_map().read_untracked().get("id").unwrap_or_default()
}

/// The person `id` of the administrator's portal.
pub(super) async fn find(visit: &Visit, id: &str) -> Result<UserRow, AppError> {
    let users = ctx::services()?.list_users(&visit.actor).await?;
    users.into_iter().find(|u| u.id == id).ok_or(AppError::NotFound)
}

/// One person.
#[component]
pub fn UserPage() -> impl IntoView {
    let id = id_of_address();
    load(async move {
        let visit = Visit::admin().await?;
        let user = find(&visit, &id).await?;
        let form = flash::take_form(form::USER).await?;
        let now = ctx::services()?.now();
        let standing = Standings::read(&visit.actor).await?.of(&user.id);
        let link = flash::take_link(&visit.actor.portal.id)
            .await?
            .map(|link| view! { <LinkCard link name=user.name.clone() now/> });
        let myself = visit.actor.user_id == user.id;
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=USERS
                title=user.name.clone()
                here=routes::USERS
                notice=visit.notice
                wrong=form.has_errors()
            >
                <ErrorSummary form=form.clone() fields=&["role"]/>
                {link}
                <Facts user=user.clone() now/>
                {standing.map(|standing| qlik_card(&user, standing))}
                <RoleCard user=user.clone() form/>
                <PasswordLinkCard user=user.clone() myself/>
                <AccessCard user myself/>
            </Frame>
        }
        .into_any())
    })
}

#[component]
fn Facts(user: UserRow, now: jiff::Timestamp) -> impl IntoView {
    let (tone, status) = status_text(&user, now);
    let signed_in = match user.last_login_at {
        Some(at) => view! { <Time at=Moment::from(at)/> }.into_any(),
        None => "Never".into_any(),
    };
    let link = user.invitation_expires.filter(|at| *at > now).map(|at| {
        view! {
            <dt>"One-time link"</dt>
            <dd>"Works until " <Time at=Moment::from(at)/></dd>
        }
    });
    view! {
        <dl class="facts">
            <dt>"E-mail"</dt>
            <dd>{user.email}</dd>
            <dt>"Status"</dt>
            <dd><Badge tone text=status/></dd>
            <dt>"Added"</dt>
            <dd><Time at=Moment::from(user.created_at)/></dd>
            <dt>"Last sign-in"</dt>
            <dd>{signed_in}</dd>
            {link}
        </dl>
    }
}

/// How far they are with their own part, and how to ask for it.
fn qlik_card(user: &UserRow, standing: Standing) -> AnyView {
    let asked =
        if standing.asked { "They were asked, and see it on each page." } else { "They were not asked." };
    let asked = (!standing.ready).then_some(asked);
    let label = if standing.asked { "Ask again" } else { "Ask them" };
    let ask = (user.status == Status::Active && !standing.ready).then(|| {
        view! {
            <form method="post" action=AskUser::PATH>
                <input type="hidden" name="user" value=user.id.clone()/>
                <SubmitButton label busy="Asking…"/>
            </form>
        }
    });
    view! {
        <Card
            id="qlik"
            title="Qlik"
            lead="Each user registers or connects in their own Profile. You see how it stands, and never a password."
            split=true
        >
            <p><Badge tone=standing.tone text=standing.text/></p>
            {standing.says.map(|says| view! { <p>{says}</p> })}
            {asked.map(|text| view! { <p class="hint">{text}</p> })}
            <div class="actions">{ask}</div>
        </Card>
    }
    .into_any()
}

#[component]
fn RoleCard(user: UserRow, form: FormState) -> impl IntoView {
    if user.is_owner {
        return view! {
            <Card
                id="role"
                title="Role"
                lead="The owner made the portal and always stays an administrator."
                split=true
            >
                <p>{role_text(user.role, true)}</p>
            </Card>
        }
        .into_any();
    }
    view! {
        <Card
            id="role"
            title="Role"
            lead="Administrators change settings and people. Users open apps."
            split=true
        >
            <form class="form" method="post" action=SetRole::PATH novalidate=true>
                <input type="hidden" name="user" value=user.id/>
                <SelectField form name="role" label="Role" options=ROLES value=user.role.as_str()/>
                <div class="actions">
                    <SubmitButton label="Save role" busy="Saving…"/>
                </div>
            </form>
        </Card>
    }
    .into_any()
}

#[component]
fn PasswordLinkCard(user: UserRow, myself: bool) -> impl IntoView {
    let lead = match user.status {
        // A disabled account gets no link, and whose link is whose password is the owner's own affair.
        Status::Disabled => return ().into_any(),
        _ if user.is_owner && !myself => return ().into_any(),
        Status::Invited => "Makes a new link to set the first password. The older one stops working.",
        Status::Active => {
            "For a forgotten password: makes a one-time link to set a new one. The present password works until then."
        }
    };
    view! {
        <Card id="new-link" title="One-time link" lead split=true>
            <form class="actions" method="post" action=NewLink::PATH>
                <input type="hidden" name="user" value=user.id/>
                <SubmitButton label="New link" busy="Making…"/>
            </form>
        </Card>
    }
    .into_any()
}

#[component]
fn AccessCard(user: UserRow, myself: bool) -> impl IntoView {
    let why_not = match (user.is_owner, myself) {
        (true, _) => Some("The owner’s account can’t be disabled or removed."),
        (_, true) => Some("You can’t disable or remove your own account. Another administrator can."),
        _ => None,
    };
    if let Some(why_not) = why_not {
        return view! { <Card id="access" title="Access" split=true><p>{why_not}</p></Card> }.into_any();
    }
    let id = user.id;
    let enabled = match user.status {
        Status::Disabled => view! {
            <form method="post" action=EnableUser::PATH>
                <input type="hidden" name="user" value=id.clone()/>
                <SubmitButton label="Enable" busy="Enabling…"/>
            </form>
        }
        .into_any(),
        _ => view! { <LinkButton href=routes::user_disable(&id)>"Disable…"</LinkButton> }.into_any(),
    };
    view! {
        <Card
            id="access"
            title="Access"
            lead="Disabling keeps the account and its history. Removing is for good."
            split=true
        >
            <div class="actions">
                {enabled}
                <LinkButton href=routes::user_remove(&id) weight=Weight::Danger>"Remove…"</LinkButton>
            </div>
        </Card>
    }
    .into_any()
}
