//! One call as it is handed to the transport.
//!
//! This module must not know any endpoint, nor how a call is sent.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::error::{Error, ErrorKind};
use crate::limits::Tier;
use crate::turns::Lane;
use crate::wiped;

/// What is done with a redirect that answers a GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// It is followed, at the tenant.
    OnTenant,
    /// It is the answer, where it stays at the tenant; one that leaves it is an error.
    Stop,
    /// It is the answer wherever it leads: what is asked for is the address, and nobody
    /// calls it.
    HandBack,
}

/// One call, whichever credential it is sent with. Its query may hold a secret, so
/// it shows no more than its name.
#[derive(Clone)]
pub(crate) struct Request {
    /// Name for errors and logs, with placeholders instead of values.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) tier: Tier,
    /// Whom it is made for.
    pub(crate) lane: Lane,
    /// Begins with a slash, is percent-encoded, may have a query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// JSON; wiped when the last copy of the handle is dropped, that of the HTTP
    /// client included.
    pub(crate) body: Option<Bytes>,
    /// What is done with a GET's redirects.
    pub(crate) follow: Follow,
    /// Whether it may be sent once more where it is not clear what became of it:
    /// as with every GET, and with a change that harms nobody when made twice.
    pub(crate) repeatable: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Request {
    pub(crate) fn get(operation: &'static str, path: impl Into<String>) -> Self {
        Self {
            operation,
            method: Method::GET,
            tier: Tier::One,
            lane: Lane::default(),
            path: path.into(),
            headers: HeaderMap::new(),
            body: None,
            follow: Follow::OnTenant,
            repeatable: true,
        }
    }

    /// The path without its query.
    pub(crate) fn path_only(&self) -> &str {
        self.path.split('?').next().unwrap_or(&self.path)
    }

    pub(crate) fn change(operation: &'static str, method: Method, path: impl Into<String>) -> Self {
        Self { method, tier: Tier::Two, repeatable: false, ..Self::get(operation, path) }
    }

    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`] for a value that is not JSON.
    pub(crate) fn json(mut self, body: &impl serde::Serialize) -> Result<Self, Error> {
        let json =
            wiped::json(body).map_err(|_| Error::new(ErrorKind::BadRequest, self.operation).unsent())?;
        self.body = Some(Bytes::from_owner(json));
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_query_and_no_body() {
        let mut request = Request::get("GET /app/{id}", "/app/a?qlik-csrf-token=hush");
        request.body = Some(Bytes::from_static(b"hush"));
        let shown = format!("{request:?}");
        assert!(shown.contains("/app/{id}") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn cookies_are_chosen_by_the_path_without_its_query() {
        assert_eq!(Request::get("x", "/app/a?b=/c").path_only(), "/app/a");
        assert_eq!(Request::get("x", "/app/a").path_only(), "/app/a");
    }
}
