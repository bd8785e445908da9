//! A small client that trusts the sandbox's authority and sends every hostname
//! to it.

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sandbox::{NewTenant, NewUser, Sandbox, SandboxConfig, TenantRef, UserRef, WorldHandle};
use serde_json::{Value, json};

pub(crate) const HOST: &str = "acme.eu.qlikcloud.com";
pub(crate) const ORIGIN: &str = "https://portal.example";

struct Here(SocketAddr);

impl Resolve for Here {
    fn resolve(&self, _: Name) -> Resolving {
        let addr = self.0;
        Box::pin(async move { Ok(Box::new(std::iter::once(addr)) as Addrs) })
    }
}

/// No redirects, no cookies; HTTP/2 unless HTTP/1.1 is asked for.
#[expect(clippy::disallowed_methods, reason = "the sandbox must not depend on the qlik crate")]
pub(crate) fn client_of(ca_pem: &str, addr: SocketAddr, http1: bool) -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap()])
        .dns_resolver(Here(addr))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    let builder = if http1 { builder.http1_only() } else { builder };
    builder.build().unwrap()
}

pub(crate) fn client(sandbox: &Sandbox, http1: bool) -> reqwest::Client {
    client_of(sandbox.ca_pem(), sandbox.addr(), http1)
}

/// A sandbox whose clock stands at noon, with the tenant `acme`, its Tenant Admin
/// Ada and her key.
pub(crate) struct Acme {
    pub(crate) sandbox: Sandbox,
    pub(crate) world: WorldHandle,
    pub(crate) tenant: TenantRef,
    pub(crate) ada: UserRef,
    pub(crate) ada_key: (String, String),
    pub(crate) http: reqwest::Client,
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) async fn acme() -> Acme {
    let config = SandboxConfig { start: Some(noon()), ..SandboxConfig::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let world = sandbox.world();
    let tenant = world.add_tenant(NewTenant::new("acme", "eu"));
    world.set_key_config(&tenant, SignedDuration::from_hours(72), 5);
    let ada = world.add_user(&tenant, NewUser::admin("ada@acme.example"));
    let ada_key = world.create_key(&ada, "ada's", SignedDuration::from_hours(72));
    let http = client(&sandbox, false);
    Acme { sandbox, world, tenant, ada, ada_key, http }
}

impl Acme {
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("https://{HOST}{path}"))
    }

    /// A request with Ada's key.
    pub(crate) fn ada(&self, method: Method, path: &str) -> RequestBuilder {
        self.ask(method, path).bearer_auth(&self.ada_key.1)
    }

    /// A user without roles, and a key of that user.
    pub(crate) fn user_with_key(&self, email: &str) -> (UserRef, String) {
        let user =
            self.world.add_user(&self.tenant, NewUser { manage_api_keys: true, ..NewUser::new(email) });
        let (_, token) = self.world.create_key(&user, "own", SignedDuration::from_hours(24));
        (user, token)
    }
}

pub(crate) async fn send(request: RequestBuilder) -> (StatusCode, Value) {
    parts(request.send().await.unwrap()).await
}

pub(crate) async fn status(request: RequestBuilder) -> StatusCode {
    send(request).await.0
}

pub(crate) async fn parts(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    (status, body)
}

pub(crate) fn code(body: &Value) -> &str {
    body["errors"][0]["code"].as_str().unwrap_or_default()
}

/// A signing key and its certificate.
pub(crate) struct Signer {
    key: EncodingKey,
    pub(crate) certificate: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["portal.example".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        Self { key: EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap(), certificate }
    }

    pub(crate) fn sign(&self, kid: &str, claims: &Value) -> String {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// Claims as the documentation wants them, valid around noon.
pub(crate) fn claims(sub: &str, email: &str, jti: &str) -> Value {
    let now = noon().as_second();
    json!({
        "iss": "portal", "aud": "qlik.api/login/jwt-session", "sub": sub, "subType": "user",
        "name": "Somebody", "email": email, "email_verified": true, "jti": jti,
        "iat": now, "nbf": now - 30, "exp": now + 60,
    })
}

/// Acme with a JWT identity provider and a web integration for the portal.
pub(crate) struct Portal {
    pub(crate) acme: Acme,
    pub(crate) signer: Signer,
    pub(crate) integration: String,
}

pub(crate) async fn portal() -> Portal {
    let acme = acme().await;
    let signer = Signer::new();
    acme.world.add_jwt_idp(&acme.tenant, "portal", "kid-1", &signer.certificate);
    let integration = acme.world.add_web_integration(&acme.tenant, "Portal", [ORIGIN]);
    Portal { acme, signer, integration }
}

impl Portal {
    pub(crate) fn login(&self, claims: &Value) -> RequestBuilder {
        let token = self.signer.sign("kid-1", claims);
        self.acme.ask(Method::POST, "/login/jwt-session").bearer_auth(token)
    }

    /// Signs a user in; the cookies as one `Cookie` header.
    pub(crate) async fn cookies(&self, claims: &Value) -> String {
        let response = self.login(claims).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        jar(&response)
    }
}

/// The cookies of an answer as a `Cookie` header.
pub(crate) fn jar(response: &Response) -> String {
    let pairs: Vec<_> = response
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|line| line.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect();
    pairs.join("; ")
}

/// One cookie's value out of a `Cookie` header.
pub(crate) fn cookie<'a>(jar: &'a str, name: &str) -> &'a str {
    jar.split("; ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
}
