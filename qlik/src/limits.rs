//! Staying below Qlik's rate limits.
//!
//! Qlik counts calls per user, tenant and tier, 1000 a minute for reads and 100
//! for the rest, and answers 429 with `retry-after` past that
//! (<https://qlik.dev/apis/rest/rate-limiting/>). Two things keep us below: a
//! token bucket per tenant host and tier (`turns.rs` says whose turn it is), and a
//! hold per credential for as long as a 429 asked for. This module must not know
//! any endpoint.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::env::Clock;
use crate::host::TenantHost;
use crate::turns::{Lane, Turns};

/// Longest time that a call waits for its turn before it is refused.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(2);
/// The same for [`Lane::Upkeep`]: late is better than not at all.
pub(crate) const MAX_UPKEEP_WAIT: Duration = Duration::from_secs(5);
/// When somebody may ask again of whom too many calls wait already.
const CROWDED: Duration = Duration::from_secs(2);
/// What a 429 without a readable `retry-after` is taken to ask for: Qlik's
/// windows are minutes long, its own example says 13 seconds.
const DEFAULT_HOLD: Duration = Duration::from_secs(15);
/// No hold is longer, whatever was asked for: Qlik's window is 5 minutes.
const MAX_HOLD: Duration = Duration::from_mins(10);
/// So many hosts may have a bucket before those at rest are forgotten.
const MAX_BUCKETS: usize = 10_000;

/// Qlik's classes of calls, each with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tier {
    /// Reads.
    One,
    /// Changes and logins.
    Two,
}

/// Who is held back: credentials of one host must not wait for each other's 429.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    pub(crate) host: TenantHost,
    pub(crate) tier: Tier,
    /// Tells credentials apart; never the credential itself.
    pub(crate) identity: String,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    since: Timestamp,
    until: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Limits {
    turns: Mutex<HashMap<(TenantHost, Tier), Turns>>,
    tier1_per_minute: u32,
    tier2_per_minute: u32,
    tickets: AtomicU64,
    holds: Mutex<HashMap<Caller, Hold>>,
    clock: Arc<dyn Clock>,
}

/// One who waits for a turn, and no longer does once this is dropped.
struct Place<'a> {
    limits: &'a Limits,
    at: (TenantHost, Tier),
    ticket: u64,
}

impl Place<'_> {
    async fn wait(
        self,
        caller: &Caller,
        lane: &Lane,
        since: Instant,
        mut wait: Duration,
    ) -> Result<(), Duration> {
        let most = if *lane == Lane::Upkeep { MAX_UPKEEP_WAIT } else { MAX_WAIT };
        loop {
            if since.elapsed() + wait > most {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
            if let Some(left) = self.limits.held(caller) {
                return Err(left);
            }
            let now = Instant::now();
            match self.limits.at(&self.at, now, |turns| turns.take(self.ticket, lane, now)) {
                Ok(()) => return Ok(()),
                Err(more) => wait = more,
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(turns) = lock(&self.limits.turns).get_mut(&self.at) {
            turns.leave(self.ticket);
        }
    }
}

impl Limits {
    /// Buckets that fill at so many calls a minute; 0 is taken as 1. The buckets
    /// measure with a monotonic clock: a wall clock that is set back would
    /// otherwise stop all calls for that long.
    pub(crate) fn new(tier1_per_minute: u32, tier2_per_minute: u32, clock: Arc<dyn Clock>) -> Self {
        Self {
            turns: Mutex::default(),
            tier1_per_minute,
            tier2_per_minute,
            tickets: AtomicU64::default(),
            holds: Mutex::default(),
            clock,
        }
    }

    /// Waits for the caller's turn, at most [`MAX_WAIT`], or [`MAX_UPKEEP_WAIT`].
    ///
    /// # Errors
    ///
    /// The time after which it may be tried again.
    pub(crate) async fn turn(&self, caller: &Caller, lane: &Lane) -> Result<(), Duration> {
        if let Some(left) = self.held(caller) {
            return Err(left);
        }
        let at = (caller.host.clone(), caller.tier);
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let taken = self.at(&at, now, |turns| {
            if turns.is_crowded(lane) { Err(None) } else { turns.take(ticket, lane, now).map_err(Some) }
        });
        match taken {
            Ok(()) => Ok(()),
            Err(None) => Err(CROWDED),
            // Seldom, so that all the calls that need not wait are no larger for it.
            Err(Some(wait)) => {
                let place = Place { limits: self, at, ticket };
                Box::pin(place.wait(caller, lane, now, wait)).await
            }
        }
    }

    fn at<T>(&self, at: &(TenantHost, Tier), now: Instant, ask: impl FnOnce(&mut Turns) -> T) -> T {
        let mut all = lock(&self.turns);
        if all.len() > MAX_BUCKETS && !all.contains_key(at) {
            all.retain(|_, turns| !turns.is_at_rest(now));
        }
        let per_minute = match at.1 {
            Tier::One => self.tier1_per_minute,
            Tier::Two => self.tier2_per_minute,
        };
        ask(all.entry(at.clone()).or_insert_with(|| Turns::new(per_minute, now)))
    }

    /// Holds the caller back after a 429, and says for how long.
    pub(crate) fn hold(&self, caller: Caller, asked: Option<Duration>) -> Duration {
        let wait = asked.unwrap_or(DEFAULT_HOLD).min(MAX_HOLD);
        let since = self.clock.now();
        let until = SignedDuration::try_from(wait).ok().and_then(|w| since.checked_add(w).ok());
        let mut holds = lock(&self.holds);
        holds.retain(|_, hold| still_held(*hold, since).is_some());
        if let Some(until) = until {
            holds.insert(caller, Hold { since, until });
        }
        wait
    }

    fn held(&self, caller: &Caller) -> Option<Duration> {
        let now = self.clock.now();
        let mut holds = lock(&self.holds);
        let left = still_held(*holds.get(caller)?, now);
        if left.is_none() {
            holds.remove(caller);
        }
        left
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time left; none where it is over, or where the clock was set back behind
/// its start.
fn still_held(hold: Hold, now: Timestamp) -> Option<Duration> {
    if now < hold.since || now >= hold.until {
        return None;
    }
    Duration::try_from(hold.until.duration_since(now)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Hand(Mutex<Timestamp>);

    impl Hand {
        fn new() -> Arc<Self> {
            Arc::new(Self(Mutex::new("2026-03-01T12:00:00Z".parse().unwrap())))
        }

        fn set(&self, seconds: i64) {
            let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
            *self.0.lock().unwrap() = start + SignedDuration::from_secs(seconds);
        }
    }

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn caller(host: &str, tier: Tier, identity: &str) -> Caller {
        Caller { host: format!("{host}.eu.qlikcloud.com").parse().unwrap(), tier, identity: identity.into() }
    }

    #[tokio::test]
    async fn a_hold_is_for_one_credential_tier_and_host_until_its_time_is_over() {
        let clock = Hand::new();
        let limits = Limits::new(900, 90, Arc::clone(&clock) as Arc<dyn Clock>);
        let held = caller("acme", Tier::Two, "key a");
        assert_eq!(limits.hold(held.clone(), Some(Duration::from_secs(13))), Duration::from_secs(13));
        clock.set(3);
        assert_eq!(limits.turn(&held, &Lane::Upkeep).await, Err(Duration::from_secs(10)));
        for other in [
            caller("acme", Tier::One, "key a"),
            caller("acme", Tier::Two, "key b"),
            caller("globex", Tier::Two, "key a"),
        ] {
            assert_eq!(limits.turn(&other, &Lane::Upkeep).await, Ok(()));
        }
        clock.set(13);
        assert_eq!(limits.turn(&held, &Lane::Upkeep).await, Ok(()));
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_ends_a_hold() {
        let clock = Hand::new();
        let limits = Limits::new(900, 90, Arc::clone(&clock) as Arc<dyn Clock>);
        let held = caller("acme", Tier::One, "key a");
        limits.hold(held.clone(), Some(Duration::from_secs(13)));
        clock.set(-3600);
        assert_eq!(limits.turn(&held, &Lane::Upkeep).await, Ok(()));
    }

    #[tokio::test]
    async fn holds_are_bounded_and_have_a_default() {
        let limits = Limits::new(900, 90, Hand::new());
        let held = caller("acme", Tier::One, "key a");
        assert_eq!(limits.hold(held.clone(), None), DEFAULT_HOLD);
        assert_eq!(limits.hold(held.clone(), Some(Duration::MAX)), MAX_HOLD);
        assert_eq!(limits.turn(&held, &Lane::Upkeep).await, Err(MAX_HOLD));
        assert_eq!(limits.hold(held.clone(), Some(Duration::ZERO)), Duration::ZERO);
        assert_eq!(limits.turn(&held, &Lane::Upkeep).await, Ok(()));
    }

    #[tokio::test]
    async fn past_the_bucket_a_call_is_refused_when_its_turn_is_far_off() {
        let limits = Limits::new(1, 1, Hand::new());
        let one = caller("acme", Tier::One, "key a");
        assert_eq!(limits.turn(&one, &Lane::Upkeep).await, Ok(()));
        let wait = limits.turn(&one, &Lane::Upkeep).await.unwrap_err();
        assert!(wait > MAX_UPKEEP_WAIT && wait <= Duration::from_mins(1), "{wait:?}");
        let other = caller("acme", Tier::One, "key b");
        assert!(limits.turn(&other, &Lane::Upkeep).await.is_err(), "the bucket is the host's");
        assert_eq!(limits.turn(&caller("globex", Tier::One, "key a"), &Lane::Upkeep).await, Ok(()));
        assert_eq!(limits.turn(&caller("acme", Tier::Two, "key a"), &Lane::Upkeep).await, Ok(()));
    }

    #[tokio::test]
    async fn a_full_bucket_and_what_fills_in_five_minutes_stay_below_qliks_limit() {
        for (per_minute, qlik) in [(900_u32, 5 * 1000), (90, 5 * 100)] {
            let limits = Limits::new(per_minute, per_minute, Hand::new());
            let one = caller("acme", Tier::Two, "key a");
            let mut at_once = 0;
            // Stops at the first that would have to wait.
            while tokio::time::timeout(Duration::ZERO, limits.turn(&one, &Lane::Upkeep)).await == Ok(Ok(())) {
                at_once += 1;
            }
            assert!(at_once >= per_minute / 2, "{at_once}");
            assert!(at_once + 5 * per_minute < qlik, "{at_once} at once");
        }
    }

    #[tokio::test]
    async fn past_the_bucket_a_call_waits_when_its_turn_is_near() {
        let limits = Limits::new(6000, 1, Hand::new());
        let one = caller("acme", Tier::One, "key a");
        for _ in 0..3000 {
            assert_eq!(limits.turn(&one, &Lane::Upkeep).await, Ok(()));
        }
        // Ten milliseconds each from here on.
        assert_eq!(limits.turn(&one, &Lane::Upkeep).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_person_who_asks_for_all_holds_up_neither_upkeep_nor_others() {
        let limits = Limits::new(900, 90, Hand::new());
        let greedy = caller("acme", Tier::One, "user greedy");
        let lane = Lane::person("greedy");
        let asked = futures::future::join_all((0..300).map(|_| limits.turn(&greedy, &lane))).await;
        let got = asked.iter().filter(|a| a.is_ok()).count();
        assert!((112..130).contains(&got), "{got}");
        assert!(asked.iter().filter_map(|a| a.err()).all(|wait| wait >= Duration::from_millis(1)));
        for (identity, lane) in [("user other", Lane::person("other")), ("key a", Lane::Upkeep)] {
            let asks = caller("acme", Tier::One, identity);
            let now = tokio::time::timeout(Duration::ZERO, limits.turn(&asks, &lane)).await;
            assert_eq!(now, Ok(Ok(())), "{identity} waits");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_leaves_no_place_behind() {
        let limits = Limits::new(60, 60, Hand::new());
        let one = caller("acme", Tier::One, "key a");
        while tokio::time::timeout(Duration::ZERO, limits.turn(&one, &Lane::Upkeep)).await == Ok(Ok(())) {}
        for _ in 0..20 {
            let gone = tokio::time::timeout(Duration::from_millis(1), limits.turn(&one, &Lane::Upkeep)).await;
            assert!(gone.is_err(), "its turn is a second off");
        }
        let start = Instant::now();
        assert_eq!(limits.turn(&one, &Lane::Upkeep).await, Ok(()));
        assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
    }
}
