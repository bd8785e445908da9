//! A token becomes a session: only where Qlik says that it is of the very user whom
//! it must be of.

use std::sync::Arc;

use jiff::Timestamp;
use qlik::{oauth::AccessToken, session::QlikSession};

use crate::{
    Actor, Services,
    connection::{Client, Connection},
    door::{NoSession, Trouble},
};

impl Services {
    /// The session of a token, which must be of the Qlik user `user_id`.
    pub(super) async fn proven(
        &self,
        actor: &Actor,
        at: &Connection,
        client: &Client,
        access: AccessToken,
        ends: Timestamp,
        user_id: &str,
    ) -> Result<QlikSession, NoSession> {
        let token = Arc::new(access);
        let tenant = self.qlik().with_bearer(&at.host, token.clone(), user_id);
        let me = tenant.user_me().await.map_err(|e| Trouble::of_token(&e, at.host.as_str()))?;
        let is_theirs = me.id == user_id;
        let session = QlikSession::by_bearer(at.host.clone(), me, token.clone(), self.now(), ends);
        if is_theirs {
            return Ok(session);
        }
        self.revoke_access(at, client, &token).await;
        Err(self.close_wrong(actor, session).await.into())
    }

    /// The client that the connection names, with its secret.
    pub(super) async fn named_client(&self, at: &Connection) -> Result<Client, NoSession> {
        let found = match &at.client_id {
            Some(id) => self.client(&at.portal_id, id).await?,
            None => None,
        };
        found.ok_or_else(|| Trouble::no_client().into())
    }
}
