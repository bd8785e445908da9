//! A portal beside a sandbox tenant, both under one clock.

use backend::{
    Actor,
    integration::{Outcome, Report, SaveInput, SaveOutcome, StatusView},
    testing::{FakeClock, QlikAt, TestServices, services_at},
};
use jiff::{SignedDuration, Timestamp};
use sandbox::{KeyView, NewApp, NewTenant, NewUser, Sandbox, SandboxConfig, TenantRef, UserRef, WorldHandle};

pub(crate) const HOST: &str = "acme.eu.qlikcloud.com";
pub(crate) const ORIGIN: &str = "https://acme.portal.example";

pub(crate) struct House {
    /// Ends with the house.
    _sandbox: Sandbox,
    pub(crate) world: WorldHandle,
    pub(crate) portal: TestServices,
    pub(crate) ada: Actor,
    pub(crate) tenant: TenantRef,
    pub(crate) qlik_ada: UserRef,
    pub(crate) web: String,
    pub(crate) token: String,
    pub(crate) key_id: String,
}

pub(crate) fn start() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(crate) fn days(n: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * n)
}

pub(crate) fn mins(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

impl House {
    /// A tenant whose Tenant Admin `ada@acme.example` made a key of three days,
    /// and a portal with an administrator of that e-mail; not connected yet.
    pub(crate) async fn new() -> Self {
        Self::with_timeout(std::time::Duration::from_secs(5)).await
    }

    pub(crate) async fn with_timeout(timeout: std::time::Duration) -> Self {
        Self::built(timeout, None).await
    }

    /// As [`House::connected`]; mail and webhooks trust this authority too.
    pub(crate) async fn trusting(notice_ca: &str) -> Self {
        Self::built(std::time::Duration::from_secs(5), Some(notice_ca.to_owned())).await.connect().await
    }

    async fn built(timeout: std::time::Duration, notice_ca: Option<String>) -> Self {
        let config = SandboxConfig { start: Some(start()), ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.unwrap();
        let world = sandbox.world();
        let tenant = world.add_tenant(NewTenant::new("acme", "eu"));
        world.set_key_config(&tenant, days(30), 5);
        let qlik_ada = world.add_user(&tenant, NewUser::admin("ada@acme.example"));
        let web = world.add_web_integration(&tenant, "Portal", [ORIGIN]);
        let space = world.add_space(&tenant, "Sales", "shared");
        world.add_app(&tenant, app("Revenue", &qlik_ada, Some(&space)));
        world.add_app(&tenant, app("Scratch", &qlik_ada, None));
        let (key_id, token) = world.create_key(&qlik_ada, "made by hand", days(3));
        let at = QlikAt {
            resolve: sandbox.resolve_spec(),
            ca_pem: Some(sandbox.ca_pem().to_owned()),
            timeout: Some(timeout),
            notice_ca,
            ..QlikAt::default()
        };
        let portal = services_at(FakeClock::new(start()), at).await.unwrap();
        let ada = portal.administrator().await.unwrap();
        Self { _sandbox: sandbox, world, portal, ada, tenant, qlik_ada, web, token, key_id }
    }

    /// As [`House::new`], with the identity provider in place and saved.
    pub(crate) async fn connected() -> Self {
        Self::new().await.connect().await
    }

    pub(crate) async fn connect(self) -> Self {
        self.identity_provider().await;
        let saved = self.save().await;
        assert!(saved.saved, "{saved:#?}");
        self
    }

    /// Enters the portal's identity provider in Qlik, as a Tenant Admin would by hand.
    pub(crate) async fn identity_provider(&self) -> String {
        let view = self.portal.settings_view(&self.ada).await.unwrap().identity;
        self.world.add_jwt_idp(&self.tenant, &view.issuer, &view.kid, &view.certificate_pem)
    }

    pub(crate) fn input(&self) -> SaveInput {
        SaveInput {
            tenant_host: HOST.to_owned(),
            web_integration_id: self.web.clone(),
            auth_option: "api_key".to_owned(),
            api_key: Some(self.token.clone().into()),
            ..SaveInput::default()
        }
    }

    pub(crate) async fn save(&self) -> SaveOutcome {
        self.portal.save_integration(&self.ada, self.input()).await.unwrap()
    }

    /// Saves what would change the tenant, the web integration or the option of a
    /// portal that is connected, and switches to it.
    pub(crate) async fn change(&self, input: SaveInput) {
        let saved = self.portal.save_integration(&self.ada, input).await.unwrap();
        assert!(saved.staged && !saved.saved, "{saved:#?}");
        let change = self.portal.change_view(&self.ada, 1).await.unwrap().unwrap();
        let end = self.portal.switch_to_staged(&self.ada, &change.id).await.unwrap();
        assert!(end.switched, "{end:#?}");
    }

    /// The key that was made by hand, as a credential.
    pub(crate) fn key(&self) -> std::sync::Arc<qlik::secret::ApiKeyToken> {
        std::sync::Arc::new(qlik::secret::ApiKeyToken::parse(&self.token).unwrap())
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.world.advance(by);
        self.portal.clock.advance(by);
    }

    /// Ticks until nothing is due, at most `n` times.
    pub(crate) async fn settle(&self) {
        for _ in 0..10 {
            if self.portal.tick().await.unwrap() == 0 {
                return;
            }
        }
        panic!("the renewal does not come to rest");
    }

    pub(crate) async fn status(&self) -> StatusView {
        self.portal.status(&self.ada.portal.id).await.unwrap().unwrap()
    }

    /// The owner's active keys at Qlik.
    pub(crate) fn live(&self) -> Vec<KeyView> {
        self.world.live_keys(&self.qlik_ada)
    }
}

pub(crate) fn app(name: &str, owner: &UserRef, space: Option<&str>) -> NewApp {
    NewApp {
        name: name.to_owned(),
        owner: owner.id.clone(),
        space: space.map(str::to_owned),
        ..NewApp::default()
    }
}

/// Each check with its outcome.
pub(crate) fn outcomes(report: &Report) -> Vec<(&str, Outcome)> {
    report.checks.iter().map(|c| (c.id.as_str(), c.outcome)).collect()
}

/// The only check that failed.
pub(crate) fn the_failed(report: &Report) -> &str {
    let failed: Vec<&str> =
        report.checks.iter().filter(|c| c.outcome == Outcome::Failed).map(|c| c.id.as_str()).collect();
    assert_eq!(failed.len(), 1, "{:#?}", report.checks);
    failed[0]
}
