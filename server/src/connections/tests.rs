//! Over real sockets, in a time that passes at once when nothing else happens.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
};
use futures::stream;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
    time::{Instant, interval, timeout},
};

use super::{
    limits::{Room, Times},
    *,
};

const S: Duration = Duration::from_secs(1);
/// Nothing here takes so long: a test that would wait for ever ends.
const NEVER: Duration = Duration::from_hours(2);

struct House {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    /// Lets the slow requests go.
    go: Arc<Notify>,
    slow: Arc<AtomicUsize>,
    times: Times,
}

fn app(go: Arc<Notify>, slow: Arc<AtomicUsize>) -> Router {
    let read = |request: Request| async move {
        let body = to_bytes(request.into_body(), 1 << 16).await;
        body.map_or_else(|_| "broken".to_owned(), |b| format!("{} bytes", b.len()))
    };
    let events = || async {
        Sse::new(stream::pending::<Result<Event, Infallible>>()).keep_alive(KeepAlive::default())
    };
    let endless = || async {
        let chunk = Bytes::from(vec![b'x'; 1 << 16]);
        Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone())))
    };
    Router::new()
        .route("/", get(|| async { "here" }))
        .route("/healthz", get(|| async { "ok" }))
        .route("/form", post(read))
        .route("/events", get(events))
        .route("/endless", get(endless))
        .route(
            "/slow",
            get(move || async move {
                slow.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                "at last"
            }),
        )
}

async fn house(connections: usize) -> House {
    let (go, slow) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let room = Room { connections, for_each_peer: 2, spare: 2, requests: connections };
    let limits = Limits { room, times: Times::default() };
    let stop = CancellationToken::new();
    let app = app(Arc::clone(&go), Arc::clone(&slow));
    let serving = tokio::spawn(serve(listener, app, limits, None, stop.clone()));
    House { address, stop, serving, go, slow, times: limits.times }
}

impl House {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut tcp = self.connect().await;
        tcp.write_all(text.as_bytes()).await.unwrap();
        tcp
    }

    /// The whole answer on a connection of its own.
    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        end(self.send(&request).await).await
    }

    /// So many requests that are worked on.
    async fn slow(&self, count: usize) -> Vec<TcpStream> {
        let mut all = Vec::new();
        for n in 1..=count {
            all.push(self.send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await);
            while self.slow.load(Ordering::SeqCst) < n {
                tokio::task::yield_now().await;
            }
        }
        all
    }
}

/// All that still comes, until the connection is closed.
async fn end(mut tcp: TcpStream) -> String {
    let mut all = Vec::new();
    let reading = timeout(NEVER, tcp.read_to_end(&mut all)).await;
    match reading.expect("the connection stays open") {
        Ok(_) => {}
        // Closed while something that nobody read was on its way.
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// What comes until there is `what` in it.
async fn read_until(tcp: &mut TcpStream, what: &str) {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(what) {
        let read = timeout(NEVER, tcp.read_buf(&mut all)).await;
        assert_ne!(read.expect("nothing comes").unwrap(), 0, "{}", String::from_utf8_lossy(&all));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_and_half_a_head_are_closed_in_time() {
    let house = house(9).await;
    for begun in ["", "GET", "PRI * HTTP/2", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let began = Instant::now();
        let tcp = house.send(begun).await;
        assert_eq!(end(tcp).await, "", "{begun:?}");
        assert_eq!(began.elapsed().as_secs(), house.times.head.as_secs(), "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_has_no_more_time_than_another() {
    let house = house(9).await;
    let began = Instant::now();
    let (reader, mut writer) = house.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        let mut pace = interval(2 * S);
        for byte in b"GET / HTTP/1.1\r\nhost: x\r\ncookie: aaaaaaaaaaaaaaaaaaaaaaaa".chunks(1) {
            pace.tick().await;
            if writer.write_all(byte).await.is_err() {
                return;
            }
        }
    });
    let mut reader = reader;
    let mut all = Vec::new();
    let _ = timeout(NEVER, reader.read_to_end(&mut all)).await.expect("the connection stays open");
    assert_eq!(began.elapsed().as_secs(), house.times.head.as_secs());
    trickle.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_a_proxys_minute_and_then_closed() {
    let house = house(9).await;
    let mut tcp = house.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut tcp, "here").await;
    let began = Instant::now();
    tokio::time::advance(61 * S).await;
    tcp.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut tcp, "here").await;
    // The next request's head stops half way.
    tokio::time::advance(61 * S).await;
    tcp.write_all(b"GET / HTTP/1.1\r\nho").await.unwrap();
    let half = Instant::now();
    assert_eq!(end(tcp).await, "");
    assert_eq!(half.elapsed().as_secs(), house.times.head.as_secs());
    assert!(began.elapsed() > house.times.idle + house.times.head);

    let mut tcp = house.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut tcp, "here").await;
    let idle = Instant::now();
    assert_eq!(end(tcp).await, "");
    assert_eq!(idle.elapsed().as_secs(), house.times.idle.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_answered_and_its_connection_closed() {
    let house = house(9).await;
    let began = Instant::now();
    let tcp = house.send("POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n").await;
    let (reader, mut writer) = tcp.into_split();
    let trickle = tokio::spawn(async move {
        let mut pace = interval(2 * S);
        while writer.write_all(b"x").await.is_ok() && began.elapsed() < NEVER {
            pace.tick().await;
        }
    });
    let mut reader = reader;
    let mut all = Vec::new();
    let _ = timeout(NEVER, reader.read_to_end(&mut all)).await.expect("the connection stays open");
    let answer = String::from_utf8(all).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(began.elapsed().as_secs(), house.times.body.as_secs());
    trickle.await.unwrap();

    // One that comes in pieces, but in time, is read.
    let mut tcp = house.send("POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345").await;
    tokio::time::advance(20 * S).await;
    tcp.write_all(b"67890").await.unwrap();
    read_until(&mut tcp, "10 bytes").await;
}

#[tokio::test(start_paused = true)]
async fn a_save_of_minutes_and_a_stream_of_an_hour_live_on() {
    let house = house(9).await;
    let mut saves = house.slow(1).await;
    let mut events = house.send("GET /events HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut events, "text/event-stream").await;
    let began = Instant::now();
    while began.elapsed() < 170 * S {
        read_until(&mut events, ":\n\n").await;
    }
    house.go.notify_waiters();
    read_until(&mut saves[0], "at last").await;
    while began.elapsed() < 3600 * S {
        read_until(&mut events, ":\n\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_is_ended() {
    let house = house(9).await;
    let tcp = house.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    tcp.readable().await.unwrap();
    // Meanwhile what is sent stays where it is.
    tokio::time::sleep(house.times.answer + S).await;
    assert!(end(tcp).await.len() > 1 << 16);
}

#[tokio::test(start_paused = true)]
async fn three_hundred_silent_connections_keep_nobody_out() {
    let house = house(20).await;
    let mut silent = Vec::new();
    for n in 0..300 {
        silent.push(match n % 3 {
            0 => house.connect().await,
            1 => house.send("GET / HTTP/1.1\r\nho").await,
            _ => house.send("POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1").await,
        });
    }
    let began = Instant::now();
    assert!(house.get("/healthz").await.starts_with("HTTP/1.1 200 "));
    assert!(house.get("/").await.ends_with("here"));
    assert!(began.elapsed() < S, "nobody has to wait for the others' time to pass");
}

#[tokio::test(start_paused = true)]
async fn health_checks_are_answered_while_all_connections_are_at_work() {
    let house = house(4).await;
    let busy = house.slow(4).await;
    // Strangers lie on the spare connections too.
    let _silent = [house.connect().await, house.connect().await, house.connect().await];
    assert!(house.get("/healthz").await.starts_with("HTTP/1.1 200 "));
    let other = house.get("/").await;
    assert!(other.starts_with("HTTP/1.1 503 ") && other.contains("retry-after: "), "{other}");
    house.go.notify_waiters();
    for mut tcp in busy {
        read_until(&mut tcp, "at last").await;
    }
    assert!(house.get("/").await.ends_with("here"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_under_way_and_for_nothing_else() {
    let house = house(9).await;
    let mut open = vec![
        house.connect().await,
        house.send("GET / HTTP/1.1\r\nhost: x\r\n").await,
        house.send("POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1").await,
    ];
    let mut idle = house.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    read_until(&mut idle, "here").await;
    open.push(idle);
    let began = Instant::now();
    house.stop.cancel();
    timeout(NEVER, house.serving).await.expect("it goes on").unwrap();
    assert!(began.elapsed() <= house.times.linger, "{:?}", began.elapsed());
    for tcp in open {
        assert_eq!(end(tcp).await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_under_way_at_a_stop_is_answered() {
    let house = house(9).await;
    let tcp = house.slow(1).await.remove(0);
    let began = Instant::now();
    house.stop.cancel();
    tokio::time::sleep(20 * S).await;
    assert!(!house.serving.is_finished());
    house.go.notify_waiters();
    assert!(end(tcp).await.ends_with("at last"));
    timeout(NEVER, house.serving).await.expect("it goes on").unwrap();
    assert!(began.elapsed() <= 20 * S + house.times.linger, "{:?}", began.elapsed());
}

/// A frame of HTTP/2: kind, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(payload);
    frame
}

/// Asks for `/` over HTTP/2; then answers pings, or does not. Gives how long it took
/// from there to the end.
async fn over_http2(house: &House, answers: bool) -> Duration {
    const PING: u8 = 6;
    let mut tcp = house.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let mut hello = frame(4, 0, 0, &[]);
    // Headers, the request's end: GET http://x/
    hello.extend(frame(1, 0b101, 1, &[0x82, 0x86, 0x84, 0x41, 1, b'x']));
    tcp.write_all(&hello).await.unwrap();
    let began = Instant::now();
    let (mut answered, mut goodbye) = (false, false);
    let mut head = [0; 9];
    while timeout(NEVER, tcp.read_exact(&mut head)).await.expect("it stays open").is_ok() {
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        tcp.read_exact(&mut payload).await.unwrap();
        answered |= head[3] == 0 && payload.ends_with(b"here");
        goodbye |= head[3] == 7;
        if head[3] == PING && head[4] == 0 && answers {
            tcp.write_all(&frame(PING, 1, 0, &payload)).await.unwrap();
        }
    }
    assert!(answered);
    assert!(goodbye, "it is not told that the connection ends");
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn over_http2_who_is_idle_or_gone_is_noticed_too() {
    let house = house(9).await;
    assert_eq!(over_http2(&house, true).await.as_secs(), house.times.idle.as_secs());
    assert!(over_http2(&house, false).await <= 2 * house.times.ping + S);
}
