//! The outcome of checks, as it is shown and kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is as it must be.
    Passed,
    /// It works, and a person should know something.
    Warning,
    /// It does not work; nothing is stored.
    Failed,
    /// An earlier check did not pass, so this one could not be made.
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
    /// Which: `tenant`, `key`, `owner`, `lifetime`, `renewal`, `web_integration`, `origin`, `read_users`,
    /// `jwt_login`, `apps`.
    pub id: String,
    /// What it proves, for one that was not made.
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
        match id {
            "tenant" => Some("tenant_host"),
            "web_integration" | "origin" => Some("web_integration_id"),
            "key" | "owner" | "lifetime" | "renewal" | "read_users" => Some("api_key"),
            _ => None,
        }
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
        }
    }

    pub(super) fn warning(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Warning, remedy: Some(remedy.into()), ..Self::passed(says) }
    }

    pub(super) fn failed(says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { outcome: Outcome::Failed, ..Self::warning(says, remedy) }
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
