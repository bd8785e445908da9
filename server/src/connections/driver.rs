//! One connection, from its accept to its end: hyper speaks HTTP over it, and what
//! goes on is told to [`Activity`], which says until when it may.

use std::{
    convert::Infallible,
    future::poll_fn,
    io::IoSlice,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{self, HeaderValue, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use hyper::{
    body::{Body as _, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{self, AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::{
    activity::{Activity, Phase},
    body::{Answer, Upload},
    limits::Times,
    table::{Kind, Place},
};

/// What is answered on a spare connection too.
const HEALTH: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Read buffer of an HTTP/1 connection, and so the longest head.
const BUFFER: usize = 64 * 1024;
/// Requests at a time on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// For a timer that waits for nothing.
const FAR: Duration = Duration::from_hours(24);

/// How connections are served.
#[derive(Clone)]
pub(super) struct Driver {
    app: Router,
    times: Times,
    stop: CancellationToken,
    http: auto::Builder<TokioExecutor>,
}

impl Driver {
    pub(super) fn new(app: Router, times: Times, stop: CancellationToken) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // The time for a head is ours, see the module above.
        http.http1().max_buf_size(BUFFER).header_read_timeout(None);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(times.ping)
            .keep_alive_timeout(times.ping)
            .max_concurrent_streams(STREAMS);
        Self { app, times, stop, http }
    }

    /// Serves one connection to its end.
    pub(super) fn drive(
        &self,
        tcp: TcpStream,
        from: SocketAddr,
        place: Place,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self { app, times, stop, http } = self.clone();
        async move {
            let (evicted, kind) = (place.evicted(), place.kind());
            let connection =
                Arc::new(Connection { activity: Mutex::new(Activity::new(Instant::now())), times, place });
            let io = TokioIo::new(Watched { tcp, connection: Arc::clone(&connection) });
            let service = {
                let connection = Arc::clone(&connection);
                service_fn(move |request| answer(app.clone(), request, from, kind, Arc::clone(&connection)))
            };
            let mut http = pin!(http.serve_connection(io, service));
            let mut timer = pin!(sleep_until(Instant::now() + times.head));
            let mut evicted = pin!(evicted.cancelled());
            let mut stop = pin!(stop.cancelled());
            let mut stopping = false;
            poll_fn(|cx| {
                if evicted.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                if !stopping && stop.as_mut().poll(cx).is_ready() {
                    stopping = true;
                    connection.update(Activity::stop);
                    http.as_mut().graceful_shutdown();
                }
                if let Poll::Ready(ended) = http.as_mut().poll(cx) {
                    if let Err(error) = ended {
                        tracing::trace!(error = %error, "a connection ended");
                    }
                    return Poll::Ready(());
                }
                // The timer is set anew where it would ring too late, or has rung: not at each request.
                loop {
                    let deadline = connection.deadline();
                    let by = deadline.unwrap_or_else(|| timer.deadline());
                    if by < timer.deadline() {
                        timer.as_mut().reset(by);
                    }
                    ready!(timer.as_mut().poll(cx));
                    let now = Instant::now();
                    match deadline {
                        Some(by) if by <= now => {
                            // An HTTP/2 client is told so.
                            http.as_mut().graceful_shutdown();
                            let _ = http.as_mut().poll(cx);
                            return Poll::Ready(());
                        }
                        later => timer.as_mut().reset(later.unwrap_or(now + FAR)),
                    }
                }
            })
            .await;
        }
    }
}

/// What the parts of one connection share.
#[derive(Debug)]
pub(super) struct Connection {
    activity: Mutex<Activity>,
    times: Times,
    place: Place,
}

impl Connection {
    fn update<T>(&self, change: impl FnOnce(&mut Activity, Instant) -> T) -> T {
        let mut activity = self.activity.lock().unwrap_or_else(PoisonError::into_inner);
        let before = activity.quiet_since(&self.times);
        let changed = change(&mut activity, Instant::now());
        let after = activity.quiet_since(&self.times);
        // Under the lock, so that the table hears of changes in their order.
        if before != after {
            self.place.set_quiet(after);
        }
        changed
    }

    fn deadline(&self) -> Option<Instant> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner).deadline(&self.times)
    }
}

/// A request that is under way; it has ended when this is dropped.
#[derive(Debug)]
pub(super) struct Request {
    connection: Arc<Connection>,
    id: u64,
    late: AtomicBool,
}

impl Request {
    fn to(&self, phase: Phase) {
        self.connection.update(|activity, now| activity.to(self.id, phase, now));
    }

    /// Its body is whole, or nobody waits for the rest.
    pub(super) fn received(&self) {
        self.connection.update(|activity, now| activity.received(self.id, now));
    }

    /// Its body takes too long.
    pub(super) fn is_late(&self) {
        self.late.store(true, Ordering::Relaxed);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.connection.place.end_request();
        self.connection.update(|activity, now| activity.end(self.id, now));
    }
}

async fn answer(
    mut app: Router,
    request: http::Request<Incoming>,
    from: SocketAddr,
    kind: Kind,
    connection: Arc<Connection>,
) -> Result<Response<Answer>, Infallible> {
    let whole = request.body().is_end_stream();
    let phase = if whole { Phase::Working } else { Phase::Receiving };
    let http1 = request.version() <= Version::HTTP_11;
    let fits = connection.place.begin_request();
    let id = connection.update(|activity, now| {
        if !http1 {
            activity.multiplexed();
        }
        activity.begin(phase, now)
    });
    let by = Instant::now() + connection.times.body;
    let under_way = Arc::new(Request { connection, id, late: AtomicBool::new(false) });
    let welcome = (fits && kind == Kind::Any) || HEALTH.contains(&request.uri().path());

    let mut response = if welcome {
        let mut request = request.map(|body| {
            if whole { Body::new(body) } else { Body::new(Upload::new(body, by, Arc::clone(&under_way))) }
        });
        request.extensions_mut().insert(ConnectInfo(from));
        let Ok(response) = app.call(request).await;
        response
    } else {
        busy()
    };
    let late = under_way.late.load(Ordering::Relaxed);
    if late {
        response = (StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive. Try again.\n")
            .into_response();
    }
    // A spare connection is for the next health check, and half a body for nobody.
    if http1 && (late || kind == Kind::Health) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let streams = response.headers().get(header::CONTENT_TYPE);
    let streams = streams.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    under_way.to(if streams { Phase::Streaming } else { Phase::Sending });
    Ok(response.map(|body| Answer::new(body, under_way)))
}

fn busy() -> Response {
    let words = "Too much is going on here at the moment. Try again in a few seconds.\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], words).into_response()
}

/// A socket that tells of bytes that come.
struct Watched {
    tcp: TcpStream,
    connection: Arc<Connection>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.connection.update(Activity::bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
