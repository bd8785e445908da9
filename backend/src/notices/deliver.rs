//! Sending what is in the outbox: claim, send, mark. A crash between sending and
//! marking sends the notice again under the same id: at least once.

use futures::StreamExt;
use url::Url;

use super::{
    Channel, Undelivered,
    form::Security,
    mail::{self, Way},
    outbox::Claimed,
    webhook,
};
use crate::{Error, Services};

/// How many notices are sent at once by one process.
const AT_ONCE: usize = 4;
/// How many are claimed in one go.
const BATCH: i64 = 64;

impl Services {
    /// Sends the notices that are due; gives back how many were tried.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read. One that does not
    /// arrive is tried again later and holds up no other.
    pub async fn deliver_notices(&self) -> Result<usize, Error> {
        let due = self.due_notices(self.now().as_second(), BATCH).await?;
        let count = due.len();
        futures::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |id| async move {
                if let Err(e) = self.deliver(&id).await {
                    tracing::error!(notice.id = %id, error = %e, "a notice could not be handled");
                }
            })
            .await;
        Ok(count)
    }

    /// Tries one notice now, unless somebody else is at it.
    async fn deliver(&self, id: &str) -> Result<(), Error> {
        let Some(claimed) = self.claim_notice(id).await? else { return Ok(()) };
        self.deliver_claimed(&claimed).await.map(|_| ())
    }

    /// Tries a notice that is in hand, and writes down how that ended.
    pub(super) async fn deliver_claimed(&self, claimed: &Claimed) -> Result<Result<(), Undelivered>, Error> {
        let end = match self.send_notice(claimed).await {
            Ok(end) => end,
            // Such as a keyring that does not open it: counted as a try, so that it ends.
            Err(e) => {
                tracing::error!(notice.id = %claimed.id, error = %e, "a notice could not be sent");
                Err(Undelivered::new("Something went wrong here. The operator’s log has the rest."))
            }
        };
        self.tried_notice(claimed, end.as_ref().copied()).await?;
        Ok(end)
    }

    /// Sends one notice, and writes nothing down.
    pub(super) async fn send_notice(&self, notice: &Claimed) -> Result<Result<(), Undelivered>, Error> {
        let timeout = self.config().notices.timeout;
        let sent = tokio::time::timeout(timeout, self.send_by(notice)).await;
        sent.unwrap_or_else(|_| Ok(Err(Undelivered::new("It could not be sent in time."))))
    }

    async fn send_by(&self, notice: &Claimed) -> Result<Result<(), Undelivered>, Error> {
        let off = || Ok(Err(Undelivered::new("It is not set up any more.")));
        let config = &self.config().notices;
        let Some(stored) = self.notice_settings(&notice.portal_id).await? else { return off() };
        match notice.channel {
            Channel::Mail => {
                let (Some(host), Some(from)) = (&stored.host, &stored.from) else { return off() };
                let security = Security::parse(&stored.security).unwrap_or(Security::StartTls);
                let login = match (&stored.user, self.smtp_password(&notice.portal_id, &stored)?) {
                    (Some(user), Some(password)) => Some((user.clone(), password)),
                    _ => None,
                };
                let way = Way {
                    host: host.clone(),
                    port: u16::try_from(stored.port).unwrap_or_default(),
                    security,
                    login,
                    from: from.clone(),
                    to: self.recipients(&notice.portal_id, &stored.to).await?,
                    portal_host: self.portal_host(&notice.portal_id).await?,
                };
                Ok(mail::send(way, notice, config).await)
            }
            Channel::Webhook => {
                let Some(url) = stored.url.as_deref().and_then(|u| Url::parse(u).ok()) else { return off() };
                let Some(key) = self.webhook_key(&notice.portal_id, &stored)? else { return off() };
                let now = self.now().as_second();
                Ok(webhook::send(&url, &key, notice, now, config).await)
            }
        }
    }

    /// Those that were entered, or else all active administrators.
    async fn recipients(&self, portal_id: &str, entered: &str) -> Result<Vec<String>, Error> {
        if !entered.is_empty() {
            return Ok(entered.lines().map(str::to_owned).collect());
        }
        Ok(sqlx::query_scalar!(
            r#"SELECT email AS "email!" FROM users
               WHERE portal_id = ? AND role = 'administrator' AND status = 'active' ORDER BY email"#,
            portal_id
        )
        .fetch_all(self.db().read())
        .await?)
    }

    pub(crate) async fn portal_host(&self, portal_id: &str) -> Result<String, Error> {
        Ok(sqlx::query_scalar!(r#"SELECT hostname AS "hostname!" FROM portals WHERE id = ?"#, portal_id)
            .fetch_one(self.db().read())
            .await?)
    }
}
