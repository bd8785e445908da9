//! Qlik OAuth: each user connects ([`connect`], [`refresh`], [`remove`]), or one
//! client acts for everyone ([`everyone`]). What a user's connection is stands in
//! [`grant`], and what it means at a given time in [`standing`]; [`revoke`] works off
//! the tokens that are to be revoked at Qlik.
//!
//! This module must not know how the settings come to name a client, nor how a page
//! shows a connection.

mod back;
mod bearer;
mod connect;
mod everyone;
mod exchange;
mod give_back;
mod grant;
mod refresh;
mod remove;
mod revoke;
mod standing;
#[cfg(feature = "testing")]
mod testing;

use std::future::Future;

use tracing::Instrument as _;

pub use back::{ConnectBack, ConnectEnd};
pub(crate) use everyone::{ClientToken, ClientTokens};
pub use grant::GrantView;
pub use remove::Removed;
pub(crate) use remove::{release_grant_of, release_grants};
pub use standing::GrantState;

use crate::Error;

/// What is asked for when a user connects: all that the user may do, and a token to
/// renew it with, which is given only where it is asked for
/// (<https://qlik.dev/authenticate/oauth/scopes/>).
pub const CONNECT_SCOPE: &str = "user_default offline_access";
/// What is asked for in place of a user
/// (<https://qlik.dev/authenticate/oauth/guiding-principles-oauth-impersonation/>).
pub const USER_SCOPE: &str = "user_default";
/// What the client asks for itself, to look users up: "Full read access to all
/// users" (<https://qlik.dev/manage/access-control/scopes/>).
pub const LOOK_UP_SCOPE: &str = "admin.users:read";

/// Where Qlik sends a browser back to, for a portal at `origin` (scheme, host and
/// port). The OAuth client in Qlik must list it to the letter.
pub fn redirect_uri(origin: &str) -> String {
    format!("{}/qlik/oauth/callback", origin.trim_end_matches('/'))
}

/// Does work to its end even where whoever asked for it goes away meanwhile: a
/// browser that is closed must not leave a token behind that was used up for nothing.
async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
    tokio::spawn(work.in_current_span()).await.map_err(|_| Error::Internal("work at Qlik was broken off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_one_address_under_the_portals_origin() {
        for origin in ["https://acme.portal.example:8443", "https://acme.portal.example:8443/"] {
            assert_eq!(redirect_uri(origin), "https://acme.portal.example:8443/qlik/oauth/callback");
        }
    }
}
