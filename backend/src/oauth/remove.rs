//! The end of connections: one that its user removes, one whose user is removed, and
//! all of a portal whose settings change. Their tokens are put on the list of those
//! to revoke in the very transaction that forgets them.

use std::collections::HashMap;

use qlik::session::QlikSession;
use serde_json::json;

use super::{
    grant::{opened, place},
    revoke::{Next, Revocable, queue},
};
use crate::{
    Actor, Error, Services, audit,
    connection::{AuthOption, Client, Connection},
    error::readable,
    store::Tx,
};

/// A connection that is about to be forgotten.
struct Leaving {
    user_id: String,
    tenant_host: String,
    client_id: String,
    sealed: Vec<u8>,
}

/// What became at Qlik of a connection that was removed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Removed {
    /// There was nothing to revoke.
    Nothing,
    /// Its tokens are revoked there.
    Revoked,
    /// Qlik did not take that yet; it is tried again by itself.
    Waiting,
    /// Its tokens are not revoked there, and end by themselves.
    NotRevoked,
}

impl Services {
    /// Removes the actor's own connection, here and at Qlik. None is no error.
    ///
    /// # Errors
    /// [`Error`] where the store fails. That Qlik does not answer is none: what is given
    /// back says what became of it there.
    pub async fn disconnect_from_qlik(&self, actor: &Actor) -> Result<Removed, Error> {
        let (portal, user) = (actor.portal.id.as_str(), actor.user_id.as_str());
        // What can't be read keeps nobody from removing it; then its token is not revoked.
        let in_use = self.token_in_use(actor).await;
        if let Err(e) = &in_use {
            tracing::error!(portal.id = %portal, user.id = %user, error = %e, "a token in use can't be read, so it is not revoked");
        }
        let mut tx = self.db().write().await?;
        let queued = release_grant_of(self, &mut tx, portal, user).await?;
        sqlx::query!("DELETE FROM oauth_connects WHERE user_id = ?", user).execute(&mut *tx).await?;
        let removed =
            sqlx::query!("DELETE FROM oauth_grants WHERE user_id = ?", user).execute(&mut *tx).await?;
        if removed.rows_affected() > 0 {
            let detail = json!({ "email": actor.email });
            audit::record(&mut tx, portal, Some(actor), audit::OAUTH_DISCONNECTED, detail, self.now())
                .await?;
        }
        tx.commit().await?;
        self.forget_session(portal, user).await?;
        self.tell(portal);
        let access = async {
            match &in_use {
                Ok(Some((at, client, session))) => match session.bearer() {
                    Some(token) => Some(self.revoke_access(at, client, token).await),
                    None => None,
                },
                Ok(None) => None,
                Err(_) => Some(false),
            }
        };
        Ok(match tokio::join!(self.revoke_now(queued), access) {
            (None, None) => Removed::Nothing,
            (Some(Next::Again), _) => Removed::Waiting,
            (Some(Next::GivenUp), _) | (_, Some(false)) => Removed::NotRevoked,
            (Some(Next::Done), _) | (None, Some(true)) => Removed::Revoked,
        })
    }

    /// The session that the actor has by their own connection, with the client that
    /// gave its token.
    async fn token_in_use(&self, actor: &Actor) -> Result<Option<(Connection, Client, QlikSession)>, Error> {
        let at = self.connection(&actor.portal.id).await?;
        let Some(at) = at.filter(|at| at.option == AuthOption::OauthUsers) else { return Ok(None) };
        let Some(id) = at.client_id.as_deref() else { return Ok(None) };
        let client = self.client_or_its_name(&at.portal_id, id).await?;
        let session = self.sealed_session(actor, &at).await?;
        Ok(client.zip(session).map(|(client, session)| (at, client, session)))
    }

    /// A client as the settings have it; one that they forgot, by its name alone.
    pub(super) async fn client_or_its_name(
        &self,
        portal_id: &str,
        client_id: &str,
    ) -> Result<Option<Client>, Error> {
        Ok(match readable(self.client(portal_id, client_id).await)? {
            Some(client) => Some(client),
            None => client_id.parse().ok().map(|id| Client { id, secret: None }),
        })
    }
}

/// Puts a user's token on the list of those to revoke, for a transaction that forgets
/// the user or the connection. Gives its place there.
pub(crate) async fn release_grant_of(
    services: &Services,
    tx: &mut Tx<'_>,
    portal_id: &str,
    user_id: &str,
) -> Result<Option<String>, Error> {
    let leaving = sqlx::query_as!(
        Leaving,
        r#"SELECT user_id AS "user_id!", tenant_host AS "tenant_host!", client_id AS "client_id!",
                  sealed_refresh AS "sealed!"
           FROM oauth_grants WHERE portal_id = ? AND user_id = ? AND sealed_refresh IS NOT NULL"#,
        portal_id,
        user_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(leaving) = leaving else { return Ok(None) };
    let client = services.client_or_its_name(portal_id, &leaving.client_id).await?;
    release(services, tx, portal_id, &leaving, client.as_ref()).await
}

/// Ends the connections of a portal whose option, tenant or client is about to
/// change, or that is disconnected: in the transaction that does so, and before it
/// forgets the client. Gives how many were in use.
pub(crate) async fn release_grants(
    services: &Services,
    tx: &mut Tx<'_>,
    portal_id: &str,
) -> Result<i64, Error> {
    let leaving = sqlx::query_as!(
        Leaving,
        r#"SELECT user_id AS "user_id!", tenant_host AS "tenant_host!", client_id AS "client_id!",
                  sealed_refresh AS "sealed!"
           FROM oauth_grants WHERE portal_id = ? AND sealed_refresh IS NOT NULL"#,
        portal_id
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut clients: HashMap<String, Option<Client>> = HashMap::new();
    for grant in &leaving {
        if !clients.contains_key(&grant.client_id) {
            let client = services.client_or_its_name(portal_id, &grant.client_id).await?;
            clients.insert(grant.client_id.clone(), client);
        }
        let client = clients.get(&grant.client_id).and_then(Option::as_ref);
        release(services, tx, portal_id, grant, client).await?;
    }
    let in_use = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM oauth_grants WHERE portal_id = ? AND state IN ('connected', 'refreshing')"#,
        portal_id
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE oauth_grants SET state = 'unused', sealed_refresh = NULL, began_at = NULL, attempt = NULL
         WHERE portal_id = ?",
        portal_id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM oauth_connects WHERE portal_id = ?", portal_id).execute(&mut **tx).await?;
    if in_use > 0 {
        let detail = json!({ "count": in_use });
        audit::record(tx, portal_id, None, audit::OAUTH_RELEASED, detail, services.now()).await?;
    }
    Ok(in_use)
}

async fn release(
    services: &Services,
    tx: &mut Tx<'_>,
    portal_id: &str,
    leaving: &Leaving,
    client: Option<&Client>,
) -> Result<Option<String>, Error> {
    let token = opened(services.vault(), place(portal_id, &leaving.user_id), &leaving.sealed);
    let (Ok(token), Some(client)) = (token, client) else {
        // That a token can't be read must not keep anybody from ending what it is for.
        tracing::warn!(portal.id = %portal_id, "a stored token can't be read, so it is not revoked at Qlik");
        return Ok(None);
    };
    let gone = Revocable { portal_id, tenant_host: &leaving.tenant_host, client, token: &token };
    Ok(Some(queue(services, tx, &gone).await?))
}
