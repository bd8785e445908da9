//! The doctor: for each check a connection in which its one input is wrong, and
//! then it is this check that does not pass, with its own remedy; what needs it
//! is left out, and everything else passes.

use std::collections::BTreeSet;

use backend::{
    doctor::{Outcome, Report, about, ids},
    integration::SaveInput,
};

use crate::doctor_rows::{Look, ROWS, Row, bot};
use crate::house::{House, days, outcomes};

async fn look(h: &House, look: Look) -> Report {
    match look {
        Look::Stored(portal) => portal.test_connection(&h.ada).await.unwrap(),
        Look::Save(input) => {
            let end = h.portal.save_integration(&h.ada, input).await.unwrap();
            assert!(!end.saved);
            end.report.unwrap()
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_check_shows_what_is_wrong_with_its_own_input_and_no_other_does() {
    let mut shown = BTreeSet::new();
    for Row(what, broken, id, outcome, word) in ROWS {
        let h = House::connected().await;
        let report = look(&h, broken(&h)).await;
        let check = report.check(id).unwrap();
        assert_eq!(check.outcome, *outcome, "{what}: {:#?}", report.checks);
        assert!(check.says.contains(word), "{what}: {}", check.says);
        assert!(check.remedy.as_ref().is_some_and(|r| !r.is_empty()), "{what}: what to do?");
        for other in report.checks.iter().filter(|c| c.id != *id) {
            let needs_it = other.says.contains(&format!("it needs: {}.", check.title));
            let held = *id == "rate" && other.says.contains("rate limit is reached");
            let after_held = *id == "rate" && other.says.contains("it needs: The session reads apps.");
            // Whoever owns the key of these connections is a Tenant Admin.
            let advice = other.id == "least_rights" && other.outcome == Outcome::Advice;
            assert!(
                match other.outcome {
                    Outcome::Passed => true,
                    Outcome::NotChecked => needs_it || held || after_held,
                    _ => advice,
                },
                "{what}: {other:#?}"
            );
        }
        assert!(report.checks.iter().any(|c| c.id != *id && c.outcome == Outcome::Passed), "{what}");
        shown.insert(*id);
    }
    assert_eq!(
        shown,
        ids(backend::connection::AuthOption::ApiKey).collect(),
        "a check that never fails in this table proves nothing"
    );
}

#[tokio::test]
async fn where_all_is_well_every_check_passes_and_says_what_it_asked() {
    let h = House::connected().await;
    let report = h.portal.test_connection(&h.ada).await.unwrap();
    let not_passed: Vec<_> = outcomes(&report).into_iter().filter(|(_, o)| *o != Outcome::Passed).collect();
    assert_eq!(not_passed, [("least_rights", Outcome::Advice)]);
    assert_eq!(
        report.checks.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(),
        ids(backend::connection::AuthOption::ApiKey).collect::<Vec<_>>()
    );
    for check in &report.checks {
        assert!(check.elapsed_ms.is_some(), "{check:?}");
        assert_eq!(check.title, about(&check.id).unwrap().0);
    }
    let asked = |id: &str| report.check(id).unwrap().request.clone().unwrap_or_default();
    assert!(asked("owner").starts_with("GET /api/v1/users/me") && asked("engine").starts_with("WSS"));
    // What was opened for the checks is closed again, but for the one session to look with
    // where the key is refused later; that ends with the connection.
    assert_eq!(h.world.sessions(&h.tenant).len(), 1);
    h.portal.test_connection(&h.ada).await.unwrap();
    assert_eq!(h.world.sessions(&h.tenant).len(), 1);
    h.portal.disconnect(&h.ada, false, false).await.unwrap();
    assert!(h.world.sessions(&h.tenant).is_empty());
}

#[tokio::test]
async fn a_key_of_a_user_with_no_more_than_it_needs_passes_without_advice() {
    let h = House::connected().await;
    let bot = h.world.add_user(&h.tenant, bot());
    let token = h.world.create_key(&bot, "bot", days(3)).1;
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    let report = h.portal.save_integration(&h.ada, input).await.unwrap().report.unwrap();
    assert_eq!(report.check("least_rights").unwrap().outcome, Outcome::Passed);
    // What only a Tenant Admin may list is left out, and the sign-in shows that it is there.
    assert_eq!(report.check("identity_provider").unwrap().outcome, Outcome::NotChecked);
    assert_eq!(report.check("jwt_login").unwrap().outcome, Outcome::Passed, "{:#?}", report.checks);
}

#[tokio::test]
async fn the_operator_gets_the_same_report_in_the_name_of_who_saved_the_settings() {
    let h = House::connected().await;
    let report = h.portal.doctor(&h.ada.portal).await.unwrap();
    assert!(report.ok && report.headline.contains("ada@acme.example sees 2 apps"), "{}", report.headline);
}
