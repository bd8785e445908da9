//! A sandbox with one tenant, an administrator and a user, and a client that
//! trusts it and shares its clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qlik::{
    ApiKeyToken, Certificate, Clock, JwtLogin, JwtSubject, LoginToken, Qlik, QlikConfig, QlikSession,
    Resolve, SigningIdentity, SystemEntropy, Tenant, TenantHost,
};
use sandbox::{NewTenant, NewUser, Sandbox, SandboxConfig, TenantRef, UserRef, WorldHandle};

pub const ISSUER: &str = "https://portal.example/acme";
pub const ORIGIN: &str = "https://portal.example";

pub struct Scene {
    pub sandbox: Sandbox,
    pub world: WorldHandle,
    pub acme: TenantRef,
    pub ada: UserRef,
    pub bea: UserRef,
    pub host: TenantHost,
    pub qlik: Qlik,
}

#[derive(Debug)]
pub struct SandboxClock(pub WorldHandle);

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A scene whose client is configured otherwise.
    pub async fn with(change: impl FnOnce(&mut QlikConfig)) -> Self {
        let start = Some("2026-03-01T12:00:00Z".parse().unwrap());
        let sandbox = Sandbox::start(SandboxConfig { start, control: None, ..SandboxConfig::default() });
        let sandbox = sandbox.await.unwrap();
        let world = sandbox.world();
        let acme = world.add_tenant(NewTenant::new("acme", "eu"));
        world.set_key_config(&acme, SignedDuration::from_hours(720), 5);
        let ada = world.add_user(&acme, NewUser { name: "Ada".into(), ..NewUser::admin("ada@acme.example") });
        let bea = world.add_user(&acme, NewUser { name: "Bea".into(), ..NewUser::new("bea@acme.example") });
        let host = acme.alias_host.parse().unwrap();
        let mut config = Self::config(&sandbox);
        change(&mut config);
        let clock = Arc::new(SandboxClock(world.clone()));
        let qlik = Qlik::new(config, clock, Arc::new(SystemEntropy)).unwrap();
        Self { sandbox, world, acme, ada, bea, host, qlik }
    }

    pub fn config(sandbox: &Sandbox) -> QlikConfig {
        QlikConfig {
            resolve: Resolve::parse(&sandbox.resolve_spec()).unwrap(),
            ca_pem: Some(sandbox.ca_pem().as_bytes().to_vec()),
            request_timeout: Duration::from_secs(30),
            ..QlikConfig::default()
        }
    }

    /// A new key of a user, whatever the user may do.
    pub fn key(&self, owner: &UserRef) -> (String, Arc<ApiKeyToken>) {
        let (id, token) = self.world.create_key(owner, "scene", SignedDuration::from_hours(72));
        (id, Arc::new(ApiKeyToken::parse(&token).unwrap()))
    }

    /// The tenant as a key of this user sees it.
    pub fn tenant(&self, owner: &UserRef) -> Tenant {
        self.qlik.with_key(&self.host, self.key(owner).1)
    }

    /// Makes the tenant trust a new signing key.
    pub fn trusted_identity(&self) -> SigningIdentity {
        let (identity, certificate) = self.identity();
        self.world.add_jwt_idp(&self.acme, ISSUER, identity.kid(), &certificate.pem);
        identity
    }

    pub fn identity(&self) -> (SigningIdentity, Certificate) {
        let clock = self.qlik.clock();
        SigningIdentity::generate(ISSUER, "Portal acme", &**clock, &SystemEntropy).unwrap()
    }

    pub fn token(&self, identity: &SigningIdentity, user: &UserRef) -> LoginToken {
        let subject = JwtSubject {
            sub: user.subject.clone(),
            name: "From the portal".into(),
            email: user.email.clone(),
            groups: Vec::new(),
        };
        identity.sign(&subject, self.world.now(), &SystemEntropy).unwrap()
    }

    /// A session of this user, opened by a signed token.
    pub async fn session(&self, user: &UserRef) -> Arc<QlikSession> {
        let token = self.token(&self.trusted_identity(), user);
        let login = JwtLogin { host: &self.host, token, web_integration_id: None, origin: None };
        Arc::new(self.qlik.login_jwt(login).await.unwrap())
    }

    /// What was asked so far: `GET /path 200`.
    pub fn asked(&self) -> Vec<String> {
        let line = |e: sandbox::LogEntry| {
            let status = e.status.map_or("-".to_owned(), |s| s.to_string());
            format!("{} {} {status}", e.method, e.path)
        };
        self.world.log().into_iter().map(line).collect()
    }
}
