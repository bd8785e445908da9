//! A secret on its way from a form to the server.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was typed into a password field. `Serialize` is there for the browser,
/// which sends it; nothing that the server answers may hold one. Debugging
/// prints no character of it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretInput(String);

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretInput(…)")
    }
}

impl From<String> for SecretInput {
    fn from(typed: String) -> Self {
        Self(typed)
    }
}

impl SecretInput {
    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, for a one-time code or token that is compared and never kept.
    #[cfg(feature = "ssr")]
    pub fn into_plain(self) -> String {
        self.0
    }
}

#[cfg(feature = "ssr")]
impl From<SecretInput> for secrecy::SecretString {
    fn from(input: SecretInput) -> Self {
        Self::from(input.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_secret_does_not_show_itself_when_debugged() {
        let typed = SecretInput::from("correct horse".to_owned());
        assert!(!format!("{typed:?} {typed:#?}").contains("horse"));
    }
}
