//! A drawing of the keys' lives: each key as a bar from its creation to its
//! expiry (let go of earlier, the rest of it is hollow), renewals as dots,
//! failures as crosses, the next renewal as a hollow dot, now as a line. The
//! table under it says the same for those who can't see it.

use backend::integration::{AttemptView, KeyLife, KeyUse, StatusView};
use jiff::Timestamp;
use leptos::prelude::*;

use super::status::outcome_words;
use crate::{
    ui::{
        badge::Badge,
        table::Table,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// How many steps the drawing is wide. Few enough that it changes every few
/// minutes rather than every second.
const WIDTH: i64 = 400;
/// One key's bar and the room above it, in pixels.
const ROW: usize = 16;
const BAR: usize = 8;
/// The row of the marks, above the bars.
const MARKS: usize = 20;

/// A stretch of time as wide as the drawing.
struct Span {
    start: i64,
    end: i64,
}

impl Span {
    /// Of the keys that are drawn; one that lived long before is cut, so that
    /// the key in use has at least a third of the width.
    fn of(status: &StatusView) -> Self {
        let (from, to) = (status.key.created_at.as_second(), status.key.expires_at.as_second());
        let lives = || status.lives.iter();
        let first = lives().map(|l| l.created_at.as_second()).min().unwrap_or(from).min(from);
        let last = lives()
            .filter(|l| l.gone_at.is_none())
            .map(|l| l.expires_at.as_second())
            .max()
            .unwrap_or(to)
            .max(to);
        Self { start: first.max(from - 2 * (last - from).max(1)), end: last }
    }

    fn x(&self, at: i64) -> i64 {
        let long = (self.end - self.start).max(1);
        ((at - self.start).saturating_mul(WIDTH) / long).clamp(0, WIDTH)
    }

    fn has(&self, at: i64) -> bool {
        (self.start..=self.end).contains(&at)
    }
}

/// A place or a width in the drawing, as SVG has it.
fn percent(steps: i64) -> String {
    format!("{}.{:02}%", steps / 4, steps % 4 * 25)
}

/// The drawing and, folded away under it, the same as a table.
pub(crate) fn timeline(status: &StatusView, now: Timestamp) -> AnyView {
    let span = Span::of(status);
    let height = MARKS + status.lives.len().max(1) * ROW;
    let bars =
        status.lives.iter().enumerate().map(|(n, life)| bar(&span, MARKS + n * ROW, life)).collect_view();
    let marks = status
        .recent
        .iter()
        .rev()
        .filter(|a| span.has(ended(a).as_second()))
        .map(|a| mark(span.x(ended(a).as_second()), shape_of(a, waits(status))))
        .collect_view();
    let due = mark(span.x(status.renew_at.as_second()), Shape::Due);
    let line = percent(span.x(now.as_second()));
    let failed = status.recent.iter().any(|a| shape_of(a, waits(status)) == Shape::Failed);
    view! {
        <figure class="timeline">
            <svg height=height.to_string() aria-hidden="true" focusable="false">
                {bars}
                <line class="t-now" x1=line.clone() x2=line y1="0" y2=height.to_string()/>
                {marks}
                {due}
            </svg>
            <figcaption class="legend" aria-hidden="true">
                <span class="l-key">"Key"</span>
                <span class="l-old">"Earlier key"</span>
                <span class="l-done">"Renewed"</span>
                {failed.then(|| view! { <span class="l-failed">"Failed"</span> })}
                <span class="l-due">"Next renewal"</span>
                <span class="l-now">"Now"</span>
            </figcaption>
        </figure>
        <details class="as-table">
            <summary>"Keys and renewals as a table"</summary>
            {table(status)}
        </details>
    }
    .into_any()
}

fn bar(span: &Span, y: usize, life: &KeyLife) -> AnyView {
    let (from, to) = (span.x(life.created_at.as_second()), span.x(life.expires_at.as_second()));
    let until = life.gone_at.map_or(to, |t| span.x(t.as_second()).clamp(from, to));
    let class = if life.key_use == KeyUse::InUse { "t-key" } else { "t-old" };
    let rect = |class: &'static str, from: i64, to: i64| {
        view! {
            <rect
                class=class
                x=percent(from)
                width=percent((to - from).max(1))
                y=y.to_string()
                height=BAR.to_string()
                rx="3"
            />
        }
    };
    let hollow = (until < to).then(|| rect("t-rest", until, to));
    view! { {hollow} {rect(class, from, until)} }.into_any()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Renewed,
    Failed,
    Due,
    /// A trial that went well, or an attempt that was taken up again.
    Small,
}

/// Nothing is at work: an attempt without an end failed, and is taken up again.
pub(crate) fn waits(status: &StatusView) -> bool {
    status.running.is_none()
}

fn shape_of(attempt: &AttemptView, waits: bool) -> Shape {
    match ended_as(attempt, waits).0 {
        Tone::Good if attempt.trigger != "trial" => Shape::Renewed,
        Tone::Good | Tone::Neutral => Shape::Small,
        Tone::Warning | Tone::Bad => Shape::Failed,
    }
}

/// How an attempt ended, or that it has not.
pub(crate) fn ended_as(attempt: &AttemptView, waits: bool) -> (Tone, &'static str) {
    match (attempt.ended_at, waits) {
        (Some(_), _) => outcome_words(attempt.outcome.as_deref()),
        (None, false) => (Tone::Neutral, "Under way"),
        (None, true) => (Tone::Bad, "No answer, tried again"),
    }
}

fn ended(attempt: &AttemptView) -> Timestamp {
    attempt.ended_at.unwrap_or(attempt.started_at)
}

/// A mark of its own size whatever the drawing's width: a nested drawing, placed
/// by percent.
fn mark(x: i64, shape: Shape) -> AnyView {
    let drawn = match shape {
        Shape::Renewed => view! { <circle class="t-done" r="4.5"/> }.into_any(),
        Shape::Due => view! { <circle class="t-due" r="4"/> }.into_any(),
        Shape::Small => view! { <circle class="t-done" r="2"/> }.into_any(),
        Shape::Failed => view! { <path class="t-failed" d="M-4-4 4 4M4-4-4 4"/> }.into_any(),
    };
    view! { <svg x=percent(x) y="8" overflow="visible">{drawn}</svg> }.into_any()
}

/// The drawing's facts.
fn table(status: &StatusView) -> AnyView {
    let keys = status
        .lives
        .iter()
        .rev()
        .map(|life| {
            let (tone, text) = use_words(life.key_use);
            let made = if life.renewed { "by a renewal" } else { "by hand" };
            view! {
                <tr>
                    <td><span class="mono">"…"{life.last4.clone()}</span> ", " {made}</td>
                    <td><Time at=Moment::from(life.created_at)/></td>
                    <td><Time at=Moment::from(life.expires_at)/></td>
                    <td>
                        <Badge tone text/>
                        {life.gone_at.map(|t| view! { " " <Time at=Moment::from(t)/> })}
                    </td>
                </tr>
            }
        })
        .collect_view();
    let attempts = status
        .recent
        .iter()
        .map(|a| {
            let (tone, text) = ended_as(a, waits(status));
            view! {
                <tr>
                    <td><Time at=Moment::from(a.started_at)/></td>
                    <td><Badge tone text/></td>
                    <td>{trigger_words(&a.trigger)}</td>
                </tr>
            }
        })
        .collect_view();
    let attempted = (!status.recent.is_empty()).then(|| {
        view! { <Table caption="The last attempts to renew" columns=&["Began", "Ended as", "Because"]>{attempts}</Table> }
    });
    view! {
        <Table caption="The last keys" columns=&["Key", "Made", "Expires", "State"]>{keys}</Table>
        {attempted}
    }
    .into_any()
}

/// What a key is to the portal, in words.
fn use_words(key_use: KeyUse) -> (Tone, &'static str) {
    match key_use {
        KeyUse::InUse => (Tone::Good, "In use"),
        KeyUse::New => (Tone::Neutral, "New, being proved"),
        KeyUse::Ending => (Tone::Neutral, "Out of use, deleted soon"),
        KeyUse::Gone => (Tone::Neutral, "Gone"),
    }
}

/// Why an attempt was made, in words.
pub(crate) fn trigger_words(trigger: &str) -> &'static str {
    match trigger {
        "person" => "An administrator asked for it",
        "trial" => "A dry run",
        _ => "The key came due",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(trigger: &str, outcome: Option<&str>) -> AttemptView {
        AttemptView {
            id: "a".into(),
            trigger: trigger.into(),
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: outcome.map(|_| Timestamp::UNIX_EPOCH),
            outcome: outcome.map(str::to_owned),
            reason: None,
            qlik_code: None,
            trace_id: None,
        }
    }

    #[test]
    fn moments_outside_of_the_span_stay_in_the_drawing() {
        let span = Span { start: 1000, end: 2000 };
        assert_eq!(
            [span.x(0), span.x(1000), span.x(1500), span.x(2000), span.x(9000)],
            [0, 0, 200, 400, 400]
        );
    }

    #[test]
    fn a_key_without_a_life_is_drawn_all_the_same() {
        let span = Span { start: 5, end: 5 };
        assert!((0..=WIDTH).contains(&span.x(5)));
    }

    #[test]
    fn a_place_is_a_percentage() {
        assert_eq!([0, 1, 201, 400].map(percent), ["0.00%", "0.25%", "50.25%", "100.00%"]);
    }

    #[test]
    fn a_failure_has_a_shape_of_its_own() {
        for (trigger, outcome, shape) in [
            ("due", Some("renewed"), Shape::Renewed),
            ("person", Some("renewed"), Shape::Renewed),
            ("due", Some("failed"), Shape::Failed),
            ("due", Some("person"), Shape::Failed),
            ("trial", Some("failed"), Shape::Failed),
            ("trial", Some("tried"), Shape::Small),
            ("due", Some("abandoned"), Shape::Small),
            ("due", None, Shape::Small),
        ] {
            assert_eq!(shape_of(&attempt(trigger, outcome), false), shape, "{trigger} {outcome:?}");
        }
        let unanswered = attempt("due", None);
        assert_eq!(shape_of(&unanswered, true), Shape::Failed, "nothing is at work, so it failed");
    }
}
