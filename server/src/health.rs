//! For the operator: is the process up, and does it do its work?

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use backend::Services;
use serde_json::{Value, json};

/// The renewal task writes down once a minute that it looked; older than this,
/// in seconds, and it stands still.
const STALE: i64 = 180;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers, and the renewal task looked lately. Qlik's health is
/// none of it: a portal whose Qlik is away still serves its settings.
pub(crate) async fn readyz(State(services): State<Services>) -> impl IntoResponse {
    let (status, body) = match services.last_beat().await {
        Ok(beat) => judge(services.now().as_second(), beat),
        Err(e) => {
            tracing::error!(error = %e, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, json!({ "database": "failed", "scheduler": "unknown" }))
        }
    };
    (status, Json(body))
}

fn judge(now: i64, beat: Option<i64>) -> (StatusCode, Value) {
    let age = beat.map(|at| now - at);
    let fresh = age.is_some_and(|age| age <= STALE);
    let scheduler = match (age, fresh) {
        (None, _) => "not yet run",
        (Some(_), true) => "ok",
        (Some(_), false) => "stands still",
    };
    let status = if fresh { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, json!({ "database": "ok", "scheduler": scheduler, "scheduler_age_s": age }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_stands_still_is_not_ready() {
        assert_eq!(judge(1000, Some(990)).0, StatusCode::OK);
        assert_eq!(judge(1000, Some(1000 - STALE - 1)).0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(judge(1000, None).0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
