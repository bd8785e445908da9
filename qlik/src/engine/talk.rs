//! What is said over the websocket: the engine greets, is asked for its version and
//! answers, in JSON-RPC (<https://qlik.dev/apis/json-rpc/>).
//!
//! This module must not know how the websocket was opened.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use super::closed::closed;
use super::{EngineInfo, OPEN, SessionState};
use crate::answer::JsonFault;
use crate::error::{Envelope, Error, ErrorKind, clean};

/// A greeting and a version are a few hundred bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// So many messages may come before the one that is waited for.
const MAX_MESSAGES: usize = 32;
/// How long the engine may take to say goodbye; the answer is there by then.
const GOODBYE: Duration = Duration::from_secs(1);
/// The engine itself, in contrast to the app.
const GLOBAL: i64 = -1;
const ID: u64 = 1;

/// # Errors
///
/// [`ErrorKind::Timeout`] where it is not done at `deadline`; the error of a close;
/// [`ErrorKind::ConnectionLost`]; [`ErrorKind::BadBody`].
pub(super) async fn about_version<IO>(io: IO, max_body: usize, deadline: Instant) -> Result<EngineInfo, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let max = MAX_MESSAGE.min(max_body);
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_message_size(Some(max))
        .max_frame_size(Some(max));
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await;
    let info = timeout_at(deadline, ask(&mut socket))
        .await
        .map_err(|late| Error::new(ErrorKind::Timeout, OPEN).with_source(late))??;
    // Nothing depends on it but the engine's resources, so it can't fail the call.
    let _ = timeout_at(deadline.min(Instant::now() + GOODBYE), leave(&mut socket)).await;
    Ok(info)
}

async fn ask<IO>(socket: &mut WebSocketStream<IO>) -> Result<EngineInfo, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let session_state = wait_for(socket, |message| {
        (message["method"] == "OnConnected").then(|| {
            let state = message["params"]["qSessionState"].as_str().unwrap_or_default();
            greeted(clean(state))
        })
    })
    .await?;
    let request =
        json!({ "jsonrpc": "2.0", "id": ID, "handle": GLOBAL, "method": "EngineVersion", "params": [] });
    socket.send(Message::text(request.to_string())).await.map_err(broken)?;
    let version = wait_for(socket, |message| (message["id"] == ID).then(|| version(message))).await?;
    Ok(EngineInfo { session_state, version })
}

/// The first message that `pick` takes. Others are the engine's own notices, such
/// as how much work it has.
async fn wait_for<IO, T>(
    socket: &mut WebSocketStream<IO>,
    pick: impl Fn(&Value) -> Option<Result<T, Error>>,
) -> Result<T, Error>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..MAX_MESSAGES {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                if let Some(picked) = pick(&read(&text)?) {
                    return picked;
                }
            }
            Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_) | Message::Frame(_))) => {
                return Err(senseless("the engine sent what is no text"));
            }
            Some(Err(error)) => return Err(broken(error)),
            None => return Err(Error::new(ErrorKind::ConnectionLost, OPEN)),
        }
    }
    Err(senseless("the engine talks of other things"))
}

/// The states are those of the engine's schema in
/// <https://www.npmjs.com/package/@qlik/api>, `SessionState`.
fn greeted(state: String) -> Result<SessionState, Error> {
    let kind = match state.as_str() {
        "SESSION_ERROR_NO_LICENSE"
        | "SESSION_ERROR_LICENSE_RENEW"
        | "SESSION_ERROR_LICENSE_INVALID"
        | "SESSION_ERROR_APP_ACCESS_DENIED" => ErrorKind::Forbidden,
        "SESSION_ERROR_LIMIT_EXCEEDED" => ErrorKind::RateLimited,
        "SESSION_ACCESS_CONTROL_SETUP_FAILURE" => ErrorKind::Unavailable,
        other if other.starts_with("SESSION_ERROR_") => ErrorKind::Unavailable,
        _ => return Ok(SessionState::from(state)),
    };
    Err(Error::new(kind, OPEN).with_envelope(Envelope { code: Some(state), ..Envelope::default() }))
}

fn read(text: &Utf8Bytes) -> Result<Value, Error> {
    let value = serde_json::from_str::<Value>(text)
        .map_err(|e| Error::new(ErrorKind::BadBody, OPEN).with_source(JsonFault::from(e)))?;
    if value.is_object() { Ok(value) } else { Err(senseless("the engine sent what is no JSON-RPC")) }
}

/// `qVersion` is an object (<https://www.npmjs.com/package/@qlik/api>,
/// `NxEngineVersion`); a plain text does as well.
fn version(answer: &Value) -> Result<String, Error> {
    if let Some(error) = answer.get("error") {
        return Err(refusal(error));
    }
    let version = &answer["result"]["qVersion"];
    match version["qComponentVersion"].as_str().or(version.as_str()).map(clean) {
        Some(version) if !version.is_empty() => Ok(version),
        _ => Err(senseless("the engine did not tell its version")),
    }
}

/// The engine's own error: a number with a text and what it is about. The numbers
/// are those of <https://www.npmjs.com/package/@qlik/api>, `LocalizedErrorCode`.
fn refusal(error: &Value) -> Error {
    /// `LOCERR_GENERIC_ACCESS_DENIED`
    const ACCESS_DENIED: i64 = 5;
    /// `LOCERR_INTERNAL_ERROR`, `LOCERR_GENERIC_OUT_OF_MEMORY`,
    /// `LOCERR_GENERIC_INTERNAL_ERROR`, `LOCERR_JSON_RPC_INTERNAL_ERROR`
    const ITS_OWN_PROBLEM: [i64; 4] = [-128, 6, 10, -32_603];
    let code = error["code"].as_i64();
    let kind = match code {
        Some(ACCESS_DENIED) => ErrorKind::Forbidden,
        Some(code) if ITS_OWN_PROBLEM.contains(&code) => ErrorKind::Unavailable,
        _ => ErrorKind::BadRequest,
    };
    let text = |name: &str| error[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Error::new(kind, OPEN).with_envelope(Envelope {
        code: code.map(|code| code.to_string()),
        title: text("message"),
        detail: text("parameter"),
        trace_id: None,
    })
}

fn senseless(title: &str) -> Error {
    Error::new(ErrorKind::BadBody, OPEN).with_title(title)
}

fn broken(error: tungstenite::Error) -> Error {
    use tungstenite::Error as E;
    match error {
        E::Capacity(_) => senseless("the answer is too large").with_source(error),
        E::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Error::new(ErrorKind::ConnectionLost, OPEN).with_source(error)
        }
        E::Protocol(_) => senseless("the engine breaks the rules of websockets").with_source(error),
        E::Utf8(_) | E::AttackAttempt => senseless("the engine breaks the rules of websockets"),
        _ => Error::new(ErrorKind::ConnectionLost, OPEN).with_source(error),
    }
}

/// Says goodbye and waits for the answer.
async fn leave<IO>(socket: &mut WebSocketStream<IO>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
    if socket.close(Some(frame)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

#[cfg(test)]
#[path = "talk_tests.rs"]
mod tests;
