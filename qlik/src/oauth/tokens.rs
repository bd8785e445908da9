//! What an OAuth client and its tokens are.
//!
//! Access tokens are opaque: nothing may be read out of them
//! (<https://qlik.dev/changelog/67-oauth-token-contents>). This module must not know
//! how tokens are got.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::lenient;
use crate::secret::secret;
use crate::wiped::Wiped;

/// How long Qlik's access tokens live, where an answer does not say it
/// (<https://qlik.dev/manage/access-control/api-trust-boundaries/>).
const LIFETIME: SignedDuration = SignedDuration::from_hours(6);
/// Longest client id that is accepted, in characters. Qlik's have 32.
const MAX_ID: usize = 200;

secret! {
    /// The secret of an OAuth client. Qlik shows it once, when it is made.
    ClientSecret
}
secret! {
    /// A token that acts for a user, or for the client itself, for some hours.
    AccessToken
}
secret! {
    /// A token that gives new access tokens, and another one in its own place: each
    /// is good for one use.
    RefreshToken
}
secret! {
    /// The code that a browser brings back from Qlik; good for one exchange.
    AuthorizationCode
}

/// The id of an OAuth client, such as `b3ee66d6f21d1611efa89a425f656f6f`. Not a secret:
/// it is in the address of every login.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OAuthClientId(String);

/// A text that is not a client's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the id of an OAuth client: it is one word of up to 200 letters, digits and hyphens")]
pub struct ClientIdError;

impl OAuthClientId {
    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OAuthClientId {
    type Err = ClientIdError;

    /// Surrounding white space is dropped.
    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        let text = text.trim();
        let is_fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.~:".contains(&b);
        let fits = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_fine);
        if fits { Ok(Self(text.to_owned())) } else { Err(ClientIdError) }
    }
}

impl TryFrom<String> for OAuthClientId {
    type Error = ClientIdError;

    fn try_from(text: String) -> Result<Self, ClientIdError> {
        text.parse()
    }
}

impl From<OAuthClientId> for String {
    fn from(id: OAuthClientId) -> Self {
        id.0
    }
}

impl fmt::Display for OAuthClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a grant gave.
#[derive(Debug, Clone)]
pub struct TokenSet {
    /// The token to call with.
    pub access: AccessToken,
    /// When the access token ends.
    pub expires_at: Timestamp,
    /// The scopes that were given, separated by spaces; empty where Qlik does not say.
    pub scope: String,
    /// The token for the next access token, where the scope has `offline_access`. It
    /// takes the place of the one that was used.
    pub refresh: Option<RefreshToken>,
}

/// The answer of `POST /oauth/token`. Qlik gives `expires_at`, and the standard
/// `expires_in` (<https://www.rfc-editor.org/rfc/rfc6749#section-5.1>).
#[derive(Deserialize)]
pub(super) struct RawTokens {
    access_token: Wiped,
    #[serde(default)]
    refresh_token: Option<Wiped>,
    #[serde(default, deserialize_with = "lenient::timestamp")]
    expires_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::count")]
    expires_in: Option<u32>,
    #[serde(default, deserialize_with = "lenient::texts")]
    scope: Vec<String>,
}

impl RawTokens {
    /// None where there is no access token.
    pub(super) fn taken(self, now: Timestamp) -> Option<TokenSet> {
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !is_token(&self.access_token) {
            return None;
        }
        let lifetime = self.expires_in.map_or(LIFETIME, |s| SignedDuration::from_secs(i64::from(s)));
        let expires_at = self.expires_at.or_else(|| now.checked_add(lifetime).ok()).unwrap_or(now);
        let refresh = self.refresh_token.filter(|token| !token.is_empty());
        Some(TokenSet {
            access: AccessToken::new(&*self.access_token),
            expires_at,
            scope: self.scope.join(" "),
            refresh: refresh.map(|token| RefreshToken::new(&*token)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(json: &str) -> Option<TokenSet> {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        serde_json::from_str::<RawTokens>(json).unwrap().taken(now)
    }

    #[test]
    fn the_end_of_a_token_is_what_qlik_says_else_the_standard_else_six_hours() {
        let ends = |json: &str| taken(json).unwrap().expires_at.to_string();
        let both = r#"{"access_token":"a","expires_at":"2026-03-01T15:00:00.000Z","expires_in":60}"#;
        assert_eq!(ends(both), "2026-03-01T15:00:00Z");
        assert_eq!(
            ends(r#"{"access_token":"a","expires_in":60,"expires_at":"soon"}"#),
            "2026-03-01T12:01:00Z"
        );
        assert_eq!(ends(r#"{"access_token":"a"}"#), "2026-03-01T18:00:00Z");
    }

    #[test]
    fn scope_is_a_text_or_a_list_and_a_refresh_token_is_there_or_not() {
        let set =
            taken(r#"{"access_token":"a","scope":["user_default","offline_access"],"refresh_token":"r"}"#);
        let set = set.unwrap();
        assert_eq!((set.scope.as_str(), set.access.expose()), ("user_default offline_access", "a"));
        assert_eq!(set.refresh.unwrap().expose(), "r");
        let set = taken(r#"{"access_token":"a","scope":"user_default","refresh_token":null}"#).unwrap();
        assert_eq!((set.scope.as_str(), set.refresh.is_none()), ("user_default", true));
        assert!(taken(r#"{"access_token":""}"#).is_none());
        assert!(taken("{\"access_token\":\"a\\nb\"}").is_none());
    }

    #[test]
    fn debug_shows_no_tokens() {
        let set = taken(r#"{"access_token":"hush","refresh_token":"quiet"}"#).unwrap();
        let shown = format!("{set:?} {:?} {:?}", ClientSecret::new("mum"), AuthorizationCode::new("word"));
        for secret in ["hush", "quiet", "mum", "word"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("ClientSecret(***)") && shown.contains("AuthorizationCode(***)"));
    }

    #[test]
    fn a_clients_id_is_one_plain_word() {
        let id: OAuthClientId = " b3ee66d6f21d1611efa89a425f656f6f\n".parse().unwrap();
        assert_eq!(id.to_string(), "b3ee66d6f21d1611efa89a425f656f6f");
        for bad in ["", " ", "a b", "a\nb", "a&b", &"a".repeat(201)] {
            assert!(bad.parse::<OAuthClientId>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<OAuthClientId>("\"a b\"").is_err());
    }
}
