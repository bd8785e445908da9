//! What goes on over one connection, and until when it may: pure, the time is
//! given. It must not know sockets or the other connections.

use tokio::time::Instant;

use super::limits::Times;

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its head is here, its body is not, or not all of it.
    Receiving,
    /// It is whole and being worked on.
    Working,
    /// Its answer is on the way.
    Sending,
    /// Its answer is a stream of events, which ends when it likes.
    Streaming,
}

#[derive(Debug)]
struct Request {
    id: u64,
    phase: Phase,
    since: Instant,
}

/// What goes on over one connection.
#[derive(Debug)]
pub(super) struct Activity {
    /// Since when no request is under way; while one is, of no meaning.
    idle_since: Instant,
    /// When the first byte came of a request whose head is not whole yet.
    head_since: Option<Instant>,
    stopping_since: Option<Instant>,
    answered: bool,
    /// Over HTTP/2 bytes come that are no request.
    multiplexed: bool,
    last_id: u64,
    requests: Vec<Request>,
}

impl Activity {
    /// A connection that begins.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            idle_since: now,
            // Who opens a connection has something to ask.
            head_since: Some(now),
            stopping_since: None,
            answered: false,
            multiplexed: false,
            last_id: 0,
            requests: Vec::new(),
        }
    }

    /// Bytes came.
    pub(super) fn bytes(&mut self, now: Instant) {
        if self.requests.is_empty() && self.head_since.is_none() && !self.multiplexed {
            self.head_since = Some(now);
        }
    }

    /// The connection speaks HTTP/2.
    pub(super) fn multiplexed(&mut self) {
        self.multiplexed = true;
    }

    /// A request's head is whole; `phase` is [`Phase::Working`] where it has no body.
    pub(super) fn begin(&mut self, phase: Phase, now: Instant) -> u64 {
        self.head_since = None;
        self.last_id += 1;
        self.requests.push(Request { id: self.last_id, phase, since: now });
        self.last_id
    }

    /// A request is further on.
    pub(super) fn to(&mut self, id: u64, phase: Phase, now: Instant) {
        if let Some(request) = self.requests.iter_mut().find(|r| r.id == id) {
            (request.phase, request.since) = (phase, now);
        }
    }

    /// A request's body is whole, or nobody waits for it any more.
    pub(super) fn received(&mut self, id: u64, now: Instant) {
        if self.requests.iter().any(|r| r.id == id && r.phase == Phase::Receiving) {
            self.to(id, Phase::Working, now);
        }
    }

    /// A request was answered, or its client is gone.
    pub(super) fn end(&mut self, id: u64, now: Instant) {
        self.requests.retain(|r| r.id != id);
        self.answered = true;
        self.idle_since = now;
    }

    /// The server stops.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stopping_since.get_or_insert(now);
    }

    /// When the connection is to be closed if nothing else happens.
    pub(super) fn deadline(&self, times: &Times) -> Option<Instant> {
        if self.requests.is_empty() {
            let waits = match self.head_since {
                Some(since) => since + times.head,
                None => self.idle_since + times.idle,
            };
            let stop = self.stopping_since.map(|stop| {
                // The last answer may not have left the machine yet.
                let sent = if self.answered { self.idle_since + times.linger } else { stop };
                sent.max(stop)
            });
            return Some(stop.map_or(waits, |stop| stop.min(waits)));
        }
        // What is being worked on would be cut off with the others of its connection.
        if self.requests.iter().any(|r| matches!(r.phase, Phase::Working | Phase::Streaming)) {
            return None;
        }
        self.requests.iter().filter_map(|r| self.deadline_of(r, times)).min()
    }

    fn deadline_of(&self, request: &Request, times: &Times) -> Option<Instant> {
        match request.phase {
            Phase::Receiving => {
                // The body tells its reader by itself that it takes too long, and is answered: this is for
                // a request whose body nobody reads.
                let late = request.since + times.body + times.patience;
                let stop = self.stopping_since.map(|stop| stop.max(request.since) + times.linger);
                Some(stop.map_or(late, |stop| stop.min(late)))
            }
            Phase::Sending => Some(request.since + times.answer),
            Phase::Working | Phase::Streaming => None,
        }
    }

    /// From when on the connection may be closed where somebody else needs its
    /// place, which may be yet to come: nothing that its client sent in full is then
    /// left without an answer. `None` where something is under way.
    pub(super) fn quiet_since(&self, times: &Times) -> Option<Instant> {
        if self.requests.is_empty() {
            return Some(self.idle_since);
        }
        let each = self.requests.iter().map(|r| match r.phase {
            Phase::Receiving => Some(r.since),
            Phase::Sending => Some(r.since + times.patience),
            Phase::Working | Phase::Streaming => None,
        });
        each.collect::<Option<Vec<_>>>().and_then(|each| each.into_iter().max())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn begun() -> (Activity, Instant, Times) {
        let now = Instant::now();
        (Activity::new(now), now, Times::default())
    }

    #[test]
    fn a_connection_has_the_time_for_a_head_then_for_being_idle_then_for_a_head_again() {
        let (mut a, t0, times) = begun();
        assert_eq!(a.deadline(&times), Some(t0 + times.head));
        a.bytes(t0 + S);
        assert_eq!(a.deadline(&times), Some(t0 + times.head), "a byte now and then gives no new time");
        let id = a.begin(Phase::Working, t0 + S);
        assert_eq!(a.deadline(&times), None, "a save may take minutes");
        a.end(id, t0 + 60 * S);
        assert_eq!(a.deadline(&times), Some(t0 + 60 * S + times.idle));
        a.bytes(t0 + 70 * S);
        assert_eq!(a.deadline(&times), Some(t0 + 70 * S + times.head));
    }

    #[test]
    fn an_answer_must_be_taken_in_time_and_a_stream_lives_on() {
        let (mut a, t0, times) = begun();
        let page = a.begin(Phase::Working, t0);
        a.to(page, Phase::Sending, t0);
        assert_eq!(a.deadline(&times), Some(t0 + times.answer));
        a.end(page, t0);
        let events = a.begin(Phase::Working, t0);
        a.to(events, Phase::Streaming, t0);
        assert_eq!((a.deadline(&times), a.quiet_since(&times)), (None, None));
    }

    #[test]
    fn only_what_is_not_under_way_makes_place() {
        let (mut a, t0, times) = begun();
        assert_eq!(a.quiet_since(&times), Some(t0), "silent");
        let form = a.begin(Phase::Receiving, t0 + S);
        assert_eq!(a.quiet_since(&times), Some(t0 + S), "half a form");
        a.received(form, t0 + 2 * S);
        assert_eq!(a.quiet_since(&times), None, "a form that is worked on");
        a.to(form, Phase::Sending, t0 + 3 * S);
        assert_eq!(a.quiet_since(&times), Some(t0 + 3 * S + times.patience), "an answer that is not taken");
        let other = a.begin(Phase::Working, t0 + 4 * S);
        assert_eq!(a.quiet_since(&times), None, "one of two on one connection is worked on");
        a.end(other, t0 + 5 * S);
        a.received(form, t0 + 6 * S);
        assert_eq!(a.quiet_since(&times), Some(t0 + 3 * S + times.patience), "a body's end is no step back");
    }

    #[test]
    fn at_a_stop_what_is_not_under_way_ends_at_once() {
        let (mut a, t0, times) = begun();
        a.stop(t0 + S);
        assert_eq!(a.deadline(&times), Some(t0 + S), "silent, or half a head");

        let (mut a, t0, times) = begun();
        let id = a.begin(Phase::Receiving, t0);
        a.stop(t0 + S);
        assert_eq!(a.deadline(&times), Some(t0 + S + times.linger), "half a body");
        a.received(id, t0 + S);
        assert_eq!(a.deadline(&times), None, "whole: it is worked on");
        a.end(id, t0 + 9 * S);
        assert_eq!(a.deadline(&times), Some(t0 + 9 * S + times.linger), "its answer leaves");

        let (mut a, t0, times) = begun();
        let id = a.begin(Phase::Working, t0);
        a.end(id, t0);
        a.stop(t0 + 9 * S);
        assert_eq!(a.deadline(&times), Some(t0 + 9 * S), "idle");
    }
}
