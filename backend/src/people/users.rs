//! The list of people, and what an administrator does with them.
//!
//! Three rules hold whatever is done: the owner stays an active administrator,
//! nobody shuts themself out, and one active administrator remains.

use jiff::Timestamp;
use qlik::email_key;
use serde_json::json;

use super::{Actor, Invitation, Role, Status, rules::Wrongs};
use crate::{
    Error, Services, audit,
    oauth::release_grant_of,
    store::{Tx, at, one_row, secs},
    text::visible,
};

/// One user in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The user's id.
    pub id: String,
    /// Their e-mail.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub status: Status,
    /// They made the portal.
    pub is_owner: bool,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last came in, by password or by a one-time link.
    pub last_login_at: Option<Timestamp>,
    /// Until when their unused one-time link works, which may be past.
    pub invitation_expires: Option<Timestamp>,
}

/// Who is to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their e-mail.
    pub email: String,
    /// Their name, 1 to 100 characters.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// The user that something is done to.
pub(super) struct Target {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) role: Role,
    pub(super) status: Status,
    pub(super) is_owner: bool,
}

impl Target {
    /// The user of that id in the actor's portal.
    pub(super) async fn of(tx: &mut Tx<'_>, a: &Actor, user_id: &str) -> Result<Self, Error> {
        sqlx::query_as!(
            Target,
            r#"SELECT id AS "id!", email AS "email!", role AS "role!: Role", status AS "status!: Status",
                      is_owner AS "is_owner!: bool"
               FROM users WHERE id = ? AND portal_id = ?"#,
            user_id,
            a.portal.id
        )
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NotFound)
    }

    /// Neither the owner nor the one who asks.
    fn somebody_else(&self, a: &Actor) -> Result<(), Error> {
        if self.is_owner {
            Err(Error::field("user", "owner"))
        } else if self.id == a.user_id {
            Err(Error::field("user", "self"))
        } else {
            Ok(())
        }
    }

    fn detail(&self) -> serde_json::Value {
        json!({ "user": self.id, "email": self.email })
    }
}

impl Services {
    /// All users of the portal, by name.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Store`].
    pub async fn list_users(&self, a: &Actor) -> Result<Vec<UserRow>, Error> {
        a.require_admin()?;
        let rows = sqlx::query!(
            r#"SELECT u.id AS "id!", u.email AS "email!", u.name AS "name!", u.role AS "role!: Role",
                      u.status AS "status!: Status", u.is_owner AS "is_owner!: bool",
                      u.created_at AS "created_at!", u.last_login_at AS "last_login_at?: i64",
                      (SELECT MAX(i.expires_at) FROM invitations i WHERE i.user_id = u.id AND i.used_at IS NULL)
                          AS "invitation_expires?: i64"
               FROM users u WHERE u.portal_id = ? ORDER BY u.name COLLATE NOCASE, u.email, u.id"#,
            a.portal.id
        )
        .fetch_all(self.db().read())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| UserRow {
                id: r.id,
                email: visible(&r.email).into_owned(),
                name: visible(&r.name).into_owned(),
                role: r.role,
                status: r.status,
                is_owner: r.is_owner,
                created_at: at(r.created_at),
                last_login_at: r.last_login_at.map(at),
                invitation_expires: r.invitation_expires.map(at),
            })
            .collect())
    }

    /// Adds a user, who sets their password through the link of the invitation.
    ///
    /// # Errors
    /// [`Error::NotAllowed`]; [`Error::Invalid`], with `taken` for an e-mail that
    /// the portal has, in whichever way of writing (see [`email_key`]).
    pub async fn add_user(&self, a: &Actor, new: NewUser) -> Result<Invitation, Error> {
        a.require_admin()?;
        let mut wrongs = Wrongs::default();
        let email = wrongs.email("email", &new.email);
        let name = wrongs.name("name", &new.name);
        wrongs.none()?;
        let key = email_key(&email);
        let user_id = self.new_id();
        let now = self.now();
        let created_at = secs(now);

        let mut tx = self.db().write().await?;
        a.still_admin(&mut tx).await?;
        let added = sqlx::query!(
            "INSERT INTO users (id, portal_id, email, email_key, name, role, status, created_at)
             VALUES (?, ?, ?, ?, ?, ?, 'invited', ?)
             ON CONFLICT (portal_id, email) DO NOTHING ON CONFLICT (portal_id, email_key) DO NOTHING",
            user_id,
            a.portal.id,
            email,
            key,
            name,
            new.role,
            created_at
        )
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() == 0 {
            return Err(Error::field("email", "taken"));
        }
        let invitation = self.invite(&mut tx, &user_id, Some(a)).await?;
        let detail = json!({ "user": user_id, "email": email, "name": name, "role": new.role.as_str() });
        audit::record(&mut tx, &a.portal.id, Some(a), audit::USER_ADDED, detail, now).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// Gives a user another role. The role that they have already is no change.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::NotFound`]; [`Error::Invalid`] with `owner`
    /// or `last_administrator` for `user`.
    pub async fn set_role(&self, a: &Actor, user_id: &str, role: Role) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        a.still_admin(&mut tx).await?;
        let user = Target::of(&mut tx, a, user_id).await?;
        if user.role == role {
            return Ok(());
        }
        if user.is_owner {
            return Err(Error::field("user", "owner"));
        }
        let updated =
            sqlx::query!("UPDATE users SET role = ? WHERE id = ?", role, user.id).execute(&mut *tx).await?;
        one_row(&updated, "users")?;
        one_administrator_remains(&mut tx, a).await?;
        let detail = json!({
            "user": user.id, "email": user.email, "from": user.role.as_str(), "to": role.as_str()
        });
        audit::record(&mut tx, &a.portal.id, Some(a), audit::USER_ROLE_CHANGED, detail, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Ends a user's sessions and one-time links, and lets them in no more.
    /// Disabled already is no change.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::NotFound`]; [`Error::Invalid`] with `owner`,
    /// `self` or `last_administrator` for `user`.
    pub async fn disable_user(&self, a: &Actor, user_id: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        a.still_admin(&mut tx).await?;
        let user = Target::of(&mut tx, a, user_id).await?;
        user.somebody_else(a)?;
        if user.status == Status::Disabled {
            return Ok(());
        }
        let updated = sqlx::query!(
            "UPDATE users SET status = 'disabled', auth_epoch = auth_epoch + 1 WHERE id = ?",
            user.id
        )
        .execute(&mut *tx)
        .await?;
        one_row(&updated, "users")?;
        sqlx::query!("DELETE FROM invitations WHERE user_id = ?", user.id).execute(&mut *tx).await?;
        one_administrator_remains(&mut tx, a).await?;
        audit::record(&mut tx, &a.portal.id, Some(a), audit::USER_DISABLED, user.detail(), self.now())
            .await?;
        tx.commit().await?;
        self.forget_session(&a.portal.id, user_id).await
    }

    /// Lets a disabled user in again, with the password that they had; who never
    /// set one is invited again, and needs a new link. Not disabled is no change.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::NotFound`].
    pub async fn enable_user(&self, a: &Actor, user_id: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        a.still_admin(&mut tx).await?;
        let user = Target::of(&mut tx, a, user_id).await?;
        if user.status != Status::Disabled {
            return Ok(());
        }
        let updated = sqlx::query!(
            "UPDATE users SET status = CASE WHEN password_hash IS NULL THEN 'invited' ELSE 'active' END,
                              auth_epoch = auth_epoch + 1
             WHERE id = ?",
            user.id
        )
        .execute(&mut *tx)
        .await?;
        one_row(&updated, "users")?;
        audit::record(&mut tx, &a.portal.id, Some(a), audit::USER_ENABLED, user.detail(), self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a user for good; what they did stays in the audit.
    ///
    /// # Errors
    /// As [`Services::disable_user`].
    pub async fn remove_user(&self, a: &Actor, user_id: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        a.still_admin(&mut tx).await?;
        let user = Target::of(&mut tx, a, user_id).await?;
        user.somebody_else(a)?;
        // What they connected at Qlik goes with them; it is revoked with what is due.
        release_grant_of(self, &mut tx, &a.portal.id, &user.id).await?;
        let removed = sqlx::query!("DELETE FROM users WHERE id = ?", user.id).execute(&mut *tx).await?;
        one_row(&removed, "users")?;
        one_administrator_remains(&mut tx, a).await?;
        audit::record(&mut tx, &a.portal.id, Some(a), audit::USER_REMOVED, user.detail(), self.now()).await?;
        tx.commit().await?;
        self.forget_session(&a.portal.id, user_id).await
    }
}

/// Checked after the change and before the commit, so that no path around it
/// can be forgotten.
async fn one_administrator_remains(tx: &mut Tx<'_>, a: &Actor) -> Result<(), Error> {
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS(SELECT 1 FROM users WHERE portal_id = ? AND role = 'administrator' AND status = 'active')
           AS "there!: bool""#,
        a.portal.id
    )
    .fetch_one(&mut **tx)
    .await?;
    if there { Ok(()) } else { Err(Error::field("user", "last_administrator")) }
}
