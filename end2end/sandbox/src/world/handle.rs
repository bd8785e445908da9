//! The tests' door into the world, past HTTP and its rules.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::idps::NewIdp;
use super::{
    Event, IdpView, KeyView, NewApp, NewTenant, NewUser, SessionView, State, Switches, TenantRef, UserRef,
    UserStatus, WorldError,
};
use crate::faults::Fault;
use crate::log::LogEntry;

/// Direct access to a sandbox's world. Clones share it.
///
/// Tenants may be named by id, by hostname or by [`TenantRef`], users by id or by
/// [`UserRef`].
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

    // Time

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

    // Tenants

    /// Makes a tenant.
    #[track_caller]
    pub fn add_tenant(&self, new: NewTenant) -> TenantRef {
        must(self.lock().add_tenant(new))
    }

    /// Sets the maximum lifetime of new API keys and the number of active ones.
    #[track_caller]
    pub fn set_key_config(
        &self,
        tenant: impl AsRef<str>,
        max_expiry: SignedDuration,
        max_keys_per_user: u32,
    ) {
        must(self.lock().set_key_config(tenant.as_ref(), max_expiry, max_keys_per_user));
    }

    /// Sets how long new cookie sessions last: minutes idle and minutes at most.
    #[track_caller]
    pub fn set_session_limits(&self, tenant: impl AsRef<str>, idle_min: u32, max_min: u32) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).session_limits = Some((idle_min, max_min));
    }

    /// Gives the tenant another alias; the old hostname stops serving.
    #[track_caller]
    pub fn set_alias(&self, tenant: impl AsRef<str>, alias: &str) -> TenantRef {
        must(self.lock().set_alias(tenant.as_ref(), alias))
    }

    /// Whether a corporate identity provider replaces login with a Qlik Account.
    #[track_caller]
    pub fn set_corporate_idp(&self, tenant: impl AsRef<str>, on: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).corporate_idp = on;
    }

    // Users

    /// Makes a user.
    #[track_caller]
    pub fn add_user(&self, tenant: impl AsRef<str>, new: NewUser) -> UserRef {
        must(self.lock().add_user(tenant.as_ref(), new))
    }

    /// Sets a user's standing.
    #[track_caller]
    pub fn set_user_status(&self, user: impl AsRef<str>, status: UserStatus) {
        must(self.lock().change_user(user.as_ref(), |u| u.status = status));
    }

    /// Replaces a user's roles. Cookie sessions keep the rights they began with.
    #[track_caller]
    pub fn set_roles<R: AsRef<str>>(&self, user: impl AsRef<str>, roles: impl IntoIterator<Item = R>) {
        let roles = roles.into_iter().map(|role| role.as_ref().to_owned()).collect();
        must(self.lock().change_user(user.as_ref(), |u| u.roles = roles));
    }

    /// Gives or takes the permission Manage API keys.
    #[track_caller]
    pub fn set_manage_api_keys(&self, user: impl AsRef<str>, may: bool) {
        must(self.lock().change_user(user.as_ref(), |u| u.manage_api_keys = may));
    }

    /// Whether the user may read other users, whatever the roles say.
    #[track_caller]
    pub fn set_may_read_users(&self, user: impl AsRef<str>, may: bool) {
        must(self.lock().change_user(user.as_ref(), |u| u.may_read_users = Some(may)));
    }

    /// Changes a user's e-mail.
    #[track_caller]
    pub fn set_email(&self, user: impl AsRef<str>, email: &str) {
        must(self.lock().change_user(user.as_ref(), |u| email.clone_into(&mut u.email)));
    }

    /// Changes a user's subject.
    #[track_caller]
    pub fn set_subject(&self, user: impl AsRef<str>, subject: &str) {
        must(self.lock().change_user(user.as_ref(), |u| subject.clone_into(&mut u.subject)));
    }

    /// Removes a user.
    #[track_caller]
    pub fn delete_user(&self, user: impl AsRef<str>) {
        self.set_user_status(user, UserStatus::Deleted);
    }

    /// A user's subject now.
    #[track_caller]
    pub fn subject(&self, user: impl AsRef<str>) -> String {
        let user = user.as_ref();
        let state = self.lock();
        must(state.user(user).ok_or_else(|| WorldError::NoUser(user.to_owned()))).subject.clone()
    }

    /// The users of a tenant, deleted ones left out.
    #[track_caller]
    pub fn users(&self, tenant: impl AsRef<str>) -> Vec<UserRef> {
        let state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.users_of(&tenant).map(super::User::reference).collect()
    }

    // API keys

    /// Makes a key, whatever quota and maximum say: its id and its token.
    #[track_caller]
    pub fn create_key(
        &self,
        owner: impl AsRef<str>,
        description: &str,
        lifetime: SignedDuration,
    ) -> (String, String) {
        let key = must(self.lock().create_key(owner.as_ref(), description, lifetime));
        (key.id, key.token)
    }

    /// Revokes a key, as a Tenant Admin would.
    #[track_caller]
    pub fn revoke_key(&self, id: &str) {
        must(self.lock().key_mut(id)).revoked = true;
    }

    /// Every key that the tenant ever had, deleted ones included, oldest first.
    #[track_caller]
    pub fn keys(&self, tenant: impl AsRef<str>) -> Vec<KeyView> {
        let state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        let now = state.now();
        state.keys.iter().filter(|k| k.tenant == tenant).map(|k| k.view(now)).collect()
    }

    /// A user's keys that are active, oldest first.
    pub fn live_keys(&self, user: impl AsRef<str>) -> Vec<KeyView> {
        let state = self.lock();
        let now = state.now();
        state.live_keys_of(user.as_ref()).map(|k| k.view(now)).collect()
    }

    /// A new key is refused with 401 for that long.
    pub fn set_fresh_key_delay(&self, delay: SignedDuration) {
        self.lock().switches.fresh_key_delay = delay;
    }

    // Web integrations and identity providers

    /// Makes a web integration and gives its id.
    #[track_caller]
    pub fn add_web_integration<O: AsRef<str>>(
        &self,
        tenant: impl AsRef<str>,
        name: &str,
        origins: impl IntoIterator<Item = O>,
    ) -> String {
        let origins = origins.into_iter().map(|o| o.as_ref().to_owned()).collect();
        must(self.lock().add_web_integration(tenant.as_ref(), name, origins, "")).id.clone()
    }

    /// Replaces the origins of a web integration.
    #[track_caller]
    pub fn set_origins<O: AsRef<str>>(&self, id: &str, origins: impl IntoIterator<Item = O>) {
        let origins = origins.into_iter().map(|o| o.as_ref().to_owned()).collect();
        must(self.lock().integration_mut(id)).valid_origins = origins;
    }

    /// Removes a web integration.
    #[track_caller]
    pub fn delete_web_integration(&self, id: &str) {
        must(self.lock().remove_web_integration(id));
    }

    /// Makes a JWT identity provider and gives its id.
    #[track_caller]
    pub fn add_jwt_idp(
        &self,
        tenant: impl AsRef<str>,
        issuer: &str,
        kid: &str,
        certificate_pem: &str,
    ) -> String {
        let new = NewIdp { issuer, kid, pem: certificate_pem, description: "", clock_tolerance_s: 5 };
        must(self.lock().add_idp(tenant.as_ref(), &new)).id.clone()
    }

    /// The JWT identity providers of a tenant, oldest first.
    #[track_caller]
    pub fn idps(&self, tenant: impl AsRef<str>) -> Vec<IdpView> {
        let state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.idps_of(&tenant).map(super::Idp::view).collect()
    }

    /// Removes a JWT identity provider.
    #[track_caller]
    pub fn delete_idp(&self, id: &str) {
        must(self.lock().remove_idp(id));
    }

    // Apps and spaces

    /// Makes a space (`shared`, `managed`, `data`) without members.
    #[track_caller]
    pub fn add_space(&self, tenant: impl AsRef<str>, name: &str, kind: &str) -> String {
        must(self.lock().add_space(tenant.as_ref(), name, kind, BTreeSet::new()))
    }

    /// Replaces the members of a space; they see all its apps.
    #[track_caller]
    pub fn set_space_members<U: AsRef<str>>(&self, space: &str, users: impl IntoIterator<Item = U>) {
        let members = users.into_iter().map(|u| u.as_ref().to_owned()).collect();
        let mut state = self.lock();
        let found = state.spaces.iter_mut().find(|s| s.id == space);
        must(found.ok_or_else(|| WorldError::Nothing("space", space.to_owned()))).members = members;
    }

    /// Makes an app and gives its id (the item's `resourceId`).
    #[track_caller]
    pub fn add_app(&self, tenant: impl AsRef<str>, new: NewApp) -> String {
        must(self.lock().add_app(tenant.as_ref(), new))
    }

    // Sessions

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

    // Behaviour

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
