//! How long failures wait: the arithmetic that the renewal and the outbox share.
//! It must not know what failed.

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
    fn a_wait_doubles_up_to_its_most_and_carries_a_fifth_of_jitter() {
        let waits = |jitter| [0, 1, 2, 3, 60].map(|n| doubling(n, 30, 100, jitter));
        assert_eq!(waits(0.0), [30, 30, 60, 100, 100]);
        assert_eq!(waits(1.0), [36, 36, 72, 120, 120]);
        assert_eq!(waits(9.0), waits(1.0));
    }
}
