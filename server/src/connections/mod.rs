//! The accept loop: how many connections there are, and how long each may take.
//! Nobody may hold a connection for nothing: one that is silent, sends half a
//! request or stays idle is closed in time, and at once where the server stops or
//! somebody else needs its place. What is under way is let alone.
//!
//! hyper-util's own server is the base. `axum::serve` has no time-outs and no
//! bound, and `axum-server` bounds nothing either; hyper's time limit for heads
//! runs from the end of the answer before, so that one value would have to do for
//! a half-sent request and for an idle connection of a proxy, which should live a
//! minute longer. The rules are in [`activity`] and [`table`], both without I/O. It
//! must not know what the requests are about, health checks aside.

mod activity;
mod body;
mod driver;
mod limits;
mod table;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::limits::Limits;
use self::{
    driver::Driver,
    table::{Admission, Peer, Table},
};

/// Waits between two tries to accept where the system has nothing left to give.
const BACKOFF: Duration = Duration::from_millis(20);
const BACKOFF_MOST: Duration = Duration::from_secs(1);

/// Serves `app` until `stop`; then idle and half-sent connections are dropped, and
/// it returns when what was under way has been answered.
///
/// A `proxy` that the operator trusts speaks for many, and so may one on this
/// machine: their connections are bounded together with all others alone.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    proxy: Option<IpAddr>,
    stop: CancellationToken,
) {
    let table = Arc::new(Table::new(limits.room));
    let driver = Driver::new(app, limits.times, stop.clone());
    let connections = TaskTracker::new();
    let mut backoff = BACKOFF;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, from)) => {
                backoff = BACKOFF;
                match table.admit(peer(from, proxy)) {
                    Admission::Refused => drop(tcp),
                    Admission::Taken(place) => drop(connections.spawn(driver.drive(tcp, from, place))),
                }
                // Whoever was asked to go should be gone before the next one comes.
                tokio::task::yield_now().await;
            }
            Err(e) if of_the_connection(&e) => {}
            Err(e) => {
                table.shed(&e);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(backoff) => {}
                }
                backoff = (backoff * 2).min(BACKOFF_MOST);
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// For whom a connection counts.
fn peer(from: SocketAddr, proxy: Option<IpAddr>) -> Option<Peer> {
    let ip = from.ip().to_canonical();
    (proxy.map(|p| p.to_canonical()) != Some(ip)).then(|| Peer::of(ip)).flatten()
}

/// The other side was gone before it was accepted: nothing is wrong here.
fn of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as E;
    matches!(error.kind(), E::ConnectionAborted | E::ConnectionRefused | E::ConnectionReset | E::Interrupted)
}

#[cfg(test)]
mod tests;
