//! Hashing and checking passwords: argon2id, PHC strings, never on a thread
//! that serves requests, and never more than two at once.
//!
//! Must not know whose password it is.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash,
};
use qlik::env::Entropy;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Error, store::StoreError};

/// Memory in KiB: the smaller of the two settings that OWASP recommends, see
/// <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>.
const M_COST: u32 = 19 * 1024;
/// Passes over it.
const T_COST: u32 = 2;
/// Lanes.
const P_COST: u32 = 1;
/// Bytes of output.
const OUTPUT: usize = 32;
/// Hashes that are computed at the same time. Each takes 19 MiB and a core: a
/// flood of sign-ins waits here and not in everybody's way.
const AT_ONCE: usize = 2;

pub(super) type Salt = [u8; 16];

/// What became of a check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Checked {
    Wrong,
    Right {
        /// The same password under today's parameters, where the stored hash
        /// has others.
        rehashed: Option<String>,
    },
}

pub(super) struct Passwords {
    permits: Arc<Semaphore>,
    /// Is checked where there is no hash, so that this takes as long.
    dummy: String,
    #[cfg(test)]
    runs: Arc<std::sync::atomic::AtomicUsize>,
}

impl Passwords {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            dummy: dummy(entropy),
            #[cfg(test)]
            runs: Arc::default(),
        }
    }

    /// The PHC string of this password.
    pub(super) async fn hash(&self, password: SecretString, salt: Salt) -> Result<String, Error> {
        self.run(move || hash(&password, &salt)).await
    }

    /// Whether this is the password of the stored hash. Without one (nobody of
    /// that name, or no password set) it is [`Checked::Wrong`], just as late.
    pub(super) async fn check(
        &self,
        password: SecretString,
        stored: Option<String>,
        salt: Salt,
    ) -> Result<Checked, Error> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let checked = self.run(move || check(&password, &stored, &salt)).await?;
        // The dummy's output is random bytes: nothing is known to match it. Not left to chance.
        Ok(if known { checked } else { Checked::Wrong })
    }

    /// Other work of that kind, in the same line.
    pub(super) async fn judge<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run(move || Ok(work())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit: OwnedSemaphorePermit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| Error::Internal("the permits of the password hashing are closed"))?;
        #[cfg(test)]
        self.runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            // Goes with the work and not with the request, which may be given up.
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| Error::Internal("the password hashing did not end"))?
    }

    #[cfg(test)]
    pub(super) fn runs(&self) -> usize {
        self.runs.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(M_COST, T_COST, P_COST, Some(OUTPUT)).map_err(|_| HASHING)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

const HASHING: Error = Error::Internal("argon2 refused its parameters or its input");
const STORED: Error = Error::Store(StoreError::Inconsistent { table: "users", column: "password_hash" });

fn hash(password: &SecretString, salt: &Salt) -> Result<String, Error> {
    let hash =
        argon2()?.hash_password_with_salt(password.expose_secret().as_bytes(), salt).map_err(|_| HASHING)?;
    Ok(hash.to_string())
}

fn check(password: &SecretString, stored: &str, salt: &Salt) -> Result<Checked, Error> {
    let parsed = PasswordHash::new(stored).map_err(|_| STORED)?;
    let ours = argon2()?;
    match ours.verify_password(password.expose_secret().as_bytes(), &parsed) {
        Ok(()) => {}
        Err(password_hash::Error::PasswordInvalid) => return Ok(Checked::Wrong),
        Err(_) => return Err(STORED),
    }
    let rehashed = if up_to_date(&parsed) { None } else { Some(hash(password, salt)?) };
    Ok(Checked::Right { rehashed })
}

fn up_to_date(hash: &PasswordHash) -> bool {
    let params = Params::try_from(hash).is_ok_and(|p| {
        (p.m_cost(), p.t_cost(), p.p_cost(), p.output_len()) == (M_COST, T_COST, P_COST, Some(OUTPUT))
    });
    params
        && hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(u32::from(Version::V0x13))
        && hash.salt.as_ref().is_some_and(|s| s.len() >= size_of::<Salt>())
}

/// A hash that costs as much as any to check. It is put together from random
/// bytes and not computed, so that the start does not wait for it.
fn dummy(entropy: &dyn Entropy) -> String {
    let (mut salt, mut output) = (Salt::default(), [0_u8; OUTPUT]);
    entropy.fill(&mut salt);
    entropy.fill(&mut output);
    let b64 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, bytes);
    format!("$argon2id$v=19$m={M_COST},t={T_COST},p={P_COST}${}${}", b64(&salt), b64(&output))
}

#[cfg(test)]
mod tests {
    use qlik::env::SystemEntropy;

    use super::*;

    const SALT: Salt = *b"0123456789abcdef";

    fn secret(s: &str) -> SecretString {
        SecretString::from(s)
    }

    #[tokio::test]
    async fn a_password_opens_its_own_hash_and_no_other_does() {
        let p = Passwords::new(&SystemEntropy);
        let stored = p.hash(secret("correct horse"), SALT).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let check = |typed| p.check(secret(typed), Some(stored.clone()), SALT);
        assert_eq!(check("correct horse").await.unwrap(), Checked::Right { rehashed: None });
        assert_eq!(check("correct horsf").await.unwrap(), Checked::Wrong);
        assert_eq!(check("").await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_renewed_when_the_password_is_right_and_only_then() {
        let p = Passwords::new(&SystemEntropy);
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).unwrap());
        let kind = Argon2::new(
            Algorithm::Argon2i,
            Version::V0x13,
            Params::new(M_COST, T_COST, P_COST, None).unwrap(),
        );
        for old in [weaker, kind] {
            let stored = old.hash_password_with_salt(b"correct horse", &SALT).unwrap().to_string();
            let right = p.check(secret("correct horse"), Some(stored.clone()), SALT).await.unwrap();
            let Checked::Right { rehashed: Some(new) } = right else { panic!("{right:?}") };
            assert_eq!(
                p.check(secret("correct horse"), Some(new), SALT).await.unwrap(),
                Checked::Right { rehashed: None }
            );
            assert_eq!(p.check(secret("wrong"), Some(stored), SALT).await.unwrap(), Checked::Wrong);
        }
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_none_is_an_error_and_not_a_wrong_password() {
        let p = Passwords::new(&SystemEntropy);
        for broken in
            ["", "plain", "$argon2id$v=19$m=1,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"]
        {
            let end = p.check(secret("x"), Some(broken.to_owned()), SALT).await;
            assert!(matches!(end, Err(Error::Store(StoreError::Inconsistent { .. }))), "{broken}: {end:?}");
        }
    }

    #[tokio::test]
    async fn the_dummy_costs_what_a_real_hash_costs_and_is_never_right() {
        let p = Passwords::new(&SystemEntropy);
        let parsed = PasswordHash::new(&p.dummy).unwrap();
        assert!(up_to_date(&parsed), "{}", p.dummy);
        assert_eq!(parsed.hash.unwrap().len(), OUTPUT);
        let before = p.runs();
        assert_eq!(p.check(secret("x"), None, SALT).await.unwrap(), Checked::Wrong);
        assert_eq!(p.runs() - before, 1);
        assert_ne!(dummy(&SystemEntropy), dummy(&SystemEntropy));
    }

    #[tokio::test]
    async fn two_hashes_are_computed_at_once_and_a_third_waits() {
        let p = Passwords::new(&SystemEntropy);
        let held = Arc::clone(&p.permits).acquire_many_owned(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
        let mut waiting = Box::pin(p.hash(secret("x"), SALT));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(p.runs(), 0);
        drop(held);
        waiting.await.unwrap();
        assert_eq!(p.runs(), 1);
    }
}
