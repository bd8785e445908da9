//! What is planned, how far it is, and the pure rules of going on and of undoing.
//! It must not know how anything is done.

use serde::{Deserialize, Serialize};

use crate::{backoff::doubling, doctor::Report, renewal::Fault};

/// So often something that may pass by itself is tried before all is undone.
const TRIES: u32 = 6;
/// Waits between tries, in seconds. A new identity provider may take a moment.
const FIRST_WAIT: i64 = 2;
const LONGEST_WAIT: i64 = 30;
/// Undoing goes on until it is done: what is left half is worse than late.
const LONGEST_WAIT_TO_UNDO: i64 = 3_600;

/// The web integration: what is there, or what will be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum WebPlan {
    /// It lists our origin already.
    Use {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// Our origin is added to one that exists.
    AddOrigin {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// What it lists now.
        lists: Vec<String>,
    },
    /// One is made.
    Create {
        /// Its name.
        name: String,
    },
}

/// The JWT identity provider: what is there, or what will be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum IdpPlan {
    /// It is there.
    Use {
        /// Its id.
        id: String,
    },
    /// One is made.
    Create {
        /// Its description.
        description: String,
    },
}

/// Everything that will be done, for an administrator to see first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The tenant's host, as it was entered.
    pub tenant_host: String,
    /// The tenant's id.
    pub tenant_id: String,
    /// The tenant's name, where it has one.
    pub tenant_name: Option<String>,
    /// The portal's origin.
    pub origin: String,
    /// The web integration.
    pub web: WebPlan,
    /// Other web integrations that could be used instead: id and name.
    pub others: Vec<(String, String)>,
    /// The identity provider.
    pub idp: IdpPlan,
    /// Its issuer.
    pub issuer: String,
    /// Its key id.
    pub kid: String,
    /// Whose key it is.
    pub owner: String,
    /// When the key expires, unix seconds.
    pub key_expires_at: i64,
    /// When it is renewed first, unix seconds, jitter aside.
    pub renew_at: i64,
    /// The portal was connected to this or another tenant before.
    pub replaces: Option<String>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Seen by nobody or not confirmed yet.
    Planned,
    /// The web integration is made, or about to be.
    Web,
    /// The identity provider is.
    Idp,
    /// The connection is tested and stored.
    Save,
    /// All is in place.
    Done,
    /// What was made is removed, the identity provider first.
    UndoIdp,
    /// Then the web integration, or the origin in it.
    UndoWeb,
    /// Everything is as it was.
    Undone,
}

/// An object at Qlik that a step ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its id.
    pub id: String,
    /// This run made it, or added the origin.
    pub made: bool,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is done.
    pub plan: Plan,
    /// How far it is.
    pub phase: Phase,
    /// The web integration, once it is there.
    pub web: Option<Object>,
    /// The identity provider, once it is there.
    pub idp: Option<Object>,
    /// Failed tries of the present phase.
    pub tries: u32,
    /// What went wrong: last, or so that all was undone.
    pub fault: Option<Fault>,
    /// The checks before it was stored.
    pub report: Option<Report>,
    /// What could not be removed, in words.
    pub left: Vec<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// The administrator wants it.
    Confirmed,
    /// The web integration is there.
    Web(Object),
    /// The identity provider is there.
    Idp(Object),
    /// The connection is stored.
    Saved(Report),
    /// A check did not pass, so nothing was stored.
    Refused(Report),
    /// A step failed; it may pass by itself.
    Failed(Fault),
    /// A step failed, and trying again is of no use.
    Barred(Fault),
    /// What this phase removes is gone, or was not ours.
    Removed,
    /// It can't be removed from here: what is left, in words.
    Left(String),
}

impl Progress {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            phase: Phase::Planned,
            web: None,
            idp: None,
            tries: 0,
            fault: None,
            report: None,
            left: Vec::new(),
        }
    }

    /// Nothing more will happen.
    pub fn ended(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Undone)
    }

    /// Something will happen by itself.
    pub fn runs(&self) -> bool {
        !self.ended() && self.phase != Phase::Planned
    }

    fn undoing(&self) -> bool {
        matches!(self.phase, Phase::UndoIdp | Phase::UndoWeb)
    }

    /// When to go on, in unix seconds; `None`: not by itself.
    pub(super) fn next_at(&self, now: i64, jitter: f64) -> Option<i64> {
        if !self.runs() {
            return None;
        }
        let longest = if self.undoing() { LONGEST_WAIT_TO_UNDO } else { LONGEST_WAIT };
        Some(if self.tries == 0 { now } else { now + doubling(self.tries, FIRST_WAIT, longest, jitter) })
    }
}

/// What is so after what happened. An event that does not fit the phase changes
/// nothing.
pub(super) fn apply(before: &Progress, event: Event) -> Progress {
    let mut p = before.clone();
    let to = |p: &mut Progress, phase| {
        p.phase = phase;
        p.tries = 0;
    };
    match (before.phase, event) {
        (Phase::Planned, Event::Confirmed) => to(&mut p, Phase::Web),
        (Phase::Web, Event::Web(object)) => {
            p.web = Some(object);
            p.fault = None;
            to(&mut p, Phase::Idp);
        }
        (Phase::Idp, Event::Idp(object)) => {
            p.idp = Some(object);
            p.fault = None;
            to(&mut p, Phase::Save);
        }
        (Phase::Save, Event::Saved(report)) => {
            p.report = Some(report);
            p.fault = None;
            to(&mut p, Phase::Done);
        }
        (Phase::Save, Event::Refused(report)) => {
            p.tries += 1;
            p.report = Some(report);
            if p.tries >= TRIES {
                to(&mut p, Phase::UndoIdp);
            }
        }
        (Phase::Web | Phase::Idp | Phase::Save, Event::Failed(fault)) => {
            p.tries += 1;
            p.fault = Some(fault);
            if p.tries >= TRIES {
                to(&mut p, Phase::UndoIdp);
            }
        }
        (Phase::Web | Phase::Idp | Phase::Save, Event::Barred(fault)) => {
            p.fault = Some(fault);
            to(&mut p, Phase::UndoIdp);
        }
        (Phase::UndoIdp, Event::Removed) => to(&mut p, Phase::UndoWeb),
        (Phase::UndoWeb, Event::Removed) => to(&mut p, Phase::Undone),
        (Phase::UndoIdp | Phase::UndoWeb, Event::Failed(_)) => p.tries = p.tries.saturating_add(1),
        (Phase::UndoIdp, Event::Left(what)) => {
            p.left.push(what);
            to(&mut p, Phase::UndoWeb);
        }
        (Phase::UndoWeb, Event::Left(what)) => {
            p.left.push(what);
            to(&mut p, Phase::Undone);
        }
        _ => {}
    }
    p
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
