//! The database: how it is opened, how it is written, and the conversions that
//! every table shares. The queries live with the modules whose tables they are.
//!
//! One writer connection whose transactions begin IMMEDIATE, and a pool of
//! readers: a deferred transaction that reads and then writes fails with
//! `SQLITE_BUSY_SNAPSHOT`, which no time-out cures. Whatever a write ends with, the next
//! one begins on a clean connection.

#[cfg(test)]
pub(crate) mod cut;
mod db;
mod trouble;
mod tx;

pub use db::{Db, StoreError};
pub use trouble::Trouble;
pub use tx::{Tx, Writer};

use jiff::Timestamp;
use sqlx::sqlite::SqliteQueryResult;

/// Whole unix seconds of a time, as the tables hold it.
pub fn secs(t: Timestamp) -> i64 {
    t.as_second()
}

/// The time of whole unix seconds; out of range becomes the nearest there is.
pub fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(secs).unwrap_or(if secs < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The statement changed exactly one row.
///
/// # Errors
/// [`StoreError::RowsAffected`] otherwise: somebody else was quicker, or the
/// row is gone.
pub fn one_row(result: &SqliteQueryResult, table: &'static str) -> Result<(), StoreError> {
    match result.rows_affected() {
        1 => Ok(()),
        actual => Err(StoreError::RowsAffected { table, actual }),
    }
}
