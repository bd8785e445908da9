//! Browser sessions of `tower-sessions`, kept in the product's own store.
//!
//! An id belongs to one person at one level for good: whoever signs in or out gets a
//! new one or none, and the old one never comes back, whatever a request that was under
//! way meanwhile still writes.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use axum::{
    http::{HeaderMap, header},
    response::Response,
};
use backend::{Services, store::Trouble};
use jiff::Timestamp;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

/// How long a browser session lasts.
pub(crate) const SESSION: Duration = Duration::hours(12);

type Data = HashMap<String, Value>;

/// What the store saw while it served one request.
#[derive(Debug, Default)]
struct Seen {
    /// What the session held when it was read.
    held: OnceLock<Data>,
    /// It had ended when it was to be saved.
    ended: OnceLock<()>,
    /// Why the database did not do it.
    trouble: OnceLock<Trouble>,
}

tokio::task_local! {
    static SEEN: Arc<Seen>;
}

fn seen<T>(what: impl FnOnce(&Seen) -> T) -> Option<T> {
    SEEN.try_with(|seen| what(seen)).ok()
}

/// Serves one request. Where its session ended meanwhile the answer does not hand its
/// cookie out again, over that of the session which came after. Gives also why the
/// database failed the session, if it did.
pub(crate) async fn noticing(
    cookie: &str,
    answer: impl Future<Output = Response>,
) -> (Response, Option<Trouble>) {
    let seen = Arc::new(Seen::default());
    let mut response = SEEN.scope(seen.clone(), answer).await;
    if seen.ended.get().is_some() {
        take_back(cookie, response.headers_mut());
    }
    (response, seen.trouble.get().copied())
}

fn take_back(cookie: &str, headers: &mut HeaderMap) {
    let ours = |v: &[u8]| v.strip_prefix(cookie.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='));
    let others: Vec<_> =
        headers.get_all(header::SET_COOKIE).iter().filter(|v| !ours(v.as_bytes())).cloned().collect();
    headers.remove(header::SET_COOKIE);
    for other in others {
        headers.append(header::SET_COOKIE, other);
    }
}

/// The store, behind the interface that the session layer wants.
#[derive(Clone)]
pub(crate) struct Store(pub(crate) Services);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

fn failed(e: &backend::Error) -> Error {
    if let Some(trouble) = e.trouble() {
        seen(|seen| seen.trouble.set(trouble).ok());
    }
    Error::Backend(e.to_string())
}

fn until(record: &Record) -> Result<Timestamp> {
    Timestamp::from_second(record.expiry_date.unix_timestamp()).map_err(|e| Error::Encode(e.to_string()))
}

/// What the session holds after a request that changed `before` to `ours`, where another
/// one wrote `theirs` meanwhile: the changes of both.
fn merged(before: Option<&Data>, ours: &Data, theirs: &Data) -> Data {
    let Some(before) = before else { return ours.clone() };
    let mut all = theirs.clone();
    for key in ours.keys().chain(before.keys()) {
        match (before.get(key), ours.get(key)) {
            (was, is) if was == is => {}
            (_, Some(is)) => {
                all.insert(key.clone(), is.clone());
            }
            (_, None) => {
                all.remove(key);
            }
        }
    }
    all
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let until = until(record)?;
        let data = serde_json::to_vec(&record.data).map_err(|e| Error::Encode(e.to_string()))?;
        loop {
            // Always a new id: the record still has the one of a session that was ended, and whoever
            // knows that one, or is at work under it, would be in the new session.
            record.id = Id::default();
            let id = record.id.0.to_be_bytes();
            if self.0.create_web_session(&id, &data, until).await.map_err(|e| failed(&e))? {
                return Ok(());
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let until = until(record)?;
        let id = record.id.0.to_be_bytes();
        let ours = record.data.clone();
        let before = seen(|seen| seen.held.get().cloned()).flatten();
        let change = move |held: &[u8]| {
            let theirs: Data = serde_json::from_slice(held).unwrap_or_default();
            let all = merged(before.as_ref(), &ours, &theirs);
            if all == theirs { held.to_vec() } else { serde_json::to_vec(&all).unwrap_or(held.to_vec()) }
        };
        match self.0.save_web_session(&id, until, change).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                tracing::debug!("a session ended while a request of it was under way");
                seen(|seen| seen.ended.set(()).ok());
                Ok(())
            }
            // What one page leaves for the next is lost; the page itself is not to be lost as well.
            Err(e) if e.trouble().is_some() => {
                tracing::warn!(error = %e, "what a page leaves for the next could not be kept");
                Ok(())
            }
            Err(e) => Err(failed(&e)),
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let data = self.0.load_web_session(&id.0.to_be_bytes()).await.map_err(|e| failed(&e))?;
        let Some(data) = data else { return Ok(None) };
        let data: Data = serde_json::from_slice(&data).map_err(|e| Error::Decode(e.to_string()))?;
        seen(|seen| seen.held.set(data.clone()).ok());
        // The layer sets the expiry anew when it saves; that it has not come was asked above.
        let end = self.0.now().as_second() + SESSION.whole_seconds();
        let expiry_date =
            OffsetDateTime::from_unix_timestamp(end).map_err(|e| Error::Decode(e.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.delete_web_session(&id.0.to_be_bytes()).await.map_err(|e| failed(&e))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use backend::testing::{FakeClock, services};
    use tower_sessions::{Expiry, Session};

    use super::*;

    fn data(pairs: &[(&str, i64)]) -> Data {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect()
    }

    #[test]
    fn two_requests_of_one_session_keep_the_changes_of_both() {
        let before = data(&[("who", 1), ("form", 2), ("notice", 3)]);
        // This one took the notice and left a link; the other took the form and left a new notice.
        let ours = data(&[("who", 1), ("form", 2), ("link", 4)]);
        let theirs = data(&[("who", 1), ("notice", 3), ("other", 5)]);
        let both = data(&[("who", 1), ("link", 4), ("other", 5)]);
        assert_eq!(merged(Some(&before), &ours, &theirs), both);
        // What both changed is as the later one has it, and what nobody changed is as it was.
        let later = data(&[("who", 1), ("form", 9), ("notice", 3)]);
        let changed = data(&[("who", 1), ("form", 8), ("notice", 3)]);
        assert_eq!(merged(Some(&before), &later, &changed), later);
        assert_eq!(merged(Some(&before), &before, &theirs), theirs);
        assert_eq!(merged(None, &ours, &theirs), ours);
    }

    #[tokio::test]
    async fn an_id_that_has_ended_does_not_come_back_whoever_writes_late() {
        let clock = FakeClock::new("2026-11-24T12:00:00Z".parse().unwrap());
        let house = services(clock).await.unwrap();
        let store = Arc::new(Store(house.services.clone()));
        let session = |id| Session::new(id, store.clone(), Some(Expiry::OnInactivity(SESSION)));
        let first = session(None);
        first.insert("who", "ada").await.unwrap();
        first.save().await.unwrap();
        let id = first.id().unwrap();
        // A request that is under way, and one that signs out and leaves a notice.
        let slow = session(Some(id));
        assert_eq!(slow.get::<String>("who").await.unwrap().as_deref(), Some("ada"));
        let out = session(Some(id));
        assert_eq!(out.get::<String>("who").await.unwrap().as_deref(), Some("ada"));
        out.flush().await.unwrap();
        out.insert("notice", "signed out").await.unwrap();
        out.save().await.unwrap();
        assert_ne!(out.id().unwrap(), id);
        assert_eq!(store.load(&id).await.unwrap(), None);

        let answer = async {
            slow.insert("notice", "tested").await.unwrap();
            slow.save().await.unwrap();
            Response::builder().header("set-cookie", format!("sid={id}; Path=/")).body(Body::empty()).unwrap()
        };
        let (answer, _) = noticing("sid", answer).await;
        assert_eq!(store.load(&id).await.unwrap(), None);
        assert_eq!(answer.headers().get("set-cookie"), None);
        let new = store.load(&out.id().unwrap()).await.unwrap().unwrap();
        assert_eq!(new.data.keys().collect::<Vec<_>>(), ["notice"]);
    }

    #[tokio::test]
    async fn two_requests_at_once_do_not_undo_each_other() {
        let clock = FakeClock::new("2026-11-24T12:00:00Z".parse().unwrap());
        let house = services(clock).await.unwrap();
        let store = Arc::new(Store(house.services.clone()));
        let session = |id| Session::new(id, store.clone(), Some(Expiry::OnInactivity(SESSION)));
        let first = session(None);
        first.insert("who", "ada").await.unwrap();
        first.insert("notice", "saved").await.unwrap();
        first.save().await.unwrap();
        let id = first.id();
        let shown = async {
            let slow = session(id);
            assert!(slow.get_value("notice").await.unwrap().is_some());
            // Another page shows the notice, and a form leaves what was typed.
            let other = session(id);
            other.remove_value("notice").await.unwrap();
            other.insert("form", "typed").await.unwrap();
            other.save().await.unwrap();
            slow.insert("link", "sealed").await.unwrap();
            slow.save().await.unwrap();
            Response::new(Body::empty())
        };
        noticing("sid", shown).await;
        let mut left: Vec<_> = store.load(&id.unwrap()).await.unwrap().unwrap().data.into_keys().collect();
        left.sort();
        assert_eq!(left, ["form", "link", "who"]);
    }

    #[test]
    fn the_cookie_of_an_ended_session_alone_is_taken_back() {
        let mut headers = HeaderMap::new();
        for cookie in ["__Host-qonduit=abc; Path=/", "__Host-qonduit-flash=x; Path=/", "other=1"] {
            headers.append(header::SET_COOKIE, cookie.parse().unwrap());
        }
        take_back("__Host-qonduit", &mut headers);
        let left: Vec<_> = headers.get_all(header::SET_COOKIE).iter().map(|v| v.to_str().unwrap()).collect();
        assert_eq!(left, ["__Host-qonduit-flash=x; Path=/", "other=1"]);
    }
}
