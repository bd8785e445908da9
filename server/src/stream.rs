//! The status of the integration, live: server-sent events for administrators.

use std::{convert::Infallible, time::Duration};

use app::ssr::{auth::AuthSession, status_json};
use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use backend::{Role, Services};
use futures::stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Another process on the same database may advance the integration: without
/// word from this one, it is looked at this often.
const LOOK: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) services: Services,
    pub(crate) stop: CancellationToken,
}

struct Follow {
    live: Live,
    user_id: String,
    portal_id: String,
    changes: watch::Receiver<u64>,
    last: Option<String>,
}

/// Sends the status at once and after each change, as JSON.
pub(crate) async fn status(State(live): State<Live>, auth: AuthSession) -> Response {
    let Some(actor) = auth.user.map(app::ssr::auth::SessionUser::into_actor) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    if actor.role != Role::Administrator {
        return StatusCode::FORBIDDEN.into_response();
    }
    let changes = live.services.subscribe(&actor.portal.id);
    let follow = Follow { live, user_id: actor.user_id, portal_id: actor.portal.id, changes, last: None };
    let events = stream::unfold(follow, next);
    // Buffering proxies would hold the events back.
    ([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::default())).into_response()
}

/// The next status that differs from the last one sent; none once the server
/// stops, the person may no longer look, or the status can't be read.
async fn next(mut f: Follow) -> Option<(Result<Event, Infallible>, Follow)> {
    loop {
        if f.last.is_some() {
            tokio::select! {
                () = f.live.stop.cancelled() => return None,
                changed = f.changes.changed() => changed.ok()?,
                () = tokio::time::sleep(LOOK) => {}
            }
            // A stream outlives its request's check: who was signed out or demoted hears no more.
            let still = f.live.services.actor(&f.user_id).await.ok().flatten();
            still.filter(|a| a.role == Role::Administrator)?;
        }
        match status_json(&f.live.services, &f.portal_id).await {
            Ok(Some(json)) if f.last.as_ref() != Some(&json) => {
                f.last = Some(json.clone());
                return Some((Ok(Event::default().data(json)), f));
            }
            Ok(Some(_)) => {}
            // Disconnected: the page has to be loaded anew.
            Ok(None) => return None,
            Err(e) => {
                tracing::warn!(error = ?e, "the status could not be read for a live page");
                return None;
            }
        }
    }
}
