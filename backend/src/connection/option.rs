//! How a portal becomes a user at Qlik.

use serde::{Deserialize, Serialize};

/// The authentication option of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthOption {
    /// Qlik Sense API key: one key for all, and a JWT for each user.
    #[default]
    ApiKey,
    /// Qlik credentials: each user registers e-mail and password of their Qlik account.
    Credentials,
    /// Qlik OAuth, each user connects (authorization code with PKCE).
    OauthUsers,
    /// Qlik OAuth, for everyone (machine-to-machine impersonation).
    OauthEveryone,
}

impl AuthOption {
    /// All of them: first those of the help page in its order, then what Qlik offers today.
    pub const ALL: [Self; 4] = [Self::Credentials, Self::ApiKey, Self::OauthEveryone, Self::OauthUsers];

    /// As the form and the store have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::Credentials => "credentials",
            Self::OauthUsers => "oauth_users",
            Self::OauthEveryone => "oauth_everyone",
        }
    }

    /// Reads [`AuthOption::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == text)
    }

    /// As people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ApiKey => "Qlik Sense API key",
            Self::Credentials => "Qlik credentials",
            Self::OauthUsers => "Qlik OAuth, each user connects",
            Self::OauthEveryone => "Qlik OAuth, for everyone",
        }
    }

    /// Whether it names an OAuth client.
    pub const fn has_client(self) -> bool {
        matches!(self, Self::OauthUsers | Self::OauthEveryone)
    }

    /// Whether a sign-in goes through the web integration.
    pub const fn needs_web_integration(self) -> bool {
        matches!(self, Self::ApiKey | Self::Credentials)
    }

    /// Whether each user has to do something of their own: register, or connect.
    pub const fn asks_users(self) -> bool {
        matches!(self, Self::Credentials | Self::OauthUsers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_read_as_it_is_written() {
        for option in AuthOption::ALL {
            assert_eq!(AuthOption::parse(option.as_str()), Some(option));
            assert_eq!(serde_json::to_value(option).unwrap(), option.as_str());
        }
        assert_eq!(AuthOption::parse("saml"), None);
    }
}
