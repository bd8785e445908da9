//! The outcome of checks, as it is shown and kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::table::about;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as it must be.
    Passed,
    /// It works; something could be better, and nothing has to be done.
    Advice,
    /// It works, and a person should know something.
    Warning,
    /// It does not work; nothing is stored.
    Failed,
    /// An earlier check did not pass, or it does not apply: it says which.
    NotChecked,
}

/// Where in Qlik's console it can be mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What the link says.
    pub label: String,
    /// Where it leads: into the Qlik tenant.
    pub url: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which, a stable name: see [`super::ids`].
    pub id: String,
    /// What it proves.
    pub title: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What is so.
    pub says: String,
    /// What to do, where it did not pass.
    pub remedy: Option<String>,
    /// Where to do it.
    pub link: Option<Link>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: Option<u32>,
    /// What was asked of Qlik; none where nothing was.
    #[serde(default)]
    pub request: Option<String>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

/// All checks of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When it ended.
    pub at: Timestamp,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
    /// None failed.
    pub ok: bool,
    /// The whole in a sentence.
    pub headline: String,
    /// The tenant has no JWT identity provider of this portal, and the key can make one.
    pub identity_missing: bool,
}

impl Check {
    /// The field of the form that the check `id` is about, if it is about one.
    pub fn field_of(id: &str) -> Option<&'static str> {
        about(id)?.1
    }
}

impl Report {
    /// The check with this id.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|c| c.id == id)
    }
}

/// What one check found.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) outcome: Outcome,
    pub(super) says: String,
    pub(super) remedy: Option<String>,
    pub(super) link: Option<Link>,
    pub(super) code: Option<String>,
    pub(super) trace: Option<String>,
    /// Whether the checks that need this one are made.
    pub(super) open: bool,
}

impl Note {
    pub(super) fn passed(says: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Passed,
            says: says.into(),
            remedy: None,
            link: None,
            code: None,
            trace: None,
            open: true,
        }
    }

    pub(super) fn advice(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Advice, remedy: Some(remedy.into()), ..Self::passed(says) }
    }

    pub(super) fn warning(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Warning, remedy: Some(remedy.into()), ..Self::passed(says) }
    }

    pub(super) fn failed(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, open: false, ..Self::warning(says, remedy) }
    }

    pub(super) fn not_checked(says: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotChecked, open: false, ..Self::passed(says) }
    }

    /// What needs this one is left out.
    pub(super) fn closed(mut self) -> Self {
        self.open = false;
        self
    }

    /// What needs this one is made all the same.
    pub(super) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(super) fn link(mut self, label: &str, url: String) -> Self {
        self.link = Some(Link { label: label.to_owned(), url });
        self
    }

    pub(super) fn codes(mut self, e: &qlik::error::Error) -> Self {
        self.code = e.code().map(str::to_owned);
        self.trace = e.trace_id().map(str::to_owned);
        self
    }
}
