//! The connection to Qlik: what one agreed to there, by OAuth.

use backend::oauth::{GrantState, GrantView};
use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::qlik::ConnectQlik,
    routes,
    ui::{
        alert::Alert,
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        card::Card,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// The state in a word.
pub(crate) fn state_words(state: GrantState) -> (Tone, &'static str) {
    match state {
        GrantState::NotConnected => (Tone::Neutral, "Not connected"),
        GrantState::Connected => (Tone::Good, "Connected"),
        GrantState::Refreshing => (Tone::Neutral, "Renewing"),
        GrantState::Lost => (Tone::Warning, "Connect again"),
        GrantState::Refused => (Tone::Bad, "Ended by Qlik"),
        GrantState::Ended => (Tone::Warning, "Ended"),
        GrantState::Unused => (Tone::Neutral, "No longer used"),
    }
}

pub(super) fn card(view: &GrantView) -> AnyView {
    let (tone, text) = state_words(view.state);
    let left = !view.in_force;
    let unused = view.state == GrantState::Unused;
    // Of what another connection left there is nothing to remove once this one asks anew.
    let there = left || !matches!(view.state, GrantState::NotConnected | GrantState::Unused);
    let fine = matches!(view.state, GrantState::Connected | GrantState::Refreshing);
    let ends = fine && !view.renews;
    let says = view.says.clone().map(|says| {
        let remedy = view.remedy.clone().unwrap_or_default();
        view! { <Alert tone=if ends { Tone::Warning } else { tone }><p><strong>{says}</strong></p><p>{remedy}</p></Alert> }
    });
    let who = view.qlik_name.clone().map(|name| view! { <dt>"Qlik user"</dt><dd>{name}</dd> });
    let since = view.connected_at.map(|t| {
        view! { <dt>"Connected"</dt><dd><Time at=Moment::from(t)/></dd> }
    });
    let until = view.access_until.filter(|_| !view.renews && there).map(|t| {
        view! { <dt>"Until"</dt><dd><Time at=Moment::from(t)/> ", then connect again"</dd> }
    });
    let label = if there && !unused { "Connect to Qlik again" } else { "Connect to Qlik" };
    let weight = if fine { Weight::Plain } else { Weight::Primary };
    let connect = view.in_force.then(|| {
        view! {
            <form method="post" action=ConnectQlik::PATH>
                <SubmitButton label busy="Going to Qlik…" weight/>
            </form>
        }
    });
    let remove = there.then(|| {
        view! {
            <LinkButton href=routes::REMOVE_CONNECTION weight=Weight::Danger>"Remove"</LinkButton>
        }
    });
    view! {
        <Card
            id=if left { "qlik-connection-before" } else { "qlik" }
            title=if left { "Connection to Qlik" } else { "Qlik" }
            lead="This portal opens your Qlik apps once you agree to it at Qlik, where you sign in as ever. No password \
                  comes here. Removing it ends the connection at Qlik too."
            split=true
        >
            <dl class="facts">
                <dt>"State"</dt>
                <dd><Badge tone text/></dd>
                {who}
                {since}
                {until}
            </dl>
            {says}
            <div class="actions">{connect} {remove}</div>
        </Card>
    }
    .into_any()
}
