//! The doctor: is the connection to Qlik as it must be, and if not, what exactly
//! is wrong and what mends it.
//!
//! The checks stand in one table (`table.rs`): each with what it proves, what it
//! needs, and the request that it makes. The engine (`run.rs`) goes through it
//! in order and leaves out what needs a check that did not pass, so that one
//! mistake shows as one failure. Saving, Test connection, the probe that runs by
//! itself and the command line all use this engine.
//!
//! This module must not know what is done with an outcome.

mod account;
mod everyone;
mod fresh;
mod key;
mod login;
mod oauth;
mod probe;
mod reach;
mod redirect;
mod report;
mod run;
mod session;
mod subject;
mod table;
mod web;

pub(crate) use key::words_of as span_words;
pub use report::{Check, Link, Outcome, Report};
#[cfg(test)]
pub(crate) use subject::KeyFacts;
pub(crate) use subject::{Facts, Findings, Subject};
pub use table::{about, ids};

#[cfg(test)]
mod tests;
