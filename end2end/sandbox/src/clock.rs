//! The sandbox's own time, which a test may stop and move.
//!
//! Everything that has an age (keys, sessions, tokens, rate windows) asks this
//! clock. It must not know what its time is used for.

use jiff::{SignedDuration, Timestamp};

/// A movable clock: it runs beside the machine's clock, or stands still.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Real time plus an offset.
    Running(SignedDuration),
    /// Always this moment, until it is moved.
    Frozen(Timestamp),
}

impl Clock {
    /// Stands still at `at`; without it, runs with the machine.
    pub(crate) fn starting(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Running(SignedDuration::ZERO), Self::Frozen)
    }

    pub(crate) fn now(self) -> Timestamp {
        match self {
            Self::Running(offset) => later(real_now(), offset),
            Self::Frozen(at) => at,
        }
    }

    /// Stops the clock at `at`.
    pub(crate) fn freeze_at(&mut self, at: Timestamp) {
        *self = Self::Frozen(at);
    }

    /// Lets the clock run on from `at`.
    pub(crate) fn run_from(&mut self, at: Timestamp) {
        *self = Self::Running(at.duration_since(real_now()));
    }

    /// Moves the time by `by`; running or frozen stays as it is.
    pub(crate) fn advance(&mut self, by: SignedDuration) {
        match self {
            Self::Running(offset) => *offset = offset.saturating_add(by),
            Self::Frozen(at) => *at = later(*at, by),
        }
    }
}

/// `at + by`, held at the ends of representable time.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX })
}

/// The way Qlik writes a moment: UTC with milliseconds.
pub(crate) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The way HTTP writes a moment (`Date`, cookie `Expires`).
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the sandbox meets the machine's clock")]
fn real_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_frozen_clock_moves_only_when_it_is_told_to() {
        let mut clock = Clock::starting(Some(noon()));
        assert_eq!(clock.now(), noon());
        clock.advance(SignedDuration::from_hours(25));
        assert_eq!(iso(clock.now()), "2026-11-25T13:00:00.000Z");
    }

    #[test]
    fn a_running_clock_keeps_its_offset_from_real_time() {
        let mut clock = Clock::starting(None);
        clock.run_from(noon());
        clock.advance(SignedDuration::from_hours(1));
        let drift = clock.now().duration_since(noon());
        assert!(drift >= SignedDuration::from_hours(1) && drift < SignedDuration::from_hours(2));
    }

    #[test]
    fn absurd_moves_stop_at_the_end_of_time() {
        let mut clock = Clock::starting(Some(noon()));
        clock.advance(SignedDuration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn http_dates_carry_the_comma_that_breaks_naive_cookie_splitting() {
        assert_eq!(http_date(noon()), "Tue, 24 Nov 2026 12:00:00 GMT");
    }
}
