//! Time and randomness as parameters.
//!
//! Everything in this crate that asks what time it is, or needs a random value,
//! asks one of these two traits, so that whole flows can be tested by moving a
//! clock. This module must not know what they are used for.

use std::fmt;

use jiff::Timestamp;

/// The wall clock.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the real clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// How many seconds this machine's clock is ahead of a server's, or behind (below
/// zero), given the server's date of an answer and this clock before the request
/// and after the answer.
///
/// The date is a whole second and was written at some time between the two, so 0
/// means that nothing is known to be wrong; anything else is the middle of what is
/// possible.
pub fn clock_offset(server_date: Timestamp, before: Timestamp, after: Timestamp) -> i64 {
    // The clock may have been set while the answer was on its way.
    let (before, after) = (before.min(after), before.max(after));
    let server = server_date.as_millisecond();
    let (before, after) = (before.as_millisecond(), after.as_millisecond());
    if before < server + 1000 && after >= server {
        return 0;
    }
    (before + (after - before) / 2 - server).div_euclid(1000)
}

/// A source of cryptographically strong random bytes.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills the whole of `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// The cryptographic generator of `aws-lc-rs`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    ///
    /// If the generator fails, which AWS-LC itself treats as fatal: going on
    /// with bytes that are not random would be worse.
    fn fill(&self, buf: &mut [u8]) {
        assert!(aws_lc_rs::rand::fill(buf).is_ok(), "the cryptographic random generator failed");
    }
}

/// 128 random bits as 32 lower-case hexadecimal digits: safe in URLs, file
/// names and JSON.
pub fn random_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; 16];
    entropy.fill(&mut bytes);
    hex(&bytes)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-03-01T{time}Z").parse().unwrap()
    }

    #[test]
    fn a_clock_is_off_by_what_it_shows_beside_the_servers_date() {
        let off = |before, after| clock_offset(at("12:00:00"), at(before), at(after));
        assert_eq!(off("12:10:00", "12:10:00"), 600);
        assert_eq!(off("11:50:00", "11:50:00"), -600);
        assert_eq!(off("12:10:00.9", "12:10:01.1"), 601);
        assert_eq!(off("11:50:00.1", "11:50:00.9"), -600);
    }

    #[test]
    fn what_a_slow_answer_or_the_dates_whole_second_explain_is_no_offset() {
        let off = |before, after| clock_offset(at("12:00:00"), at(before), at(after));
        assert_eq!(off("12:00:00", "12:00:00"), 0);
        assert_eq!(off("12:00:00.999", "12:00:03"), 0);
        assert_eq!(off("11:59:50", "12:00:00"), 0);
        assert_eq!(off("11:59:50", "12:00:05"), 0);
        assert_eq!(off("12:00:01", "12:00:01"), 1);
        assert_eq!(off("11:59:59.5", "11:59:59.9"), -1);
    }

    #[test]
    fn a_clock_that_is_set_back_meanwhile_gives_an_offset_all_the_same() {
        assert_eq!(clock_offset(at("12:00:00"), at("12:00:02"), at("11:59:58")), 0);
        assert!(clock_offset(at("12:00:00"), Timestamp::MAX, Timestamp::MAX) > 0);
        assert!(clock_offset(Timestamp::MAX, Timestamp::MIN, Timestamp::MIN) < 0);
    }

    #[test]
    fn random_ids_are_32_hex_digits_and_differ() {
        let (a, b) = (random_id(&SystemEntropy), random_id(&SystemEntropy));
        assert_ne!(a, b);
        for id in [a, b] {
            assert_eq!(id.len(), 32);
            assert!(id.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)), "{id}");
        }
    }

    #[test]
    fn hex_writes_each_byte_as_two_digits() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }
}
