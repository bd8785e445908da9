//! Who is told in a portal, and the posting of a notice to each way that is set
//! up. Knows nothing of what is worth telling.

use sqlx::SqliteExecutor;

use super::{
    Channel,
    decide::News,
    outbox::insert,
    words::{About, payload},
};
use crate::{Error, Services, store::Tx};

/// How long notices that are no longer on their way are kept, in seconds.
const KEPT: i64 = 90 * 86_400;

/// Who is told in a portal, and of what.
pub(super) struct Subscriber {
    pub(super) portal_id: String,
    pub(super) portal: String,
    pub(super) origin: String,
    mail: bool,
    webhook: bool,
    pub(super) tell_renewed: bool,
    /// Seconds.
    pub(super) repeat: i64,
}

impl Subscriber {
    pub(super) async fn load(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<Self, Error> {
        let row = sqlx::query!(
            r#"SELECT p.name AS "name!", p.origin AS "origin!",
                      COALESCE(n.smtp_host IS NOT NULL, 0) AS "mail!: bool",
                      COALESCE(n.webhook_url IS NOT NULL, 0) AS "webhook!: bool",
                      COALESCE(n.tell_renewed, 0) AS "tell_renewed!: bool",
                      COALESCE(n.repeat_hours, 6) AS "repeat_hours!: i64"
               FROM portals p LEFT JOIN notice_settings n ON n.portal_id = p.id WHERE p.id = ?"#,
            portal_id
        )
        .fetch_optional(db)
        .await?
        .ok_or(Error::NotFound)?;
        Ok(Self {
            portal_id: portal_id.to_owned(),
            portal: row.name,
            origin: row.origin,
            mail: row.mail,
            webhook: row.webhook,
            tell_renewed: row.tell_renewed,
            repeat: row.repeat_hours * 3_600,
        })
    }

    fn channels(&self) -> impl Iterator<Item = Channel> {
        [(self.mail, Channel::Mail), (self.webhook, Channel::Webhook)]
            .into_iter()
            .filter_map(|(on, channel)| on.then_some(channel))
    }
}

/// Writes a notice for each channel that is set up.
pub(super) async fn post(
    s: &Services,
    tx: &mut Tx<'_>,
    whom: &Subscriber,
    news: &News,
    about: &About<'_>,
) -> Result<(), Error> {
    let now = s.now().as_second();
    let body = payload(news, about, now).to_string();
    let old = now - KEPT;
    for channel in whom.channels() {
        insert(tx, &s.new_id(), &whom.portal_id, news.kind(), channel, &body, now).await?;
    }
    sqlx::query!(
        "DELETE FROM outbox WHERE portal_id = ? AND created_at < ? AND next_try_at IS NULL",
        whom.portal_id,
        old
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
