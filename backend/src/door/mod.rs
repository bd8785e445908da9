//! The one door to Qlik for a user: whoever in the product needs Qlik as a
//! certain user asks here and gets an open session, or the trouble in words,
//! whatever the portal's authentication option is. How each option opens one stands
//! in `by_key.rs`, [`crate::credentials`] and [`crate::oauth`].

mod by_key;
mod oauth_trouble;
mod trouble;
mod whom;

use std::sync::Arc;

use qlik::session::QlikSession;

pub(crate) use trouble::the_one;
pub use trouble::{Trouble, TroubleKind, Who};

use crate::{
    Actor, Error, Services, audit,
    connection::{AuthOption, Connection},
    error::readable,
    store::Tx,
    vault::Place,
    words::Said,
};

/// A stored session younger than this is used again after a restart, in
/// seconds: below the shortest idle limit that most tenants have (30 minutes).
const STORED_FOR: i64 = 25 * 60;
/// A stored token is not used this close to its end, in seconds.
const MARGIN: i64 = 60;

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum NoSession {
    Trouble(Trouble),
    Failed(Error),
}

impl<E: Into<Error>> From<E> for NoSession {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

impl From<Trouble> for NoSession {
    fn from(t: Trouble) -> Self {
        Self::Trouble(t)
    }
}

/// A session that was just opened.
pub(crate) struct Opened {
    pub(crate) session: QlikSession,
    /// What the sign-in did at Qlik beside opening it, for the audit.
    pub(crate) did: Option<&'static str>,
}

impl From<QlikSession> for Opened {
    fn from(session: QlikSession) -> Self {
        Self { session, did: None }
    }
}

impl Services {
    /// An open Qlik session of this user: from memory, from the store, or new.
    /// Opened once however many ask at the same moment. It is to be used at
    /// [`QlikSession::host`].
    pub(crate) async fn session(
        &self,
        actor: &Actor,
        at: &Connection,
    ) -> Result<Arc<QlikSession>, Arc<NoSession>> {
        let slot = slot(&actor.portal.id, &actor.user_id);
        let seen = self.0.sessions.get(&slot, || self.open_session(actor, at)).await?;
        // What another process forgot, of a user or with the settings, is forgotten here too.
        if self.is_kept(actor, at).await.map_err(|e| Arc::new(e.into()))? {
            return Ok(seen);
        }
        self.0.sessions.invalidate(&slot, &seen).await;
        self.0.sessions.get(&slot, || self.open_session(actor, at)).await
    }

    /// There is a stored session of this user at this tenant.
    async fn is_kept(&self, actor: &Actor, at: &Connection) -> Result<bool, Error> {
        let host = at.host.as_str();
        let kept = sqlx::query_scalar!(
            r#"SELECT 1 AS "kept!: i64" FROM qlik_sessions WHERE user_id = ? AND tenant_host = ?"#,
            actor.user_id,
            host
        );
        Ok(kept.fetch_optional(self.db().read()).await?.is_some())
    }

    async fn open_session(&self, actor: &Actor, at: &Connection) -> Result<QlikSession, NoSession> {
        if let Some(kept) = self.kept_session(actor, at).await? {
            return Ok(kept);
        }
        let opened = match at.option {
            AuthOption::ApiKey => self.open_by_key(actor).await?,
            // Kept already: such a login ends even where nobody waits for it any more.
            AuthOption::Credentials => return Ok(self.open_by_password(actor, at).await?.session),
            AuthOption::OauthUsers => self.open_by_grant(actor, at).await?,
            AuthOption::OauthEveryone => self.open_by_client(actor, at).await?,
        };
        self.keep_session(actor, at, &opened.session, opened.did).await?;
        Ok(opened.session)
    }

    /// A session of another user than the one who asks: it is closed and not used.
    pub(crate) async fn close_wrong(&self, actor: &Actor, session: QlikSession) -> Trouble {
        tracing::error!(portal.id = %actor.portal.id, user.id = %actor.user_id, "Qlik opened a session for another user; it was closed");
        self.close(session).await;
        let said = Said::new(
            "Qlik opened a session for another user than you. It was closed and not used.",
            "An administrator of this portal reports it to the Qlik tenant's administrator.",
        );
        Trouble::new(TroubleKind::WrongUser, Who::Administrator, said)
    }

    /// Closes a session at Qlik.
    pub(crate) async fn close(&self, session: QlikSession) {
        // A token ends by itself; there is no session at Qlik to be closed.
        if session.ends_at().is_some() {
            return;
        }
        let host = session.host();
        let tenant = self.qlik().with_session(&host, Arc::new(session));
        if let Err(e) = tenant.logout().await {
            tracing::warn!(error = %e, "a session could not be closed at Qlik");
        }
    }

    /// The stored session of this user, if it is still good.
    pub(crate) async fn kept_session(
        &self,
        actor: &Actor,
        at: &Connection,
    ) -> Result<Option<QlikSession>, Error> {
        // One that can't be opened is none: another is opened in its place.
        readable(self.sealed_session(actor, at).await)
    }

    /// As [`Services::kept_session`]; one that can't be opened is an error.
    pub(crate) async fn sealed_session(
        &self,
        actor: &Actor,
        at: &Connection,
    ) -> Result<Option<QlikSession>, Error> {
        let host = at.host.as_str();
        let sealed = sqlx::query_scalar!(
            r#"SELECT sealed AS "sealed!" FROM qlik_sessions WHERE user_id = ? AND tenant_host = ?"#,
            actor.user_id,
            host
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.vault().open(session_place(actor), &sealed)?;
        // A session that an older version wrote is opened anew.
        let now = self.now().as_second();
        let lives = |s: &QlikSession| match s.ends_at() {
            Some(end) => end.as_second() > now + MARGIN,
            None => s.opened_at().as_second() > now - STORED_FOR,
        };
        Ok(QlikSession::from_json(&plain).ok().filter(lives))
    }

    /// Keeps a new session, and writes down what its login `did` at Qlik.
    pub(crate) async fn keep_session(
        &self,
        actor: &Actor,
        at: &Connection,
        session: &QlikSession,
        did: Option<&'static str>,
    ) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        self.keep_session_in(&mut tx, actor, at, session).await?;
        if let Some(action) = did {
            let detail = serde_json::json!({ "email": actor.email, "qlik_user": session.user().id });
            audit::record(&mut tx, &at.portal_id, Some(actor), action, detail, self.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Keeps a new session, in a transaction that writes down how it came to be.
    pub(crate) async fn keep_session_in(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        at: &Connection,
        session: &QlikSession,
    ) -> Result<(), Error> {
        let sealed = self.vault().seal(session_place(actor), &session.expose_json())?;
        let (host, now) = (at.host.as_str(), self.now().as_second());
        let (option, client) = (at.option.as_str(), at.client_id.as_deref());
        // One of settings that are no longer in force, or of a user who was disabled meanwhile, is not kept.
        sqlx::query!(
            "INSERT INTO qlik_sessions (user_id, portal_id, tenant_host, sealed, opened_at, used_at)
             SELECT u.id, u.portal_id, i.tenant_host, ?, ?, ?
             FROM users u JOIN integrations i ON i.portal_id = u.portal_id
             WHERE u.id = ? AND u.portal_id = ? AND u.status = 'active' AND i.tenant_host = ? AND i.auth_option = ?
               AND i.oauth_client_id IS ?
             ON CONFLICT (user_id) DO UPDATE SET tenant_host = excluded.tenant_host, sealed = excluded.sealed,
                 opened_at = excluded.opened_at, used_at = excluded.used_at",
            sealed,
            now,
            now,
            actor.user_id,
            at.portal_id,
            host,
            option,
            client
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Forgets the session of somebody who may no longer use the portal.
    pub(crate) async fn forget_session(&self, portal_id: &str, user_id: &str) -> Result<(), Error> {
        self.0.sessions.invalidate_all_for(&slot(portal_id, user_id)).await;
        self.delete_kept(user_id).await
    }

    /// Forgets a session that Qlik no longer takes.
    pub(crate) async fn drop_session(&self, actor: &Actor, seen: &Arc<QlikSession>) -> Result<(), Error> {
        self.0.sessions.invalidate(&slot(&actor.portal.id, &actor.user_id), seen).await;
        self.delete_kept(&actor.user_id).await
    }

    async fn delete_kept(&self, user_id: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!("DELETE FROM qlik_sessions WHERE user_id = ?", user_id).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Where a user's session is kept in memory; the portal comes first, so that
/// its sessions can be dropped together.
fn slot(portal_id: &str, user_id: &str) -> String {
    format!("{portal_id}/{user_id}")
}

fn session_place(actor: &Actor) -> Place<'_> {
    Place { portal: &actor.portal.id, table: "qlik_sessions", row: &actor.user_id, column: "sealed" }
}
