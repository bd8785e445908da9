//! Who has a place. A full house makes place by closing what has been quiet for
//! longest; what is under way is never closed for somebody else. It must not know
//! sockets.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::limits::Room;

/// Between two lines of the log about a full house.
const WORD: Duration = Duration::from_mins(1);

/// A client as far as its address tells: the address, and with IPv6 the network,
/// for one household has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Peer(IpAddr);

impl Peer {
    /// `None` for this machine: a proxy on it, of which nobody told us, speaks for all
    /// that there are.
    pub(super) fn of(ip: IpAddr) -> Option<Self> {
        match ip {
            _ if ip.is_loopback() => None,
            IpAddr::V4(_) => Some(Self(ip)),
            IpAddr::V6(ip) => Some(Self(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into())),
        }
    }
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has a place.
    Taken(Place),
    /// It is closed.
    Refused,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Table {
    room: Room,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    entries: HashMap<u64, Entry>,
    by_peer: HashMap<Peer, usize>,
    /// Those that may be closed, by how long they have been quiet, ordinary places and spare ones.
    quiet: [BTreeMap<(Instant, u64), Option<Peer>>; 2],
    taken: [usize; 2],
    requests: usize,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    peer: Option<Peer>,
    kind: Kind,
    quiet: Option<Instant>,
    evicted: CancellationToken,
}

/// What a place is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything.
    Any,
    /// The house is full: health checks alone.
    Health,
}

impl Table {
    pub(super) fn new(room: Room) -> Self {
        Self { room, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection that begins, where there is one or one can be made.
    pub(super) fn admit(self: &Arc<Self>, peer: Option<Peer>) -> Admission {
        let now = Instant::now();
        let mut inner = self.lock();
        let of_peer = peer.and_then(|p| inner.by_peer.get(&p)).copied().unwrap_or_default();
        if of_peer >= self.room.for_each_peer && !inner.evict(Kind::Any, now, |p| p == peer) {
            inner.word(now, "one address has all the connections that it may have");
            return Admission::Refused;
        }
        let kind = if inner.taken[Kind::Any as usize] < self.room.connections {
            Kind::Any
        } else {
            inner.word(now, "there are as many connections as there may be; quiet ones are closed");
            if inner.evict(Kind::Any, now, |_| true) { Kind::Any } else { Kind::Health }
        };
        if kind == Kind::Health
            && inner.taken[Kind::Health as usize] >= self.room.spare
            && !inner.evict(Kind::Health, now, |_| true)
        {
            return Admission::Refused;
        }
        let (id, evicted) = inner.seat(peer, kind, now);
        drop(inner);
        Admission::Taken(Place { table: Arc::clone(self), id, kind, evicted, own: AtomicUsize::new(0) })
    }

    /// Closes the connection that has been quiet for longest, for `error` says that the
    /// system has nothing left to give.
    pub(super) fn shed(&self, error: &io::Error) {
        let now = Instant::now();
        let mut inner = self.lock();
        if inner.may_tell(now) {
            tracing::error!(error = %error, "no connection can be accepted; quiet ones are closed");
        }
        let _ = inner.evict(Kind::Health, now, |_| true) || inner.evict(Kind::Any, now, |_| true);
    }
}

impl Inner {
    fn seat(&mut self, peer: Option<Peer>, kind: Kind, now: Instant) -> (u64, CancellationToken) {
        self.last_id += 1;
        let (id, evicted) = (self.last_id, CancellationToken::new());
        self.entries.insert(id, Entry { peer, kind, quiet: Some(now), evicted: evicted.clone() });
        self.quiet[kind as usize].insert((now, id), peer);
        self.taken[kind as usize] += 1;
        if let Some(peer) = peer {
            *self.by_peer.entry(peer).or_default() += 1;
        }
        (id, evicted)
    }

    /// Closes the one that has been quiet for longest of those that `of` names.
    fn evict(&mut self, kind: Kind, now: Instant, of: impl Fn(Option<Peer>) -> bool) -> bool {
        let quiet = self.quiet[kind as usize].iter().take_while(|((since, _), _)| *since <= now);
        let Some(id) = quiet.into_iter().find(|(_, peer)| of(**peer)).map(|((_, id), _)| *id) else {
            return false;
        };
        if let Some(entry) = self.remove(id) {
            entry.evicted.cancel();
        }
        true
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.taken[entry.kind as usize] -= 1;
        if let Some(since) = entry.quiet {
            self.quiet[entry.kind as usize].remove(&(since, id));
        }
        if let Some(peer) = entry.peer
            && let Some(count) = self.by_peer.get_mut(&peer)
        {
            *count -= 1;
            if *count == 0 {
                self.by_peer.remove(&peer);
            }
        }
        Some(entry)
    }

    fn set_quiet(&mut self, id: u64, quiet: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let before = std::mem::replace(&mut entry.quiet, quiet);
        let of_kind = &mut self.quiet[entry.kind as usize];
        if let Some(since) = before {
            of_kind.remove(&(since, id));
        }
        if let Some(since) = quiet {
            of_kind.insert((since, id), entry.peer);
        }
    }

    fn word(&mut self, now: Instant, what: &'static str) {
        if self.may_tell(now) {
            tracing::warn!(connections = self.entries.len(), "{what}");
        }
    }

    /// Whether the log may have a line about it: not one for each connection.
    fn may_tell(&mut self, now: Instant) -> bool {
        let may = self.told.is_none_or(|told| now.duration_since(told) >= WORD);
        if may {
            self.told = Some(now);
        }
        may
    }
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    table: Arc<Table>,
    id: u64,
    kind: Kind,
    evicted: CancellationToken,
    /// Its own requests that are under way.
    own: AtomicUsize,
}

impl Place {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Cancelled when somebody else needs the place.
    pub(super) fn evicted(&self) -> CancellationToken {
        self.evicted.clone()
    }

    /// Says from when on the connection may be closed for somebody else.
    pub(super) fn set_quiet(&self, since: Option<Instant>) {
        self.table.lock().set_quiet(self.id, since);
    }

    /// Counts a request that begins; says whether there are no more than there may be.
    /// The only one of a connection always has room, for connections are bounded; what
    /// HTTP/2 adds beside it has half, so that nobody's many keep everybody's first out.
    pub(super) fn begin_request(&self) -> bool {
        let mut inner = self.table.lock();
        inner.requests += 1;
        let first = self.own.fetch_add(1, Ordering::Relaxed) == 0;
        first || inner.requests <= self.table.room.requests / 2
    }

    /// A request ended.
    pub(super) fn end_request(&self) {
        self.own.fetch_sub(1, Ordering::Relaxed);
        let mut inner = self.table.lock();
        inner.requests = inner.requests.saturating_sub(1);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.lock().remove(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { connections: 6, for_each_peer: 3, spare: 2, requests: 4 };

    fn table() -> Arc<Table> {
        Arc::new(Table::new(ROOM))
    }

    fn peer(ip: &str) -> Option<Peer> {
        Peer::of(ip.parse().unwrap())
    }

    fn take(table: &Arc<Table>, peer: Option<Peer>) -> Place {
        match table.admit(peer) {
            Admission::Taken(place) => place,
            Admission::Refused => panic!("{peer:?} was refused"),
        }
    }

    fn gone(places: &[Place]) -> Vec<bool> {
        places.iter().map(|p| p.evicted.is_cancelled()).collect()
    }

    #[test]
    fn one_address_makes_place_among_its_own_and_takes_nobody_elses() {
        let table = table();
        let other = take(&table, peer("198.51.100.1"));
        let mine: Vec<_> = (0..3).map(|_| take(&table, peer("192.0.2.7"))).collect();
        mine[0].set_quiet(None);
        let new = take(&table, peer("192.0.2.7"));
        assert_eq!(gone(&mine), [false, true, false], "the oldest of those with nothing under way");
        assert!(!other.evicted.is_cancelled());
        mine[2].set_quiet(None);
        new.set_quiet(None);
        assert!(matches!(table.admit(peer("192.0.2.7")), Admission::Refused), "all are at work");
        assert!(matches!(table.admit(peer("192.0.2.8")), Admission::Taken(_)), "another address");
    }

    #[test]
    fn a_household_has_one_share_however_many_addresses_it_has() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!((peer("127.0.0.1"), peer("127.9.9.9"), peer("::1")), (None, None, None));
    }

    #[test]
    fn a_proxy_on_this_machine_is_bounded_with_all_others_alone() {
        let table = table();
        let all: Vec<_> = (0..6).map(|_| take(&table, None)).collect();
        for place in all.iter().skip(1) {
            place.set_quiet(None);
        }
        let new = take(&table, None);
        assert_eq!(gone(&all), [true, false, false, false, false, false]);
        assert_eq!(new.kind(), Kind::Any);
    }

    #[test]
    fn where_all_are_at_work_health_checks_have_room() {
        let table = table();
        let all: Vec<_> = (0..6).map(|_| take(&table, None)).collect();
        for place in &all {
            place.set_quiet(None);
        }
        let spare = [take(&table, None), take(&table, None)];
        assert!(spare.iter().all(|p| p.kind() == Kind::Health));
        let third = take(&table, None);
        assert_eq!((gone(&spare), third.kind()), (vec![true, false], Kind::Health));
        spare[1].set_quiet(None);
        third.set_quiet(None);
        assert!(matches!(table.admit(None), Admission::Refused));
        drop(all);
        assert_eq!(take(&table, None).kind(), Kind::Any, "places that were given back");
    }

    #[test]
    fn an_answer_that_is_being_taken_counts_as_quiet_only_when_its_time_has_come() {
        let table = table();
        let all: Vec<_> = (0..6).map(|_| take(&table, None)).collect();
        let later = Instant::now() + Duration::from_secs(30);
        for place in &all {
            place.set_quiet(Some(later));
        }
        assert_eq!(take(&table, None).kind(), Kind::Health);
        assert!(!gone(&all).contains(&true));
    }

    #[test]
    fn what_is_closed_and_given_back_is_counted_once() {
        let table = table();
        for _ in 0..50 {
            let places: Vec<_> = (0..9).map(|_| table.admit(peer("192.0.2.7"))).collect();
            table.shed(&io::ErrorKind::Other.into());
            drop(places);
        }
        let inner = table.lock();
        assert!(inner.entries.is_empty() && inner.by_peer.is_empty(), "{inner:?}");
        assert_eq!((inner.taken, inner.quiet.iter().map(BTreeMap::len).sum::<usize>()), ([0, 0], 0));
    }

    #[test]
    fn requests_beyond_the_bound_are_told_so() {
        let table = table();
        let place = take(&table, None);
        assert_eq!([(); 4].map(|()| place.begin_request()), [true, true, false, false]);
        // Whoever comes with one request finds room all the same.
        let other = take(&table, None);
        assert!(other.begin_request());
        other.end_request();
        for _ in 0..3 {
            place.end_request();
        }
        assert!(place.begin_request());
    }
}
