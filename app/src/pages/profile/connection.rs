//! The connection to Qlik: what one agreed to there, by OAuth.

use backend::oauth::{GrantState, GrantView};
use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::qlik::{ConnectQlik, DisconnectQlik},
    ui::{
        alert::Alert,
        badge::Badge,
        button::{SubmitButton, Weight},
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
    let unused = view.state == GrantState::Unused;
    let there = !matches!(view.state, GrantState::NotConnected);
    let fine = matches!(view.state, GrantState::Connected | GrantState::Refreshing);
    let says = view.says.clone().map(|says| {
        let remedy = view.remedy.clone().unwrap_or_default();
        view! { <Alert tone><p><strong>{says}</strong></p><p>{remedy}</p></Alert> }
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
    let connect = (!unused).then(|| {
        view! {
            <form method="post" action=ConnectQlik::PATH>
                <SubmitButton label busy="Going to Qlik…" weight/>
            </form>
        }
    });
    let remove = there.then(|| {
        view! {
            <form method="post" action=DisconnectQlik::PATH>
                <SubmitButton label="Remove" busy="Removing…" weight=Weight::Danger/>
            </form>
        }
    });
    view! {
        <Card
            id=if unused { "qlik-connection-before" } else { "qlik" }
            title=if unused { "Connection to Qlik" } else { "Qlik" }
            lead="This portal opens your Qlik apps once you agree to it at Qlik, where you sign in as ever. No password \
                  comes here. Removing it takes the agreement back at Qlik too."
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
