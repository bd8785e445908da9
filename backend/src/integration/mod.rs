//! The portal's settings for its Qlik tenant: what an administrator enters,
//! the checks that come before it is stored, what is shown once it is, and how
//! it ends.

mod checks;
mod disconnect;
mod form;
mod history;
mod idp;
mod report;
mod save;
mod shown;
mod steps;
mod steps_login;
mod steps_web;
mod test;
mod view;

pub use disconnect::DisconnectEnd;
pub use form::{SaveInput, SaveOutcome};
pub use history::{AttemptEntry, KeyLife, KeyUse};
pub use report::{Check, Link, Outcome, Report};
pub use shown::{AttemptView, FormView, Health, KeyView, Running, SettingsView, StatusView};
pub(crate) use steps::words_of as span_words;
#[cfg(test)]
pub(crate) use {checks::Facts, save::Typed};
