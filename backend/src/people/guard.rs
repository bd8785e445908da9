//! How often an e-mail may be tried from browsers that its account does not know:
//! a number at once, then longer and longer waits. Kept in the store, so that a
//! restart or another process on the same database is no new beginning.
//!
//! Whether anybody has the e-mail is not asked: nothing here can tell it. An
//! e-mail is counted in three cells of a table that has so many and no more, and
//! the least of the three counts (a count-min sketch,
//! <https://dsf.berkeley.edu/cs286/papers/countmin-latin2004.pdf>): strangers who
//! try many e-mails fill no disk, and make others wait only where all three meet.

use std::time::Duration;

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::{
    Error, Services,
    store::{Tx, secs},
};

/// Tries at once: twice what one address may, so that one alone holds nobody up.
const FREE: i64 = 20;
/// The wait after them, which doubles with each try.
const FIRST_WAIT: i64 = 30;
/// The longest wait: about a hundred tries a day.
const LONGEST_WAIT: i64 = 15 * 60;
/// Tries count no higher, so that what is over is forgotten within a day.
const MOST: i64 = FREE + 6;
/// One try is forgotten in that time.
const FORGOTTEN: i64 = 3600;
/// Cells of each of the three rows.
const CELLS: u64 = 4096;

/// Where an e-mail is counted.
pub(super) type Cells = [i64; 3];

/// The cells of an e-mail, by what it is compared by.
pub(super) fn cells(portal_id: &str, email_key: &str) -> Cells {
    let mut text = portal_id.as_bytes().to_vec();
    text.push(0);
    text.extend_from_slice(email_key.as_bytes());
    let hash = digest::digest(&digest::SHA256, &text);
    let mut out = [0; 3];
    for ((row, cell), bytes) in (0_u64..).zip(&mut out).zip(hash.as_ref().chunks_exact(8)) {
        let number = bytes.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
        *cell = i64::try_from(row * CELLS + number % CELLS).unwrap_or_default();
    }
    out
}

/// What was counted in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    failures: i64,
    last_at: i64,
}

impl Count {
    /// As it is now. What a later clock wrote is void.
    fn now(self, now: i64) -> Self {
        let since = now - self.last_at;
        if since < 0 {
            return Self::default();
        }
        Self { failures: (self.failures - since / FORGOTTEN).max(0), ..self }
    }

    /// Seconds until the next try is taken.
    fn wait(self, now: i64) -> i64 {
        let over = self.failures - FREE;
        if over < 0 {
            return 0;
        }
        let wait = FIRST_WAIT.saturating_mul(1 << over.min(16)).min(LONGEST_WAIT);
        (self.last_at + wait - now).max(0)
    }
}

/// Seconds until the next try is taken, by the cell that waits least.
fn wait(counts: &[Count], now: i64) -> i64 {
    counts.iter().map(|c| c.now(now).wait(now)).min().unwrap_or_default()
}

/// What became of asking to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It is counted.
    Yes,
    /// Not before that time has passed.
    NotYet(Duration),
}

impl Services {
    /// Counts a try before it is made, so that of many at once no more are made
    /// than may be. A try that has to wait is not counted and writes nothing.
    pub(super) async fn admit(&self, cells: Cells) -> Result<Admitted, Error> {
        let now = secs(self.now());
        let [a, b, c] = cells;
        let rows = sqlx::query_as!(
            Count,
            r#"SELECT failures AS "failures!", last_at AS "last_at!" FROM sign_in_cells WHERE cell IN (?, ?, ?)"#,
            a,
            b,
            c
        )
        .fetch_all(self.db().read())
        .await?;
        if let Some(not_yet) = put_off(&rows, now) {
            return Ok(not_yet);
        }
        let mut tx = self.db().write().await?;
        let counts = counts(&mut tx, cells).await?;
        if let Some(not_yet) = put_off(&counts, now) {
            return Ok(not_yet);
        }
        for (cell, count) in cells.into_iter().zip(counts) {
            let failures = (count.now(now).failures + 1).min(MOST);
            write(&mut tx, cell, failures, now).await?;
        }
        tx.commit().await?;
        Ok(Admitted::Yes)
    }

    /// The person of this e-mail came in: what is counted for it is taken back.
    pub(super) async fn forgive(&self, tx: &mut Tx<'_>, cells: Cells, now: Timestamp) -> Result<(), Error> {
        let now = secs(now);
        let counts = counts(tx, cells).await?;
        // Never more than the least of them: the rest was counted for others.
        let own = counts.iter().map(|c| c.now(now).failures).min().unwrap_or_default();
        if own == 0 {
            return Ok(());
        }
        for (cell, count) in cells.into_iter().zip(counts) {
            // A full cell does not know whose its counts are. The time of the last goes on counting, so
            // what time took off is not taken off here as well.
            if count.failures < MOST {
                write(tx, cell, count.failures - own, count.last_at).await?;
            }
        }
        Ok(())
    }
}

fn put_off(counts: &[Count], now: i64) -> Option<Admitted> {
    // A cell without a row has counted nothing.
    let seconds = if counts.len() < 3 { 0 } else { wait(counts, now) };
    let seconds = u64::try_from(seconds).unwrap_or_default();
    (seconds > 0).then_some(Admitted::NotYet(Duration::from_secs(seconds)))
}

async fn counts(tx: &mut Tx<'_>, cells: Cells) -> Result<[Count; 3], Error> {
    let mut out = [Count::default(); 3];
    for (count, cell) in out.iter_mut().zip(cells) {
        let row = sqlx::query_as!(
            Count,
            r#"SELECT failures AS "failures!", last_at AS "last_at!" FROM sign_in_cells WHERE cell = ?"#,
            cell
        )
        .fetch_optional(&mut **tx)
        .await?;
        *count = row.unwrap_or_default();
    }
    Ok(out)
}

async fn write(tx: &mut Tx<'_>, cell: i64, failures: i64, last_at: i64) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO sign_in_cells (cell, failures, last_at) VALUES (?, ?, ?)
         ON CONFLICT (cell) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at",
        cell,
        failures,
        last_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn waits(failures: i64, since: i64) -> i64 {
        wait(&[Count { failures, last_at: NOW - since }; 3], NOW)
    }

    #[test]
    fn after_twenty_tries_each_wait_is_twice_the_one_before_up_to_a_quarter_of_an_hour() {
        let all: Vec<i64> = (18..=MOST).map(|failures| waits(failures, 0)).collect();
        assert_eq!(all, [0, 0, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(waits(21, 59), 1);
        assert_eq!(waits(21, 60), 0);
    }

    #[test]
    fn a_try_is_forgotten_in_an_hour_and_all_of_them_in_a_day_or_so() {
        let left = |since| Count { failures: MOST, last_at: NOW - since }.now(NOW).failures;
        assert_eq!((left(3599), left(3600), left(7 * 3600)), (MOST, MOST - 1, FREE - 1));
        assert_eq!(left(MOST * 3600), 0);
        assert_eq!(left(1000 * 3600), 0);
    }

    #[test]
    fn what_a_later_clock_wrote_is_void() {
        assert_eq!(waits(MOST, -1200), 0);
    }

    #[test]
    fn the_cell_that_counted_least_decides() {
        let full = Count { failures: MOST, last_at: NOW };
        assert_eq!(wait(&[full, full, Count::default()], NOW), 0);
        assert_eq!(put_off(&[full, full], NOW), None);
        assert!(matches!(put_off(&[full, full, full], NOW), Some(Admitted::NotYet(_))));
    }

    proptest! {
        #[test]
        fn an_e_mail_has_three_cells_in_three_rows_and_its_portal_counts(email in "\\PC{1,12}") {
            let all = cells("p1", &email);
            for (row, cell) in (0_i64..).zip(all) {
                prop_assert_eq!(cell / 4096, row);
            }
            prop_assert_eq!(all, cells("p1", &email));
            prop_assert_ne!(all, cells("p2", &email));
        }

        #[test]
        fn no_wait_is_longer_than_the_longest(failures in 0_i64..1000, last_at in NOW - 100_000..NOW + 100_000) {
            let waits = Count { failures, last_at }.now(NOW).wait(NOW);
            prop_assert!((0..=LONGEST_WAIT).contains(&waits));
        }
    }
}
