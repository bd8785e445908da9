//! What became of notices, for administrators, and the test that one of them
//! sends.

use jiff::Timestamp;

use super::{
    Channel,
    decide::News,
    outbox::{Claimed, insert_claimed},
    subscriber::Subscriber,
    words::{About, payload},
};
use crate::{
    Actor, Error, Services, audit,
    store::{StoreError, at},
};

/// Deliveries of one page at most.
const MOST: u32 = 100;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It arrived at the mail server or the receiver, then.
    Sent(Timestamp),
    /// It is tried again, then.
    Waiting(Timestamp),
    /// It was tried too often.
    GivenUp,
}

/// A notice on its way, or the end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its idempotency id.
    pub id: String,
    /// When it arose.
    pub at: Timestamp,
    /// By mail or webhook.
    pub channel: Channel,
    /// What it says, in a few words.
    pub title: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: i64,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEnd {
    /// It was taken.
    pub ok: bool,
    /// In words.
    pub says: String,
}

impl Services {
    /// The newest notices of the actor's portal, at most `limit` (1 to 100).
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::Store`].
    pub async fn deliveries(&self, actor: &Actor, limit: u32) -> Result<Vec<Delivery>, Error> {
        actor.require_admin()?;
        let limit = limit.clamp(1, MOST);
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", channel AS "channel!", payload AS "payload!", created_at AS "created_at!",
                      next_try_at, tries AS "tries!", sent_at, last_error
               FROM outbox WHERE portal_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ?"#,
            actor.portal.id,
            limit
        )
        .fetch_all(self.db().read())
        .await?;
        let bad = |column| StoreError::Inconsistent { table: "outbox", column };
        rows.into_iter()
            .map(|r| {
                let body: serde_json::Value = serde_json::from_str(&r.payload).map_err(|_| bad("payload"))?;
                Ok(Delivery {
                    id: r.id,
                    at: at(r.created_at),
                    channel: Channel::parse(&r.channel).ok_or_else(|| bad("channel"))?,
                    title: body["data"]["title"].as_str().unwrap_or_default().to_owned(),
                    state: match (r.sent_at, r.next_try_at) {
                        (Some(sent), _) => DeliveryState::Sent(at(sent)),
                        (None, Some(next)) => DeliveryState::Waiting(at(next)),
                        (None, None) => DeliveryState::GivenUp,
                    },
                    tries: r.tries,
                    error: r.last_error,
                })
            })
            .collect()
    }

    /// Sends a test with what is stored, and waits for the end. It goes through
    /// the outbox as every notice does, and is tried once.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where the channel is not set up.
    pub async fn send_test_notice(&self, actor: &Actor, channel: Channel) -> Result<TestEnd, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let stored = self.notice_settings(portal).await?.ok_or(Error::NotFound)?;
        let on = match channel {
            Channel::Mail => stored.host.as_ref(),
            Channel::Webhook => stored.url.as_ref(),
        };
        if on.is_none() {
            return Err(Error::NotFound);
        }
        let now = self.now();
        let whom = Subscriber::load(self.db().read(), portal).await?;
        let about = About { portal: &whom.portal, origin: &whom.origin, state: None };
        let body = payload(&News::Test, &about, now.as_second()).to_string();
        let mut tx = self.db().write().await?;
        let notice = Claimed::new(self.new_id(), portal, &News::Test, channel, body, now.as_second());
        let notice = insert_claimed(self, &mut tx, notice).await?;
        let detail = serde_json::json!({ "channel": channel.as_str() });
        audit::record(&mut tx, portal, Some(actor), audit::NOTICE_TESTED, detail, now).await?;
        tx.commit().await?;
        let end = self.deliver_claimed(&notice).await?;
        let taken = match channel {
            Channel::Mail => "The mail server took the test. Look into the recipients’ mailboxes.",
            Channel::Webhook => "The receiver took the test.",
        };
        Ok(match end {
            Ok(()) => TestEnd { ok: true, says: taken.to_owned() },
            Err(e) => TestEnd { ok: false, says: format!("The test did not arrive. {}", e.0) },
        })
    }
}
