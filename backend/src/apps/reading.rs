//! How many pages one user reads at once: a browser with many tabs is served, a
//! script that asks for all at once is told to wait, and nobody else is.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;

/// So many at once.
const AT_ONCE: usize = 8;
/// So many more wait for one of these to end, the one that came first goes first.
const WAITING: usize = 16;
/// How long they wait, and when one that may not wait is to be asked for again.
const SOON: Duration = Duration::from_secs(2);

/// One user's pages.
#[derive(Debug)]
struct Pages {
    /// Those that are read and those that wait.
    asked: usize,
    room: Arc<Semaphore>,
}

/// Who reads, and how many pages at the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading(Arc<Mutex<HashMap<String, Pages>>>);

/// One page that was asked for.
#[derive(Debug)]
pub(super) struct Place {
    reading: Reading,
    user: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Reading {
    /// One more page of this user, until what it gives is dropped.
    ///
    /// # Errors
    /// [`Error::TooManyTries`]
    pub(super) async fn enter(&self, user: &str) -> Result<Place, Error> {
        let (mut place, room) = self.ask(user)?;
        let wait = tokio::time::timeout(SOON, room.acquire_owned());
        let permit = wait.await.map_err(|_| TOO_MANY)?;
        place.permit = permit.ok();
        Ok(place)
    }

    fn ask(&self, user: &str) -> Result<(Place, Arc<Semaphore>), Error> {
        let mut readers = self.lock();
        let pages = readers
            .entry(user.to_owned())
            .or_insert_with(|| Pages { asked: 0, room: Arc::new(Semaphore::new(AT_ONCE)) });
        if pages.asked >= AT_ONCE + WAITING {
            return Err(TOO_MANY);
        }
        pages.asked += 1;
        let place = Place { reading: self.clone(), user: user.to_owned(), permit: None };
        Ok((place, pages.room.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pages>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const TOO_MANY: Error = Error::TooManyTries { retry_after: SOON };

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut readers = self.reading.lock();
        if let Some(pages) = readers.get_mut(&self.user) {
            pages.asked -= 1;
            if pages.asked == 0 {
                readers.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_user_reads_a_few_pages_at_once_a_few_wait_and_nobody_else_does() {
        let reading = Reading::default();
        let mut places: Vec<Place> = join_all((0..AT_ONCE).map(|_| reading.enter("a")))
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let now = |user| tokio::time::timeout(Duration::ZERO, reading.enter(user));
        assert!(now("a").await.is_err(), "it waits");
        assert!(now("b").await.unwrap().is_ok(), "another user does not");
        let more = join_all((0..WAITING + 5).map(|_| reading.enter("a"))).await;
        assert!(more.iter().all(|p| matches!(p, Err(Error::TooManyTries { retry_after: SOON }))));
        places.pop();
        assert!(now("a").await.unwrap().is_ok());
        places.clear();
        assert!(reading.lock().is_empty(), "nothing is kept of who reads no more");
    }
}
