//! What this portal made at Qlik, and removing that and only that.

use super::steps::{gone, take_origin};
use crate::{
    Actor, Error, Services, audit,
    renewal::load,
    store::{StoreError, Tx},
    words,
};

/// An object at Qlik that this portal made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeAtQlik {
    /// `web_integration`, `origin` or `identity_provider`.
    pub kind: String,
    /// Its id; for an origin that of the web integration that lists it.
    pub object_id: String,
    /// Its name.
    pub name: String,
}

pub(super) async fn remember_made(
    tx: &mut Tx<'_>,
    portal_id: &str,
    tenant_id: &str,
    kind: &str,
    object_id: &str,
    name: &str,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO made_at_qlik (portal_id, tenant_id, kind, object_id, name, made_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (portal_id, object_id) DO NOTHING",
        portal_id,
        tenant_id,
        kind,
        object_id,
        name,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn forget_made(tx: &mut Tx<'_>, portal_id: &str, object_id: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM made_at_qlik WHERE portal_id = ? AND object_id = ?", portal_id, object_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Services {
    /// What this portal made in the tenant that it is connected to.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn made_at_qlik(&self, actor: &Actor) -> Result<Vec<MadeAtQlik>, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        Ok(sqlx::query_as!(
            MadeAtQlik,
            r#"SELECT kind AS "kind!: String", object_id AS "object_id!: String", name AS "name!: String" FROM (
                   SELECT m.kind, m.object_id, m.name FROM made_at_qlik m JOIN integrations i USING (portal_id)
                   WHERE m.portal_id = ? AND m.tenant_id = i.tenant_id
                   UNION ALL
                   SELECT 'identity_provider', idp_id, issuer FROM signing_identities
                   WHERE portal_id = ? AND idp_id IS NOT NULL)
               ORDER BY 1 DESC, 2"#,
            portal,
            portal
        )
        .fetch_all(self.db().read())
        .await?)
    }

    /// Removes at Qlik what this portal made there, and nothing else. What is gone
    /// already is as good as removed. Gives what stands in the way, in words.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::NotFound`] where nothing is connected.
    pub(crate) async fn remove_made_at_qlik(&self, actor: &Actor) -> Result<Result<(), String>, Error> {
        let portal = actor.portal.id.as_str();
        let row = load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let key = self
            .key(portal, &row.state.current.key_id)
            .await?
            .ok_or(Error::Internal("the key in use has no token in the vault"))?;
        let tenant = self.qlik().with_key(&row.tenant_host, key.token);
        for made in self.made_at_qlik(actor).await? {
            let id = made.object_id.as_str();
            let end = match made.kind.as_str() {
                "web_integration" => gone(tenant.delete_web_integration(id).await),
                "origin" => take_origin(&tenant, id, &row.origin).await,
                _ => gone(tenant.delete_identity_provider(id).await),
            };
            if let Err(e) = end {
                let said = words::of(&e, row.tenant_host.as_str());
                return Ok(Err(format!("“{}” could not be removed at Qlik. {}", made.name, said.joined())));
            }
            let mut tx = self.db().write().await?;
            forget_made(&mut tx, portal, id).await?;
            sqlx::query!(
                "UPDATE signing_identities SET idp_id = NULL WHERE portal_id = ? AND idp_id = ?",
                portal,
                id
            )
            .execute(&mut *tx)
            .await?;
            let detail = serde_json::json!({ "kind": made.kind, "id": id, "name": made.name });
            audit::record(&mut tx, portal, Some(actor), audit::REMOVED_AT_QLIK, detail, self.now()).await?;
            tx.commit().await?;
        }
        Ok(Ok(()))
    }
}
