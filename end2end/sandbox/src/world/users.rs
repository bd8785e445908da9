//! Users of a tenant, their roles and what those let them do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{State, WorldError};
use crate::ids;

/// The role whose holders administer the tenant; the API writes it unspaced.
pub(crate) const TENANT_ADMIN: &str = "TenantAdmin";

/// A user's standing within the tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserStatus {
    /// May do what the roles allow.
    #[default]
    Active,
    /// Has not signed in yet.
    Invited,
    /// Switched off by an administrator.
    Disabled,
    /// Removed.
    Deleted,
    /// Made by a directory, not signed in yet.
    Provisioned,
}

impl UserStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Invited => "invited",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Provisioned => "provisioned",
        }
    }
}

/// A user to make.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewUser {
    /// E-mail address.
    pub email: String,
    /// Display name; empty means the local part of the e-mail.
    pub name: String,
    /// The identity provider's subject; without it, `auth0|…` with a random part.
    pub subject: Option<String>,
    /// Role names, unspaced: `TenantAdmin`.
    pub roles: Vec<String>,
    /// Has the permission Manage API keys.
    pub manage_api_keys: bool,
    /// The user's standing.
    pub status: UserStatus,
    /// The e-mail is not known to Qlik (never verified by the identity provider).
    pub email_hidden: bool,
    /// May read other users; without it, Tenant Admins may and others may not.
    pub may_read_users: Option<bool>,
    /// When an invitation ends.
    pub invite_expiry: Option<Timestamp>,
}

impl NewUser {
    /// An active user without roles or permissions.
    pub fn new(email: impl Into<String>) -> Self {
        Self { email: email.into(), ..Self::default() }
    }

    /// A Tenant Admin who may manage API keys.
    pub fn admin(email: impl Into<String>) -> Self {
        Self { roles: vec![TENANT_ADMIN.into()], manage_api_keys: true, ..Self::new(email) }
    }
}

/// A user, as far as tests need one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRef {
    /// Qlik's id of the user.
    pub id: String,
    /// The identity provider's subject when the user was made.
    pub subject: String,
    /// The e-mail when the user was made.
    pub email: String,
}

impl AsRef<str> for UserRef {
    fn as_ref(&self) -> &str {
        &self.id
    }
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) email_hidden: bool,
    pub(crate) status: UserStatus,
    pub(crate) roles: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) manage_api_keys: bool,
    pub(crate) may_read_users: Option<bool>,
    pub(crate) invite_expiry: Option<Timestamp>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// What a user may do. API keys are judged by today's rights, cookie sessions by
/// those at login (<https://qlik.dev/manage/access-control/api-trust-boundaries/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) admin: bool,
    pub(crate) read_users: bool,
    pub(crate) manage_api_keys: bool,
}

impl User {
    /// The e-mail, unless Qlik does not know it.
    pub(crate) fn visible_email(&self) -> Option<&str> {
        (!self.email_hidden).then_some(self.email.as_str())
    }

    pub(crate) fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == TENANT_ADMIN)
    }

    pub(crate) fn rights(&self) -> Rights {
        let admin = self.is_admin();
        Rights {
            admin,
            read_users: self.may_read_users.unwrap_or(admin),
            manage_api_keys: self.manage_api_keys,
        }
    }

    pub(crate) fn reference(&self) -> UserRef {
        UserRef { id: self.id.clone(), subject: self.subject.clone(), email: self.email.clone() }
    }
}

impl State {
    pub(crate) fn add_user(&mut self, tenant: &str, new: NewUser) -> Result<UserRef, WorldError> {
        let tenant = self.find_tenant(tenant)?.id.clone();
        let now = self.now();
        let name = if new.name.is_empty() {
            new.email.split('@').next().unwrap_or_default().to_owned()
        } else {
            new.name
        };
        let user = User {
            id: ids::object_id(),
            tenant,
            subject: new.subject.unwrap_or_else(|| format!("auth0|{}", ids::trace_id())),
            name,
            email: new.email,
            email_hidden: new.email_hidden,
            status: new.status,
            roles: new.roles,
            groups: Vec::new(),
            manage_api_keys: new.manage_api_keys,
            may_read_users: new.may_read_users,
            invite_expiry: new.invite_expiry,
            created: now,
            updated: now,
        };
        let reference = user.reference();
        self.users.push(user);
        Ok(reference)
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    /// A user of `tenant` who has not been deleted.
    pub(crate) fn user_of(&self, tenant: &str, id: &str) -> Option<&User> {
        self.user(id).filter(|u| u.tenant == tenant && u.status != UserStatus::Deleted)
    }

    pub(crate) fn users_of<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a User> {
        self.users.iter().filter(move |u| u.tenant == tenant && u.status != UserStatus::Deleted)
    }

    /// Changes a user and notes when. One who is deleted by it takes along sessions and
    /// tokens, and does not come back: whoever signs in with the same subject later is
    /// somebody new. Keys stay on record and open nothing.
    pub(crate) fn change_user(&mut self, id: &str, change: impl FnOnce(&mut User)) -> Result<(), WorldError> {
        let now = self.now();
        let user = self
            .users
            .iter_mut()
            .find(|u| u.id == id && u.status != UserStatus::Deleted)
            .ok_or_else(|| WorldError::NoUser(id.to_owned()))?;
        change(user);
        user.updated = now;
        if user.status == UserStatus::Deleted {
            let tenant = user.tenant.clone();
            self.sessions.end_of_user(id);
            self.end_tokens(&tenant, None, Some(id), None, false);
        }
        Ok(())
    }

    /// Deletes a user, whoever asks.
    pub(crate) fn delete_user(&mut self, id: &str) -> Result<(), WorldError> {
        self.change_user(id, |user| user.status = UserStatus::Deleted)
    }

    /// The users whom the API shows: deleted ones where that is switched on.
    pub(crate) fn shown_users<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a User> {
        let deleted_too = self.switches.deleted_users_are_shown;
        self.users
            .iter()
            .filter(move |u| u.tenant == tenant && (deleted_too || u.status != UserStatus::Deleted))
    }
}
