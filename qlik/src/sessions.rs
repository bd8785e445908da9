//! Keeping users' sessions, and opening each only once.
//!
//! However many ask for the same session at the same moment, one login is made
//! and all get its outcome. Sessions are dropped a minute before Qlik would.
//! This module must not know how a session is opened.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moka::future::Cache;
use moka::ops::compute::Op;

use crate::env::Clock;
use crate::session::QlikSession;

/// A session is not handed out this close to its end.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
const A_MINUTE: Duration = Duration::from_mins(1);
const TEN_YEARS: Duration = Duration::from_hours(10 * 365 * 24);

/// How long a tenant lets a session live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Longest time without a request; Qlik's default is 30 minutes.
    pub idle: SignedDuration,
    /// Longest time in all; Qlik's default is 24 hours.
    pub max: SignedDuration,
}

/// Qlik's own defaults
/// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/configure-session-timeout.htm>).
impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle: SignedDuration::from_mins(30), max: SignedDuration::from_hours(24) }
    }
}

/// A cache of sessions by a key that the caller chooses.
///
/// Keys should begin with what the caller may want to drop together, for
/// [`SessionCache::invalidate_all_for`].
pub struct SessionCache {
    slots: Cache<String, Arc<Slot>>,
    /// Logins that may be under way: their key, and whether their outcome is
    /// dropped.
    opening: Mutex<HashMap<u64, (String, Arc<AtomicBool>)>>,
    next: AtomicU64,
    clock: Arc<dyn Clock>,
    limits: SessionLimits,
}

struct Slot {
    session: Arc<QlikSession>,
    /// Unix seconds.
    last_used: AtomicI64,
    dropped: Arc<AtomicBool>,
}

/// A login that may be under way, so that dropping sessions reaches it too.
struct Opening<'a> {
    cache: &'a SessionCache,
    id: u64,
    dropped: Arc<AtomicBool>,
}

impl SessionCache {
    /// A cache for up to `capacity` sessions.
    pub fn new(clock: Arc<dyn Clock>, limits: SessionLimits, capacity: u64) -> Self {
        // The given clock decides; this only frees the memory of sessions that
        // nobody asks for, by the machine's own measure of time.
        let bound = |limit| Duration::try_from(limit).unwrap_or(Duration::ZERO).clamp(A_MINUTE, TEN_YEARS);
        let slots = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(bound(limits.max))
            .time_to_idle(bound(limits.idle))
            .build();
        Self { slots, opening: Mutex::default(), next: AtomicU64::new(0), clock, limits }
    }

    /// The session under `key`, opened with `open` where there is none that is
    /// still good.
    ///
    /// # Errors
    ///
    /// What `open` gave, to all who waited for it. It is not remembered: the next
    /// to ask tries anew.
    pub async fn get<F, Fut, E>(&self, key: &str, open: F) -> Result<Arc<QlikSession>, Arc<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<QlikSession, E>>,
        E: Send + Sync + 'static,
    {
        if let Some(slot) = self.slots.get(key).await
            && let Some(session) = self.take(&slot)
        {
            return Ok(session);
        }
        let opening = self.begin(key);
        let is_own = AtomicBool::new(false);
        // Polled by the cache only where this caller is the one to open, and at
        // most to its end once: the loop is left after that.
        let mut opened = pin!(async {
            opening.dropped.store(false, Ordering::SeqCst);
            let session = Arc::new(open().await?);
            is_own.store(true, Ordering::SeqCst);
            let last_used = AtomicI64::new(self.clock.now().as_second());
            Ok(Arc::new(Slot { session, last_used, dropped: Arc::clone(&opening.dropped) }))
        });
        loop {
            self.slots
                .entry_by_ref(key)
                .and_compute_with(|entry| {
                    let stale = entry.is_some_and(|e| !self.is_good(e.value()));
                    std::future::ready(if stale { Op::Remove } else { Op::Nop })
                })
                .await;
            let slot = self.slots.try_get_with_by_ref(key, opened.as_mut()).await?;
            if is_own.load(Ordering::SeqCst) {
                return Ok(Arc::clone(&slot.session));
            }
            if let Some(session) = self.take(&slot) {
                return Ok(session);
            }
        }
    }

    /// Drops the session under `key` if it is still `seen`: a 401 that comes
    /// late does not drop the session that somebody opened since.
    pub async fn invalidate(&self, key: &str, seen: &Arc<QlikSession>) {
        if let Some(slot) = self.slots.get(key).await
            && Arc::ptr_eq(&slot.session, seen)
        {
            slot.dropped.store(true, Ordering::SeqCst);
        }
    }

    /// Drops all sessions whose key begins with `prefix`, those included that
    /// are being opened: whoever waits for one of these gets one opened anew.
    pub async fn invalidate_all_for(&self, prefix: &str) {
        for (_, dropped) in self.opening().values().filter(|(key, _)| key.starts_with(prefix)) {
            dropped.store(true, Ordering::SeqCst);
        }
        let keys: Vec<_> = self.slots.iter().filter(|(key, _)| key.starts_with(prefix)).collect();
        for (key, slot) in keys {
            slot.dropped.store(true, Ordering::SeqCst);
            let same = Arc::clone(&slot);
            self.slots
                .entry_by_ref(key.as_str())
                .and_compute_with(|entry| {
                    let still = entry.is_some_and(|e| Arc::ptr_eq(e.value(), &same));
                    std::future::ready(if still { Op::Remove } else { Op::Nop })
                })
                .await;
        }
    }

    /// Hands out a slot's session, if it is good.
    fn take(&self, slot: &Slot) -> Option<Arc<QlikSession>> {
        self.is_good(slot).then(|| {
            slot.last_used.fetch_max(self.clock.now().as_second(), Ordering::SeqCst);
            Arc::clone(&slot.session)
        })
    }

    fn is_good(&self, slot: &Slot) -> bool {
        let now = self.clock.now();
        let last_used =
            Timestamp::from_second(slot.last_used.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN);
        // To the second, and the last second not: the last use may have been at
        // the end of the second that was noted.
        let within = |since: Timestamp, limit: SignedDuration| {
            limit.checked_sub(MARGIN).is_some_and(|limit| now.duration_since(since) < limit)
        };
        let lives = match slot.session.ends_at() {
            // A token does not end by being idle.
            Some(end) => end.duration_since(now) > MARGIN,
            None => within(last_used, self.limits.idle) && within(slot.session.opened_at(), self.limits.max),
        };
        !slot.dropped.load(Ordering::SeqCst) && lives
    }

    fn begin(&self, key: &str) -> Opening<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let dropped = Arc::new(AtomicBool::new(false));
        self.opening().insert(id, (key.to_owned(), Arc::clone(&dropped)));
        Opening { cache: self, id, dropped }
    }

    fn opening(&self) -> MutexGuard<'_, HashMap<u64, (String, Arc<AtomicBool>)>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.cache.opening().remove(&self.id);
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("entries", &self.slots.entry_count())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
