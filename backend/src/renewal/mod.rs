//! Replacing the API key before it expires, without ever losing one.
//!
//! The core is pure: [`decide`] looks at a [`State`] and says what to do next
//! and why, [`apply`] takes what happened and gives the next state. The shell
//! (`shell.rs`) claims due integrations by lease, does the one remote call that
//! a decision asks for, and records what came of it; each record is one short
//! transaction, and no transaction is open during a remote call.

mod act;
mod cause;
mod claim;
mod core;
mod look;
mod policy;
mod record;
mod shell;
mod state;
mod steps;

pub use self::core::{Action, Decision, Event, apply, decide, next_action_at};
pub(crate) use cause::said as said_of_need;
pub(crate) use claim::{Row, load, to_json};
pub use policy::{Policy, due_at, lead};
pub use shell::{RenewalEnd, RenewalOutcome};
pub use state::{Attempt, Failing, Fault, KeyRef, Need, NeedReason, Phase, Retiring, State, Trigger};
pub use steps::{AttemptRow, Step};
