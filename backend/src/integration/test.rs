//! Testing a connection that is stored.

use super::{Report, checks::Candidate};
use crate::{Actor, Error, Services, renewal::load};

impl Services {
    /// Makes the checks with what is stored and keeps their outcome.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn test_connection(&self, actor: &Actor) -> Result<Report, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let row = load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let key = self
            .key(portal, &row.state.current.key_id)
            .await?
            .ok_or(Error::Internal("the key in use has no token in the vault"))?;
        let identity = self.identity(&actor.portal).await?;
        let found = self
            .run_checks(&Candidate {
                actor,
                host: &row.tenant_host,
                key: key.token,
                web_integration_id: &row.web_integration_id,
                email_as_subject: row.email_as_subject,
                identity: &identity,
                known_tenant: Some(&row.tenant_id),
            })
            .await?;
        let (now, json) = (
            self.now().as_second(),
            serde_json::to_string(&found.report)
                .map_err(|_| Error::Internal("a report can't be written as JSON"))?,
        );
        let mut tx = self.db().write().await?;
        // The renewal does not depend on it, so its version stays.
        sqlx::query!(
            "UPDATE integrations SET checked_at = ?, last_report = ? WHERE portal_id = ?",
            now,
            json,
            portal
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if found.key_refused || row.state.need.is_some() {
            self.recheck_key(portal).await?;
        }
        self.changed(portal);
        Ok(found.report)
    }
}
