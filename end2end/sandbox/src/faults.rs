//! Faults: what goes wrong on purpose, for which requests, how often.
//!
//! Matching only; the server makes the effect happen.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::flood::Flood;
use crate::gateway::Gateway;

/// What happens to a matching request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Answered with this error; nothing takes place.
    Status {
        /// The HTTP status.
        status: u16,
        /// Qlik's error code.
        code: String,
        /// Qlik's error title.
        title: String,
        /// Sent instead of the error envelope.
        #[serde(default)]
        body: Option<String>,
    },
    /// 429; nothing takes place.
    RateLimited {
        /// Seconds in `retry-after`.
        retry_after_s: u32,
    },
    /// Takes place at once, answered late.
    Delay {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// Takes place late.
    DelayBefore {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// The connection is cut; nothing takes place.
    CutBefore,
    /// Takes place; the connection is cut instead of an answer.
    CutAfter,
    /// Takes place; the answer's body is broken JSON.
    Malformed,
    /// Takes place; the body ends before its `content-length`.
    Truncated,
    /// 302 to another place; nothing takes place.
    Redirect {
        /// The `location`.
        location: String,
    },
    /// A redirect to the same path and query under another host; nothing takes place.
    Elsewhere {
        /// The other host: a stranger, another tenant, or the same one, in a circle.
        host: String,
        /// 301, 302, 303, 307 or 308.
        status: u16,
    },
    /// Never answered; nothing takes place.
    HangForever,
    /// Takes place; never answered.
    HangAfter,
    /// Takes place; links in the answer lead to another host.
    ForeignLinks {
        /// The host that links name instead of the tenant's.
        host: String,
    },
    /// Something between the client and Qlik answers; nothing takes place.
    Gateway(Gateway),
    /// Takes place; something between the client and Qlik answers in its stead, as a
    /// load balancer does that did not wait long enough.
    GatewayAfter(Gateway),
    /// The answer is too much. Nothing takes place, but for [`Flood::Cookies`].
    Flood(Flood),
    /// The request comes without the headers that ask for a websocket.
    NoUpgrade,
    /// The websocket to the engine opens, and then this; other requests pass.
    Engine(EngineFault),
}

impl Effect {
    /// [`Effect::Elsewhere`].
    pub fn elsewhere(host: impl Into<String>, status: u16) -> Self {
        Self::Elsewhere { host: host.into(), status }
    }
}

/// What goes wrong on a websocket once it is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineFault {
    /// Closed at once instead of a greeting.
    Close {
        /// The close code: <https://qlik.dev/apis/json-rpc/> lists 4202 to 4240.
        code: u16,
        /// Sent instead of Qlik's JSON.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Nothing is ever sent.
    Silent,
    /// The connection is closed at once, without a close and its code.
    Gone,
    /// Greeted; the connection is cut when something is asked.
    Cut,
    /// The greeting is broken JSON.
    Malformed,
    /// The greeting is a message of so many bytes.
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// Greeted with this session state, such as `SESSION_ERROR_NO_LICENSE`.
    Greet {
        /// One of `SessionState` in `@qlik/api`.
        state: String,
    },
    /// Greeted; whatever is asked, the answer is this error.
    Refuse {
        /// The number of the engine's error.
        code: i32,
        /// Its text.
        message: String,
    },
}

/// Which requests go wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only this method; all without it.
    #[serde(default)]
    pub method: Option<String>,
    /// A prefix of the path; with `*` a pattern for the whole path, in which `*`
    /// stands for one segment's characters and `**` for any; with `$` at its end
    /// the path itself.
    pub path: String,
    /// Only this hostname; all without it.
    #[serde(default)]
    pub host: Option<String>,
    /// How many times; without end without it.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// What happens.
    pub effect: Effect,
}

impl Fault {
    /// Every request to paths that begin so, without end.
    pub fn new(path: impl Into<String>, effect: Effect) -> Self {
        Self { method: None, path: path.into(), host: None, times: None, skip: 0, effect }
    }

    /// Only this method.
    #[must_use]
    pub fn on(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only this hostname.
    #[must_use]
    pub fn at(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only the first time.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Only after so many matching requests.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    fn matches(&self, method: &Method, host: &str, path: &str) -> bool {
        self.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(method.as_str()))
            && self.host.as_ref().is_none_or(|h| h.eq_ignore_ascii_case(host))
            && path_matches(&self.path, path)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    if pattern.contains('*') {
        glob(pattern.as_bytes(), path.as_bytes())
    } else if let Some(exact) = pattern.strip_suffix('$') {
        exact == path
    } else {
        path.starts_with(pattern)
    }
}

fn glob(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|taken| glob(rest, &path[taken..])),
        [b'*', rest @ ..] => {
            let segment = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
            (0..=segment).any(|taken| glob(rest, &path[taken..]))
        }
        [byte, rest @ ..] => path.first() == Some(byte) && glob(rest, &path[1..]),
    }
}

#[derive(Debug)]
struct Armed {
    id: u64,
    fault: Fault,
    skipped: u32,
    hits: u32,
}

/// The faults of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
    last_id: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last_id += 1;
        self.armed.push(Armed { id: self.last_id, fault, skipped: 0, hits: 0 });
        self.last_id
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.armed.len();
        self.armed.retain(|a| a.id != id);
        self.armed.len() != before
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    /// The faults with their numbers and how often each took effect.
    pub(crate) fn list(&self) -> Vec<(u64, u32, Fault)> {
        self.armed.iter().map(|a| (a.id, a.hits, a.fault.clone())).collect()
    }

    /// The effect on this request, which uses it up once.
    pub(crate) fn take(&mut self, method: &Method, host: &str, path: &str) -> Option<Effect> {
        for armed in &mut self.armed {
            if !armed.fault.matches(method, host, path)
                || armed.fault.times.is_some_and(|times| armed.hits >= times)
            {
                continue;
            }
            if armed.skipped < armed.fault.skip {
                armed.skipped += 1;
                continue;
            }
            armed.hits += 1;
            return Some(armed.fault.effect.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_prefix_a_pattern_or_itself() {
        assert!(path_matches("/api/v1/api-keys", "/api/v1/api-keys/1"));
        assert!(path_matches("/api/v1/api-keys/*", "/api/v1/api-keys/1"));
        assert!(!path_matches("/api/v1/api-keys/*", "/api/v1/api-keys"));
        assert!(!path_matches("/api/v1/api-keys/*", "/api/v1/api-keys/configs/t"));
        assert!(path_matches("/api/**", "/api/v1/users/me"));
        assert!(path_matches("/api/v1/api-keys$", "/api/v1/api-keys"));
        assert!(!path_matches("/api/v1/api-keys$", "/api/v1/api-keys/1"));
    }

    #[test]
    fn a_fault_waits_strikes_and_is_spent() {
        let mut faults = Faults::default();
        faults.add(Fault::new("/x", Effect::CutBefore).on("post").after(1).once());
        let mut take = |method: Method| faults.take(&method, "acme.eu.qlikcloud.com", "/x");
        assert_eq!(take(Method::GET), None);
        assert_eq!(take(Method::POST), None);
        assert_eq!(take(Method::POST), Some(Effect::CutBefore));
        assert_eq!(take(Method::POST), None);
    }

    #[test]
    fn the_oldest_fault_wins_until_it_is_spent() {
        let mut faults = Faults::default();
        faults.add(Fault::new("/", Effect::CutBefore).once());
        faults.add(Fault::new("/", Effect::Malformed));
        let mut take = || faults.take(&Method::GET, "h", "/");
        assert_eq!(take(), Some(Effect::CutBefore));
        assert_eq!(take(), Some(Effect::Malformed));
    }

    #[test]
    fn a_fault_reads_from_the_json_that_the_control_interface_takes() {
        let json =
            r#"{"method":"POST","path":"/api","effect":{"status":{"status":503,"code":"X","title":"Y"}}}"#;
        let fault: Fault = serde_json::from_str(json).unwrap();
        assert_eq!(
            fault.effect,
            Effect::Status { status: 503, code: "X".into(), title: "Y".into(), body: None }
        );
        let fault: Fault = serde_json::from_str(r#"{"path":"/api","effect":"cut_after"}"#).unwrap();
        assert_eq!(fault.effect, Effect::CutAfter);
    }
}
