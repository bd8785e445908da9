//! Signing in with e-mail and password. Nobody learns from it who has an
//! account: one error, after the same work, for an unknown e-mail, a wrong
//! password, and a user who may not sign in; and the same limits for all of them.
//!
//! Tries are counted apart by where they come from: from a browser that the
//! account knows (`device.rs`) by themselves, so that guesses of others hold
//! nobody up there; from any other by place, by place and e-mail, and by e-mail
//! (`guard.rs`).

use std::net::IpAddr;

use qlik::email_key;
use secrecy::SecretString;

use super::{
    Actor, Status, actor_in, device,
    guard::{self, Admitted},
    password::Checked,
    refusals::{Refused, Why},
    rules::EMAIL_MAX,
};
use crate::{Error, Portal, Services, audit, store::secs};

/// Where a try comes from.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The address, where it is known.
    pub ip: Option<IpAddr>,
    /// What [`Services::remember_device`] left in the browser.
    pub device: Option<String>,
}

impl Caller {
    /// A browser that nothing is known of, at that address.
    pub fn at(ip: IpAddr) -> Self {
        Self { ip: Some(ip), device: None }
    }
}

/// The account that has the e-mail.
struct Account {
    id: String,
    email: String,
    status: Status,
    password_hash: Option<String>,
    auth_epoch: i64,
}

impl Services {
    /// The user whose e-mail and password these are, in this portal.
    ///
    /// # Errors
    /// [`Error::BadCredentials`], whatever was wrong; [`Error::TooManyTries`]
    /// when too many came from this address, or too many for this e-mail from
    /// this address or from browsers that its account does not know, if it has
    /// one. In a browser that the account knows, tries from elsewhere don't count.
    pub async fn sign_in(
        &self,
        portal: &Portal,
        email: &str,
        password: SecretString,
        from: Caller,
    ) -> Result<Actor, Error> {
        let Caller { ip, device } = from;
        let tries = &self.people().tries;
        let known = device::read(self.vault(), &portal.id, device.as_deref());
        if known.is_empty() {
            // Before anything is looked up for whoever it is.
            let refused = Refused { portal, account: None, ip, known_device: false, why: Why::TooMany };
            tries.place(ip).await.inspect_err(|_| self.note_put_off(&refused))?;
        }
        // What is longer is no address, and not worth the work.
        let email = Some(email.trim()).filter(|e| e.len() <= EMAIL_MAX).unwrap_or_default();
        let key = email_key(email);
        let cells = guard::cells(&portal.id, &key);
        let account = self.account(portal, email, &key).await?;
        let device = account.as_ref().and_then(|a| {
            known
                .iter()
                .find(|k| k.user_id == a.id && k.auth_epoch == a.auth_epoch)
                .map(|k| k.device.as_str())
        });
        let refused = |why| Refused {
            portal,
            account: account.as_ref().map(|a| (a.id.as_str(), a.email.as_str())),
            ip,
            known_device: device.is_some(),
            why,
        };
        let put_off = |_: &Error| self.note_put_off(&refused(Why::TooMany));
        if let Some(device) = device {
            tries.device(device).await.inspect_err(put_off)?;
        } else {
            if !known.is_empty() {
                tries.place(ip).await.inspect_err(put_off)?;
            }
            tries.pair(ip, &key).await.inspect_err(put_off)?;
            if let Admitted::NotYet(retry_after) = self.admit(cells).await? {
                return Err(Error::TooManyTries { retry_after }).inspect_err(put_off);
            }
        }

        let stored = account.as_ref().and_then(|a| a.password_hash.clone());
        let checked = self.people().passwords.check(password, stored, self.salt()).await?;
        let why = match (&account, &checked) {
            (None, _) => Some(Why::Nobody),
            (Some(_), Checked::Wrong) => Some(Why::Password),
            (Some(a), Checked::Right { .. }) => (a.status != Status::Active).then_some(Why::Status),
        };
        let (Some(account), Checked::Right { rehashed }, None) = (&account, checked, why) else {
            self.note_refused(&refused(why.unwrap_or(Why::Nobody))).await?;
            return Err(Error::BadCredentials);
        };

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
            account.id,
            account.auth_epoch
        )
        .execute(&mut *tx)
        .await?;
        if updated.rows_affected() != 1 {
            drop(tx);
            self.note_refused(&refused(Why::Status)).await?;
            return Err(Error::BadCredentials);
        }
        let actor = actor_in(&mut tx, &account.id).await?;
        audit::record(&mut tx, &portal.id, Some(&actor), audit::SIGNED_IN, serde_json::json!({}), now)
            .await?;
        if device.is_none() {
            self.forgive(&mut tx, cells, now).await?;
        }
        self.forget_own_slips(&mut tx, &account.id, ip).await?;
        tx.commit().await?;
        tries.signed_in(ip, &key, device).await;
        Ok(actor)
    }

    /// The account of an e-mail: the one that has it just so, or else by its key.
    async fn account(&self, portal: &Portal, email: &str, key: &str) -> Result<Option<Account>, Error> {
        Ok(sqlx::query_as!(
            Account,
            r#"SELECT id AS "id!", email AS "email!", status AS "status!: Status", password_hash,
                      auth_epoch AS "auth_epoch!"
               FROM users WHERE portal_id = ?1 AND (email = ?2 OR email_key = ?3) ORDER BY email = ?2 DESC LIMIT 1"#,
            portal.id,
            email,
            key
        )
        .fetch_optional(self.db().read())
        .await?)
    }
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
            let end = t.sign_in(&admin.portal, email, "a wrong password".into(), Caller::default()).await;
            assert!(matches!(end, Err(Error::BadCredentials)), "{end:?}");
            assert_eq!(t.people().passwords.runs() - before, 1, "{email}");
        }
    }
}
