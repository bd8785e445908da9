//! Qlik Cloud's REST endpoints, one module per resource.
//!
//! Each adds typed calls to [`Tenant`](crate::Tenant). These modules must not
//! know how a call is sent.

pub(crate) mod api_keys;
pub(crate) mod csrf;
pub(crate) mod identity_providers;
pub(crate) mod items;
pub(crate) mod key_config;
pub(crate) mod oauth_clients;
pub(crate) mod settings;
pub(crate) mod tenants;
pub(crate) mod users;
pub(crate) mod web_integrations;

use serde::Serialize;

/// One step of a JSON Patch; Qlik knows `replace` only.
#[derive(Serialize)]
pub(crate) struct Replace<'a, T: ?Sized> {
    op: &'static str,
    path: &'static str,
    value: &'a T,
}

impl<'a, T: ?Sized> Replace<'a, T> {
    pub(crate) fn new(path: &'static str, value: &'a T) -> Self {
        Self { op: "replace", path, value }
    }
}
