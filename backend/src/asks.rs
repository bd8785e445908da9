//! Asking users to do their part: where the option wants each user to register or to
//! connect, an administrator can ask for it, and the user sees it on their next page.
//!
//! This module must not know how a registration or a connection works, only whether
//! there is one that does.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::json;

use crate::{
    Actor, Error, Services, audit,
    connection::AuthOption,
    store::{Tx, at},
    text::visible,
};

/// What an administrator asks a user for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// To register or to connect.
    pub option: AuthOption,
    /// Who asks; none where they are gone from the portal.
    pub by: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

impl Services {
    /// What the user is asked for and has not done.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn my_ask(&self, actor: &Actor) -> Result<Option<Ask>, Error> {
        let row = sqlx::query!(
            r#"SELECT a.asked_at AS "asked_at!", by_whom.name AS "by?", i.auth_option AS "option!"
               FROM qlik_asks a JOIN integrations i ON i.portal_id = a.portal_id
               LEFT JOIN users by_whom ON by_whom.id = a.asked_by
               WHERE a.user_id = ?1 AND a.portal_id = ?2
                 AND NOT EXISTS (SELECT 1 FROM qlik_credentials c WHERE c.user_id = ?1 AND c.state = 'works'
                                 AND i.auth_option = 'credentials')
                 AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.user_id = ?1
                                 AND g.state IN ('connected', 'refreshing') AND i.auth_option = 'oauth_users')"#,
            actor.user_id,
            actor.portal.id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(row.and_then(|r| {
            let option = AuthOption::parse(&r.option).filter(|o| o.asks_users())?;
            Some(Ask { option, by: r.by.map(|name| visible(&name).into_owned()), since: at(r.asked_at) })
        }))
    }

    /// Asks one user. They see it on their next page.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`] where
    /// there is no such active user, or users have nothing to do.
    pub async fn ask_user(&self, actor: &Actor, user_id: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        if self.note_asks(&mut tx, actor, Some(user_id)).await? == 0 {
            return Err(Error::NotFound);
        }
        audit::record(
            &mut tx,
            &actor.portal.id,
            Some(actor),
            audit::USERS_ASKED,
            json!({ "user": user_id }),
            self.now(),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// Asks all other active users who have not done their part; gives how many.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn ask_all(&self, actor: &Actor) -> Result<u64, Error> {
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        let asked = self.note_asks(&mut tx, actor, None).await?;
        if asked > 0 {
            let detail = json!({ "count": asked });
            audit::record(&mut tx, &actor.portal.id, Some(actor), audit::USERS_ASKED, detail, self.now())
                .await?;
        }
        tx.commit().await?;
        Ok(asked)
    }

    /// The users who are asked, whether they have done it or not.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn asked(&self, actor: &Actor) -> Result<HashSet<String>, Error> {
        actor.require_admin()?;
        let asked = sqlx::query_scalar!(
            r#"SELECT user_id AS "user_id!" FROM qlik_asks WHERE portal_id = ?"#,
            actor.portal.id
        );
        Ok(asked.fetch_all(self.db().read()).await?.into_iter().collect())
    }

    /// Asks one user, whatever they did, or all others who have something left to do.
    async fn note_asks(&self, tx: &mut Tx<'_>, actor: &Actor, user_id: Option<&str>) -> Result<u64, Error> {
        let (portal, now) = (actor.portal.id.as_str(), self.now().as_second());
        let asked = sqlx::query!(
            "INSERT INTO qlik_asks (user_id, portal_id, asked_by, asked_at)
             SELECT u.id, u.portal_id, ?1, ?2 FROM users u JOIN integrations i ON i.portal_id = u.portal_id
             WHERE u.portal_id = ?3 AND u.status = 'active' AND (u.id = ?4 OR ?4 IS NULL)
               AND i.auth_option IN ('credentials', 'oauth_users')
               AND NOT (?4 IS NULL AND (u.id = ?1
                   OR EXISTS (SELECT 1 FROM qlik_credentials c WHERE c.user_id = u.id AND c.state = 'works'
                           AND i.auth_option = 'credentials')
                   OR EXISTS (SELECT 1 FROM oauth_grants g WHERE g.user_id = u.id
                              AND g.state IN ('connected', 'refreshing') AND i.auth_option = 'oauth_users')))
             ON CONFLICT (user_id) DO UPDATE SET asked_by = excluded.asked_by, asked_at = excluded.asked_at",
            actor.user_id,
            now,
            portal,
            user_id
        )
        .execute(&mut **tx)
        .await?;
        Ok(asked.rows_affected())
    }
}
