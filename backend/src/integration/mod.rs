//! The portal's settings for its Qlik tenant: what an administrator enters,
//! the checks that come before it is stored, what is shown once it is, and how
//! it ends.

mod despite;
mod disconnect;
mod form;
mod history;
mod idp;
mod names;
mod save;
mod shown;
mod states;
mod store;
mod typed;
mod view;

pub use crate::doctor::{Check, Link, Outcome, Report};
pub use disconnect::DisconnectEnd;
pub use form::{SaveInput, SaveOutcome};
pub(crate) use form::{parse_host, parse_key};
pub use history::{AttemptEntry, KeyLife, KeyUse};
pub(crate) use idp::{ensure_provider, provider_of};
pub use names::NamesView;
pub use shown::{AttemptView, ConnectionView, FormView, Health, KeyView, Running, SettingsView, StatusView};
pub(crate) use typed::{How, Means, Typed, same_tenant};
