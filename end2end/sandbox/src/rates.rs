//! Rate limits: per tier, user and tenant, over five-minute windows
//! (<https://qlik.dev/apis/rest/rate-limiting/>).

use std::collections::{HashMap, VecDeque};

use http::Method;
use jiff::{SignedDuration, Timestamp};

use crate::clock::later;

/// The windows are five minutes long; limits are stated per minute.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
const MINUTES: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tier {
    One,
    Two,
}

impl Tier {
    /// Reading is tier 1, changing and signing in tier 2.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        if method == Method::GET || method == Method::HEAD || path.ends_with("/actions/filter") {
            Self::One
        } else {
            Self::Two
        }
    }
}

#[derive(Debug)]
pub(crate) struct Rates {
    on: bool,
    tier1_per_min: u32,
    tier2_per_min: u32,
    /// Times of the calls in the window by (tenant, user, tier); the user `""`
    /// stands for the whole tenant.
    calls: HashMap<(String, String, Tier), VecDeque<Timestamp>>,
}

impl Default for Rates {
    /// Off, at Qlik's numbers.
    fn default() -> Self {
        Self { on: false, tier1_per_min: 1_000, tier2_per_min: 100, calls: HashMap::new() }
    }
}

impl Rates {
    pub(crate) fn set(&mut self, on: bool, tier1_per_min: u32, tier2_per_min: u32) {
        *self = Self { on, tier1_per_min, tier2_per_min, calls: HashMap::new() };
    }

    /// Counts a call, or gives the seconds to wait. A refused call does not count.
    pub(crate) fn admit(
        &mut self,
        tenant: &str,
        user: &str,
        users_in_tenant: usize,
        tier: Tier,
        now: Timestamp,
    ) -> Result<(), i64> {
        if !self.on {
            return Ok(());
        }
        let per_min = match tier {
            Tier::One => self.tier1_per_min,
            Tier::Two => self.tier2_per_min,
        };
        let user_limit = usize::try_from(per_min).unwrap_or(usize::MAX).saturating_mul(MINUTES);
        // "user limit x users x 0.5"; never below one user's share, or a tenant
        // with a single user could not use what that user is promised.
        let tenant_limit = (user_limit.saturating_mul(users_in_tenant) / 2).max(user_limit);
        let slots = [(user, user_limit), ("", tenant_limit)];
        for (who, limit) in slots {
            let calls = self.calls.entry((tenant.to_owned(), who.to_owned(), tier)).or_default();
            while calls.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
                calls.pop_front();
            }
            if calls.len() >= limit {
                let free_at = calls.front().map_or_else(|| later(now, WINDOW), |first| later(*first, WINDOW));
                return Err(free_at.duration_since(now).as_secs().max(1));
            }
        }
        for (who, _) in slots {
            self.calls.entry((tenant.to_owned(), who.to_owned(), tier)).or_default().push_back(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + secs).unwrap()
    }

    #[test]
    fn off_means_off() {
        let mut rates = Rates::default();
        for _ in 0..10_000 {
            assert_eq!(rates.admit("t", "u", 1, Tier::Two, at(0)), Ok(()));
        }
    }

    #[test]
    fn a_window_fills_says_how_long_to_wait_and_empties() {
        let mut rates = Rates::default();
        rates.set(true, 100, 1);
        for second in 0..5 {
            assert_eq!(rates.admit("t", "u", 1, Tier::Two, at(second)), Ok(()));
        }
        assert_eq!(rates.admit("t", "u", 1, Tier::Two, at(10)), Err(290));
        assert_eq!(rates.admit("t", "u", 1, Tier::One, at(10)), Ok(()), "only that tier is blocked");
        assert_eq!(rates.admit("other", "u", 1, Tier::Two, at(10)), Ok(()), "only that tenant is blocked");
        assert_eq!(rates.admit("t", "u", 1, Tier::Two, at(300)), Ok(()));
    }

    #[test]
    fn a_tenant_has_half_of_what_its_users_have_together() {
        let mut rates = Rates::default();
        rates.set(true, 100, 2);
        for user in ["a", "b", "c"] {
            for _ in 0..5 {
                assert_eq!(rates.admit("t", user, 3, Tier::Two, at(0)), Ok(()));
            }
        }
        assert_eq!(rates.admit("t", "c", 3, Tier::Two, at(1)), Err(299), "15 of 3 x 10 / 2 are used");
    }
}
