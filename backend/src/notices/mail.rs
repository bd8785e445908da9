//! A notice as a mail, handed to the portal's mail server. Knows nothing of the
//! outbox but the row it is given.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use lettre::{
    Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::AsyncSmtpConnection,
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;

use super::{
    NoticesConfig, Undelivered, form::Security, mail_stream::Stepwise, outbox::Claimed, reach,
    trust::distrusted,
};

/// How long one mail server's address may take to answer before the next is tried.
const CONNECT: Duration = Duration::from_secs(5);

/// How to sign in, over TLS or on this machine alone: what every server knows.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// The mail server, and who sends and receives.
pub(super) struct Way {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<(String, SecretString)>,
    pub(super) from: String,
    pub(super) to: Vec<String>,
    /// The portal's hostname, which names this server to the other.
    pub(super) portal_host: String,
}

pub(super) async fn send(way: Way, notice: &Claimed, config: &NoticesConfig) -> Result<(), Undelivered> {
    let message = message(&way, notice)?;
    let (first, others) = reach::addresses(&way.host, way.port, &config.hosts).await?;
    let address = reachable(first, &others).await;
    let host = way.host.as_str();
    let trouble = |e: SmtpError| words(&e, host);
    let hello = ClientId::Domain(way.portal_host.clone());
    // The certificate is checked against the name, the connection goes to the address that was checked.
    let tls = || config.authorities.to_mail(host).map_err(trouble);
    let mut connection = match way.security {
        Security::StartTls => {
            let mut connection = connect(address, host, &hello).await?;
            connection.starttls(tls()?, &hello).await.map_err(trouble)?;
            connection
        }
        Security::Tls => {
            AsyncSmtpConnection::connect_tokio1(address, Some(config.timeout), &hello, Some(tls()?), None)
                .await
                .map_err(trouble)?
        }
        Security::None if address.ip().is_loopback() => connect(address, host, &hello).await?,
        Security::None => {
            return Err(Undelivered::new(format!(
                "{host} is not this machine, and nothing is sent unencrypted. Choose STARTTLS or TLS."
            )));
        }
    };
    if let Some((user, password)) = way.login {
        let login = Credentials::new(user, password.expose_secret().to_owned());
        connection.auth(MECHANISMS, &login).await.map_err(trouble)?;
    }
    connection.send(message.envelope(), &message.formatted()).await.map_err(trouble)?;
    // It was taken: a goodbye without an answer changes nothing.
    let _ = tokio::time::timeout(CONNECT, connection.abort()).await;
    Ok(())
}

/// A connection in the clear, on which TLS can begin.
async fn connect(
    address: SocketAddr,
    host: &str,
    hello: &ClientId,
) -> Result<AsyncSmtpConnection, Undelivered> {
    let stream = TcpStream::connect(address).await.map_err(|_| no_connection(host))?;
    let stream = Box::new(Stepwise::new(stream));
    AsyncSmtpConnection::connect_with_transport(stream, hello).await.map_err(|e| words(&e, host))
}

/// The first address that answers; else the first, whose error is then told.
async fn reachable(first: SocketAddr, others: &[SocketAddr]) -> SocketAddr {
    if others.is_empty() {
        return first;
    }
    for address in std::iter::once(&first).chain(others) {
        let connected = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
        if connected.is_ok_and(|c| c.is_ok()) {
            return *address;
        }
    }
    first
}

/// The same at each try, its Message-ID included, so that a mail program can
/// tell a repetition.
fn message(way: &Way, notice: &Claimed) -> Result<Message, Undelivered> {
    let broken = || Undelivered::new("The mail can’t be made. Look at its sender and recipients.");
    let body: Value = serde_json::from_str(&notice.payload)
        .map_err(|_| Undelivered::new("The notice can’t be read any more."))?;
    let text = |field: &str| body["data"][field].as_str().unwrap_or_default().to_owned();
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(notice.created_at.unsigned_abs());
    let mut builder = Message::builder()
        .from(way.from.parse::<Mailbox>().map_err(|_| broken())?)
        .subject(format!("{}: {}", text("portal"), text("title")))
        .date(date)
        .message_id(Some(format!("<{}@{}>", notice.id, way.portal_host)));
    for to in &way.to {
        builder = builder.to(to.parse::<Mailbox>().map_err(|_| broken())?);
    }
    // So that no out-of-office answer comes back (RFC 3834).
    let auto = HeaderName::new_from_ascii_str("Auto-Submitted");
    let builder = builder
        .raw_header(HeaderValue::new(auto, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN);
    let text = format!(
        "{}\r\n\r\n{}\r\n\r\n{}\r\n\r\n-- \r\nSent by Qonduit for {} ({}).\r\n",
        text("title"),
        text("text"),
        text("link"),
        text("portal"),
        way.portal_host
    );
    builder.body(text).map_err(|_| broken())
}

fn words(e: &SmtpError, host: &str) -> Undelivered {
    if let Some(certificate) = distrusted(e, host) {
        return certificate;
    }
    let code = e.status().map(|c| format!(" ({c})")).unwrap_or_default();
    let says = if e.status().is_some_and(|c| c.to_string() == "535") {
        format!("{host} refuses user and password{code}. Enter them anew.")
    } else if e.is_permanent() {
        format!("{host} refuses the mail{code}. Look at the sender, the recipients and the sign-in.")
    } else if e.is_transient() {
        format!("{host} does not take the mail for now{code}.")
    } else if e.is_timeout() {
        format!("{host} did not answer in time.")
    } else if e.is_client() {
        format!("{host} does not offer what is set, such as STARTTLS or a sign-in. Look at the settings.")
    } else {
        return no_connection(host);
    };
    Undelivered(says)
}

fn no_connection(host: &str) -> Undelivered {
    Undelivered::new(format!(
        "The connection to {host} could not be made or broke. Look at host, port and the kind of encryption."
    ))
}
