//! Whom a change would lock out.

use backend::{
    change::{BreaksPage, ChangeView, Unlucky},
    matching::{RunState, RunView},
};
use leptos::prelude::*;

use super::super::{matching::counted, settings::codes};
use crate::{
    routes,
    ui::{
        alert::Alert,
        badge::Badge,
        button::LinkButton,
        table::Table,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// What is so, in a sentence: read out when it changes, so no numbers that run.
pub(super) fn says(change: &ChangeView) -> AnyView {
    let runs = [(&change.today, "the tenant in force"), (&change.after, "the new tenant")];
    let stuck = runs.iter().filter_map(|(run, what)| run.as_ref().and_then(|run| trouble(run, what)));
    let stuck = stuck.collect_view();
    if under_way(change) {
        return view! { <p>"Comparing: the users of both tenants are read."</p> {stuck} }.into_any();
    }
    let result = match &change.breaks {
        Some(breaks) => result(breaks),
        None if change.after.is_none() => {
            view! { <p class="muted">"Nothing was compared yet."</p> }.into_any()
        }
        None => ().into_any(),
    };
    view! { {stuck} {result} }.into_any()
}

fn under_way(change: &ChangeView) -> bool {
    let runs = |r: &RunView| matches!(r.state, RunState::Reading | RunState::Judging);
    change.today.as_ref().is_some_and(runs) || change.after.as_ref().is_some_and(runs)
}

/// Why a comparison waits or failed.
fn trouble(run: &RunView, what: &str) -> Option<AnyView> {
    let says = run.says.clone()?;
    let codes = codes(run.qlik_code.as_deref(), run.trace_id.as_deref());
    let on = run.waits_until.map(|at| view! { " It goes on at " <Time at=Moment::from(at)/> "." });
    let lead = match run.state {
        RunState::Failed => format!("The users could not be compared with {what}. "),
        _ => String::new(),
    };
    let tone = if run.state == RunState::Failed { Tone::Bad } else { Tone::Warning };
    Some(view! { <Alert tone><p>{lead} {says} {on}</p> {codes}</Alert> }.into_any())
}

fn result(breaks: &BreaksPage) -> AnyView {
    let all = counted(breaks.all, "user", "users");
    let (tone, text) = match (breaks.broken, breaks.unknown) {
        (0, 0) => (Tone::Good, format!("Nobody of {all} would break.")),
        (0, n) => (
            Tone::Warning,
            format!(
                "{} of {all} would not be let in; whether they are today is not known.",
                counted(n, "user", "users")
            ),
        ),
        (n, 0) => (
            Tone::Warning,
            format!("{} of {all} would break: let in today, and not after.", counted(n, "user", "users")),
        ),
        (n, more) => (
            Tone::Warning,
            format!(
                "{} of {all} would break: let in today, and not after. Of {} more it is not known whether they are today.",
                counted(n, "user", "users"),
                more
            ),
        ),
    };
    let neither = (breaks.neither > 0).then(|| {
        view! { <p class="muted">{counted(breaks.neither, "user is", "users are")} " let in neither today nor after."</p> }
    });
    let gained = (breaks.gained > 0).then(|| {
        view! { <p class="muted">{counted(breaks.gained, "user is", "users are")} " not let in today and would be after."</p> }
    });
    view! { <Alert tone><p>{text}</p></Alert> {neither} {gained} }.into_any()
}

/// Those who would break; while they are found out, how far that is.
pub(super) fn users(change: &ChangeView) -> AnyView {
    if under_way(change) {
        let read = [&change.today, &change.after].into_iter().flatten().map(|run| {
            let users = counted(run.qlik_users, "user", "users");
            view! { <p class="muted"><span class="mono">{run.tenant_host.clone()}</span> ": " {users} " read."</p> }
        });
        return view! {
            {read.collect_view()}
            <p><LinkButton href=routes::CHANGE>"Refresh"</LinkButton></p>
        }
        .into_any();
    }
    let Some(breaks) = change.breaks.as_ref().filter(|b| !b.rows.is_empty()) else { return ().into_any() };
    let rows = breaks.rows.iter().map(|row| line(row, change)).collect_view();
    let link = |page: i64, text: &'static str| {
        view! { <LinkButton href=format!("{}?page={page}", routes::CHANGE)>{text}</LinkButton> }
    };
    let pager = (breaks.pages > 1).then(|| {
        view! {
            <nav class="actions" aria-label="Pages">
                {(breaks.page > 1).then(|| link(breaks.page - 1, "Previous"))}
                <span class="muted">"Page " {breaks.page} " of " {breaks.pages}</span>
                {(breaks.page < breaks.pages).then(|| link(breaks.page + 1, "Next"))}
            </nav>
        }
    });
    view! {
        <Table caption="Users who would break" columns=&["User", "Today", "After the switch", "What to do"]>{rows}</Table>
        {pager}
    }
    .into_any()
}

fn line(row: &Unlucky, change: &ChangeView) -> AnyView {
    let rules = change.after.as_ref().map(|r| r.rules).unwrap_or_default();
    let today = match row.today {
        Some(verdict) => view! { <Badge tone=Tone::Good text=verdict.label()/> }.into_any(),
        None => view! { <span class="muted">"Not known"</span> }.into_any(),
    };
    let name = (row.name != row.email).then(|| view! { <span class="sub">{row.name.clone()}</span> });
    view! {
        <tr>
            <th scope="row"><a class="name" href=routes::user(&row.user_id)>{row.email.clone()}</a> {name}</th>
            <td data-label="Today:">{today}</td>
            <td data-label="After:"><Badge tone=Tone::Bad text=row.after.label()/></td>
            <td>{row.after.advice(rules)}</td>
        </tr>
    }
    .into_any()
}
