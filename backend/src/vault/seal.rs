//! Sealing and opening. A sealed value is
//! `version (1) ‖ key number (4, big endian) ‖ nonce (12) ‖ ciphertext and tag`,
//! and is bound by its associated data to portal, table, row and column: moved
//! to another place it does not open.

use std::{fmt, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use qlik::env::Entropy;
use zeroize::Zeroizing;

use super::Keyring;
use crate::store::{Db, StoreError};

const VERSION: u8 = 1;
const HEAD: usize = 1 + 4 + NONCE_LEN;

/// A sealed value that can't be made or opened. Without detail on purpose.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Wrong key, wrong place, or changed bytes.
    #[error("a sealed value does not open")]
    DoesNotOpen,
    /// The key that sealed it is not in the keyring.
    #[error("key {0} is not in the keyring")]
    NoSuchKey(u32),
    /// A stored value, which one can do without by entering it again.
    #[error("{table}.{column}: {why}")]
    Stored {
        /// Its table.
        table: &'static str,
        /// Its column.
        column: &'static str,
        /// Why it does not open.
        why: Box<VaultError>,
    },
    /// The database holds values that this key sealed, and not the key's check value:
    /// whether the keyring is the right one can't be told.
    #[error(
        "the database holds values that key {0} sealed, and the check value of that key is gone from the table \
         vault_check; start with a database and a keyring that belong together"
    )]
    Unchecked(u32),
    /// The cipher refused.
    #[error("sealing failed")]
    Seal,
    /// The check values could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a sealed value is kept.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The portal it belongs to.
    pub portal: &'a str,
    /// The table.
    pub table: &'static str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub column: &'static str,
}

impl Place<'_> {
    fn aad(&self) -> Vec<u8> {
        // Length-prefixed, so that no two places write the same bytes.
        let mut out = b"qonduit/1".to_vec();
        for part in [self.portal, self.table, self.row, self.column] {
            out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part.as_bytes());
        }
        out
    }
}

/// Seals and opens under a keyring. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({:?})", self.ring)
    }
}

impl Vault {
    /// A vault over this keyring; nonces come from `entropy`.
    pub fn new(ring: Keyring, entropy: Arc<dyn Entropy>) -> Self {
        Self { ring: Arc::new(ring), entropy }
    }

    /// A vault whose keys are for `purpose` alone. What strangers can have sealed as often
    /// as they like uses up none of what a key of the keyring may seal.
    ///
    /// # Errors
    /// [`VaultError::Seal`] where no keys can be derived.
    pub fn derived(&self, purpose: &'static str) -> Result<Self, VaultError> {
        let ring = self.ring.derived(purpose).ok_or(VaultError::Seal)?;
        Ok(Self { ring: Arc::new(ring), entropy: self.entropy.clone() })
    }

    /// Seals `plain` for its place under the newest key.
    ///
    /// # Errors
    /// [`VaultError::Seal`] where the cipher refuses.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (number, key) = self.ring.active().ok_or(VaultError::Seal)?;
        let mut nonce = [0_u8; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut out = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
        out.push(VERSION);
        out.extend_from_slice(&number.to_be_bytes());
        out.extend_from_slice(&nonce);
        let mut text = plain.to_vec();
        cipher(key.expose())?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.aad()), &mut text)
            .map_err(|_| VaultError::Seal)?;
        out.append(&mut text);
        Ok(out)
    }

    /// Opens what [`Vault::seal`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Stored`] where it was sealed for another place or by a key that is
    /// not in the keyring, or where bytes were changed.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.opened(place, sealed).map_err(|why| {
            let Place { table, column, .. } = place;
            VaultError::Stored { table, column, why: Box::new(why) }
        })
    }

    fn opened(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (head, body) = sealed.split_at_checked(HEAD).ok_or(VaultError::DoesNotOpen)?;
        let (version, rest) = head.split_first().ok_or(VaultError::DoesNotOpen)?;
        let (number, nonce) = rest.split_at_checked(4).ok_or(VaultError::DoesNotOpen)?;
        if *version != VERSION {
            return Err(VaultError::DoesNotOpen);
        }
        let number = u32::from_be_bytes(number.try_into().map_err(|_| VaultError::DoesNotOpen)?);
        let key = self.ring.get(number).ok_or(VaultError::NoSuchKey(number))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::DoesNotOpen)?;
        let mut text = Zeroizing::new(body.to_vec());
        let plain = cipher(key.expose())?
            .open_in_place(nonce, Aad::from(place.aad()), &mut text)
            .map_err(|_| VaultError::DoesNotOpen)?
            .len();
        text.truncate(plain);
        Ok(text)
    }

    /// Opens the stored check value of each key that sealed anything, and writes the one
    /// of a new key: a keyring that does not belong to this database is found at start.
    ///
    /// # Errors
    /// [`VaultError`] where a check value does not open or its key is missing.
    pub async fn check(&self, db: &Db) -> Result<(), VaultError> {
        let place = Place { portal: "", table: "vault_check", row: "", column: "sealed" };
        let rows = sqlx::query!(r#"SELECT key_id AS "key_id!", sealed FROM vault_check"#)
            .fetch_all(db.read())
            .await
            .map_err(StoreError::from)?;
        for row in &rows {
            self.opened(place, &row.sealed)?;
        }
        for number in sealed_by(db).await? {
            let checked = rows.iter().any(|r| r.key_id == i64::from(number));
            // A number that neither side knows is a damaged value, which is told where it is needed.
            if !checked && (rows.is_empty() || self.ring.get(number).is_some()) {
                return Err(VaultError::Unchecked(number));
            }
        }
        let Some((active, _)) = self.ring.active() else { return Err(VaultError::Seal) };
        let active = i64::from(active);
        if !rows.iter().any(|r| r.key_id == active) {
            let sealed = self.seal(place, b"qonduit")?;
            let mut tx = db.write().await?;
            sqlx::query!("INSERT OR IGNORE INTO vault_check (key_id, sealed) VALUES (?, ?)", active, sealed)
                .execute(&mut *tx)
                .await
                .map_err(StoreError::from)?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(())
    }
}

/// The numbers of the keys that sealed what the database holds.
async fn sealed_by(db: &Db) -> Result<Vec<u32>, VaultError> {
    // Every sealed column but the check's own; a test holds this list against the schema.
    let heads = sqlx::query_scalar!(
        r#"SELECT substr(sealed_key, 2, 4) AS "head!: Vec<u8>" FROM signing_identities
           UNION SELECT substr(sealed_token, 2, 4) FROM api_keys WHERE sealed_token IS NOT NULL
           UNION SELECT substr(sealed, 2, 4) FROM qlik_sessions
           UNION SELECT substr(sealed, 2, 4) FROM key_eyes
           UNION SELECT substr(smtp_sealed_password, 2, 4) FROM notice_settings
               WHERE smtp_sealed_password IS NOT NULL
           UNION SELECT substr(webhook_sealed_secret, 2, 4) FROM notice_settings
               WHERE webhook_sealed_secret IS NOT NULL
           UNION SELECT substr(sealed_key, 2, 4) FROM onboardings WHERE sealed_key IS NOT NULL
           UNION SELECT substr(sealed_key, 2, 4) FROM staged_changes WHERE sealed_key IS NOT NULL
           UNION SELECT substr(sealed_secret, 2, 4) FROM oauth_clients WHERE sealed_secret IS NOT NULL
           UNION SELECT substr(sealed_verifier, 2, 4) FROM oauth_connects
           UNION SELECT substr(sealed_refresh, 2, 4) FROM oauth_grants WHERE sealed_refresh IS NOT NULL
           UNION SELECT substr(sealed_secret, 2, 4) FROM oauth_revocations WHERE sealed_secret IS NOT NULL
           UNION SELECT substr(sealed_token, 2, 4) FROM oauth_revocations
           UNION SELECT substr(sealed_password, 2, 4) FROM qlik_credentials WHERE sealed_password IS NOT NULL"#
    )
    .fetch_all(db.read())
    .await
    .map_err(StoreError::from)?;
    // What is too short to name a key is none of the vault's; opening it fails by itself.
    Ok(heads.into_iter().filter_map(|head| Some(u32::from_be_bytes(head.try_into().ok()?))).collect())
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Seal)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use qlik::env::SystemEntropy;

    use super::*;

    fn vault(text: &str) -> Vault {
        Vault::new(Keyring::parse(text).unwrap(), Arc::new(SystemEntropy))
    }

    fn place<'a>(portal: &'a str, row: &'a str) -> Place<'a> {
        Place { portal, table: "api_keys", row, column: "sealed_token" }
    }

    #[test]
    fn a_value_opens_in_its_own_place_and_in_no_other() {
        let v = vault(&format!("1:{}", "11".repeat(32)));
        let sealed = v.seal(place("p", "r"), b"secret").unwrap();
        assert_eq!(v.open(place("p", "r"), &sealed).unwrap().as_slice(), b"secret");
        for other in
            [place("q", "r"), place("p", "s"), place("pr", ""), Place { column: "x", ..place("p", "r") }]
        {
            assert!(matches!(v.opened(other, &sealed), Err(VaultError::DoesNotOpen)));
        }
    }

    #[test]
    fn what_is_sealed_for_a_purpose_opens_for_that_purpose_alone() {
        let v = vault(&format!("1:{}\n4:{}", "11".repeat(32), "22".repeat(32)));
        let (a, b) = (v.derived("a").unwrap(), v.derived("b").unwrap());
        let sealed = a.seal(place("p", "r"), b"secret").unwrap();
        assert_eq!(v.derived("a").unwrap().open(place("p", "r"), &sealed).unwrap().as_slice(), b"secret");
        for other in [v, b] {
            assert!(matches!(other.opened(place("p", "r"), &sealed), Err(VaultError::DoesNotOpen)));
        }
    }

    #[test]
    fn a_newer_key_seals_and_the_older_still_opens() {
        let (a, b) = ("11".repeat(32), "22".repeat(32));
        let sealed = vault(&format!("1:{a}")).seal(place("p", "r"), b"old").unwrap();
        let both = vault(&format!("1:{a}\n2:{b}"));
        assert_eq!(both.open(place("p", "r"), &sealed).unwrap().as_slice(), b"old");
        let newer = both.seal(place("p", "r"), b"new").unwrap();
        assert!(matches!(
            vault(&format!("1:{a}")).opened(place("p", "r"), &newer),
            Err(VaultError::NoSuchKey(2))
        ));
    }

    async fn opens(dir: &std::path::Path, ring: &str) -> Result<Db, VaultError> {
        let db = Db::open(&format!("sqlite://{}", dir.join("t.db").display())).await.unwrap();
        vault(ring).check(&db).await.map(|()| db)
    }

    #[tokio::test]
    async fn a_database_whose_check_value_is_gone_is_opened_by_no_keyring() {
        let dir = tempfile::tempdir().unwrap();
        let (ours, other) = (format!("1:{}", "11".repeat(32)), format!("1:{}", "22".repeat(32)));
        let db = opens(dir.path(), &ours).await.unwrap();
        assert!(matches!(opens(dir.path(), &other).await, Err(VaultError::DoesNotOpen)));
        let more = format!("{ours}\n2:{}", "33".repeat(32));
        opens(dir.path(), &more).await.unwrap();
        // As long as nothing is sealed, a keyring may be exchanged for another.
        let run = async |sql: &'static str, sealed: &[u8]| {
            let mut tx = db.write().await.unwrap();
            sqlx::query(sql).bind(sealed).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        };
        run("DELETE FROM vault_check WHERE ? IS NOT NULL", b"").await;
        opens(dir.path(), &other).await.unwrap();
        run("DELETE FROM vault_check WHERE ? IS NOT NULL", b"").await;
        opens(dir.path(), &ours).await.unwrap();
        let sealed = vault(&ours).seal(place("p", "r"), b"secret").unwrap();
        run("INSERT INTO portals SELECT 'p', 'h', 'o', 'n', 1 WHERE ? IS NOT NULL", b"").await;
        let client =
            "INSERT INTO oauth_clients (portal_id, client_id, sealed_secret, set_at) VALUES ('p', 'c', ?, 1)";
        run(client, &sealed).await;
        opens(dir.path(), &ours).await.unwrap();
        run("DELETE FROM vault_check WHERE ? IS NOT NULL", b"").await;
        let unknown = format!("7:{}", "11".repeat(32));
        for ring in [&ours, &other, &more, &unknown] {
            assert!(matches!(opens(dir.path(), ring).await, Err(VaultError::Unchecked(1))), "{ring}");
        }
    }

    #[tokio::test]
    async fn one_damaged_value_does_not_keep_the_server_from_starting() {
        let dir = tempfile::tempdir().unwrap();
        let ours = format!("1:{}", "11".repeat(32));
        let db = opens(dir.path(), &ours).await.unwrap();
        let mut tx = db.write().await.unwrap();
        sqlx::query("INSERT INTO portals VALUES ('p', 'h', 'o', 'n', 1)").execute(&mut *tx).await.unwrap();
        let damaged = "INSERT INTO oauth_clients (portal_id, client_id, sealed_secret, set_at)
                       VALUES ('p', 'a', zeroblob(60), 1), ('p', 'b', x'01', 1), ('p', 'c', x'', 1)";
        sqlx::query(damaged).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        opens(dir.path(), &ours).await.unwrap();
    }

    #[tokio::test]
    async fn the_check_looks_at_every_sealed_column_of_the_schema() {
        let dir = tempfile::tempdir().unwrap();
        let db = opens(dir.path(), &format!("1:{}", "11".repeat(32))).await.unwrap();
        let all: Vec<(String, String)> = sqlx::query_as(
            "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND c.name LIKE '%sealed%' AND t.name <> 'vault_check'",
        )
        .fetch_all(db.read())
        .await
        .unwrap();
        let source = include_str!("seal.rs");
        assert!(all.len() >= 13, "{all:?}");
        for (table, column) in all {
            assert!(
                source.contains(&format!("substr({column}, 2, 4) FROM {table}"))
                    || source.contains(&format!("substr({column}, 2, 4) AS \"head!: Vec<u8>\" FROM {table}")),
                "{table}.{column}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_value_comes_back_and_any_changed_byte_is_noticed(
            plain in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0_u8..8
        ) {
            let v = vault(&format!("1:{}", "33".repeat(32)));
            let mut sealed = v.seal(place("p", "r"), &plain).unwrap();
            let opened = v.open(place("p", "r"), &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
            let i = at.index(sealed.len());
            sealed[i] ^= 1 << bit;
            prop_assert!(v.open(place("p", "r"), &sealed).is_err());
        }
    }
}
