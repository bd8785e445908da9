//! For the operator: is the process up, and does it do its work?

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use backend::{Services, store::Trouble};
use serde_json::{Value, json};

/// The renewal task writes down once a minute that it looked; older than this,
/// in seconds, and it stands still.
const STALE: i64 = 180;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers and took the last write, and the renewal task looked lately. Qlik's health is
/// none of it: a portal whose Qlik is away still serves its settings.
pub(crate) async fn readyz(State(services): State<Services>) -> impl IntoResponse {
    let (status, body) = match services.last_beat().await {
        Ok(beat) => judge(services.now().as_second(), beat, services.db().trouble()),
        Err(e) => {
            tracing::error!(error = %e, "the database does not answer");
            let database = e.trouble().map_or("failed", Trouble::as_str);
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "database": database, "scheduler": "unknown" }))
        }
    };
    (status, Json(body))
}

fn judge(now: i64, beat: Option<i64>, trouble: Option<Trouble>) -> (StatusCode, Value) {
    let age = beat.map(|at| now - at);
    let fresh = age.is_some_and(|age| age <= STALE);
    let scheduler = match (age, fresh) {
        (None, _) => "not yet run",
        (Some(_), true) => "ok",
        (Some(_), false) => "stands still",
    };
    let ready = fresh && trouble.is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let database = trouble.map_or("ok", Trouble::as_str);
    (status, json!({ "database": database, "scheduler": scheduler, "scheduler_age_s": age }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_stands_still_is_not_ready() {
        assert_eq!(judge(1000, Some(990), None).0, StatusCode::OK);
        assert_eq!(judge(1000, Some(1000 - STALE - 1), None).0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(judge(1000, None, None).0, StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn a_database_that_took_no_write_is_not_ready_and_says_why() {
        for trouble in [Trouble::Full, Trouble::ReadOnly, Trouble::Io, Trouble::Busy, Trouble::Damaged] {
            let (status, body) = judge(1000, Some(990), Some(trouble));
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(body["database"], trouble.as_str());
        }
    }
}
