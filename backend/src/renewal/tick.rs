//! Working off what is due. Hosted by the server's renewal task.

use std::{
    collections::HashMap,
    pin::pin,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};

use super::lanes::{Due, Lanes};
use crate::{Error, Services};

/// How many due integrations are read at once, and how many of one tenant.
const READ: i64 = 512;
const READ_OF_ONE: i64 = 32;
/// While work is at hand, what came due meanwhile is read so often at least; and
/// what was just advanced is left alone so long, whatever its row says.
const PAUSE: Duration = Duration::from_secs(1);

impl Services {
    /// Works off what is due; gives back how many integrations were advanced.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read. An integration that
    /// fails is logged and does not hold up the others.
    pub async fn tick(&self) -> Result<usize, Error> {
        self.work_off(std::future::pending()).await
    }

    /// As [`Services::tick`], until there is nothing due any more, or `stop`
    /// completes: then what was begun is ended and nothing else is begun. What
    /// comes due meanwhile is worked off too.
    ///
    /// # Errors
    /// As [`Services::tick`].
    pub async fn work_off(&self, stop: impl Future<Output = ()>) -> Result<usize, Error> {
        let mut stop = pin!(stop);
        let mut work = Work::default();
        let mut running = FuturesUnordered::new();
        let (mut advanced, mut end) = (0, None);
        loop {
            if end.is_none() {
                match self.whose_turn(&mut work, running.is_empty()).await {
                    Ok(next) => running.extend(next.into_iter().map(|due| self.advance_one(due))),
                    // What was begun is ended all the same.
                    Err(e) => end = Some(Err(e)),
                }
            }
            if running.is_empty() {
                return end.unwrap_or(Ok(())).map(|()| advanced);
            }
            tokio::select! {
                biased;
                () = &mut stop, if end.is_none() => end = Some(Ok(())),
                Some(due) = running.next() => {
                    advanced += 1;
                    work.ended(due);
                }
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// All that may begin now.
    async fn whose_turn(&self, work: &mut Work, idle: bool) -> Result<Vec<Due>, Error> {
        self.beat(self.now().as_second()).await?;
        let mut next = Vec::new();
        while work.lanes.has_room() {
            next.extend(std::iter::from_fn(|| work.lanes.next()));
            if !work.wants_more(idle && next.is_empty()) || self.read_due(work).await? == 0 {
                break;
            }
        }
        Ok(next)
    }

    async fn advance_one(&self, due: Due) -> Due {
        if let Err(e) = self.advance(&due.portal_id).await {
            tracing::error!(portal.id = %due.portal_id, error = %e, "the renewal could not be advanced");
        }
        due
    }

    async fn read_due(&self, work: &mut Work) -> Result<usize, Error> {
        let now = self.now().as_second();
        let due = self.due_integrations(now, &work.lanes.supplied(), READ_OF_ONE, READ).await?;
        Ok(work.took(due))
    }

    /// Remembers that the renewal task looked.
    async fn beat(&self, now: i64) -> Result<(), Error> {
        // Once a minute is enough for /readyz; a write at each tick would wear the disk.
        let last = self.last_beat().await?;
        if last.is_some_and(|at| (at..at + 60).contains(&now)) {
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

/// What is in hand, and when to read more.
#[derive(Debug, Default)]
struct Work {
    lanes: Lanes,
    /// When something was read last, and whether it was anything new.
    read: Option<(Instant, bool)>,
    /// What ended in the last [`PAUSE`].
    ended: HashMap<String, Instant>,
}

impl Work {
    fn wants_more(&self, idle: bool) -> bool {
        let Some((at, new)) = self.read else { return true };
        at.elapsed() >= PAUSE || (new && (idle || self.lanes.ran_dry()))
    }

    fn took(&mut self, due: Vec<Due>) -> usize {
        self.ended.retain(|_, at| at.elapsed() < PAUSE);
        let added = self.lanes.add(due.into_iter().filter(|d| !self.ended.contains_key(&d.portal_id)));
        self.read = Some((Instant::now(), added > 0));
        added
    }

    fn ended(&mut self, due: Due) {
        self.lanes.done(&due);
        self.ended.insert(due.portal_id, Instant::now());
    }
}
