//! The engine behind a websocket, as far as a client needs it to know that it is
//! there: a greeting, its version, and an app that opens
//! (<https://qlik.dev/apis/json-rpc/>).
//!
//! It must not know how a websocket is opened: that is the route's matter.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use url::form_urlencoded;

use crate::auth::{self, Caller, Credential};
use crate::envelope::Refusal;
use crate::faults::EngineFault;
use crate::ids;
use crate::world::{App, State, WorldHandle};

/// Paths of the engine begin so.
pub(crate) const PREFIX: &str = "/app/";
/// What the engine says its version is.
const VERSION: &str = "12.2655.0";
/// The handle of the engine itself, and that of the one app which it may open.
const GLOBAL: i64 = -1;
const DOC: i64 = 1;
/// How long a client may take to answer a close.
const GOODBYE: Duration = Duration::from_secs(2);

/// A cookie session needs its CSRF token, as header or in the query, and a
/// browser's origin must be one of the web integration's. An API key needs neither
/// (<https://qlik.dev/apis/json-rpc/> and `@qlik/api`). What is sent both ways must
/// be the same both ways.
///
/// No source tells the answer to an origin that is not listed; 403, as the session
/// itself is good.
pub(crate) fn check_browser<B>(
    state: &State,
    tenant: &str,
    caller: &Caller,
    request: &Request<B>,
) -> Result<(), Refusal> {
    let Credential::Session(sid) = &caller.credential else { return Ok(()) };
    let query = request.uri().query().unwrap_or_default();
    let csrf = both_ways(request.headers(), query, "qlik-csrf-token").map_err(|()| auth::csrf_refusal())?;
    let right = state.sessions.get(sid).map(|session| session.csrf.as_str());
    if csrf.is_none() || csrf.as_deref() != right {
        return Err(auth::csrf_refusal());
    }
    let forbidden = |title: &str| Refusal::new(StatusCode::FORBIDDEN, "HTTP-403", title);
    let unknown = || forbidden("Unknown web integration");
    let id = both_ways(request.headers(), query, "qlik-web-integration-id").map_err(|()| unknown())?;
    let integration = match &id {
        Some(id) => Some(state.integration_of(tenant, id).ok_or_else(unknown)?),
        None => None,
    };
    let origin = request.headers().get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default());
    match (origin, integration) {
        (None, _) => Ok(()),
        (Some(origin), Some(integration)) if integration.allows(origin) => Ok(()),
        (Some(_), _) => Err(forbidden("origin not included in web integration whitelist")),
    }
}

/// The bearer of `?accessToken=`, a token exchanged for websockets; a browser can't
/// send headers with one (`@qlik/api`).
pub(crate) fn by_access_token<B>(state: &State, tenant: &str, request: &Request<B>) -> Option<Caller> {
    let query = request.uri().query().unwrap_or_default();
    let token = form_urlencoded::parse(query.as_bytes())
        .find_map(|(key, value)| (key == "accessToken").then(|| value.into_owned()))?;
    auth::by_token(state, tenant, &token, Some("websocket"))
}

/// A value that may come as header, in the query, or both; an error where the two
/// differ.
fn both_ways(headers: &HeaderMap, query: &str, name: &str) -> Result<Option<String>, ()> {
    let in_header = headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let in_query = form_urlencoded::parse(query.as_bytes())
        .find_map(|(key, value)| (key == name).then(|| value.into_owned()));
    if in_header.is_some() && in_query.is_some() && in_header != in_query {
        return Err(());
    }
    Ok(in_header.or(in_query))
}

/// The app that a websocket is for, or the code that it is closed with. Codes:
/// <https://qlik.dev/apis/json-rpc/>. A Tenant Admin is shown apps that he may not
/// open, <https://github.com/qlik-oss/enigma.js/issues/856>.
pub(crate) fn admit(state: &State, tenant: &str, user: &str, app: &str) -> Result<App, u16> {
    match state.apps.iter().find(|a| a.id == app && a.tenant == tenant) {
        None => Err(4204),
        Some(app) if state.sees_app(user, false, app) => Ok(app.clone()),
        Some(_) => Err(4203),
    }
}

/// One websocket, to its end.
pub(crate) async fn converse<IO>(
    mut socket: WebSocketStream<IO>,
    admitted: Result<App, u16>,
    fault: Option<EngineFault>,
    world: WorldHandle,
    number: u64,
) where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let app = match admitted {
        Ok(app) => app,
        Err(code) => return close(socket, code, None).await,
    };
    let greeting = match &fault {
        Some(EngineFault::Close { code, reason }) => return close(socket, *code, reason.clone()).await,
        Some(EngineFault::Silent) => return std::future::pending().await,
        Some(EngineFault::Gone) => return,
        Some(EngineFault::Malformed) => r#"{"jsonrpc":"2.0","method":"OnConn"#.to_owned(),
        Some(EngineFault::TooLong { bytes }) => " ".repeat(*bytes),
        Some(EngineFault::Greet { state }) => connected(state),
        _ => connected("SESSION_CREATED"),
    };
    if socket.send(Message::text(greeting)).await.is_err() {
        return;
    }
    let mut is_open = false;
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Text(text) => {
                let asked: Value = serde_json::from_str(&text).unwrap_or_default();
                let method = asked["method"].as_str().unwrap_or_default().to_owned();
                world.lock().log.amend(number, |entry| entry.asked.push(method));
                let answer = match &fault {
                    Some(EngineFault::Cut) => return,
                    Some(EngineFault::Refuse { code, message }) => Err((*code, message.as_str())),
                    _ => answer(&app, &mut is_open, &asked),
                };
                let reply = match answer {
                    Ok(result) => json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }),
                    Err((code, message)) => json!({
                        "jsonrpc": "2.0", "id": asked["id"],
                        "error": { "code": code, "parameter": "", "message": message },
                    }),
                };
                if socket.send(Message::text(reply.to_string())).await.is_err() {
                    return;
                }
            }
            // The reply to it leaves with the next turn, after it is noted.
            Message::Close(frame) => {
                let code = frame.map_or(1005, |frame| u16::from(frame.code));
                world.lock().log.amend(number, |entry| entry.closed = Some(code));
            }
            _ => {}
        }
    }
}

fn connected(state: &str) -> String {
    json!({ "jsonrpc": "2.0", "method": "OnConnected", "params": { "qSessionState": state } }).to_string()
}

type Reply = Result<Value, (i32, &'static str)>;

/// The numbers are those of `LocalizedErrorCode` in `@qlik/api`; which of them says
/// that no app is open yet is not told there.
fn answer(app: &App, is_open: &mut bool, asked: &Value) -> Reply {
    let (Some(method), Some(handle)) = (asked["method"].as_str(), asked["handle"].as_i64()) else {
        return Err((-32_600, "Invalid request"));
    };
    if asked["jsonrpc"] != "2.0" || asked["id"].is_null() {
        return Err((-32_600, "Invalid request"));
    }
    let doc = || json!({ "qReturn": { "qType": "Doc", "qHandle": DOC, "qGenericId": app.id } });
    match (handle, method) {
        (GLOBAL, "EngineVersion") => Ok(json!({ "qVersion": { "qComponentVersion": VERSION } })),
        (GLOBAL, "OpenDoc") => {
            let params = &asked["params"];
            let named = params.get(0).or_else(|| params.get("qDocName"));
            if named.and_then(Value::as_str) != Some(app.id.as_str()) {
                return Err((1003, "App not found"));
            }
            if std::mem::replace(is_open, true) {
                return Err((1002, "App already open"));
            }
            Ok(doc())
        }
        (GLOBAL, "GetActiveDoc") if *is_open => Ok(doc()),
        (GLOBAL, "GetActiveDoc") => Err((7, "No app is open")),
        (DOC, "GetAppLayout") if *is_open => {
            Ok(json!({ "qLayout": { "qTitle": app.name, "qFileName": app.id, "qMeta": {} } }))
        }
        (GLOBAL, _) => Err((-32_601, "Method not found")),
        (DOC, _) if *is_open => Err((-32_601, "Method not found")),
        _ => Err((-32_602, "Invalid handle")),
    }
}

/// The code within the reason of a close. The only one that is published is QEP-104
/// (<https://qlik.dev/apis/json-rpc/>); QEP-103 was seen with 4203.
fn reason_code(close: u16) -> &'static str {
    if close == 4203 { "QEP-103" } else { "QEP-104" }
}

/// The reason is JSON with a code and a trace id.
async fn close<IO>(mut socket: WebSocketStream<IO>, code: u16, reason: Option<String>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let reason = reason
        .unwrap_or_else(|| json!({ "code": reason_code(code), "traceId": ids::trace_id() }).to_string());
    let frame = CloseFrame { code: code.into(), reason: reason.into() };
    if socket.close(Some(frame)).await.is_ok() {
        // Left at once, the connection could go before the client has read why.
        let drained = async { while let Some(Ok(_)) = socket.next().await {} };
        let _ = tokio::time::timeout(GOODBYE, drained).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_both_ways_must_be_the_same() {
        let mut headers = HeaderMap::new();
        let read = |headers: &HeaderMap, query| both_ways(headers, query, "qlik-csrf-token");
        assert_eq!(read(&headers, "a=b"), Ok(None));
        assert_eq!(read(&headers, "qlik-csrf-token=x%2F"), Ok(Some("x/".into())));
        headers.insert("qlik-csrf-token", http::HeaderValue::from_static("x/"));
        assert_eq!(read(&headers, ""), Ok(Some("x/".into())));
        assert_eq!(read(&headers, "qlik-csrf-token=x%2F"), Ok(Some("x/".into())));
        assert_eq!(read(&headers, "qlik-csrf-token=y"), Err(()));
    }
}
