//! The rules that hold in every life, and living one: after each event they are
//! looked at, and in the end the faults are taken away.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use qlik::{HostPolicy, Qlik, QlikConfig};

use super::{
    beside,
    env::{Clocks, Seeded, lock},
    plan::{Op, Step},
    tenant::{CANARY, End, SimTenant, SimTenants},
    world::{Remake, Shared},
};
use crate::{
    Services, ServicesConfig,
    notices::NoticesConfig,
    people::SetUp,
    renewal::{Decision, Phase, Policy, State, Trigger, decide, look::tag, next_attempt_at},
    store::Db,
    vault::{Keyring, Vault},
};

const START: i64 = 1_795_000_000;

/// What the database holds at the moment of a call.
pub(super) struct Held {
    pub(super) state: Option<State>,
    /// Keys whose token is in the vault.
    pub(super) tokens: Vec<String>,
    pub(super) attempts: Vec<String>,
}

impl Held {
    /// An intent was stored, and the key is due or was asked for.
    pub(super) fn may_create(&self, description: &str, broken: &mut Vec<String>) {
        if !self.attempts.iter().any(|id| description.ends_with(id.as_str())) {
            broken.push("a key was asked for by an attempt without a record".to_owned());
        }
        // What failed is tried again, also where the key is not due any more.
        let fails = self.state.as_ref().is_some_and(State::wanted);
        match self.state.as_ref().map(|s| (&s.phase, s.renew_at, s.sweep)) {
            Some((Phase::Creating { attempt }, renew_at, _)) if description.ends_with(&attempt.id) => {
                let early = attempt.started_at < renew_at;
                if attempt.trigger == Trigger::Due && early && !fails {
                    broken.push(format!("renewed {} s before it is due", renew_at - attempt.started_at));
                }
            }
            // A trial: whatever becomes of it, a sweep follows.
            Some((Phase::Active, _, true)) => {}
            other => broken.push(format!("a key was asked for without an intent: {other:?}")),
        }
    }

    /// Another key works, has been seen to work, and its token is held.
    pub(super) fn may_delete(&self, key_id: &str, portal_id: &str, t: &mut SimTenant, now: i64) {
        let Some(key) = t.keys.get(key_id) else { return };
        let ours = key.pasted || key.description.starts_with(&tag(portal_id, ""));
        if !ours {
            t.broken.push(format!("{key_id}, which is not ours, was deleted"));
        }
        if t.works(key_id, now) {
            let spare = self.tokens.iter().any(|id| {
                id != key_id && t.works(id, now) && t.keys.get(id).is_some_and(|k| k.worked || k.pasted)
            });
            if !spare {
                t.broken.push(format!("{key_id} was deleted, the last key that works"));
            }
        }
    }
}

/// A world that is used for one life after another.
pub(super) struct World {
    shared: Arc<Shared>,
    entropy: Arc<Seeded>,
    dir: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        // Memory, where there is such a folder: what is tried is not the disk.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (clocks, entropy) = (Arc::new(Clocks::default()), Arc::new(Seeded::default()));
        clocks.tenant.store(START, Ordering::SeqCst);
        let db = Db::open(&format!("sqlite://{}", dir.path().join("sim.db").display())).await.unwrap();
        let ring = Keyring::open(&dir.path().join("keyring"), &*entropy).unwrap();
        let vault = Vault::new(ring, entropy.clone());
        let qlik = Qlik::new(QlikConfig::default(), clocks.clone(), entropy.clone()).unwrap();
        let config = ServicesConfig {
            public_url: "https://acme.portal.example".parse().unwrap(),
            host_policy: HostPolicy::default(),
            renewal: Policy::default(),
            rotation: crate::rotation::Policy::default(),
            new_key_wait: std::time::Duration::ZERO,
            owner: "first".to_owned(),
            notices: NoticesConfig::default(),
            version: "test",
        };
        let first = Services::open(db.clone(), vault.clone(), qlik.clone(), config.clone()).await.unwrap();
        let set_up = SetUp {
            code: first.setup_code().await.unwrap().unwrap(),
            portal_name: "Acme".to_owned(),
            name: "Ada".to_owned(),
            email: "ada@acme.example".to_owned(),
            password: "correct horse battery".to_owned().into(),
        };
        let actor = first.set_up(set_up, None).await.unwrap();
        beside::subscribe(&db, &actor.portal.id).await;
        let shared = Arc::new(Shared {
            portal_id: actor.portal.id.clone(),
            clocks,
            tenant: Mutex::new(SimTenant::new()),
            fates: Mutex::default(),
            db: db.clone(),
            servers: Mutex::default(),
            actor,
            asked: Mutex::default(),
            dying: AtomicBool::new(false),
            commits: Mutex::new(None),
            remade: Mutex::default(),
        });
        let remake: Remake = Arc::new(move |shared| {
            let (db, vault, qlik, config) = (db.clone(), vault.clone(), qlik.clone(), config.clone());
            Box::pin(async move {
                let config = ServicesConfig { owner: qlik::random_id(&**qlik.entropy()), ..config };
                Services::open_with(db, vault, qlik, Arc::new(SimTenants(shared)), config).await.unwrap()
            })
        });
        for _ in 0..2 {
            let server = remake(shared.clone()).await;
            lock(&shared.servers).push(server);
        }
        *lock(&shared.remade) = Some(remake);
        Self { shared, entropy, dir }
    }

    /// Lives one life; what was broken, if anything.
    pub(super) async fn live(&self, seed: u64, steps: &[Step]) -> Result<(), String> {
        self.begin(seed).await;
        for step in steps {
            lock(&self.shared.fates).clear();
            lock(&self.shared.fates).extend(step.fates.iter().cloned());
            *lock(&self.shared.commits) = step.dies_at_commit;
            self.shared.clone().run(step.op.clone()).await;
            *lock(&self.shared.commits) = None;
            self.rules().await?;
        }
        lock(&self.shared.fates).clear();
        self.becomes_healthy().await
    }

    /// A portal that was just connected with a key of three days.
    async fn begin(&self, seed: u64) {
        self.entropy.0.store(seed, Ordering::SeqCst);
        for table in ["integrations", "api_keys", "renewal_attempts", "audit", "scheduler", "outbox"] {
            let mut tx = self.shared.db.write().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        *self.shared.tenant() = SimTenant::new();
        self.shared.clocks.tenant.store(START, Ordering::SeqCst);
        self.shared.clocks.skew.store(0, Ordering::SeqCst);
        self.shared.dying.store(false, Ordering::SeqCst);
        lock(&self.shared.asked).take();
        self.shared.clone().run(Op::Paste(0, 3 * 86_400)).await;
    }

    /// What holds after every event.
    async fn rules(&self) -> Result<(), String> {
        let now = self.shared.our_now();
        let broken = self.shared.tenant().broken.first().cloned();
        if let Some(broken) = broken {
            return Err(broken);
        }
        let row = self.shared.row().await.ok_or("the integration is gone")?;
        let (state, policy) = (&row.state, Policy::default());
        let in_use = state.current.key_id.as_str();
        if self.shared.tenant().keys.get(in_use).is_none_or(|k| k.end == Some(End::ByUs)) {
            return Err(format!("the portal deleted {in_use}, the key in use"));
        }
        if self.shared.tenant().keys.get(in_use).is_some_and(|k| !k.worked && !k.pasted) {
            return Err(format!("{in_use} is in use and was never seen to work"));
        }
        let tagged = self.shared.tenant().tagged(&self.shared.portal_id, self.shared.tenant_now());
        if tagged.len() > 2 {
            return Err(format!("{} live keys of ours: {tagged:?}", tagged.len()));
        }
        let read: State = serde_json::from_value(serde_json::to_value(state).unwrap()).unwrap();
        if decide(now, state, &policy) != decide(now, &read, &policy) {
            return Err("the same state decides otherwise once it was stored".to_owned());
        }
        self.asked_work_goes_on(state, now).await?;
        beside::keys_agree(&self.shared, state).await?;
        beside::notices_agree(&self.shared, state).await
    }

    /// What was asked for, or failed, is under way or tried again soon: nothing is
    /// due in the past, and nothing waits for what another clock named.
    async fn asked_work_goes_on(&self, state: &State, now: i64) -> Result<(), String> {
        let policy = Policy::default();
        let asked = lock(&self.shared.asked).clone();
        if let Some((key, needs)) = asked {
            // Needed and mended again in one step shows in the audit alone.
            if self.shared.needs_told().await > needs || state.current.key_id != key {
                lock(&self.shared.asked).take();
            } else if !state.requested {
                return Err(format!("that {key} was to be renewed is forgotten: {state:?}"));
            }
        }
        if let Some(next) = next_attempt_at(now, state, &policy).filter(|next| *next < now) {
            return Err(format!("due {} s ago", now - next));
        }
        let Decision::Wait(until, why) = decide(now, state, &policy) else { return Ok(()) };
        let wait = until.map_or(i64::MAX, |t| t - now);
        let asked_for = state.failing.as_ref().and_then(|f| f.fault.retry_after).unwrap_or(0);
        let most = match &state.phase {
            _ if state.need.is_some() || state.resting => return Ok(()),
            // A new key beside the old one: it is asked again within the minute, or when Qlik says.
            // Its time is over, and giving it up at Qlik failed: that is tried as anything is.
            Phase::Staged { prove_until, .. } if now >= *prove_until => {
                policy.recheck.max(policy.backoff_most + policy.backoff_most / 5)
            }
            // One that is the last hope has all the time there is.
            Phase::Staged { .. } if state.current.expires_at <= now => {
                policy.recheck.max(policy.backoff_most)
            }
            Phase::Staged { .. } => 60.max(asked_for.min(policy.backoff_most)),
            _ if state.wanted() => policy.backoff_most + policy.backoff_most / 5,
            _ => return Ok(()),
        };
        (wait <= most).then_some(()).ok_or_else(|| format!("waits {wait} s ({why}): {state:?}"))
    }

    /// With the faults gone the portal comes to rest with one key that works,
    /// and that one is renewed in its time.
    async fn becomes_healthy(&self) -> Result<(), String> {
        {
            let mut t = self.shared.tenant();
            (t.quota, t.longest, t.owner_active, t.permission, t.fresh_delay) =
                (20, 30 * 86_400, true, true, 0);
        }
        self.shared.clocks.skew.store(0, Ordering::SeqCst);
        for n in 0..2 {
            self.shared.restart(n).await;
        }
        self.comes_to_rest().await?;
        let first = self.shared.row().await.ok_or("no integration")?.state;
        if lock(&self.shared.asked).as_ref().is_some_and(|(key, _)| *key == first.current.key_id) {
            return Err(format!("{} was never renewed, though somebody asked for it", first.current.key_id));
        }
        self.shared.clone().run(Op::ToDue(0)).await;
        self.comes_to_rest().await?;
        let second = self.shared.row().await.ok_or("no integration")?.state;
        if second.current.key_id == first.current.key_id {
            return Err(format!("{} was not renewed when it came due", first.current.key_id));
        }
        Ok(())
    }

    async fn comes_to_rest(&self) -> Result<(), String> {
        let s = &self.shared;
        let mut pasted = false;
        for _ in 0..80 {
            s.clone().run(Op::Tick(0)).await;
            self.rules().await?;
            let state = s.row().await.ok_or("no integration")?.state;
            let now = s.our_now();
            let works = s.tenant().works(&state.current.key_id, s.tenant_now());
            if state.need.is_some() && !works && !pasted {
                pasted = true;
                s.clone().run(Op::Paste(0, 3 * 86_400)).await;
                self.rules().await?;
                continue;
            }
            if works && at_rest(&state, now) {
                return self.one_key(&state);
            }
            let next = sqlx::query_scalar::<_, Option<i64>>("SELECT next_action_at FROM integrations")
                .fetch_one(s.db.read())
                .await
                .unwrap();
            let lease = sqlx::query_scalar::<_, Option<i64>>("SELECT lease_until FROM integrations")
                .fetch_one(s.db.read())
                .await
                .unwrap();
            let next = next.into_iter().chain(lease).filter(|t| *t > now).min();
            match (next, decide(now, &state, &Policy::default())) {
                (Some(t), _) => s.pass((t - now).min(2 * 86_400)),
                (None, Decision::Do(action, _)) => return Err(format!("{action:?} is never done")),
                (None, Decision::Wait(until, why)) => {
                    return Err(format!("nothing wakes it: {why}, until {until:?}, {state:?}"));
                }
            }
        }
        let state = s.row().await.ok_or("no integration")?.state;
        Err(format!("it does not come to rest: {state:?}"))
    }

    fn one_key(&self, state: &State) -> Result<(), String> {
        let t = self.shared.tenant();
        let ours: Vec<&String> = t
            .live(self.shared.tenant_now())
            .filter(|(_, k)| k.description.starts_with(&tag(&self.shared.portal_id, "")))
            .map(|(id, _)| id)
            .filter(|id| **id != state.current.key_id)
            .collect();
        if !ours.is_empty() {
            return Err(format!("left over at Qlik: {ours:?}, in use is {}", state.current.key_id));
        }
        if !t.works(&state.current.key_id, self.shared.tenant_now()) {
            return Err(format!("{} is in use and does not work", state.current.key_id));
        }
        Ok(())
    }

    /// Whether a token is anywhere in the database's files.
    pub(super) fn leaks(&self) -> bool {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.flatten().any(|f| {
            let bytes = std::fs::read(f.path()).unwrap();
            bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes())
        })
    }
}

fn at_rest(state: &State, now: i64) -> bool {
    matches!(state.phase, Phase::Active)
        && state.failing.is_none()
        && state.need.is_none()
        && state.retiring.is_empty()
        && !state.sweep
        && state.sweep_at.is_none()
        && !state.requested
        && now < state.renew_at
}
