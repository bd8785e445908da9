//! The renewal's part in working off what is due. Hosted by the server's renewal
//! task.

use async_trait::async_trait;

use crate::{
    Error, Services,
    work::{self, Due, Kind, Portion},
};

/// What the renewal works off.
struct Renewals<'a>(&'a Services);

#[async_trait]
impl Kind for Renewals<'_> {
    async fn due(&self, portion: Portion<'_>) -> Result<Vec<Due>, Error> {
        let now = self.0.now().as_second();
        self.0.beat(now).await?;
        self.0.due_integrations(now, portion).await
    }

    async fn work(&self, portal_id: &str) {
        if let Err(e) = self.0.advance(portal_id).await {
            tracing::error!(portal.id = %portal_id, error = %e, "the renewal could not be advanced");
        }
    }
}

impl Services {
    /// Works off what is due; gives back how many integrations were advanced.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read. An integration that
    /// fails is logged and does not hold up the others.
    pub async fn tick(&self) -> Result<usize, Error> {
        self.tick_until(std::future::pending()).await
    }

    /// As [`Services::tick`], until `stop` completes at the latest: then what was
    /// begun is ended, and nothing else is begun.
    ///
    /// # Errors
    /// As [`Services::tick`].
    pub async fn tick_until(&self, stop: impl Future<Output = ()>) -> Result<usize, Error> {
        // What can't be ended now is ended at another tick: it must not keep the renewal from looking.
        if let Err(e) = self.end_kept().await {
            tracing::error!(error = %e, "what is kept for a while could not be ended");
        }
        self.adopt_all().await;
        work::work_off(&Renewals(self), stop).await
    }

    /// Remembers that the renewal task looked.
    pub(super) async fn beat(&self, now: i64) -> Result<(), Error> {
        // Once a minute is enough for /readyz; a write at each tick would wear the disk. After a write that
        // failed it is how one finds out, at each tick, that the database can be written again.
        let last = self.last_beat().await?;
        if self.db().trouble().is_none() && last.is_some_and(|at| (at..at + 60).contains(&now)) {
            return Ok(());
        }
        let mut tx = self.db().write().await?;
        if let Some(back) = last.map(|at| at - now).filter(|back| *back > 0) {
            self.clock_went_back(&mut tx, now, back).await?;
        }
        sqlx::query!(
            "INSERT INTO scheduler (id, tick_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET tick_at = excluded.tick_at",
            now
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// When the renewal task last looked, unix seconds.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn last_beat(&self) -> Result<Option<i64>, Error> {
        Ok(sqlx::query_scalar!(r#"SELECT tick_at AS "at!" FROM scheduler WHERE id = 1"#)
            .fetch_optional(self.db().read())
            .await?)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{FakeClock, services};

    const NOW: i64 = 1_800_000_000;

    #[tokio::test]
    async fn a_clock_that_was_put_back_wakes_what_waits_for_its_times_in_other_rooms_too() {
        let s = services(FakeClock::new(crate::store::at(NOW))).await.unwrap();
        let rows = [
            ("rotations", "next_action_at", "portal_id, state", "'p', '{}'"),
            ("onboardings", "next_at", "portal_id, id, progress, expires_at", "'p', 'o', '{}', 0"),
            ("notice_state", "check_at", "portal_id, told", "'p', '{}'"),
            (
                "outbox",
                "next_try_at",
                "id, portal_id, kind, channel, payload, created_at",
                "'n', 'p', 'test', 'mail', '{}', 0",
            ),
            (
                "oauth_revocations",
                "next_try_at",
                "id, portal_id, tenant_host, client_id, sealed_token, asked_at",
                "'r', 'p', 'h', 'c', x'00', 0",
            ),
            (
                "matching_runs",
                "next_try_at",
                "id, portal_id, tenant_id, tenant_host, email_as_subject, may_create, may_rewrite, state, started_at",
                "'m', 'p', 't', 'h', 0, 0, 0, 'reading', 0",
            ),
        ];
        for (table, column, columns, values) in rows {
            for (back, expected) in [(1_200, NOW), (60, NOW + 1_260)] {
                // Never committed: what counts is the row's wait, not whose it is.
                let mut tx = s.db().write().await.unwrap();
                let mut run = async |sql: String| {
                    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
                };
                run("PRAGMA defer_foreign_keys = ON".to_owned()).await;
                run(format!("INSERT INTO {table} ({columns}, {column}) VALUES ({values}, {})", NOW + 1_260))
                    .await;
                s.clock_went_back(&mut tx, NOW, back).await.unwrap();
                let wait = format!("SELECT {column} FROM {table}");
                let waits: i64 =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(wait)).fetch_one(&mut *tx).await.unwrap();
                assert_eq!(waits, expected, "{table}, put back by {back} s");
            }
        }
    }
}
