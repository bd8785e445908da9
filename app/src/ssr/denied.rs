//! What somebody who is signed in may not do leaves one line in the log: who, by
//! id, and what they asked for. Never the query: a one-time link's token is in it.

use std::sync::LazyLock;

use backend::LogLines;
use http::request::Parts;
use leptos::reactive::owner::with_context;

use super::auth::AuthSession;

static LINES: LazyLock<LogLines> = LazyLock::new(LogLines::default);

/// The line for a request that is told [`NotAllowed`](crate::error::AppError).
pub(super) fn log() {
    let told = with_context::<Parts, _>(|parts| {
        let user = parts.extensions.get::<AuthSession>().and_then(|s| s.user.clone());
        let user = user.map(|u| u.into_actor().user_id);
        line(user.as_deref(), parts.method.as_str(), parts.uri.path());
    });
    if told.is_none() {
        line(None, "", "");
    }
}

/// The line for a request that the server answers by itself.
pub fn line(user_id: Option<&str>, method: &str, path: &str) {
    let Some(left_out) = LINES.next() else { return };
    tracing::warn!(
        user.id = user_id.unwrap_or("unknown"),
        method,
        path,
        left_out,
        "somebody may not do what they asked for"
    );
}
