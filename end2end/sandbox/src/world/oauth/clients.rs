//! OAuth clients of a tenant (<https://qlik.dev/apis/rest/oauth-clients/>).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{State, WorldError};
use crate::ids;

/// "An OAuth client can have a maximum of 5 client secrets at one time."
pub(crate) const MAX_SECRETS: usize = 5;

/// Whether users are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// Each user is asked once; machine-to-machine impersonation is refused.
    #[default]
    Required,
    /// Nobody is asked.
    Trusted,
}

/// A client to make.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewClient {
    /// The name.
    pub name: String,
    /// `web`, `native`, `spa` or `anonymous-embed`.
    pub app_type: String,
    /// `client_credentials`, `urn:qlik:oauth:user-impersonation`.
    pub grants: Vec<String>,
    /// What its tokens may do.
    pub scopes: Vec<String>,
    /// Where codes may go.
    pub redirect_uris: Vec<String>,
    /// Origins of browsers.
    pub origins: Vec<String>,
    /// `client_secret`, `private_key_jwt`.
    pub auth_methods: Vec<String>,
    /// JWKs that verify assertions.
    pub public_keys: Vec<Value>,
    /// Whether users are asked.
    pub consent: Consent,
}

impl Default for NewClient {
    fn default() -> Self {
        Self {
            name: "client".into(),
            app_type: "web".into(),
            grants: Vec::new(),
            scopes: vec!["user_default".into()],
            redirect_uris: Vec::new(),
            origins: Vec::new(),
            auth_methods: vec!["client_secret".into()],
            public_keys: Vec::new(),
            consent: Consent::Required,
        }
    }
}

impl NewClient {
    /// A trusted web client that may impersonate.
    pub fn impersonator(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            grants: vec!["client_credentials".into(), tokens_grant()],
            consent: Consent::Trusted,
            ..Self::default()
        }
    }
}

fn tokens_grant() -> String {
    "urn:qlik:oauth:user-impersonation".into()
}

/// What a new client signs in with. Holds a secret: not for logs.
#[derive(Clone, Serialize)]
pub struct NewClientRef {
    /// The client's id.
    pub client_id: String,
    /// Its first secret; none for public clients.
    pub client_secret: Option<String>,
}

impl fmt::Debug for NewClientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewClientRef").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) value: String,
    pub(crate) hint: String,
    pub(crate) created: Timestamp,
    pub(crate) created_by: String,
}

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) home_uri: Option<String>,
    pub(crate) logo_uri: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) app_type: String,
    pub(crate) grants: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) origins: Vec<String>,
    pub(crate) auth_methods: Vec<String>,
    pub(crate) public_keys: Vec<Value>,
    pub(crate) consent: Consent,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) published: Option<Timestamp>,
    /// The user that acts for the client itself, once it has acted.
    pub(crate) bot: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Client {
    /// Whether the client has to prove itself at the token endpoint.
    pub(crate) fn is_confidential(&self) -> bool {
        self.app_type == "web"
    }

    /// Adds a secret. Its hint is its end, as `@qlik/api` shows: a hint names a
    /// secret without giving it away.
    pub(crate) fn add_secret(&mut self, now: Timestamp, by: &str) -> Secret {
        let value = ids::hex(&ids::bytes::<32>());
        let hint = value.chars().skip(value.len() - 5).collect();
        let secret = Secret { value, hint, created: now, created_by: by.to_owned() };
        self.secrets.push(secret.clone());
        secret
    }
}

impl State {
    /// Makes a client; `by` is the user who did.
    pub(crate) fn add_client(
        &mut self,
        tenant: &str,
        new: NewClient,
        by: &str,
    ) -> Result<Client, WorldError> {
        let tenant = self.find_tenant(tenant)?.id.clone();
        let now = self.now();
        let mut client = Client {
            id: ids::trace_id(),
            tenant,
            name: new.name,
            description: String::new(),
            home_uri: None,
            logo_uri: None,
            jwks_uri: None,
            app_type: new.app_type,
            grants: new.grants,
            scopes: new.scopes,
            redirect_uris: new.redirect_uris,
            origins: new.origins,
            auth_methods: new.auth_methods,
            public_keys: new.public_keys,
            consent: new.consent,
            secrets: Vec::new(),
            created: now,
            updated: now,
            published: None,
            bot: None,
        };
        if client.is_confidential() && client.auth_methods.iter().any(|m| m == "client_secret") {
            client.add_secret(now, by);
        }
        self.oauth.clients.push(client.clone());
        Ok(client)
    }

    pub(crate) fn client_of(&self, tenant: &str, id: &str) -> Option<&Client> {
        self.oauth.clients.iter().find(|c| c.id == id && c.tenant == tenant)
    }

    /// A client to be changed, whose time of change is noted.
    pub(crate) fn client_mut(&mut self, id: &str) -> Result<&mut Client, WorldError> {
        let now = self.now();
        let found = self
            .oauth
            .clients
            .iter_mut()
            .find(|c| c.id == id)
            .ok_or_else(|| WorldError::Nothing("OAuth client", id.to_owned()))?;
        found.updated = now;
        Ok(found)
    }

    /// Removes a client, its tokens and what users consented to.
    pub(crate) fn remove_client(&mut self, id: &str) -> Result<(), WorldError> {
        let before = self.oauth.clients.len();
        self.oauth.clients.retain(|c| c.id != id);
        if self.oauth.clients.len() == before {
            return Err(WorldError::Nothing("OAuth client", id.to_owned()));
        }
        self.oauth.access.retain(|t| t.client != id);
        self.oauth.refresh.retain(|t| t.client != id);
        self.oauth.codes.retain(|_, code| code.client != id);
        self.oauth.questions.retain(|_, question| question.client != id);
        self.oauth.consents.retain(|(client, _), _| client != id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_s_hint_is_its_end_and_debug_output_has_no_secret() {
        let mut state = State::new(crate::clock::Clock::starting(None));
        state.add_tenant(super::super::super::NewTenant::new("acme", "eu")).unwrap();
        let client = state.add_client("acme.eu.qlikcloud.com", NewClient::default(), "").unwrap();
        let secret = &client.secrets[0];
        assert!(secret.value.ends_with(&secret.hint) && secret.hint.len() == 5);
        let shown = NewClientRef { client_id: client.id.clone(), client_secret: Some(secret.value.clone()) };
        assert!(!format!("{client:?} {shown:?} {state:?}").contains(&secret.value));
    }
}
