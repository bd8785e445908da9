//! Browser sessions of `tower-sessions`, kept in the product's own store.

use std::fmt;

use async_trait::async_trait;
use backend::Services;
use jiff::Timestamp;
use time::{Duration, OffsetDateTime};
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

/// How long a browser session lasts.
pub(crate) const SESSION: Duration = Duration::hours(12);

/// The store, behind the interface that the session layer wants.
#[derive(Clone)]
pub(crate) struct Store(pub(crate) Services);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

fn failed(e: &backend::Error) -> Error {
    Error::Backend(e.to_string())
}

fn parts(record: &Record) -> Result<(Vec<u8>, Timestamp)> {
    let data = serde_json::to_vec(&record.data).map_err(|e| Error::Encode(e.to_string()))?;
    let until = Timestamp::from_second(record.expiry_date.unix_timestamp())
        .map_err(|e| Error::Encode(e.to_string()))?;
    Ok((data, until))
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let (data, until) = parts(record)?;
        // 128 random bits meet nobody twice; the loop is for the day that they do.
        loop {
            let id = record.id.0.to_be_bytes();
            if self.0.create_web_session(&id, &data, until).await.map_err(|e| failed(&e))? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (data, until) = parts(record)?;
        let id = record.id.0.to_be_bytes();
        if !self.0.save_web_session(&id, &data, until).await.map_err(|e| failed(&e))? {
            tracing::debug!("a session ended while a request of it was under way");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let data = self.0.load_web_session(&id.0.to_be_bytes()).await.map_err(|e| failed(&e))?;
        let Some(data) = data else { return Ok(None) };
        let data = serde_json::from_slice(&data).map_err(|e| Error::Decode(e.to_string()))?;
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
