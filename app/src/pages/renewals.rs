//! The renewal of the key: what comes, and everything that was.

use backend::{
    integration::{AttemptEntry, StatusView},
    renewal::Ahead,
};
use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    SETTINGS, Visit, go_on, load,
    settings::{check_lines, codes, ended_as, timeline, took, trigger_words, waits},
};
use crate::{
    api::{
        form,
        settings::{CheckNextRenewal, DryRun},
    },
    error::AppError,
    routes,
    ssr::{ctx, flash, settings::check},
    ui::{
        badge::Badge,
        button::{LinkButton, SubmitButton},
        card::{Card, Empty},
        form::ErrorSummary,
        page::Frame,
        table::Table,
        time::{Moment, Time},
    },
};

/// Attempts of one page.
const ROWS: usize = 25;

/// What comes and what was; `?before=` is the last place of the page before.
#[component]
pub fn RenewalsPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let services = ctx::services()?;
        // Nothing is connected: that comes first.
        let Some(status) = services.status(&visit.actor.portal.id).await? else {
            return Ok(go_on(routes::SETTINGS));
        };
        let before = ctx::query("before").parse::<i64>().ok();
        // One more than is shown tells whether there are older ones.
        let limit = u32::try_from(ROWS + 1).unwrap_or(u32::MAX);
        let mut entries =
            services.renewal_history(&visit.actor, before, limit).await.map_err(AppError::from)?;
        let more = entries.len() > ROWS;
        entries.truncate(ROWS);
        let older =
            entries.last().filter(|_| more).map(|e| format!("{}?before={}", routes::RENEWALS, e.place));
        let acted = flash::take_form(form::RENEWALS).await?;
        let wrong = acted.has_errors();
        let keys = timeline(&status, services.now());
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=SETTINGS title="Renewals" here=routes::SETTINGS notice=visit.notice wrong>
                <ErrorSummary form=acted/>
                {next(&status)}
                <Card id="keys" title="Keys">{keys}</Card>
                {attempts(entries, waits(&status))}
                <nav class="actions" aria-label="Pages">
                    {before.map(|_| view! { <LinkButton href=routes::RENEWALS>"Newest"</LinkButton> })}
                    {older.map(|href| view! { <LinkButton href>"Older"</LinkButton> })}
                </nav>
            </Frame>
        }
        .into_any())
    })
}

/// The coming renewal and whether it would succeed.
fn next(status: &StatusView) -> AnyView {
    let due = Moment::from(status.renew_at);
    let when = match (&status.needs_person, status.next_try_at.map(Moment::from)) {
        (Some(_), _) => view! { "A person is needed before the key can be renewed." }.into_any(),
        (None, Some(next)) => view! { "The renewal is tried again on " <Time at=next/> "." }.into_any(),
        (None, None) => {
            view! { "The key comes due on " <Time at=due/> " and is then renewed by itself." }.into_any()
        }
    };
    let found = found(status.ahead.as_ref());
    view! {
        <Card id="next" title="Next renewal">
            <p>{when}</p>
            {found}
            <div class="actions">
                <form method="post" action=CheckNextRenewal::PATH>
                    <SubmitButton label="Check next renewal" busy="Checking…"/>
                </form>
                <form method="post" action=DryRun::PATH>
                    <SubmitButton label="Dry run" busy="Trying…"/>
                </form>
            </div>
            <p class="hint">
                "A check only reads, and is made each day by itself. A dry run makes a key in Qlik, proves that it works \
                 and deletes it; the key in use stays."
            </p>
        </Card>
    }
    .into_any()
}

fn found(ahead: Option<&Ahead>) -> AnyView {
    let Some(ahead) = ahead else {
        return view! { <p class="muted">"It was not looked at yet; saving the settings made the same checks."</p> }
            .into_any();
    };
    let at = jiff::Timestamp::from_second(ahead.at).ok().map(|t| view! { <Time at=Moment::from(t)/> });
    if ahead.checks.is_empty() {
        return view! { <p class="muted">"Qlik could not be asked on " {at} "; it is asked again within the hour."</p> }
            .into_any();
    }
    let lines = check_lines(ahead.checks.iter().cloned().map(check));
    view! {
        <p class="muted">"Checked on " {at}</p>
        {lines}
    }
    .into_any()
}

fn attempts(entries: Vec<AttemptEntry>, waits: bool) -> AnyView {
    if entries.is_empty() {
        return view! {
            <Empty title="No renewals yet">
                <p>"Each attempt to renew the key is written down here, with its steps and what Qlik said."</p>
            </Empty>
        }
        .into_any();
    }
    view! {
        <Card id="attempts" title="Attempts">
            <Table caption="Attempts, newest first" columns=&["Began", "Because", "Ended as", "What happened"]>
                {entries.into_iter().map(|entry| view! { <Row entry waits/> }).collect_view()}
            </Table>
        </Card>
    }
    .into_any()
}

#[component]
fn Row(entry: AttemptEntry, waits: bool) -> impl IntoView {
    let a = entry.attempt;
    let (tone, text) = ended_as(&a, waits);
    let took = a.ended_at.map(|end| {
        view! { <span class="sub">{took(end.as_second() - a.started_at.as_second())}</span> }
    });
    let steps = entry
        .steps
        .into_iter()
        .map(|(at, step)| view! { <li><Time at=Moment::from(at)/> " " {step}</li> })
        .collect_view();
    view! {
        <tr>
            <td class="nowrap"><Time at=Moment::from(a.started_at)/></td>
            <td>{trigger_words(&a.trigger)}</td>
            <td><Badge tone text/> {took}</td>
            <td>
                {a.reason.map(|text| view! { <p>{text}</p> })}
                {codes(a.qlik_code.as_deref(), a.trace_id.as_deref())}
                <details class="steps">
                    <summary>"Steps"</summary>
                    <ol>{steps}</ol>
                </details>
            </td>
        </tr>
    }
}
