//! A connected portal on a database of its own, a sandbox tenant that runs with
//! the machine's clock, and servers that can be started and killed.

use std::{
    fs::File,
    io::{PipeReader, PipeWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use backend::{
    Actor,
    apps::{AppsPage, AppsQuery},
    integration::{Health, SaveInput},
    testing::{FakeClock, QlikAt, TestServices, services_at},
};
use jiff::SignedDuration;
use qlik::{Clock as _, SystemClock};
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::{Pid, Signal, kill_process},
};
use sandbox::{
    Effect, Fault, KeyView, NewApp, NewTenant, NewUser, Sandbox, SandboxConfig, TenantRef, UserRef,
    WorldHandle,
};
use tokio::process::{Child, Command};

const ORIGIN: &str = "https://acme.portal.example";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    sandbox: Sandbox,
    world: WorldHandle,
    tenant: TenantRef,
    owner: UserRef,
    pub(crate) portal: TestServices,
    ada: Actor,
    first_token: String,
    ca: PathBuf,
    started: AtomicU32,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let world = sandbox.world();
        let tenant = world.add_tenant(NewTenant::new("acme", "eu"));
        world.set_key_config(&tenant, SignedDuration::from_hours(24 * 30), 3);
        let owner = world.add_user(&tenant, NewUser::admin("ada@acme.example"));
        let web = world.add_web_integration(&tenant, "Portal", [ORIGIN]);
        let app = NewApp { name: "Revenue".to_owned(), owner: owner.id.clone(), ..NewApp::default() };
        world.add_app(&tenant, app);
        let (_, token) = world.create_key(&owner, "made by hand", SignedDuration::from_hours(72));
        let at = QlikAt {
            resolve: sandbox.resolve_spec(),
            ca_pem: Some(sandbox.ca_pem().to_owned()),
            ..QlikAt::default()
        };
        let portal = services_at(FakeClock::new(SystemClock.now()), at).await.unwrap();
        let ada = portal.administrator().await.unwrap();
        let view = portal.settings_view(&ada).await.unwrap().identity;
        world.add_jwt_idp(&tenant, &view.issuer, &view.kid, &view.certificate_pem);
        let input = SaveInput {
            tenant_host: "acme.eu.qlikcloud.com".to_owned(),
            web_integration_id: web,
            auth_option: "api_key".to_owned(),
            api_key: Some(token.clone().into()),
            ..SaveInput::default()
        };
        let saved = portal.save_integration(&ada, input).await.unwrap();
        assert!(saved.saved, "{saved:#?}");
        let ca = portal.dir.path().join("ca.pem");
        std::fs::write(&ca, sandbox.ca_pem()).unwrap();
        Self {
            sandbox,
            world,
            tenant,
            owner,
            portal,
            ada,
            first_token: token,
            ca,
            started: AtomicU32::new(0),
        }
    }

    fn dir(&self) -> &Path {
        self.portal.dir.path()
    }

    /// A server process; it may not be up yet.
    pub(crate) fn spawn(&self) -> Server {
        self.spawn_saying_to(None)
    }

    fn spawn_saying_to(&self, out: Option<Stdio>) -> Server {
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        let log = File::create(self.dir().join(format!("server-{number}.log"))).unwrap();
        let ready = self.dir().join(format!("ready-{number}.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_qonduit"))
            .env_clear()
            .env("QONDUIT_LISTEN", "127.0.0.1:0")
            .env("QONDUIT_PUBLIC_URL", ORIGIN)
            .env("QONDUIT_DATABASE_URL", format!("sqlite://{}", self.dir().join("qonduit.db").display()))
            .env("QONDUIT_KEYRING_FILE", self.dir().join("keyring"))
            .env("QONDUIT_QLIK_RESOLVE", self.sandbox.resolve_spec())
            .env("QONDUIT_QLIK_CA_FILE", &self.ca)
            .env("QONDUIT_RENEWAL_GRACE", "0")
            .env("QONDUIT_READY_FILE", &ready)
            .env("QONDUIT_SITE_ROOT", self.dir())
            .env("QONDUIT_LOG", "debug,sqlx=info")
            .stdin(Stdio::null())
            .stdout(out.unwrap_or_else(|| log.try_clone().unwrap().into()))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Server { child, ready }
    }

    /// A server process whose tasks have begun, and that waits for a reader to say where it listens.
    pub(crate) async fn spawn_held_at_its_first_word(&self) -> Held {
        let number = self.started.load(Ordering::SeqCst);
        let (words, full) = std::io::pipe().unwrap();
        fill(&full);
        let server = self.spawn_saying_to(Some(full.into()));
        let log = self.dir().join(format!("server-{number}.log"));
        until(PATIENCE, "a server's tasks begin", async || {
            std::fs::read_to_string(&log).unwrap().contains("swept ended sessions").then_some(())
        })
        .await
        .unwrap();
        Held { server, words }
    }

    /// A server process that listens.
    pub(crate) async fn start(&self) -> Server {
        let server = self.spawn();
        until(PATIENCE, "a server listens", async || server.ready.exists().then_some(())).await.unwrap();
        server
    }

    /// How long it takes from a process's start to the end of a renewal.
    pub(crate) async fn undisturbed(&self) -> Duration {
        let before = self.key_in_use().await;
        self.portal.bring_forward().await.unwrap();
        let began = Instant::now();
        let server = self.start().await;
        self.settles(&before, "undisturbed").await;
        let took = began.elapsed();
        server.kill().await;
        took
    }

    /// A server that got into the middle of this call, and stays there.
    pub(crate) async fn start_into(&self, method: &str, path: &str, effect: Effect, what: &str) -> Server {
        self.world.clear_log();
        let takes_place = effect == Effect::HangAfter;
        let fault = self.world.add_fault(Fault::new(path, effect).on(method).once());
        let server = self.spawn();
        until(PATIENCE, what, async || {
            let log = self.world.log();
            let struck = log.iter().find(|e| e.fault.is_some())?;
            (!takes_place || struck.handled).then_some(())
        })
        .await
        .unwrap();
        self.world.remove_fault(fault);
        server
    }

    pub(crate) async fn key_in_use(&self) -> String {
        self.portal.status(&self.ada.portal.id).await.unwrap().unwrap().key.key_id
    }

    pub(crate) fn live(&self) -> Vec<KeyView> {
        self.world.live_keys(&self.owner)
    }

    /// Another key is in use, it is the only one there is, and users see their
    /// apps with it.
    pub(crate) async fn settles(&self, before: &str, what: &str) {
        self.settles_within(PATIENCE, before, what).await;
    }

    pub(crate) async fn settles_within(&self, patience: Duration, before: &str, what: &str) {
        // What a person reads who looks why it did not come to rest.
        let seen = Mutex::new(String::new());
        let settling = until(patience, what, async || {
            let now = self.portal.status(&self.ada.portal.id).await.unwrap().unwrap();
            let rests = now.health == Health::Healthy && now.running.is_none() && now.old_key_until.is_none();
            let live: Vec<String> = self.live().into_iter().map(|k| k.id).collect();
            *seen.lock().unwrap() =
                format!("{:?}: {}; {:?}; live {live:?} of {before}", now.health, now.headline, now.running);
            (rests && now.key.key_id != before && live == [now.key.key_id]).then_some(())
        });
        settling.await.unwrap_or_else(|late| panic!("{late}; last seen: {}", seen.lock().unwrap()));
        self.portal.clock.set(SystemClock.now());
        let apps = self.portal.my_apps(&self.ada, AppsQuery::default()).await.unwrap();
        assert!(matches!(&apps, AppsPage::Apps { apps, .. } if apps.len() == 1), "{what}: {apps:?}");
        let known = self.world.keys(&self.tenant).into_iter().filter(|k| !k.deleted).count();
        assert_eq!(known, 1, "{what}: a leftover");
    }

    /// No token is in the database, nor in what any of the servers wrote.
    pub(crate) fn keeps_secrets(&self) {
        let head = &self.first_token[..20];
        let mut searched = 0;
        for entry in std::fs::read_dir(self.dir()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            searched += bytes.len();
            let found = bytes.windows(head.len()).any(|w| w == head.as_bytes());
            assert!(!found, "{} holds a token", path.display());
        }
        assert!(searched > 100_000, "{searched} bytes are too few to have held anything");
    }
}

pub(crate) struct Server {
    child: Child,
    ready: PathBuf,
}

impl Server {
    /// SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Lets it work for so long; it must not end by itself.
    pub(crate) async fn lives_for(&mut self, time: Duration) {
        if let Ok(ended) = tokio::time::timeout(time, self.child.wait()).await {
            panic!("the server ended by itself: {ended:?}");
        }
    }
}

/// Fills a pipe, so that who writes into it waits for a reader.
fn fill(pipe: &PipeWriter) {
    let flags = fcntl_getfl(pipe).unwrap();
    fcntl_setfl(pipe, flags | OFlags::NONBLOCK).unwrap();
    while (&*pipe).write(&[b'\n'; 4096]).is_ok() {}
    while (&*pipe).write(b"\n").is_ok() {}
    fcntl_setfl(pipe, flags).unwrap();
}

/// A server that is held up just before it is ready.
pub(crate) struct Held {
    server: Server,
    words: PipeReader,
}

impl Held {
    /// Sends SIGTERM, then lets it go on; gives how it ended.
    pub(crate) async fn terminated(self) -> ExitStatus {
        let Self { server: Server { mut child, .. }, mut words } = self;
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let reading = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            words.read_to_string(&mut said).map(|_| said)
        });
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        let said = reading.await.unwrap().unwrap();
        assert!(said.contains("Qonduit listens on"), "{said}");
        ended
    }
}

/// Looks every few milliseconds until there is something to see.
async fn until<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, String> {
    let mut pace = tokio::time::interval(Duration::from_millis(15));
    let looking = async {
        loop {
            pace.tick().await;
            if let Some(seen) = look().await {
                return seen;
            }
        }
    };
    let seen = tokio::time::timeout(patience, looking).await;
    seen.map_err(|late| format!("within {patience:?} this did not come: {what} ({late})"))
}
