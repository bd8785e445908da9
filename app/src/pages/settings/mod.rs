//! The settings page: the portal's address, and its Qlik Sense integration.
//!
//! What can change while the page is open stands in elements with the ids below.
//! The server renders their content anew, with the same code as the page, and an
//! island puts it in: so nothing on this page is written twice.

mod checks;
mod fields;
mod guides;
mod identity;
mod keyless;
mod status;
mod timeline;

use backend::{
    Portal,
    change::PreviousView,
    connection::AuthOption,
    integration::{NamesView, StatusView},
};
use jiff::Timestamp;
use leptos::{prelude::*, server_fn::ServerFn};

pub(super) use self::{
    checks::{check_lines, codes, out},
    identity::certificate,
    status::took,
    timeline::{ended_as, timeline, trigger_words, waits},
};
use super::{ADMINISTRATION, Visit, load, support};
use crate::{
    api::{
        change::{CloseWayBack, GoBack},
        form,
        settings::{DiscardSettings, SaveSettings, UseHostname},
    },
    islands::SaveSettingsButton,
    routes,
    ssr::{
        flash,
        settings::{Console, Shown},
    },
    ui::{
        alert::Alert,
        button::SubmitButton,
        card::Card,
        copy::CopyField,
        form::ErrorSummary,
        page::Frame,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// The settings form's fields in their order, then the checks that are about none.
const FIELDS: &[&str] = &[
    "tenant_host",
    "web_integration_id",
    "auth_option",
    "api_key",
    "email_as_subject",
    "oauth_client_id",
    "oauth_client_secret",
    "check-clock",
    "check-identity_provider",
    "check-jwt_login",
    "check-csrf",
    "check-apps",
    "check-engine",
    "check-oauth_user",
    "check-rate",
];

/// The portal's address and its Qlik Sense integration.
#[component]
pub fn SettingsPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let shown = Shown::read(&visit.actor).await?;
        let acted = flash::take_form(form::STATUS).await?;
        let wrong = shown.form.has_errors() || acted.has_errors();
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=ADMINISTRATION title="Settings" here=routes::SETTINGS notice=visit.notice wrong>
                <ErrorSummary form=acted/>
                <div class="slot" id="settings-summary">{summary(&shown)}</div>
                {change_offer(&shown)}
                {address(&shown.view.portal)}
                {integration(&shown)}
            </Frame>
        }
        .into_any())
    })
}

/// The parts of the page that say why the settings were not stored, for a script.
pub(crate) fn form_html(shown: &Shown) -> String {
    view! {
        <div id="settings-summary">{summary(shown)}</div>
        <div id="settings-fields">{fields::fields(shown)}</div>
        <div id="settings-draft">{draft(shown)}</div>
        <div id="settings-checks">{checks::checks(shown)}</div>
    }
    .to_html()
}

/// The parts of the page that show the status, for a script.
pub(crate) fn live_html(status: &StatusView, console: &Console, now: Timestamp) -> String {
    let at = status::At { now, counts: false };
    view! {
        <div id="status-health">{status::health(status, at)}</div>
        <div id="status-says">{status::says(status, console, at)}</div>
        <div id="status-facts">{status::facts(status, at)}</div>
        <div id="key-stored">{fields::key_stored(&status.key)}</div>
    }
    .to_html()
}

fn summary(shown: &Shown) -> AnyView {
    view! { <ErrorSummary form=shown.form.clone() fields=FIELDS/> }.into_any()
}

/// A change that waits, and the way back after one.
fn change_offer(shown: &Shown) -> AnyView {
    let staged = shown.staged.clone().map(|host| {
        view! {
            <Alert tone=Tone::Neutral>
                <p>"A change of the settings (" <span class="mono">{host}</span> ") is tested and not in force."</p>
                <p><a href=routes::CHANGE>"Look at the change"</a></p>
            </Alert>
        }
    });
    let names = shown.view.names.as_ref().map(name_gone);
    view! { {names} {staged} {shown.way_back.as_ref().map(way_back)} }.into_any()
}

/// The hostname that was entered is gone at Qlik; nothing has to be done.
fn name_gone(names: &NamesView) -> AnyView {
    let NamesView { in_use, former, since, aliases } = names.clone();
    let use_alias = |name: String| {
        let label = format!("Use {name}");
        view! {
            <form method="post" action=UseHostname::PATH>
                <input type="hidden" name="tenant_host" value=name/>
                <button class="button" type="submit">{label}</button>
            </form>
        }
    };
    let offer = (!aliases.is_empty()).then(
        || view! { <div class="actions">{aliases.into_iter().map(use_alias).collect::<Vec<_>>()}</div> },
    );
    let since = Moment::from(since);
    view! {
        <Alert tone=Tone::Neutral>
            <p>
                "Qlik has no tenant at " <span class="mono">{former}</span> " any more. Since " <Time at=since/>
                " the portal uses the tenant’s permanent name, " <span class="mono">{in_use}</span>
                ", which never changes. Nothing else is different."
            </p>
            {offer}
        </Alert>
    }
    .into_any()
}

fn way_back(previous: &PreviousView) -> AnyView {
    let id = previous.id.clone();
    let (host, web) = (previous.form.tenant_host.clone(), previous.form.web_integration_id.clone());
    let web = (!web.is_empty()).then(|| view! { " with web integration " <span class="mono">{web}</span> });
    let (left, until) = (Moment::from(previous.left_at), Moment::from(previous.until));
    let option = previous.form.option;
    let with = match option {
        AuthOption::ApiKey => String::new(),
        other => format!(", {}", other.label()),
    };
    let kept = previous.keeps_key.then_some(" Its key is kept at Qlik until then and deleted afterwards.");
    let close = if previous.keeps_key { "Delete its key now" } else { "Forget it now" };
    view! {
        <Alert tone=Tone::Neutral>
            <p>
                "The settings were changed on " <Time at=left/>
                ". Until " <Time at=until/> " you can go back to "
                <span class="mono">{host}</span> {web} {with} "." {kept}
            </p>
            <div class="actions">
                <form method="post" action=GoBack::PATH>
                    <input type="hidden" name="id" value=id/>
                    <SubmitButton label="Go back" busy="Testing…"/>
                </form>
                <form method="post" action=CloseWayBack::PATH>
                    <button class="button" type="submit">{close}</button>
                </form>
            </div>
        </Alert>
    }
    .into_any()
}

fn address(portal: &Portal) -> AnyView {
    view! {
        <section class="card address" aria-label="This portal">
            <CopyField id="tenant-hostname" label="Tenant hostname" value=portal.hostname.clone()/>
            <CopyField
                id="origin"
                label="Origin for Qlik"
                value=portal.origin.clone()
                hint="Enter this as origin of your web integration."
            />
        </section>
    }
    .into_any()
}

fn integration(shown: &Shown) -> AnyView {
    let now = status::At { now: shown.now, counts: true };
    let health = match &shown.view.status {
        Some(status) => status::health(status, now),
        None => match &shown.view.connection {
            Some(connection) => keyless::health(connection, now),
            None => status::not_connected(),
        },
    };
    let status = shown.view.status.as_ref().map(|s| status::panel(s, &shown.console, now));
    let keyless = shown.view.connection.as_ref().map(|c| keyless::panel(c, now));
    let begin = shown.view.form.is_none().then(|| {
        view! {
            <p class="lead">
                "Connect this portal to your Qlik Cloud, so that each user sees their own apps. It takes the hostname \
                 of your tenant, a web integration, and an API key or another way to sign in. Each field says where to \
                 get it."
            </p>
            <p>
                "With a Tenant Admin’s API key this portal can make the rest by itself: "
                <a href=routes::SET_UP_KEY>"Set up with one key"</a> "."
            </p>
        }
    });
    view! {
        <section class="stack" aria-labelledby="integration">
            <div class="section-head">
                <h2 class="section-title" id="integration">"Qlik Sense Integration"</h2>
                <div class="health" id="status-health">{health}</div>
            </div>
            {begin}
            {status}
            {keyless}
            <div class="card">
                <form class="form wide" method="post" action=SaveSettings::PATH novalidate=true>
                    <div class="form wide" id="settings-fields">{fields::fields(shown)}</div>
                    <div class="actions">
                        <SaveSettingsButton/>
                        <p class="hint">"Tests the connection first. Nothing is stored if a check fails, and a change of tenant, web integration or option waits for you to switch."</p>
                    </div>
                </form>
                <div class="slot" id="settings-draft">{draft(shown)}</div>
            </div>
            <div class="slot" id="settings-checks">{checks::checks(shown)}</div>
            {(authentication_of(shown) == AuthOption::ApiKey).then(|| identity::block(shown))}
            <Card id="support" title="When you need help">{support::offer()}</Card>
        </section>
    }
    .into_any()
}

/// The option in force; before there is one the help page's.
fn authentication_of(shown: &Shown) -> AuthOption {
    shown.view.form.as_ref().map(|f| f.option).unwrap_or_default()
}

/// That something typed is not stored, and how to drop it.
fn draft(shown: &Shown) -> AnyView {
    shown
        .has_draft
        .then(|| {
            view! {
                <form class="draft" method="post" action=DiscardSettings::PATH>
                    <p class="hint">
                        "What you entered is not stored yet. It stays here, keys and secrets aside, until you save or discard it."
                    </p>
                    <button class="button small" type="submit">"Discard changes"</button>
                </form>
            }
        })
        .into_any()
}

#[cfg(test)]
mod tests;
