//! Opening the database file, its pools, and its migrations.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    trouble::{LastWrite, Trouble},
    tx::Tx,
};

/// How long a statement waits for another program that holds the database, and how long a
/// write waits for those before it. Both together are what a person waits at most.
const BUSY: Duration = Duration::from_secs(3);
const QUEUE: Duration = Duration::from_secs(3);

static MIGRATOR: Migrator = sqlx::migrate!();

/// What can go wrong below.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The driver or the database file.
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The file could not be made or protected.
    #[error("database file: {0}")]
    File(#[from] std::io::Error),
    /// A statement that must change one row changed another number of rows.
    #[error("{actual} rows of {table} changed where one must")]
    RowsAffected {
        /// The table.
        table: &'static str,
        /// How many rows changed.
        actual: u64,
    },
    /// A row holds what it can't hold.
    #[error("{table}.{column} holds an impossible value")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
}

impl StoreError {
    /// What is wrong with the database itself, where that is it.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Driver(e) => Trouble::of(e),
            _ => None,
        }
    }
}

/// The database: one writer, several readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    writer: SqlitePool,
    readers: SqlitePool,
    last: LastWrite,
}

impl Db {
    /// Opens `url` (`sqlite://path/to/file.db`), makes the file with mode 0600
    /// where it is missing, and migrates it.
    ///
    /// # Errors
    /// [`StoreError`] when the address is no such address, the file can't be
    /// made, or a migration fails.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let base = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Qlik shows a token once: a commit that the disk does not hold is a lost key.
            .synchronous(SqliteSynchronous::Full)
            // Freed pages are overwritten: what was deleted is not left in the file.
            .pragma("secure_delete", "ON")
            .busy_timeout(BUSY)
            .disable_statement_logging();
        protect(base.get_filename())?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(QUEUE)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(base.clone())
            .await?;
        MIGRATOR.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(QUEUE)
            .idle_timeout(None)
            .max_lifetime(None)
            // A reader is checked by its first statement; asking before each one doubles the cost of a page.
            .test_before_acquire(false)
            .connect_with(base.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self { writer, readers, last: LastWrite::default() })
    }

    /// Where to read.
    pub fn read(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a write transaction (`BEGIN IMMEDIATE`). What became of the one before it
    /// does not matter.
    ///
    /// # Errors
    /// [`StoreError::Driver`] when the database stays locked or is gone.
    pub async fn write(&self) -> Result<Tx<'static>, StoreError> {
        Ok(Tx::begin(&self.writer, self.last.clone()).await?)
    }

    /// Why the last write failed, where the database itself was in trouble and none has
    /// gone well since.
    pub fn trouble(&self) -> Option<Trouble> {
        self.last.trouble()
    }

    /// Runs a statement on the writer's connection as it is now, outside of any
    /// transaction: for tests that limit or spoil that connection.
    ///
    /// # Errors
    /// The driver's.
    #[cfg(any(test, feature = "testing"))]
    pub async fn on_writer(&self, statement: &'static str) -> Result<(), StoreError> {
        sqlx::query(statement).execute(&self.writer).await?;
        Ok(())
    }

    /// The number of the last migration that was run, and how many were.
    ///
    /// # Errors
    /// The driver's.
    pub async fn schema(&self) -> Result<(i64, i64), StoreError> {
        // The table is the migrator's own, which the checked queries don't know.
        Ok(sqlx::query_as("SELECT COALESCE(MAX(version), 0), COUNT(*) FROM _sqlx_migrations WHERE success")
            .fetch_one(&self.readers)
            .await?)
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file and its folder for the owner alone; `SQLite` gives the WAL
/// the mode of the file.
fn protect(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
    if file.as_os_str().is_empty() || file == Path::new(":memory:") {
        return Ok(());
    }
    if let Some(dir) = file.parent().filter(|d| !d.as_os_str().is_empty() && !d.exists()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let f = std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(file)?;
    f.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    for beside in ["-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(beside);
        // One that lies ready keeps its mode, and a link leads to who knows where.
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            }
            Ok(_) => {
                let what = format!("{} is no file", Path::new(&path).display());
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, what));
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn whatever_lay_ready_is_the_owners_alone_and_no_link_is_followed_beside_the_database() {
        let dir = tempfile::tempdir().unwrap();
        let [file, wal, shm] = ["p.db", "p.db-wal", "p.db-shm"].map(|name| dir.path().join(name));
        protect(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        for path in [&file, &wal, &shm] {
            fs::write(path, "").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
        }
        protect(&file).unwrap();
        assert_eq!([&file, &wal, &shm].map(|p| mode(p)), [0o600; 3]);

        fs::remove_file(&wal).unwrap();
        let elsewhere = dir.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &wal).unwrap();
        assert!(protect(&file).is_err());
    }
}
