//! One-time links to set a password: for somebody new, and for somebody who
//! lost theirs. Only the hash of a link's token is kept, one link of a user
//! works at a time, and it works once.

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::json;
use sqlx::SqliteExecutor;
use zeroize::Zeroizing;

use super::{Actor, Status, actor_in, rules::Wrongs, strength::Whose, users::Target};
use crate::{
    Error, Services, audit,
    store::{Tx, one_row, secs},
};

/// How long a link works.
const VALID: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Bytes of a token: 256 bits.
const TOKEN: usize = 32;

/// A link that was just made. The token is shown once and can't be had again.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Whom it lets in.
    pub user_id: String,
    /// 43 letters that are safe in an address.
    pub token: SecretString,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// Whom a link lets in, for the page that it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedUser {
    /// Their e-mail.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The portal's name.
    pub portal_name: String,
}

/// A link that was not used yet; it may have expired.
struct Unused {
    expires_at: i64,
    user_id: String,
    portal_id: String,
    email: String,
    name: String,
    portal_name: String,
}

impl Services {
    /// Makes a new link for a user, to come in for the first time or to replace
    /// a lost password; older links of theirs die. The password that they have
    /// works until the link is used. The owner's link only the owner can make.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::NotFound`], [`Error::Conflict`] for a
    /// disabled user.
    pub async fn new_invitation(&self, a: &Actor, user_id: &str) -> Result<Invitation, Error> {
        let mut tx = self.db().write().await?;
        a.still_admin(&mut tx).await?;
        let user = Target::of(&mut tx, a, user_id).await?;
        if user.is_owner && user.id != a.user_id {
            // Who can set the owner's password is the owner.
            return Err(Error::NotAllowed);
        }
        if user.status == Status::Disabled {
            return Err(Error::Conflict("the user is disabled"));
        }
        let invitation = self.invite(&mut tx, &user.id, Some(a)).await?;
        let detail = json!({ "user": user.id, "email": user.email });
        audit::record(&mut tx, &a.portal.id, Some(a), audit::INVITATION_CREATED, detail, self.now()).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// Makes a link for the owner of a portal who lost their password. For the
    /// operator's command line, where nobody is signed in.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the portal or its owner is not there.
    pub async fn owner_recovery(&self, portal_id: &str) -> Result<Invitation, Error> {
        let mut tx = self.db().write().await?;
        let owner = sqlx::query!(
            r#"SELECT id AS "id!", email AS "email!" FROM users WHERE portal_id = ? AND is_owner = 1"#,
            portal_id
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let invitation = self.invite(&mut tx, &owner.id, None).await?;
        let detail = json!({ "user": owner.id, "email": owner.email });
        audit::record(&mut tx, portal_id, None, audit::INVITATION_CREATED, detail, self.now()).await?;
        tx.commit().await?;
        Ok(invitation)
    }

    /// Whom this token lets in; `None` where it is unknown, used or expired.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn invitation(&self, token: &str) -> Result<Option<InvitedUser>, Error> {
        let link = unused(self.db().read(), &token_hash(token)).await?;
        Ok(link.filter(|l| l.expires_at > secs(self.now())).map(|l| InvitedUser {
            email: l.email,
            name: l.name,
            portal_name: l.portal_name,
        }))
    }

    /// Sets the password of the user whom this token lets in, ends their older
    /// sessions, and uses the link up.
    ///
    /// # Errors
    /// [`Error::Invalid`], with `bad_token` (unknown, used or replaced) or `expired`
    /// for `token`, and the usual codes for `password`.
    pub async fn accept_invitation(&self, token: &str, password: SecretString) -> Result<Actor, Error> {
        let bad_token = || Error::field("token", "bad_token");
        let token_hash = token_hash(token);
        let open = unused(self.db().read(), &token_hash).await?.ok_or_else(bad_token)?;
        if open.expires_at <= secs(self.now()) {
            return Err(Error::field("token", "expired"));
        }
        let mut wrongs = Wrongs::default();
        if wrongs.password("password", &password, &open.email) {
            let whose = Whose { email: open.email, name: open.name, portal: open.portal_name };
            self.judge_password(&mut wrongs, "password", &password, whose).await?;
        }
        wrongs.none()?;
        let hash = self.people().passwords.hash(password, self.salt()).await?;
        let now = self.now();
        let at = secs(now);

        let mut tx = self.db().write().await?;
        // Of two that accept at once one finds it used; who was disabled meanwhile stays out.
        let used = sqlx::query!(
            "UPDATE invitations SET used_at = ? WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?",
            at,
            token_hash,
            at
        )
        .execute(&mut *tx)
        .await?;
        if used.rows_affected() != 1 {
            return Err(bad_token());
        }
        let updated = sqlx::query!(
            "UPDATE users SET password_hash = ?, status = 'active', auth_epoch = auth_epoch + 1, last_login_at = ?
             WHERE id = ? AND status IN ('invited', 'active')",
            hash,
            at,
            open.user_id
        )
        .execute(&mut *tx)
        .await?;
        if updated.rows_affected() != 1 {
            return Err(bad_token());
        }
        sqlx::query!("DELETE FROM invitations WHERE user_id = ? AND used_at IS NULL", open.user_id)
            .execute(&mut *tx)
            .await?;
        let actor = actor_in(&mut tx, &open.user_id).await?;
        audit::record(&mut tx, &open.portal_id, Some(&actor), audit::INVITATION_ACCEPTED, json!({}), now)
            .await?;
        tx.commit().await?;
        Ok(actor)
    }

    /// A new link for this user; their older ones are gone.
    pub(super) async fn invite(
        &self,
        tx: &mut Tx<'_>,
        user_id: &str,
        by: Option<&Actor>,
    ) -> Result<Invitation, Error> {
        let mut bytes = Zeroizing::new([0_u8; TOKEN]);
        self.entropy().fill(bytes.as_mut_slice());
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        let hash = token_hash(&token);
        let now = self.now();
        let expires_at =
            now.checked_add(VALID).map_err(|_| Error::Internal("the clock is at the end of time"))?;
        let (created_at, expires) = (secs(now), secs(expires_at));
        let by = by.map(|a| a.user_id.as_str());
        sqlx::query!("DELETE FROM invitations WHERE user_id = ?", user_id).execute(&mut **tx).await?;
        let made = sqlx::query!(
            "INSERT INTO invitations (token_hash, user_id, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            hash,
            user_id,
            by,
            created_at,
            expires
        )
        .execute(&mut **tx)
        .await?;
        one_row(&made, "invitations")?;
        Ok(Invitation {
            user_id: user_id.to_owned(),
            token: SecretString::from(token.as_str()),
            expires_at: crate::store::at(expires),
        })
    }
}

async fn unused(from: impl SqliteExecutor<'_>, token_hash: &[u8]) -> Result<Option<Unused>, Error> {
    Ok(sqlx::query_as!(
        Unused,
        r#"SELECT i.expires_at AS "expires_at!", u.id AS "user_id!", u.portal_id AS "portal_id!",
                  u.email AS "email!", u.name AS "name!", p.name AS "portal_name!"
           FROM invitations i JOIN users u ON u.id = i.user_id JOIN portals p ON p.id = u.portal_id
           WHERE i.token_hash = ? AND i.used_at IS NULL AND u.status <> 'disabled'"#,
        token_hash
    )
    .fetch_optional(from)
    .await?)
}

fn token_hash(token: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, token.trim().as_bytes()).as_ref().to_vec()
}
