//! The guide: how to connect the portal to Qlik Cloud, in today's words, with
//! how far each step is. The settings page shows the same procedures under its
//! fields; the text is here alone.

mod connect;
mod keys;
mod oauth;
mod procedure;
mod sketch;
mod ticks;

use leptos::prelude::*;

pub(crate) use self::{
    connect::{hostname, web_integration, which},
    keys::{allow, generate, identity_provider},
    oauth::oauth_client,
    procedure::{Known, Procedure},
};
use super::{ADMINISTRATION, Visit, load, settings::live_html, support};
use crate::{
    api::form,
    islands::LivePart,
    routes,
    ssr::{
        flash,
        settings::{Shown, mark},
    },
    ui::{
        button::{LinkButton, Weight},
        card::Card,
        form::ErrorSummary,
        page::Frame,
    },
    wire::Report,
};

/// The sections in their order: anchor and title. Other pages link to the anchors.
pub(crate) const SECTIONS: &[(&str, &str)] = &[
    ("options", "Which option to choose"),
    ("connect", "Connect with a Qlik Sense API key"),
    ("hostname", "Find the Qlik Sense tenant hostname"),
    ("web-integration", "Create a Web Integration Id"),
    ("jwt", "See whether your tenant offers JWT"),
    ("allow-keys", "Allow API keys"),
    ("api-key", "Generate a Qlik Sense API key"),
    ("identity-provider", "Create the JWT identity provider"),
    ("afterwards", "After it is saved"),
    ("connect-credentials", "Connect with Qlik credentials"),
    ("connect-oauth", "Connect with Qlik OAuth"),
    ("oauth-client", "Create an OAuth client"),
    ("support", "When you need help"),
];

/// The section under an anchor.
fn title_of(id: &str) -> Option<(&'static str, &'static str)> {
    SECTIONS.iter().find(|(known, _)| *known == id).copied()
}

/// How to connect, and how far it is.
#[component]
pub fn GuidePage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let shown = Shown::read(&visit.actor).await?;
        let acted = flash::take_form(form::STATUS).await?;
        let wrong = acted.has_errors();
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=ADMINISTRATION title="Guide" here=routes::GUIDE notice=visit.notice wrong>
                <ErrorSummary form=acted/>
                <p class="lead">
                    "How to connect this portal to your Qlik Cloud, step by step, in the words that Qlik uses today. Each \
                     step that can be checked shows how its check ended."
                </p>
                {content(&shown)}
            </Frame>
        }
        .into_any())
    })
}

fn content(shown: &Shown) -> AnyView {
    let report = shown.report.as_ref();
    let known = Known { portal: &shown.view.portal, identity: &shown.view.identity, console: &shown.console };
    let procedures = [
        connect::with_api_key(),
        hostname(),
        web_integration(known),
        keys::jwt(known),
        allow(known),
        generate(known),
        identity_provider(known),
        keys::afterwards(shown.view.form.as_ref().map(|f| f.option)),
        connect::with_credentials(),
        oauth::with_oauth(),
        oauth_client(known),
    ];
    let sections = procedures.into_iter().map(|p| p.section(report)).collect_view();
    view! {
        {state(shown)}
        <nav class="card contents" aria-labelledby="contents-title">
            <h2 class="card-title" id="contents-title">"On this page"</h2>
            <div id="guide-contents">{contents(report)}</div>
        </nav>
        <section class="card procedure" id="options" aria-labelledby="options-title">
            <h2 class="card-title" id="options-title">{title_of("options").map(|(_, title)| title)}</h2>
            {which()}
            <ul class="points">
                <li><a href="#connect">"Connect with a Qlik Sense API key"</a></li>
                <li><a href="#connect-oauth">"Connect with Qlik OAuth"</a></li>
                <li><a href="#connect-credentials">"Connect with Qlik credentials"</a></li>
            </ul>
        </section>
        {sections}
        <div id="support"><Card id="support-title" title="When you need help">{support::offer()}</Card></div>
    }
    .into_any()
}

/// How far the whole is, and how to look again.
fn state(shown: &Shown) -> AnyView {
    let status = shown.view.status.as_ref();
    // What was entered and not stored is this browser's alone: nobody tells of its changes.
    let live = status.is_some() && !shown.report_is_of_draft;
    let drawn = status.map(|s| mark(&live_html(s, &shown.console, shown.now)));
    let connected = shown.view.form.is_some();
    let again = connected.then(keys::check_again);
    let weight = if connected { Weight::Plain } else { Weight::Primary };
    view! {
        <section class="card" id="status" aria-label="How far it is" data-mark=drawn.filter(|_| live) data-stream=live.then_some(routes::STATUS_STREAM)>
            <div class="stack" id="guide-whole">{ticks::whole(shown.report.as_ref(), shown.report_is_of_draft)}</div>
            <div class="actions">
                {again}
                <LinkButton href=routes::SETTINGS weight>"Open Settings"</LinkButton>
                {live.then(|| view! { <LivePart/> })}
            </div>
        </section>
    }
    .into_any()
}

/// The sections, each with how far it is.
fn contents(report: Option<&Report>) -> AnyView {
    let lines = SECTIONS
        .iter()
        .map(|(id, title)| {
            view! { <li><a href=format!("#{id}")>{*title}</a> " " {ticks::short(id, report)}</li> }
        })
        .collect_view();
    view! { <ul class="contents-list">{lines}</ul> }.into_any()
}

/// The parts of the guide that change, for a script: of the stored settings.
pub(crate) fn guide_html(report: Option<&Report>) -> String {
    let ticks = ticks::STEPS.iter().map(|s| {
        view! { <div id=ticks::tick_id(s.step)>{ticks::tick(s, report)}</div> }
    });
    let shorts = SECTIONS.iter().map(|(id, _)| {
        view! { <span id=ticks::short_id(id)>{ticks::short(id, report)}</span> }
    });
    view! {
        <div id="guide-whole">{ticks::whole(report, false)}</div>
        <div id="guide-contents">{contents(report)}</div>
        {ticks.collect_view()}
        {shorts.collect_view()}
    }
    .to_html()
}

#[cfg(test)]
mod tests;
