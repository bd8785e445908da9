//! Pages that stay right while they are open: server-sent events for
//! administrators.

use std::{convert::Infallible, time::Duration};

use app::{
    routes,
    ssr::{
        auth::{AuthSession, SessionUser},
        change::change_json,
        denied,
        matching::{live_json, rows_of},
        status_json,
    },
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use backend::{Actor, Role, Services, matching::RowsQuery};
use futures::stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Another process on the same database may advance what is shown: without word
/// from this one, it is looked at this often.
const LOOK: Duration = Duration::from_secs(5);
/// A comparison changes with each page of users; a person need not see each.
const PACE: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) services: Services,
    pub(crate) stop: CancellationToken,
}

/// What is followed.
enum Topic {
    Status,
    Matching(RowsQuery),
    Change,
}

impl Topic {
    const fn path(&self) -> &'static str {
        match self {
            Self::Status => routes::STATUS_STREAM,
            Self::Matching(_) => routes::MATCHING_STREAM,
            Self::Change => routes::CHANGE_STREAM,
        }
    }
}

struct Follow {
    live: Live,
    actor: Actor,
    topic: Topic,
    changes: watch::Receiver<u64>,
    last: Option<String>,
}

/// Sends the status at once and after each change, as JSON.
pub(crate) async fn status(State(live): State<Live>, auth: AuthSession) -> Response {
    follow(live, auth, Topic::Status)
}

/// Sends where the comparison stands, and the rows that the query asks for, at
/// once and after each change, as JSON.
pub(crate) async fn matching(
    State(live): State<Live>,
    auth: AuthSession,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    follow(live, auth, Topic::Matching(rows_of(&query)))
}

/// Sends how far the comparison of a change is, at once and after each step, as JSON.
pub(crate) async fn change(State(live): State<Live>, auth: AuthSession) -> Response {
    follow(live, auth, Topic::Change)
}

fn follow(live: Live, auth: AuthSession, topic: Topic) -> Response {
    let Some(actor) = auth.user.map(SessionUser::into_actor) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if actor.role != Role::Administrator {
        denied::line(Some(&actor.user_id), "GET", topic.path());
        return StatusCode::FORBIDDEN.into_response();
    }
    let changes = live.services.subscribe(&actor.portal.id);
    let events = stream::unfold(Follow { live, actor, topic, changes, last: None }, next);
    // Buffering proxies would hold the events back.
    ([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::default())).into_response()
}

/// The next state that differs from the last one sent; none once the server
/// stops, the person may no longer look, or it can't be read.
async fn next(mut f: Follow) -> Option<(Result<Event, Infallible>, Follow)> {
    loop {
        if f.last.is_some() {
            if matches!(f.topic, Topic::Matching(_) | Topic::Change) {
                tokio::time::sleep(PACE).await;
            }
            tokio::select! {
                () = f.live.stop.cancelled() => return None,
                changed = f.changes.changed() => changed.ok()?,
                () = tokio::time::sleep(LOOK) => {}
            }
            // A stream outlives its request's check: who was signed out or demoted hears no more.
            let still = f.live.services.actor(&f.actor.user_id).await.ok().flatten();
            f.actor = still.filter(|a| a.role == Role::Administrator)?;
        }
        let services = &f.live.services;
        let json = match &f.topic {
            Topic::Status => status_json(services, &f.actor.portal.id).await,
            Topic::Change => change_json(services, &f.actor).await,
            Topic::Matching(asked) => live_json(services, &f.actor, asked.clone()).await.map(Some),
        };
        match json {
            Ok(Some(json)) if f.last.as_ref() != Some(&json) => {
                f.last = Some(json.clone());
                return Some((Ok(Event::default().data(json)), f));
            }
            Ok(Some(_)) => {}
            // Disconnected: the page has to be loaded anew.
            Ok(None) => return None,
            Err(e) => {
                tracing::warn!(error = ?e, "what is shown could not be read for a live page");
                return None;
            }
        }
    }
}
