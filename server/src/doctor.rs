//! `qonduit doctor`: the checks of a portal's connection, at the command line.

use std::{fmt::Write as _, process::ExitCode};

use anyhow::{Context as _, Result};
use backend::{
    Services,
    doctor::{Check, Outcome, Report},
};

use crate::config::Config;

/// Examines the connection of `portal` and prints what was found.
#[expect(clippy::print_stdout, reason = "the report is what the command is for")]
pub(crate) async fn run(
    config: &Config,
    services: &Services,
    portal: Option<&str>,
    json: bool,
) -> Result<ExitCode> {
    let host = portal.or(config.public_url.host_str()).unwrap_or_default();
    let found =
        services.portal_by_host(host).await?.with_context(|| format!("there is no portal at {host}"))?;
    let report = match services.doctor(&found).await {
        Err(backend::Error::NotFound) => {
            anyhow::bail!("the portal at {} is not connected to Qlik", found.hostname)
        }
        other => other?,
    };
    if json {
        println!("{}", serde_json::to_string_pretty(&report).context("the report as JSON")?);
    } else {
        print!("{}", words(&report));
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report for a terminal: a mark, what is so, what to do, and Qlik's codes.
fn words(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        line(&mut text, check);
    }
    let _infallible = writeln!(text, "\n{}", report.headline);
    text
}

fn line(text: &mut String, check: &Check) {
    let mark = match check.outcome {
        Outcome::Passed => "✓",
        Outcome::Advice => "i",
        Outcome::Warning => "!",
        Outcome::Failed => "✕",
        Outcome::NotChecked => "–",
    };
    let took = check.elapsed_ms.map_or_else(String::new, |ms| format!("  {ms} ms"));
    let mut add = |line: String| {
        let _infallible = writeln!(text, "{line}");
    };
    add(format!("{mark} {:<18} {}{took}", check.id, check.says));
    if let Some(remedy) = &check.remedy {
        add(format!("{:21}→ {remedy}", ""));
    }
    if let Some(link) = check.link.as_ref().filter(|_| check.remedy.is_some()) {
        add(format!("{:21}  {}: {}", "", link.label, link.url));
    }
    let codes = [("Qlik", &check.qlik_code), ("trace", &check.trace_id)];
    let codes: Vec<String> =
        codes.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))).collect();
    if !codes.is_empty() {
        let asked = check.request.as_deref().map_or_else(String::new, |r| format!(" ({r})"));
        add(format!("{:21}  {}{asked}", "", codes.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_says_what_to_do_and_what_qlik_said() {
        let check = Check {
            id: "origin".to_owned(),
            title: "t".to_owned(),
            outcome: Outcome::Failed,
            says: "It is not listed.".to_owned(),
            remedy: Some("Add it.".to_owned()),
            link: None,
            elapsed_ms: Some(12),
            request: Some("GET /x".to_owned()),
            qlik_code: Some("LOGIN-10".to_owned()),
            trace_id: Some("5f0c".to_owned()),
        };
        let report = Report {
            at: jiff::Timestamp::UNIX_EPOCH,
            ok: false,
            headline: "One check failed.".to_owned(),
            identity_missing: false,
            checks: vec![check],
        };
        let text = words(&report);
        for part in [
            "✕ origin",
            "It is not listed.  12 ms",
            "→ Add it.",
            "Qlik LOGIN-10, trace 5f0c (GET /x)",
            "One check failed.",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
