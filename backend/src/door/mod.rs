//! The one door to Qlik for a user: whoever in the product needs Qlik as a
//! certain user asks here and gets an open session, or the trouble in words.

mod trouble;
mod whom;

use std::sync::Arc;

use qlik::session::QlikSession;

pub(crate) use trouble::the_one;
pub use trouble::{Trouble, TroubleKind, Who};

use crate::{
    Actor, Error, Services, audit,
    renewal::{NeedReason, Row, said_of_need},
    vault::Place,
    words::Said,
};

/// A stored session younger than this is used again after a restart, in
/// seconds: below the shortest idle limit that most tenants have (30 minutes).
const STORED_FOR: i64 = 25 * 60;

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

impl Services {
    /// An open Qlik session of this user: from memory, from the store, or new.
    /// Opened once however many ask at the same moment.
    pub(crate) async fn session(&self, actor: &Actor, row: &Row) -> Result<Arc<QlikSession>, Arc<NoSession>> {
        self.0.sessions.get(&slot(&actor.portal.id, &actor.user_id), || self.open_session(actor, row)).await
    }

    async fn open_session(&self, actor: &Actor, row: &Row) -> Result<QlikSession, NoSession> {
        if let Some(kept) = self.kept_session(actor, row).await? {
            return Ok(kept);
        }
        if let Some(need) = &row.state.need {
            let owner = "its owner";
            let said = if need.reason == NeedReason::Refused {
                Said::new("Qlik refuses this portal's API key.", "")
            } else {
                said_of_need(need.reason, owner)
            };
            let ask = "An administrator of this portal can mend it under Administration > Settings.";
            return Err(
                Trouble::new(TroubleKind::KeyDead, Who::Administrator, Said::new(said.says, ask)).into()
            );
        }
        let whom = self.whom(actor, row).await?;
        let session = self
            .login(row, &whom.subject, &actor.name, &actor.email)
            .await?
            .map_err(|e| Trouble::of_login(&e, row.tenant_host.as_str()))?;
        if !whom.is(session.user(), &actor.email) {
            tracing::error!(portal.id = %row.portal_id, user.id = %actor.user_id, "Qlik opened a session for another user; it was closed");
            let tenant = self.qlik().with_session(&row.tenant_host, Arc::new(session));
            if let Err(e) = tenant.logout().await {
                tracing::warn!(error = %e, "the wrong session could not be closed at Qlik");
            }
            let said = Said::new(
                "Qlik opened a session for another user than you. It was closed and not used.",
                "An administrator of this portal reports it to the Qlik tenant's administrator.",
            );
            return Err(Trouble::new(TroubleKind::WrongUser, Who::Administrator, said).into());
        }
        self.keep_session(actor, row, &session, whom.did()).await?;
        Ok(session)
    }

    async fn kept_session(&self, actor: &Actor, row: &Row) -> Result<Option<QlikSession>, Error> {
        let host = row.tenant_host.as_str();
        let since = self.now().as_second() - STORED_FOR;
        let sealed = sqlx::query_scalar!(
            r#"SELECT sealed AS "sealed!" FROM qlik_sessions WHERE user_id = ? AND tenant_host = ? AND opened_at > ?"#,
            actor.user_id,
            host,
            since
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.vault().open(session_place(actor), &sealed)?;
        // A session that an older version wrote is opened anew.
        Ok(QlikSession::from_json(&plain).ok())
    }

    /// Keeps a new session, and writes down what its login `did` at Qlik.
    async fn keep_session(
        &self,
        actor: &Actor,
        row: &Row,
        session: &QlikSession,
        did: Option<&'static str>,
    ) -> Result<(), Error> {
        let sealed = self.vault().seal(session_place(actor), &session.expose_json())?;
        let (host, now) = (row.tenant_host.as_str(), self.now().as_second());
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "INSERT INTO qlik_sessions (user_id, portal_id, tenant_host, sealed, opened_at, used_at)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (user_id) DO UPDATE SET tenant_host = excluded.tenant_host, sealed = excluded.sealed,
                 opened_at = excluded.opened_at, used_at = excluded.used_at",
            actor.user_id,
            row.portal_id,
            host,
            sealed,
            now,
            now
        )
        .execute(&mut *tx)
        .await?;
        if let Some(action) = did {
            let detail = serde_json::json!({ "email": actor.email, "qlik_user": session.user().id });
            audit::record(&mut tx, &row.portal_id, Some(actor), action, detail, self.now()).await?;
        }
        Ok(tx.commit().await?)
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
