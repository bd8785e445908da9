//! What people change about themselves.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Actor, actor_in, password::Checked, rules::Wrongs, strength::Whose};
use crate::{Error, Services, audit};

impl Services {
    /// Changes the actor's own name.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `name`; [`Error::NotSignedIn`] where the account
    /// changed meanwhile.
    pub async fn rename(&self, a: &Actor, name: &str) -> Result<Actor, Error> {
        let mut wrongs = Wrongs::default();
        let name = wrongs.name("name", name);
        wrongs.none()?;
        let mut tx = self.db().write().await?;
        let updated = sqlx::query!(
            "UPDATE users SET name = ? WHERE id = ? AND status = 'active' AND auth_epoch = ?",
            name,
            a.user_id,
            a.auth_epoch
        )
        .execute(&mut *tx)
        .await?;
        if updated.rows_affected() != 1 {
            return Err(Error::NotSignedIn);
        }
        let actor = actor_in(&mut tx, &a.user_id).await?;
        let detail = json!({ "from": a.name, "to": actor.name });
        audit::record(&mut tx, &a.portal.id, Some(&actor), audit::PROFILE_RENAMED, detail, self.now())
            .await?;
        tx.commit().await?;
        Ok(actor)
    }

    /// Changes the actor's own password. Every other session of theirs ends, and
    /// so do one-time links; the caller's goes on with the epoch that comes back.
    ///
    /// # Errors
    /// [`Error::Invalid`], with `wrong` for `current_password` and the usual codes
    /// for `new_password`; [`Error::TooManyTries`]; [`Error::NotSignedIn`] where
    /// the account changed meanwhile.
    pub async fn change_password(
        &self,
        a: &Actor,
        current: SecretString,
        new: SecretString,
    ) -> Result<Actor, Error> {
        let mut wrongs = Wrongs::default();
        if current.expose_secret().is_empty() {
            wrongs.add("current_password", "required");
        }
        if wrongs.password("new_password", &new, &a.email) && !wrongs.any() {
            // Before any work is done for it.
            self.people().tries.current_password(&a.user_id).await?;
            let whose = Whose { email: a.email.clone(), name: a.name.clone(), portal: a.portal.name.clone() };
            self.judge_password(&mut wrongs, "new_password", &new, whose).await?;
        }
        wrongs.none()?;
        let row = sqlx::query!(
            "SELECT password_hash FROM users WHERE id = ? AND status = 'active' AND auth_epoch = ?",
            a.user_id,
            a.auth_epoch
        )
        .fetch_optional(self.db().read())
        .await?
        .ok_or(Error::NotSignedIn)?;
        let passwords = &self.people().passwords;
        if passwords.check(current, row.password_hash, self.salt()).await? == Checked::Wrong {
            return Err(Error::field("current_password", "wrong"));
        }
        let hash = passwords.hash(new, self.salt()).await?;

        let mut tx = self.db().write().await?;
        let updated = sqlx::query!(
            "UPDATE users SET password_hash = ?, auth_epoch = auth_epoch + 1
             WHERE id = ? AND status = 'active' AND auth_epoch = ?",
            hash,
            a.user_id,
            a.auth_epoch
        )
        .execute(&mut *tx)
        .await?;
        if updated.rows_affected() != 1 {
            return Err(Error::NotSignedIn);
        }
        sqlx::query!("DELETE FROM invitations WHERE user_id = ?", a.user_id).execute(&mut *tx).await?;
        let actor = actor_in(&mut tx, &a.user_id).await?;
        audit::record(&mut tx, &a.portal.id, Some(&actor), audit::PASSWORD_CHANGED, json!({}), self.now())
            .await?;
        tx.commit().await?;
        Ok(actor)
    }
}
