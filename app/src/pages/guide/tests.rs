//! Steps and checks meet in one table; what a report does not hold is told too.

use std::collections::BTreeSet;

use super::*;
use crate::wire::{Check, Outcome};

fn check(id: &str, outcome: Outcome) -> Check {
    Check {
        id: id.into(),
        title: format!("title of {id}"),
        outcome,
        says: format!("{id} is so."),
        remedy: (outcome == Outcome::Failed).then(|| format!("Mend {id}.")),
        link: None,
        elapsed_ms: None,
        request: None,
        qlik_code: None,
        trace_id: None,
    }
}

/// A report at 25 Nov 2026, 14:00 UTC.
fn report(ends: &[(&str, Outcome)]) -> Report {
    Report {
        at: 1_795_615_200,
        ok: ends.iter().all(|(_, o)| *o != Outcome::Failed),
        headline: "The whole in a sentence.".into(),
        identity_missing: false,
        checks: ends.iter().map(|(id, outcome)| check(id, *outcome)).collect(),
    }
}

fn text(view: impl FnOnce() -> AnyView) -> String {
    let html = Owner::new().with(|| view().to_html());
    let mut out = String::new();
    for part in html.replace("<!>", "").split('<') {
        out.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        out.push(' ');
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn tick(step: &str, report: Option<&Report>) -> String {
    let step = ticks::STEPS.iter().find(|s| s.step == step).unwrap();
    text(|| ticks::tick(step, report))
}

#[test]
fn each_check_tells_about_exactly_one_step_and_each_step_is_of_a_section() {
    let told: Vec<&str> = ticks::STEPS.iter().flat_map(|s| s.by).copied().collect();
    let known: Vec<&str> = ticks::CHECKS.iter().map(|(id, _)| *id).collect();
    assert_eq!(told.len(), told.iter().collect::<BTreeSet<_>>().len(), "{told:?}");
    assert_eq!(told.iter().collect::<BTreeSet<_>>(), known.iter().collect::<BTreeSet<_>>());
    for step in ticks::STEPS {
        assert!(title_of(step.section).is_some(), "{}", step.section);
    }
}

#[test]
fn each_check_of_the_doctor_is_told_here_and_no_other() {
    let options = backend::connection::AuthOption::ALL;
    let made: BTreeSet<&str> = options.into_iter().flat_map(backend::doctor::ids).collect();
    let told: BTreeSet<&str> = ticks::CHECKS.iter().map(|(id, _)| *id).collect();
    assert_eq!(told, made);
}

#[test]
fn a_tick_says_in_words_how_its_check_ended_and_when() {
    let ends = [
        ("tenant", Outcome::Passed),
        ("origin", Outcome::Failed),
        ("lifetime", Outcome::Warning),
        ("jwt_login", Outcome::NotChecked),
    ];
    let report = report(&ends);
    let said = |step| tick(step, Some(&report));
    let hostname = said("hostname-paste");
    assert!(hostname.starts_with("Passed tenant is so. Checked on"), "{hostname}");
    assert!(hostname.ends_with("Checked on 25 Nov 2026, 14:00 UTC"), "{hostname}");
    assert!(said("web-add").starts_with("Failed origin is so. Mend origin."));
    assert!(said("key-expiration").starts_with("Warning lifetime is so."));
    let login = said("idp-login");
    assert!(login.starts_with("Not checked") && login.contains("jwt_login is so."), "{login}");
}

#[test]
fn what_was_never_checked_says_so_and_has_no_date() {
    let none = tick("key-paste", None);
    assert!(none.starts_with("Not checked yet whether it has the form of an API key;"), "{none}");
    assert!(!none.contains("Checked on"));
    let others = report(&[("tenant", Outcome::Passed)]);
    let foreign = tick("key-paste", Some(&others));
    assert_eq!(foreign, "With the option that is set, no check tells about this step.");
}

#[test]
fn a_procedure_is_as_far_as_the_worst_of_its_checks() {
    let ends = [
        ("tenant", Outcome::Passed),
        ("web_integration", Outcome::Passed),
        ("origin", Outcome::Failed),
        ("key", Outcome::Passed),
        ("lifetime", Outcome::Warning),
        ("jwt_login", Outcome::NotChecked),
    ];
    let report = report(&ends);
    for (section, worst) in [
        ("hostname", Some(Outcome::Passed)),
        ("web-integration", Some(Outcome::Failed)),
        ("api-key", Some(Outcome::Warning)),
        ("identity-provider", Some(Outcome::NotChecked)),
        ("afterwards", None),
        ("oauth-client", None),
        ("options", None),
        ("connect", None),
    ] {
        assert_eq!(ticks::worst(section, Some(&report)), worst, "{section}");
    }
    assert_eq!(ticks::next(None), Some(("hostname", Outcome::NotChecked)));
    assert_eq!(ticks::next(Some(&report)), Some(("web-integration", Outcome::Failed)));
}

#[test]
fn the_whole_says_what_to_go_on_with_and_whose_checks_they_are() {
    let all: Vec<(&str, Outcome)> = ticks::CHECKS.iter().map(|(id, _)| (*id, Outcome::Passed)).collect();
    let all = report(&all);
    let good = text(|| ticks::whole(Some(&all), false));
    assert!(good.starts_with("Passed The whole in a sentence. Of the stored settings."), "{good}");
    assert!(good.ends_with("on the page Settings ."), "nothing is left to do: {good}");
    let bad = report(&[("tenant", Outcome::Failed)]);
    let bad = text(|| ticks::whole(Some(&bad), true));
    assert!(bad.contains("Of what you entered; not stored."), "{bad}");
    assert!(bad.ends_with("Mend this first: Find the Qlik Sense tenant hostname"), "{bad}");
    let none = text(|| ticks::whole(None, false));
    assert!(none.contains("Nothing was checked so far."), "{none}");
    // Checks that this report knows nothing of hold nobody up.
    let some = report(&[("tenant", Outcome::Passed), ("key", Outcome::Passed)]);
    assert_eq!(ticks::next(Some(&some)), None);
}
