//! Where a rotation stands: all that a process needs to go on with it, as it is
//! stored.

use serde::{Deserialize, Serialize};

use crate::renewal::{Failing, Fault};

/// Where the replacement of one portal's signing key stands. Times are unix
/// seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The key that signed when it began.
    pub old_kid: String,
    /// The key that is to sign.
    pub new_kid: String,
    /// The tenant in which both identity providers are.
    pub tenant_id: String,
    /// Its hostname, for words.
    pub tenant_host: String,
    /// When it began.
    pub began_at: i64,
    /// The e-mail of the administrator who began it: who is signed in for a proof
    /// where Qlik does not tell the e-mail of the API key's owner.
    pub began_by: String,
    /// The new key's identity provider.
    pub provider: Provider,
    /// When the last request for it was sent that got no answer, before what
    /// `provider` says: one more identity provider for the key may come of it.
    pub lost_at: Option<i64>,
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// When the new key's identity provider was in the tenant.
    pub provided_at: Option<i64>,
    /// When the new key was proved last.
    pub proved_at: Option<i64>,
    /// When the new key began to sign.
    pub switched_at: Option<i64>,
    /// What keeps it from going on.
    pub trouble: Option<Trouble>,
}

/// The new key's identity provider at Qlik.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Provider {
    /// Not asked for yet.
    None,
    /// Asked for; whether Qlik made it is not known. Stored *before* the request,
    /// so what is found with our issuer and key id after it is ours.
    Asked {
        /// When.
        at: i64,
    },
    /// This portal made it.
    Made {
        /// Its id.
        id: String,
    },
    /// The API key's owner may not make it: a Tenant Admin enters it by hand, and
    /// it is not this portal's to delete.
    ByHand {
        /// When it is tried whether they have.
        look_at: i64,
    },
}

/// How far a rotation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The new key is stored; its identity provider is being made.
    Create,
    /// The identity provider is there; it is tried whether the new key signs in.
    Announce {
        /// Since when.
        since: i64,
    },
    /// The new key signs in; the old one is used.
    Ready,
    /// The switch is asked for: one more proof, then it takes place.
    Switch,
    /// The new key is used; the old one still works.
    Switched {
        /// When the old one is retired.
        retire_at: i64,
    },
    /// The way back is asked for: the old key is proved, then it is used again.
    Back {
        /// When the old one was to be retired.
        retire_at: i64,
    },
    /// The old key's identity provider is being deleted. From here there is no
    /// way back.
    Retire,
    /// It was called off: the new key's identity provider is being deleted.
    Undo {
        /// Nothing was found at Qlik; a late one may still come.
        looked: bool,
    },
    /// It is over.
    Ended {
        /// How.
        end: End,
        /// When.
        at: i64,
        /// What a person has to delete in Qlik.
        left: Option<Left>,
    },
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The old key is gone.
    Retired,
    /// The new key is gone.
    Undone,
}

/// An identity provider at Qlik that nothing uses any more and that is not this
/// portal's to delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Its issuer.
    pub issuer: String,
    /// Its key id.
    pub kid: String,
    /// The hostname of the tenant that it is in.
    pub tenant_host: String,
}

/// Why a step did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Qlik refuses the key's token: the identity provider may not be in force yet.
    Refused,
    /// The tenant has no identity provider for the key.
    Missing,
    /// It has one with another certificate.
    OtherCertificate,
    /// It has one that is switched off.
    SwitchedOff,
    /// The web integration does not list this portal's origin.
    Origin,
    /// Qlik does not let the user in who is signed in for the proof.
    User,
    /// Qlik opened a session for another user.
    WrongUser,
    /// Nobody can be signed in for the proof.
    Nobody,
    /// Qlik refuses the portal's API key.
    ApiKey,
    /// The portal was connected to another tenant.
    Moved,
    /// Qlik does not answer, or answers with an error of its own.
    Qlik,
}

impl Reason {
    /// The key can't sign in as things are, rather than that it could not be tried.
    pub const fn is_of_the_provider(self) -> bool {
        matches!(self, Self::Refused | Self::Missing | Self::OtherCertificate | Self::SwitchedOff)
    }
}

/// What keeps a rotation from going on, and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Which.
    pub reason: Reason,
    /// Since when, how often, the words, and the next try.
    #[serde(flatten)]
    pub failing: Failing,
}

/// A step that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snag {
    /// Why.
    pub reason: Reason,
    /// The words, and Qlik's codes.
    pub fault: Fault,
}

impl State {
    /// A rotation whose new key is stored in the same transaction.
    pub fn new(now: i64, old_kid: &str, new_kid: &str, tenant: (&str, &str), began_by: &str) -> Self {
        Self {
            old_kid: old_kid.to_owned(),
            new_kid: new_kid.to_owned(),
            tenant_id: tenant.0.to_owned(),
            tenant_host: tenant.1.to_owned(),
            began_at: now,
            began_by: began_by.to_owned(),
            provider: Provider::None,
            lost_at: None,
            phase: Phase::Create,
            provided_at: None,
            proved_at: None,
            switched_at: None,
            trouble: None,
        }
    }

    /// When the last request was sent of which something may still come.
    pub fn unanswered_at(&self) -> Option<i64> {
        match self.provider {
            Provider::Asked { at } => Some(at),
            _ => self.lost_at,
        }
    }

    /// Whether it is over.
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// The key that signs in this state.
    pub fn active(&self) -> &str {
        match self.phase {
            Phase::Create
            | Phase::Announce { .. }
            | Phase::Ready
            | Phase::Switch
            | Phase::Undo { .. }
            | Phase::Ended { end: End::Undone, .. } => &self.old_kid,
            Phase::Switched { .. }
            | Phase::Back { .. }
            | Phase::Retire
            | Phase::Ended { end: End::Retired, .. } => &self.new_kid,
        }
    }
}
