//! What an open page hears when something changed.

use serde::{Deserialize, Serialize};

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All well.
    Healthy,
    /// It works, and somebody should look.
    Attention,
    /// The last renewal failed; it is tried again by itself.
    Failing,
    /// The machine can't go on.
    NeedsPerson,
}

/// One event of a stream that brings a part of a page anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// As [`Status::mark`].
    pub mark: String,
    /// As [`Status::html`].
    pub html: String,
}

/// One event of the status stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// In a word.
    pub health: Health,
    /// Changes with what is shown: a page that has this mark shows it already.
    pub mark: String,
    /// The parts of the page that show it, each an element with the id of the one
    /// that it takes the place of.
    pub html: String,
}
