//! The checks, line by line: what was looked at, how it ended, what to do.

use leptos::prelude::*;

use crate::{
    ssr::settings::Shown,
    ui::{
        badge::OutcomeBadge,
        icons::Icon,
        time::{Moment, Time},
    },
    wire::{Check, Link, Outcome},
};

/// The last run of checks, if there was one.
pub(super) fn checks(shown: &Shown) -> AnyView {
    let Some(report) = &shown.report else { return ().into_any() };
    let of = if shown.report_is_of_draft {
        "Of what you entered; not stored. "
    } else {
        "Of the stored settings. "
    };
    let at = jiff::Timestamp::from_second(report.at).ok().map(Moment::from);
    let lines = report
        .checks
        .iter()
        .map(|check| line(check, Some(shown.form.field_id(&format!("check-{}", check.id)))));
    view! {
        <section class="card" aria-labelledby="checks">
            <div class="card-head">
                <h3 class="card-title" id="checks">"Checks"</h3>
                <p class="card-lead">{of} {report.headline.clone()} " " {at.map(|at| view! { <Time at/> })}</p>
            </div>
            <ol class="checks">{lines.collect_view()}</ol>
        </section>
    }
    .into_any()
}

/// Checks of another page, where no field's error leads to a line.
pub(crate) fn check_lines(checks: impl Iterator<Item = Check>) -> AnyView {
    view! { <ol class="checks">{checks.map(|check| line(&check, None)).collect_view()}</ol> }.into_any()
}

fn line(check: &Check, id: Option<String>) -> AnyView {
    // One that was not made says only why; its title says what it would have proved.
    let title = (check.outcome == Outcome::NotChecked)
        .then(|| view! { <span class="check-title">{check.title.clone()}". "</span> });
    let elapsed = check.elapsed_ms.map(|ms| view! { <span class="check-ms">{format!("{ms} ms")}</span> });
    let asked = check.request.clone().map(|text| view! { <code class="check-asked">{text}</code> });
    let remedy = check.remedy.clone().map(|text| view! { <p class="check-remedy">{text}</p> });
    let codes = codes(check.qlik_code.as_deref(), check.trace_id.as_deref());
    view! {
        <li class="check" id=id tabindex="-1">
            <div class="check-outcome"><OutcomeBadge outcome=check.outcome/></div>
            <div class="check-body">
                <p>{title} {check.says.clone()}</p>
                {remedy}
                {check.link.as_ref().map(console_link)}
                {codes}
            </div>
            <div class="check-call">{asked} {elapsed}</div>
        </li>
    }
    .into_any()
}

/// Qlik's code and trace id, as its support asks for them.
pub(crate) fn codes(code: Option<&str>, trace: Option<&str>) -> Option<AnyView> {
    if code.is_none() && trace.is_none() {
        return None;
    }
    let code = code.map(|code| view! { <span>"Qlik: " <code>{code.to_owned()}</code></span> });
    let trace = trace.map(|id| view! { <span>"trace " <code>{id.to_owned()}</code></span> });
    Some(view! { <p class="codes">{code} {trace}</p> }.into_any())
}

fn console_link(link: &Link) -> AnyView {
    view! { <p>{out(&link.url, &link.label)}</p> }.into_any()
}

/// A link that leaves the portal, and says so.
pub(crate) fn out(url: &str, label: &str) -> AnyView {
    view! {
        <a class="out" href=url.to_owned() target="_blank" rel="noopener noreferrer">
            {label.to_owned()}
            <Icon name="external"/>
            <span class="visually-hidden">" (opens in a new tab)"</span>
        </a>
    }
    .into_any()
}
