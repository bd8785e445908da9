//! The outcome of a test of the connection, line by line.

use serde::{Deserialize, Serialize};

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// It works, and something could be better.
    Advice,
    /// It works, and something needs a look.
    Warning,
    /// It does not work.
    Failed,
    /// It needs a check above it, which did not pass, or does not apply.
    NotChecked,
}

/// A place to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What the link says.
    pub label: String,
    /// Where it goes.
    pub url: String,
}

/// One line of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which check, a stable name.
    pub id: String,
    /// What was looked at.
    pub title: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What is so.
    pub says: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Where to do it.
    pub link: Option<Link>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: Option<u32>,
    /// What was asked of Qlik.
    #[serde(default)]
    pub request: Option<String>,
    /// Qlik's own code.
    pub qlik_code: Option<String>,
    /// What Qlik's support asks for.
    pub trace_id: Option<String>,
}

/// All checks of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When, in unix seconds.
    pub at: i64,
    /// No check failed.
    pub ok: bool,
    /// The whole in one sentence.
    pub headline: String,
    /// The tenant has no JWT identity provider of this portal, and the key can make one.
    #[serde(default)]
    pub identity_missing: bool,
    /// The lines, in the order of the run.
    pub checks: Vec<Check>,
}

impl Report {
    /// The line of the check `id`.
    pub fn check(&self, id: &str) -> Option<&Check> {
        self.checks.iter().find(|c| c.id == id)
    }

    /// How many lines ended as `outcome`.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|c| c.outcome == outcome).count()
    }
}

impl Check {
    /// What is so and what to do, as one text.
    pub fn whole(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{} {remedy}", self.says),
            None => self.says.clone(),
        }
    }
}
