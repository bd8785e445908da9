//! What is wrong with the database itself, told apart by what helps against it,
//! and what became of the last write.
//!
//! Must not know who reads or writes.

use std::{fmt, sync::Arc};

use tokio::sync::watch;

/// Why the database can't be read or written at all; a refused row is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No room is left on its disk.
    Full,
    /// It, or its folder, may not be written.
    ReadOnly,
    /// The disk failed, or the file can't be opened any more.
    Io,
    /// Another program, or a queue of our own writes, held it for too long.
    Busy,
    /// The file is not a database any more.
    Damaged,
}

impl Trouble {
    /// Its name in `/readyz` and in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Io => "io_error",
            Self::Busy => "busy",
            Self::Damaged => "damaged",
        }
    }

    /// What the driver's error says about the database, if it says anything.
    pub fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Database(e) => Self::of_code(e.code()?.parse().ok()?),
            sqlx::Error::PoolTimedOut => Some(Self::Busy),
            sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => Some(Self::Io),
            sqlx::Error::AnyDriverError(e) => e.downcast_ref::<Self>().copied(),
            _ => None,
        }
    }

    /// By `SQLite`'s result code, extended or not: <https://www.sqlite.org/rescode.html>.
    const fn of_code(code: i32) -> Option<Self> {
        // SQLITE_IOERR_SHMSIZE: the index of the write-ahead log can't grow, which a full disk says this way.
        const SHM_SIZE: i32 = 0x130a;
        match (code, code & 0xff) {
            (SHM_SIZE, _) | (_, 13) => Some(Self::Full),
            // SQLITE_PERM, SQLITE_READONLY.
            (_, 3 | 8) => Some(Self::ReadOnly),
            // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL.
            (_, 5 | 6 | 15) => Some(Self::Busy),
            // SQLITE_NOMEM, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_NOLFS.
            (_, 7 | 10 | 14 | 22) => Some(Self::Io),
            // SQLITE_CORRUPT, SQLITE_NOTADB.
            (_, 11 | 26) => Some(Self::Damaged),
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Trouble {}

/// What became of the last write. Shared by the clones of a database.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWrite(Arc<watch::Sender<Option<Trouble>>>);

impl LastWrite {
    /// A write failed for this; logged where it is news.
    pub(super) fn failed(&self, trouble: Trouble) {
        self.0.send_if_modified(|last| {
            let news = *last != Some(trouble);
            if news {
                tracing::error!(kind = %trouble, "the database can't be written");
            }
            *last = Some(trouble);
            news
        });
    }

    /// A write is on the disk.
    pub(super) fn went_well(&self) {
        self.0.send_if_modified(|last| {
            let before = last.take();
            if let Some(trouble) = before {
                tracing::warn!(kind = %trouble, "the database can be written again");
            }
            before.is_some()
        });
    }

    /// Why the last write failed, until one goes well.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_s_codes_are_told_apart_by_what_helps() {
        for (codes, trouble) in [
            (&[13, 4874][..], Some(Trouble::Full)),
            // Read-only, moved away, no rights on the folder.
            (&[8, 264, 1032, 1544, 3], Some(Trouble::ReadOnly)),
            // Busy, a snapshot that is too old, recovery; locked.
            (&[5, 517, 261, 6, 15], Some(Trouble::Busy)),
            // Read, write, flush; out of memory; can't be opened.
            (&[10, 266, 778, 1034, 7, 14], Some(Trouble::Io)),
            (&[11, 26, 267], Some(Trouble::Damaged)),
            // A constraint, an unknown column, a value of the wrong type.
            (&[19, 2067, 787, 1, 20, 0], None),
        ] {
            for code in codes {
                assert_eq!(Trouble::of_code(*code), trouble, "{code}");
            }
        }
    }

    #[test]
    fn what_the_last_write_came_to_stays_until_one_goes_well() {
        let last = LastWrite::default();
        last.failed(Trouble::Busy);
        last.failed(Trouble::Full);
        assert_eq!(last.clone().trouble(), Some(Trouble::Full));
        last.went_well();
        assert_eq!(last.trouble(), None);
    }
}
