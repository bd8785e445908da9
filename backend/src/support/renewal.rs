//! The parts of a support bundle that tell of the renewal, field by field as in
//! `parts.rs`.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    integration::AttemptEntry,
    renewal::{Fault, NeedReason, Phase, State},
    store::at,
};

#[derive(Debug, Serialize)]
pub(super) struct Renewal {
    phase: &'static str,
    attempt: Option<String>,
    new_key_id: Option<String>,
    current_key_id: String,
    due_at: Timestamp,
    wanted_life_s: i64,
    requested: bool,
    look_ahead_at: Timestamp,
    leftovers_may_be_at_qlik: bool,
    retiring: Vec<Retiring>,
    failing: Option<Failing>,
    needs_person: Option<Need>,
    stray_key_id: Option<String>,
    version: i64,
}

#[derive(Debug, Serialize)]
struct Retiring {
    key_id: String,
    delete_at: Timestamp,
    tries: u32,
}

#[derive(Debug, Serialize)]
struct Failing {
    tries: u32,
    since: Timestamp,
    next_try_at: Timestamp,
    last: Trouble,
}

#[derive(Debug, Serialize)]
struct Need {
    reason: NeedReason,
    since: Timestamp,
    rechecked_at: Timestamp,
    trouble: Trouble,
}

#[derive(Debug, Serialize)]
struct Trouble {
    says: String,
    qlik_code: Option<String>,
    trace_id: Option<String>,
}

impl Trouble {
    fn of(fault: &Fault) -> Self {
        Self { says: fault.says.clone(), qlik_code: fault.code.clone(), trace_id: fault.trace_id.clone() }
    }
}

impl Renewal {
    pub(super) fn of(state: &State, version: i64) -> Self {
        let (phase, new) = match &state.phase {
            Phase::Active => ("active", None),
            Phase::Creating { .. } => ("creating", None),
            Phase::Staged { new, .. } => ("staged", Some(new)),
            Phase::Proved { new, .. } => ("proved", Some(new)),
        };
        Self {
            phase,
            attempt: state.attempt().map(|a| a.id.clone()),
            new_key_id: new.map(|k| k.key_id.clone()),
            current_key_id: state.current.key_id.clone(),
            due_at: at(state.renew_at),
            wanted_life_s: state.life,
            requested: state.requested,
            look_ahead_at: at(state.look_at),
            leftovers_may_be_at_qlik: state.sweep || state.sweep_at.is_some(),
            retiring: state
                .retiring
                .iter()
                .map(|r| Retiring {
                    key_id: r.key.key_id.clone(),
                    delete_at: at(r.delete_at),
                    tries: r.tries,
                })
                .collect(),
            failing: state.failing.as_ref().map(|f| Failing {
                tries: f.attempts,
                since: at(f.since),
                next_try_at: at(f.next_try_at),
                last: Trouble::of(&f.fault),
            }),
            needs_person: state.need.as_ref().map(|n| Need {
                reason: n.reason,
                since: at(n.since),
                rechecked_at: at(n.recheck_at),
                trouble: Trouble::of(&n.fault),
            }),
            stray_key_id: state.stray.as_ref().map(|s| s.key_id.clone()),
            version,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Attempt {
    id: String,
    trigger: String,
    began_at: Timestamp,
    ended_at: Option<Timestamp>,
    outcome: Option<String>,
    trouble: Option<Trouble>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    at: Timestamp,
    did: String,
}

impl Attempt {
    pub(super) fn of(entry: AttemptEntry) -> Self {
        let a = entry.attempt;
        let (qlik_code, trace_id) = (a.qlik_code, a.trace_id);
        Self {
            id: a.id,
            trigger: a.trigger,
            began_at: a.started_at,
            ended_at: a.ended_at,
            outcome: a.outcome,
            trouble: a.reason.map(|says| Trouble { says, qlik_code, trace_id }),
            steps: entry.steps.into_iter().map(|(at, did)| Step { at, did }).collect(),
        }
    }
}
