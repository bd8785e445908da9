//! What was asked of the sandbox. No token, cookie or body is kept.

use http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;

/// What a request showed to say who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Nothing.
    None,
    /// `Authorization: Bearer …`.
    Bearer,
    /// Cookies.
    Session,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct LogEntry {
    /// When it came, by the sandbox's clock.
    pub at: Timestamp,
    /// The method, upper case.
    pub method: String,
    /// The host that it was for.
    pub host: String,
    /// The path, without query.
    pub path: String,
    /// The query, without `?`.
    pub query: Option<String>,
    /// The answer's status; none if it was never answered.
    pub status: Option<u16>,
    /// What it showed to say who asks.
    pub auth: AuthKind,
    /// The id of the user who was recognised.
    pub user: Option<String>,
    /// The id of the API key that was recognised.
    pub key: Option<String>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `qlik-web-integration-id` header.
    pub web_integration_id: Option<String>,
    /// Which of the headers that matter were there (names, never values).
    pub headers: Vec<String>,
    /// The fault that struck.
    pub fault: Option<String>,
    /// HTTP/1.1 or HTTP/2.0.
    pub version: String,
}

const OF_INTEREST: [&str; 7] = [
    "authorization",
    "cookie",
    "content-type",
    "origin",
    "qlik-csrf-token",
    "qlik-web-integration-id",
    "user-agent",
];

/// The names of the headers of interest that are present.
pub(crate) fn present(headers: &HeaderMap) -> Vec<String> {
    OF_INTEREST.iter().filter(|name| headers.contains_key(**name)).map(|&name| name.to_owned()).collect()
}

/// The log of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<LogEntry>,
    /// Number of the first entry, so that numbers outlive a clearing.
    first: u64,
}

impl Log {
    /// Starts an entry and gives its number.
    pub(crate) fn open(&mut self, entry: LogEntry) -> u64 {
        self.entries.push(entry);
        self.first + self.entries.len() as u64 - 1
    }

    /// Changes an entry, if it was not cleared away.
    pub(crate) fn amend(&mut self, number: u64, change: impl FnOnce(&mut LogEntry)) {
        let index = number.checked_sub(self.first).and_then(|i| usize::try_from(i).ok());
        if let Some(entry) = index.and_then(|i| self.entries.get_mut(i)) {
            change(entry);
        }
    }

    pub(crate) fn entries(&self) -> Vec<LogEntry> {
        self.entries.clone()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }
}
