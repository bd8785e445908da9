//! The engine's websocket: who gets in, what it says, and how it goes wrong.

use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Upgraded};
use sandbox::{AuthKind, Effect, EngineFault, Fault, NewApp, NewUser};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role};

use crate::support::{Acme, HOST, ORIGIN, Portal, acme, claims, client, code, cookie, parts, portal};

pub(crate) fn handshake(acme: &Acme, path: &str) -> RequestBuilder {
    client(&acme.sandbox, true)
        .get(format!("https://{HOST}{path}"))
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

pub(crate) async fn socket(response: Response) -> WebSocketStream<Upgraded> {
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    // The pair of RFC 6455, section 1.3.
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let io = response.upgrade().await.unwrap();
    WebSocketStream::from_raw_socket(io, Role::Client, None).await
}

pub(crate) async fn read(socket: &mut WebSocketStream<Upgraded>) -> Value {
    let message = socket.next().await.unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

pub(crate) async fn closed(socket: &mut WebSocketStream<Upgraded>) -> CloseFrame {
    match socket.next().await {
        Some(Ok(Message::Close(Some(frame)))) => frame,
        other => panic!("{other:?} is no close"),
    }
}

async fn ask(socket: &mut WebSocketStream<Upgraded>, handle: i64, method: &str, params: Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": 7, "handle": handle, "method": method, "params": params });
    socket.send(Message::text(request.to_string())).await.unwrap();
    let answer = read(socket).await;
    assert_eq!(answer["id"], 7);
    answer
}

fn app(acme: &Acme, owner: impl AsRef<str>) -> String {
    let new = NewApp { name: "Sales".into(), owner: owner.as_ref().to_owned(), ..NewApp::default() };
    acme.world.add_app(&acme.tenant, new)
}

#[tokio::test]
async fn a_key_opens_its_owners_app_and_the_log_tells_what_was_asked() {
    let acme = acme().await;
    let id = app(&acme, &acme.ada);
    let request = handshake(&acme, &format!("/app/{id}/identity/x/ttl/0")).bearer_auth(&acme.ada_key.1);
    let mut socket = socket(request.send().await.unwrap()).await;
    let greeting = read(&mut socket).await;
    assert_eq!(greeting["method"], "OnConnected");
    assert_eq!(greeting["params"]["qSessionState"], "SESSION_CREATED");
    let version = ask(&mut socket, -1, "EngineVersion", json!([])).await;
    assert!(version["result"]["qVersion"]["qComponentVersion"].is_string(), "{version}");
    assert!(ask(&mut socket, -1, "GetActiveDoc", json!([])).await["error"]["code"].is_i64());
    assert!(ask(&mut socket, -1, "OpenDoc", json!(["other"])).await["error"]["code"].is_i64());
    assert_eq!(ask(&mut socket, 1, "GetAppLayout", json!([])).await["error"]["code"], -32602);
    let opened = ask(&mut socket, -1, "OpenDoc", json!([id, "", "", "", false])).await;
    assert_eq!(opened["result"]["qReturn"], json!({ "qType": "Doc", "qHandle": 1, "qGenericId": id }));
    assert_eq!(ask(&mut socket, -1, "GetActiveDoc", json!([])).await["result"], opened["result"]);
    assert_eq!(ask(&mut socket, -1, "OpenDoc", json!({ "qDocName": id })).await["error"]["code"], 1002);
    assert_eq!(ask(&mut socket, 1, "GetAppLayout", json!([])).await["result"]["qLayout"]["qTitle"], "Sales");
    assert_eq!(ask(&mut socket, -1, "CreateSheet", json!([])).await["error"]["code"], -32601);
    socket.send(Message::text("{")).await.unwrap();
    assert_eq!(read(&mut socket).await["error"]["code"], -32600);
    socket.close(Some(CloseFrame { code: 1000.into(), reason: "".into() })).await.unwrap();
    assert_eq!(u16::from(closed(&mut socket).await.code), 1000);
    let entry = acme.world.log().pop().unwrap();
    assert_eq!((entry.status, entry.auth, entry.handled), (Some(101), AuthKind::Bearer, true));
    assert_eq!((entry.user, entry.key), (Some(acme.ada.id.clone()), Some(acme.ada_key.0.clone())));
    assert_eq!((entry.asked.len(), entry.asked[0].as_str()), (10, "EngineVersion"));
    assert_eq!(entry.closed, Some(1000));
}

#[tokio::test]
async fn an_app_that_is_not_there_or_not_the_users_is_closed_with_its_own_code() {
    let acme = acme().await;
    let bea = acme.world.add_user(&acme.tenant, NewUser::new("bea@acme.example"));
    for (id, code, told) in [("nothing".to_owned(), 4204, "QEP-104"), (app(&acme, &bea), 4203, "QEP-103")] {
        let request = handshake(&acme, &format!("/app/{id}")).bearer_auth(&acme.ada_key.1);
        let frame = closed(&mut socket(request.send().await.unwrap()).await).await;
        assert_eq!(u16::from(frame.code), code, "even of an administrator, who is shown it");
        let reason: Value = serde_json::from_str(&frame.reason).unwrap();
        assert_eq!(reason["code"], told);
        assert_eq!(reason["traceId"].as_str().unwrap().len(), 32);
    }
}

#[tokio::test]
async fn without_a_good_key_there_is_no_websocket() {
    let acme = acme().await;
    let id = app(&acme, &acme.ada);
    let ask = |key: Option<&str>| {
        let request = handshake(&acme, &format!("/app/{id}"));
        key.map_or(request.try_clone().unwrap(), |key| request.bearer_auth(key))
    };
    for request in [ask(None), ask(Some("nonsense"))] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn what_does_not_ask_for_a_websocket_gets_none() {
    let acme = acme().await;
    let path = format!("/app/{}", app(&acme, &acme.ada));
    let (status, _) = parts(acme.ada(Method::GET, &path).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let odd = handshake(&acme, &format!("{path}/ttl/long")).bearer_auth(&acme.ada_key.1);
    assert_eq!(odd.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

/// Bea's session at Acme, her app, and her CSRF token.
async fn session(portal: &Portal) -> (String, String, String) {
    let bea = portal.acme.world.add_user(&portal.acme.tenant, NewUser::new("bea@acme.example"));
    let id = app(&portal.acme, &bea);
    let jar = portal.cookies(&claims(&bea.subject, &bea.email, "j1")).await;
    let csrf = cookie(&jar, "_csrfToken").to_owned();
    (format!("/app/{id}"), jar, csrf)
}

#[tokio::test]
async fn a_session_needs_its_csrf_token_in_the_header_or_the_query() {
    let portal = portal().await;
    let (path, jar, csrf) = session(&portal).await;
    let open = |query: &str, header: Option<&str>| {
        let request = handshake(&portal.acme, &format!("{path}{query}")).header("cookie", &jar);
        match header {
            Some(csrf) => request.header("qlik-csrf-token", csrf),
            None => request,
        }
    };
    let in_query = format!("?reloadUri=x&qlik-csrf-token={csrf}");
    for good in [open("", Some(&csrf)), open(&in_query, None), open(&in_query, Some(&csrf))] {
        let greeting = read(&mut socket(good.send().await.unwrap()).await).await;
        assert_eq!(greeting["method"], "OnConnected");
    }
    for bad in
        [open("", None), open("", Some("x")), open(&in_query, Some("x")), open("?qlik-csrf-token=", None)]
    {
        let (status, body) = parts(bad.send().await.unwrap()).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "CSRF-TOKEN-2"));
    }
    assert!(portal.acme.world.log().iter().all(|entry| !format!("{entry:?}").contains(&csrf)));
}

#[tokio::test]
async fn an_origin_must_be_one_of_the_web_integrations() {
    let portal = portal().await;
    let (path, jar, csrf) = session(&portal).await;
    let open = |integration: Option<&str>, origin: Option<&str>| {
        let query = integration.map(|id| format!("?qlik-web-integration-id={id}")).unwrap_or_default();
        let request = handshake(&portal.acme, &format!("{path}{query}"));
        let request = request.header("cookie", &jar).header("qlik-csrf-token", &csrf);
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
    };
    let ours = Some(portal.integration.as_str());
    for good in [open(ours, Some(ORIGIN)), open(ours, None), open(None, None)] {
        assert_eq!(good.send().await.unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
    }
    for bad in [open(ours, Some("https://stranger.example")), open(None, Some(ORIGIN)), open(Some("x"), None)]
    {
        let (status, body) = parts(bad.send().await.unwrap()).await;
        assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "HTTP-403"));
    }
}

#[tokio::test]
async fn faults_strike_before_the_websocket_opens_or_once_it_is_open() {
    let acme = acme().await;
    let path = format!("/app/{}", app(&acme, &acme.ada));
    let open = async |effect: Effect| {
        acme.world.clear_faults();
        acme.world.add_fault(Fault::new("/app/", effect));
        handshake(&acme, &path).bearer_auth(&acme.ada_key.1).send().await
    };
    let busy = Effect::Status { status: 503, code: "X".into(), title: "Y".into(), body: None };
    assert_eq!(open(busy).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(open(Effect::CutBefore).await.is_err());
    assert!(open(Effect::CutAfter).await.is_err());
    let mut late = socket(open(Effect::Delay { ms: 1 }).await.unwrap()).await;
    assert_eq!(read(&mut late).await["method"], "OnConnected");
    let mut whole = socket(open(Effect::Truncated).await.unwrap()).await;
    assert_eq!(read(&mut whole).await["method"], "OnConnected", "a websocket has no body");

    let engine = async |fault| socket(open(Effect::Engine(fault)).await.unwrap()).await;
    let frame = closed(&mut engine(EngineFault::Close { code: 4240, reason: None }).await).await;
    assert_eq!((u16::from(frame.code), frame.reason.contains("QEP-104")), (4240, true));
    let reason = Some("plain".to_owned());
    let frame = closed(&mut engine(EngineFault::Close { code: 4205, reason }).await).await;
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4205, "plain"));
    let mut broken = engine(EngineFault::Malformed).await;
    let greeting = broken.next().await.unwrap().unwrap();
    assert!(serde_json::from_str::<Value>(greeting.to_text().unwrap()).is_err());
    let mut long = engine(EngineFault::TooLong { bytes: 70_000 }).await;
    assert_eq!(long.next().await.unwrap().unwrap().len(), 70_000);
    let state = "SESSION_ERROR_NO_LICENSE".to_owned();
    let greeting = read(&mut engine(EngineFault::Greet { state }).await).await;
    assert_eq!(greeting["params"]["qSessionState"], "SESSION_ERROR_NO_LICENSE");
    let refuse = EngineFault::Refuse { code: 5, message: "Access denied".into() };
    let mut refused = engine(refuse).await;
    read(&mut refused).await;
    assert_eq!(ask(&mut refused, -1, "EngineVersion", json!([])).await["error"]["code"], 5);
    let mut cut = engine(EngineFault::Cut).await;
    read(&mut cut).await;
    cut.send(Message::text("{}")).await.unwrap();
    assert!(cut.next().await.is_none_or(|message| message.is_err()));
    let mut silent = engine(EngineFault::Silent).await;
    acme.sandbox.shutdown().await;
    assert!(silent.next().await.is_none_or(|message| message.is_err()), "it ends with the sandbox");
}
