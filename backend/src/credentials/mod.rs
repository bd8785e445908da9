//! Qlik credentials: each user's own e-mail and password at Qlik.

use crate::{
    Actor, Error, Services,
    connection::Connection,
    door::{NoSession, Opened},
};

impl Services {
    pub(crate) async fn open_by_password(&self, _: &Actor, _: &Connection) -> Result<Opened, NoSession> {
        Err(Error::Internal("not there yet").into())
    }
}

pub(crate) async fn wipe_credentials(
    _: &mut crate::store::Tx<'_>,
    _: &str,
) -> Result<i64, crate::store::StoreError> {
    Ok(0)
}

impl Services {
    /// x
    ///
    /// # Errors
    /// x
    pub async fn stored_passwords(&self, _: &str) -> Result<i64, Error> {
        Ok(0)
    }
}
