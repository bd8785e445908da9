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
        work::work_off(&Renewals(self), stop).await
    }

    /// Remembers that the renewal task looked.
    async fn beat(&self, now: i64) -> Result<(), Error> {
        // Once a minute is enough for /readyz; a write at each tick would wear the disk. After a write that
        // failed it is how one finds out, at each tick, that the database can be written again.
        let last = self.last_beat().await?;
        if self.db().trouble().is_none() && last.is_some_and(|at| (at..at + 60).contains(&now)) {
            return Ok(());
        }
        let mut tx = self.db().write().await?;
        if last.is_some_and(|at| at > now) {
            self.clock_went_back(&mut tx, now).await?;
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
