//! What a portal's administrators set about notices: read, shown and stored.
//! Secrets go in and are never shown again, but a webhook's secret once, when it
//! is made.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use sqlx::SqliteExecutor;
use url::Url;
use zeroize::Zeroizing;

use super::form::{self, Mail, MailInput, RulesInput, StoredLogin, WebhookInput};
use crate::{Actor, Error, Services, audit, store::at, vault::Place};
use jiff::Timestamp;

/// A portal's settings of mail, as a page shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailView {
    /// Empty: no mail is sent.
    pub host: String,
    /// The server's port.
    pub port: i64,
    /// `starttls`, `tls` or `none`.
    pub security: String,
    /// Whom to sign in as.
    pub user: String,
    /// When the password was set.
    pub password_at: Option<Timestamp>,
    /// The sender.
    pub from: String,
    /// Addresses, parted by commas.
    pub to: String,
}

/// A portal's webhook, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// Empty: none is sent.
    pub url: String,
    /// When its secret was made.
    pub secret_at: Option<Timestamp>,
}

/// All that is set about notices, without a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticesView {
    /// Mail.
    pub mail: MailView,
    /// Webhook.
    pub webhook: WebhookView,
    /// Each renewal is told.
    pub tell_renewed: bool,
    /// Hours after which something that lasts is told again.
    pub repeat_hours: i64,
}

fn password_place(portal: &str) -> Place<'_> {
    Place { portal, table: "notice_settings", row: portal, column: "smtp_sealed_password" }
}

fn secret_place(portal: &str) -> Place<'_> {
    Place { portal, table: "notice_settings", row: portal, column: "webhook_sealed_secret" }
}

/// A row of the settings.
pub(super) struct Stored {
    pub(super) host: Option<String>,
    pub(super) port: i64,
    pub(super) security: String,
    pub(super) user: Option<String>,
    password: Option<Vec<u8>>,
    password_at: Option<i64>,
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) url: Option<String>,
    secret: Option<Vec<u8>>,
    secret_at: Option<i64>,
    tell_renewed: bool,
    repeat_hours: i64,
}

impl Stored {
    /// What the stored password is for, where there is one.
    fn login(&self) -> Option<StoredLogin> {
        let (host, user, _) = (self.host.clone()?, self.user.clone()?, self.password.as_ref()?);
        Some(StoredLogin { host, port: self.port, security: self.security.clone(), user })
    }
}

async fn stored_settings(db: impl SqliteExecutor<'_>, portal_id: &str) -> Result<Option<Stored>, Error> {
    Ok(sqlx::query_as!(
        Stored,
        r#"SELECT smtp_host AS host, smtp_port AS "port!", smtp_security AS "security!", smtp_user AS user,
                      smtp_sealed_password AS password, smtp_password_at AS password_at, mail_from AS "from",
                      mail_to AS "to!", webhook_url AS url, webhook_sealed_secret AS secret,
                      webhook_secret_at AS secret_at, tell_renewed AS "tell_renewed!: bool",
                      repeat_hours AS "repeat_hours!"
               FROM notice_settings WHERE portal_id = ?"#,
        portal_id
    )
    .fetch_optional(db)
    .await?)
}

impl Services {
    pub(super) async fn notice_settings(&self, portal_id: &str) -> Result<Option<Stored>, Error> {
        stored_settings(self.db().read(), portal_id).await
    }

    /// The mail server's password, where one is stored.
    pub(super) fn smtp_password(
        &self,
        portal_id: &str,
        stored: &Stored,
    ) -> Result<Option<SecretString>, Error> {
        let Some(sealed) = &stored.password else { return Ok(None) };
        let plain = self.vault().open(password_place(portal_id), sealed)?;
        Ok(Some(String::from_utf8_lossy(&plain).into_owned().into()))
    }

    /// The bytes that webhooks are signed with.
    pub(super) fn webhook_key(
        &self,
        portal_id: &str,
        stored: &Stored,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let Some(sealed) = &stored.secret else { return Ok(None) };
        Ok(Some(self.vault().open(secret_place(portal_id), sealed)?))
    }

    /// What is set about notices in the actor's portal.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::Store`].
    pub async fn notices_view(&self, actor: &Actor) -> Result<NoticesView, Error> {
        actor.require_admin()?;
        let s = self.notice_settings(&actor.portal.id).await?;
        let s = s.as_ref();
        let text = |of: fn(&Stored) -> Option<&String>| s.and_then(of).cloned().unwrap_or_default();
        Ok(NoticesView {
            mail: MailView {
                host: text(|s| s.host.as_ref()),
                port: s.map_or(587, |s| s.port),
                security: s.map_or("starttls", |s| &s.security).to_owned(),
                user: text(|s| s.user.as_ref()),
                password_at: s.and_then(|s| s.password_at).map(at),
                from: text(|s| s.from.as_ref()),
                to: s.map(|s| s.to.replace('\n', ", ")).unwrap_or_default(),
            },
            webhook: WebhookView {
                url: text(|s| s.url.as_ref()),
                secret_at: s.and_then(|s| s.secret_at).map(at),
            },
            tell_renewed: s.is_some_and(|s| s.tell_renewed),
            repeat_hours: s.map_or(6, |s| s.repeat_hours),
        })
    }

    /// Stores how mail is sent. An empty host sends none and forgets the password.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::Invalid`]
    /// with `smtp_host`, `smtp_port`, `smtp_security`, `smtp_user`,
    /// `smtp_password`, `mail_from`, `mail_to`.
    pub async fn save_mail(&self, actor: &Actor, input: MailInput) -> Result<(), Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let stored = self.notice_settings(portal).await?;
        let login = stored.as_ref().and_then(Stored::login);
        let mail = form::mail(&input, login.as_ref()).map_err(Error::Invalid)?;
        let (now, now_s) = (self.now(), self.now().as_second());
        let typed = input.password.filter(|p| !p.expose_secret().is_empty());
        let sealed = match &typed {
            Some(p) => Some(self.vault().seal(password_place(portal), p.expose_secret().as_bytes())?),
            None => None,
        };
        let sealed_at = sealed.as_ref().map(|_| now_s);
        let user = mail.as_ref().and_then(|m| m.user.as_deref());
        // A password without an account is not kept.
        let keeps = user.is_some();
        let host = mail.as_ref().map(|m| m.host.as_str());
        let port = mail.as_ref().map_or(587, |m| i64::from(m.port));
        let security = mail.as_ref().map_or("starttls", |m| m.security.as_str());
        let from = mail.as_ref().map(|m| m.from.as_str());
        let to = mail.as_ref().map_or("", |m| m.to.as_str());
        let mut tx = self.db().write().await?;
        if keeps && typed.is_none() {
            // Once more where nobody else writes: what is kept is for what is stored with it.
            let there = stored_settings(&mut *tx, portal).await?.as_ref().and_then(Stored::login);
            if there != mail.as_ref().and_then(Mail::login) {
                return Err(Error::field("smtp_password", "other_server"));
            }
        }
        sqlx::query!("INSERT OR IGNORE INTO notice_settings (portal_id) VALUES (?)", portal)
            .execute(&mut *tx)
            .await?;
        sqlx::query!(
            "UPDATE notice_settings SET smtp_host = ?, smtp_port = ?, smtp_security = ?, smtp_user = ?,
                    smtp_sealed_password = CASE WHEN ? THEN COALESCE(?, smtp_sealed_password) END,
                    smtp_password_at = CASE WHEN ? THEN COALESCE(?, smtp_password_at) END,
                    mail_from = ?, mail_to = ?
             WHERE portal_id = ?",
            host,
            port,
            security,
            user,
            keeps,
            sealed,
            keeps,
            sealed_at,
            from,
            to,
            portal
        )
        .execute(&mut *tx)
        .await?;
        let detail = serde_json::json!({ "what": "mail", "host": host });
        audit::record(&mut tx, portal, Some(actor), audit::NOTICES_SAVED, detail, now).await?;
        Ok(tx.commit().await?)
    }

    /// Stores where webhooks go. Gives back the secret where one was made, which
    /// is the one time that it can be seen: the first, one that was asked for, and one
    /// for another server, which is not to get what the old one takes for ours. An
    /// empty address sends none and forgets the secret.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::Invalid`]
    /// with `webhook_url`.
    pub async fn save_webhook(
        &self,
        actor: &Actor,
        input: WebhookInput,
    ) -> Result<Option<SecretString>, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let url = form::webhook(&input, &self.config().notices.hosts).map_err(Error::Invalid)?;
        let stored = self.notice_settings(portal).await?;
        let before = stored.filter(|s| s.secret.is_some()).and_then(|s| Url::parse(&s.url?).ok());
        let has = before.zip(url.as_ref()).is_some_and(|(old, new)| old.origin() == new.origin());
        let (now, now_s) = (self.now(), self.now().as_second());
        let made = (url.is_some() && (input.new_secret || !has)).then(|| {
            let mut key = Zeroizing::new([0_u8; 32]);
            self.entropy().fill(key.as_mut_slice());
            key
        });
        let sealed = match &made {
            Some(key) => Some(self.vault().seal(secret_place(portal), key.as_slice())?),
            None => None,
        };
        let sealed_at = sealed.as_ref().map(|_| now_s);
        let (on, url) = (url.is_some(), url.map(String::from));
        let mut tx = self.db().write().await?;
        sqlx::query!("INSERT OR IGNORE INTO notice_settings (portal_id) VALUES (?)", portal)
            .execute(&mut *tx)
            .await?;
        sqlx::query!(
            "UPDATE notice_settings SET webhook_url = ?,
                    webhook_sealed_secret = CASE WHEN ? THEN COALESCE(?, webhook_sealed_secret) END,
                    webhook_secret_at = CASE WHEN ? THEN COALESCE(?, webhook_secret_at) END
             WHERE portal_id = ?",
            url,
            on,
            sealed,
            on,
            sealed_at,
            portal
        )
        .execute(&mut *tx)
        .await?;
        // The path of such an address may be a secret of its own.
        let detail = serde_json::json!({ "what": "webhook", "new_secret": made.is_some() });
        audit::record(&mut tx, portal, Some(actor), audit::NOTICES_SAVED, detail, now).await?;
        tx.commit().await?;
        Ok(made.map(|key| format!("whsec_{}", STANDARD.encode(key.as_slice())).into()))
    }

    /// Stores what is told.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::Invalid`]
    /// with `repeat_hours`.
    pub async fn save_notice_rules(&self, actor: &Actor, input: RulesInput) -> Result<(), Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let hours = form::repeat_hours(&input).map_err(Error::Invalid)?;
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "INSERT INTO notice_settings (portal_id, tell_renewed, repeat_hours) VALUES (?, ?, ?)
             ON CONFLICT (portal_id) DO UPDATE SET tell_renewed = excluded.tell_renewed,
                 repeat_hours = excluded.repeat_hours",
            portal,
            input.renewed,
            hours
        )
        .execute(&mut *tx)
        .await?;
        let detail = serde_json::json!({ "what": "rules" });
        audit::record(&mut tx, portal, Some(actor), audit::NOTICES_SAVED, detail, self.now()).await?;
        Ok(tx.commit().await?)
    }
}
