//! What handlers get from a request: its caller, its parameters, its JSON.

use std::collections::HashMap;
use std::sync::MutexGuard;

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::auth::Caller;
use crate::envelope::{Answer, Flavour, Refusal};
use crate::world::{State, WorldHandle};

/// Which tenant a request reached, and under which name.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The tenant's id.
    pub(crate) tenant: String,
    /// Host, and port if the client named one; links are made with it.
    pub(crate) authority: String,
}

impl Site {
    /// An absolute link on this tenant.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.authority)
    }
}

/// A request of a recognised caller.
#[derive(Debug, Clone)]
pub(crate) struct Ctx {
    pub(crate) world: WorldHandle,
    pub(crate) site: Site,
    pub(crate) caller: Caller,
}

impl Ctx {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.world.lock()
    }

    pub(crate) fn tenant(&self) -> &str {
        &self.site.tenant
    }

    /// Refuses all but Tenant Admins.
    pub(crate) fn admin_only(&self, flavour: Flavour, title: &str) -> Answer<()> {
        if self.caller.rights.admin {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, "HTTP-403", title).flavour(flavour))
    }
}

impl FromRequestParts<WorldHandle> for Ctx {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, world: &WorldHandle) -> Result<Self, Refusal> {
        let site = Site::from_request_parts(parts, world).await?;
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(Refusal::unauthorized)?;
        Ok(Self { world: world.clone(), site, caller })
    }
}

impl FromRequestParts<WorldHandle> for Site {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &WorldHandle) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Refusal::not_found)
    }
}

/// The query's parameters; of a repeated one the last counts. Unknown ones are
/// ignored, as clients send hints such as `noActions`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) HashMap<String, String>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromRequestParts<WorldHandle> for Params {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &WorldHandle) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

/// A body that should be JSON. Reading it is left to the handler, which knows in
/// which envelope to complain.
#[derive(Debug, Clone)]
pub(crate) struct JsonBody {
    bytes: Bytes,
    is_json: bool,
}

impl JsonBody {
    /// The body as `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self, flavour: Flavour, code: &str) -> Answer<T> {
        let bad = |detail: String| {
            Refusal::new(StatusCode::BAD_REQUEST, code, "Invalid request body")
                .detail(detail)
                .flavour(flavour)
        };
        if !self.is_json {
            return Err(bad("content-type must be application/json".into()));
        }
        serde_json::from_slice(&self.bytes).map_err(|error| bad(error.to_string()))
    }
}

impl FromRequest<WorldHandle> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, world: &WorldHandle) -> Result<Self, Refusal> {
        let is_json =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(
                |value| {
                    let kind = value.split(';').next().unwrap_or_default().trim();
                    kind.eq_ignore_ascii_case("application/json")
                },
            );
        let bytes = Bytes::from_request(request, world).await.map_err(|rejection| {
            Refusal::new(rejection.status(), "HTTP-413", "The body could not be read")
        })?;
        Ok(Self { bytes, is_json })
    }
}
