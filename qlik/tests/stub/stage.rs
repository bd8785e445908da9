//! A TLS server that answers as a test says, under any of a few names, and writes
//! down what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use qlik::{Qlik, QlikConfig, Resolve, SystemClock, SystemEntropy, TenantHost};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub const TENANT: &str = "acme.eu.qlikcloud.com";
pub const PERMANENT: &str = "qlk0a1b2c3.eu.qlikcloud.com";
pub const LOGIN: &str = "login.qlik.com";
pub const CORPORATE: &str = "sso.corp.example";
const NAMES: [&str; 5] = [TENANT, PERMANENT, LOGIN, CORPORATE, "login.stand-in.example"];

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub host: String,
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// A field of a form, or of a query.
    pub fn field(&self, name: &str) -> Option<String> {
        let from = if self.method == "GET" { &self.query } else { &self.body };
        let mut pairs = url::form_urlencoded::parse(from.as_bytes());
        pairs.find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
    }

    pub fn line(&self) -> String {
        format!("{} {}{}", self.method, self.host, self.path)
    }
}

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// The connection ends without an answer.
    Cut,
    /// The answer ends in its middle.
    Half(String),
    /// No answer comes.
    Hang,
}

impl Reply {
    pub fn html(body: impl Into<String>) -> Self {
        Self::with(200, body).and("content-type", "text/html; charset=utf-8")
    }

    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::with(status, body.to_string()).and("content-type", "application/json")
    }

    pub fn with(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    pub fn to(location: impl Into<String>) -> Self {
        Self::with(302, "").and("location", location)
    }

    pub fn and(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }

    pub fn cookie(self, value: &str) -> Self {
        self.and("set-cookie", value)
    }

    pub fn status(mut self, new: u16) -> Self {
        if let Self::Answer { status, .. } = &mut self {
            *status = new;
        }
        self
    }
}

pub struct Stage {
    pub qlik: Qlik,
    /// Where the server is, as the client's configuration has it.
    pub resolve: String,
    /// What a client must trust.
    pub ca_pem: String,
    log: Arc<Mutex<Vec<Asked>>>,
    server: JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stage {
    pub async fn new(reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(|_| {}, reply).await
    }

    pub async fn with(
        change: impl FnOnce(&mut QlikConfig),
        reply: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (acceptor, ca_pem) = tls();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let reply = Arc::new(reply);
        let server = tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    let (acceptor, log, reply) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&reply));
                    tokio::spawn(async move { drop(serve(tcp, acceptor, &log, &*reply).await) });
                }
            }
        });
        let table: Vec<String> = NAMES.iter().map(|name| format!("{name}={addr}")).collect();
        let resolve = table.join(",");
        let mut config = QlikConfig {
            resolve: Resolve::parse(&resolve).unwrap(),
            ca_pem: Some(ca_pem.clone().into_bytes()),
            request_timeout: Duration::from_secs(20),
            ..QlikConfig::default()
        };
        change(&mut config);
        let qlik = Qlik::new(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap();
        Self { qlik, resolve, ca_pem, log, server }
    }

    pub fn host() -> TenantHost {
        TENANT.parse().unwrap()
    }

    pub fn log(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.log().iter().map(Asked::line).collect()
    }
}

fn tls() -> (TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let mut leaf = CertificateParams::new(names).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let cert = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_pem)
}

/// Serves the requests of one connection.
async fn serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    log: &Mutex<Vec<Asked>>,
    reply: &(dyn Fn(&Asked) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let mut io = acceptor.accept(tcp).await?;
    let mut buffer = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if io.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let mut asked = read_head(&buffer[..head_end]);
        let length: usize = asked.header("content-length").parse().unwrap_or(0);
        while buffer.len() < head_end + length {
            if io.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        asked.body = String::from_utf8_lossy(&buffer[head_end..head_end + length]).into_owned();
        buffer.drain(..head_end + length);
        log.lock().unwrap().push(asked.clone());
        match reply(&asked) {
            Reply::Answer { status, headers, body } => {
                let lines: Vec<String> =
                    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let (lines, length) = (lines.concat(), body.len());
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{lines}\r\n");
                io.write_all(format!("{head}{body}").as_bytes()).await?;
                io.flush().await?;
            }
            Reply::Cut => return Ok(()),
            Reply::Half(body) => {
                let head = "HTTP/1.1 200 X\r\ncontent-type: text/html\r\ncontent-length: 9999\r\n\r\n";
                io.write_all(format!("{head}{body}").as_bytes()).await?;
                io.flush().await?;
                return Ok(());
            }
            Reply::Hang => std::future::pending::<()>().await,
        }
    }
}

fn read_head(bytes: &[u8]) -> Asked {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: Vec<_> = lines.filter_map(header).collect();
    let mut asked = Asked {
        host: String::new(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: String::new(),
    };
    asked.host = asked.header("host").to_owned();
    asked
}
