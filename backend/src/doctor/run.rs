//! The engine: the table in order, each check with its time, and each whose
//! needs are not met left out.

use std::collections::HashMap;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    report::{Check, Note, Outcome, Report},
    subject::{Findings, Known, Subject},
    table::{CHECKS, Spec, spec},
};
use crate::{Error, Services, connection::AuthOption};

impl Services {
    /// Makes all checks.
    pub(crate) async fn examine(&self, subject: &Subject<'_>) -> Result<Findings, Error> {
        let mut known = Known::default();
        let mut run = Run::default();
        for check in CHECKS.iter().filter(|c| c.is_of(subject.option)) {
            if let Some(unmet) = run.unmet(check, subject.option) {
                run.leave_out(check, unmet);
                continue;
            }
            let began = Instant::now();
            let note = (check.make)(subject, &mut known).await?;
            let took = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
            run.made(check, note, took);
        }
        let eyes = subject.close(&known).await;
        if known.tenant.is_none() && known.unproved_name.is_some() {
            self.qlik().forget_names(subject.host);
        }
        let (missing, key_refused) = (known.identity_missing, known.key_refused);
        let report = run.end(self.now(), missing);
        Ok(Findings { report, facts: known.facts(subject.option), key_refused, eyes })
    }
}

/// Collects checks.
#[derive(Default)]
struct Run {
    checks: Vec<Check>,
    /// What stands in the way of those that need a check; nothing where it is open.
    barred_by: HashMap<&'static str, Option<&'static str>>,
}

impl Run {
    /// What stands in the way of a check: not the need that was left out itself,
    /// but the one that did not pass.
    fn unmet(&self, check: &Spec, option: AuthOption) -> Option<&'static str> {
        let needs = check.needs.iter().filter(|need| spec(need).is_none_or(|s| s.is_of(option)));
        needs.into_iter().find_map(|need| self.barred_by.get(need).copied().unwrap_or(Some(need)))
    }

    fn leave_out(&mut self, check: &'static Spec, unmet: &'static str) {
        let title = spec(unmet).map_or(unmet, |c| c.proves);
        self.push(check, Note::not_checked(format!("Not checked; it needs: {title}.")), None);
        self.barred_by.insert(check.id, Some(unmet));
    }

    fn made(&mut self, check: &'static Spec, note: Note, took: u32) {
        self.push(check, note, Some(took));
    }

    fn push(&mut self, check: &'static Spec, note: Note, elapsed_ms: Option<u32>) {
        self.barred_by.insert(check.id, (!note.open).then_some(check.id));
        // One that was not made because of something known before asked nothing.
        let unasked = note.outcome == Outcome::NotChecked && note.code.is_none();
        let elapsed_ms = elapsed_ms.filter(|_| !unasked);
        let asked = elapsed_ms.is_some() && !check.request.is_empty();
        self.checks.push(Check {
            id: check.id.to_owned(),
            title: check.proves.to_owned(),
            outcome: note.outcome,
            says: note.says,
            remedy: note.remedy,
            link: note.link,
            elapsed_ms,
            request: asked.then(|| check.request.to_owned()),
            qlik_code: note.code,
            trace_id: note.trace,
        });
    }

    fn end(self, at: Timestamp, identity_missing: bool) -> Report {
        let count = |o| self.checks.iter().filter(|c| c.outcome == o).count();
        let (failed, warned) = (count(Outcome::Failed), count(Outcome::Warning));
        let apps = self.checks.iter().find(|c| c.id == "apps" && c.outcome != Outcome::NotChecked);
        let apps = apps.map_or("", |c| c.says.as_str());
        let headline = match (failed, warned) {
            (0, 0) => format!("Connected. {apps}").trim().to_owned(),
            (0, 1) => "Connected, with one warning.".to_owned(),
            (0, n) => format!("Connected, with {n} warnings."),
            (1, _) => "One check failed.".to_owned(),
            (n, _) => format!("{n} checks failed."),
        };
        Report { at, ok: failed == 0, headline, identity_missing, checks: self.checks }
    }
}
