//! What notices are sent to in these tests: a mail server and a webhook
//! receiver, both real and on loopback, that do as they are told and remember
//! what came.

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
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

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

/// A mail that came.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// User and password, where somebody signed in.
    pub(crate) login: Option<(String, String)>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
}

impl Mail {
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap();
        let line = head.lines().find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))[name.len() + 2..].to_owned()
    }
}

struct Inner<T> {
    orders: Mutex<VecDeque<Order>>,
    got: Mutex<Vec<T>>,
    came: Notify,
}

/// A receiver of `T`, at `port` of this machine.
pub(crate) struct Receiver<T> {
    pub(crate) port: u16,
    inner: Arc<Inner<T>>,
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
    fn take(&self, it: T) -> Option<Order> {
        self.got.lock().unwrap().push(it);
        let order = self.orders.lock().unwrap().pop_front();
        self.came.notify_one();
        order
    }
}

async fn listen<T>() -> (TcpListener, Receiver<T>) {
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

/// A mail server that takes `password` from anybody (RFC 5321, RFC 4954). It
/// offers no STARTTLS.
pub(crate) async fn mails(password: &'static str) -> Receiver<Mail> {
    let (listener, receiver) = listen().await;
    let inner = receiver.inner.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let inner = inner.clone();
            tokio::spawn(async move { smtp(BufStream::new(stream), &inner, password).await });
        }
    });
    receiver
}

async fn smtp(mut s: BufStream<TcpStream>, inner: &Inner<Mail>, password: &str) -> std::io::Result<()> {
    say(&mut s, "220 test ESMTP").await?;
    let (mut login, mut from, mut to) = (None, String::new(), Vec::new());
    loop {
        let line = read(&mut s).await?;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say(&mut s, "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
            "AUTH" => {
                let plain = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
                let parts: Vec<_> =
                    plain.split(|b| *b == 0).map(|p| String::from_utf8(p.to_vec()).unwrap()).collect();
                if parts[2] == password {
                    login = Some((parts[1].clone(), parts[2].clone()));
                    say(&mut s, "235 in").await?;
                } else {
                    say(&mut s, "535 canary of the server").await?;
                }
            }
            "MAIL" => {
                from = angled(&line);
                say(&mut s, "250 so").await?;
            }
            "RCPT" => {
                to.push(angled(&line));
                say(&mut s, "250 so").await?;
            }
            "DATA" => {
                say(&mut s, "354 go on").await?;
                let data = data(&mut s).await?;
                let mail =
                    Mail { login: login.clone(), from: from.clone(), to: std::mem::take(&mut to), data };
                match inner.take(mail) {
                    None => say(&mut s, "250 taken").await?,
                    Some(Order::Say(code)) => say(&mut s, &format!("{code} canary of the server")).await?,
                    Some(_) => std::future::pending().await,
                }
            }
            "QUIT" => return say(&mut s, "221 bye").await,
            "" => return Ok(()),
            _ => say(&mut s, "502 unknown").await?,
        }
    }
}

async fn read(s: &mut BufStream<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    s.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

async fn data(s: &mut BufStream<TcpStream>) -> std::io::Result<String> {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        s.read_line(&mut line).await?;
        if line == ".\r\n" || line.is_empty() {
            return Ok(all);
        }
        all.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

async fn say(s: &mut BufStream<TcpStream>, text: &str) -> std::io::Result<()> {
    s.write_all(format!("{text}\r\n").as_bytes()).await?;
    s.flush().await
}

fn angled(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
