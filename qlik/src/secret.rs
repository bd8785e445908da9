//! One type per kind of secret.
//!
//! None of them can be printed, serialised or compared; each wipes its memory
//! when dropped and is read only through `expose`, so that a search for that
//! word finds every place that handles the real value. This module must not
//! know how a secret is stored or sent.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::env::hex;
use crate::lenient;

/// Longest API key that is accepted, in characters. Qlik's are well under 1000.
const MAX_TOKEN: usize = 8192;

/// How a JWT begins, Qlik's API keys among them: the base64 of a JSON object.
pub const JWT: &str = "eyJ";
/// What is shorter is a word.
const SHORTEST: usize = 20;

/// `text` without what looks like a token of one of the `beginnings`; `[removed]`
/// stands in its place.
pub fn without_tokens(text: &str, beginnings: &[&str]) -> String {
    // base64 of both kinds, the dots of a JWT, and percent signs of either.
    let is_of_a_token = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=%".contains(c);
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = beginnings.iter().filter_map(|b| rest.find(b)).min() {
        let token = &rest[at..];
        let end = token.find(|c| !is_of_a_token(c)).unwrap_or(token.len());
        out.push_str(&rest[..at]);
        out.push_str(if end >= SHORTEST { "[removed]" } else { &token[..end] });
        rest = &token[end..];
    }
    out.push_str(rest);
    out
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(secrecy::SecretString);

        impl $name {
            /// Takes the value over: what is kept is wiped when this is dropped, and
            /// the given text at once.
            pub fn new(value: impl Into<String>) -> Self {
                let value = zeroize::Zeroizing::new(value.into());
                // Of the exact size, so that nothing is left behind by shrinking.
                Self(secrecy::SecretString::from(value.as_str()))
            }

            /// The secret itself. Keep it out of logs, errors and pages.
            pub fn expose(&self) -> &str {
                secrecy::ExposeSecret::expose_secret(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    };
}

pub(crate) use secret;

secret! {
    /// An RSA private key as PEM (PKCS #8), which signs login tokens.
    SigningKeyPem
}
secret! {
    /// The value of a `Cookie` header that acts for a user.
    CookieHeader
}
secret! {
    /// The token that a cookie session sends with every change
    /// (<https://qlik.dev/apis/rest/csrf-token>).
    CsrfToken
}
secret! {
    /// A signed JWT for one login. It is consumed by the login, because Qlik
    /// takes each token once only.
    LoginToken
}

/// A Qlik API key: a signed token that acts with its owner's rights.
///
/// Only its payload is decoded, and never verified: the signature is Qlik's
/// business, and what the payload claims is only used to ask Qlik about it.
#[derive(Clone)]
pub struct ApiKeyToken {
    token: SecretString,
    claims: KeyClaims,
}

/// What an API key says about itself. Decoded, not verified.
///
/// Everything is optional, because the token's format is not a documented
/// contract. In practice `jti` is the key's id at
/// <https://qlik.dev/apis/rest/api-keys.md> and there is no `exp`: the expiry is
/// kept by Qlik.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyClaims {
    /// The key's id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub jti: Option<String>,
    /// The owner's user id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sub: Option<String>,
    /// `user`, or another kind of owner.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sub_type: Option<String>,
    /// The tenant that the key is for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// The issuer.
    #[serde(default, deserialize_with = "lenient::text")]
    pub iss: Option<String>,
    /// The audience; one or several.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub aud: Vec<String>,
    /// The moment it was made, where the token says so.
    #[serde(default, deserialize_with = "lenient::unix_seconds")]
    pub iat: Option<Timestamp>,
    /// The moment it expires, in the rare case that the token says so.
    #[serde(default, deserialize_with = "lenient::unix_seconds")]
    pub exp: Option<Timestamp>,
}

/// Why a text is not an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing was given.
    #[error("enter an API key")]
    Empty,
    /// Not three parts of base64url joined by dots.
    #[error("this is not an API key: a key is one long line with two dots in it; copy it whole")]
    NotAToken,
    /// Three parts, but the middle one is not JSON.
    #[error("this is not a whole API key: its middle part can't be read; copy it again")]
    Payload,
    /// Far longer than a key.
    #[error("this is too long to be an API key")]
    TooLong,
}

impl ApiKeyToken {
    /// Reads an API key as it was pasted: surrounding white space and a leading
    /// `Bearer ` are dropped.
    ///
    /// # Errors
    ///
    /// [`TokenError`], whose text never holds any of the input.
    pub fn parse(raw: &str) -> Result<Self, TokenError> {
        let raw = raw.trim();
        let token = match raw.split_once(char::is_whitespace) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim_start(),
            _ => raw,
        };
        if token.is_empty() || token.eq_ignore_ascii_case("bearer") {
            return Err(TokenError::Empty);
        }
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let parts: Vec<&str> = token.split('.').collect();
        let is_base64url = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let [_, payload, _] = parts[..] else { return Err(TokenError::NotAToken) };
        if !parts.iter().all(is_base64url) {
            return Err(TokenError::NotAToken);
        }
        let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Payload)?);
        let claims = serde_json::from_slice(&json).map_err(|_| TokenError::Payload)?;
        Ok(Self { token: SecretString::from(token.to_owned()), claims })
    }

    /// The secret itself. Keep it out of logs, errors and pages.
    pub fn expose(&self) -> &str {
        self.token.expose_secret()
    }

    /// What the key says about itself; not secret, not verified.
    pub fn claims(&self) -> &KeyClaims {
        &self.claims
    }

    /// The first 16 hexadecimal digits of the token's SHA-256: safe to show, and
    /// enough to tell two keys apart.
    pub fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, self.expose().as_bytes());
        hex(hash.as_ref().get(..8).unwrap_or_default())
    }

    /// The last four characters of the key's *id*, which Qlik's own pages show;
    /// nothing of the secret. Empty where the token has no id.
    pub fn last4(&self) -> String {
        let id = self.claims.jti.as_deref().unwrap_or_default();
        let start = id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        id[start..].to_owned()
    }
}

impl fmt::Debug for ApiKeyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyToken(***, id {:?})", self.claims.jti)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_in_a_text_is_taken_out_and_the_rest_stays() {
        for (text, wanted) in [
            ("Bearer eyJhbGciOiJFUzM4NCIsImtpZCI6.eyJqdGkiOiJr.c2ln, refused", "Bearer [removed], refused"),
            (
                "eyJ is a beginning, qlk0acme.eu.qlikcloud.com",
                "eyJ is a beginning, qlk0acme.eu.qlikcloud.com",
            ),
            ("whsec_MfKQ9r8GKYqrTwjUPD8I eyJhbGciOiJFUzM4NCIsImtpZCI6", "[removed] [removed]"),
            ("", ""),
        ] {
            assert_eq!(without_tokens(text, &[JWT, "whsec_"]), wanted);
        }
    }

    fn token(payload: &str) -> String {
        format!("eyJhbGciOiJFUzM4NCJ9.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(payload))
    }

    const PAYLOAD: &str = r#"{"jti":"8f2b-77Zq","sub":"u1","subType":"user","tenantId":"t1","iss":"qlik.api/api-keys","aud":"qlik.api","new":{}}"#;

    #[test]
    fn a_key_is_read_however_it_was_pasted() {
        let plain = token(PAYLOAD);
        for raw in
            [plain.clone(), format!("  {plain}\n"), format!("Bearer {plain}"), format!("bearer  {plain}")]
        {
            let key = ApiKeyToken::parse(&raw).unwrap();
            assert_eq!(key.expose(), plain);
            assert_eq!(key.claims().jti.as_deref(), Some("8f2b-77Zq"));
            assert_eq!(key.claims().tenant_id.as_deref(), Some("t1"));
            assert_eq!(key.claims().aud, ["qlik.api"]);
            assert_eq!(key.claims().exp, None);
            assert_eq!(key.last4(), "77Zq");
        }
    }

    #[test]
    fn odd_claims_are_forgiven() {
        let key = ApiKeyToken::parse(&token(r#"{"jti":7,"aud":["a","b"],"exp":1700000000}"#)).unwrap();
        assert_eq!(key.claims().jti, None);
        assert_eq!(key.claims().aud, ["a", "b"]);
        assert_eq!(key.claims().exp, Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(key.last4(), "");
        let short = ApiKeyToken::parse(&token(r#"{"jti":"\u00e4b"}"#)).unwrap();
        assert_eq!(short.last4(), "\u{e4}b");
    }

    #[test]
    fn each_wrong_key_has_its_own_reason() {
        for (raw, reason) in [
            ("", TokenError::Empty),
            (" Bearer ", TokenError::Empty),
            ("secret", TokenError::NotAToken),
            ("a.b", TokenError::NotAToken),
            ("a..c", TokenError::NotAToken),
            ("a.b.c.d", TokenError::NotAToken),
            ("a.b c.d", TokenError::NotAToken),
            ("a.b\r\nX-Evil: 1.c", TokenError::NotAToken),
            ("a.bm90IGpzb24.c", TokenError::Payload),
            ("a.b.c", TokenError::Payload),
        ] {
            assert_eq!(ApiKeyToken::parse(raw).err(), Some(reason), "{raw:?}");
        }
        assert_eq!(ApiKeyToken::parse(&"a".repeat(9000)).err(), Some(TokenError::TooLong));
    }

    #[test]
    fn a_fingerprint_tells_keys_apart_without_showing_them() {
        let key = ApiKeyToken::parse(&token(PAYLOAD)).unwrap();
        let other = ApiKeyToken::parse(&format!("{}x", token(PAYLOAD))).unwrap();
        assert_eq!(key.fingerprint().len(), 16);
        assert_eq!(key.fingerprint(), key.clone().fingerprint());
        assert_ne!(key.fingerprint(), other.fingerprint());
        assert!(!key.expose().contains(&key.fingerprint()));
    }

    #[test]
    fn debug_shows_no_api_key() {
        let shown = format!("{:?}", ApiKeyToken::parse(&token(PAYLOAD)).unwrap());
        assert_eq!(shown, r#"ApiKeyToken(***, id Some("8f2b-77Zq"))"#);
    }

    #[test]
    fn debug_shows_no_signing_key() {
        assert_eq!(format!("{:?}", SigningKeyPem::new("hush")), "SigningKeyPem(***)");
    }

    #[test]
    fn debug_shows_no_cookie_header() {
        assert_eq!(format!("{:?}", CookieHeader::new("hush")), "CookieHeader(***)");
    }

    #[test]
    fn debug_shows_no_csrf_token() {
        assert_eq!(format!("{:?}", CsrfToken::new("hush")), "CsrfToken(***)");
    }

    #[test]
    fn debug_shows_no_login_token() {
        assert_eq!(format!("{:?}", LoginToken::new("hush")), "LoginToken(***)");
    }

    proptest! {
        #[test]
        fn reading_a_key_never_panics_and_errors_hold_no_input(raw in ".{0,120}") {
            let _ = ApiKeyToken::parse(&raw).map(|k| (k.last4(), k.fingerprint()));
        }

        #[test]
        fn any_payload_is_read_or_refused(payload in r#"[{}"a-z0-9:,\[\] ]{0,60}"#) {
            let _ = ApiKeyToken::parse(&token(&payload));
        }
    }
}
