//! The tests' door into the world, past HTTP and its rules.

mod people;
mod sign_in;
mod things;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::{Event, SessionView, State, Switches, WorldError};
use crate::engine;
use crate::faults::Fault;
use crate::gateway::NoWebsocket;
use crate::log::LogEntry;

/// Direct access to a sandbox's world. Clones share it.
///
/// Tenants may be named by id, by hostname or by [`TenantRef`](super::TenantRef), users by id or
/// by [`UserRef`](super::UserRef).
///
/// # Panics
///
/// Methods that name a tenant, user, key or other thing panic when there is none
/// of that name: the scene was set wrongly, and a test should say so.
#[derive(Debug, Clone)]
pub struct WorldHandle {
    state: Arc<Mutex<State>>,
}

#[track_caller]
#[expect(clippy::panic, reason = "a mistake in a test's scene; documented on WorldHandle")]
fn must<T>(result: Result<T, WorldError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the sandbox world: {error}"),
    }
}

impl WorldHandle {
    pub(crate) fn new(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// The state under its lock. A panic of another holder does not matter here:
    /// no rule leaves the state half changed across a call that may panic.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sandbox's time.
    pub fn now(&self) -> Timestamp {
        self.lock().now()
    }

    /// Stops the clock at `at`.
    pub fn set_now(&self, at: Timestamp) {
        self.lock().clock.freeze_at(at);
    }

    /// Lets the clock run on from `at`.
    pub fn run_clock_from(&self, at: Timestamp) {
        self.lock().clock.run_from(at);
    }

    /// Moves the clock by `by`; if it runs, it runs on.
    pub fn advance(&self, by: SignedDuration) {
        self.lock().clock.advance(by);
    }

    /// The cookie sessions of a tenant, oldest first, ended ones included until
    /// they are signed out.
    #[track_caller]
    pub fn sessions(&self, tenant: impl AsRef<str>) -> Vec<SessionView> {
        let state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.sessions.views(&tenant, state.now())
    }

    /// Ends every cookie session of a tenant.
    #[track_caller]
    pub fn end_sessions(&self, tenant: impl AsRef<str>) {
        let mut state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.sessions.end_all(&tenant);
    }

    /// Replaces the CSRF token of every session, so that those handed out before
    /// are refused with `CSRF-TOKEN-2`.
    #[track_caller]
    pub fn rotate_csrf(&self, tenant: impl AsRef<str>) {
        let mut state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.sessions.rotate_csrf(&tenant);
    }

    /// The `jti` of every login token that was taken, sorted.
    pub fn jwt_used_jtis(&self) -> Vec<String> {
        let mut jtis: Vec<_> = self.lock().used_jtis.iter().map(|(_, jti)| jti.clone()).collect();
        jtis.sort();
        jtis
    }

    /// What JWT logins did to users, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// Turns rate limits on or off and sets them, in calls per minute, user and tier.
    pub fn set_rate_limits(&self, on: bool, tier1_per_min: u32, tier2_per_min: u32) {
        self.lock().rates.set(on, tier1_per_min, tier2_per_min);
    }

    /// Changes the switches for what Qlik's documents leave open.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock().switches);
    }

    /// Adds a fault and gives its number. Of several that match, the oldest that is
    /// not used up takes effect.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.lock().faults.add(fault)
    }

    /// Keeps websockets from the engine until the fault is removed; gives its number.
    pub fn block_websockets(&self, how: NoWebsocket) -> u64 {
        self.add_fault(Fault::new(engine::PREFIX, how.effect()))
    }

    /// Removes one fault; false if there is none of that number.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.lock().faults.remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Every request so far, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.lock().log.entries()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.lock().log.clear();
    }
}
