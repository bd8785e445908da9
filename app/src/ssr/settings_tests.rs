use super::*;

fn line(id: &str, outcome: Outcome, says: &str) -> Check {
    Check {
        id: id.into(),
        title: format!("title of {id}"),
        outcome,
        says: says.into(),
        remedy: (outcome == Outcome::Failed).then(|| "Mend it.".to_owned()),
        link: None,
        elapsed_ms: None,
        request: None,
        qlik_code: None,
        trace_id: None,
    }
}

fn run(headline: &str, checks: Vec<Check>) -> Report {
    let ok = checks.iter().all(|c| c.outcome != Outcome::Failed);
    Report { at: 0, ok, headline: headline.into(), identity_missing: false, checks }
}

#[test]
fn a_success_names_the_owner_and_the_apps() {
    let notice = notice_of(&run(
        "Connected. Ada sees 5 apps.",
        vec![
            line("owner", Outcome::Passed, "The key belongs to Ada."),
            line("apps", Outcome::Passed, "Ada sees 5 apps."),
        ],
    ));
    assert_eq!(notice, Notice::good("Connected. Ada sees 5 apps. The key belongs to Ada."));
}

#[test]
fn warnings_and_failures_lead_to_the_checks() {
    let warned = run("Connected, with one warning.", vec![line("apps", Outcome::Warning, "No apps.")]);
    let notice = notice_of(&warned);
    assert_eq!(notice.tone, Tone::Warning);
    assert_eq!(notice.text, "Connected, with one warning. No apps. See the checks below.");
    let failed = run("One check failed.", vec![line("owner", Outcome::Failed, "Unknown.")]);
    assert_eq!(notice_of(&failed), Notice::bad("One check failed. See the checks below."));
}

#[test]
fn each_failed_check_stands_by_its_field_or_leads_to_its_line() {
    let mut draft = Flash::default().because(AppError::field("api_key", "check"));
    draft.report = Some(run(
        "2 checks failed.",
        vec![
            line("owner", Outcome::Passed, "Fine."),
            line("read_users", Outcome::Failed, "May not read users."),
            line("jwt_login", Outcome::Failed, "Refused."),
        ],
    ));
    let (form, report) = form_of(draft);
    assert_eq!(form.error("api_key").as_deref(), Some("May not read users. Mend it."));
    assert_eq!(form.error("check-jwt_login").as_deref(), Some("Refused. Mend it."));
    assert_eq!(form.error("tenant_host"), None);
    assert_eq!(report.map(|r| r.checks.len()), Some(3));
}

#[test]
fn the_backend_s_checks_travel_whole() {
    let from = integration::Report {
        at: Timestamp::from_second(90).unwrap(),
        checks: vec![integration::Check {
            id: "origin".into(),
            title: "t".into(),
            outcome: integration::Outcome::Failed,
            says: "s".into(),
            remedy: Some("r".into()),
            link: Some(integration::Link { label: "l".into(), url: "u".into() }),
            elapsed_ms: Some(84),
            request: None,
            qlik_code: Some("LOGIN-10".into()),
            trace_id: Some("5f0c".into()),
        }],
        ok: false,
        headline: "h".into(),
        identity_missing: true,
    };
    // The two have the same shape, but for the time.
    let mut wanted = serde_json::to_value(&from).unwrap();
    wanted["at"] = 90.into();
    assert_eq!(serde_json::to_value(report(from)).unwrap(), wanted);
}

#[test]
fn a_mark_changes_with_the_text() {
    assert_eq!(mark("a"), mark("a"));
    assert_ne!(mark("a"), mark("b"));
}
