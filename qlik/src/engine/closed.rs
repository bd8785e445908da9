//! Why a websocket was closed: 4202 to 4240 as <https://qlik.dev/apis/json-rpc/> has
//! them, the further ones as Qlik's own client has (<https://www.npmjs.com/package/@qlik/api>).

use serde::Deserialize;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::OPEN;
use crate::error::{Envelope, Error, ErrorKind};
use crate::lenient;

/// What Qlik gives as reason, as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reason {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    trace_id: Option<String>,
}

/// The error for a websocket that was closed before the engine had answered.
pub(super) fn closed(frame: Option<CloseFrame>) -> Error {
    let Some(frame) = frame else {
        return Error::new(ErrorKind::ConnectionLost, OPEN).with_title("closed without a reason");
    };
    let code = u16::from(frame.code);
    let (kind, title) = match code {
        4202 => (ErrorKind::BadRequest, "the path of the websocket is malformed"),
        4203 => (ErrorKind::Forbidden, "the user may not open this app"),
        4204 => (ErrorKind::NotFound, "there is no such app"),
        4205 => (ErrorKind::Unavailable, "the engine is busy"),
        4230 => (ErrorKind::RateLimited, "too many apps are open"),
        4240 => (ErrorKind::Unavailable, "there is no engine"),
        4003 => (ErrorKind::Unavailable, "the engine is ending"),
        4200 => (ErrorKind::Unavailable, "the way to the engine has a problem"),
        4206 => (ErrorKind::Unavailable, "Qlik's network has a problem"),
        4210 | 4211 => (ErrorKind::Unavailable, "something that the engine needs has a problem"),
        4220 | 4222 => (ErrorKind::Unavailable, "the engine has a problem"),
        _ => (ErrorKind::ConnectionLost, ""),
    };
    let reason = serde_json::from_str::<Reason>(&frame.reason).ok();
    let title = match &reason {
        None if title.is_empty() => frame.reason.as_str(),
        _ => title,
    };
    let title = (!title.is_empty()).then(|| title.to_owned());
    let (code_text, trace_id) = reason.map_or((None, None), |reason| (reason.code, reason.trace_id));
    let envelope = Envelope { code: code_text, title, detail: None, trace_id };
    Error::new(kind, OPEN).with_close_code(code).with_envelope(envelope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(code: u16, reason: &str) -> Error {
        closed(Some(CloseFrame { code: code.into(), reason: reason.into() }))
    }

    #[test]
    fn each_of_qliks_codes_has_its_kind_and_keeps_code_and_trace() {
        for (code, kind, transient) in [
            (4202, ErrorKind::BadRequest, false),
            (4203, ErrorKind::Forbidden, false),
            (4204, ErrorKind::NotFound, false),
            (4205, ErrorKind::Unavailable, true),
            (4230, ErrorKind::RateLimited, true),
            (4240, ErrorKind::Unavailable, true),
            (4003, ErrorKind::Unavailable, true),
            (4200, ErrorKind::Unavailable, true),
            (4206, ErrorKind::Unavailable, true),
            (4211, ErrorKind::Unavailable, true),
            (4222, ErrorKind::Unavailable, true),
            (1001, ErrorKind::ConnectionLost, true),
            (4999, ErrorKind::ConnectionLost, true),
        ] {
            let error = close(code, r#"{"code":"QEP-104","traceId":"abc"}"#);
            assert_eq!((error.kind(), error.close_code()), (kind, Some(code)));
            assert_eq!((error.code(), error.trace_id()), (Some("QEP-104"), Some("abc")));
            assert_eq!((error.status(), error.is_transient()), (None, transient));
        }
        let shown = close(4240, r#"{"code":"QEP-104","traceId":"abc"}"#).to_string();
        assert!(shown.ends_with("closed with 4240, code QEP-104, trace abc"), "{shown}");
    }

    #[test]
    fn a_reason_in_no_known_form_is_kept_as_text_where_the_code_says_nothing() {
        let error = close(1011, "going\r\naway");
        assert_eq!((error.code(), error.title()), (None, Some("goingaway")));
        for odd in ["", "null", "[", r#"{"code":7}"#] {
            assert_eq!(close(4204, odd).kind(), ErrorKind::NotFound);
        }
        assert_eq!(closed(None).kind(), ErrorKind::ConnectionLost);
    }
}
