//! What a renewal remembers. Stored as JSON beside the integration; times are
//! whole unix seconds, so that what is compared is what was stored.

use serde::{Deserialize, Serialize};

/// What the core knows of a key: enough to time it, nothing that is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    /// The key's id at Qlik (the token's `jti`).
    pub key_id: String,
    /// When it was made, as far as known.
    pub created_at: i64,
    /// When it stops working.
    pub expires_at: i64,
}

/// What set a renewal off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The key came due.
    Due,
    /// An administrator pressed Renew now.
    Person,
}

impl Trigger {
    /// As the attempts table holds it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Person => "person",
        }
    }
}

/// One try at a renewal. Its id is in the new key's description at Qlik.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Random id.
    pub id: String,
    /// What set it off.
    pub trigger: Trigger,
    /// When it began.
    pub started_at: i64,
}

/// How far the present attempt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// None is under way.
    Active,
    /// Stored before the key is asked for. Whoever finds this state does not
    /// know whether Qlik made the key: it looks for it by its tag.
    Creating {
        /// Which.
        attempt: Attempt,
    },
    /// The new key's token is sealed in the store; nothing uses it yet.
    Staged {
        /// Which.
        attempt: Attempt,
        /// The new key.
        new: KeyRef,
        /// Until when it is asked again whether it works.
        prove_until: i64,
    },
    /// The new key worked.
    Proved {
        /// Which.
        attempt: Attempt,
        /// The new key.
        new: KeyRef,
    },
}

/// A key that nothing uses any more and that is deleted at Qlik soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// The key.
    pub key: KeyRef,
    /// When its grace ends.
    pub delete_at: i64,
    /// How often deleting it failed.
    #[serde(default)]
    pub tries: u32,
}

/// What went wrong, in words for people and codes for Qlik's support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What is so, and what to do.
    pub says: String,
    /// Qlik's code.
    pub code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
    /// How long Qlik asks to wait, in seconds.
    pub retry_after: Option<i64>,
}

/// Failures since the last success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// How many in a row.
    pub attempts: u32,
    /// When the first was.
    pub since: i64,
    /// When the next try is; jitter included, so it is never rolled again.
    pub next_try_at: i64,
    /// The last one.
    pub fault: Fault,
}

/// Why the machine can't go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedReason {
    /// The key expired.
    Expired,
    /// The key was revoked or deleted at Qlik.
    Revoked,
    /// The key's owner is disabled or deleted.
    OwnerDisabled,
    /// The key's owner may no longer manage API keys.
    PermissionLost,
    /// The key belongs to another tenant.
    WrongTenant,
    /// Qlik refuses the key, and why can't be seen from here.
    Refused,
}

/// A person is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Why.
    pub reason: NeedReason,
    /// The words, and Qlik's codes.
    pub fault: Fault,
    /// Since when.
    pub since: i64,
    /// When the key is tried again, in case it was mended at Qlik.
    pub recheck_at: i64,
}

/// Where the renewal of one integration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The key in use.
    pub current: KeyRef,
    /// When it comes due; jitter included.
    pub renew_at: i64,
    /// How far an attempt is.
    #[serde(flatten)]
    pub phase: Phase,
    /// Keys on their way out, the one to be deleted first in front.
    #[serde(default)]
    pub retiring: Vec<Retiring>,
    /// Something may be left at Qlik that carries our tag.
    #[serde(default)]
    pub sweep: bool,
    /// An administrator asked for a renewal.
    #[serde(default)]
    pub requested: bool,
    /// Failures since the last success.
    #[serde(default)]
    pub failing: Option<Failing>,
    /// A person is needed.
    #[serde(default)]
    pub need: Option<Need>,
}

impl State {
    /// A key that was just pasted and checked.
    pub fn new(current: KeyRef, renew_at: i64) -> Self {
        Self {
            current,
            renew_at,
            phase: Phase::Active,
            retiring: Vec::new(),
            sweep: false,
            requested: false,
            failing: None,
            need: None,
        }
    }

    /// The attempt that is under way.
    pub fn attempt(&self) -> Option<&Attempt> {
        match &self.phase {
            Phase::Active => None,
            Phase::Creating { attempt } | Phase::Staged { attempt, .. } | Phase::Proved { attempt, .. } => {
                Some(attempt)
            }
        }
    }

    /// Whether this key is one that the state accounts for: such a key is never
    /// an orphan.
    pub fn knows(&self, key_id: &str) -> bool {
        self.current.key_id == key_id
            || self.retiring.iter().any(|r| r.key.key_id == key_id)
            || matches!(&self.phase, Phase::Staged { new, .. } | Phase::Proved { new, .. } if new.key_id == key_id)
    }
}
