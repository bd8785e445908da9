//! Browser sessions at rest. The id that a cookie holds is kept only as its
//! SHA-256, so that who reads the database can't sign in with it. What a session
//! holds is the web layer's business: bytes here.
//!
//! Must not know cookies or whose session it is.

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::{Error, Services, store::secs};

impl Services {
    /// What the session of that id holds; `None` where it is unknown or expired.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn load_web_session(&self, id: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (hash, now) = (hash(id), secs(self.now()));
        Ok(sqlx::query_scalar!(
            "SELECT data FROM web_sessions WHERE id_hash = ? AND expires_at > ?",
            hash,
            now
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    /// Begins a session. `false`: that id is taken and nothing was written.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn create_web_session(
        &self,
        id: &[u8],
        data: &[u8],
        expires_at: Timestamp,
    ) -> Result<bool, Error> {
        let (hash, expires_at) = (hash(id), secs(expires_at));
        let mut tx = self.db().write().await?;
        let made = sqlx::query!(
            "INSERT INTO web_sessions (id_hash, data, expires_at) VALUES (?, ?, ?) ON CONFLICT (id_hash) DO NOTHING",
            hash,
            data,
            expires_at
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(made.rows_affected() == 1)
    }

    /// Writes what a session holds now: what `change` makes of what it holds at this
    /// moment, which another request may have written since this one read it. `false`: it
    /// has ended meanwhile and stays so, or a request that was under way while somebody
    /// signed out would bring them back.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn save_web_session(
        &self,
        id: &[u8],
        expires_at: Timestamp,
        change: impl FnOnce(&[u8]) -> Vec<u8> + Send,
    ) -> Result<bool, Error> {
        let (hash, now, expires_at) = (hash(id), secs(self.now()), secs(expires_at));
        let mut tx = self.db().write().await?;
        let held = sqlx::query_scalar!(
            "SELECT data FROM web_sessions WHERE id_hash = ? AND expires_at > ?",
            hash,
            now
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(held) = held else { return Ok(false) };
        let data = change(&held);
        if data == held {
            return Ok(true);
        }
        let saved = sqlx::query!(
            "UPDATE web_sessions SET data = ?, expires_at = ? WHERE id_hash = ? AND expires_at > ?",
            data,
            expires_at,
            hash,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(saved.rows_affected() == 1)
    }

    /// Ends a session; one that has ended is no error.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn delete_web_session(&self, id: &[u8]) -> Result<(), Error> {
        let hash = hash(id);
        // Whoever signs in has none that could be ended, and the writer is for those who have.
        let there = sqlx::query_scalar!(
            r#"SELECT EXISTS(SELECT 1 FROM web_sessions WHERE id_hash = ?) AS "there!: bool""#,
            hash
        );
        if !there.fetch_one(self.db().read()).await? {
            return Ok(());
        }
        let mut tx = self.db().write().await?;
        sqlx::query!("DELETE FROM web_sessions WHERE id_hash = ?", hash).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// Removes the expired sessions, and says how many there were.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sweep_web_sessions(&self) -> Result<u64, Error> {
        let now = secs(self.now());
        let mut tx = self.db().write().await?;
        let gone =
            sqlx::query!("DELETE FROM web_sessions WHERE expires_at <= ?", now).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}

fn hash(id: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, id).as_ref().to_vec()
}
