//! From the backend's view of the integration to what the settings pages show.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use backend::{
    Actor, Services,
    change::PreviousView,
    integration::{self, SettingsView},
    renewal::{Ahead, RenewalEnd, RenewalOutcome},
};
use jiff::Timestamp;
use leptos::{prelude::Owner, serde_json};

use super::{
    ctx,
    error::unexpected,
    flash::{self, Flash},
};
use crate::{
    api::form,
    error::{AppError, FieldError},
    pages::{guide::guide_html, settings::live_html},
    ui::form::FormState,
    wire::{Check, Health, Link, Notice, Outcome, Report, Status, Tone},
};

/// The addresses of pages in the Qlik tenant's own console.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Console {
    /// Web integrations.
    pub web: Option<String>,
    /// The user's own API keys.
    pub api_keys: Option<String>,
    /// Identity providers.
    pub identity_providers: Option<String>,
    /// Users, their roles and permissions.
    pub permissions: Option<String>,
}

/// All that the settings page shows.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of the page of its own")]
pub struct Shown {
    /// What is stored.
    pub view: SettingsView,
    /// The form, with what was typed and not stored.
    pub form: FormState,
    /// Something was typed and not stored.
    pub has_draft: bool,
    /// A key was typed that was not stored: it is not kept.
    pub key_lost: bool,
    /// The same of the OAuth client's secret.
    pub secret_lost: bool,
    /// The checks to show.
    pub report: Option<Report>,
    /// They are of what was typed rather than of what is stored.
    pub report_is_of_draft: bool,
    /// Links into the console of the tenant that was typed or is stored.
    pub console: Console,
    /// A change is tested and not in force: its tenant.
    pub staged: Option<String>,
    /// The settings before the last change, while one can go back to them.
    pub way_back: Option<PreviousView>,
    /// The signing key's certificate ends soon, or has ended.
    pub key_ends_soon: bool,
    /// The time.
    pub now: Timestamp,
}

impl Shown {
    /// Reads it for `actor`.
    ///
    /// # Errors
    /// Not an administrator, or an unexpected one.
    pub async fn read(actor: &Actor) -> Result<Self, AppError> {
        let services = ctx::services()?;
        let view = services.settings_view(actor).await?;
        let draft = flash::peek(form::SETTINGS).await?;
        let staged = services.staged_host(actor).await?;
        let way_back = services.way_back(actor).await?;
        Ok(Self { staged, way_back, ..Self::of(&services, view, draft) })
    }

    fn of(services: &Services, view: SettingsView, draft: Flash) -> Self {
        let has_draft = draft != Flash::default();
        let (form, drafted) = form_of(draft);
        let stored = view.report.clone().map(report);
        // The newer one: a test of the stored settings may have come after the draft.
        let report_is_of_draft = match (&drafted, &stored) {
            (Some(d), Some(s)) => d.at >= s.at,
            (drafted, _) => drafted.is_some(),
        };
        let host = form.value("tenant_host").or_else(|| view.form.as_ref().map(|f| f.tenant_host.clone()));
        Self {
            has_draft,
            staged: None,
            way_back: None,
            key_lost: form.value(KEY_TYPED).is_some(),
            secret_lost: form.value(SECRET_TYPED).is_some(),
            report: if report_is_of_draft { drafted } else { stored },
            report_is_of_draft,
            console: host.map(|host| console(services, &host)).unwrap_or_default(),
            key_ends_soon: services.ends_soon(&view.identity),
            now: services.now(),
            form,
            view,
        }
    }
}

/// In a draft: that a key was typed, of which nothing else is kept.
pub(super) const KEY_TYPED: &str = "key_typed";
/// The same of the OAuth client's secret.
pub(super) const SECRET_TYPED: &str = "client_secret_typed";

/// Links into the console of the tenant at `host`; none where it is no host.
pub fn console(services: &Services, host: &str) -> Console {
    match services.console_links(host) {
        Some([web, api_keys, identity_providers, permissions]) => Console {
            web: Some(web),
            api_keys: Some(api_keys),
            identity_providers: Some(identity_providers),
            permissions: Some(permissions),
        },
        None => Console::default(),
    }
}

/// The form as the draft has it, each field whose check failed with the check's
/// words; and the draft's checks.
fn form_of(mut draft: Flash) -> (FormState, Option<Report>) {
    let report = draft.report.take();
    let mut told = BTreeMap::new();
    for check in report.iter().flat_map(|r| &r.checks).filter(|c| c.outcome == Outcome::Failed) {
        let field = field_of(&check.id);
        if draft.errors.iter().all(|e| e.field != field) {
            draft.errors.push(FieldError::new(field.clone(), "check"));
        }
        told.entry(field).or_insert_with(|| check.whole());
    }
    (draft.into_form(form::SETTINGS).telling(told), report)
}

/// The field that the check `id` is about; the line of the check itself where it
/// is about none.
fn field_of(id: &str) -> String {
    integration::Check::field_of(id).map_or_else(|| format!("check-{id}"), str::to_owned)
}

/// The checks as they travel.
pub fn report(from: integration::Report) -> Report {
    Report {
        at: from.at.as_second(),
        ok: from.ok,
        headline: from.headline,
        identity_missing: from.identity_missing,
        checks: from.checks.into_iter().map(check).collect(),
    }
}

/// One check as it travels.
pub fn check(from: integration::Check) -> Check {
    Check {
        id: from.id,
        title: from.title,
        outcome: match from.outcome {
            integration::Outcome::Passed => Outcome::Passed,
            integration::Outcome::Advice => Outcome::Advice,
            integration::Outcome::Warning => Outcome::Warning,
            integration::Outcome::Failed => Outcome::Failed,
            integration::Outcome::NotChecked => Outcome::NotChecked,
        },
        says: from.says,
        remedy: from.remedy,
        link: from.link.map(|l| Link { label: l.label, url: l.url }),
        elapsed_ms: from.elapsed_ms,
        request: from.request,
        qlik_code: from.qlik_code,
        trace_id: from.trace_id,
    }
}

/// How the connection is, as it travels.
pub fn health(from: integration::Health) -> Health {
    match from {
        integration::Health::Healthy => Health::Healthy,
        integration::Health::Attention => Health::Attention,
        integration::Health::Failing => Health::Failing,
        integration::Health::NeedsPerson => Health::NeedsPerson,
    }
}

/// What a run of checks comes to: the whole, the key's owner, and the apps.
pub fn notice_of(report: &Report) -> Notice {
    let tone = match (report.ok, report.count(Outcome::Warning)) {
        (true, 0) => Tone::Good,
        (true, _) => Tone::Warning,
        (false, _) => Tone::Bad,
    };
    let mut text = report.headline.clone();
    for id in ["owner", "apps"] {
        let said = report.check(id).filter(|c| matches!(c.outcome, Outcome::Passed | Outcome::Warning));
        if let Some(check) = said.filter(|c| !report.headline.contains(&c.says)) {
            text.push(' ');
            text.push_str(&check.says);
        }
    }
    if tone != Tone::Good {
        text.push_str(" See the checks below.");
    }
    Notice { tone, text }
}

/// What was stored, where it is not all well: what fails failed before.
pub fn notice_of_save(report: &Report) -> Notice {
    if report.ok {
        return notice_of(report);
    }
    let text = format!(
        "Saved. {} It failed before as well, so it did not hold the save up. See the checks below.",
        report.headline
    );
    Notice { tone: Tone::Warning, text }
}

/// How a renewal that was asked for ended.
pub fn notice_of_renewal(end: RenewalEnd) -> Notice {
    let tone = match end.outcome {
        RenewalOutcome::Renewed => Tone::Good,
        RenewalOutcome::Failed | RenewalOutcome::NeedsPerson => Tone::Bad,
        RenewalOutcome::Busy => Tone::Neutral,
    };
    Notice { tone, text: end.says }
}

/// What a look at the coming renewal found; `None`: it could not be made.
pub fn notice_of_look(ahead: Option<&Ahead>) -> Notice {
    let Some(ahead) = ahead else {
        return Notice {
            tone: Tone::Neutral,
            text: "It could not be checked now: a renewal is at work, or the key needs a person first."
                .to_owned(),
        };
    };
    match ahead.trouble() {
        _ if ahead.checks.is_empty() => {
            Notice::bad("Qlik does not answer now. It is asked again within the hour.")
        }
        None => Notice::good("The next renewal would succeed, as far as can be seen without making a key."),
        Some(check) => Notice {
            tone: if check.outcome == integration::Outcome::Failed { Tone::Bad } else { Tone::Warning },
            text: check.remedy.as_ref().map_or_else(|| check.says.clone(), |r| format!("{} {r}", check.says)),
        },
    }
}

/// What an open settings page or guide of the portal is told now, as JSON of
/// [`Status`]; `None` where nothing is connected.
///
/// # Errors
/// Only unexpected ones.
pub async fn status_json(services: &Services, portal_id: &str) -> Result<Option<String>, AppError> {
    let Some(status) = services.status(portal_id).await? else { return Ok(None) };
    let health = health(status.health);
    let console = console(services, &status.tenant_host);
    // Outside of a request there is no reactive owner, and a view wants one.
    let html = Owner::new().with(|| live_html(&status, &console, services.now()));
    // The guide's part changes with the time of the checks, which the status says as well.
    let mark = mark(&html);
    let checks = services.last_report(portal_id).await?.map(report);
    let html = html + &Owner::new().with(|| guide_html(checks.as_ref()));
    let told = Status { health, mark, html };
    serde_json::to_string(&told).map(Some).map_err(|e| unexpected(&e))
}

/// The same for the same text, in this version of the server.
pub fn mark(html: &str) -> String {
    let mut hasher = DefaultHasher::new();
    html.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
