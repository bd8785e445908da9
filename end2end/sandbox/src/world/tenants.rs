//! Tenants: their hostnames and the settings that belong to the whole tenant.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{State, WorldError};
use crate::{duration, ids};

/// Where a corporate identity provider is, until a tenant names another host.
pub(crate) const CORPORATE_HOST: &str = "sso.corp.example";

/// A tenant to make.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTenant {
    /// The alias, the first label of the hostname that people type: `acme`.
    pub alias: String,
    /// The region's label: `eu`. Empty means `eu`.
    pub region: String,
    /// The tenant's id; without it, a random one.
    pub id: Option<String>,
    /// The display name; without it, the alias.
    pub name: Option<String>,
}

impl NewTenant {
    /// `alias`.`region`.qlikcloud.com with a random id.
    pub fn new(alias: impl Into<String>, region: impl Into<String>) -> Self {
        Self { alias: alias.into(), region: region.into(), id: None, name: None }
    }
}

/// Where a tenant is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantRef {
    /// The tenant's id.
    pub id: String,
    /// The hostname with the alias: `acme.eu.qlikcloud.com`; the permanent one where
    /// the tenant has no alias.
    pub alias_host: String,
    /// The generated hostname that never changes: `qlk0acme….eu.qlikcloud.com`.
    pub permanent_host: String,
}

impl AsRef<str> for TenantRef {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

/// The API-key configuration of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct KeyConfig {
    /// As the tenant's administrator wrote it, an ISO 8601 duration.
    pub(crate) max_api_key_expiry: String,
    pub(crate) max_keys_per_user: u32,
    pub(crate) scim_external_client_expiry: String,
}

impl Default for KeyConfig {
    /// Qlik's defaults, <https://qlik.dev/apis/rest/api-keys>.
    fn default() -> Self {
        Self {
            max_api_key_expiry: "PT24H".into(),
            max_keys_per_user: 5,
            scim_external_client_expiry: "P365D".into(),
        }
    }
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named after what it turns on")]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) region: String,
    /// An alias may be given up, the permanent hostname may not.
    pub(crate) alias_host: Option<String>,
    pub(crate) permanent_host: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// What is asked under another of the tenant's names is answered by a redirect.
    pub(crate) moved: Option<Moved>,
    /// Links in answers of the API name the permanent host whatever name was asked.
    pub(crate) permanent_links: bool,
    pub(crate) key_config: KeyConfig,
    /// Minutes; `None` is Qlik's default of 30 and 1440.
    pub(crate) session_limits: Option<(u32, u32)>,
    /// A corporate identity provider that replaces login with a Qlik Account.
    pub(crate) corporate_idp: bool,
    /// The host of that provider.
    pub(crate) corporate_host: String,
    /// `/login` leads to the generated hostname first, and the login ends there.
    pub(crate) signs_in_by_own_name: bool,
    /// A login of somebody who is no member makes a user. Qlik's default provider
    /// wants an invitation first, so off.
    pub(crate) create_users_on_login: bool,
    /// A JWT login of a subject and e-mail that nobody has makes a user. Community code
    /// counts on it, so on.
    pub(crate) jwt_makes_users: bool,
    /// A JWT login writes the token's `name` and `email` to the user of its subject.
    /// No source tells whether Qlik does so; a careful client must survive it, so on.
    pub(crate) jwt_takes_over_profile: bool,
    /// A new API key is refused for so long, whoever makes it and however.
    pub(crate) keys_work_after: SignedDuration,
    /// A new API key is refused so many times.
    pub(crate) keys_work_after_calls: u32,
}

/// A tenant that sends callers of its other names to the permanent one. Whether Qlik
/// ever does so is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    /// 301, 302, 303, 307 or 308.
    pub(crate) status: u16,
    /// Sign-in, OAuth and websockets as well, not the API alone.
    pub(crate) all: bool,
}

impl Moved {
    /// Whether a request for this path is sent away.
    pub(crate) fn concerns(self, path: &str) -> bool {
        self.all || path.starts_with("/api/")
    }
}

impl Tenant {
    /// Whether this tenant serves under a hostname: the permanent one, or its alias.
    pub(crate) fn has_host(&self, host: &str) -> bool {
        self.permanent_host.eq_ignore_ascii_case(host)
            || self.alias_host.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(host))
    }

    pub(crate) fn session_idle_minutes(&self) -> u32 {
        self.session_limits.map_or(30, |(idle, _)| idle)
    }

    pub(crate) fn session_max_minutes(&self) -> u32 {
        self.session_limits.map_or(1_440, |(_, max)| max)
    }

    pub(crate) fn reference(&self) -> TenantRef {
        TenantRef {
            id: self.id.clone(),
            alias_host: self.alias_host.as_ref().unwrap_or(&self.permanent_host).clone(),
            permanent_host: self.permanent_host.clone(),
        }
    }
}

impl State {
    pub(crate) fn add_tenant(&mut self, new: NewTenant) -> Result<TenantRef, WorldError> {
        let alias = if new.alias.is_empty() { "acme".to_owned() } else { new.alias.to_ascii_lowercase() };
        let region = if new.region.is_empty() { "eu".to_owned() } else { new.region.to_ascii_lowercase() };
        let alias_host = format!("{alias}.{region}.qlikcloud.com");
        if self.tenant_by_host(&alias_host).is_some() {
            return Err(WorldError::HostTaken(alias_host));
        }
        // Generated names are about 15 characters long and start with "qlk".
        let stem: String = alias.chars().filter(char::is_ascii_alphanumeric).take(5).collect();
        let permanent_host =
            format!("qlk0{stem}{}.{region}.qlikcloud.com", ids::name_suffix(11 - stem.len()));
        let tenant = Tenant {
            id: new.id.unwrap_or_else(ids::token32),
            name: new.name.unwrap_or(alias),
            region,
            alias_host: Some(alias_host),
            permanent_host,
            created: self.now(),
            updated: self.now(),
            moved: None,
            permanent_links: false,
            key_config: KeyConfig::default(),
            session_limits: None,
            corporate_idp: false,
            corporate_host: CORPORATE_HOST.to_owned(),
            signs_in_by_own_name: false,
            create_users_on_login: false,
            jwt_makes_users: true,
            jwt_takes_over_profile: true,
            keys_work_after: SignedDuration::ZERO,
            keys_work_after_calls: 0,
        };
        let reference = tenant.reference();
        self.tenants.push(tenant);
        Ok(reference)
    }

    /// Hostnames are case-insensitive; alias and generated name both serve.
    pub(crate) fn tenant_by_host(&self, host: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|t| t.has_host(host))
    }

    /// Whether a host is the corporate identity provider of some tenant.
    pub(crate) fn is_corporate_host(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(CORPORATE_HOST)
            || self.tenants.iter().any(|t| t.corporate_host.eq_ignore_ascii_case(host))
    }

    pub(crate) fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|t| t.id == id)
    }

    /// By id or hostname, for those who set the scene.
    pub(crate) fn find_tenant(&self, key: &str) -> Result<&Tenant, WorldError> {
        self.tenant(key)
            .or_else(|| self.tenant_by_host(key))
            .ok_or_else(|| WorldError::NoTenant(key.to_owned()))
    }

    pub(crate) fn find_tenant_mut(&mut self, key: &str) -> Result<&mut Tenant, WorldError> {
        let id = self.find_tenant(key)?.id.clone();
        self.tenants.iter_mut().find(|t| t.id == id).ok_or(WorldError::NoTenant(id))
    }

    pub(crate) fn set_key_config(
        &mut self,
        tenant: &str,
        max_expiry: SignedDuration,
        max_keys_per_user: u32,
    ) -> Result<(), WorldError> {
        let config = &mut self.find_tenant_mut(tenant)?.key_config;
        config.max_api_key_expiry = duration::format(max_expiry);
        config.max_keys_per_user = max_keys_per_user;
        Ok(())
    }

    /// Gives the tenant another alias; the old one stops serving.
    pub(crate) fn set_alias(&mut self, tenant: &str, alias: &str) -> Result<TenantRef, WorldError> {
        let region = self.find_tenant(tenant)?.region.clone();
        let host = format!("{}.{region}.qlikcloud.com", alias.to_ascii_lowercase());
        self.set_alias_host(tenant, Some(host))
    }

    /// Gives the tenant this hostname beside its permanent one, or takes its alias away.
    pub(crate) fn set_alias_host(
        &mut self,
        tenant: &str,
        host: Option<String>,
    ) -> Result<TenantRef, WorldError> {
        let host = host.map(|host| host.to_ascii_lowercase());
        if let Some(host) = &host
            && self.tenant_by_host(host).is_some()
        {
            return Err(WorldError::HostTaken(host.clone()));
        }
        let now = self.now();
        let tenant = self.find_tenant_mut(tenant)?;
        tenant.alias_host = host;
        tenant.updated = now;
        Ok(tenant.reference())
    }
}
