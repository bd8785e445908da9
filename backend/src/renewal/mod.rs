//! Replacing the API key before it expires, without ever losing one.
//!
//! The core is pure: [`decide`] looks at a [`State`] and says what to do next
//! and why, [`apply`] takes what happened and gives the next state. The shell
//! (`shell.rs`) claims due integrations by lease, does the one remote call that
//! a decision asks for, and records what came of it; each record is one short
//! transaction, and no transaction is open during a remote call.

mod act;
mod ahead;
mod apply;
mod cause;
mod claim;
mod core;
mod eyes;
mod finish;
mod look;
mod policy;
mod port;
mod record;
mod shell;
mod state;
mod steps;
mod tick;
mod trial;

pub use self::{
    apply::{Event, apply},
    core::{Action, Decision, decide, next_action_at},
};
pub(crate) use cause::{fault as fault_of, said as said_of_need, why_refused};
pub(crate) use claim::{Lease, Lost, Row, load, load_any, to_json};
pub(crate) use core::next_attempt_at;
pub(crate) use look::tag;
pub(crate) use policy::next_look;
pub use policy::{Policy, due_at, lead};
pub(crate) use port::Tenants;
pub use shell::{RenewalEnd, RenewalOutcome};
pub use state::{
    Ahead, Attempt, Failing, Fault, KeyRef, Need, NeedReason, Phase, Retiring, State, Stray, Trigger,
};
pub use steps::{AttemptRow, Step};
pub use trial::TrialEnd;

#[cfg(test)]
mod sim;
