//! Tenants and users.

use jiff::SignedDuration;

use super::super::{NewTenant, NewUser, TenantRef, User, UserRef, UserStatus, WorldError};
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
        state.users_of(&tenant).map(User::reference).collect()
    }
}
