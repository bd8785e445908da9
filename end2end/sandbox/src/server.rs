//! The wire: accepts TLS connections, lets faults strike, keeps the log.
//!
//! Each connection is a task of its own, so that a fault can cut it, all its
//! HTTP/2 streams included, by ending the task.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures::future::BoxFuture;
use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::envelope::Refusal;
use crate::faults::Effect;
use crate::gate::{self, Routers};
use crate::world::WorldHandle;

/// What goes on over a connection once it is no longer HTTP. The connection's own
/// task does it, so that it ends with the sandbox and by a cut.
#[derive(Clone, Default)]
pub(crate) struct Afterwards(Arc<Mutex<Option<BoxFuture<'static, ()>>>>);

impl Afterwards {
    pub(crate) fn set(&self, work: impl Future<Output = ()> + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(work));
    }

    async fn run(self) {
        let work = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            work.await;
        }
    }
}

/// How long a truncated answer's first half may take to leave the machine.
const FLUSH: Duration = Duration::from_millis(30);

/// Serves tenants over TLS until `stop`.
pub(crate) async fn serve_tls(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    world: WorldHandle,
    router: Routers,
    stop: CancellationToken,
) {
    accept(listener, stop, move |tcp| {
        let (acceptor, world, router) = (acceptor.clone(), world.clone(), router.clone());
        async move {
            match acceptor.accept(tcp).await {
                Ok(tls) => {
                    let cut = CancellationToken::new();
                    let service_cut = cut.clone();
                    let afterwards = Afterwards::default();
                    let service_afterwards = afterwards.clone();
                    serve_connection(tls, cut.clone(), move |mut request| {
                        request.extensions_mut().insert(service_afterwards.clone());
                        answer(request, world.clone(), router.clone(), service_cut.clone())
                    })
                    .await;
                    tokio::select! {
                        () = cut.cancelled() => {}
                        () = afterwards.run() => {}
                    }
                }
                Err(error) => tracing::debug!(%error, "no TLS with this client"),
            }
        }
    })
    .await;
}

/// Serves the control interface in the clear until `stop`.
pub(crate) async fn serve_plain(listener: TcpListener, router: Router, stop: CancellationToken) {
    accept(listener, stop, move |tcp| {
        let router = router.clone();
        async move {
            serve_connection(tcp, CancellationToken::new(), move |request| {
                let router = router.clone();
                async move { router.oneshot(request.map(Body::new)).await }
            })
            .await;
        }
    })
    .await;
}

/// Accepts connections until `stop`; then those that are open end as well.
async fn accept<F, Fut>(listener: TcpListener, stop: CancellationToken, serve: F)
where
    F: Fn(TcpStream) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    // Small answers should not wait for more to send.
                    if let Err(error) = tcp.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY not set");
                    }
                    connections.spawn(serve(tcp));
                }
                Err(error) => tracing::warn!(%error, "a connection was not accepted"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection<IO, F, Fut>(io: IO, cut: CancellationToken, handle: F)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service_fn(handle));
    tokio::select! {
        // Dropping the connection closes the socket without a TLS goodbye.
        () = cut.cancelled() => {}
        served = connection => if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        },
    }
}

/// One request, with whatever is to go wrong with it.
async fn answer(
    request: Request<Incoming>,
    world: WorldHandle,
    router: Routers,
    cut: CancellationToken,
) -> Result<Response, Infallible> {
    let (number, effect, host) = gate::receive(&world, &request);
    let mut request = request.map(Body::new);
    if let Some(Effect::Engine(fault)) = &effect {
        request.extensions_mut().insert(fault.clone());
    }
    let before = match &effect {
        Some(Effect::CutBefore) => return Ok(cut_off(&cut).await),
        Some(Effect::HangForever) => return Ok(std::future::pending().await),
        Some(Effect::Status { status, code, title, body }) => {
            Some(status_effect(*status, code, title, body.as_deref()))
        }
        Some(Effect::RateLimited { retry_after_s }) => {
            Some(Refusal::rate_limited(i64::from(*retry_after_s)).into_response())
        }
        Some(Effect::Redirect { location }) => Some(redirect_effect(location)),
        Some(Effect::Elsewhere { host, status }) => Some(gate::redirect(*status, host, request.uri())),
        Some(Effect::Gateway(gateway)) => Some(gateway.response(&asked(&host, &request))),
        Some(Effect::Flood(flood)) => flood.response(),
        Some(Effect::NoUpgrade) => {
            for name in [header::CONNECTION, header::UPGRADE] {
                request.headers_mut().remove(name);
            }
            None
        }
        Some(Effect::DelayBefore { ms }) => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            None
        }
        _ => None,
    };
    let asked = asked(&host, &request);
    let mut response = if let Some(response) = before {
        response
    } else {
        let response = gate::pass(&world, &router, number, request).await;
        world.lock().log.amend(number, |entry| entry.handled = true);
        response
    };
    // A websocket has no body that could be broken.
    let has_body = response.status() != StatusCode::SWITCHING_PROTOCOLS;
    match effect {
        Some(Effect::Delay { ms }) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(Effect::CutAfter) => return Ok(cut_off(&cut).await),
        Some(Effect::HangAfter) => return Ok(std::future::pending().await),
        Some(Effect::GatewayAfter(gateway)) if has_body => response = gateway.response(&asked),
        Some(Effect::Flood(flood)) => flood.add_to(&mut response),
        Some(Effect::Malformed) if has_body => response = malformed(response),
        Some(Effect::Truncated) if has_body => response = truncated(response, cut).await,
        Some(Effect::ForeignLinks { host: foreign }) if has_body => {
            response = relink(response, &host, &foreign).await;
        }
        _ => {}
    }
    gate::finish(&world, number, &mut response);
    Ok(response)
}

/// The URL that a request is for.
fn asked(host: &str, request: &Request<Body>) -> String {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    format!("https://{host}{path}")
}

/// Ends the connection; this future ends with it.
async fn cut_off(cut: &CancellationToken) -> Response {
    cut.cancel();
    std::future::pending().await
}

fn status_effect(status: u16, code: &str, title: &str, body: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match body {
        Some(body) => (status, [(header::CONTENT_TYPE, "application/json")], body.to_owned()).into_response(),
        None => Refusal::new(status, code, title).into_response(),
    }
}

fn redirect_effect(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::FOUND, [(header::LOCATION, location)]).into_response(),
        Err(_) => Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "SANDBOX-FAULT",
            "The fault's location is no header value",
        )
        .into_response(),
    }
}

/// The same success with a body that ends in the middle of an object.
fn malformed(response: Response) -> Response {
    let (mut parts, _) = response.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(r#"{"id":"5f0c","data":[{"#))
}

/// Announces the whole body, sends half of it (at least one byte is missing), and
/// cuts the connection.
async fn truncated(response: Response, cut: CancellationToken) -> Response {
    let (mut parts, body) = response.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(1)));
    let stream = futures::stream::unfold((Some(half), cut), |(half, cut)| async move {
        if let Some(half) = half {
            return Some((Ok(half), (None, cut)));
        }
        // The first half must be on its way before the connection goes.
        tokio::time::sleep(FLUSH).await;
        cut.cancel();
        std::future::pending::<Option<(Result<bytes::Bytes, Infallible>, _)>>().await
    });
    Response::from_parts(parts, Body::from_stream(stream))
}

async fn relink(response: Response, host: &str, foreign: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text =
        String::from_utf8_lossy(&whole).replace(&format!("https://{host}/"), &format!("https://{foreign}/"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}

/// A TLS acceptor over the authority's configuration.
pub(crate) fn acceptor(config: rustls::ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}
