//! How often somebody may try: buckets that refill, by governor's own
//! monotonic clock, in a bounded memory.
//!
//! Tries are counted by the place that they come from, and by place and e-mail
//! together. By e-mail alone only those from browsers that the account does not
//! know are counted (`guard.rs`), or anybody could lock anybody out: a browser
//! that it knows is counted here, by itself.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use moka::{future::Cache, policy::EvictionPolicy};

use crate::Error;

/// Sign-ins of one e-mail from one place.
const PAIR: Quota = quota(2, 10);
/// Sign-ins of one account from a browser that it knows.
const DEVICE: Quota = quota(1, 10);
/// Sign-ins from one place, where a whole office may sit behind one address.
const PLACE: Quota = quota(60, 60);
/// Tries of the set-up code from one place.
const SET_UP: Quota = quota(2, 10);
/// Tries of one's own current password.
const CURRENT_PASSWORD: Quota = quota(2, 10);
/// Buckets of one kind. The longest unused one goes first; to make somebody
/// else's go takes this many addresses.
const BUCKETS: u64 = 10_000;

/// So many a minute, and so many at once after a rest.
const fn quota(per_minute: u32, at_once: u32) -> Quota {
    Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(at_once))
}

const fn at_least_one(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

/// Where a request comes from, as far as it counts here: one IPv4 address, or
/// the /64 of an IPv6 address, which one person can have all of. Callers
/// without an address are one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    V4(u32),
    V6(u64),
    Unknown,
}

impl From<Option<IpAddr>> for Place {
    fn from(ip: Option<IpAddr>) -> Self {
        match ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(v4)) => Self::V4(v4.to_bits()),
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d].iter().fold(0, |net, part| net << 16 | u64::from(*part)))
            }
            None => Self::Unknown,
        }
    }
}

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// One bucket for each key.
pub(super) struct Throttle<K, C: Clock = DefaultClock> {
    quota: Quota,
    clock: C,
    buckets: Cache<K, Arc<Bucket<C>>>,
}

impl<K, C> Throttle<K, C>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    C: Clock + Clone + Send + Sync + 'static,
    C::Instant: Send + Sync,
{
    fn new(quota: Quota, clock: C, capacity: u64) -> Self {
        let buckets = Cache::builder()
            .max_capacity(capacity)
            .eviction_policy(EvictionPolicy::lru())
            // Unused for that long it is full again, as a new one is.
            .time_to_idle(quota.burst_size_replenished_in() + Duration::from_secs(1))
            .build();
        Self { quota, clock, buckets }
    }

    /// Counts one try.
    async fn take(&self, key: K) -> Result<(), Error> {
        let new = async { Arc::new(Bucket::direct_with_clock(self.quota, self.clock.clone())) };
        let bucket = self.buckets.get_with(key, new).await;
        bucket
            .check()
            .map_err(|until| Error::TooManyTries { retry_after: until.wait_time_from(self.clock.now()) })
    }

    /// Forgets the tries of this key.
    async fn forget(&self, key: &K) {
        self.buckets.invalidate(key).await;
    }
}

/// All that is counted.
pub(super) struct Tries {
    places: Throttle<Place>,
    pairs: Throttle<(Place, u64)>,
    devices: Throttle<String>,
    set_up: Throttle<Place>,
    current_password: Throttle<String>,
    /// E-mails are kept as a hash that only this process can make.
    emails: RandomState,
}

impl Default for Tries {
    fn default() -> Self {
        let clock = DefaultClock::default();
        Self {
            places: Throttle::new(PLACE, clock.clone(), BUCKETS),
            pairs: Throttle::new(PAIR, clock.clone(), BUCKETS),
            devices: Throttle::new(DEVICE, clock.clone(), BUCKETS),
            set_up: Throttle::new(SET_UP, clock.clone(), BUCKETS),
            current_password: Throttle::new(CURRENT_PASSWORD, clock, BUCKETS),
            emails: RandomState::new(),
        }
    }
}

impl Tries {
    /// Counts one try to sign in from a place, whoever it is for.
    pub(super) async fn place(&self, from: Option<IpAddr>) -> Result<(), Error> {
        self.places.take(Place::from(from)).await
    }

    /// Counts one try of an e-mail from a place, by the e-mail's key. To be asked
    /// after the place: who tries many e-mails fills no memory with them.
    pub(super) async fn pair(&self, from: Option<IpAddr>, email_key: &str) -> Result<(), Error> {
        match Place::from(from) {
            // Together with no address the e-mail would count alone.
            Place::Unknown => Ok(()),
            place => self.pairs.take((place, self.email(email_key))).await,
        }
    }

    /// Counts one try from a browser that the account knows.
    pub(super) async fn device(&self, device: &str) -> Result<(), Error> {
        self.devices.take(device.to_owned()).await
    }

    /// A sign-in went well: earlier slips of that person there don't count any
    /// more. Those of the place do, or an account of one's own would buy tries
    /// at those of others.
    pub(super) async fn signed_in(&self, from: Option<IpAddr>, email_key: &str, device: Option<&str>) {
        self.pairs.forget(&(Place::from(from), self.email(email_key))).await;
        if let Some(device) = device {
            self.devices.forget(&device.to_owned()).await;
        }
    }

    /// Counts one try of the set-up code.
    pub(super) async fn set_up(&self, from: Option<IpAddr>) -> Result<(), Error> {
        self.set_up.take(Place::from(from)).await
    }

    /// Counts one try of a signed-in person's own password.
    pub(super) async fn current_password(&self, user_id: &str) -> Result<(), Error> {
        self.current_password.take(user_id.to_owned()).await
    }

    fn email(&self, email: &str) -> u64 {
        self.emails.hash_one(email)
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn throttle(capacity: u64) -> (Throttle<u32, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Throttle::new(quota(2, 3), clock.clone(), capacity), clock)
    }

    fn ip(s: &str) -> IpAddr {
        s.parse().unwrap()
    }

    #[tokio::test]
    async fn after_a_burst_it_tells_when_the_next_try_is_taken_and_takes_it_then() {
        let (t, clock) = throttle(10);
        for _ in 0..3 {
            t.take(1).await.unwrap();
        }
        let Err(Error::TooManyTries { retry_after }) = t.take(1).await else { panic!("taken") };
        assert_eq!(retry_after, Duration::from_secs(30));
        t.take(2).await.unwrap();
        clock.advance(Duration::from_secs(29));
        assert!(t.take(1).await.is_err());
        clock.advance(Duration::from_secs(1));
        t.take(1).await.unwrap();
        assert!(t.take(1).await.is_err());
    }

    #[tokio::test]
    async fn what_is_forgotten_begins_anew() {
        let (t, _) = throttle(10);
        while t.take(1).await.is_ok() {}
        t.forget(&1).await;
        t.take(1).await.unwrap();
    }

    #[tokio::test]
    async fn the_number_of_buckets_is_bounded() {
        let (t, _) = throttle(100);
        for key in 0..5_000 {
            t.take(key).await.unwrap();
        }
        t.buckets.run_pending_tasks().await;
        assert!(t.buckets.entry_count() <= 100, "{}", t.buckets.entry_count());
    }

    #[test]
    fn one_ipv6_network_is_one_place_and_a_mapped_address_is_the_ipv4_one() {
        let place = |s| Place::from(Some(ip(s)));
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.7"), place("192.0.2.7"));
        assert_ne!(place("192.0.2.8"), place("192.0.2.7"));
        assert_ne!(Place::from(None), place("0.0.0.0"));
    }

    async fn sign_in(tries: &Tries, from: Option<IpAddr>, email: &str) -> Result<(), Error> {
        tries.place(from).await?;
        tries.pair(from, email).await
    }

    #[tokio::test]
    async fn many_tries_of_one_e_mail_block_it_at_that_place_alone() {
        let tries = Tries::default();
        while sign_in(&tries, Some(ip("192.0.2.1")), "a@acme.example").await.is_ok() {}
        assert!(sign_in(&tries, Some(ip("192.0.2.1")), "a@acme.example").await.is_err());
        sign_in(&tries, Some(ip("192.0.2.2")), "a@acme.example").await.unwrap();
        sign_in(&tries, Some(ip("192.0.2.1")), "b@acme.example").await.unwrap();
    }

    #[tokio::test]
    async fn many_e_mails_from_one_place_block_the_place() {
        let tries = Tries::default();
        let mut taken = 0;
        while sign_in(&tries, Some(ip("192.0.2.1")), &format!("{taken}@acme.example")).await.is_ok() {
            taken += 1;
        }
        // The real clock runs: a slow machine may see one or two refilled.
        assert!((60..70).contains(&taken), "{taken}");
        sign_in(&tries, Some(ip("192.0.2.2")), "0@acme.example").await.unwrap();
    }

    #[tokio::test]
    async fn without_an_address_an_e_mail_is_not_counted_alone() {
        let tries = Tries::default();
        for _ in 0..20 {
            sign_in(&tries, None, "a@acme.example").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_sign_in_forgives_the_pair_and_the_browser_and_not_the_place() {
        let tries = Tries::default();
        let here = Some(ip("192.0.2.1"));
        while sign_in(&tries, here, "a@acme.example").await.is_ok() {}
        while tries.device("d").await.is_ok() {}
        tries.signed_in(here, "a@acme.example", Some("d")).await;
        sign_in(&tries, here, "a@acme.example").await.unwrap();
        tries.device("d").await.unwrap();
        while tries.places.take(Place::from(here)).await.is_ok() {}
        tries.signed_in(here, "a@acme.example", None).await;
        assert!(sign_in(&tries, here, "a@acme.example").await.is_err());
    }
}
