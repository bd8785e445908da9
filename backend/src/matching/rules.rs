//! What an administrator lets Qlik do at a sign-in.

use super::judge::Rules;
use crate::{Actor, Error, Services, audit};

impl Services {
    /// The choices of a portal's integration.
    ///
    /// # Errors
    /// [`Error::NotFound`] where nothing is connected.
    pub(crate) async fn matching_rules(&self, portal_id: &str) -> Result<Rules, Error> {
        sqlx::query_as!(
            Rules,
            r#"SELECT email_as_subject AS "email_as_subject!: bool", may_create AS "create!: bool",
                      may_rewrite AS "rewrite!: bool"
               FROM integrations WHERE portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?
        .ok_or(Error::NotFound)
    }

    /// Stores what Qlik may do at a sign-in: `create` users that it lacks, and
    /// `rewrite` the subject of existing ones. `tenant_id` is the tenant that the
    /// choice was made for. Sessions that are open stay open.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is connected, [`Error::Conflict`] where it is another tenant
    /// by now.
    pub async fn allow_at_sign_in(
        &self,
        actor: &Actor,
        tenant_id: &str,
        create: bool,
        rewrite: bool,
    ) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        let portal = actor.portal.id.as_str();
        let before = sqlx::query!(
            r#"SELECT tenant_id AS "tenant_id!", may_create AS "create!: bool", may_rewrite AS "rewrite!: bool"
               FROM integrations WHERE portal_id = ?"#,
            portal
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        if before.tenant_id != tenant_id {
            return Err(Error::Conflict("the portal is connected to another tenant"));
        }
        if (before.create, before.rewrite) == (create, rewrite) {
            return Ok(());
        }
        // The renewal does not depend on it, so its version stays.
        let changed = sqlx::query!(
            "UPDATE integrations SET may_create = ?, may_rewrite = ? WHERE portal_id = ? AND tenant_id = ?",
            create,
            rewrite,
            portal,
            tenant_id
        )
        .execute(&mut *tx)
        .await?;
        crate::store::one_row(&changed, "integrations")?;
        let detail = serde_json::json!({
            "create": create, "rewrite": rewrite,
            "from": { "create": before.create, "rewrite": before.rewrite },
        });
        audit::record(&mut tx, portal, Some(actor), audit::SIGN_IN_ALLOWED, detail, self.now()).await?;
        tx.commit().await?;
        self.tell(portal);
        Ok(())
    }
}
