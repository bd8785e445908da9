//! What is downloaded: made part by part, for administrators.

use app::{
    routes,
    ssr::{
        auth::{AuthSession, SessionUser},
        denied,
        matching::{csv, rows_of},
    },
};
use axum::{
    body::Body,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use backend::{Error, Services};

/// Who of the portal's people Qlik knows, as CSV: the rows that the query of the
/// page asks for.
pub(crate) async fn matching(
    State(services): State<Services>,
    auth: AuthSession,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let Some(actor) = auth.user.map(SessionUser::into_actor) else {
        return Redirect::to(&routes::login(routes::MATCHING)).into_response();
    };
    let user_id = actor.user_id.clone();
    match csv(services, actor, rows_of(&query)).await {
        Ok(Some(parts)) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"who-will-match.csv\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, Body::from_stream(parts)).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(Error::NotAllowed) => {
            denied::line(Some(&user_id), "GET", routes::MATCHING_CSV);
            StatusCode::FORBIDDEN.into_response()
        }
        Err(e) => {
            tracing::error!(error = %e, "a file could not be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
