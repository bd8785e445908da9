//! The shapes of what the settings page shows.

use jiff::Timestamp;

use super::{KeyLife, NamesView, Report};
use crate::{
    Portal,
    connection::{AuthOption, SecretView},
    identity::IdentityView,
    renewal::Ahead,
};

/// The stored settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormView {
    /// `Qlik Sense tenant hostname`.
    pub tenant_host: String,
    /// `Web Integration Id`.
    pub web_integration_id: String,
    /// The e-mail is sent as subject.
    pub email_as_subject: bool,
    /// How the portal becomes a user.
    pub option: AuthOption,
    /// The id of the OAuth client, where the option uses one.
    pub client_id: Option<String>,
}

/// How a connection without a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionView {
    /// The option.
    pub option: AuthOption,
    /// In a word.
    pub health: Health,
    /// In a sentence.
    pub headline: String,
    /// The tenant.
    pub tenant_host: String,
    /// When the connection was last tested.
    pub checked_at: Option<Timestamp>,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// Which secret of it is stored; none where it has none.
    pub secret: Option<SecretView>,
    /// Active users of the portal.
    pub people: i64,
    /// Users who registered or connected and whose sign-in works, as far as known;
    /// none where users have nothing to do.
    pub ready: Option<i64>,
    /// When a key that is left of an option before is deleted at Qlik.
    pub old_key_until: Option<Timestamp>,
}

/// A key, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Its id at Qlik.
    pub key_id: String,
    /// The last four characters of the id.
    pub last4: String,
    /// The beginning of the token's SHA-256.
    pub fingerprint: String,
    /// Whose it is.
    pub owner_name: String,
    /// Whose it is.
    pub owner_email: Option<String>,
    /// When Qlik made it.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it came here.
    pub stored_at: Timestamp,
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// All well.
    Healthy,
    /// It works, and somebody should look.
    Attention,
    /// The last renewal failed; it is tried again by itself.
    Failing,
    /// The machine can't go on.
    NeedsPerson,
}

/// A renewal that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What it is doing.
    pub step: &'static str,
    /// Since when.
    pub since: Timestamp,
}

/// An attempt, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its id.
    pub id: String,
    /// `due` or `person`.
    pub trigger: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// `renewed`, `failed`, `person` or `abandoned`.
    pub outcome: Option<String>,
    /// Why it did not succeed.
    pub reason: Option<String>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

/// The status panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    /// In a word.
    pub health: Health,
    /// In a sentence.
    pub headline: String,
    /// The tenant.
    pub tenant_host: String,
    /// The tenant's unchangeable host.
    pub permanent_host: String,
    /// The key in use.
    pub key: KeyView,
    /// When it is renewed.
    pub renew_at: Timestamp,
    /// The renewal under way.
    pub running: Option<Running>,
    /// The attempt before.
    pub last_renewal: Option<AttemptView>,
    /// The last attempts, newest first, trials among them.
    pub recent: Vec<AttemptView>,
    /// The last keys, oldest first.
    pub lives: Vec<KeyLife>,
    /// What the last look at the coming renewal found.
    pub ahead: Option<Ahead>,
    /// When a failed renewal is tried again.
    pub next_try_at: Option<Timestamp>,
    /// How many tries failed in a row.
    pub failed_tries: u32,
    /// Until when the old key lives on.
    pub old_key_until: Option<Timestamp>,
    /// What a person has to do.
    pub needs_person: Option<String>,
    /// When the connection was last tested.
    pub checked_at: Option<Timestamp>,
    /// The tenant has no JWT identity provider of this portal.
    pub identity_missing: bool,
    /// Qlik has a key of this portal that this database does not hold: what
    /// that means, in words.
    pub stray: Option<String>,
    /// Goes up with each change.
    pub version: i64,
}

/// The settings page.
#[derive(Debug, Clone)]
pub struct SettingsView {
    /// The portal.
    pub portal: Portal,
    /// The stored settings.
    pub form: Option<FormView>,
    /// The status, once saved with a key.
    pub status: Option<StatusView>,
    /// The status, once saved with an option without a key.
    pub connection: Option<ConnectionView>,
    /// The last checks of the stored settings.
    pub report: Option<Report>,
    /// What a JWT identity provider at Qlik needs.
    pub identity: IdentityView,
    /// The name that was entered is gone, and the permanent one is used.
    pub names: Option<NamesView>,
}
