//! Where a comparison stands.

use backend::matching::{MatchingView, RowsQuery, RunState, RunView};
use leptos::prelude::*;

use super::{super::settings::codes, asked::address};
use crate::{
    ui::{
        alert::Alert,
        button::LinkButton,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// What is so, in a sentence: read out when it changes, so no numbers that run.
pub(super) fn says(view: &MatchingView) -> AnyView {
    if let Some(run) = &view.running {
        return under_way(run);
    }
    let failed = view.failed.as_ref().map(failure);
    let last = view.last.as_ref().and_then(|run| {
        let at = Moment::from(run.ended_at?);
        Some(view! { <p>"Compared with " <span class="mono">{run.tenant_host.clone()}</span> " on " <Time at/> "."</p> })
    });
    let stale = view.is_stale().then(|| {
        view! {
            <Alert tone=Tone::Warning>
                "It was compared under other choices for a sign-in than those of now. Compare again."
            </Alert>
        }
    });
    let never = (view.last.is_none() && view.failed.is_none())
        .then(|| view! { <p class="muted">"Nothing was compared yet."</p> });
    view! { {failed} {last} {stale} {never} }.into_any()
}

fn under_way(run: &RunView) -> AnyView {
    let step = match run.state {
        RunState::Reading => "Comparing: Qlik’s users are read.",
        _ => "Comparing: this portal’s users are looked for among them.",
    };
    let waits = run.waits_until.map(|at| {
        let codes = codes(run.qlik_code.as_deref(), run.trace_id.as_deref());
        let says = run.says.clone();
        view! {
            <Alert tone=Tone::Warning>
                <p>{says} " It goes on at " <Time at=Moment::from(at)/> "."</p>
                {codes}
            </Alert>
        }
    });
    view! { <p>{step}</p> {waits} }.into_any()
}

fn failure(run: &RunView) -> AnyView {
    let at = Moment::from(run.ended_at.unwrap_or(run.started_at));
    let codes = codes(run.qlik_code.as_deref(), run.trace_id.as_deref());
    let says = run.says.clone();
    view! {
        <Alert tone=Tone::Bad>
            <p>"The comparison of " <Time at/> " failed. " {says}</p>
            {codes}
        </Alert>
    }
    .into_any()
}

/// How far the one under way is, and how to see more of it without a script.
pub(super) fn progress(view: &MatchingView, asked: &RowsQuery) -> AnyView {
    let Some(run) = &view.running else { return ().into_any() };
    let read = format!(
        "{} read, with {}.",
        counted(run.pages_read, "page", "pages"),
        counted(run.qlik_users, "Qlik user", "Qlik users")
    );
    // While Qlik's users are read nobody knows how many there are, and nothing moves on a page for its own sake.
    let judging = run.state == RunState::Judging;
    let bar = judging.then(|| {
        view! {
            <progress
                class="progress"
                aria-label="Users judged"
                max=run.people.max(1).to_string()
                value=run.judged.to_string()
            ></progress>
        }
    });
    let judged = judging
        .then(|| format!(" {} of {} users of this portal judged.", grouped(run.judged), grouped(run.people)));
    view! {
        {bar}
        <p class="muted">{read} {judged}</p>
        <p><LinkButton href=address(asked)>"Refresh"</LinkButton></p>
    }
    .into_any()
}

/// A count with what is counted: `1 user`, `20,001 users`.
pub(crate) fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// A count with its thousands apart: `20,001`.
pub(super) fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        for (n, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (20_001, "20,001"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(n), text);
        }
    }
}
