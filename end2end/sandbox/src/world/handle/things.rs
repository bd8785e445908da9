//! API keys, web integrations, identity providers, spaces and apps.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::super::{Idp, IdpView, KeyView, NewApp, NewIdp, WebIntegrationView};
use super::{WorldHandle, must};

impl WorldHandle {
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

    /// Moves the end of a key, which Qlik itself never does.
    #[track_caller]
    pub fn set_key_expiry(&self, id: &str, expiry: Timestamp) {
        must(self.lock().key_mut(id)).expiry = expiry;
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

    /// A new key is refused with 401 for that long, at every tenant.
    pub fn set_fresh_key_delay(&self, delay: SignedDuration) {
        self.lock().switches.fresh_key_delay = delay;
    }

    /// A new key of this tenant is refused with 401 for that long, whether the API or
    /// [`WorldHandle::create_key`] makes it.
    #[track_caller]
    pub fn keys_work_after(&self, tenant: impl AsRef<str>, delay: SignedDuration) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).keys_work_after = delay;
    }

    /// A new key of this tenant is refused with 401 so many times.
    #[track_caller]
    pub fn keys_work_after_calls(&self, tenant: impl AsRef<str>, calls: u32) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).keys_work_after_calls = calls;
    }

    /// This key is refused with 401 so many times from now on, and then works.
    #[track_caller]
    pub fn refuse_key_calls(&self, id: &str, calls: u32) {
        must(self.lock().key_mut(id)).refusals_left = calls;
    }

    /// This key is refused with 401 until then.
    #[track_caller]
    pub fn refuse_key_until(&self, id: &str, moment: Timestamp) {
        must(self.lock().key_mut(id)).usable_from = moment;
    }

    /// Tokens for a new identity provider are refused for that long.
    pub fn set_fresh_idp_delay(&self, delay: SignedDuration) {
        self.lock().switches.fresh_idp_delay = delay;
    }

    /// The `Date` of every answer is ahead of the sandbox's clock by so much, or
    /// behind; nothing else changes.
    pub fn set_date_skew(&self, skew: SignedDuration) {
        self.lock().switches.date_skew = skew;
    }

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

    /// The web integrations of a tenant, oldest first.
    #[track_caller]
    pub fn web_integrations(&self, tenant: impl AsRef<str>) -> Vec<WebIntegrationView> {
        let state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.web_integrations_of(&tenant)
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
        state.idps_of(&tenant).map(Idp::view).collect()
    }

    /// Removes a JWT identity provider.
    #[track_caller]
    pub fn delete_idp(&self, id: &str) {
        must(self.lock().remove_idp(id));
    }

    /// Makes a space (`shared`, `managed`, `data`) without members.
    #[track_caller]
    pub fn add_space(&self, tenant: impl AsRef<str>, name: &str, kind: &str) -> String {
        must(self.lock().add_space(tenant.as_ref(), name, kind, BTreeSet::new()))
    }

    /// Replaces the members of a space; they see all its apps.
    #[track_caller]
    pub fn set_space_members<U: AsRef<str>>(&self, space: &str, users: impl IntoIterator<Item = U>) {
        let members = users.into_iter().map(|u| u.as_ref().to_owned()).collect();
        must(self.lock().set_space_members(space, members));
    }

    /// Makes an app and gives its id (the item's `resourceId`).
    #[track_caller]
    pub fn add_app(&self, tenant: impl AsRef<str>, new: NewApp) -> String {
        must(self.lock().add_app(tenant.as_ref(), new))
    }

    /// Makes an app that a Tenant Admin is shown, first of all, and may not open (4203,
    /// `QEP-103`): alone in a managed space whose only member is the owner. Gives the
    /// ids of app and space; [`WorldHandle::set_space_members`] lets somebody in.
    #[track_caller]
    pub fn add_closed_app(
        &self,
        tenant: impl AsRef<str>,
        owner: impl AsRef<str>,
        name: &str,
    ) -> (String, String) {
        must(self.lock().add_closed_app(tenant.as_ref(), owner.as_ref(), name))
    }
}
