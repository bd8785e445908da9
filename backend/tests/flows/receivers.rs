//! What notices are sent to in these tests: a webhook receiver, real and on
//! loopback, that does as it is told and remembers what came; and what it has in
//! common with the mail server.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::any,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{net::TcpListener, sync::Notify};
use tokio_rustls::rustls::ServerConfig;

use crate::tls::TlsListener;

/// What the next request gets; without an order it is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// This status, or this reply to the mail's end.
    Say(u16),
    /// It is read and never answered.
    Hang,
    /// It is sent to another address of the receiver.
    Redirect,
}

/// A webhook that came.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) timestamp: i64,
    pub(crate) signature: String,
    pub(crate) body: String,
}

impl Hook {
    /// As a receiver would check it with the secret that the page showed.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let tag = STANDARD.decode(self.signature.strip_prefix("v1,").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.body);
        verify(&Key::new(HMAC_SHA256, &key), signed.as_bytes(), &tag).is_ok()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }
}

pub(crate) struct Inner<T> {
    orders: Mutex<VecDeque<Order>>,
    got: Mutex<Vec<T>>,
    came: Notify,
}

/// A receiver of `T`, at `port` of this machine.
pub(crate) struct Receiver<T> {
    pub(crate) port: u16,
    pub(crate) inner: Arc<Inner<T>>,
}

impl<T: Clone> Receiver<T> {
    /// What the next ones get, in order.
    pub(crate) fn orders(&self, orders: impl IntoIterator<Item = Order>) {
        self.inner.orders.lock().unwrap().extend(orders);
    }

    /// Everything that came.
    pub(crate) fn got(&self) -> Vec<T> {
        self.inner.got.lock().unwrap().clone()
    }

    /// Completes when the next one has come, answered or not.
    pub(crate) async fn came(&self) {
        self.inner.came.notified().await;
    }
}

impl<T> Inner<T> {
    pub(crate) fn take(&self, it: T) -> Option<Order> {
        self.got.lock().unwrap().push(it);
        let order = self.orders.lock().unwrap().pop_front();
        self.came.notify_one();
        order
    }
}

pub(crate) async fn listen<T>() -> (TcpListener, Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let inner = Inner { orders: Mutex::default(), got: Mutex::default(), came: Notify::new() };
    (listener, Receiver { port, inner: Arc::new(inner) })
}

/// A webhook receiver.
pub(crate) async fn hooks() -> Receiver<Hook> {
    let (listener, receiver) = listen().await;
    let app = Router::new().fallback(any(hook)).with_state(receiver.inner.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    receiver
}

/// A webhook receiver that speaks HTTPS.
pub(crate) async fn hooks_over(tls: Arc<ServerConfig>) -> Receiver<Hook> {
    let (listener, receiver) = listen().await;
    let app = Router::new().fallback(any(hook)).with_state(receiver.inner.clone());
    let listener = TlsListener { listener, acceptor: tls.into() };
    tokio::spawn(async move { axum::serve(listener, app).await });
    receiver
}

async fn hook(
    State(inner): State<Arc<Inner<Hook>>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let order = inner.take(Hook {
        path: uri.path().to_owned(),
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp").parse().unwrap(),
        signature: text("webhook-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    match order {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(Order::Say(status)) => {
            (StatusCode::from_u16(status).unwrap(), "canary of the receiver").into_response()
        }
        Some(Order::Redirect) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/elsewhere")]).into_response(),
        Some(Order::Hang) => std::future::pending().await,
    }
}
