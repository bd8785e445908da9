//! A write transaction on a connection of its own. However it ends, the next one
//! begins on a clean connection: where `SQLite` said that the database itself is in
//! trouble, it may have rolled back by itself or not, so the connection is closed,
//! which rolls back, and the pool opens another.
//!
//! The driver's own transactions are not used: they count a depth that only a
//! COMMIT or ROLLBACK that worked brings down, and after one that did not every later
//! one is refused.

use std::marker::PhantomData;

use futures::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _, future, stream};
use sqlx::{
    Describe, Either, Execute, Executor, SqlStr, Sqlite, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo},
};

use super::trouble::{LastWrite, Trouble};

type BoxFuture<'e, T> = future::BoxFuture<'e, Result<T, sqlx::Error>>;
type BoxStream<'e, T> = stream::BoxStream<'e, Result<T, sqlx::Error>>;

/// A write transaction; dropping it without `commit` rolls it back.
#[derive(Debug)]
pub struct Tx<'a> {
    writer: Writer,
    /// What is borrowed from it ends before it does.
    of: PhantomData<&'a ()>,
}

impl Tx<'static> {
    /// Begins one, once those that were asked for earlier have ended.
    pub(super) async fn begin(pool: &SqlitePool, last: LastWrite) -> Result<Self, sqlx::Error> {
        let acquired = pool.acquire().await;
        let connection = acquired.inspect_err(|e| {
            if let Some(trouble) = Trouble::of(e) {
                last.failed(trouble);
            }
        })?;
        // Made before it is begun: dropped in between, it is rolled back as any other.
        let writer = Writer { connection: Some(connection), spoiled: None, last };
        let mut tx = Self { writer, of: PhantomData };
        match sqlx::query("BEGIN IMMEDIATE").execute(&mut *tx).await {
            Ok(_) => Ok(tx),
            Err(e) => {
                if Trouble::of(&e) == Some(Trouble::Busy) {
                    // Nothing was begun: the connection is as good as before.
                    drop(tx.writer.connection.take());
                }
                Err(e)
            }
        }
    }
}

impl Tx<'_> {
    /// Ends the transaction; what it wrote is on the disk.
    ///
    /// # Errors
    /// The driver's, and then nothing of it is kept.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        #[cfg(test)]
        super::cut::at(super::cut::Edge::BeforeCommit).await;
        if self.writer.last.trouble().is_some() {
            // A transaction that changed nothing would say nothing about the disk: this writes a page
            // whatever the value was (https://sqlite.org/pragma.html#pragma_user_version).
            sqlx::query("PRAGMA user_version = 0").execute(&mut *self).await?;
        }
        sqlx::query("COMMIT").execute(&mut *self).await?;
        self.writer.last.went_well();
        drop(self.writer.connection.take());
        #[cfg(test)]
        super::cut::at(super::cut::Edge::AfterCommit).await;
        Ok(())
    }
}

impl std::ops::Deref for Tx<'_> {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl std::ops::DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

/// The connection of a write transaction, for statements.
#[derive(Debug)]
pub struct Writer {
    /// Gone once the transaction has ended.
    connection: Option<PoolConnection<Sqlite>>,
    /// What the database answered that may have ended the transaction behind our back.
    spoiled: Option<Trouble>,
    last: LastWrite,
}

/// What a statement needs of [`Writer`]: the connection, and where its failure is noted.
type Parts<'w> = (&'w mut sqlx::SqliteConnection, Note<'w>);

struct Note<'w> {
    spoiled: &'w mut Option<Trouble>,
    last: &'w LastWrite,
}

impl Note<'_> {
    fn failed(self, error: &sqlx::Error) {
        if let Some(trouble) = Trouble::of(error) {
            *self.spoiled = Some(trouble);
            self.last.failed(trouble);
        }
    }
}

impl Writer {
    /// The connection, while a statement on it is one of the transaction: after a failure
    /// that may have rolled it back it would be kept by itself.
    fn parts(&mut self) -> Result<Parts<'_>, sqlx::Error> {
        if let Some(trouble) = self.spoiled {
            return Err(sqlx::Error::AnyDriverError(Box::new(trouble)));
        }
        let Self { connection, spoiled, last } = self;
        let connection = connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        Ok((&mut **connection, Note { spoiled, last }))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if self.spoiled.is_some() {
            connection.close_on_drop();
            return;
        }
        // Given up on purpose, or its request went away. Without a runtime the connection ends with the process.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if sqlx::query("ROLLBACK").execute(&mut *connection).await.is_err() {
                    connection.close_on_drop();
                }
            });
        }
    }
}

impl<'c> Executor<'c> for &'c mut Writer {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Either<SqliteQueryResult, SqliteRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        match self.parts() {
            Ok((connection, note)) => {
                let mut note = Some(note);
                let failed = move |e: &sqlx::Error| note.take().into_iter().for_each(|n| n.failed(e));
                connection.fetch_many(query).inspect_err(failed).boxed()
            }
            Err(e) => stream::once(future::ready(Err(e))).boxed(),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Option<SqliteRow>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        match self.parts() {
            Ok((connection, note)) => {
                connection.fetch_optional(query).inspect_err(|e| note.failed(e)).boxed()
            }
            Err(e) => future::ready(Err(e)).boxed(),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [SqliteTypeInfo]) -> BoxFuture<'e, SqliteStatement>
    where
        'c: 'e,
    {
        match self.parts() {
            Ok((connection, note)) => {
                connection.prepare_with(sql, parameters).inspect_err(|e| note.failed(e)).boxed()
            }
            Err(e) => future::ready(Err(e)).boxed(),
        }
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Describe<Sqlite>>
    where
        'c: 'e,
    {
        match self.parts() {
            Ok((connection, _)) => connection.describe(sql),
            Err(e) => future::ready(Err(e)).boxed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

    use super::*;
    use crate::store::{Db, StoreError};

    struct House {
        db: Db,
        dir: tempfile::TempDir,
    }

    async fn house() -> House {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite://{}", dir.path().join("t.db").display())).await.unwrap();
        House { db, dir }
    }

    impl House {
        fn elsewhere_options(&self) -> SqliteConnectOptions {
            SqliteConnectOptions::new().filename(self.dir.path().join("t.db"))
        }

        /// Another program on the same file.
        async fn elsewhere(&self) -> sqlx::SqliteConnection {
            self.elsewhere_options().connect().await.unwrap()
        }

        async fn count(&self) -> i64 {
            sqlx::query_scalar("SELECT count(*) FROM web_sessions").fetch_one(self.db.read()).await.unwrap()
        }

        /// No page may be added on the writer's connection of now.
        async fn fill(&self) {
            self.db.on_writer("PRAGMA max_page_count = 1").await.unwrap();
        }
    }

    async fn insert(tx: &mut Tx<'_>, id: u8, bytes: usize) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO web_sessions (id_hash, data, expires_at) VALUES (?, zeroblob(?), 1)")
            .bind([id].as_slice())
            .bind(i64::try_from(bytes).unwrap())
            .execute(&mut **tx)
            .await
            .map(|_| ())
    }

    async fn write(db: &Db, id: u8, bytes: usize) -> Result<(), StoreError> {
        let mut tx = db.write().await?;
        insert(&mut tx, id, bytes).await?;
        Ok(tx.commit().await?)
    }

    fn trouble(end: Result<(), StoreError>) -> Option<Trouble> {
        end.unwrap_err().trouble()
    }

    /// Larger than what a page holds.
    const BIG: usize = 100_000;

    #[tokio::test]
    async fn after_a_full_disk_the_next_write_is_taken() {
        let h = house().await;
        for n in 0..3 {
            h.fill().await;
            assert_eq!(trouble(write(&h.db, n, BIG).await), Some(Trouble::Full));
            assert_eq!(h.db.trouble(), Some(Trouble::Full));
            write(&h.db, n + 10, BIG).await.unwrap();
            assert_eq!(h.db.trouble(), None);
        }
        assert_eq!(h.count().await, 3);
    }

    /// Why there is a transaction of our own; where this fails, the driver's may do.
    #[tokio::test]
    async fn the_driver_s_own_transaction_takes_no_write_after_a_full_disk() {
        let h = house().await;
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(h.elsewhere_options()).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&pool).await.unwrap();
        let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let big = "INSERT INTO web_sessions (id_hash, data, expires_at) VALUES (x'01', zeroblob(100000), 1)";
        sqlx::query(big).execute(&mut *tx).await.unwrap_err();
        drop(tx);
        let next = pool.begin_with("BEGIN IMMEDIATE").await;
        assert!(matches!(next, Err(sqlx::Error::InvalidSavePointStatement)), "{next:?}");
    }

    #[tokio::test]
    async fn what_follows_a_failure_in_the_same_transaction_is_not_kept_by_itself() {
        let h = house().await;
        h.fill().await;
        let mut tx = h.db.write().await.unwrap();
        // SQLite rolls back by itself here: what comes after would be no part of a transaction.
        insert(&mut tx, 1, BIG).await.unwrap_err();
        let after = insert(&mut tx, 2, 1).await.unwrap_err();
        assert_eq!(Trouble::of(&after), Some(Trouble::Full), "{after}");
        let end = tx.commit().await.unwrap_err();
        assert_eq!(Trouble::of(&end), Some(Trouble::Full), "{end}");
        write(&h.db, 3, 1).await.unwrap();
        assert_eq!(h.count().await, 1);
    }

    #[tokio::test]
    async fn after_a_commit_that_is_refused_the_next_write_is_taken() {
        let h = house().await;
        let mut tx = h.db.write().await.unwrap();
        sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut *tx).await.unwrap();
        sqlx::query("INSERT INTO users (id, portal_id, email, name, role, status, created_at) VALUES ('u', 'none', 'e', 'n', 'user', 'active', 1)")
            .execute(&mut *tx)
            .await
            .unwrap();
        assert!(tx.commit().await.is_err());
        write(&h.db, 1, 1).await.unwrap();
        assert_eq!(h.db.trouble(), None, "a row that is refused is no trouble of the database");
    }

    #[tokio::test]
    async fn after_a_read_only_moment_the_next_write_is_taken() {
        let h = house().await;
        h.db.on_writer("PRAGMA query_only = ON").await.unwrap();
        assert_eq!(trouble(write(&h.db, 1, 1).await), Some(Trouble::ReadOnly));
        assert_eq!(h.db.trouble(), Some(Trouble::ReadOnly));
        write(&h.db, 1, 1).await.unwrap();
        assert_eq!((h.count().await, h.db.trouble()), (1, None));
    }

    #[tokio::test]
    async fn a_database_that_another_program_holds_is_busy_and_then_taken_again() {
        let h = house().await;
        let mut other = h.elsewhere().await;
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
        h.db.on_writer("PRAGMA busy_timeout = 20").await.unwrap();
        assert_eq!(trouble(write(&h.db, 1, 1).await), Some(Trouble::Busy));
        assert_eq!(h.db.trouble(), Some(Trouble::Busy));
        assert_eq!(h.count().await, 0, "it can be read");
        sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
        write(&h.db, 1, 1).await.unwrap();
        assert_eq!((h.count().await, h.db.trouble()), (1, None));
    }

    #[tokio::test]
    async fn a_write_that_is_given_up_at_any_moment_leaves_a_clean_connection() {
        let h = house().await;
        for polls in 0..60_u8 {
            let mut work = Box::pin(write(&h.db, polls, 1));
            for _ in 0..polls {
                if futures::poll!(&mut work).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(work);
            write(&h.db, polls.wrapping_add(100), 1).await.unwrap();
        }
        assert!(h.count().await >= 60);
    }
}
