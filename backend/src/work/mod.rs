//! Working off what is due, for many portals at once: read, take turns, do.
//!
//! This module must not know what the work is.

mod lanes;

use std::{
    collections::HashMap,
    pin::pin,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};

pub(crate) use lanes::Due;
use lanes::Lanes;

use crate::Error;

/// While work is at hand, what came due meanwhile is read so often at least; and
/// what was just done is left alone so long, whatever its row says.
const PAUSE: Duration = Duration::from_secs(1);

/// How much to read of what is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portion<'a> {
    /// Tenant hosts to leave out: enough of theirs is in hand, as a JSON array.
    pub(crate) without: &'a str,
    /// At most so many of one tenant.
    pub(crate) of_one: i64,
    /// At most so many in all.
    pub(crate) limit: i64,
}

/// One kind of work.
#[async_trait]
pub(crate) trait Kind: Sync {
    /// What is due and held by nobody: each tenant's oldest first, then each
    /// one's second.
    async fn due(&self, portion: Portion<'_>) -> Result<Vec<Due>, Error>;
    /// Does it. What goes wrong is the kind's own matter: it holds up no other.
    async fn work(&self, portal_id: &str);
}

/// Works off what is due until there is nothing due any more, or `stop`
/// completes: then what was begun is ended and nothing else is begun. What comes
/// due meanwhile is worked off too. Gives back how many portals were worked on.
///
/// # Errors
/// Where what is due can't be read.
pub(crate) async fn work_off(kind: &dyn Kind, stop: impl Future<Output = ()>) -> Result<usize, Error> {
    let mut stop = pin!(stop);
    let mut hand = Hand::default();
    let mut running = FuturesUnordered::new();
    let (mut done, mut end) = (0, None);
    loop {
        if end.is_none() {
            match hand.whose_turn(kind, running.is_empty()).await {
                Ok(next) => running.extend(next.into_iter().map(|due| one(kind, due))),
                // What was begun is ended all the same.
                Err(e) => end = Some(Err(e)),
            }
        }
        if running.is_empty() {
            return end.unwrap_or(Ok(())).map(|()| done);
        }
        tokio::select! {
            biased;
            () = &mut stop, if end.is_none() => end = Some(Ok(())),
            Some(due) = running.next() => {
                done += 1;
                hand.ended(due);
            }
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn one(kind: &dyn Kind, due: Due) -> Due {
    kind.work(&due.portal_id).await;
    due
}

/// What is in hand, and when to read more.
#[derive(Debug, Default)]
struct Hand {
    lanes: Lanes,
    /// When something was read last, and whether it was anything new.
    read: Option<(Instant, bool)>,
    /// What ended in the last [`PAUSE`].
    ended: HashMap<String, Instant>,
}

impl Hand {
    /// All that may begin now.
    async fn whose_turn(&mut self, kind: &dyn Kind, idle: bool) -> Result<Vec<Due>, Error> {
        let mut next = Vec::new();
        while self.lanes.has_room() {
            next.extend(std::iter::from_fn(|| self.lanes.next()));
            if !self.wants_more(idle && next.is_empty()) || self.read(kind).await? == 0 {
                break;
            }
        }
        Ok(next)
    }

    fn wants_more(&self, idle: bool) -> bool {
        let Some((at, new)) = self.read else { return true };
        at.elapsed() >= PAUSE || (new && (idle || self.lanes.ran_dry()))
    }

    async fn read(&mut self, kind: &dyn Kind) -> Result<usize, Error> {
        let without = serde_json::json!(self.lanes.supplied()).to_string();
        let due = kind.due(Portion { without: &without, of_one: 32, limit: 512 }).await?;
        self.ended.retain(|_, at| at.elapsed() < PAUSE);
        let added = self.lanes.add(due.into_iter().filter(|d| !self.ended.contains_key(&d.portal_id)));
        self.read = Some((Instant::now(), added > 0));
        Ok(added)
    }

    fn ended(&mut self, due: Due) {
        self.lanes.done(&due);
        self.ended.insert(due.portal_id, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::sync::Notify;

    use super::*;

    /// Work that is done once each; `a` never ends before it is told to.
    #[derive(Default)]
    struct Script {
        left: Mutex<Vec<(&'static str, &'static str)>>,
        go: Notify,
        begun: AtomicUsize,
        broken: bool,
    }

    #[async_trait]
    impl Kind for Script {
        async fn due(&self, _: Portion<'_>) -> Result<Vec<Due>, Error> {
            if self.broken && self.begun.load(Ordering::SeqCst) > 0 {
                return Err(Error::Internal("the database is away"));
            }
            let due = |(portal, host): &(&str, &str)| Due {
                portal_id: (*portal).to_owned(),
                tenant_host: (*host).to_owned(),
            };
            Ok(self.left.lock().unwrap().iter().map(due).collect())
        }

        async fn work(&self, portal_id: &str) {
            self.begun.fetch_add(1, Ordering::SeqCst);
            if portal_id == "a" {
                self.go.notified().await;
            }
            self.left.lock().unwrap().retain(|(p, _)| *p != portal_id);
        }
    }

    fn script(left: &[(&'static str, &'static str)]) -> Script {
        Script { left: Mutex::new(left.to_vec()), ..Script::default() }
    }

    #[tokio::test]
    async fn everything_that_is_due_is_done_once() {
        let s = script(&[("b", "x"), ("c", "x"), ("d", "x"), ("e", "y")]);
        assert_eq!(work_off(&s, std::future::pending()).await.unwrap(), 4);
        assert_eq!(s.begun.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn what_was_begun_is_ended_after_a_stop_and_nothing_else_is_begun() {
        let s = script(&[("a", "x"), ("b", "x"), ("c", "x")]);
        let stop = async {
            // `a` and `b` are the tenant's share; `c` waits for a place that comes after the stop.
            while s.begun.load(Ordering::SeqCst) < 2 {
                tokio::task::yield_now().await;
            }
            s.left.lock().unwrap().push(("f", "y"));
        };
        let work = work_off(&s, async {
            stop.await;
            s.go.notify_one();
        });
        let done = work.await.unwrap();
        assert!(done >= 2 && s.left.lock().unwrap().iter().any(|(p, _)| *p == "f"), "{done}");
    }

    #[tokio::test]
    async fn a_database_that_goes_away_cuts_off_nothing_that_was_begun() {
        let s = Script { broken: true, ..script(&[("b", "x")]) };
        assert!(work_off(&s, std::future::pending()).await.is_err());
        assert!(s.left.lock().unwrap().is_empty(), "`b` was ended");
    }
}
