//! How long failures wait, and whether a wait that is stored still holds: the
//! arithmetic that all stored waits share. It must not know what failed.

/// Whether a stored wait that ends at `until` still holds something up. One that
/// was written at a moment that is still to come (`set_at`; 0 where that is not
/// known), or that ends later than the longest wait of its kind from now, was
/// written by a clock that has been put back since, and is void: what waits for
/// it goes on.
pub(crate) fn holds(now: i64, set_at: i64, until: i64, longest: i64) -> bool {
    set_at <= now && until > now && until - now <= longest
}

/// The wait after `failures` failures in a row, in seconds: it doubles from
/// `first` up to `most`, and carries up to a fifth of jitter (0 to 1).
pub(crate) fn doubling(failures: u32, first: i64, most: i64, jitter: f64) -> i64 {
    let doubled = first.saturating_mul(1_i64 << failures.saturating_sub(1).min(20));
    let wait = doubled.min(most).max(1);
    wait + part(wait / 5, jitter)
}

/// A share (0 to 1) of some seconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a share of a few hours in seconds"
)]
pub(crate) fn part(of: i64, share: f64) -> i64 {
    (of as f64 * share.clamp(0.0, 1.0)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_holds_until_its_end_and_not_where_a_later_clock_wrote_it() {
        // Now, set at, until, longest; whether it holds.
        let table = [
            (100, 100, 160, 60, true),
            (159, 100, 160, 60, true),
            (160, 100, 160, 60, false),
            // The clock was 20 minutes ahead and is right again.
            (100, 1_300, 1_360, 3_600, false),
            // By one second, too.
            (100, 101, 161, 3_600, false),
            // Ahead as well, but not for long enough to matter: now is past what was written.
            (1_300, 1_300, 1_360, 3_600, true),
            // When it was written is not known: the longest wait of its kind says.
            (100, 0, 160, 60, true),
            (100, 0, 161, 60, false),
        ];
        for (now, set_at, until, longest, expected) in table {
            assert_eq!(holds(now, set_at, until, longest), expected, "{now} {set_at} {until} {longest}");
        }
    }

    #[test]
    fn a_wait_doubles_up_to_its_most_and_carries_a_fifth_of_jitter() {
        let waits = |jitter| [0, 1, 2, 3, 60].map(|n| doubling(n, 30, 100, jitter));
        assert_eq!(waits(0.0), [30, 30, 60, 100, 100]);
        assert_eq!(waits(1.0), [36, 36, 72, 120, 120]);
        assert_eq!(waits(9.0), waits(1.0));
    }
}
