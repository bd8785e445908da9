//! A connected portal that tells by mail and by webhook, and those who are told.

use backend::{
    integration::Health,
    notices::{MailInput, WebhookInput},
};
use sandbox::{Effect, Fault};
use secrecy::ExposeSecret;

use crate::{
    house::{House, days, mins},
    mailserver::{MailServer, mails},
    receivers::{Hook, Receiver, hooks},
};

pub(crate) const PASSWORD: &str = "canary-of-the-mail-password";

pub(crate) struct Told {
    pub(crate) h: House,
    pub(crate) hooks: Receiver<Hook>,
    pub(crate) mails: MailServer,
    pub(crate) secret: String,
}

impl Told {
    /// A connected portal that tells by mail and webhook.
    pub(crate) async fn new() -> Self {
        Self::at(House::connected().await).await
    }

    pub(crate) async fn at(h: House) -> Self {
        let (hooks, mails) = (hooks().await, mails(PASSWORD).await);
        let (mail, hook) = (mail_to(mails.port), hook_to(hooks.port));
        Self::to(h, (mails, mail), (hooks, hook)).await
    }

    /// A portal that tells these, with these settings.
    pub(crate) async fn to(
        h: House,
        (mails, mail): (MailServer, MailInput),
        (hooks, hook): (Receiver<Hook>, WebhookInput),
    ) -> Self {
        h.portal.save_mail(&h.ada, mail).await.unwrap();
        let secret = h.portal.save_webhook(&h.ada, hook).await.unwrap().unwrap();
        let secret = secret.expose_secret().to_owned();
        Self { h, hooks, mails, secret }
    }

    /// To where the key has 20 hours left, with a Qlik that makes no keys.
    pub(crate) async fn fail(&self) {
        self.h.advance(days(2) + mins(4 * 60));
        self.break_qlik();
        self.h.settle().await;
        assert_eq!(self.h.status().await.health, Health::Failing);
    }

    pub(crate) fn break_qlik(&self) {
        let down = Effect::Status {
            status: 503,
            code: "TEST-1".into(),
            title: "made on purpose".into(),
            body: None,
        };
        self.h.world.add_fault(Fault::new("/api/v1/api-keys", down).on("POST"));
    }

    pub(crate) async fn deliver(&self) -> usize {
        self.h.portal.watch_expiries().await.unwrap();
        self.h.portal.deliver_notices().await.unwrap()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.hooks.got().iter().map(Hook::kind).collect()
    }
}

pub(crate) fn mail_to(port: u16) -> MailInput {
    MailInput {
        host: "127.0.0.1".into(),
        port: port.to_string(),
        security: "none".into(),
        user: "qonduit".into(),
        password: Some(PASSWORD.to_owned().into()),
        from: "Qonduit <qonduit@acme.example>".into(),
        to: String::new(),
    }
}

pub(crate) fn hook_to(port: u16) -> WebhookInput {
    WebhookInput { url: format!("http://127.0.0.1:{port}/hook"), new_secret: false }
}
