//! Answers that are not Qlik's, and networks that keep websockets from the engine.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::{Method, Response, StatusCode};
use sandbox::{Effect, EngineFault, Fault, Gateway, NewApp, NoWebsocket};
use serde_json::{Value, json};

use crate::control::{control, post};
use crate::engine::{handshake, read, socket};
use crate::support::{Acme, HOST, acme, client, code, parts};

const KEYS: &str = "/api/v1/api-keys";

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn create(acme: &Acme, http1: bool) -> Response {
    let new = json!({"description": "d", "expiry": "PT1H"});
    let request = client(&acme.sandbox, http1).post(format!("https://{HOST}{KEYS}"));
    request.bearer_auth(&acme.ada_key.1).json(&new).send().await.unwrap()
}

#[tokio::test]
async fn what_stands_between_answers_in_its_own_way_and_nothing_takes_place() {
    let acme = acme().await;
    for (gateway, status, server, kind, shows) in [
        (Gateway::LoadBalancer { status: 401 }, 401, "awselb/2.0", "text/html", "401 Authorization Required"),
        (Gateway::LoadBalancer { status: 503 }, 503, "awselb/2.0", "text/html", "Service Temporarily"),
        (Gateway::Nginx { status: 502 }, 502, "nginx", "text/html", "<center>nginx</center>"),
        (Gateway::Nginx { status: 504 }, 504, "nginx", "text/html", "504 Gateway Time-out"),
        (Gateway::Proxy { status: 407 }, 407, "squid/6.10", "text/html", "proxy.corp.example"),
        (Gateway::Mesh { status: 503 }, 503, "envoy", "text/plain", "upstream connect error"),
        (Gateway::LoginPage, 200, "BigIP", "text/html", "<form method=\"post\""),
        (Gateway::LoginRedirect, 302, "BigIP", "text/html", "sso.corp.example"),
        (Gateway::CaptivePortal, 511, "", "text/html", "local network"),
        (Gateway::PlainJson { status: 403 }, 403, "", "application/json", r#"{"message":"Forbidden"}"#),
        (Gateway::Empty { status: 401 }, 401, "", "", ""),
    ] {
        acme.world.clear_faults();
        acme.world.add_fault(Fault::new(KEYS, gateway.clone().into()).on("POST"));
        for http1 in [false, true] {
            let answer = create(&acme, http1).await;
            assert_eq!(answer.status().as_u16(), status, "{gateway:?}");
            assert_eq!(
                (header(&answer, "server"), header(&answer, "content-type")),
                (server, kind),
                "{gateway:?}"
            );
            let text = answer.text().await.unwrap();
            assert!(text.contains(shows), "{gateway:?}: {text}");
            let errors = serde_json::from_str::<Value>(&text).is_ok_and(|body| body["errors"].is_array());
            assert!(!errors && !text.contains("traceId"), "{gateway:?} is not Qlik's");
        }
        assert_eq!(acme.ada(Method::GET, KEYS).send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(acme.world.keys(&acme.tenant).len(), 1);
    assert!(acme.world.log().iter().all(|entry| entry.handled == (entry.method == "GET")));
}

#[tokio::test]
async fn proxies_say_who_they_are_and_what_they_want() {
    let acme = acme().await;
    let ask = async |gateway: Gateway| {
        acme.world.clear_faults();
        acme.world.add_fault(Fault::new("/api/", gateway.into()).at(HOST));
        acme.ada(Method::GET, "/api/v1/items?limit=1&sort=name").send().await.unwrap()
    };
    let nginx = ask(Gateway::Nginx { status: 401 }).await;
    assert_eq!(header(&nginx, "via"), "1.1 gateway.corp.example");
    assert!(header(&nginx, "www-authenticate").starts_with("Basic "));
    let proxy = ask(Gateway::Proxy { status: 407 }).await;
    assert!(
        header(&proxy, "via").contains("squid") && header(&proxy, "proxy-authenticate").starts_with("Basic ")
    );
    assert_eq!(header(&proxy, "x-squid-error"), "ERR_CACHE_ACCESS_DENIED 0");
    let away = ask(Gateway::LoginRedirect).await;
    let wanted =
        format!("https://sso.corp.example/adfs/ls/?wa=wsignin1.0&wctx=https://{HOST}/api/v1/items?limit=1");
    assert!(header(&away, "location").starts_with(&wanted), "{}", header(&away, "location"));
    assert!(ask(Gateway::LoginPage).await.text().await.unwrap().contains("limit=1&amp;sort=name"));
    assert!(Gateway::all().len() > 30);
    for gateway in Gateway::all() {
        ask(gateway).await.text().await.unwrap();
    }
}

#[tokio::test]
async fn a_load_balancer_may_give_up_while_qlik_goes_on() {
    let acme = acme().await;
    let late = Effect::GatewayAfter(Gateway::LoadBalancer { status: 504 });
    acme.world.add_fault(Fault::new(KEYS, late).on("POST").once());
    let answer = create(&acme, false).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "server")), (504, "awselb/2.0"));
    assert!(!answer.text().await.unwrap().contains("token"));
    assert_eq!(acme.world.keys(&acme.tenant).len(), 2, "the key is there");
    assert!(acme.world.log()[0].handled);
}

fn path(acme: &Acme) -> String {
    let new = NewApp { name: "Sales".into(), owner: acme.ada.id.clone(), ..NewApp::default() };
    format!("/app/{}", acme.world.add_app(&acme.tenant, new))
}

#[tokio::test]
async fn websockets_are_kept_from_the_engine_and_the_api_is_not() {
    let acme = acme().await;
    let path = path(&acme);
    let knock = || {
        let request = handshake(&acme, &path).bearer_auth(&acme.ada_key.1);
        request.timeout(Duration::from_millis(300)).send()
    };
    for how in NoWebsocket::ALL {
        let fault = acme.world.block_websockets(how);
        let answered = knock().await;
        match how {
            NoWebsocket::Forbidden | NoWebsocket::BadRequest | NoWebsocket::Page => {
                let answer = answered.unwrap();
                let expected = match how {
                    NoWebsocket::Forbidden => (403, "squid/6.10"),
                    NoWebsocket::BadRequest => (400, "nginx"),
                    _ => (200, "squid/6.10"),
                };
                assert_eq!((answer.status().as_u16(), header(&answer, "server")), expected);
                assert!(answer.text().await.unwrap().contains("<html>"));
            }
            NoWebsocket::Stripped => {
                let (status, body) = parts(answered.unwrap()).await;
                assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "HTTP-400"), "Qlik's own answer");
            }
            NoWebsocket::Hang => assert!(answered.unwrap_err().is_timeout()),
            NoWebsocket::Cut => assert!(!answered.unwrap_err().is_timeout()),
            NoWebsocket::Silent => {
                let mut socket = socket(answered.unwrap()).await;
                let heard = tokio::time::timeout(Duration::from_millis(50), socket.next()).await;
                assert!(heard.is_err(), "{heard:?}");
            }
            NoWebsocket::Gone => {
                let mut socket = socket(answered.unwrap()).await;
                assert!(socket.next().await.is_none_or(|message| message.is_err()));
            }
        }
        let items = acme.ada(Method::GET, "/api/v1/items").send().await.unwrap();
        assert_eq!(items.status(), StatusCode::OK, "{how:?}");
        assert!(acme.world.remove_fault(fault));
        assert_eq!(read(&mut socket(knock().await.unwrap()).await).await["method"], "OnConnected");
    }
}

#[tokio::test]
async fn all_that_is_done_from_outside_too() {
    let acme = acme().await;
    let path = path(&acme);
    let blocked = post(&acme, "/block-websockets", json!({"how": "forbidden"})).await;
    let knock = || handshake(&acme, &path).bearer_auth(&acme.ada_key.1).send();
    assert_eq!(knock().await.unwrap().status(), StatusCode::FORBIDDEN);
    let fault = format!("/faults/{}", blocked["id"]);
    assert_eq!(control(&acme.sandbox, Method::DELETE, &fault, None).await.0, StatusCode::OK);
    assert_eq!(knock().await.unwrap().status(), StatusCode::SWITCHING_PROTOCOLS);
    for (effect, expected) in [
        (
            json!({"gateway": {"load_balancer": {"status": 503}}}),
            Gateway::LoadBalancer { status: 503 }.into(),
        ),
        (json!({"gateway": "login_page"}), Gateway::LoginPage.into()),
        (json!({"gateway_after": "captive_portal"}), Effect::GatewayAfter(Gateway::CaptivePortal)),
        (json!({"gateway": {"plain_json": {"status": 200}}}), Gateway::PlainJson { status: 200 }.into()),
        (
            json!({"elsewhere": {"host": "evil.example", "status": 308}}),
            Effect::elsewhere("evil.example", 308),
        ),
        (json!({"engine": "gone"}), Effect::Engine(EngineFault::Gone)),
        (json!("no_upgrade"), Effect::NoUpgrade),
    ] {
        assert_eq!(serde_json::from_value::<Effect>(effect.clone()).unwrap(), expected);
        post(&acme, "/faults", json!({"path": "/nowhere", "effect": effect})).await;
    }
}
