//! What a renewal remembers. Stored as JSON beside the integration; times are
//! whole unix seconds, so that what is compared is what was stored.

use serde::{Deserialize, Serialize};

use crate::{
    backoff::holds,
    doctor::{Check, Outcome},
};

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
    /// An administrator wants to know whether a renewal would succeed.
    Trial,
}

impl Trigger {
    /// As the attempts table holds it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Person => "person",
            Self::Trial => "trial",
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
    /// When `delete_at` was written; 0 where an older version did.
    #[serde(default)]
    pub set_at: i64,
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
    /// When `next_try_at` was written; 0 where an older version did.
    #[serde(default)]
    pub set_at: i64,
    /// The last one.
    pub fault: Fault,
}

impl Failing {
    /// When it is tried again, where that is still to come. `longest`: the longest
    /// wait that there is.
    pub(crate) fn held_until(&self, now: i64, longest: i64) -> Option<i64> {
        holds(now, self.set_at, self.next_try_at, longest).then_some(self.next_try_at)
    }
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
    /// The key was replaced by one that this database does not hold: it was
    /// restored from an older backup, or the portal runs twice.
    Superseded,
    /// Qlik refuses the key, and why can't be seen from here.
    Refused,
}

/// A key at Qlik that carries this portal's tag and that this database has not
/// made: another copy of the portal has it, or this one was restored from an
/// older backup. It is shown and left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// Its id at Qlik.
    pub key_id: String,
    /// When it was made; 0 where Qlik did not say.
    pub created_at: i64,
}

/// What a look at the coming renewal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// When it was.
    pub at: i64,
    /// What was looked at. Empty where Qlik could not be asked.
    pub checks: Vec<Check>,
}

impl Ahead {
    /// What stands in the way of the coming renewal, or may: the worst first.
    pub fn trouble(&self) -> Option<&Check> {
        let of = |outcome| self.checks.iter().find(|c| c.outcome == outcome);
        of(Outcome::Failed).or_else(|| of(Outcome::Warning))
    }
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
    /// The key in use; where the state rests, the one that was.
    pub current: KeyRef,
    /// No key is used any more, because the option is another one: none is made, and
    /// those that are left are deleted when their time comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resting: bool,
    /// When it comes due; jitter included.
    pub renew_at: i64,
    /// How long the key lived that a person pasted, in seconds: what renewals ask
    /// for, however short the tenant's maximum was meanwhile.
    #[serde(default)]
    pub life: i64,
    /// How far an attempt is.
    #[serde(flatten)]
    pub phase: Phase,
    /// Keys on their way out, the one to be deleted first in front.
    #[serde(default)]
    pub retiring: Vec<Retiring>,
    /// Something may be left at Qlik that carries our tag.
    #[serde(default)]
    pub sweep: bool,
    /// When to look once more for a leftover: a request that was given up may
    /// still take place.
    #[serde(default)]
    pub sweep_at: Option<i64>,
    /// The search for leftovers failed; it is no failure of a renewal. Boxed, for it is
    /// seldom there and a state is held in many places.
    #[serde(default)]
    pub unswept: Option<Box<Failing>>,
    /// A key of this portal that this database does not hold.
    #[serde(default)]
    pub stray: Option<Stray>,
    /// When the coming renewal is looked at next.
    #[serde(default)]
    pub look_at: i64,
    /// What the last such look found.
    #[serde(default)]
    pub ahead: Option<Ahead>,
    /// An administrator asked for a renewal, and has neither got it nor been told
    /// that a person is needed first: failures don't end it.
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
    /// A key that was just pasted and checked, and that comes due at `renew_at`.
    /// `look_at`: when the coming renewal is looked at.
    pub fn new(current: KeyRef, renew_at: i64, look_at: i64) -> Self {
        let life = current.expires_at - current.created_at;
        Self {
            current,
            resting: false,
            renew_at,
            life,
            phase: Phase::Active,
            retiring: Vec::new(),
            sweep: false,
            sweep_at: None,
            unswept: None,
            stray: None,
            look_at,
            ahead: None,
            requested: false,
            failing: None,
            need: None,
        }
    }

    /// Whether a renewal is to be made, due or not: somebody asked for it, or one
    /// failed and nothing has mended that yet.
    pub(crate) fn wanted(&self) -> bool {
        self.requested || self.failing.as_ref().is_some_and(|f| f.attempts > 0)
    }

    /// How long the next key should live, in seconds.
    pub(super) fn wanted_life(&self) -> i64 {
        self.life.max(self.current.expires_at - self.current.created_at)
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
