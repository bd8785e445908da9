//! One-paste set-up: with a hostname and a Tenant Admin's key the portal looks at
//! what is there, says what it will make, makes it once an administrator
//! confirmed, and stores the connection. Half-way it never stays: it goes on, or
//! everything that it made is removed again.
//!
//! The core is pure (`state.rs`). Each step's intent is stored before its call,
//! and a step that is found begun looks first whether its object is there.

mod look;
mod made;
mod run;
mod state;
mod steps;

pub(crate) use look::provider_name;
pub use look::{PlanOutcome, SetUpInput};
pub use made::MadeAtQlik;
pub use run::SetUpView;
pub use state::{IdpPlan, Object, Phase, Plan, Progress, WebPlan};
