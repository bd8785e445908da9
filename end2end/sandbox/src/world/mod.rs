//! What exists in the sandbox: plain data and the rules over it.
//!
//! Nothing here knows HTTP. The routes ask the [`State`] under its lock; tests
//! reach the same state through [`WorldHandle`].

mod accounts;
mod callback;
mod content;
mod handle;
mod idps;
mod integrations;
mod keys;
mod login;
pub(crate) mod oauth;
mod sessions;
pub(crate) mod signin;
mod tenants;
mod tries;
mod users;

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use accounts::{AccountCondition, NewAccount};
pub(crate) use callback::CallbackRefusal;
pub use content::NewApp;
pub(crate) use content::{App, Space};
pub use handle::WorldHandle;
pub use idps::IdpView;
pub(crate) use idps::{Idp, NewIdp};
pub use integrations::WebIntegrationView;
pub(crate) use integrations::{WebIntegration, is_origin};
pub(crate) use keys::{DeadKey, Key, KeyRefusal};
pub use keys::{KeyStatus, KeyView};
pub(crate) use login::{LoginRefusal, LoginRequest};
pub use oauth::{Consent, NewClient, NewClientRef, TokenKind, TokenView};
pub use sessions::SessionView;
pub(crate) use sessions::{Session, Sessions};
pub(crate) use signin::LoginHost;
pub use signin::LoginShape;
pub(crate) use tenants::{CORPORATE_HOST, Moved, Tenant};
pub use tenants::{NewTenant, TenantRef};
pub use tries::{TriesView, TryOutcome};
pub use users::{NewUser, UserRef, UserStatus};
pub(crate) use users::{Rights, User};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::log::Log;
use crate::rates::Rates;

/// Why the world could not be changed as asked.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// No tenant has this id or hostname.
    #[error("no tenant {0:?}")]
    NoTenant(String),
    /// No user has this id.
    #[error("no user {0:?}")]
    NoUser(String),
    /// No API key has this id.
    #[error("no API key {0:?}")]
    NoKey(String),
    /// Nothing of this kind has this id.
    #[error("no {0} {1:?}")]
    Nothing(&'static str, String),
    /// Two tenants may not share a hostname.
    #[error("the hostname {0:?} is taken")]
    HostTaken(String),
    /// The certificate of a JWT identity provider is unusable.
    #[error("the certificate is not an X.509 certificate with an RSA key of at least 2048 bits")]
    Certificate,
}

/// Something that Qlik would have published as an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When it happened, by the sandbox's clock.
    pub at: Timestamp,
    /// The id of the tenant.
    pub tenant: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The events that a JWT login may cause
/// (<https://qlik.dev/apis/event/user-identities>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type")]
pub enum EventKind {
    /// A known e-mail came with a new subject: the user now answers to that one.
    #[serde(rename = "com.qlik.user-identity.reassigned")]
    Reassigned {
        /// The user's id.
        user: String,
        /// The e-mail that matched.
        email: String,
        /// The subject until now.
        old_subject: String,
        /// The subject from now on.
        new_subject: String,
    },
    /// A login matched more than one active user by e-mail and was refused.
    #[serde(rename = "com.qlik.user-identity.conflict")]
    Conflict {
        /// The e-mail of the login.
        email: String,
        /// The subject of the login.
        subject: String,
        /// The ids of the users who share the e-mail.
        matched_users: Vec<String>,
    },
    /// A JWT login made a user.
    #[serde(rename = "com.qlik.user.created")]
    Created {
        /// The new user's id.
        user: String,
        /// The e-mail of the login.
        email: String,
        /// The subject of the login.
        subject: String,
    },
}

/// Behaviour that Qlik's documents leave open, or that a test wants otherwise.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named after what it turns on")]
pub struct Switches {
    /// A dead key's 401 says `APIKEYS-18` instead of the general words. Off: the
    /// code is documented for external clients only.
    pub explain_dead_keys: bool,
    /// Only Tenant Admins may read the tenant's API-key configuration.
    pub key_config_needs_admin: bool,
    /// Only Tenant Admins may read web integrations.
    pub web_integrations_need_admin: bool,
    /// `assignedScopes` of a user lists `api-keys` when the user may manage them.
    pub list_key_scope: bool,
    /// The token of a new API key says in `iat` when it was made. Off: the tokens that
    /// were seen in public have no such claim.
    pub keys_tell_when_made: bool,
    /// A deleted user is still found, with the status `deleted`. Off: no source tells
    /// how long Qlik keeps them.
    pub deleted_users_are_shown: bool,
    /// A new API key is refused with 401 for this long, at every tenant.
    #[serde(serialize_with = "as_seconds")]
    pub fresh_key_delay: SignedDuration,
    /// Tokens that a new identity provider would verify are refused for this long.
    #[serde(serialize_with = "as_seconds")]
    pub fresh_idp_delay: SignedDuration,
    /// Deleting an identity provider ends the sessions that were opened through
    /// it. No source says whether Qlik does so.
    pub deleted_idp_ends_sessions: bool,
    /// The `Date` of every answer is ahead of the sandbox's clock by this much.
    #[serde(serialize_with = "as_seconds")]
    pub date_skew: SignedDuration,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            explain_dead_keys: false,
            key_config_needs_admin: false,
            web_integrations_need_admin: false,
            list_key_scope: true,
            keys_tell_when_made: false,
            deleted_users_are_shown: false,
            fresh_key_delay: SignedDuration::ZERO,
            fresh_idp_delay: SignedDuration::ZERO,
            deleted_idp_ends_sessions: false,
            date_skew: SignedDuration::ZERO,
        }
    }
}

fn as_seconds<S: serde::Serializer>(value: &SignedDuration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(value.as_secs())
}

/// All that one sandbox knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) users: Vec<User>,
    pub(crate) keys: Vec<Key>,
    pub(crate) integrations: Vec<WebIntegration>,
    pub(crate) idps: Vec<Idp>,
    pub(crate) spaces: Vec<Space>,
    pub(crate) apps: Vec<App>,
    pub(crate) sessions: Sessions,
    /// The login host, its accounts and the logins under way.
    pub(crate) login: LoginHost,
    pub(crate) oauth: oauth::OAuth,
    /// (tenant, jti) of every login token that was taken.
    pub(crate) used_jtis: HashSet<(String, String)>,
    pub(crate) events: Vec<Event>,
    pub(crate) switches: Switches,
    pub(crate) faults: Faults,
    pub(crate) rates: Rates,
    pub(crate) log: Log,
}

impl State {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            tenants: Vec::new(),
            users: Vec::new(),
            keys: Vec::new(),
            integrations: Vec::new(),
            idps: Vec::new(),
            spaces: Vec::new(),
            apps: Vec::new(),
            sessions: Sessions::default(),
            login: LoginHost::default(),
            oauth: oauth::OAuth::default(),
            used_jtis: HashSet::new(),
            events: Vec::new(),
            switches: Switches::default(),
            faults: Faults::default(),
            rates: Rates::default(),
            log: Log::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn record(&mut self, tenant: &str, kind: EventKind) {
        let at = self.now();
        self.events.push(Event { at, tenant: tenant.to_owned(), kind });
    }
}
