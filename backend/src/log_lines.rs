//! Lines of the log about what others do: each, as long as they are few, so that nobody
//! can fill the disk by them.
//!
//! This module must not know what a line says.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// One kind of line: three hundred at once, then sixty a minute.
#[derive(Debug)]
pub struct LogLines {
    limit: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Default for LogLines {
    fn default() -> Self {
        let quota = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self {
            limit: RateLimiter::direct(Quota::per_minute(quota(60)).allow_burst(quota(300))),
            left_out: AtomicU64::new(0),
        }
    }
}

impl LogLines {
    /// How many lines were left out before this one; none where it is left out too.
    pub fn next(&self) -> Option<u64> {
        if self.limit.check().is_ok() {
            Some(self.left_out.swap(0, Ordering::Relaxed))
        } else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_bounded_number_of_lines_and_the_next_one_says_how_many_are_missing() {
        let lines = LogLines::default();
        let told = (0..10_000).filter_map(|_| lines.next()).count();
        assert!((300..330).contains(&told), "{told}");
        assert_eq!(lines.left_out.load(Ordering::Relaxed), 10_000 - told as u64);
    }
}
