//! The change that was tested and is not in force: kept, tested again, given up.

use std::sync::Arc;

use qlik::{host::TenantHost, secret::ApiKeyToken};

use super::KEEP;
use crate::{
    Actor, Error, Services, audit,
    connection::{AuthOption, forget_clients, keep_client},
    doctor::{Facts, Report},
    integration::{How, Means, Typed},
    matching::begin_run,
    renewal::{Row, load},
    store::{StoreError, Tx},
    vault::{Place, VaultError},
};

/// A staged change as it is stored.
pub(super) struct Staged {
    pub(super) id: String,
    pub(super) typed: Typed,
}

struct Raw {
    id: String,
    tenant_id: String,
    tenant_host: String,
    sealed_key: Option<Vec<u8>>,
    made_idp: Option<String>,
    web: String,
    by_email: bool,
    auth_option: String,
    client: Option<String>,
}

impl Raw {
    fn host(&self) -> Result<TenantHost, StoreError> {
        let bad = StoreError::Inconsistent { table: "staged_changes", column: "tenant_host" };
        serde_json::from_value(self.tenant_host.as_str().into()).map_err(|_| bad)
    }

    fn option(&self) -> Result<AuthOption, StoreError> {
        let bad = StoreError::Inconsistent { table: "staged_changes", column: "auth_option" };
        AuthOption::parse(&self.auth_option).ok_or(bad)
    }
}

/// Where a staged change leads.
pub(crate) struct StagedTenant {
    pub(crate) tenant_id: String,
    pub(crate) host: TenantHost,
    pub(crate) key: Arc<ApiKeyToken>,
    /// The identity provider there that this portal made for it.
    pub(super) made_idp: Option<String>,
}

fn place<'a>(portal: &'a str, id: &'a str) -> Place<'a> {
    Place { portal, table: "staged_changes", row: id, column: "sealed_key" }
}

impl Services {
    /// Keeps what was typed and works, in place of an earlier change, and begins to
    /// compare the users. `new_key`: its key is not the one in use.
    pub(crate) async fn stage(
        &self,
        actor: &Actor,
        typed: &Typed,
        new_key: bool,
        facts: &Facts,
        report: &Report,
    ) -> Result<(), Error> {
        let (id, portal, now) = (self.new_id(), actor.portal.id.as_str(), self.now());
        let (secs, ends) = (now.as_second(), now.as_second() + KEEP);
        let key = typed.key().filter(|_| new_key);
        let sealed = match key {
            Some(key) => Some(self.vault().seal(place(portal, &id), key.expose().as_bytes())?),
            None => None,
        };
        let last4 = key.map(|k| k.last4());
        let told = facts.key.as_ref().filter(|_| new_key);
        let owner = told.map(|k| k.owner.email.as_deref().unwrap_or(&k.owner.name));
        let expires = told.map(|k| k.key.expiry.as_second());
        let tenant_id = facts.tenant.as_ref().map_or("", |t| t.id.as_str());
        let (option, by_email, client) = (typed.option(), typed.email_as_subject(), typed.client_id());
        let report = written(report)?;
        let (host, web) = (typed.host.as_str(), typed.web_integration_id.as_str());
        let option_text = option.as_str();
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        let made = sqlx::query_scalar!(
            "SELECT made_idp FROM staged_changes WHERE portal_id = ? AND tenant_id = ?",
            portal,
            tenant_id
        )
        .fetch_optional(&mut *tx)
        .await?
        .flatten();
        forget(&mut tx, portal).await?;
        sqlx::query!(
            "INSERT INTO staged_changes (portal_id, id, tenant_id, tenant_host, web_integration_id, email_as_subject,
                 sealed_key, key_last4, key_owner, key_expires_at, made_idp, report, staged_by, staged_at,
                 expires_at, auth_option, oauth_client_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            portal,
            id,
            tenant_id,
            host,
            web,
            by_email,
            sealed,
            last4,
            owner,
            expires,
            made,
            report,
            actor.user_id,
            secs,
            ends,
            option_text,
            client
        )
        .execute(&mut *tx)
        .await?;
        if let Some(client) = typed.client() {
            keep_client(self, &mut tx, portal, client).await?;
        }
        self.begin_comparisons(&mut tx, portal).await?;
        let detail = serde_json::json!({
            "tenant_host": host, "web_integration_id": web, "option": option, "email_as_subject": by_email,
            "new_key": new_key, "client": client,
        });
        audit::record(&mut tx, portal, Some(actor), audit::CHANGE_STAGED, detail, now).await?;
        tx.commit().await?;
        self.tell(portal);
        self.0.compare.notify_one();
        Ok(())
    }

    /// Compares the users with the tenant in force and with that of the change, where
    /// both look users up with a key.
    async fn begin_comparisons(&self, tx: &mut Tx<'_>, portal: &str) -> Result<(), Error> {
        let keyed = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM staged_changes c JOIN integrations i ON i.portal_id = c.portal_id
               WHERE c.portal_id = ? AND c.auth_option = 'api_key' AND i.auth_option = 'api_key'"#,
            portal
        )
        .fetch_one(&mut **tx)
        .await?;
        if keyed == 0 {
            return Ok(());
        }
        let now = self.now().as_second();
        for staged in [false, true] {
            begin_run(tx, &self.new_id(), portal, staged, now).await?;
        }
        Ok(())
    }

    /// Compares the users anew with both tenants of a staged change.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is staged.
    pub async fn compare_staged(&self, actor: &Actor) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        let portal = actor.portal.id.as_str();
        let there = sqlx::query_scalar!("SELECT count(*) FROM staged_changes WHERE portal_id = ?", portal)
            .fetch_one(&mut *tx)
            .await?;
        if there == 0 {
            return Err(Error::NotFound);
        }
        self.begin_comparisons(&mut tx, portal).await?;
        tx.commit().await?;
        self.tell(portal);
        self.0.compare.notify_one();
        Ok(())
    }

    /// Tests a staged change once more and keeps the outcome.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is staged.
    pub async fn test_staged(&self, actor: &Actor) -> Result<Report, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let (row, staged) = self.staged_of(actor).await?;
        let identity = self.identity(&actor.portal).await?;
        let found = self.examine_typed(actor, row.as_ref(), &staged.typed, &identity, false).await?;
        let report = written(&found.report)?;
        let mut tx = self.db().write().await?;
        // One that was given up or replaced meanwhile has no use for it.
        sqlx::query!(
            "UPDATE staged_changes SET report = ? WHERE portal_id = ? AND id = ?",
            report,
            portal,
            staged.id
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        self.tell(portal);
        Ok(found.report)
    }

    /// The settings in force where they use a key, and the change that is staged.
    pub(super) async fn staged_of(&self, actor: &Actor) -> Result<(Option<Row>, Staged), Error> {
        let portal = actor.portal.id.as_str();
        let row = load(self.db().read(), portal).await?;
        let raw = self.staged_raw(portal).await?.ok_or(Error::NotFound)?;
        let stored = self.stored_means(portal, raw.option()?, raw.client.as_deref()).await?;
        let means = if let Some(means) = stored {
            means
        } else {
            let key = self.staged_token(portal, &raw).await?;
            Means::Key { key, email_as_subject: raw.by_email }
        };
        let (host, how) = (raw.host()?, How::Staged(raw.id.clone()));
        let typed = Typed { host, web_integration_id: raw.web, means, how };
        Ok((row, Staged { id: raw.id, typed }))
    }

    /// Where the staged change leads, and the key with which its tenant is asked;
    /// none where nothing is staged, or without a key.
    pub(crate) async fn staged_key(&self, portal: &str) -> Result<Option<StagedTenant>, Error> {
        let Some(raw) = self.staged_raw(portal).await? else { return Ok(None) };
        if raw.option()? != AuthOption::ApiKey {
            return Ok(None);
        }
        let key = self.staged_token(portal, &raw).await?;
        let (host, tenant_id, made_idp) = (raw.host()?, raw.tenant_id, raw.made_idp);
        Ok(Some(StagedTenant { tenant_id, host, key, made_idp }))
    }

    async fn staged_raw(&self, portal: &str) -> Result<Option<Raw>, Error> {
        Ok(sqlx::query_as!(
            Raw,
            r#"SELECT id AS "id!", tenant_id AS "tenant_id!", tenant_host AS "tenant_host!", sealed_key, made_idp,
                      web_integration_id AS "web!", email_as_subject AS "by_email!: bool",
                      auth_option AS "auth_option!", oauth_client_id AS client
               FROM staged_changes WHERE portal_id = ?"#,
            portal
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    async fn staged_token(&self, portal: &str, raw: &Raw) -> Result<Arc<ApiKeyToken>, Error> {
        let Some(sealed) = &raw.sealed_key else {
            return self.key_in_use(portal).await?.ok_or(Error::NotFound);
        };
        let plain = self.vault().open(place(portal, &raw.id), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(Arc::new(ApiKeyToken::parse(text).map_err(|_| VaultError::DoesNotOpen)?))
    }

    /// The key in use of a portal that is connected.
    pub(super) async fn key_in_use(&self, portal: &str) -> Result<Option<Arc<ApiKeyToken>>, Error> {
        let Some(row) = load(self.db().read(), portal).await? else { return Ok(None) };
        Ok(self.key(portal, &row.state.current.key_id).await?.map(|k| k.token))
    }
}

fn written(report: &Report) -> Result<String, Error> {
    serde_json::to_string(report).map_err(|_| Error::Internal("a report can't be written as JSON"))
}

/// Takes the staged change away with what was compared for it; `false`: there is none.
pub(super) async fn forget(tx: &mut Tx<'_>, portal: &str) -> Result<bool, StoreError> {
    sqlx::query!("DELETE FROM matching_runs WHERE portal_id = ? AND staged = 1", portal)
        .execute(&mut **tx)
        .await?;
    let gone =
        sqlx::query!("DELETE FROM staged_changes WHERE portal_id = ?", portal).execute(&mut **tx).await?;
    forget_clients(tx, portal).await?;
    Ok(gone.rows_affected() > 0)
}

/// The staged change of this id comes into force in this transaction: what was
/// compared for it is now the portal's comparison. Gives the identity provider
/// that was made for it.
///
/// # Errors
/// [`Error::Conflict`] where it was given up or replaced meanwhile.
pub(crate) async fn take_staged(tx: &mut Tx<'_>, portal: &str, id: &str) -> Result<Option<String>, Error> {
    let taken = sqlx::query_scalar!(
        "DELETE FROM staged_changes WHERE portal_id = ? AND id = ? RETURNING made_idp",
        portal,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let made = taken.ok_or(Error::Conflict("the change was replaced meanwhile"))?;
    sqlx::query!("DELETE FROM matching_runs WHERE portal_id = ? AND staged = 0", portal)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("UPDATE matching_runs SET staged = 0 WHERE portal_id = ?", portal)
        .execute(&mut **tx)
        .await?;
    Ok(made)
}
