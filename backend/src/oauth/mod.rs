//! Qlik OAuth: each user connects, or one client acts for everyone.

use crate::{
    Actor, Error, Services,
    connection::Connection,
    door::{NoSession, Opened},
};

impl Services {
    pub(crate) async fn open_by_grant(&self, _: &Actor, _: &Connection) -> Result<Opened, NoSession> {
        Err(Error::Internal("not there yet").into())
    }

    pub(crate) async fn open_by_client(&self, _: &Actor, _: &Connection) -> Result<Opened, NoSession> {
        Err(Error::Internal("not there yet").into())
    }
}

pub(crate) async fn release_grants(
    _: &Services,
    _: &mut crate::store::Tx<'_>,
    _: &str,
) -> Result<i64, Error> {
    Ok(0)
}

impl Services {
    /// x
    ///
    /// # Errors
    /// x
    pub async fn stored_grants(&self, _: &str) -> Result<i64, Error> {
        Ok(0)
    }
}

/// x
pub const CLIENT_SCOPE: &str = "";
/// x
pub const USER_SCOPE: &str = "user_default";
/// x
pub fn redirect_uri(origin: &str) -> String {
    format!("{origin}/qlik/oauth/callback")
}
