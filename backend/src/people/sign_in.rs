//! Signing in with e-mail and password. Nobody learns from it who has an
//! account: one error, after the same work, for an unknown e-mail, a wrong
//! password, and a user who may not sign in.

use std::net::IpAddr;

use secrecy::SecretString;

use super::{Actor, Status, actor_in, password::Checked};
use crate::{Error, Portal, Services, audit, store::secs};

impl Services {
    /// The user whose e-mail and password these are, in this portal.
    ///
    /// # Errors
    /// [`Error::BadCredentials`], whatever was wrong; [`Error::TooManyTries`]
    /// when too many came from this address, or too many for this e-mail from
    /// this address. Tries from elsewhere don't count.
    pub async fn sign_in(
        &self,
        portal: &Portal,
        email: &str,
        password: SecretString,
        ip: Option<IpAddr>,
    ) -> Result<Actor, Error> {
        self.people().tries.sign_in(ip, email).await?;
        let email = email.trim();
        let row = sqlx::query!(
            r#"SELECT id AS "id!", status AS "status!: Status", password_hash, auth_epoch AS "auth_epoch!"
               FROM users WHERE portal_id = ? AND email = ?"#,
            portal.id,
            email
        )
        .fetch_optional(self.db().read())
        .await?;
        let stored = row.as_ref().and_then(|r| r.password_hash.clone());
        let checked = self.people().passwords.check(password, stored, self.salt()).await?;
        let (Some(row), Checked::Right { rehashed }) = (row, checked) else {
            return Err(refused(portal, ip));
        };
        if row.status != Status::Active {
            return Err(refused(portal, ip));
        }

        let now = self.now();
        let at = secs(now);
        let mut tx = self.db().write().await?;
        // The epoch is as it was when the hash was read: who was disabled, or got
        // another password, while this one was being checked does not come in.
        let updated = sqlx::query!(
            "UPDATE users SET last_login_at = ?, password_hash = COALESCE(?, password_hash)
             WHERE id = ? AND status = 'active' AND auth_epoch = ?",
            at,
            rehashed,
            row.id,
            row.auth_epoch
        )
        .execute(&mut *tx)
        .await?;
        if updated.rows_affected() != 1 {
            return Err(refused(portal, ip));
        }
        let actor = actor_in(&mut tx, &row.id).await?;
        audit::record(&mut tx, &portal.id, Some(&actor), audit::SIGNED_IN, serde_json::json!({}), now)
            .await?;
        tx.commit().await?;
        self.people().tries.signed_in(ip, email).await;
        Ok(actor)
    }
}

fn refused(portal: &Portal, ip: Option<IpAddr>) -> Error {
    tracing::info!(portal = %portal.id, ?ip, "a sign-in was refused");
    Error::BadCredentials
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Role,
        people::NewUser,
        testing::{self, FakeClock},
    };

    #[tokio::test]
    async fn an_unknown_e_mail_costs_the_hashing_that_a_known_one_costs() {
        let t = testing::services(FakeClock::new("2026-11-20T10:00:00Z".parse().unwrap())).await.unwrap();
        let admin = t.administrator().await.unwrap();
        let new = |email: &str| NewUser { email: email.to_owned(), name: "N".to_owned(), role: Role::User };
        t.add_user(&admin, new("invited@acme.example")).await.unwrap();
        let invitation = t.add_user(&admin, new("disabled@acme.example")).await.unwrap();
        t.disable_user(&admin, &invitation.user_id).await.unwrap();
        for email in
            [&admin.email, "nobody@acme.example", "", "invited@acme.example", "disabled@acme.example"]
        {
            let before = t.people().passwords.runs();
            let end = t.sign_in(&admin.portal, email, "a wrong password".into(), None).await;
            assert!(matches!(end, Err(Error::BadCredentials)), "{end:?}");
            assert_eq!(t.people().passwords.runs() - before, 1, "{email}");
        }
    }
}
