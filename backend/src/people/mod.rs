//! The people of a portal: how the first one comes in, how they sign in, who
//! may do what, and how an account begins and ends.
//!
//! Field names in [`Error::Invalid`]: `code`, `portal_name`, `name`, `email`,
//! `password`, `current_password`, `new_password`, `role`, `user`, `token`.
//!
//! Must not know cookies, pages or Qlik.

mod device;
mod email_keys;
mod guard;
mod invitations;
mod password;
mod profile;
mod refusals;
mod rules;
mod set_up;
mod sign_in;
mod strength;
mod throttle;
mod users;

pub(crate) use email_keys::fill_email_keys;
pub use invitations::{Invitation, InvitedUser};
pub use refusals::Refusals;
pub use set_up::SetUp;
pub use sign_in::Caller;
pub use users::{NewUser, UserRow};

use std::fmt;

use qlik::env::Entropy;
use secrecy::{ExposeSecret, SecretString};
use sqlx::SqliteExecutor;

use crate::{
    Error, Portal, Services,
    store::{StoreError, Tx},
};

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum Role {
    /// Sees and changes the portal's settings and people.
    Administrator,
    /// Uses the portal.
    User,
}

impl Role {
    /// The role's name in forms and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::User => "user",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Administrator, Self::User].into_iter().find(|r| r.as_str() == name)
    }
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum Status {
    /// Has no password yet.
    Invited,
    /// May sign in.
    Active,
    /// May not sign in; nothing of theirs is lost.
    Disabled,
}

impl Status {
    /// The status's name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// Who is asking: an active user, as of the moment that they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user's id.
    pub user_id: String,
    /// The portal that they belong to.
    pub portal: Portal,
    /// Their e-mail, as it was typed.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// They made the portal: nobody can demote, disable or remove them.
    pub is_owner: bool,
    /// Goes up when the password or the status changes. A browser session that
    /// remembers another number has ended.
    pub auth_epoch: i64,
}

impl Actor {
    /// They are an administrator.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] where they are not.
    pub fn require_admin(&self) -> Result<(), Error> {
        match self.role {
            Role::Administrator => Ok(()),
            Role::User => Err(Error::NotAllowed),
        }
    }

    /// They still are an administrator, now that nobody else can write: what
    /// was read when the request came in may have changed since.
    pub(crate) async fn still_admin(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        self.require_admin()?;
        let there = sqlx::query_scalar!(
            r#"SELECT EXISTS(SELECT 1 FROM users WHERE id = ? AND portal_id = ? AND status = 'active'
               AND role = 'administrator' AND auth_epoch = ?) AS "there!: bool""#,
            self.user_id,
            self.portal.id,
            self.auth_epoch
        )
        .fetch_one(&mut **tx)
        .await?;
        if there { Ok(()) } else { Err(Error::NotAllowed) }
    }
}

/// What this module keeps in memory.
pub(crate) struct PeopleState {
    set_up_code: set_up::SetUpCode,
    passwords: password::Passwords,
    tries: throttle::Tries,
    log: refusals::Log,
}

impl PeopleState {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        Self {
            set_up_code: set_up::SetUpCode::new(entropy),
            passwords: password::Passwords::new(entropy),
            tries: throttle::Tries::default(),
            log: refusals::Log::default(),
        }
    }
}

impl fmt::Debug for PeopleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeopleState")
    }
}

impl Services {
    /// The active user of that id, with their portal. One indexed read, so that
    /// each request can ask it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn actor(&self, user_id: &str) -> Result<Option<Actor>, Error> {
        read_actor(self.db().read(), user_id).await
    }

    /// A hash by which a password of a person is known again, as that of their own
    /// account is kept.
    pub(crate) async fn hash_password(&self, password: SecretString) -> Result<String, Error> {
        self.people().passwords.hash(password, self.salt()).await
    }

    /// Whether this is the password of such a hash.
    pub(crate) async fn is_password(&self, password: SecretString, hash: String) -> Result<bool, Error> {
        let checked = self.people().passwords.check(password, Some(hash), self.salt()).await?;
        Ok(checked != password::Checked::Wrong)
    }

    /// Adds what is wrong with the strength of a new password. Not on a thread that
    /// serves requests: a long one takes a while.
    async fn judge_password(
        &self,
        wrongs: &mut rules::Wrongs,
        field: &'static str,
        password: &SecretString,
        whose: strength::Whose,
    ) -> Result<(), Error> {
        let password = password.clone();
        let code =
            self.people().passwords.judge(move || strength::weakness(password.expose_secret(), &whose));
        if let Some(code) = code.await? {
            wrongs.add(field, code);
        }
        Ok(())
    }

    fn people(&self) -> &PeopleState {
        &self.0.people
    }

    fn salt(&self) -> password::Salt {
        let mut salt = password::Salt::default();
        self.entropy().fill(&mut salt);
        salt
    }
}

async fn read_actor(from: impl SqliteExecutor<'_>, user_id: &str) -> Result<Option<Actor>, Error> {
    let row = sqlx::query!(
        r#"SELECT u.id AS "id!", u.email AS "email!", u.name AS "name!", u.role AS "role!: Role",
                  u.is_owner AS "is_owner!: bool", u.auth_epoch AS "auth_epoch!",
                  p.id AS "portal_id!", p.hostname AS "hostname!", p.origin AS "origin!", p.name AS "portal_name!"
           FROM users u JOIN portals p ON p.id = u.portal_id
           WHERE u.id = ? AND u.status = 'active'"#,
        user_id
    )
    .fetch_optional(from)
    .await?;
    Ok(row.map(|r| Actor {
        user_id: r.id,
        portal: Portal { id: r.portal_id, hostname: r.hostname, origin: r.origin, name: r.portal_name },
        email: r.email,
        name: r.name,
        role: r.role,
        is_owner: r.is_owner,
        auth_epoch: r.auth_epoch,
    }))
}

/// The actor that this very transaction made or changed.
async fn actor_in(tx: &mut Tx<'_>, user_id: &str) -> Result<Actor, Error> {
    read_actor(&mut **tx, user_id)
        .await?
        .ok_or(Error::Store(StoreError::Inconsistent { table: "users", column: "status" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_by_its_own_name_and_by_no_other() {
        for role in [Role::Administrator, Role::User] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for other in ["", "owner", "Administrator", " user"] {
            assert_eq!(Role::parse(other), None);
        }
    }
}
