//! Settings that were read and are to be tested, staged or stored.

use std::sync::Arc;

use qlik::{host::TenantHost, secret::ApiKeyToken};

use super::form::{Blank, ParsedMeans};
use crate::{
    Actor, Error, Services,
    change::Previous,
    connection::{AuthOption, Client, Connection},
};

/// What is stored of the form.
pub(crate) struct Typed {
    pub(crate) host: TenantHost,
    pub(crate) web_integration_id: String,
    pub(crate) means: Means,
    pub(crate) how: How,
}

/// What the option needs.
pub(crate) enum Means {
    Key { key: Arc<ApiKeyToken>, email_as_subject: bool },
    Credentials,
    OauthUsers(Client),
    OauthEveryone(Client),
}

/// How it comes to be stored.
pub(crate) enum How {
    /// It was typed just now.
    Saved,
    /// It is the staged change of this id.
    Staged(String),
    /// It was in force before.
    Back(Box<Previous>),
}

impl Means {
    /// The means of an option that uses a client.
    pub(crate) fn by_client(option: AuthOption, client: Client) -> Self {
        if option == AuthOption::OauthEveryone {
            Self::OauthEveryone(client)
        } else {
            Self::OauthUsers(client)
        }
    }
}

impl Typed {
    pub(crate) fn option(&self) -> AuthOption {
        match self.means {
            Means::Key { .. } => AuthOption::ApiKey,
            Means::Credentials => AuthOption::Credentials,
            Means::OauthUsers(_) => AuthOption::OauthUsers,
            Means::OauthEveryone(_) => AuthOption::OauthEveryone,
        }
    }

    pub(crate) fn key(&self) -> Option<&Arc<ApiKeyToken>> {
        match &self.means {
            Means::Key { key, .. } => Some(key),
            _ => None,
        }
    }

    pub(crate) fn email_as_subject(&self) -> bool {
        matches!(self.means, Means::Key { email_as_subject: true, .. })
    }

    pub(crate) fn client(&self) -> Option<&Client> {
        match &self.means {
            Means::OauthUsers(client) | Means::OauthEveryone(client) => Some(client),
            Means::Key { .. } | Means::Credentials => None,
        }
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.client().map(|c| c.id.as_str())
    }
}

impl Services {
    /// What was typed, with what is stored in the place of what was left blank.
    /// `key_in_use`: the stored key.
    pub(super) async fn means(
        &self,
        actor: &Actor,
        parsed: ParsedMeans,
        email_as_subject: bool,
        key_in_use: Option<Arc<ApiKeyToken>>,
    ) -> Result<Means, Error> {
        Ok(match parsed {
            ParsedMeans::Key(pasted) => {
                let none = Error::field("api_key", "unreadable");
                Means::Key { key: pasted.map(Arc::new).or(key_in_use).ok_or(none)?, email_as_subject }
            }
            ParsedMeans::Credentials => Means::Credentials,
            ParsedMeans::OAuth { everyone, id, secret } => {
                let secret = match secret {
                    Blank::Typed(secret) => Some(Arc::new(secret)),
                    Blank::None => None,
                    Blank::Keep => {
                        let kept = self.client(&actor.portal.id, id.as_str()).await?;
                        kept.ok_or(Error::Conflict("the settings were changed meanwhile"))?.secret
                    }
                };
                let client = Client { id, secret };
                if everyone { Means::OauthEveryone(client) } else { Means::OauthUsers(client) }
            }
        })
    }

    /// The means of settings that are stored: of a change, or of a way back; none for
    /// a key, which the caller has.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the client is not stored any more.
    pub(crate) async fn stored_means(
        &self,
        portal_id: &str,
        option: AuthOption,
        client_id: Option<&str>,
    ) -> Result<Option<Means>, Error> {
        Ok(match option {
            AuthOption::ApiKey => None,
            AuthOption::Credentials => Some(Means::Credentials),
            AuthOption::OauthUsers | AuthOption::OauthEveryone => {
                let id = client_id.ok_or(Error::NotFound)?;
                let client = self.client(portal_id, id).await?.ok_or(Error::NotFound)?;
                Some(Means::by_client(option, client))
            }
        })
    }
}

/// Whether a tenant is the one that is in force. Where its id is not known, its host
/// tells it.
pub(crate) fn same_tenant(before: &Connection, host: &TenantHost, tenant_id: &str) -> bool {
    if before.tenant_id.is_empty() || tenant_id.is_empty() {
        before.is_name(host)
    } else {
        before.tenant_id == tenant_id
    }
}
