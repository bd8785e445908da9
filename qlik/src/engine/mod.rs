//! The engine behind an app: whether its websocket opens, and who answers.
//!
//! What people see of an app comes over a websocket (<https://qlik.dev/apis/json-rpc/>),
//! which asks for more than Qlik's REST calls do: a CSRF token, a listed origin, an
//! engine that is free. [`Tenant::engine_version`] opens it, lets the engine greet,
//! asks for its version and leaves. The app is not opened by that, nor its data
//! loaded.
//!
//! This module must not know how a connection is made: the websocket grows out of a
//! request of the one transport, with all that is checked there.

mod closed;
mod handshake;
mod talk;

use crate::client::{Tenant, is_csrf_refusal};
use crate::credential::Credential;
use crate::error::{Error, ErrorKind};
use crate::open_enum::open_enum;
use crate::transport::Upgrade;

const OPEN: &str = "GET /app/{id} (websocket)";

open_enum! {
    /// What the engine says that a websocket was connected to. Qlik lets
    /// websockets of one user to one app share a session
    /// (<https://qlik.dev/apis/json-rpc/>). Its states of failure are errors here.
    SessionState {
        /// A new session.
        Created = "SESSION_CREATED",
        /// A session that was there already.
        Attached = "SESSION_ATTACHED",
    }
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// What the websocket was connected to.
    pub session_state: SessionState,
    /// The engine's version, such as `12.2655.0`.
    pub version: String,
}

impl Tenant {
    /// Opens the websocket of an app, asks the engine for its version, and closes.
    ///
    /// A session is sent as a browser sends it, cookies, CSRF token, web
    /// integration and `origin`, so that what a browser would meet shows itself
    /// here; a CSRF token that is refused is renewed once. A key is sent as bearer
    /// token, without origin: <https://qlik.dev/apis/json-rpc/>.
    ///
    /// Redirects are not followed and nothing is repeated. It counts as one read
    /// for the rate limits, and has the time of one request.
    ///
    /// # Errors
    ///
    /// Where the websocket is refused, the kind of the status, as with every call:
    /// [`ErrorKind::Unauthorized`] for a session or key that is over,
    /// [`ErrorKind::Forbidden`], [`ErrorKind::Csrf`], and [`ErrorKind::NotQlik`]
    /// where something else answers.
    ///
    /// Where it is closed, with [`Error::close_code`]:
    ///
    /// | code | kind |
    /// |---|---|
    /// | 4202, the path is malformed | [`ErrorKind::BadRequest`] |
    /// | 4203, the user may not open the app | [`ErrorKind::Forbidden`] |
    /// | 4204, there is no such app | [`ErrorKind::NotFound`] |
    /// | 4205, the engine is busy; 4240, there is none | [`ErrorKind::Unavailable`] |
    /// | 4230, too many apps are open in the organisation | [`ErrorKind::RateLimited`] |
    /// | 4003, 4200, 4206, 4210, 4211, 4220, 4222: Qlik's own problems | [`ErrorKind::Unavailable`] |
    /// | any other | [`ErrorKind::ConnectionLost`] |
    ///
    /// Where the engine greets with a failure, [`Error::code`] is its state:
    /// [`ErrorKind::Forbidden`] for a licence that is missing
    /// (`SESSION_ERROR_NO_LICENSE`) or an app that may not be opened,
    /// [`ErrorKind::RateLimited`] for `SESSION_ERROR_LIMIT_EXCEEDED`,
    /// [`ErrorKind::Unavailable`] for the rest.
    ///
    /// [`ErrorKind::BadBody`] for a message that is too long or makes no sense, and
    /// what every call can give.
    pub async fn engine_version(&self, app_id: &str, origin: Option<&str>) -> Result<EngineInfo, Error> {
        let outcome = self.ask_engine(app_id, origin).await;
        let host = &self.host;
        match &outcome {
            Ok(info) => {
                tracing::debug!(operation = OPEN, %host, version = info.version, "an engine answered");
            }
            Err(error) => {
                let (kind, closed) = (error.kind(), error.close_code());
                tracing::debug!(operation = OPEN, %host, ?kind, closed, "no engine answered");
            }
        }
        outcome
    }

    async fn ask_engine(&self, app_id: &str, origin: Option<&str>) -> Result<EngineInfo, Error> {
        let mut host = self.transport.aliases.in_use(&self.host);
        let (mut moved, mut csrf_renewed) = (None, false);
        loop {
            let (mut request, wanted) = handshake::request(&self.credential, &host, app_id, origin)?;
            request.lane = self.lane.clone();
            let refusal = match self.transport.upgrade(&host, &self.credential, &request).await? {
                Upgrade::Open { headers, io, deadline } => {
                    wanted.check(&headers)?;
                    return talk::about_version(io, self.transport.max_body(), deadline).await;
                }
                Upgrade::Refused(refusal) => refusal,
            };
            if moved.is_none()
                && let Some((other, why)) = self.transport.other_name(&self.host, &host, &request, &refusal)
            {
                (host, moved) = (other, Some(why));
            } else if !is_csrf_refusal(&refusal) {
                return Err(handshake::refused(&refusal, &self.transport.aliases, &self.host, &host, app_id));
            } else if let Credential::Session { core, .. } = &self.credential
                && !std::mem::replace(&mut csrf_renewed, true)
            {
                self.renew_csrf(core, &refusal).await?;
            } else {
                return Err(refusal.error().with_kind(ErrorKind::Csrf));
            }
        }
    }
}
