//! A mail server on loopback (RFC 5321, RFC 3207, RFC 4954) that does as it is
//! told, remembers the mails that came, and every byte that it heard.

use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use crate::{
    receivers::{Inner, Order, Receiver, listen},
    tls::Tapped,
};

/// A mail that came.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// User and password, where somebody signed in.
    pub(crate) login: Option<(String, String)>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) data: String,
    /// It came over TLS.
    pub(crate) encrypted: bool,
}

impl Mail {
    pub(crate) fn header(&self, name: &str) -> String {
        let head = self.data.split("\r\n\r\n").next().unwrap();
        let line = head.lines().find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {head}"))[name.len() + 2..].to_owned()
    }
}

/// How a mail server encrypts.
#[derive(Clone)]
pub(crate) enum Speaks {
    /// Not at all. A sign-in is offered all the same.
    Plain,
    /// It offers STARTTLS, and then can't.
    StartTlsInVain,
    StartTls(Arc<ServerConfig>),
    /// STARTTLS, and somebody on the way adds answers of their own before TLS begins.
    StartTlsTamperedWith(Arc<ServerConfig>),
    /// From the first byte.
    Tls(Arc<ServerConfig>),
}

/// A mail server that takes one password from anybody.
pub(crate) struct MailServer {
    receiver: Receiver<Mail>,
    speaks: Arc<Mutex<Speaks>>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl std::ops::Deref for MailServer {
    type Target = Receiver<Mail>;

    fn deref(&self) -> &Receiver<Mail> {
        &self.receiver
    }
}

impl MailServer {
    /// From the next connection on.
    pub(crate) fn now_speaks(&self, speaks: Speaks) {
        *self.speaks.lock().unwrap() = speaks;
    }

    /// Every byte that came over the network since the last time, as it came.
    pub(crate) fn heard(&self) -> Vec<u8> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

/// A mail server that takes `password` and encrypts nothing.
pub(crate) async fn mails(password: &'static str) -> MailServer {
    mails_that(Speaks::Plain, password).await
}

pub(crate) async fn mails_that(speaks: Speaks, password: &'static str) -> MailServer {
    let (listener, receiver) = listen().await;
    let inner = receiver.inner.clone();
    let server = MailServer { receiver, speaks: Arc::new(Mutex::new(speaks)), heard: Arc::default() };
    let (speaks, heard) = (server.speaks.clone(), server.heard.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = Tapped::new(stream, heard.clone());
            let talk = Talk { inner: inner.clone(), speaks: speaks.lock().unwrap().clone(), password };
            tokio::spawn(async move { talk.serve(stream).await });
        }
    });
    server
}

enum End {
    Over,
    /// TLS is to begin.
    Encrypt(Arc<ServerConfig>),
}

struct Talk {
    inner: Arc<Inner<Mail>>,
    speaks: Speaks,
    password: &'static str,
}

impl Talk {
    async fn serve(&self, stream: Tapped) -> io::Result<()> {
        if let Speaks::Tls(tls) = &self.speaks {
            let mut s = BufStream::new(TlsAcceptor::from(tls.clone()).accept(stream).await?);
            say(&mut s, "220 test ESMTP").await?;
            return self.session(&mut s, true).await.map(|_| ());
        }
        let mut s = BufStream::new(stream);
        say(&mut s, "220 test ESMTP").await?;
        if let End::Encrypt(tls) = self.session(&mut s, false).await? {
            let tls = TlsAcceptor::from(tls).accept(s.into_inner()).await?;
            self.session(&mut BufStream::new(tls), true).await?;
        }
        Ok(())
    }

    async fn session<S>(&self, s: &mut BufStream<S>, encrypted: bool) -> io::Result<End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut login, mut from, mut to) = (None, String::new(), Vec::new());
        loop {
            let line = read(s).await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" if !encrypted && !matches!(self.speaks, Speaks::Plain) => {
                    say(s, "250-test\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?;
                }
                "EHLO" => say(s, "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN").await?,
                "STARTTLS" => match &self.speaks {
                    Speaks::StartTls(tls) if !encrypted => {
                        say(s, "220 go on").await?;
                        return Ok(End::Encrypt(tls.clone()));
                    }
                    Speaks::StartTlsTamperedWith(tls) if !encrypted => {
                        say(s, "220 go on\r\n250-test\r\n250 AUTH PLAIN").await?;
                        return Ok(End::Encrypt(tls.clone()));
                    }
                    _ => say(s, "454 canary of the server").await?,
                },
                "AUTH" => {
                    let plain = STANDARD.decode(line.rsplit(' ').next().unwrap()).unwrap();
                    let parts: Vec<_> =
                        plain.split(|b| *b == 0).map(|p| String::from_utf8(p.to_vec()).unwrap()).collect();
                    if parts[2] == self.password {
                        login = Some((parts[1].clone(), parts[2].clone()));
                        say(s, "235 in").await?;
                    } else {
                        say(s, "535 canary of the server").await?;
                    }
                }
                "MAIL" => {
                    from = angled(&line);
                    say(s, "250 so").await?;
                }
                "RCPT" => {
                    to.push(angled(&line));
                    say(s, "250 so").await?;
                }
                "DATA" => {
                    say(s, "354 go on").await?;
                    let data = data(s).await?;
                    let (login, from, to) = (login.clone(), from.clone(), std::mem::take(&mut to));
                    match self.inner.take(Mail { login, from, to, data, encrypted }) {
                        None => say(s, "250 taken").await?,
                        Some(Order::Say(code)) => say(s, &format!("{code} canary of the server")).await?,
                        Some(_) => std::future::pending().await,
                    }
                }
                "QUIT" => {
                    say(s, "221 bye").await?;
                    return Ok(End::Over);
                }
                "" => return Ok(End::Over),
                _ => say(s, "502 unknown").await?,
            }
        }
    }
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(s: &mut BufStream<S>) -> io::Result<String> {
    let mut line = String::new();
    s.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

async fn data<S: AsyncRead + AsyncWrite + Unpin>(s: &mut BufStream<S>) -> io::Result<String> {
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

async fn say<S: AsyncRead + AsyncWrite + Unpin>(s: &mut BufStream<S>, text: &str) -> io::Result<()> {
    s.write_all(format!("{text}\r\n").as_bytes()).await?;
    s.flush().await
}

fn angled(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
