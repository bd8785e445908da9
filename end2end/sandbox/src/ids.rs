//! Random identifiers in the shapes that Qlik Cloud uses.
//!
//! Clients must not check the form of an id; the forms differ on purpose.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes from the operating system's generator.
#[expect(clippy::expect_used, reason = "a machine that has no random numbers cannot run a TLS server at all")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut buf = [0; N];
    aws_lc_rs::rand::fill(&mut buf).expect("the system's random generator works");
    buf
}

/// 24 hexadecimal digits: users, items, spaces, identity providers.
pub(crate) fn object_id() -> String {
    hex(&bytes::<12>())
}

/// 32 hexadecimal digits: trace ids.
pub(crate) fn trace_id() -> String {
    hex(&bytes::<16>())
}

/// 32 characters from the URL-safe base64 alphabet: tenants, web integrations,
/// session ids, CSRF tokens.
pub(crate) fn token32() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<24>())
}

/// A random UUID: API keys and apps.
pub(crate) fn uuid() -> String {
    uuid::Builder::from_random_bytes(bytes::<16>()).into_uuid().to_string()
}

/// Lower-case letters and digits, as in a tenant's generated name.
pub(crate) fn name_suffix(len: usize) -> String {
    hex(&bytes::<16>()).chars().take(len).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_kind_s_length_and_differ() {
        assert_eq!(object_id().len(), 24);
        assert_eq!(token32().len(), 32);
        assert_eq!(uuid().len(), 36);
        assert_eq!(name_suffix(7).len(), 7);
        assert_ne!(uuid(), uuid());
    }
}
