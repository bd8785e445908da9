//! What Qonduit does, with no web framework: portals and their people, the
//! vault, the Qlik integration and its settings, the renewal of API keys, and
//! the store under all of it.
//!
//! Everything hangs on one value, [`Services`], which the server functions and
//! the renewal task share. Time, randomness and the Qlik client come from
//! outside (see [`qlik::env`]). This crate must not know leptos or axum.

pub mod apps;
pub mod asks;
pub mod audit;
mod backoff;
pub mod change;
pub mod connection;
pub mod credentials;
pub mod doctor;
pub mod door;
pub mod error;
mod events;
pub mod gauges;
pub mod identity;
pub mod integration;
mod keys;
mod log_lines;
pub mod matching;
pub mod notices;
pub mod oauth;
pub mod onboard;
pub mod people;
pub mod renewal;
pub mod rotation;
pub mod services;
pub mod store;
pub mod support;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod vault;
pub mod web_sessions;
mod words;
mod work;

pub use error::{Error, FieldError};
pub use log_lines::LogLines;
pub use people::{Actor, Role};
pub use services::{Portal, Services, ServicesConfig};
