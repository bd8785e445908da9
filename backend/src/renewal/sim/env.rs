//! Time and chance of a simulated world: two clocks, random bytes that a seed
//! decides.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use jiff::Timestamp;
use qlik::{Clock, Entropy};

use crate::store::at;

/// A clock of ours: Qlik's time and what ours is off by.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    pub(super) tenant: AtomicI64,
    pub(super) skew: AtomicI64,
}

impl Clock for Clocks {
    fn now(&self) -> Timestamp {
        at(self.tenant.load(Ordering::SeqCst) + self.skew.load(Ordering::SeqCst))
    }
}

/// Random bytes that a seed decides (splitmix64).
#[derive(Debug, Default)]
pub(super) struct Seeded(pub(super) AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            let mut z =
                self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst).wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let bytes = (z ^ (z >> 31)).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
