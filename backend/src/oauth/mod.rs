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
