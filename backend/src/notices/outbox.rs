//! The outbox: notices on their way, claimed by lease with a fencing number, so
//! that several processes can share one database. Knows nothing of mail or HTTP.

use super::{Channel, Undelivered, decide::News};
use crate::{
    Error, Services,
    backoff::doubling,
    store::{StoreError, Tx},
};

/// After so many tries a notice is given up: with the waits between them, about
/// a day after it arose.
pub const MOST_TRIES: i64 = 13;
/// Seconds from the first failed try to the second; it doubles from there.
const FIRST_WAIT: i64 = 30;
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 6 * 3_600;
/// How long a claim holds, in seconds: longer than the longest delivery. One
/// that seems to hold for longer was made under a clock that has been put back
/// since, and is void.
pub(super) const LEASE: i64 = 120;

pub(super) async fn insert(
    tx: &mut Tx<'_>,
    id: &str,
    portal_id: &str,
    kind: &str,
    channel: Channel,
    payload: &str,
    now: i64,
) -> Result<(), Error> {
    let channel = channel.as_str();
    sqlx::query!(
        "INSERT INTO outbox (id, portal_id, kind, channel, payload, created_at, next_try_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        id,
        portal_id,
        kind,
        channel,
        payload,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The right to send one notice.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) id: String,
    pub(super) portal_id: String,
    pub(super) kind: String,
    pub(super) channel: Channel,
    pub(super) payload: String,
    pub(super) created_at: i64,
    tries: i64,
    fence: i64,
}

/// Writes a notice that is already claimed by whoever writes it.
pub(super) async fn insert_claimed(
    s: &Services,
    tx: &mut Tx<'_>,
    claimed: Claimed,
) -> Result<Claimed, Error> {
    let until = claimed.created_at + LEASE;
    let owner = s.config().owner.as_str();
    insert(
        tx,
        &claimed.id,
        &claimed.portal_id,
        &claimed.kind,
        claimed.channel,
        &claimed.payload,
        claimed.created_at,
    )
    .await?;
    sqlx::query!(
        "UPDATE outbox SET lease_owner = ?, lease_until = ?, fence = ? WHERE id = ?",
        owner,
        until,
        claimed.fence,
        claimed.id
    )
    .execute(&mut **tx)
    .await?;
    Ok(claimed)
}

impl Claimed {
    /// A new notice in the hands of whoever writes it.
    pub(super) fn new(
        id: String,
        portal_id: &str,
        news: &News,
        channel: Channel,
        payload: String,
        now: i64,
    ) -> Self {
        Self {
            id,
            portal_id: portal_id.to_owned(),
            kind: news.kind().to_owned(),
            channel,
            payload,
            created_at: now,
            tries: 0,
            fence: 1,
        }
    }
}

impl Services {
    /// The notices that are to be tried now, oldest first.
    pub(super) async fn due_notices(&self, now: i64, limit: i64) -> Result<Vec<String>, Error> {
        let longest = now + LEASE;
        Ok(sqlx::query_scalar!(
            r#"SELECT id AS "id!" FROM outbox
               WHERE next_try_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
               ORDER BY next_try_at LIMIT ?"#,
            now,
            now,
            longest,
            limit
        )
        .fetch_all(self.db().read())
        .await?)
    }

    /// Claims one notice. `None`: somebody else holds it, or it is no longer on its way.
    pub(super) async fn claim_notice(&self, id: &str) -> Result<Option<Claimed>, Error> {
        let now = self.now().as_second();
        let (until, owner) = (now + LEASE, self.config().owner.as_str());
        let mut tx = self.db().write().await?;
        let row = sqlx::query!(
            r#"UPDATE outbox SET lease_owner = ?, lease_until = ?, fence = fence + 1
               WHERE id = ? AND next_try_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
               RETURNING portal_id AS "portal_id!", kind AS "kind!", channel AS "channel!", payload AS "payload!",
                         created_at AS "created_at!", tries AS "tries!", fence AS "fence!""#,
            owner,
            until,
            id,
            now,
            now,
            until
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let channel = Channel::parse(&row.channel)
            .ok_or(StoreError::Inconsistent { table: "outbox", column: "channel" })?;
        Ok(Some(Claimed {
            id: id.to_owned(),
            portal_id: row.portal_id,
            kind: row.kind,
            channel,
            payload: row.payload,
            created_at: row.created_at,
            tries: row.tries,
            fence: row.fence,
        }))
    }

    /// Writes how a try ended. That somebody else took the claim meanwhile is no
    /// error: they send it again under the same id.
    pub(super) async fn tried_notice(
        &self,
        claimed: &Claimed,
        end: Result<(), &Undelivered>,
    ) -> Result<(), Error> {
        let now = self.now().as_second();
        let tries = claimed.tries + 1;
        let sent_at = end.is_ok().then_some(now);
        let error = end.err().map(|e| e.0.as_str());
        // Somebody is looking at a test: it is tried once.
        let over = end.is_ok() || tries >= MOST_TRIES || claimed.kind == News::Test.kind();
        let next = (!over).then(|| now + wait(tries, self.jitter()));
        let mut tx = self.db().write().await?;
        let written = sqlx::query!(
            "UPDATE outbox SET tries = ?, sent_at = ?, last_error = ?, next_try_at = ?, lease_owner = NULL,
                    lease_until = NULL
             WHERE id = ? AND fence = ? AND next_try_at IS NOT NULL",
            tries,
            sent_at,
            error,
            next,
            claimed.id,
            claimed.fence
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if written.rows_affected() != 1 {
            tracing::info!(notice.id = %claimed.id, "a notice was taken over by another process");
        } else if over && error.is_some() {
            tracing::warn!(notice.id = %claimed.id, kind = %claimed.kind, portal.id = %claimed.portal_id, "a notice was given up");
        }
        Ok(())
    }
}

/// Seconds to wait after `tries` failed tries.
fn wait(tries: i64, jitter: f64) -> i64 {
    doubling(u32::try_from(tries).unwrap_or(u32::MAX), FIRST_WAIT, LONGEST_WAIT, jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours_and_end_after_about_a_day() {
        assert_eq!(wait(1, 0.0), 30);
        assert_eq!(wait(2, 0.0), 60);
        assert_eq!(wait(12, 0.0), LONGEST_WAIT);
        assert_eq!(wait(2, 1.0), 72);
        let all: i64 = (1..MOST_TRIES).map(|t| wait(t, 0.5)).sum();
        assert!((20 * 3_600..30 * 3_600).contains(&all), "{} h", all / 3_600);
    }
}
