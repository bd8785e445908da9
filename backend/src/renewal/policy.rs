//! When a key comes due and how long failures wait: one place for the
//! scheduler, the settings page and the checks.

use super::state::KeyRef;
use crate::backoff::{doubling, part};

const DAY: i64 = 86_400;

/// The numbers of the renewal, in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long the old key lives on after the switch, for calls that began with it.
    pub grace: i64,
    /// How long a new key may take until it works.
    pub prove_for: i64,
    /// The first wait after a failure.
    pub backoff_first: i64,
    /// The longest wait after a failure.
    pub backoff_most: i64,
    /// How often a refused key is tried again.
    pub recheck: i64,
    /// How long a request that was given up may take until it takes place all
    /// the same.
    pub late: i64,
    /// How often the coming renewal is looked at.
    pub look_every: i64,
    /// When it is looked at again where Qlik could not be asked.
    pub look_again: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace: 60,
            prove_for: 600,
            backoff_first: 60,
            backoff_most: 3_600,
            recheck: 900,
            late: 600,
            look_every: DAY,
            look_again: 3_600,
        }
    }
}

/// How long before its expiry a key comes due: one day, and a third of the
/// lifetime where that is shorter.
pub fn lead(key: &KeyRef) -> i64 {
    DAY.min((key.expires_at - key.created_at).max(0) / 3)
}

/// When a key comes due. `jitter` (0 to 1, rolled once) moves it up to a
/// hundredth of the lead earlier, so that keys made together are not renewed
/// together; never later.
pub fn due_at(key: &KeyRef, jitter: f64) -> i64 {
    let lead = lead(key);
    key.expires_at - lead - part(lead / 100, jitter)
}

/// The wait before try `attempts + 1`, counted from `now`. It doubles from
/// `backoff_first`, carries up to a fifth of jitter, honours what Qlik asks
/// for, and never waits longer than a quarter of the key's remaining life, so
/// that it can't sleep past the last useful moment. What Qlik asks for is honoured up to
/// `backoff_most`.
pub(super) fn next_try(
    now: i64,
    attempts: u32,
    retry_after: Option<i64>,
    key: &KeyRef,
    policy: &Policy,
    jitter: f64,
) -> i64 {
    let wait = doubling(attempts, policy.backoff_first, policy.backoff_most, jitter);
    let left = key.expires_at - now;
    // Ten seconds at least: the end of a key's life is no reason to hammer.
    let wait = if left > 0 { wait.min((left / 4).max(10)) } else { wait };
    now + wait.max(asked_for(retry_after, policy))
}

/// The wait that Qlik asks for, in seconds. Its limits are counted over minutes
/// (<https://qlik.dev/apis/rest/rate-limiting/>): more than
/// the longest wait of ours is a mistake that must not cost a key.
pub(super) fn asked_for(retry_after: Option<i64>, policy: &Policy) -> i64 {
    retry_after.unwrap_or(0).clamp(0, policy.backoff_most)
}

/// The longest wait after a failure.
pub(super) fn longest(policy: &Policy) -> i64 {
    policy.backoff_most + policy.backoff_most / 5
}

/// When the coming renewal is looked at next: up to a twenty-fourth of the time
/// earlier, so that portals that were connected together do not look together.
pub(crate) fn next_look(now: i64, policy: &Policy, jitter: f64) -> i64 {
    now + policy.look_every - part(policy.look_every / 24, jitter)
}

/// How many tries fit between the day a key comes due and its expiry, if each
/// fails and none is slow.
pub(super) fn tries(key: &KeyRef, renew_at: i64, policy: &Policy) -> u32 {
    let (mut at, mut tries) = (renew_at, 0);
    while at < key.expires_at && tries < 1_000 {
        tries += 1;
        at = next_try(at, tries, None, key, policy, 1.0);
    }
    tries
}

/// Waits between two looks at a new key that does not work yet; longer ones once
/// its time is over and it is asked for want of a better: it is the last hope.
pub(super) fn next_proof(now: i64, since: i64, last_hope: bool, policy: &Policy) -> i64 {
    let longest = if last_hope && now - since > policy.prove_for { policy.recheck } else { 60 };
    now + ((now - since) / 2).clamp(2, longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(created_at: i64, expires_at: i64) -> KeyRef {
        KeyRef { key_id: "k".to_owned(), created_at, expires_at }
    }

    #[test]
    fn a_key_of_three_days_is_due_one_day_before_it_expires() {
        assert_eq!(due_at(&key(0, 3 * DAY), 0.0), 2 * DAY);
    }

    #[test]
    fn a_key_of_a_year_is_due_one_day_before_it_expires() {
        assert_eq!(due_at(&key(0, 365 * DAY), 0.0), 364 * DAY);
    }

    #[test]
    fn a_key_of_24_hours_is_due_after_two_thirds_of_its_life() {
        assert_eq!(due_at(&key(0, DAY), 0.0), 16 * 3600);
    }

    #[test]
    fn a_long_key_with_20_hours_left_is_due() {
        assert!(due_at(&key(0, 3 * DAY), 0.0) < 3 * DAY - 20 * 3600);
    }

    #[test]
    fn a_day_is_enough_for_many_tries_and_an_hour_for_a_few() {
        let policy = Policy::default();
        let long = key(0, 3 * DAY);
        assert!((20..60).contains(&tries(&long, 2 * DAY, &policy)), "{}", tries(&long, 2 * DAY, &policy));
        assert!(tries(&key(0, 3_600), 2_400, &policy) >= 4);
        assert_eq!(tries(&long, 3 * DAY, &policy), 0);
    }

    proptest! {
        #[test]
        fn a_key_is_never_due_before_it_lived_a_half_nor_after_it_died(life in 1_i64..400 * DAY, jitter in 0.0..=1.0) {
            let due = due_at(&key(0, life), jitter);
            prop_assert!(due <= life);
            prop_assert!(due >= life / 2, "due {due} of {life}");
        }

        #[test]
        fn a_wait_never_passes_the_last_useful_moment(
            left in 41_i64..10 * DAY, attempts in 1_u32..60, jitter in 0.0..=1.0
        ) {
            let at = next_try(0, attempts, None, &key(-DAY, left), &Policy::default(), jitter);
            prop_assert!(at > 0 && at < left);
        }

        #[test]
        fn a_wait_is_never_shorter_than_qlik_asks_for(after in 0_i64..=3600, attempts in 1_u32..60) {
            let at = next_try(100, attempts, Some(after), &key(0, 10 * DAY), &Policy::default(), 0.0);
            prop_assert!(at >= 100 + after);
        }

        #[test]
        fn no_wait_that_qlik_asks_for_holds_a_key_for_more_than_the_longest_of_ours(after in 3600_i64.., attempts in 1_u32..60) {
            let policy = Policy::default();
            let at = next_try(100, attempts, Some(after), &key(0, 10 * DAY), &policy, 1.0);
            prop_assert!(at <= 100 + longest(&policy));
        }
    }
}
