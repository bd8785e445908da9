//! API keys: <https://qlik.dev/apis/rest/api-keys.md>.
//!
//! A key's expiry can't be changed, so renewing means making another key. This
//! module must not know when or why that is done.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Replace;
use crate::client::Tenant;
use crate::error::{Error, ErrorKind};
use crate::lenient;
use crate::open_enum::open_enum;
use crate::paging::{PAGE, Query, bad_request, segment};
use crate::secret::ApiKeyToken;
use crate::transport::Request;
use crate::wiped::Wiped;

const LIST: &str = "GET /api/v1/api-keys";
const CREATE: &str = "POST /api/v1/api-keys";
const READ: &str = "GET /api/v1/api-keys/{id}";
const RENAME: &str = "PATCH /api/v1/api-keys/{id}";
const DELETE: &str = "DELETE /api/v1/api-keys/{id}";
const PATH: &str = "/api/v1/api-keys";

open_enum! {
    /// What became of an API key.
    KeyStatus {
        /// It works.
        Active = "active",
        /// Its time is over.
        Expired = "expired",
        /// A tenant administrator disabled it, for good.
        Revoked = "revoked",
    }
}

/// An API key as Qlik describes it, without its token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The key's id, which is the `jti` of its token.
    pub id: String,
    /// The tenant it is for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// What its maker called it.
    #[serde(default)]
    pub description: String,
    /// What became of it.
    #[serde(default)]
    pub status: KeyStatus,
    /// The id of the user it acts for.
    #[serde(default)]
    pub sub: String,
    /// `user` or `externalClient`.
    #[serde(default)]
    pub sub_type: String,
    /// The moment it stops working.
    pub expiry: Timestamp,
    /// When it was made.
    #[serde(default, deserialize_with = "lenient::timestamp")]
    pub created: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, deserialize_with = "lenient::timestamp")]
    pub last_updated: Option<Timestamp>,
    /// The id of the user who made it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_by_user: Option<String>,
}

/// What a new API key should be. It acts for the user who makes it: Qlik
/// refuses every other owner in practice
/// (<https://community.qlik.com/t5/Integration-Extension-APIs/Creating-an-API-key-for-another-user/td-p/2063143>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// A name for people; required.
    pub description: String,
    /// How long it should work, in whole seconds from Qlik's clock; at most the
    /// tenant's [`max_expiry`](crate::ApiKeyConfig::max_expiry).
    pub lifetime: SignedDuration,
}

/// A new key and its token, which Qlik shows this once only.
#[derive(Debug, Clone)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its token.
    pub token: ApiKeyToken,
}

/// Which keys to list. The default lists all that the caller may see: their
/// own, and everybody's for a tenant administrator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyQuery {
    /// Only keys that act for this user id.
    pub sub: Option<String>,
    /// Only keys of this status.
    pub status: Option<KeyStatus>,
    /// Only keys made by this user id.
    pub created_by_user: Option<String>,
}

#[derive(Serialize)]
struct CreateBody<'a> {
    description: &'a str,
    /// A duration here, though a moment in the answer.
    expiry: String,
}

#[derive(Deserialize)]
struct Created {
    token: Wiped,
    #[serde(flatten)]
    key: ApiKey,
}

impl Tenant {
    /// Makes an API key for the caller.
    ///
    /// It is sent once and never repeated: after an error for which
    /// [`Error::may_have_happened`] is true, look for the key by its description
    /// before trying again, or keys pile up until the tenant's limit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] without the permission or past the limits,
    /// [`ErrorKind::BadRequest`] for a description or lifetime that Qlik (or
    /// this call) refuses, and what every call can give.
    pub async fn create_api_key(&self, new: &NewApiKey) -> Result<CreatedApiKey, Error> {
        if new.description.trim().is_empty() {
            return Err(bad_request(CREATE, "a key needs a description"));
        }
        if new.lifetime.as_secs() < 1 {
            return Err(bad_request(CREATE, "a key's lifetime must be a second or more"));
        }
        let body =
            CreateBody { description: &new.description, expiry: lenient::write_iso_duration(new.lifetime) };
        let answer = self.call(Request::change(CREATE, Method::POST, PATH).json(&body)?).await?;
        let status = answer.status;
        let created: Created = answer.json()?;
        let token = ApiKeyToken::parse(&created.token)
            .map_err(|e| Error::new(ErrorKind::BadBody, CREATE).with_status(status).with_source(e))?;
        Ok(CreatedApiKey { key: created.key, token })
    }

    /// One API key: its owner, status and expiry.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] for a key that was deleted, and what every call
    /// can give.
    pub async fn api_key(&self, id: &str) -> Result<ApiKey, Error> {
        let path = format!("{PATH}/{}", segment(READ, id)?);
        self.call(Request::get(READ, path)).await?.json()
    }

    /// All API keys that match, in up to 50 pages of 100.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] for other users' keys without the role
    /// `TenantAdmin`, and what every call can give.
    pub async fn api_keys(&self, query: &ApiKeyQuery) -> Result<Vec<ApiKey>, Error> {
        let mut pairs: Query<'_> = vec![("limit", PAGE.to_string())];
        pairs.extend(query.sub.clone().map(|v| ("sub", v)));
        pairs.extend(query.status.clone().map(|v| ("status", v.into())));
        pairs.extend(query.created_by_user.clone().map(|v| ("createdByUser", v)));
        self.all_pages(LIST, PATH, &pairs).await
    }

    /// Gives a key another description, the one thing of a key that can change.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn rename_api_key(&self, id: &str, description: &str) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(RENAME, id)?);
        let steps = [Replace::new("/description", description)];
        self.call(Request::change(RENAME, Method::PATCH, path).json(&steps)?).await?.success()?;
        Ok(())
    }

    /// Deletes a key of one's own; a tenant administrator who deletes somebody
    /// else's revokes it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] for a key that is gone already, and what every
    /// call can give.
    pub async fn delete_api_key(&self, id: &str) -> Result<(), Error> {
        let path = format!("{PATH}/{}", segment(DELETE, id)?);
        self.call(Request::change(DELETE, Method::DELETE, path)).await?.success()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_only_what_is_needed_is_read() {
        let key: ApiKey = serde_json::from_str(
            r#"{"id":"k","expiry":"2026-03-01T12:00:00.000Z","status":"paused","created":"?","subType":"user"}"#,
        )
        .unwrap();
        assert_eq!(key.status, KeyStatus::Other("paused".into()));
        assert_eq!(key.created, None);
        assert_eq!(key.sub_type, "user");
        assert!(serde_json::from_str::<ApiKey>(r#"{"id":"k"}"#).is_err());
    }
}
