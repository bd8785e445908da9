//! How many connections there may be, from what the system allows this process,
//! and how long each may take.

use std::time::Duration;

/// Descriptors for all else: standard streams, event queue, listener, the database's
/// files (two for each of five connections), the spare connections, mail, and calls to
/// Qlik that no request waits for.
const OWN: u64 = 64;
/// More would only cost memory: each may hold some tens of kilobytes.
const MOST: usize = 4096;
const LEAST: usize = 16;

/// What is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(super) room: Room,
    pub(super) times: Times,
}

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Connections in all.
    pub(super) connections: usize,
    /// Of these for one client address.
    pub(super) for_each_peer: usize,
    /// Connections beyond these on which health checks alone are answered.
    pub(super) spare: usize,
    /// Requests under way, over all connections.
    pub(super) requests: usize,
}

/// How long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// From the first byte of a request, or from the connection's begin, to the end
    /// of the request's head.
    pub(super) head: Duration,
    /// From a request's head to the end of its body, which is 64 KiB at most.
    pub(super) body: Duration,
    /// Between two requests. Longer than the minute for which proxies keep their
    /// connections by default, so that it is they who close them.
    pub(super) idle: Duration,
    /// From an answer's head to its end, streams of events aside.
    pub(super) answer: Duration,
    /// After this an answer that is still being taken need not be finished where
    /// somebody else needs the connection's place.
    pub(super) patience: Duration,
    /// At a stop: for what of a request is on its way, and for the end of an answer
    /// to leave the machine.
    pub(super) linger: Duration,
    /// Between two pings of an HTTP/2 connection, and for the answer to each.
    pub(super) ping: Duration,
}

impl Limits {
    /// The bounds for a process that may have so many descriptors open. Two fifths of
    /// what is left are for connections, and the rest for what their requests need, one
    /// for each and half as many beside: each may have a file open or wait for a call to
    /// Qlik.
    pub(crate) fn within(descriptors: u64) -> Self {
        let left = usize::try_from(descriptors.saturating_sub(OWN) / 5 * 2).unwrap_or(usize::MAX);
        let connections = left.clamp(LEAST, MOST);
        let room = Room {
            connections,
            // Browsers open six; an office behind one address may have many.
            for_each_peer: (connections / 4).max(LEAST / 2),
            spare: LEAST / 2,
            // Beside the first of each connection: see `Place::begin_request`.
            requests: connections,
        };
        Self { room, times: Times::default() }
    }

    /// Connections in all, and of these for one client address.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.room.connections, self.room.for_each_peer)
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            answer: Duration::from_mins(5),
            patience: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            ping: Duration::from_secs(20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_what_their_requests_open_fit_into_what_the_system_allows() {
        for descriptors in [128, 256, 1024, 4096, 1 << 20, u64::MAX] {
            let Room { connections, for_each_peer, spare, requests } = Limits::within(descriptors).room;
            let needs = (connections + requests + requests / 2) as u64;
            assert!(needs + OWN <= descriptors && (spare as u64) < OWN / 4, "{needs} of {descriptors}");
            assert!(for_each_peer < connections && connections <= MOST, "{connections}");
        }
        assert_eq!(Limits::within(256).connections(), (76, 19));
        // Too few for anything: it tries all the same.
        assert_eq!(Limits::within(20).connections(), (LEAST, LEAST / 2));
    }
}
