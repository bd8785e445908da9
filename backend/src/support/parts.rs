//! The shapes of a support bundle. Each field is here because a helper needs it
//! and none can hold a secret; a new one is a decision, not a by-product.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::Serialize;

use super::renewal::{Attempt, Renewal};
use crate::{
    integration::{Check, KeyView, Report},
    notices::{self, DeliveryState},
};

/// What the operator set, as far as it may leave the server. Files and addresses
/// that may carry a password (`QONDUIT_DATABASE_URL`, `QONDUIT_KEYRING_FILE`, …)
/// have no place here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Scheme, host and port at which people reach it.
    pub public_origin: String,
    /// Traffic for some Qlik hosts is sent to another address.
    pub qlik_resolve: bool,
    /// One more certificate authority is trusted for Qlik.
    pub qlik_ca: bool,
    /// Hosts beside Qlik's own that may be a tenant.
    pub qlik_extra_hosts: Vec<String>,
    /// Hosts inside the operator's network that notices may go to.
    pub notice_hosts: Vec<String>,
    /// How long an old key lives on after a renewal, in seconds.
    pub renewal_grace_s: i64,
    /// The proxy whose word about addresses is believed.
    pub trusted_proxy: Option<IpAddr>,
    /// The most that is logged: `error` to `trace`.
    pub log_level: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Bundle {
    pub(super) file: About,
    pub(super) product: Product,
    pub(super) database: Database,
    pub(super) clock: ClockPart,
    pub(super) operator: Operator,
    pub(super) portal: Portal,
    pub(super) integration: Option<Integration>,
    pub(super) checks: Option<Report>,
    pub(super) renewal: Option<Renewal>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) ahead: Option<Ahead>,
    pub(super) notices: Notices,
    pub(super) identity_providers: Vec<IdentityProvider>,
    pub(super) users: Vec<Users>,
}

#[derive(Debug, Serialize)]
pub(super) struct About {
    pub(super) format: u32,
    pub(super) made_at: Timestamp,
}

#[derive(Debug, Serialize)]
pub(super) struct Product {
    pub(super) version: &'static str,
    pub(super) os: &'static str,
    pub(super) arch: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Database {
    pub(super) schema_version: i64,
    pub(super) migrations: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct ClockPart {
    pub(super) server: Timestamp,
    /// In the words of the check of the clocks, where it was made.
    pub(super) beside_qlik: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Portal {
    pub(super) hostname: String,
    pub(super) origin: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Integration {
    pub(super) tenant_host: String,
    pub(super) permanent_host: String,
    pub(super) tenant_id: String,
    pub(super) region: Option<String>,
    pub(super) web_integration_id: String,
    pub(super) option: String,
    pub(super) oauth_client_id: Option<String>,
    pub(super) login_host: Option<String>,
    pub(super) email_as_subject: bool,
    pub(super) saved_at: Timestamp,
    pub(super) checked_at: Option<Timestamp>,
    pub(super) next_action_at: Option<Timestamp>,
    pub(super) claimed_until: Option<Timestamp>,
    pub(super) key: Option<Key>,
}

/// The key in use, without its token.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    id: String,
    fingerprint: String,
    made_at: Timestamp,
    expires_at: Timestamp,
    stored_at: Timestamp,
    owner_name: String,
    owner_email: Option<String>,
}

impl Key {
    pub(super) fn of(key: KeyView) -> Self {
        Self {
            id: key.key_id,
            fingerprint: key.fingerprint,
            made_at: key.created_at,
            expires_at: key.expires_at,
            stored_at: key.stored_at,
            owner_name: key.owner_name,
            owner_email: key.owner_email,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Ahead {
    pub(super) at: Timestamp,
    pub(super) checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
pub(super) struct Notices {
    pub(super) mail: Option<Mail>,
    pub(super) webhook: Option<Webhook>,
    pub(super) tell_renewed: bool,
    pub(super) repeat_hours: i64,
    pub(super) deliveries: Vec<Delivery>,
}

#[derive(Debug, Serialize)]
pub(super) struct Mail {
    pub(super) server: String,
    pub(super) port: i64,
    pub(super) security: String,
    pub(super) signs_in: bool,
    pub(super) password_set_at: Option<Timestamp>,
    pub(super) recipients: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Webhook {
    /// Alone: the path of such an address may be a secret of its own.
    pub(super) host: String,
    pub(super) secret_made_at: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
pub(super) struct Delivery {
    id: String,
    arose_at: Timestamp,
    channel: &'static str,
    title: String,
    state: &'static str,
    at: Option<Timestamp>,
    tries: i64,
    error: Option<String>,
}

impl Delivery {
    pub(super) fn of(d: notices::Delivery) -> Self {
        let (state, when) = match d.state {
            DeliveryState::Sent(t) => ("sent", Some(t)),
            DeliveryState::Waiting(t) => ("waiting", Some(t)),
            DeliveryState::GivenUp => ("given_up", None),
        };
        Self {
            id: d.id,
            arose_at: d.at,
            channel: d.channel.as_str(),
            title: d.title,
            state,
            at: when,
            tries: d.tries,
            error: d.error,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct IdentityProvider {
    pub(super) issuer: String,
    pub(super) kid: String,
    pub(super) id_at_qlik: Option<String>,
    pub(super) signs_now: bool,
    pub(super) made_at: Timestamp,
}

#[derive(Debug, Serialize)]
pub(super) struct Users {
    pub(super) role: String,
    pub(super) status: String,
    pub(super) count: i64,
}
