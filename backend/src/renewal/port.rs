//! What a renewal asks of Qlik, as a seam: the real client stands behind it in
//! the product, a scripted tenant in the simulation, and all that is above it
//! is the same.
//!
//! This module must not know when or why something is asked.

use std::sync::Arc;

use async_trait::async_trait;
use qlik::{
    ApiKey, ApiKeyConfig, ApiKeyQuery, CreatedApiKey, NewApiKey, Qlik, Tenant, User,
    error::Error as QlikError, host::TenantHost, secret::ApiKeyToken,
};

use super::{claim::Row, eyes};
use crate::{Error, Services, keys::OwnedKey};

/// A tenant as one credential sees it: the calls that a renewal makes. Each has
/// the errors of the method of [`Tenant`] that it stands for.
#[async_trait]
pub(crate) trait KeyCalls: Send + Sync {
    /// [`Tenant::api_key_config`]
    async fn key_config(&self, tenant_id: &str) -> Result<ApiKeyConfig, QlikError>;
    /// [`Tenant::api_keys`]
    async fn list(&self, query: &ApiKeyQuery) -> Result<Vec<ApiKey>, QlikError>;
    /// [`Tenant::api_key`]
    async fn read(&self, key_id: &str) -> Result<ApiKey, QlikError>;
    /// [`Tenant::create_api_key`]
    async fn create(&self, new: &NewApiKey) -> Result<CreatedApiKey, QlikError>;
    /// [`Tenant::delete_api_key`]
    async fn delete(&self, key_id: &str) -> Result<(), QlikError>;
    /// [`Tenant::rename_api_key`]
    async fn rename(&self, key_id: &str, description: &str) -> Result<(), QlikError>;
    /// [`Tenant::user_me`]
    async fn me(&self) -> Result<User, QlikError>;
}

/// A look through the eyes of a key's owner, for a key that Qlik refuses.
pub(crate) enum OwnerEyes {
    /// The owner signed in.
    Open(Box<dyn KeyCalls>),
    /// The owner was deleted at Qlik.
    Gone,
    /// Qlik does not let the owner in.
    Barred,
    /// It could not be tried, or told nothing.
    Shut,
}

/// Where the calls come from.
#[async_trait]
pub(crate) trait Tenants: Send + Sync {
    /// The tenant as the owner of this key sees it.
    fn with_key(&self, host: &TenantHost, token: Arc<ApiKeyToken>) -> Box<dyn KeyCalls>;
    /// The tenant as the owner of this key sees it, without the key.
    async fn as_owner(&self, s: &Services, row: &Row, key: &OwnedKey) -> Result<OwnerEyes, Error>;
}

#[async_trait]
impl KeyCalls for Tenant {
    async fn key_config(&self, tenant_id: &str) -> Result<ApiKeyConfig, QlikError> {
        self.api_key_config(tenant_id).await
    }

    async fn list(&self, query: &ApiKeyQuery) -> Result<Vec<ApiKey>, QlikError> {
        self.api_keys(query).await
    }

    async fn read(&self, key_id: &str) -> Result<ApiKey, QlikError> {
        self.api_key(key_id).await
    }

    async fn create(&self, new: &NewApiKey) -> Result<CreatedApiKey, QlikError> {
        self.create_api_key(new).await
    }

    async fn delete(&self, key_id: &str) -> Result<(), QlikError> {
        self.delete_api_key(key_id).await
    }

    async fn rename(&self, key_id: &str, description: &str) -> Result<(), QlikError> {
        self.rename_api_key(key_id, description).await
    }

    async fn me(&self) -> Result<User, QlikError> {
        self.user_me().await
    }
}

#[async_trait]
impl Tenants for Qlik {
    fn with_key(&self, host: &TenantHost, token: Arc<ApiKeyToken>) -> Box<dyn KeyCalls> {
        Box::new(Self::with_key(self, host, token))
    }

    async fn as_owner(&self, s: &Services, row: &Row, key: &OwnedKey) -> Result<OwnerEyes, Error> {
        eyes::as_owner(self, s, row, key).await
    }
}

impl Services {
    /// A key's view of its tenant, for the renewal.
    pub(super) fn keys_of(&self, host: &TenantHost, token: Arc<ApiKeyToken>) -> Box<dyn KeyCalls> {
        self.0.tenants.with_key(host, token)
    }
}
