//! A small client for the sandbox's own tests: trusts its authority and sends
//! every hostname to it.

#![expect(dead_code, unreachable_pub, reason = "each test file uses its own part of the support code")]

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sandbox::{NewTenant, NewUser, Sandbox, SandboxConfig, TenantRef, UserRef, WorldHandle};
use serde_json::Value;

pub const HOST: &str = "acme.eu.qlikcloud.com";

struct Here(SocketAddr);

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        let addr = self.0;
        Box::pin(async move { Ok(Box::new(std::iter::once(addr)) as Addrs) })
    }
}

/// HTTP/1.1 or HTTP/2, no redirects, no cookies.
#[expect(clippy::disallowed_methods, reason = "the sandbox must not depend on the qlik crate")]
pub fn client(sandbox: &Sandbox, http1: bool) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(sandbox.ca_pem().as_bytes()).unwrap()])
        .dns_resolver(Here(sandbox.addr()))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    let builder = if http1 { builder.http1_only() } else { builder };
    builder.build().unwrap()
}

/// A frozen sandbox with the tenant `acme`, its Tenant Admin Ada and her key.
pub struct Acme {
    pub sandbox: Sandbox,
    pub world: WorldHandle,
    pub tenant: TenantRef,
    pub ada: UserRef,
    pub ada_key: (String, String),
    pub http: reqwest::Client,
}

pub fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub async fn acme() -> Acme {
    let config = SandboxConfig { start: Some(noon()), ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let world = sandbox.world();
    let tenant = world.add_tenant(NewTenant::new("acme", "eu"));
    let ada = world.add_user(&tenant, NewUser::admin("ada@acme.example"));
    let ada_key = world.create_key(&ada, "ada's", SignedDuration::from_hours(72));
    world.set_key_config(&tenant, SignedDuration::from_hours(72), 5);
    let http = client(&sandbox, false);
    Acme { sandbox, world, tenant, ada, ada_key, http }
}

impl Acme {
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("https://{HOST}{path}"))
    }

    /// A request with Ada's key.
    pub fn ada(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, path).bearer_auth(&self.ada_key.1)
    }

    /// A user without roles, and a key of that user.
    pub fn user_with_key(&self, email: &str) -> (UserRef, String) {
        let user =
            self.world.add_user(&self.tenant, NewUser { manage_api_keys: true, ..NewUser::new(email) });
        let (_, token) = self.world.create_key(&user, "own", SignedDuration::from_hours(24));
        (user, token)
    }
}

pub async fn send(request: RequestBuilder) -> (StatusCode, Value) {
    parts(request.send().await.unwrap()).await
}

pub async fn parts(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    (status, body)
}

pub fn code(body: &Value) -> &str {
    body["errors"][0]["code"].as_str().unwrap_or_default()
}
