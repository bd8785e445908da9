//! The names of a Qlik tenant. It has one that never changes, and aliases that can be
//! changed or removed; its id says which tenant it is, and so whose a key is.
//!
//! Where Qlik has no tenant under the name that was entered any more, the client goes to
//! the permanent one by itself ([`qlik::Moved`]); here that is written down, told, and a
//! new alias can be taken up. This module must not know how calls are sent.

use qlik::{Moved, TenantHost};

use super::{SaveInput, SaveOutcome};
use crate::{
    Actor, Error, Services, audit,
    connection::{AuthOption, Connection, hosts_of, names_of},
    error::readable,
    renewal::load,
    store::{StoreError, Tx, at},
};

/// What there is to say of a connected tenant's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesView {
    /// The name in use, the permanent one.
    pub in_use: String,
    /// The name that is gone.
    pub former: String,
    /// Since when the one in use is used in its place.
    pub since: jiff::Timestamp,
    /// The tenant's other names, of which one may be taken up.
    pub aliases: Vec<String>,
}

impl Services {
    /// What there is to say of the tenant's names: nothing where the one that was
    /// entered is in use.
    pub(super) async fn names_view(&self, portal_id: &str) -> Result<Option<NamesView>, Error> {
        let row = sqlx::query!(
            r#"SELECT tenant_host AS "tenant_host!", other_hosts AS "other_hosts!", former_host, moved_at
               FROM integrations WHERE portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let Some((former, since)) = row.former_host.zip(row.moved_at) else { return Ok(None) };
        let mut aliases = names_of(&row.other_hosts)?;
        aliases.retain(|name| *name != row.tenant_host);
        Ok(Some(NamesView { in_use: row.tenant_host, former, since: at(since), aliases }))
    }

    /// Takes up another name of the connected tenant. It is tested as in a save.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`] where
    /// nothing is connected, and where the tenant did not tell that name.
    pub async fn use_hostname(&self, actor: &Actor, name: &str) -> Result<SaveOutcome, Error> {
        actor.require_admin()?;
        let at = self.connection(&actor.portal.id).await?.ok_or(Error::NotFound)?;
        if !at.other_hosts.iter().any(|host| host.as_str() == name) {
            return Err(Error::NotFound);
        }
        let input = SaveInput {
            tenant_host: name.to_owned(),
            web_integration_id: at.web_integration_id.clone(),
            auth_option: at.option.as_str().to_owned(),
            email_as_subject: at.email_as_subject,
            oauth_client_id: at.client_id.clone().unwrap_or_default(),
            ..SaveInput::default()
        };
        self.save_integration(actor, input).await
    }

    /// Writes down that a tenant is used under its permanent name from now on, where the
    /// client found that the one in force is gone. Nothing is asked of Qlik.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) async fn adopt_permanent(&self, portal_id: &str) -> Result<(), Error> {
        let Some(at) = self.connection(portal_id).await? else { return Ok(()) };
        let Some((permanent, Moved::Gone)) = self.qlik().moved(&at.host) else { return Ok(()) };
        let (portal, now) = (portal_id, self.now());
        let (from, to, since) = (at.host.as_str(), permanent.as_str(), now.as_second());
        let mut tx = self.db().write().await?;
        let moved = sqlx::query!(
            "UPDATE integrations SET former_host = ?1, moved_at = ?2,
                    other_hosts = (SELECT json_group_array(value) FROM json_each(other_hosts) WHERE value <> ?1)
             WHERE portal_id = ?3 AND tenant_host = ?1",
            from,
            since,
            portal
        )
        .execute(&mut *tx)
        .await?;
        if moved.rows_affected() == 0 {
            return Ok(());
        }
        rename_tenant(&mut tx, portal, from, to).await?;
        let detail = serde_json::json!({ "from": from, "to": to });
        audit::record(&mut tx, portal, None, audit::TENANT_NAME_GONE, detail, now).await?;
        tx.commit().await?;
        tracing::warn!(portal.id = %portal, %from, %to, "the tenant's alias is gone at Qlik; its permanent name is used");
        self.0.sessions.invalidate_all_for(&format!("{portal}/")).await;
        self.changed(portal);
        Ok(())
    }

    /// [`Services::adopt_permanent`] for all connections whose name this process found
    /// gone. What could not be written down is tried again at the next call.
    pub(crate) async fn adopt_all(&self) {
        for gone in self.qlik().take_gone() {
            if let Err(e) = self.adopt(&gone).await {
                tracing::error!(host = %gone, error = %e, "that a tenant's name is gone could not be written down");
                self.qlik().put_back_gone(gone);
            }
        }
    }

    async fn adopt(&self, gone: &TenantHost) -> Result<(), Error> {
        let host = gone.as_str();
        let portals = sqlx::query_scalar!(
            r#"SELECT portal_id AS "portal_id!" FROM integrations WHERE tenant_host = ?"#,
            host
        )
        .fetch_all(self.db().read())
        .await?;
        for portal in portals {
            self.adopt_permanent(&portal).await?;
        }
        Ok(())
    }

    /// Whether `host`, which is none of the names that are known, is one of the
    /// connected tenant's: the tenant itself is asked, with the key in use and under the
    /// name in use, so nothing goes to `host`.
    pub(super) async fn learn_name(&self, at: &mut Connection, host: &TenantHost) -> Result<(), Error> {
        if at.option != AuthOption::ApiKey || at.is_name(host) {
            return Ok(());
        }
        let Some(row) = load(self.db().read(), &at.portal_id).await? else { return Ok(()) };
        let key = readable(self.key(&at.portal_id, &row.state.current.key_id).await)?;
        let Some(key) = key else { return Ok(()) };
        match self.qlik().with_key(&at.host, key.token).tenant_me().await {
            Ok(tenant) if tenant.id == at.tenant_id => at.other_hosts = hosts_of(&tenant.hostnames),
            Ok(_) => {}
            Err(e) => {
                tracing::info!(portal.id = %at.portal_id, error = %e, "the tenant could not be asked for its names");
            }
        }
        Ok(())
    }
}

/// Whatever rests on the tenant by its name goes by another one of its names.
pub(crate) async fn rename_tenant(
    tx: &mut Tx<'_>,
    portal: &str,
    from: &str,
    to: &str,
) -> Result<(), StoreError> {
    macro_rules! rename {
        ($sql:literal) => {
            sqlx::query!($sql, to, portal, from).execute(&mut **tx).await?;
        };
    }
    rename!("UPDATE integrations SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE api_keys SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE qlik_credentials SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE oauth_grants SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE oauth_connects SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE oauth_revocations SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE matching_runs SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!("UPDATE staged_changes SET tenant_host = ? WHERE portal_id = ? AND tenant_host = ?");
    rename!(
        "UPDATE previous_setups SET setup = json_set(setup, '$.tenant_host', ?)
         WHERE portal_id = ? AND json_extract(setup, '$.tenant_host') = ?"
    );
    // Their cookies are the old name's.
    sqlx::query!("DELETE FROM key_eyes WHERE portal_id = ?", portal).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM qlik_sessions WHERE portal_id = ?", portal).execute(&mut **tx).await?;
    Ok(())
}
