//! The world of a simulated life: two servers on one database, a tenant, two
//! clocks, and what each event does in it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::BoxFuture;
use qlik::{Clock as _, HostPolicy, TenantHost, TenantInfo};
use tokio::sync::Notify;

use super::{
    env::{Clocks, lock},
    plan::{Fate, Op},
    rules::Held,
    tenant::{End, SimTenant, owner, token},
};
use crate::{
    Actor, Services,
    doctor::{Facts, KeyFacts, Report},
    identity::IdentityView,
    integration::{How, Means, Typed},
    renewal::{Row, load},
    store::{Db, at, cut},
};

pub(super) const OWNER: &str = "owner-1";
pub(super) const TENANT: &str = "tenant-1";
const HOST: &str = "acme.eu.qlikcloud.com";

/// What the tenant's side needs of the world.
pub(super) struct Shared {
    pub(super) portal_id: String,
    pub(super) clocks: Arc<Clocks>,
    pub(super) tenant: Mutex<SimTenant>,
    pub(super) fates: Mutex<VecDeque<Fate>>,
    pub(super) db: Db,
    pub(super) servers: Mutex<Vec<Services>>,
    pub(super) actor: Actor,
    /// The key that an administrator wants renewed, as long as neither that is
    /// done nor a person needed.
    /// With it, how often a person was needed before.
    pub(super) asked: Mutex<Option<(String, i64)>>,
    /// The process at work ends at its next edge.
    pub(super) dying: AtomicBool,
    /// Commits until the process at work ends, and on which side of the commit.
    pub(super) commits: Mutex<Option<(u8, bool)>>,
    pub(super) remade: Mutex<Option<Remake>>,
}

pub(super) type Remake = Arc<dyn Fn(Arc<Shared>) -> BoxFuture<'static, Services> + Send + Sync>;

impl Shared {
    pub(super) fn tenant(&self) -> MutexGuard<'_, SimTenant> {
        lock(&self.tenant)
    }

    pub(super) fn tenant_now(&self) -> i64 {
        self.clocks.tenant.load(Ordering::SeqCst)
    }

    pub(super) fn our_now(&self) -> i64 {
        self.clocks.now().as_second()
    }

    pub(super) fn pass(&self, secs: i64) {
        self.clocks.tenant.fetch_add(secs, Ordering::SeqCst);
    }

    pub(super) fn next_fate(&self) -> Fate {
        lock(&self.fates).pop_front().unwrap_or(Fate::Fine)
    }

    /// The process at work ends at its next edge.
    pub(super) fn die(&self) {
        self.dying.store(true, Ordering::SeqCst);
    }

    pub(super) async fn held(&self) -> Held {
        let row = load(self.db.read(), &self.portal_id).await.unwrap();
        let tokens =
            sqlx::query_scalar::<_, String>("SELECT key_id FROM api_keys WHERE sealed_token IS NOT NULL")
                .fetch_all(self.db.read())
                .await
                .unwrap();
        let attempts = sqlx::query_scalar::<_, String>("SELECT id FROM renewal_attempts")
            .fetch_all(self.db.read())
            .await
            .unwrap();
        Held { state: row.map(|r| r.state), tokens, attempts }
    }

    pub(super) async fn row(&self) -> Option<Row> {
        load(self.db.read(), &self.portal_id).await.unwrap()
    }

    /// How often it was written down that a person is needed.
    pub(super) async fn needs_told(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = ?")
            .bind(crate::audit::RENEWAL_NEEDS_PERSON)
            .fetch_one(self.db.read())
            .await
            .unwrap()
    }

    fn actor(&self) -> Actor {
        self.actor.clone()
    }

    fn server(&self, n: usize) -> Services {
        lock(&self.servers)[n].clone()
    }

    /// As [`Shared::run`], from within a call.
    pub(super) async fn run_nested(self: Arc<Self>, op: Op) {
        let kept = lock(&self.commits).take();
        self.clone().run(op).await;
        *lock(&self.commits) = kept;
    }

    /// Does `work` as a process that may end half-way; `None`: it did.
    async fn process<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> Option<T> {
        let gone = Arc::new(Notify::new());
        let (shared, tell) = (self.clone(), gone.clone());
        let asked: cut::Cut = Arc::new(move |edge| {
            let ends = match edge {
                cut::Edge::Call => shared.dying.swap(false, Ordering::SeqCst),
                cut::Edge::BeforeCommit => shared.ends_at_commit(false),
                cut::Edge::AfterCommit => shared.ends_at_commit(true),
            };
            if ends {
                tell.notify_one();
            }
            ends
        });
        tokio::select! {
            biased;
            () = gone.notified() => None,
            done = cut::with(asked, work) => Some(done),
        }
    }

    fn ends_at_commit(&self, after: bool) -> bool {
        let mut commits = lock(&self.commits);
        match &mut *commits {
            Some((0, side)) if *side == after => {
                *commits = None;
                true
            }
            Some((n, _)) if after && *n > 0 => {
                *n -= 1;
                false
            }
            _ => false,
        }
    }

    /// One event.
    pub(super) fn run(self: Arc<Self>, op: Op) -> BoxFuture<'static, ()> {
        Box::pin(self.occurs(op))
    }

    async fn occurs(self: Arc<Self>, op: Op) {
        let now = self.tenant_now();
        match op {
            Op::Pass(secs) => self.pass(secs),
            Op::ToDue(after) => {
                if let Some(row) = self.row().await {
                    let skew = self.clocks.skew.load(Ordering::SeqCst);
                    self.pass((row.state.renew_at - skew + after - now).max(0));
                }
            }
            Op::Tick(n) => {
                let server = self.server(n);
                self.settle(n, self.process(server.tick()).await.map(|r| r.map(|_| ()))).await;
            }
            Op::Renew(n) => {
                let server = self.server(n);
                let portal = self.portal_id.clone();
                let work = async {
                    let Some(row) = self.row().await else { return Ok(()) };
                    if server.request(&portal).await? {
                        // Where Qlik refuses the key already, that is what is told.
                        let needs = self.needs_told().await;
                        *lock(&self.asked) =
                            row.state.need.is_none().then_some((row.state.current.key_id, needs));
                        server.advance(&portal).await?;
                    }
                    Ok(())
                };
                self.settle(n, Box::pin(self.process(work)).await).await;
            }
            Op::Trial(n) => {
                let (server, actor) = (self.server(n), self.actor());
                self.settle(n, self.process(server.dry_run(&actor)).await.map(|r| r.map(|_| ()))).await;
            }
            Op::LookAhead(n) => {
                let (server, actor) = (self.server(n), self.actor());
                self.settle(n, self.process(server.check_next_renewal(&actor)).await.map(|r| r.map(|_| ())))
                    .await;
            }
            Op::Paste(n, life) => {
                let id = {
                    let mut t = self.tenant();
                    let life = life.min(t.longest);
                    let id = t.make("made by hand", life, now);
                    if let Some(key) = t.keys.get_mut(&id) {
                        key.pasted = true;
                        key.works_from = now;
                    }
                    id
                };
                self.save(n, &id).await;
                // Whichever key is in use now: they have just seen to it themselves.
                lock(&self.asked).take();
            }
            Op::Resave(n) => {
                if let Some(row) = self.row().await {
                    let id = row.state.current.key_id;
                    if self.tenant().works(&id, now) {
                        self.save(n, &id).await;
                    }
                }
            }
            Op::Restart(n) => self.restart(n).await,
            Op::Revoke => {
                if let Some(row) = self.row().await
                    && let Some(key) = self.tenant().keys.get_mut(&row.state.current.key_id)
                {
                    key.end = key.end.or(Some(End::Revoked));
                }
            }
            Op::Owner(active) => self.tenant().owner_active = active,
            Op::Permission(may) => self.tenant().permission = may,
            Op::LongestLife(secs) => self.tenant().longest = secs,
            Op::Quota(n) => self.tenant().quota = n,
            Op::ForeignKey => {
                self.tenant().make("of another product", 20 * 86_400, now);
            }
            Op::FreshDelay(secs) => self.tenant().fresh_delay = secs,
            Op::ClockJump(secs) => {
                self.clocks.skew.fetch_add(secs, Ordering::SeqCst);
            }
            Op::ClockRight => self.clocks.skew.store(0, Ordering::SeqCst),
        }
    }

    /// A process that ended begins anew; an error of the store is none to expect.
    async fn settle(self: &Arc<Self>, n: usize, done: Option<Result<(), crate::Error>>) {
        match done {
            Some(Ok(())) => {}
            Some(Err(e)) => self.tenant().broken.push(format!("an error: {e:?}")),
            None => self.restart(n).await,
        }
    }

    pub(super) async fn restart(self: &Arc<Self>, n: usize) {
        let remake = lock(&self.remade).clone();
        if let Some(remake) = remake {
            let server = remake(self.clone()).await;
            lock(&self.servers)[n] = server;
        }
    }

    /// Saves the settings with this key, as after checks that all passed.
    async fn save(self: &Arc<Self>, n: usize, key_id: &str) {
        let now = self.tenant_now();
        let Some(key) = self.tenant().record(key_id, now) else { return };
        if !self.tenant().works(key_id, now) {
            return;
        }
        let server = self.server(n);
        let actor = self.actor();
        let facts = Facts {
            tenant: Some(TenantInfo {
                id: TENANT.to_owned(),
                name: "Acme".to_owned(),
                hostnames: vec![HOST.to_owned()],
                datacenter: None,
                region: Some("eu".to_owned()),
                status: None,
            }),
            key: Some(KeyFacts { owner: owner(), key }),
            login_host: None,
        };
        let typed = Typed {
            host: TenantHost::parse(HOST, &HostPolicy::default()).unwrap(),
            web_integration_id: "web-1".to_owned(),
            means: Means::Key { key: Arc::new(token(key_id)), email_as_subject: false },
            how: How::Saved,
        };
        let report = Report {
            at: at(now),
            checks: Vec::new(),
            ok: true,
            headline: "Connected.".to_owned(),
            identity_missing: false,
        };
        let identity = IdentityView {
            issuer: "https://acme.portal.example/".to_owned(),
            kid: "kid-1".to_owned(),
            certificate_pem: String::new(),
            idp_id: None,
            not_after: at(i64::MAX),
        };
        let stored = self.row().await;
        let work = server.store(&actor, stored.as_ref(), &typed, &facts, &report, &identity);
        match self.process(work).await {
            // That the key was renewed during the checks is told to who saves.
            Some(Ok(()) | Err(crate::Error::Conflict(_))) => {}
            Some(Err(e)) => self.tenant().broken.push(format!("saving failed: {e:?}")),
            None => self.restart(n).await,
        }
    }
}
