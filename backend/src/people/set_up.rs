//! The first start: the portal and its owner, made by whoever can read the
//! one-time code that the server prints. The code lives in memory alone.

use std::net::IpAddr;

use qlik::{email_key, env::Entropy};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{Actor, actor_in, rules::Wrongs, strength::Whose};
use crate::{Error, Services, audit, store::secs};

/// 32 letters and digits that can't be taken for one another: 5 bits each.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters in a code: 60 bits.
const LENGTH: usize = 12;
/// Letters in a group, for the eye.
const GROUP: usize = 4;

const EXISTS: Error = Error::Conflict("a portal exists");

pub(super) struct SetUpCode(SecretString);

impl SetUpCode {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0_u8; LENGTH];
        entropy.fill(&mut bytes);
        Self(bytes.iter().map(|b| char::from(LETTERS[usize::from(b & 31)])).collect::<String>().into())
    }

    /// As it is printed: `ABCD-EFGH-JKLM`.
    fn grouped(&self) -> String {
        let mut out = String::with_capacity(LENGTH + LENGTH / GROUP);
        for (n, letter) in self.0.expose_secret().chars().enumerate() {
            if n > 0 && n % GROUP == 0 {
                out.push('-');
            }
            out.push(letter);
        }
        out
    }

    /// Whether this was typed, in any case and with or without the dashes.
    fn is(&self, typed: &str) -> bool {
        let typed: String = typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        typed.as_bytes().ct_eq(self.0.expose_secret().as_bytes()).into()
    }
}

/// What the set-up form sends.
#[derive(Debug, Clone)]
pub struct SetUp {
    /// The one-time code.
    pub code: String,
    /// What people call the portal, 1 to 100 characters.
    pub portal_name: String,
    /// The owner's name, 1 to 100 characters.
    pub name: String,
    /// The owner's e-mail.
    pub email: String,
    /// The owner's password, 12 to 256 characters.
    pub password: SecretString,
}

impl Services {
    /// The code that makes the first portal, `XXXX-XXXX-XXXX`, while there is
    /// none; the same for the life of the process. For the server to print.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn setup_code(&self) -> Result<Option<String>, Error> {
        let code = &self.people().set_up_code;
        Ok(if self.has_portal(self.db().read()).await? { None } else { Some(code.grouped()) })
    }

    /// Makes the portal, at the host of the configured public address, and its
    /// owner.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a portal exists, [`Error::Invalid`] with `wrong`
    /// for the code and the usual codes for the fields, [`Error::TooManyTries`].
    pub async fn set_up(&self, input: SetUp, ip: Option<IpAddr>) -> Result<Actor, Error> {
        if self.has_portal(self.db().read()).await? {
            return Err(EXISTS);
        }
        self.people().tries.set_up(ip).await?;
        let mut wrongs = Wrongs::default();
        if input.code.trim().is_empty() {
            wrongs.add("code", "required");
        } else if !self.people().set_up_code.is(&input.code) {
            tracing::warn!(?ip, "a wrong set-up code was tried");
            wrongs.add("code", "wrong");
        }
        let portal_name = wrongs.name("portal_name", &input.portal_name);
        let name = wrongs.name("name", &input.name);
        let email = wrongs.email("email", &input.email);
        let whose = Whose { email: email.clone(), name: name.clone(), portal: portal_name.clone() };
        // The work is for who has the code.
        if wrongs.password("password", &input.password, &email) && !wrongs.any() {
            self.judge_password(&mut wrongs, "password", &input.password, whose).await?;
        }
        wrongs.none()?;
        let key = email_key(&email);

        let public = &self.config().public_url;
        let hostname = public.host_str().ok_or(Error::Internal("the public address has no host"))?;
        let origin = public.origin().ascii_serialization();
        let hash = self.people().passwords.hash(input.password.clone(), self.salt()).await?;
        let (portal_id, user_id) = (self.new_id(), self.new_id());
        let now = self.now();
        let at = secs(now);

        let mut tx = self.db().write().await?;
        // Asked again where nobody else can write: two set-ups at once make one portal.
        if self.has_portal(&mut *tx).await? {
            return Err(EXISTS);
        }
        sqlx::query!(
            "INSERT INTO portals (id, hostname, origin, name, created_at) VALUES (?, ?, ?, ?, ?)",
            portal_id,
            hostname,
            origin,
            portal_name,
            at
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO users
                 (id, portal_id, email, email_key, name, role, status, is_owner, password_hash, created_at,
                  last_login_at)
             VALUES (?, ?, ?, ?, ?, 'administrator', 'active', 1, ?, ?, ?)",
            user_id,
            portal_id,
            email,
            key,
            name,
            hash,
            at,
            at
        )
        .execute(&mut *tx)
        .await?;
        let actor = actor_in(&mut tx, &user_id).await?;
        let detail = serde_json::json!({ "name": portal_name, "hostname": hostname });
        audit::record(&mut tx, &portal_id, Some(&actor), audit::PORTAL_CREATED, detail, now).await?;
        tx.commit().await?;
        Ok(actor)
    }

    async fn has_portal(&self, from: impl sqlx::SqliteExecutor<'_>) -> Result<bool, Error> {
        Ok(sqlx::query_scalar!(r#"SELECT EXISTS(SELECT 1 FROM portals) AS "there!: bool""#)
            .fetch_one(from)
            .await?)
    }
}

#[cfg(test)]
mod tests {
    use qlik::env::SystemEntropy;

    use super::*;

    #[test]
    fn a_code_has_three_groups_of_four_clear_letters() {
        let code = SetUpCode::new(&SystemEntropy).grouped();
        let groups: Vec<_> = code.split('-').collect();
        assert_eq!(groups.iter().map(|g| g.len()).collect::<Vec<_>>(), [4, 4, 4], "{code}");
        assert!(groups.concat().bytes().all(|b| LETTERS.contains(&b)), "{code}");
        for unclear in *b"IO01" {
            assert!(!LETTERS.contains(&unclear));
        }
        assert_ne!(code, SetUpCode::new(&SystemEntropy).grouped());
    }

    #[test]
    fn a_code_is_known_in_lower_case_and_without_dashes_and_no_part_of_it_is() {
        let code = SetUpCode::new(&SystemEntropy);
        let shown = code.grouped();
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            format!(" {} ", shown.replace('-', " ")),
        ] {
            assert!(code.is(&typed), "{typed}");
        }
        for typed in ["", "-", &shown[..13], &format!("{shown}A"), "AAAA-AAAA-AAAA"] {
            assert!(!code.is(typed), "{typed}");
        }
    }
}
