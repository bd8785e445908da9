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
