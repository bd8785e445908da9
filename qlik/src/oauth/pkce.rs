//! Proof that who exchanges a code is who asked for it
//! (<https://www.rfc-editor.org/rfc/rfc7636>). Qlik takes S256 alone
//! (<https://qlik.dev/apis/rest/oauth>).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::env::Entropy;
use crate::secret::secret;

secret! {
    /// A secret for one login: its hash goes along with the browser, itself with the
    /// exchange of the code.
    Pkce
}

impl Pkce {
    /// A new one, of 64 characters and 384 random bits. Keep it, sealed, until the
    /// browser is back; [`Pkce::new`] takes the kept text.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; 48]);
        entropy.fill(&mut *bytes);
        let mut text = Zeroizing::new(String::with_capacity(64));
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        Self::new(text.as_str())
    }

    /// What the browser carries: the base64url of the SHA-256. Not a secret.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.expose().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::SystemEntropy;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let pkce = Pkce::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(pkce.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(format!("{pkce:?}"), "Pkce(***)");
    }

    #[test]
    fn a_new_one_is_long_enough_plain_and_never_the_same() {
        let (a, b) = (Pkce::generate(&SystemEntropy), Pkce::generate(&SystemEntropy));
        assert_ne!(a.expose(), b.expose());
        assert!((43..=128).contains(&a.expose().len()));
        assert!(a.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }
}
