//! Replacing the portal's signing key without any user noticing.
//!
//! Qlik allows one verification key per JWT identity provider and changes none of
//! them (<https://qlik.dev/apis/rest/identity-providers>), so a new key is a second
//! provider: *create* it, *announce* it (prove a real login), *switch* to the new
//! key, *retire* the old one. Until the last the way back is open.
//!
//! As in the renewal the core is pure: [`decide`] looks at a [`State`] and says
//! what to do next and why, [`apply`] takes what happened and gives the next
//! state. The shell claims the portal's integration by the renewal's own lease,
//! does the remote calls that a decision asks for, and records what came of them;
//! each record is one short transaction, and none is open during a call.

mod act;
mod apply;
mod core;
mod prove;
mod shell;
mod state;
mod store;
mod view;
mod words;

pub use self::{
    apply::{Event, apply},
    core::{Action, Decision, Move, Policy, allows, decide, next_action_at},
    shell::{RotationEnd, RotationOutcome},
    state::{End, Left, Phase, Provider, Reason, Snag, State, Trouble},
    view::{PhaseState, PhaseView, RotationView, SigningKeyView},
};
