//! The four phases in their order, and what can be asked for.

use backend::rotation::{Move, PhaseState, PhaseView, RotationView, Trouble};
use jiff::Timestamp;
use leptos::{prelude::*, server_fn::ServerFn};

use super::super::settings::codes;
use crate::{
    api::signing_key::{CallOffRotation, CheckRotation, SwitchSigningKey, SwitchSigningKeyBack},
    routes,
    ui::{
        alert::Alert,
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        card::Card,
        time::{Countdown, Moment, Time},
    },
    wire::Tone,
    words,
};

pub(super) fn card(shown: &RotationView, now: Timestamp) -> AnyView {
    let elsewhere = shown.elsewhere.clone().map(|host| {
        view! {
            <Alert tone=Tone::Warning>
                <p>
                    "The portal is no longer connected to " {host}
                    ", where this began. Identity providers there can’t be reached from here any more."
                </p>
            </Alert>
        }
    });
    let undoing = shown.undoing.then(|| {
        view! { <p>"It was called off. The old key stays in use; what was made for the new one is being removed."</p> }
    });
    let lines = shown.phases.iter().map(line).collect_view();
    let phases = (!shown.phases.is_empty()).then(|| view! { <ol class="checks">{lines}</ol> });
    let next = shown.next.map(|(at, what)| {
        let counted = words::relative(at.as_second() - now.as_second());
        view! {
            <p class="muted">
                {what} " on " <Time at=Moment::from(at)/> " (" <Countdown at=at.as_second() counted/> ")."
            </p>
        }
    });
    let trouble = shown.trouble.as_ref().map(hindrance);
    let moves = shown.moves.iter().map(|m| button(*m)).collect_view();
    let (old, new) = (shown.old_kid.clone(), shown.new_kid.clone());
    view! {
        <Card id="rotation" title="Replacement">
            <dl class="facts">
                <dt>"Old key"</dt>
                <dd class="mono">{old}</dd>
                <dt>"New key"</dt>
                <dd class="mono">{new}</dd>
            </dl>
            {elsewhere}
            {undoing}
            {phases}
            {trouble}
            {next}
            <div class="actions">{moves}</div>
        </Card>
    }
    .into_any()
}

/// How far a phase is, in a word.
pub(super) const fn state_words(state: PhaseState) -> (Tone, &'static str) {
    match state {
        PhaseState::Done => (Tone::Good, "Done"),
        PhaseState::UnderWay => (Tone::Neutral, "Under way"),
        PhaseState::Failing => (Tone::Warning, "Not yet"),
        PhaseState::Waits => (Tone::Warning, "Your turn"),
        PhaseState::Later => (Tone::Neutral, "Later"),
    }
}

fn line(phase: &PhaseView) -> AnyView {
    let (tone, text) = state_words(phase.state);
    let current = (!matches!(phase.state, PhaseState::Done | PhaseState::Later)).then_some("step");
    let at = phase.at.map(|at| {
        let word = if phase.state == PhaseState::Done { "on " } else { "since " };
        view! { <p class="check-remedy">{word} <Time at=Moment::from(at)/></p> }
    });
    view! {
        <li class="check" aria-current=current>
            <div class="check-outcome"><Badge tone text/></div>
            <div class="check-body">
                <h3 class="check-title">{phase.title}</h3>
                <p>{phase.says}</p>
                {at}
            </div>
        </li>
    }
    .into_any()
}

fn hindrance(trouble: &Trouble) -> AnyView {
    let fault = &trouble.failing.fault;
    let (says, codes) = (fault.says.clone(), codes(fault.code.as_deref(), fault.trace_id.as_deref()));
    let tries = match trouble.failing.attempts {
        1 => "One try did not succeed.".to_owned(),
        n => format!("{n} tries in a row did not succeed."),
    };
    view! {
        <Alert tone=Tone::Warning>
            <p>{says}</p>
            <p>{tries}</p>
            {codes}
        </Alert>
    }
    .into_any()
}

fn button(wish: Move) -> AnyView {
    let (action, label, busy, weight) = match wish {
        Move::Check => (CheckRotation::PATH, "Try again now", "Trying…", Weight::Plain),
        Move::Switch => (SwitchSigningKey::PATH, "Switch to the new key", "Switching…", Weight::Primary),
        Move::Back => (SwitchSigningKeyBack::PATH, "Go back to the old key", "Going back…", Weight::Plain),
        Move::Undo => (CallOffRotation::PATH, "Call it off", "Calling off…", Weight::Plain),
        // What can't be undone is a page of its own.
        Move::Retire => {
            return view! { <LinkButton href=routes::RETIRE_SIGNING_KEY>"Retire the old key…"</LinkButton> }
                .into_any();
        }
    };
    view! { <form method="post" action=action><SubmitButton label busy weight/></form> }.into_any()
}
