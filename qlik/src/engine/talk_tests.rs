use tokio::io::{AsyncWriteExt as _, DuplexStream};

use super::*;

const GREETING: &str =
    r#"{"jsonrpc":"2.0","method":"OnConnected","params":{"qSessionState":"SESSION_ATTACHED"}}"#;

fn answer(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,{result}}}"#)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// The outcome where the engine sends these messages, one by one, as they are.
async fn told(messages: &[Message]) -> Result<EngineInfo, Error> {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let mut engine = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    let speak = async {
        for message in messages {
            // The client may have had enough by then.
            if engine.send(message.clone()).await.is_err() {
                break;
            }
        }
        while let Some(Ok(_)) = engine.next().await {}
    };
    let (outcome, ()) = tokio::join!(about_version(ours, usize::MAX, soon()), speak);
    outcome
}

/// The outcome where the engine greets, then sends this.
async fn told_after_greeting(message: impl Into<Utf8Bytes>) -> Result<EngineInfo, Error> {
    told(&[Message::text(GREETING), Message::Text(message.into())]).await
}

#[tokio::test]
async fn the_version_is_read_among_the_engines_own_notices() {
    let notice = Message::text(r#"{"jsonrpc":"2.0","method":"OnBusy","params":{}}"#);
    let version = Message::text(answer(r#""result":{"qVersion":{"qComponentVersion":"12.1.0"}}"#));
    let ping = Message::Ping(vec![1].into());
    let greeting = Message::text(GREETING);
    let info = told(&[notice.clone(), greeting, ping, notice, version]).await.unwrap();
    assert_eq!(info, EngineInfo { session_state: SessionState::Attached, version: "12.1.0".into() });
}

#[tokio::test]
async fn a_version_as_plain_text_and_an_unknown_session_state_are_taken_as_they_are() {
    let odd = r#"{"method":"OnConnected","params":{"qSessionState":"SESSION_X"}}"#;
    let version = answer(r#""result":{"qVersion":"12.2"}"#);
    let info = told(&[Message::text(odd), Message::text(version)]).await.unwrap();
    assert_eq!((info.session_state.as_str(), info.version.as_str()), ("SESSION_X", "12.2"));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_told_without_being_quoted() {
    for bad in [
        "",
        "{",
        "[]",
        "hunter2",
        &answer(r#""result":{"secret":"hunter2"}"#),
        &answer(r#""result":{"qVersion":{}}"#),
        &answer(r#""result":{"qVersion":""}"#),
        &answer(r#""result":null"#),
    ] {
        let error = told_after_greeting(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadBody, "{bad}");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(!format!("{error} {error:?} {source}").contains("hunter2"));
    }
    let error = told(&[Message::Binary(vec![0].into())]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadBody);
}

#[tokio::test]
async fn an_error_of_the_engine_keeps_its_number_and_text() {
    for (code, kind) in [
        (5, ErrorKind::Forbidden),
        (10, ErrorKind::Unavailable),
        (-32603, ErrorKind::Unavailable),
        (-32601, ErrorKind::BadRequest),
    ] {
        let body = format!(r#""error":{{"code":{code},"parameter":"p","message":"No way"}}"#);
        let error = told_after_greeting(answer(&body)).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code.to_string().as_str())));
        assert_eq!((error.title(), error.detail()), (Some("No way"), Some("p")));
    }
}

#[tokio::test]
async fn a_greeting_that_is_a_failure_is_an_error_with_the_state_as_its_code() {
    for (state, kind) in [
        ("SESSION_ERROR_NO_LICENSE", ErrorKind::Forbidden),
        ("SESSION_ERROR_APP_ACCESS_DENIED", ErrorKind::Forbidden),
        ("SESSION_ERROR_LIMIT_EXCEEDED", ErrorKind::RateLimited),
        ("SESSION_ERROR_APP_FAILURE", ErrorKind::Unavailable),
        ("SESSION_ACCESS_CONTROL_SETUP_FAILURE", ErrorKind::Unavailable),
    ] {
        let greeting = GREETING.replace("SESSION_ATTACHED", state);
        let error = told(&[Message::text(greeting)]).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(state)));
    }
}

#[tokio::test]
async fn an_engine_that_never_comes_to_the_point_is_not_listened_to_for_ever() {
    let notices = vec![Message::text("{}"); MAX_MESSAGES + 1];
    assert_eq!(told(&notices).await.unwrap_err().kind(), ErrorKind::BadBody);
}

#[tokio::test]
async fn messages_are_bounded_whole_and_in_parts() {
    let long = "x".repeat(MAX_MESSAGE + 1);
    let error = told(&[Message::text(long)]).await.unwrap_err();
    assert_eq!((error.kind(), error.title()), (ErrorKind::BadBody, Some("the answer is too large")));

    // Text that is announced to go on, then parts that go on without end.
    let part = |opcode: u8| [&[opcode, 126, 0x40, 0x00][..], &[b' '; 0x4000]].concat();
    let parts = [part(0x01), part(0x00), part(0x00), part(0x00), part(0x00)].concat();
    let error = raw(&parts).await.unwrap_err();
    assert_eq!((error.kind(), error.title()), (ErrorKind::BadBody, Some("the answer is too large")));
}

/// The outcome where the engine sends these bytes and goes.
async fn raw(bytes: &[u8]) -> Result<EngineInfo, Error> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    theirs.write_all(bytes).await.unwrap();
    drop(theirs);
    about_version(ours, usize::MAX, soon()).await
}

#[tokio::test]
async fn what_breaks_the_rules_of_websockets_is_told_apart_from_a_lost_connection() {
    for bad in [&[0x83, 0x00][..], &[0x81, 0x81, 0, 0, 0, 0, b'x'], &[0x81, 0x01, 0xff]] {
        assert_eq!(raw(bad).await.unwrap_err().kind(), ErrorKind::BadBody, "{bad:?}");
    }
    for cut in [&b""[..], &[0x81], &[0x81, 0x05, b'{']] {
        assert_eq!(raw(cut).await.unwrap_err().kind(), ErrorKind::ConnectionLost, "{cut:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_says_nothing_is_a_timeout_and_one_without_manners_is_not() {
    let (ours, _theirs): (DuplexStream, _) = tokio::io::duplex(1024);
    let error = about_version(ours, usize::MAX, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);

    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let mut engine = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
    engine.send(Message::text(GREETING)).await.unwrap();
    engine.send(Message::text(answer(r#""result":{"qVersion":"12.2"}"#))).await.unwrap();
    // The close is never read, let alone answered.
    let before = Instant::now();
    assert_eq!(about_version(ours, usize::MAX, soon()).await.unwrap().version, "12.2");
    assert_eq!(before.elapsed(), GOODBYE);
}
