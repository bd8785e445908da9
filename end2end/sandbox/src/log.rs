//! What was asked of the sandbox. No token, cookie or body is kept.

use std::collections::VecDeque;

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
    /// The query, without `?`; tokens in it are `***`.
    pub query: Option<String>,
    /// The answer's status; none if it was never answered.
    pub status: Option<u16>,
    /// It passed through the rules and routes, whatever became of the answer.
    pub handled: bool,
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
    /// The engine's methods that were asked over a websocket, in their order.
    pub asked: Vec<String>,
    /// The code that the client closed a websocket with.
    pub closed: Option<u16>,
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

/// A query without the tokens, states and codes that it may have.
pub(crate) fn without_tokens(query: &str) -> String {
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name @ ("qlik-csrf-token" | "accessToken" | "code" | "state" | "nonce"), _)) => {
            format!("{name}=***")
        }
        _ => pair.to_owned(),
    };
    query.split('&').map(shown).collect::<Vec<_>>().join("&")
}

/// How many requests are remembered; a load test must not fill the memory.
const CAPACITY: usize = 50_000;

/// Where in the log a request is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) u64);

/// The log of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<LogEntry>,
    /// Number of the first entry, so that numbers outlive a clearing.
    first: u64,
}

impl Log {
    /// Starts an entry and gives its number; the oldest goes when there are too many.
    pub(crate) fn open(&mut self, entry: LogEntry) -> u64 {
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(entry);
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
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> LogEntry {
        LogEntry {
            at: Timestamp::UNIX_EPOCH,
            method: "GET".into(),
            host: String::new(),
            path: path.into(),
            query: None,
            status: None,
            handled: false,
            auth: AuthKind::None,
            user: None,
            key: None,
            origin: None,
            web_integration_id: None,
            headers: Vec::new(),
            fault: None,
            version: String::new(),
            asked: Vec::new(),
            closed: None,
        }
    }

    #[test]
    fn a_late_answer_finds_its_entry_and_not_that_of_another_after_a_clearing() {
        let mut log = Log::default();
        let (first, second) = (log.open(entry("/a")), log.open(entry("/b")));
        log.amend(second, |e| e.status = Some(200));
        log.clear();
        let third = log.open(entry("/c"));
        log.amend(first, |e| e.status = Some(500));
        log.amend(third, |e| e.status = Some(204));
        let entries = log.entries();
        assert_eq!((entries.len(), entries[0].status), (1, Some(204)));
    }

    #[test]
    fn a_query_keeps_no_token() {
        assert_eq!(
            without_tokens("qlik-csrf-token=hush&reloadUri=x&accessToken=hush&flag"),
            "qlik-csrf-token=***&reloadUri=x&accessToken=***&flag"
        );
    }

    #[test]
    fn the_oldest_entries_go_when_there_are_too_many() {
        let mut log = Log::default();
        for n in 0..=CAPACITY {
            log.open(entry(&n.to_string()));
        }
        let entries = log.entries();
        assert_eq!((entries.len(), entries[0].path.as_str()), (CAPACITY, "1"));
    }
}
