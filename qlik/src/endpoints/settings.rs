//! How long sessions last, and ending one.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::client::Tenant;
use crate::error::{Error, ErrorKind};
use crate::lenient;
use crate::sessions::SessionLimits;
use crate::transport::{Follow, Request};

const SETTINGS: &str = "GET /api/core/auth-settings";
const LOGOUT: &str = "GET /logout";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthSettings {
    #[serde(default, deserialize_with = "lenient::count")]
    user_session_inactivity_timeout_minutes: Option<u32>,
    #[serde(default, deserialize_with = "lenient::count")]
    max_user_session_lifespan_minutes: Option<u32>,
}

impl Tenant {
    /// How long the tenant lets sessions live; for tenant administrators.
    /// Changes apply to new sessions only
    /// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/configure-session-timeout.htm>).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] for others, and what every call can give.
    pub async fn auth_settings(&self) -> Result<SessionLimits, Error> {
        let read: AuthSettings =
            self.call(Request::get(SETTINGS, "/api/core/auth-settings")).await?.json()?;
        let default = SessionLimits::default();
        let minutes = |n: Option<u32>, or: SignedDuration| {
            n.filter(|n| *n > 0).map_or(or, |n| SignedDuration::from_mins(i64::from(n)))
        };
        Ok(SessionLimits {
            idle: minutes(read.user_session_inactivity_timeout_minutes, default.idle),
            max: minutes(read.max_user_session_lifespan_minutes, default.max),
        })
    }

    /// Ends the session at Qlik, as far as that can be told: where the browser
    /// is then sent does not matter and is not followed.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn logout(&self) -> Result<(), Error> {
        let request = Request { follow: Follow::Stop, ..Request::get(LOGOUT, "/logout") };
        match self.call(request).await {
            Ok(answer) if answer.status.is_redirection() => Ok(()),
            Ok(answer) => answer.success().map(drop),
            Err(error) if error.kind() == ErrorKind::RedirectLeavesTenant => Ok(()),
            Err(error) => Err(error),
        }
    }
}
