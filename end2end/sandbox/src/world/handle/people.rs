//! Tenants and users.

use jiff::SignedDuration;

use super::super::{Moved, NewTenant, NewUser, TenantRef, User, UserRef, UserStatus, WorldError};
use super::{WorldHandle, must};

impl WorldHandle {
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

    /// Gives the tenant another alias; the old hostname stops serving and answers
    /// `LOGIN-2`, the permanent one serves on.
    #[track_caller]
    pub fn set_alias(&self, tenant: impl AsRef<str>, alias: &str) -> TenantRef {
        must(self.lock().set_alias(tenant.as_ref(), alias))
    }

    /// Takes the tenant's alias away: it has its permanent hostname only.
    #[track_caller]
    pub fn remove_alias(&self, tenant: impl AsRef<str>) -> TenantRef {
        must(self.lock().set_alias_host(tenant.as_ref(), None))
    }

    /// What is asked of the API under the alias is answered with this status (302, 307,
    /// 308) and the permanent hostname; `None` ends it.
    #[track_caller]
    pub fn redirect_to_permanent(&self, tenant: impl AsRef<str>, status: Option<u16>) {
        let moved = status.map(|status| Moved { status, all: false });
        must(self.lock().find_tenant_mut(tenant.as_ref())).moved = moved;
    }

    /// As [`WorldHandle::redirect_to_permanent`], of everything: sign-in, OAuth and
    /// websockets as well.
    #[track_caller]
    pub fn redirect_all_to_permanent(&self, tenant: impl AsRef<str>, status: u16) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).moved = Some(Moved { status, all: true });
    }

    /// Whether links of the API (`links.*.href`, the `location` of `/me`) name the
    /// permanent hostname whatever name was asked.
    #[track_caller]
    pub fn set_permanent_links(&self, tenant: impl AsRef<str>, on: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).permanent_links = on;
    }

    /// Whether a JWT login writes the token's name and e-mail to the user of its
    /// subject; on from the start.
    #[track_caller]
    pub fn set_jwt_takes_over_profile(&self, tenant: impl AsRef<str>, on: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).jwt_takes_over_profile = on;
    }

    /// Whether a JWT login of an unknown subject and e-mail makes a user; on from the
    /// start, without it 403 `AUTH-5`.
    #[track_caller]
    pub fn set_jwt_makes_users(&self, tenant: impl AsRef<str>, on: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).jwt_makes_users = on;
    }

    /// Whether a corporate identity provider replaces login with a Qlik Account.
    #[track_caller]
    pub fn set_corporate_idp(&self, tenant: impl AsRef<str>, on: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).corporate_idp = on;
    }

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

    /// Whether Qlik does not know a user's e-mail.
    #[track_caller]
    pub fn set_email_hidden(&self, user: impl AsRef<str>, hidden: bool) {
        must(self.lock().change_user(user.as_ref(), |u| u.email_hidden = hidden));
    }

    /// Changes a user's subject.
    #[track_caller]
    pub fn set_subject(&self, user: impl AsRef<str>, subject: &str) {
        must(self.lock().change_user(user.as_ref(), |u| subject.clone_into(&mut u.subject)));
    }

    /// Deletes a user: sessions and tokens end, keys open nothing, and whoever signs in
    /// with the same subject later is somebody new.
    #[track_caller]
    pub fn delete_user(&self, user: impl AsRef<str>) {
        must(self.lock().delete_user(user.as_ref()));
    }

    /// Changes a user's name.
    #[track_caller]
    pub fn set_name(&self, user: impl AsRef<str>, name: &str) {
        must(self.lock().change_user(user.as_ref(), |u| name.clone_into(&mut u.name)));
    }

    /// A user's name and e-mail now.
    #[track_caller]
    pub fn profile(&self, user: impl AsRef<str>) -> (String, String) {
        let user = user.as_ref();
        let state = self.lock();
        let user = must(state.user(user).ok_or_else(|| WorldError::NoUser(user.to_owned())));
        (user.name.clone(), user.email.clone())
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
        state.users_of(&tenant).map(User::reference).collect()
    }
}
