//! A strict stand-in for Qlik Cloud, for trials and tests.
//!
//! It serves any number of tenants over HTTPS under their real hostnames, with a
//! certificate authority of its own, and behaves as Qlik's public documents say:
//! users, API keys, JWT login, cookie sessions, web integrations, identity
//! providers, OAuth, the universal login at `login.qlik.com`, items, spaces and the engine's websocket. Where the documents are silent the code says so
//! and picks what a careful client must survive anyway.
//!
//! It knows nothing of the clients that are tested against it and shares no code
//! with them, so that a misreading of Qlik's documents can't hide on both sides.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use sandbox::{NewTenant, NewUser, Sandbox, SandboxConfig};
//!
//! let sandbox = Sandbox::start(SandboxConfig::default()).await?;
//! let world = sandbox.world();
//! let acme = world.add_tenant(NewTenant::new("acme", "eu"));
//! let ada = world.add_user(&acme, NewUser::admin("ada@acme.example"));
//! let (id, token) = world.create_key(&ada, "my key", jiff::SignedDuration::from_hours(72));
//! // Clients trust sandbox.ca_pem() and send *.qlikcloud.com to sandbox.addr().
//! # let _ = (id, token);
//! # Ok(())
//! # }
//! ```

mod auth;
mod clock;
pub mod control;
mod demo;
mod duration;
mod engine;
mod envelope;
mod faults;
mod flood;
mod gate;
mod gateway;
mod ids;
mod log;
mod login_host;
mod rates;
mod routes;
mod server;
mod tls;
mod tokens;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use control::CONTROL_HELP;
pub use demo::{Demo, DemoAccount, DemoOptions};
pub use faults::{Effect, EngineFault, Fault};
pub use flood::Flood;
pub use gateway::{Gateway, NoWebsocket};
pub use log::{AuthKind, LogEntry};
pub use world::{
    AccountCondition, Consent, Event, EventKind, IdpView, KeyStatus, KeyView, LoginShape, NewAccount, NewApp,
    NewClient, NewClientRef, NewTenant, NewUser, SessionView, Switches, TenantRef, TokenKind, TokenView,
    TriesView, TryOutcome, UserRef, UserStatus, WebIntegrationView, WorldError, WorldHandle,
};

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where tenants are served over TLS; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where the control interface is served in the clear; none without it.
    pub control: Option<SocketAddr>,
    /// The sandbox's clock stands still at this moment until it is moved; without
    /// it, the clock runs with the machine.
    pub start: Option<Timestamp>,
    /// A folder that keeps the certificate authority between runs; without it,
    /// each run has its own.
    pub ca_dir: Option<PathBuf>,
    /// Fills the world with the demo tenants; empty without it.
    pub demo: Option<DemoOptions>,
    /// Further names of the login host, beside `login.qlik.com`. The first one of
    /// all is where tenants lead to.
    pub login_hosts: Vec<String>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any,
            control: Some(any),
            start: None,
            ca_dir: None,
            demo: None,
            login_hosts: Vec::new(),
        }
    }
}

/// A running sandbox. It ends when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    control_addr: Option<SocketAddr>,
    ca_pem: String,
    demo: Option<Demo>,
    world: WorldHandle,
    stop: CancellationToken,
    /// Dropping the set aborts the tasks, and with them every connection.
    tasks: JoinSet<()>,
}

impl Sandbox {
    /// Starts an empty sandbox; once this returns it accepts connections.
    ///
    /// # Errors
    ///
    /// When an address is not a loopback one or can't be bound, or when the certificate authority can't be made,
    /// read or kept.
    pub async fn start(config: SandboxConfig) -> anyhow::Result<Self> {
        for addr in std::iter::once(config.listen).chain(config.control) {
            anyhow::ensure!(
                addr.ip().is_loopback(),
                "{addr} is not on the loopback; the sandbox serves no other"
            );
        }
        let authority = tls::Authority::open(config.ca_dir.as_deref())?;
        let ca_pem = authority.pem().to_owned();
        let acceptor = server::acceptor(authority.server_config()?);
        let mut state = world::State::new(clock::Clock::starting(config.start));
        state.login.hosts.extend(config.login_hosts.clone());
        let demo = config.demo.as_ref().map(|options| demo::seed(&mut state, options)).transpose()?;
        let world = WorldHandle::new(state);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();

        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let addr = listener.local_addr()?;
        let router = gate::Routers::new(&world);
        tasks.spawn(server::serve_tls(listener, acceptor, world.clone(), router, stop.clone()));

        let mut control_addr = None;
        if let Some(wanted) = config.control {
            let listener =
                TcpListener::bind(wanted).await.with_context(|| format!("cannot listen on {wanted}"))?;
            control_addr = Some(listener.local_addr()?);
            let control = control::Control {
                world: world.clone(),
                demo: Arc::new(Mutex::new(demo.clone())),
                options: config.demo,
                start: config.start,
                login_hosts: config.login_hosts,
            };
            tasks.spawn(server::serve_plain(listener, control::router(control), stop.clone()));
        }
        Ok(Self { addr, control_addr, ca_pem, demo, world, stop, tasks })
    }

    /// Where tenants are served.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The demo world's values, if the sandbox was started with one.
    pub fn demo(&self) -> Option<&Demo> {
        self.demo.as_ref()
    }

    /// Where the control interface is served.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control_addr
    }

    /// The certificate that clients must trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Sends every tenant's traffic here, and that of the login hosts and corporate
    /// identity providers that there are now:
    /// `*.qlikcloud.com=127.0.0.1:PORT,login.qlik.com=127.0.0.1:PORT,…`, where `*`
    /// stands for any number of labels.
    pub fn resolve_spec(&self) -> String {
        let state = self.world.lock();
        let mut hosts = vec!["*.qlikcloud.com".to_owned()];
        let corporate = state.tenants.iter().map(|t| &t.corporate_host);
        for host in state.login.hosts.iter().map(String::as_str).chain([world::CORPORATE_HOST]) {
            hosts.push(host.to_owned());
        }
        hosts.extend(corporate.cloned());
        let mut known = std::collections::BTreeSet::new();
        hosts.retain(|host| known.insert(host.to_ascii_lowercase()));
        hosts.iter().map(|host| format!("{host}={}", self.addr)).collect::<Vec<_>>().join(",")
    }

    /// The world, for setting the scene and looking at what happened.
    pub fn world(&self) -> WorldHandle {
        self.world.clone()
    }

    /// Stops accepting, ends every connection and waits for that.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
