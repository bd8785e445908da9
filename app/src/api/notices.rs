//! Whom the portal tells about its renewals, for administrators.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx, flash,
        form::{FormPost, Next},
    },
    wire::Notice,
};
use crate::{
    error::AppError,
    wire::{Done, SecretInput},
};

/// Stores how mail is sent; an empty server sends none.
///
/// # Errors
/// Fields that can't be taken, not an administrator.
#[server(prefix = "/api", endpoint = "notices/save-mail")]
pub async fn save_mail(
    /// `Mail server`: a hostname.
    #[server(default)]
    smtp_host: String,
    /// `Port`.
    #[server(default)]
    smtp_port: String,
    /// `starttls`, `tls` or `none`.
    #[server(default)]
    smtp_security: String,
    /// `User`; empty signs in as nobody.
    #[server(default)]
    smtp_user: String,
    /// `Password`; empty keeps the stored one.
    #[server(default)]
    smtp_password: SecretInput,
    /// `From`.
    #[server(default)]
    mail_from: String,
    /// `To`: addresses, parted by commas.
    #[server(default)]
    mail_to: String,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::MAIL, routes::NOTIFICATIONS)
        .keep("smtp_host", &smtp_host)
        .keep("smtp_port", &smtp_port)
        .keep("smtp_security", &smtp_security)
        .keep("smtp_user", &smtp_user)
        .keep("mail_from", &mail_from)
        .keep("mail_to", &mail_to);
    post.answer(async {
        let me = ctx::admin().await?;
        let said = if smtp_host.trim().is_empty() {
            "No mail is sent."
        } else {
            "The mail settings are saved. Send a test to see that mail arrives."
        };
        let input = backend::notices::MailInput {
            host: smtp_host,
            port: smtp_port,
            security: smtp_security,
            user: smtp_user,
            password: (!smtp_password.is_empty()).then(|| smtp_password.into()),
            from: mail_from,
            to: mail_to,
        };
        ctx::services()?.save_mail(&me, input).await?;
        Ok(Next::to(routes::NOTIFICATIONS).saying(Notice::good(said)))
    })
    .await
}

/// Stores where webhooks go; an empty address sends none. A new secret is shown
/// once, on the next page.
///
/// # Errors
/// Fields that can't be taken, not an administrator.
#[server(prefix = "/api", endpoint = "notices/save-webhook")]
pub async fn save_webhook(
    /// `Address`: an https address.
    #[server(default)]
    webhook_url: String,
    /// The secret is made anew.
    #[server(default)]
    new_secret: bool,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::WEBHOOK, routes::NOTIFICATIONS).keep("webhook_url", &webhook_url);
    post.answer(async {
        let me = ctx::admin().await?;
        let said = if webhook_url.trim().is_empty() {
            "No webhook is sent."
        } else {
            "The webhook is saved. Send a test to see that it arrives."
        };
        let input = backend::notices::WebhookInput { url: webhook_url, new_secret };
        if let Some(secret) = ctx::services()?.save_webhook(&me, input).await? {
            flash::put_webhook_secret(&me, &secret).await?;
        }
        Ok(Next::to(routes::NOTIFICATIONS).saying(Notice::good(said)))
    })
    .await
}

/// Stores what is told.
///
/// # Errors
/// Fields that can't be taken, not an administrator.
#[server(prefix = "/api", endpoint = "notices/save-rules")]
pub async fn save_rules(
    /// Each renewal is told.
    #[server(default)]
    renewed: bool,
    /// Hours after which what lasts is told again.
    #[server(default)]
    repeat_hours: String,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::NOTICES, routes::NOTIFICATIONS)
        .keep("renewed", if renewed { "true" } else { "" })
        .keep("repeat_hours", &repeat_hours);
    post.answer(async {
        let me = ctx::admin().await?;
        let input = backend::notices::RulesInput { renewed, repeat_hours };
        ctx::services()?.save_notice_rules(&me, input).await?;
        Ok(Next::to(routes::NOTIFICATIONS).saying(Notice::good("What is told is saved.")))
    })
    .await
}

/// Sends a test by the stored mail settings and waits for the end.
///
/// # Errors
/// Not an administrator, no mail set up.
#[server(prefix = "/api", endpoint = "notices/test-mail")]
pub async fn test_mail() -> Result<Done, AppError> {
    FormPost::new(form::MAIL, routes::NOTIFICATIONS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.send_test_notice(&me, backend::notices::Channel::Mail).await?;
            let notice = if end.ok { Notice::good(end.says) } else { Notice::bad(end.says) };
            Ok(Next::to(routes::NOTIFICATIONS).saying(notice))
        }))
        .await
}

/// Sends a test to the stored webhook and waits for the end.
///
/// # Errors
/// Not an administrator, no webhook set up.
#[server(prefix = "/api", endpoint = "notices/test-webhook")]
pub async fn test_webhook() -> Result<Done, AppError> {
    FormPost::new(form::WEBHOOK, routes::NOTIFICATIONS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.send_test_notice(&me, backend::notices::Channel::Webhook).await?;
            let notice = if end.ok { Notice::good(end.says) } else { Notice::bad(end.says) };
            Ok(Next::to(routes::NOTIFICATIONS).saying(notice))
        }))
        .await
}
