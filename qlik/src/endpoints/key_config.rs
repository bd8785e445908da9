//! A tenant's rules for API keys: <https://qlik.dev/apis/rest/api-keys.md>.

use http::Method;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

use super::Replace;
use crate::client::Tenant;
use crate::error::Error;
use crate::lenient;
use crate::paging::{bad_request, segment};
use crate::transport::Request;

const READ: &str = "GET /api/v1/api-keys/configs/{tenantId}";
const UPDATE: &str = "PATCH /api/v1/api-keys/configs/{tenantId}";
const PATH: &str = "/api/v1/api-keys/configs";

/// What a tenant allows of API keys. A rule that Qlik does not state is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ApiKeyConfig {
    /// Longest lifetime of a new key; Qlik's default is 24 hours. Keys that
    /// exist keep their expiry when it changes.
    #[serde(rename = "max_api_key_expiry", default, deserialize_with = "lenient::duration")]
    pub max_expiry: Option<SignedDuration>,
    /// So many active keys may a user have; Qlik's default is 5.
    #[serde(default, deserialize_with = "lenient::count")]
    pub max_keys_per_user: Option<u32>,
    /// Removed by Qlik in January 2026
    /// (<https://qlik.dev/changelog/198-developer-role-removal>); older tenants
    /// may still say it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub api_keys_enabled: Option<bool>,
}

/// Rules to change; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyConfigChange {
    /// Longest lifetime of a new key, in whole seconds.
    pub max_expiry: Option<SignedDuration>,
    /// So many active keys may a user have, 0 to 1000.
    pub max_keys_per_user: Option<u32>,
}

impl Tenant {
    /// The tenant's rules for API keys.
    ///
    /// # Errors
    ///
    /// What every call can give. Whether a user who is no administrator may read
    /// them is not documented.
    pub async fn api_key_config(&self, tenant_id: &str) -> Result<ApiKeyConfig, Error> {
        let path = format!("{PATH}/{}", segment(READ, tenant_id)?);
        self.call(Request::get(READ, path)).await?.json()
    }

    /// Changes the tenant's rules for API keys.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) without the rights,
    /// and what every call can give.
    pub async fn update_api_key_config(
        &self,
        tenant_id: &str,
        change: &ApiKeyConfigChange,
    ) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(UPDATE, tenant_id)?);
        let expiry = change.max_expiry.map(|d| Value::from(lenient::write_iso_duration(d)));
        let keys = change.max_keys_per_user.map(Value::from);
        let steps: Vec<_> = [("/max_api_key_expiry", &expiry), ("/max_keys_per_user", &keys)]
            .into_iter()
            .filter_map(|(path, value)| value.as_ref().map(|v| Replace::new(path, v)))
            .collect();
        if steps.is_empty() {
            return Err(bad_request(UPDATE, "there is nothing to change"));
        }
        self.call(Request::change(UPDATE, Method::PATCH, path).json(&steps)?).await?.success()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_odd_ones_are_absent() {
        let read = |json: &str| serde_json::from_str::<ApiKeyConfig>(json).unwrap();
        let now = read(
            r#"{"max_api_key_expiry":"PT24H","max_keys_per_user":5,"scim_externalClient_expiry":"P365D"}"#,
        );
        assert_eq!(now.max_expiry, Some(SignedDuration::from_hours(24)));
        assert_eq!(now.max_keys_per_user, Some(5));
        assert_eq!(now.api_keys_enabled, None);
        let odd = read(r#"{"max_api_key_expiry":24,"max_keys_per_user":"many","api_keys_enabled":true}"#);
        assert_eq!(odd, ApiKeyConfig { api_keys_enabled: Some(true), ..ApiKeyConfig::default() });
    }
}
