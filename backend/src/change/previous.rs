//! The settings before the last change: what is kept of them while it happens,
//! and brought back.

use qlik::host::TenantHost;
use serde::{Deserialize, Serialize};

use super::{KEEP, is_change};
use crate::{
    Error, Services,
    connection::{AuthOption, Connection},
    integration::{Typed, same_tenant},
    renewal::{KeyRef, Phase, Retiring, Row, State},
    store::{StoreError, Tx},
};

/// Settings that were in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) tenant_host: TenantHost,
    pub(super) tenant_id: String,
    pub(super) web_integration_id: String,
    pub(super) email_as_subject: bool,
    #[serde(default)]
    pub(super) option: AuthOption,
    /// The OAuth client, whose secret is kept as long as these settings are.
    #[serde(default)]
    pub(super) client_id: Option<String>,
    may_create: bool,
    may_rewrite: bool,
    /// The identity providers there that this portal made: key id and Qlik's id.
    providers: Vec<(String, String)>,
}

/// The settings before the last change.
#[derive(Debug)]
pub(crate) struct Previous {
    pub(super) id: String,
    pub(super) setup: Setup,
    /// The key that is kept for them; none where the key in use works there.
    pub(super) key_id: Option<String>,
    pub(super) left_at: i64,
    pub(super) keep_until: i64,
}

impl Previous {
    /// Brings back what is not in the form. The settings themselves are stored.
    pub(crate) async fn restore(&self, tx: &mut Tx<'_>, portal: &str) -> Result<(), StoreError> {
        let Setup { may_create, may_rewrite, .. } = self.setup;
        sqlx::query!(
            "UPDATE integrations SET may_create = ?, may_rewrite = ? WHERE portal_id = ?",
            may_create,
            may_rewrite,
            portal
        )
        .execute(&mut **tx)
        .await?;
        for (kid, idp_id) in &self.setup.providers {
            sqlx::query!(
                "UPDATE signing_identities SET idp_id = ? WHERE portal_id = ? AND kid = ? AND idp_id IS NULL",
                idp_id,
                portal,
                kid
            )
            .execute(&mut **tx)
            .await?;
        }
        Ok(())
    }
}

/// What a save leaves behind: nothing, or settings to go back to.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    setup: Option<Setup>,
    /// The key in use until now, where it is of another tenant or no key is used any
    /// more: it is kept.
    kept: Option<KeyRef>,
    /// A key that was kept for settings to which nobody can go back any more.
    ended: Option<KeyRef>,
}

impl Leaving {
    /// Looks, before anything is written, what becomes of the settings in force,
    /// and sets their key aside.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a renewal waits for Qlik's answer and another
    /// tenant or option would make it forget what it made.
    pub(crate) async fn read(
        tx: &mut Tx<'_>,
        before: Option<&Connection>,
        row: Option<&Row>,
        typed: &Typed,
        tenant_id: &str,
        key_id: &str,
    ) -> Result<Self, Error> {
        let Some(before) = before.filter(|at| is_change(at, typed, tenant_id)) else {
            return Ok(Self::default());
        };
        let portal = before.portal_id.as_str();
        let (other, keyless) = (!same_tenant(before, &typed.host, tenant_id), typed.key().is_none());
        let left = row.filter(|row| !row.state.resting && (other || keyless));
        // Without a key nobody could look for what it made.
        if left.is_some_and(|row| {
            matches!(row.state.phase, Phase::Creating { .. }) && (keyless || row.state.failing.is_none())
        }) {
            return Err(Error::Conflict("a renewal is under way"));
        }
        let may = sqlx::query!(
            r#"SELECT may_create AS "create!: bool", may_rewrite AS "rewrite!: bool" FROM integrations
               WHERE portal_id = ?"#,
            portal
        )
        .fetch_one(&mut **tx)
        .await?;
        let providers = sqlx::query!(
            r#"SELECT kid AS "kid!", idp_id AS "idp_id!" FROM signing_identities
               WHERE portal_id = ? AND idp_id IS NOT NULL"#,
            portal
        )
        .fetch_all(&mut **tx)
        .await?;
        let kept_before = sqlx::query_as!(
            KeyRef,
            r#"SELECT key_id AS "key_id!", created_at AS "created_at!", expires_at AS "expires_at!" FROM api_keys
               WHERE portal_id = ? AND state = 'kept' AND key_id <> ?"#,
            portal,
            key_id
        )
        .fetch_optional(&mut **tx)
        .await?;
        if left.is_some() {
            sqlx::query!(
                "UPDATE api_keys SET state = 'kept' WHERE portal_id = ? AND state = 'current'",
                portal
            )
            .execute(&mut **tx)
            .await?;
        }
        Ok(Self {
            setup: Some(Setup {
                tenant_host: before.host.clone(),
                tenant_id: before.tenant_id.clone(),
                web_integration_id: before.web_integration_id.clone(),
                email_as_subject: before.email_as_subject,
                option: before.option,
                client_id: before.client_id.clone(),
                may_create: may.create,
                may_rewrite: may.rewrite,
                providers: providers.into_iter().map(|p| (p.kid, p.idp_id)).collect(),
            }),
            kept: left.map(|row| row.state.current.clone()),
            ended: kept_before,
        })
    }

    /// The state that follows: a key that is kept is not on its way out, one that
    /// no longer is is.
    pub(crate) fn settle(&self, state: &mut State, now: i64) {
        if let Some(kept) = &self.kept {
            state.retiring.retain(|r| r.key.key_id != kept.key_id);
        }
        if let Some(ended) = &self.ended {
            state.retiring.push(Retiring { key: ended.clone(), delete_at: now, tries: 0, set_at: now });
            state.retiring.sort_by_key(|r| r.delete_at);
        }
    }

    /// Writes the way back down.
    pub(crate) async fn write(
        &self,
        services: &Services,
        tx: &mut Tx<'_>,
        portal: &str,
        now: i64,
    ) -> Result<(), Error> {
        let Some(setup) = &self.setup else { return Ok(()) };
        let json =
            serde_json::to_string(setup).map_err(|_| Error::Internal("settings can't be written as JSON"))?;
        let (id, key_id) = (services.new_id(), self.kept.as_ref().map(|k| k.key_id.as_str()));
        let until = self.kept.as_ref().map_or(i64::MAX, |k| k.expires_at).min(now + KEEP);
        sqlx::query!(
            "INSERT INTO previous_setups (portal_id, id, setup, key_id, left_at, keep_until) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (portal_id) DO UPDATE SET id = excluded.id, setup = excluded.setup, key_id = excluded.key_id,
                 left_at = excluded.left_at, keep_until = excluded.keep_until",
            portal,
            id,
            json,
            key_id,
            now,
            until
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

impl Services {
    /// The settings before the last change, as long as one can go back to them.
    pub(super) async fn previous(&self, portal: &str) -> Result<Option<Previous>, Error> {
        let now = self.now().as_second();
        let raw = sqlx::query!(
            r#"SELECT id AS "id!", setup AS "setup!", key_id, left_at AS "left_at!", keep_until AS "keep_until!"
               FROM previous_setups WHERE portal_id = ? AND keep_until > ?"#,
            portal,
            now
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(raw) = raw else { return Ok(None) };
        let bad = StoreError::Inconsistent { table: "previous_setups", column: "setup" };
        Ok(Some(Previous {
            id: raw.id,
            setup: serde_json::from_str(&raw.setup).map_err(|_| bad)?,
            key_id: raw.key_id,
            left_at: raw.left_at,
            keep_until: raw.keep_until,
        }))
    }
}
