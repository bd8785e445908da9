//! A change of mind: what would change, whether it works, whom it would lock out,
//! and the one switch.

mod breaks;

use backend::{
    change::{ChangeView, Consequences},
    connection::AuthOption,
    integration::FormView,
};
use leptos::{prelude::*, server_fn::ServerFn};

use super::{SETTINGS, Visit, load, matching::counted, settings::check_lines};
use crate::{
    api::{
        change::{CompareChange, CreateChangeProvider, DiscardChange, SwitchToChange, TestChange},
        form,
    },
    islands::LivePart,
    routes,
    ssr::{
        ctx, flash,
        settings::{mark, report},
    },
    ui::{
        alert::Alert,
        button::{LinkButton, SubmitButton, Weight},
        card::{Card, Empty},
        form::ErrorSummary,
        page::Frame,
        table::Table,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// Where there is nothing.
const NONE: &str = "None";

/// The parts of the page that change while users are compared, for a script.
pub(crate) fn live_html(change: &ChangeView) -> String {
    view! {
        <div id="change-says">{breaks::says(change)}</div>
        <div id="change-users">{breaks::users(change)}</div>
    }
    .to_html()
}

/// The page. `?page=` is of the users whom the change would lock out.
#[component]
pub fn ChangePage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let page = ctx::query("page").parse().unwrap_or(1);
        let change = ctx::services()?.change_view(&visit.actor, page).await?;
        let form = flash::take_form(form::CHANGE).await?;
        let wrong = form.has_errors();
        let content = match &change {
            None => nothing(),
            Some(change) => {
                view! { {settings(change)} {provider(change)} {users(change)} {checks(change)} {decide(change)} }.into_any()
            }
        };
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=SETTINGS
                title="Change of settings"
                here=routes::SETTINGS
                notice=visit.notice
                wrong
            >
                <ErrorSummary form/>
                {content}
            </Frame>
        }
        .into_any())
    })
}

fn nothing() -> AnyView {
    view! {
        <Empty title="No change waits">
            <p>
                "When you save another tenant, web integration or option for a portal that is connected, it is tested \
                 and waits here: you see what it means for your users before it is in force."
            </p>
            <p><LinkButton href=routes::SETTINGS weight=Weight::Primary>"Open Settings"</LinkButton></p>
        </Empty>
    }
    .into_any()
}

fn settings(change: &ChangeView) -> AnyView {
    let (now, then) = (&change.now, &change.then);
    let value = |text: &str| if text.is_empty() { NONE.to_owned() } else { text.to_owned() };
    let client = |form: &FormView| form.client_id.clone().unwrap_or_else(|| NONE.to_owned());
    let subject = |form: &FormView| {
        let sent = if form.email_as_subject { "The e-mail" } else { "The one that Qlik has" };
        if form.option == AuthOption::ApiKey { sent } else { NONE }.to_owned()
    };
    let (has, had) = (then.option == AuthOption::ApiKey, now.option == AuthOption::ApiKey);
    let key = match &change.key {
        None if !has => NONE.into_any(),
        None => "The same".into_any(),
        Some(key) => {
            let (last4, owner) = (key.last4.clone(), key.owner.clone());
            view! { "…" {last4} " of " {owner} ", expires " <Time at=Moment::from(key.expires_at)/> }
                .into_any()
        }
    };
    let rows = [
        ("Qlik Sense tenant hostname", now.tenant_host.clone(), then.tenant_host.clone()),
        ("Web Integration Id", value(&now.web_integration_id), value(&then.web_integration_id)),
        ("Authentication", now.option.label().to_owned(), then.option.label().to_owned()),
        ("OAuth client ID", client(now), client(then)),
        ("Subject of a sign-in", subject(now), subject(then)),
    ];
    // What neither has is no row.
    let rows = rows.into_iter().filter(|(_, old, new)| old != NONE || new != NONE);
    let rows = rows.map(|(label, old, new)| {
        let class = if matches!(label, "Authentication" | "Subject of a sign-in") { "" } else { "mono" };
        let same = old == new;
        let new =
            if same { view! { <span class="muted">"The same"</span> }.into_any() } else { new.into_any() };
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td class=class data-label="In force:">{old}</td>
                <td class=class data-label="After the switch:">{new}</td>
            </tr>
        }
    });
    view! {
        <Card
            id="settings-change"
            title="What would change"
            lead="These settings were tested and work. They are not in force yet; your users notice nothing until you switch."
        >
            <Table caption="Settings in force and after the switch" columns=&["Setting", "In force", "After the switch"]>
                {rows.collect_view()}
                {(has || had).then(|| view! {
                    <tr>
                        <th scope="row">"Qlik Sense API key"</th>
                        <td data-label="In force:">{if had { "The one in use" } else { NONE }}</td>
                        <td data-label="After the switch:">{key}</td>
                    </tr>
                })}
            </Table>
        </Card>
    }
    .into_any()
}

/// What users registered or connected, and what they have to do after the switch.
fn option_change(change: &ChangeView) -> AnyView {
    let Consequences { passwords, grants, people, carried } = change.consequences;
    let all = counted(people, "active user", "active users");
    let then = change.then.option;
    let todo = match then {
        _ if carried && then.asks_users() => format!(
            "Nobody has to do anything: {all} go on as before, and what they registered or connected stays."
        ),
        AuthOption::Credentials => format!(
            "After the switch nobody sees apps who has not registered the password of their Qlik account in their Profile: \
             {all}. Under Users you can ask them all."
        ),
        AuthOption::OauthUsers => format!(
            "After the switch nobody sees apps who has not connected to Qlik in their Profile: {all}. Under Users you can \
             ask them all."
        ),
        AuthOption::OauthEveryone => format!(
            "Nobody has to do anything: {all} go on, each as the Qlik user with their e-mail. Who has none in Qlik, or is not \
             active there, sees no apps."
        ),
        AuthOption::ApiKey => format!(
            "Nobody has to do anything: {all} go on, each as the Qlik user with their e-mail. Who has none in Qlik sees no \
             apps; Who will match, under Users, shows it after the switch."
        ),
    };
    let wiped = (passwords > 0).then(|| {
        let passwords =
            counted(passwords, "stored Qlik password is wiped", "stored Qlik passwords are wiped");
        view! { <li>{passwords} " here, at once. Going back does not undo it: users register again."</li> }
    });
    let revoked = (grants > 0).then(|| {
        let grants = counted(grants, "connection of a user is revoked", "connections of users are revoked");
        view! { <li>{grants} " at Qlik. Going back does not undo it: users connect again."</li> }
    });
    view! {
        <Card id="change-breaks" title="What it means for users">
            <ul class="consequences"><li>{todo}</li> {wiped} {revoked}</ul>
        </Card>
    }
    .into_any()
}

fn users(change: &ChangeView) -> AnyView {
    if !change.compares() {
        return option_change(change);
    }
    let mark = mark(&live_html(change));
    let (says, users) = (breaks::says(change), breaks::users(change));
    view! {
        <Card id="change-breaks" title="Which users would break">
            <div class="stack" id="change" data-mark=mark data-stream=routes::CHANGE_STREAM>
                <div class="slot" id="change-says" role="status">{says}</div>
                <div class="stack slot" id="change-users">{users}</div>
            </div>
            <div class="actions">
                <form method="post" action=CompareChange::PATH>
                    <SubmitButton label="Compare again" busy="Starting…"/>
                </form>
                <LivePart/>
            </div>
        </Card>
    }
    .into_any()
}

fn checks(change: &ChangeView) -> AnyView {
    let report = report(change.report.clone());
    let at = jiff::Timestamp::from_second(report.at).ok().map(Moment::from);
    view! {
        <section class="card" aria-labelledby="checks">
            <div class="card-head">
                <h2 class="card-title" id="checks">"Checks of the new settings"</h2>
                <p class="card-lead">{report.headline.clone()} " " {at.map(|at| view! { <Time at/> })}</p>
            </div>
            {check_lines(report.checks.into_iter())}
            <div class="actions">
                <form method="post" action=TestChange::PATH>
                    <SubmitButton label="Test again" busy="Testing…"/>
                </form>
            </div>
        </section>
    }
    .into_any()
}

/// That nobody could sign in yet, and what to do about it.
fn provider(change: &ChangeView) -> Option<AnyView> {
    let host = change.then.tenant_host.clone();
    change.report.identity_missing.then(|| {
        view! {
            <Card id="change-provider" title="Nobody could sign in yet">
                <Alert tone=Tone::Bad>
                    <p>
                        <span class="mono">{host}</span>
                        " has no identity provider of this portal, so every user would break. It comes before the switch."
                    </p>
                </Alert>
                <p>
                    "The key of the change can create it, if its owner is a Tenant Admin: with the issuer, key ID and \
                     certificate under " <a href=format!("{}#identity", routes::SETTINGS)>"JWT identity provider"</a>
                    ". Or a Tenant Admin enters them there by hand; then test again. If you give the change up, what the \
                     portal created is removed again."
                </p>
                <form class="actions" method="post" action=CreateChangeProvider::PATH>
                    <SubmitButton label="Create identity provider" busy="Creating…" weight=Weight::Primary/>
                </form>
            </Card>
        }
        .into_any()
    })
}

fn decide(change: &ChangeView) -> AnyView {
    let (id, forgotten) = (change.id.clone(), Moment::from(change.expires_at));
    let switch = (!change.report.identity_missing).then(|| {
        view! {
            <form method="post" action=SwitchToChange::PATH>
                <input type="hidden" name="id" value=id/>
                <SubmitButton label="Switch to the new settings" busy="Testing…" weight=Weight::Primary/>
            </form>
        }
    });
    let key = if change.now.option == AuthOption::ApiKey && change.then.option != AuthOption::ApiKey {
        "The key is no longer renewed. It lives on for seven days, or until it expires if that is sooner: until then one click \
         on the settings page brings it all back. Then the portal deletes it at Qlik."
    } else if change.other_tenant && change.now.option == AuthOption::ApiKey {
        "The key of the tenant before lives on for seven days, or until it expires if that is sooner: until then one click \
         on the settings page brings it all back. Then the portal deletes that key at Qlik."
    } else {
        "For seven days one click on the settings page brings the settings before back."
    };
    view! {
        <Card id="change-switch" title="Switch">
            <ul class="consequences">
                <li>"The new settings are tested once more; nothing is changed if a check fails."</li>
                <li>"Every user’s Qlik session is opened anew with their next page. Nobody has to sign in to this portal again."</li>
                <li>{key}</li>
            </ul>
            <div class="actions">
                {switch}
                <form method="post" action=DiscardChange::PATH>
                    <SubmitButton label="Give the change up" busy="Giving up…"/>
                </form>
            </div>
            <p class="hint">
                "If nobody switches, the change is forgotten on " <Time at=forgotten/> "."
            </p>
        </Card>
    }
    .into_any()
}
