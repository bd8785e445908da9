//! Staying below Qlik's rate limits.
//!
//! Qlik counts calls per user, tenant and tier, 1000 a minute for reads and 100
//! for the rest, and answers 429 with `retry-after` past that
//! (<https://qlik.dev/apis/rest/rate-limiting/>). Two things keep us below: a
//! token bucket per tenant host and tier, and a hold per credential for as long
//! as a 429 asked for. This module must not know any endpoint.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};

use crate::env::Clock;
use crate::host::TenantHost;

/// Longest time that a call waits for its turn before it is refused.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(2);
/// What a 429 without a readable `retry-after` is taken to ask for: Qlik's
/// windows are minutes long, its own example says 13 seconds.
const DEFAULT_HOLD: Duration = Duration::from_secs(15);
/// No hold is longer, whatever was asked for: Qlik's window is 5 minutes.
const MAX_HOLD: Duration = Duration::from_secs(600);
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
    tier1: DefaultKeyedRateLimiter<TenantHost>,
    tier2: DefaultKeyedRateLimiter<TenantHost>,
    holds: Mutex<HashMap<Caller, Hold>>,
    clock: Arc<dyn Clock>,
}

impl Limits {
    /// Buckets that fill at so many calls a minute; 0 is taken as 1.
    pub(crate) fn new(tier1_per_minute: u32, tier2_per_minute: u32, clock: Arc<dyn Clock>) -> Self {
        let quota = |n: u32| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        // The buckets measure with a monotonic clock: a wall clock that is set
        // back would otherwise stop all calls for that long.
        Self {
            tier1: RateLimiter::keyed(quota(tier1_per_minute)),
            tier2: RateLimiter::keyed(quota(tier2_per_minute)),
            holds: Mutex::new(HashMap::new()),
            clock,
        }
    }

    /// Waits for the caller's turn, at most [`MAX_WAIT`].
    ///
    /// # Errors
    ///
    /// The time after which it may be tried again.
    pub(crate) async fn turn(&self, caller: &Caller) -> Result<(), Duration> {
        let bucket = match caller.tier {
            Tier::One => &self.tier1,
            Tier::Two => &self.tier2,
        };
        let clock = DefaultClock::default();
        let mut waited = Duration::ZERO;
        loop {
            if let Some(left) = self.held(caller) {
                return Err(left);
            }
            let Err(not_yet) = bucket.check_key(&caller.host) else { return Ok(()) };
            let wait = not_yet.wait_time_from(clock.now()).max(Duration::from_millis(1));
            if waited + wait > MAX_WAIT {
                return Err(wait);
            }
            tokio::time::sleep(wait).await;
            waited += wait;
        }
    }

    /// Holds the caller back after a 429, and says for how long.
    pub(crate) fn hold(&self, caller: Caller, asked: Option<Duration>) -> Duration {
        let wait = asked.unwrap_or(DEFAULT_HOLD).min(MAX_HOLD);
        let since = self.clock.now();
        let until = SignedDuration::try_from(wait).ok().and_then(|w| since.checked_add(w).ok());
        let mut holds = self.holds();
        holds.retain(|_, hold| still_held(*hold, since).is_some());
        if let Some(until) = until {
            holds.insert(caller, Hold { since, until });
        }
        drop(holds);
        if self.tier1.len() + self.tier2.len() > MAX_BUCKETS {
            self.tier1.retain_recent();
            self.tier2.retain_recent();
        }
        wait
    }

    fn held(&self, caller: &Caller) -> Option<Duration> {
        let now = self.clock.now();
        let mut holds = self.holds();
        let left = still_held(*holds.get(caller)?, now);
        if left.is_none() {
            holds.remove(caller);
        }
        left
    }

    fn holds(&self) -> MutexGuard<'_, HashMap<Caller, Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time left; none where it is over, or where the clock was set back behind
/// its start.
fn still_held(hold: Hold, now: Timestamp) -> Option<Duration> {
    if now < hold.since || now >= hold.until {
        return None;
    }
    Duration::try_from(hold.until.duration_since(now)).ok()
}
