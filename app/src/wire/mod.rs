//! What travels between server and browser. Never a secret on the way out; on
//! the way in a secret is a [`SecretInput`]. Times are RFC 3339 strings or whole
//! unix seconds. This module must not know the backend's types.

mod report;
mod secret_input;
mod settings;
mod status;

pub use report::{Check, Link, Outcome, Report};
pub use secret_input::SecretInput;
pub use settings::SaveAnswer;
pub use status::{Health, Part, Status};

use serde::{Deserialize, Serialize};

/// A form was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Where to go next, a path of this portal.
    pub next: String,
}

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// What was asked for is so.
    Good,
    /// It is so, and something needs a look.
    Warning,
    /// It is not so.
    Bad,
    /// Neither.
    Neutral,
}

/// One sentence about what just happened, shown once on the next page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// How it is meant.
    pub tone: Tone,
    /// The sentence.
    pub text: String,
}

/// What an administrator asks somebody for: to do their own part at Qlik.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who asks, where they are still there.
    pub by: Option<String>,
    /// To connect; else to register credentials.
    pub to_connect: bool,
}

impl Notice {
    /// What was asked for is so.
    pub fn good(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, text: text.into() }
    }

    /// It is not so.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { tone: Tone::Bad, text: text.into() }
    }
}
