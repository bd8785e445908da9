//! Telling people about the renewal of the key: by mail and by signed webhooks.
//!
//! What is worth telling is decided purely (`decide.rs`) from two states of a
//! renewal and what was told before. It is written to the outbox in the
//! transaction of the event (`note.rs`), and sent from there at least once, by
//! whichever process holds the row's lease (`deliver.rs`). This module must not
//! know how a renewal works: it sees states, never steps or calls.

mod decide;
mod deliver;
mod deliveries;
mod examined;
mod form;
mod mail;
mod mail_stream;
mod note;
mod outbox;
mod reach;
mod settings;
mod subscriber;
mod trust;
mod watch;
mod webhook;
mod words;

pub use deliveries::{Delivery, DeliveryState, TestEnd};
pub use form::{MailInput, RulesInput, WebhookInput};
pub(crate) use note::{note, note_no_key, note_report};
pub use outbox::MOST_TRIES;
pub use settings::{MailView, NoticesView, WebhookView};
pub use trust::{Authorities, AuthoritiesError};
pub use watch::STANDSTILL;
pub use words::{NOTIFICATIONS, RENEWALS, SETTINGS};

use std::time::Duration;

/// What the operator decided about notices.
#[derive(Debug, Clone)]
pub struct NoticesConfig {
    /// Hosts inside the operator's network that mail and webhooks may go to:
    /// `host`, `*.host` or an address. Anything else that is not on the public
    /// internet is refused.
    pub hosts: Vec<String>,
    /// Who vouches for mail servers and receivers, beside those that this machine
    /// trusts.
    pub authorities: Authorities,
    /// How long one delivery may take.
    pub timeout: Duration,
}

impl Default for NoticesConfig {
    fn default() -> Self {
        Self { hosts: Vec::new(), authorities: Authorities::default(), timeout: Duration::from_secs(20) }
    }
}

/// How a notice travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By mail.
    Mail,
    /// By webhook.
    Webhook,
}

impl Channel {
    /// As the outbox holds it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "mail" => Some(Self::Mail),
            "webhook" => Some(Self::Webhook),
            _ => None,
        }
    }
}

/// Why a notice did not arrive: what is so, then what to do. Never what the
/// other side answered, for that is not ours to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undelivered(pub(crate) String);

impl Undelivered {
    pub(crate) fn new(says: impl Into<String>) -> Self {
        Self(says.into())
    }
}
