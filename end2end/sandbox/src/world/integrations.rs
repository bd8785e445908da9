//! Web integrations: the origins from which a browser may use the tenant.

use jiff::Timestamp;
use url::Url;

use super::{State, WorldError};
use crate::ids;

/// A web integration as tests see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebIntegrationView {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The origins that it lists.
    pub origins: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct WebIntegration {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) valid_origins: Vec<String>,
    pub(crate) created_by: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

impl WebIntegration {
    /// Scheme, host and port must match exactly; there are no wildcards
    /// (<https://help.qlik.com/en-us/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/mc-adminster-web-integrations.htm>).
    pub(crate) fn allows(&self, origin: &str) -> bool {
        self.valid_origins.iter().any(|valid| valid.trim_end_matches('/').eq_ignore_ascii_case(origin))
    }
}

/// Whether a text is an origin: http(s), a host, maybe a port, and no more.
pub(crate) fn is_origin(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    matches!(url.scheme(), "http" | "https")
        && !text.contains('*')
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
}

impl State {
    /// The web integrations of a tenant, oldest first.
    pub(crate) fn web_integrations_of(&self, tenant: &str) -> Vec<WebIntegrationView> {
        let view = |w: &WebIntegration| WebIntegrationView {
            id: w.id.clone(),
            name: w.name.clone(),
            origins: w.valid_origins.clone(),
        };
        self.integrations.iter().filter(|w| w.tenant == tenant).map(view).collect()
    }

    pub(crate) fn add_web_integration(
        &mut self,
        tenant: &str,
        name: &str,
        origins: Vec<String>,
        created_by: &str,
    ) -> Result<&WebIntegration, WorldError> {
        let tenant = self.find_tenant(tenant)?.id.clone();
        let now = self.now();
        let at = self.integrations.len();
        self.integrations.push(WebIntegration {
            id: ids::token32(),
            tenant,
            name: name.to_owned(),
            valid_origins: origins,
            created_by: created_by.to_owned(),
            created: now,
            updated: now,
        });
        Ok(&self.integrations[at])
    }

    pub(crate) fn integrations_of<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a WebIntegration> {
        self.integrations.iter().filter(move |w| w.tenant == tenant)
    }

    pub(crate) fn integration_of(&self, tenant: &str, id: &str) -> Option<&WebIntegration> {
        self.integrations.iter().find(|w| w.tenant == tenant && w.id == id)
    }

    pub(crate) fn integration_mut(&mut self, id: &str) -> Result<&mut WebIntegration, WorldError> {
        let now = self.now();
        let found = self
            .integrations
            .iter_mut()
            .find(|w| w.id == id)
            .ok_or_else(|| WorldError::Nothing("web integration", id.to_owned()))?;
        found.updated = now;
        Ok(found)
    }

    pub(crate) fn remove_web_integration(&mut self, id: &str) -> Result<(), WorldError> {
        let before = self.integrations.len();
        self.integrations.retain(|w| w.id != id);
        if self.integrations.len() == before {
            return Err(WorldError::Nothing("web integration", id.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port_only() {
        for good in ["https://portal.example", "http://localhost:3000", "https://portal.example:8080"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "portal.example",
            "https://*.example",
            "ftp://portal.example",
            "https://portal.example/hub",
            "https://u@portal.example",
            "https://portal.example?x",
            "",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
