//! Web integrations, which list the origins that may use a tenant from a
//! browser: <https://qlik.dev/apis/rest/web-integrations>.

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Replace;
use crate::client::Tenant;
use crate::error::Error;
use crate::lenient;
use crate::paging::{PAGE, segment};
use crate::transport::Request;

const LIST: &str = "GET /api/v1/web-integrations";
const CREATE: &str = "POST /api/v1/web-integrations";
const READ: &str = "GET /api/v1/web-integrations/{id}";
const UPDATE: &str = "PATCH /api/v1/web-integrations/{id}";
const DELETE: &str = "DELETE /api/v1/web-integrations/{id}";
const PATH: &str = "/api/v1/web-integrations";

/// A web integration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebIntegration {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Scheme, host and any port that is not standard, each spelled out: there
    /// are no wildcards
    /// (<https://help.qlik.com/en-us/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/mc-adminster-web-integrations.htm>).
    #[serde(default, deserialize_with = "lenient::texts")]
    pub valid_origins: Vec<String>,
    /// The tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "lenient::timestamp")]
    pub created: Option<Timestamp>,
    /// The id of the user who made it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_by: Option<String>,
    /// When it was last changed.
    #[serde(default, deserialize_with = "lenient::timestamp")]
    pub last_updated: Option<Timestamp>,
}

impl WebIntegration {
    /// Whether it lists this origin: scheme, host and port must be the same
    /// (<https://qlik.dev/authenticate/jwt/implement-jwt-authorization/>).
    pub fn lists(&self, origin: &str) -> bool {
        self.valid_origins.iter().any(|listed| is_origin(listed, origin))
    }

    /// What it lists but this origin.
    pub fn origins_without(&self, origin: &str) -> Vec<String> {
        self.valid_origins.iter().filter(|listed| !is_origin(listed, origin)).cloned().collect()
    }
}

fn is_origin(listed: &str, origin: &str) -> bool {
    listed.trim().trim_end_matches('/').eq_ignore_ascii_case(origin)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    name: &'a str,
    valid_origins: &'a [String],
}

impl Tenant {
    /// One web integration.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for an id that is
    /// wrong, and what every call can give.
    pub async fn web_integration(&self, id: &str) -> Result<WebIntegration, Error> {
        let path = format!("{PATH}/{}", segment(READ, id)?);
        self.call(Request::get(READ, path)).await?.json()
    }

    /// All web integrations, in up to 50 pages of 100.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn web_integrations(&self) -> Result<Vec<WebIntegration>, Error> {
        self.all_pages(LIST, PATH, &vec![("limit", PAGE.to_string())]).await
    }

    /// Makes a web integration; for tenant administrators.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`](crate::ErrorKind::Forbidden) for others, and
    /// what every call can give.
    pub async fn create_web_integration(
        &self,
        name: &str,
        origins: &[String],
    ) -> Result<WebIntegration, Error> {
        let body = CreateBody { name, valid_origins: origins };
        self.call(Request::change(CREATE, Method::POST, PATH).json(&body)?).await?.json()
    }

    /// Replaces all origins of a web integration.
    ///
    /// Qlik's reference types the value as a string although the property is a
    /// list; a list is what is sent.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::web_integration`] and [`Tenant::create_web_integration`].
    pub async fn set_web_integration_origins(&self, id: &str, origins: &[String]) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(UPDATE, id)?);
        let steps = [Replace::new("/validOrigins", origins)];
        self.call(Request::change(UPDATE, Method::PATCH, path).json(&steps)?).await?.success()?;
        Ok(())
    }

    /// Deletes a web integration.
    ///
    /// # Errors
    ///
    /// As for [`Tenant::set_web_integration_origins`].
    pub async fn delete_web_integration(&self, id: &str) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(DELETE, id)?);
        self.call(Request::change(DELETE, Method::DELETE, path)).await?.success()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_only_with_scheme_and_port() {
        let ours = "https://acme.portal.example";
        for same in [ours, "https://acme.portal.example/", " HTTPS://ACME.portal.example"] {
            assert!(is_origin(same, ours), "{same}");
        }
        for other in [
            "http://acme.portal.example",
            "https://acme.portal.example:8443",
            "https://*.portal.example",
            "acme.portal.example",
        ] {
            assert!(!is_origin(other, ours), "{other}");
        }
    }
}
