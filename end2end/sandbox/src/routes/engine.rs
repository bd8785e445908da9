//! `/app/{appId}`: the way to the engine, a websocket
//! (<https://qlik.dev/apis/json-rpc/>).

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State as Shared};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::extract::Ctx;
use crate::engine;
use crate::envelope::{Answer, Refusal};
use crate::faults::EngineFault;
use crate::log;
use crate::server::Afterwards;
use crate::world::WorldHandle;

pub(super) fn routes() -> Router<WorldHandle> {
    // The suffixes isolate a session and let it live on; a session is never shared
    // here, so they change nothing.
    Router::new()
        .route("/app/{app}", get(open))
        .route("/app/{app}/identity/{identity}", get(open))
        .route("/app/{app}/ttl/{ttl}", get(open))
        .route("/app/{app}/identity/{identity}/ttl/{ttl}", get(open))
}

async fn open(
    Shared(world): Shared<WorldHandle>,
    ctx: Ctx,
    params: RawPathParams,
    mut request: Request,
) -> Answer {
    let param = |name: &str| params.iter().find_map(|(key, value)| (key == name).then_some(value));
    if param("ttl").is_some_and(|ttl| ttl.parse::<u32>().is_err()) {
        return Err(Refusal::not_found());
    }
    let key = websocket_key(request.headers()).ok_or_else(|| {
        Refusal::new(StatusCode::BAD_REQUEST, "HTTP-400", "This is for websockets of HTTP/1.1")
    })?;
    let admitted = {
        let state = world.lock();
        engine::admit(&state, ctx.tenant(), &ctx.caller.user, param("app").unwrap_or_default())
    };
    let extensions = request.extensions_mut();
    let fault = extensions.remove::<EngineFault>();
    let number = extensions.get::<log::Number>().map_or(0, |number| number.0);
    let (Some(upgrade), Some(afterwards)) =
        (extensions.remove::<OnUpgrade>(), extensions.remove::<Afterwards>())
    else {
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "HTTP-426", "Only HTTP/1.1 can be upgraded"));
    };
    afterwards.set(async move {
        match upgrade.await {
            Ok(io) => {
                let socket = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, None).await;
                engine::converse(socket, admitted, fault, world, number).await;
            }
            Err(error) => tracing::debug!(%error, "a websocket did not come about"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

/// The key of a request that asks for a websocket (RFC 6455, section 4.2.1).
fn websocket_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name, word: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(','))
            .any(|one| one.trim().eq_ignore_ascii_case(word))
    };
    let wanted = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| wanted).cloned()
}
