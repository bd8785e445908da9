//! How the connection and its key are: the panel, and the parts of it that are
//! rendered anew while the page is open.

use backend::integration::{AttemptView, Health, StatusView};
use jiff::Timestamp;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    checks::{codes, out},
    live_html,
    timeline::timeline,
};
use crate::{
    api::settings::{RenewNow, TestConnection},
    islands::LivePart,
    routes,
    ssr::settings::{Console, mark},
    ui::{
        alert::Alert,
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        time::{Countdown, Moment, Time},
    },
    wire::Tone,
    words,
};

/// The time, and whether to count from it: what is sent to an open page is not
/// counted here, or it would differ each minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) now: Timestamp,
    pub(super) counts: bool,
}

impl At {
    /// A moment, and beside it how far it is from now.
    pub(super) fn moment(self, at: Timestamp) -> AnyView {
        let away = at.as_second() - self.now.as_second();
        let counted = if self.counts { words::relative(away) } else { String::new() };
        view! { <Time at=Moment::from(at)/> " (" <Countdown at=at.as_second() counted/> ")" }.into_any()
    }
}

/// The panel.
pub(super) fn panel(status: &StatusView, console: &Console, at: At) -> AnyView {
    let shown = mark(&live_html(status, console, at.now));
    view! {
        <div class="card status" id="status" data-mark=shown data-stream=routes::STATUS_STREAM>
            <div class="slot" id="status-says" role="status">{says(status, console, at)}</div>
            <div class="stack" id="status-facts">{facts(status, at)}</div>
            <div class="actions">
                <form method="post" action=RenewNow::PATH>
                    <SubmitButton label="Renew now" busy="Renewing…"/>
                </form>
                <form method="post" action=TestConnection::PATH>
                    <SubmitButton label="Test connection" busy="Testing…"/>
                </form>
                <LinkButton href=routes::RENEWALS>"Renewals"</LinkButton>
                <LinkButton href=routes::MATCHING>"Who will match"</LinkButton>
                <form method="get" action=routes::DISCONNECT>
                    <button class=Weight::Danger.class() type="submit">"Disconnect…"</button>
                </form>
                <LivePart/>
            </div>
        </div>
    }
    .into_any()
}

/// The health in a badge, and when it was looked at.
pub(super) fn health(status: &StatusView, at: At) -> AnyView {
    let (tone, text) = health_words(status.health);
    let checked = status.checked_at.map(|t| view! { <span class="muted">"checked " {at.moment(t)}</span> });
    view! { <Badge tone text/> {checked} }.into_any()
}

/// The badge of a portal that has no integration.
pub(super) fn not_connected() -> AnyView {
    view! { <Badge tone=Tone::Neutral text="Not connected"/> }.into_any()
}

pub(super) fn health_words(health: Health) -> (Tone, &'static str) {
    match health {
        Health::Healthy => (Tone::Good, "Healthy"),
        Health::Attention => (Tone::Warning, "Needs a look"),
        Health::Failing => (Tone::Warning, "Renewal is failing"),
        Health::NeedsPerson => (Tone::Bad, "Needs a person"),
    }
}

/// What there is to say beside the facts: what a person has to do, what is tried
/// again, what is going on.
pub(super) fn says(status: &StatusView, console: &Console, at: At) -> AnyView {
    let person = status.needs_person.clone().map(|text| {
        let link =
            console.api_keys.as_deref().map(|url| view! { <p>{out(url, "Open API keys in Qlik")}</p> });
        view! {
            <Alert tone=Tone::Bad>
                <p>{text}</p>
                {link}
                <p><a href="#settings-api_key">"Go to the field for the new key"</a></p>
            </Alert>
        }
    });
    let failing = (status.health == Health::Failing).then(|| {
        let tries = match status.failed_tries {
            1 => "One try failed.".to_owned(),
            n => format!("{n} tries in a row failed."),
        };
        let next = status.next_try_at.map(|t| view! { " The next one is on " {at.moment(t)} "." });
        let headline = status.headline.clone();
        view! {
            <Alert tone=Tone::Warning>
                <p>{headline}</p>
                <p>{tries} {next} " The present key stays in use."</p>
            </Alert>
        }
    });
    let look = (status.health == Health::Attention).then(|| {
        let headline = status.headline.clone();
        let mended = match (&status.stray, console.api_keys.as_deref()) {
            (Some(_), Some(url)) => Some(out(url, "Open API keys in Qlik")),
            (Some(_), None) => None,
            (None, _) if status.identity_missing => {
                Some(view! { <a href="#identity">"Go to the JWT identity provider"</a> }.into_any())
            }
            (None, _) => Some(view! { <a href="#checks">"Go to the checks"</a> }.into_any()),
        };
        view! {
            <Alert tone=Tone::Warning>
                <p>{headline}</p>
                {mended.map(|link| view! { <p>{link}</p> })}
            </Alert>
        }
    });
    let running = status.running.as_ref().map(|r| {
        let (step, since) = (lower_first(r.step), Moment::from(r.since));
        view! {
            <Alert tone=Tone::Neutral>
                <p>"Renewing: " {step} ", since " <Time at=since/> "."</p>
            </Alert>
        }
    });
    view! { {running} {person} {failing} {look} }.into_any()
}

/// Key, dates and last renewal, and a drawing of the dates.
pub(super) fn facts(status: &StatusView, at: At) -> AnyView {
    let key = &status.key;
    let owner = key.owner_email.clone().unwrap_or_else(|| key.owner_name.clone());
    let next = match (&status.running, status.health, status.next_try_at) {
        (Some(_), ..) => "Under way".into_any(),
        (None, Health::NeedsPerson, _) => "Waits for a person".into_any(),
        (None, _, Some(t)) => view! { {at.moment(t)} ", tried again" }.into_any(),
        (None, _, None) => at.moment(status.renew_at),
    };
    let last = match &status.last_renewal {
        Some(attempt) => last_renewal(attempt),
        None => "None yet".into_any(),
    };
    let old = status.old_key_until.map(|t| {
        view! { <dt>"Old key"</dt><dd>"Not in use; deleted at Qlik after " {at.moment(t)}</dd> }
    });
    view! {
        <dl class="facts">
            <dt>"Qlik tenant"</dt>
            <dd><span class="mono">{status.tenant_host.clone()}</span>{alias(status)}</dd>
            <dt>"Key"</dt>
            <dd>
                <span class="mono">"…"{key.last4.clone()}</span> " of " <strong>{owner}</strong>
                <span class="sub">"Fingerprint " <span class="mono">{key.fingerprint.clone()}</span></span>
            </dd>
            <dt>"Expires"</dt>
            <dd>{at.moment(key.expires_at)}</dd>
            <dt>"Next renewal"</dt>
            <dd>{next}</dd>
            <dt>"Last renewal"</dt>
            <dd>{last}</dd>
            {old}
        </dl>
        {timeline(status, at.now)}
    }
    .into_any()
}

/// The tenant's unchangeable name, where another one was typed.
fn alias(status: &StatusView) -> Option<AnyView> {
    (status.permanent_host != status.tenant_host).then(|| {
        view! { <span class="sub">"Also " <span class="mono">{status.permanent_host.clone()}</span></span> }.into_any()
    })
}

fn last_renewal(attempt: &AttemptView) -> AnyView {
    let (tone, text) = outcome_words(attempt.outcome.as_deref());
    let ended = attempt.ended_at.unwrap_or(attempt.started_at);
    let took = took(ended.as_second() - attempt.started_at.as_second());
    let by = if attempt.trigger == "person" { ", asked for by a person" } else { "" };
    // Of one that went well there is nothing more to say.
    let why = attempt.reason.clone().filter(|_| tone != Tone::Good);
    view! {
        <Time at=Moment::from(ended)/> " " <Badge tone text/> " " {took} {by}
        {why.map(|text| view! { <span class="sub">{text}</span> })}
        {codes(attempt.qlik_code.as_deref(), attempt.trace_id.as_deref())}
    }
    .into_any()
}

/// How an attempt ended, in a word.
pub(super) fn outcome_words(outcome: Option<&str>) -> (Tone, &'static str) {
    match outcome {
        Some("renewed") => (Tone::Good, "Renewed"),
        Some("tried") => (Tone::Good, "Would succeed"),
        Some("person") => (Tone::Bad, "Needs a person"),
        Some("abandoned") => (Tone::Neutral, "Broken off"),
        _ => (Tone::Bad, "Failed"),
    }
}

/// How long an attempt took, given in whole seconds.
pub(crate) fn took(seconds: i64) -> String {
    match seconds {
        ..1 => "in under a second".to_owned(),
        1..120 => format!("in {seconds} s"),
        _ => format!("in {} min", seconds / 60),
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_tells_how_long_it_took() {
        for (seconds, words) in [
            (-1, "in under a second"),
            (0, "in under a second"),
            (3, "in 3 s"),
            (119, "in 119 s"),
            (180, "in 3 min"),
        ] {
            assert_eq!(took(seconds), words);
        }
    }

    #[test]
    fn an_outcome_that_nobody_knows_is_no_success() {
        assert_eq!(outcome_words(Some("renewed")).0, Tone::Good);
        for other in [None, Some("failed"), Some("person"), Some("abandoned"), Some("zq")] {
            assert_ne!(outcome_words(other).0, Tone::Good, "{other:?}");
        }
    }

    #[test]
    fn a_step_goes_on_in_the_sentence() {
        assert_eq!(lower_first("Proving the new key"), "proving the new key");
        assert_eq!(lower_first(""), "");
    }
}
