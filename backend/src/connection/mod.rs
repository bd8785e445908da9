//! What a portal is connected to, and how it becomes a user there: the part of the
//! settings that whoever needs Qlik reads, whatever the option is.
//!
//! This module must not know how a session is opened, nor what becomes of a key.

mod client;
mod ground;
mod option;

use qlik::host::TenantHost;
use sqlx::SqliteExecutor;

pub use client::SecretView;
pub(crate) use client::{Client, forget_clients, keep_client};
pub(crate) use ground::Ground;
pub use option::AuthOption;

use crate::{Error, Services, store::StoreError};

/// The connection of a portal that is in force.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) portal_id: String,
    pub(crate) host: TenantHost,
    /// The tenant's unchangeable host; the same as `host` where it is not known.
    pub(crate) permanent_host: TenantHost,
    /// All names of the tenant, as it told them last; none where nobody could ask.
    pub(crate) other_hosts: Vec<TenantHost>,
    /// A name that was entered and is gone.
    pub(crate) former_host: Option<TenantHost>,
    /// The tenant's id; empty where nobody could be asked for it yet.
    pub(crate) tenant_id: String,
    /// Empty where the option needs none and none was given.
    pub(crate) web_integration_id: String,
    pub(crate) email_as_subject: bool,
    pub(crate) option: AuthOption,
    pub(crate) client_id: Option<String>,
    /// Where the tenant signs people in with Qlik accounts, as it was seen at the save.
    pub(crate) login_host: Option<String>,
    /// The portal's origin: scheme, host and port.
    pub(crate) origin: String,
}

struct Raw {
    portal_id: String,
    tenant_host: String,
    permanent_host: String,
    other_hosts: String,
    former_host: Option<String>,
    tenant_id: String,
    web_integration_id: String,
    email_as_subject: bool,
    auth_option: String,
    oauth_client_id: Option<String>,
    login_host: Option<String>,
    origin: String,
}

impl Raw {
    fn read(self) -> Result<Connection, StoreError> {
        let bad = |column| StoreError::Inconsistent { table: "integrations", column };
        let host = |text: String, column| serde_json::from_value(text.into()).map_err(|_| bad(column));
        Ok(Connection {
            portal_id: self.portal_id,
            host: host(self.tenant_host, "tenant_host")?,
            permanent_host: host(self.permanent_host, "permanent_host")?,
            other_hosts: hosts_of(&names_of(&self.other_hosts)?),
            former_host: self.former_host.map(|h| host(h, "former_host")).transpose()?,
            tenant_id: self.tenant_id,
            web_integration_id: self.web_integration_id,
            email_as_subject: self.email_as_subject,
            option: AuthOption::parse(&self.auth_option).ok_or_else(|| bad("auth_option"))?,
            client_id: self.oauth_client_id,
            login_host: self.login_host,
            origin: self.origin,
        })
    }
}

impl Connection {
    /// Whether `host` is a name of this tenant's, as far as is known.
    pub(crate) fn is_name(&self, host: &TenantHost) -> bool {
        self.host == *host || self.permanent_host == *host || self.other_hosts.contains(host)
    }

    /// The web integration, where there is one.
    pub(crate) fn web_integration(&self) -> Option<&str> {
        Some(self.web_integration_id.as_str()).filter(|id| !id.is_empty())
    }
}

/// The names that are hosts.
pub(crate) fn hosts_of(names: &[String]) -> Vec<TenantHost> {
    names.iter().filter_map(|n| serde_json::from_value(n.to_ascii_lowercase().into()).ok()).collect()
}

/// Names as they are stored.
pub(crate) fn names_of(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json)
        .map_err(|_| StoreError::Inconsistent { table: "integrations", column: "other_hosts" })
}

/// The connection of a portal, if it has one.
pub(crate) async fn connection(
    db: impl SqliteExecutor<'_>,
    portal_id: &str,
) -> Result<Option<Connection>, StoreError> {
    let raw = sqlx::query_as!(
        Raw,
        r#"SELECT i.portal_id AS "portal_id!", i.tenant_host AS "tenant_host!", i.permanent_host AS "permanent_host!",
                  i.other_hosts AS "other_hosts!", i.former_host, i.tenant_id AS "tenant_id!", i.web_integration_id AS "web_integration_id!",
                  i.email_as_subject AS "email_as_subject!: bool", i.auth_option AS "auth_option!", i.oauth_client_id, i.login_host, p.origin AS "origin!"
           FROM integrations i JOIN portals p ON p.id = i.portal_id WHERE i.portal_id = ?"#,
        portal_id
    )
    .fetch_optional(db)
    .await?;
    raw.map(Raw::read).transpose()
}

impl Services {
    /// The connection of a portal, if it has one.
    pub(crate) async fn connection(&self, portal_id: &str) -> Result<Option<Connection>, Error> {
        let at = connection(self.db().read(), portal_id).await?;
        if let Some(at) = &at {
            // The client forgets names with the process.
            self.qlik().know_permanent(&at.host, &at.permanent_host);
            if let Some(former) = &at.former_host {
                self.qlik().know_permanent(former, &at.permanent_host);
            }
        }
        Ok(at)
    }
}

impl Services {
    /// The authentication option of a portal that is connected.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn option(&self, portal_id: &str) -> Result<Option<AuthOption>, Error> {
        Ok(self.connection(portal_id).await?.map(|c| c.option))
    }
}
