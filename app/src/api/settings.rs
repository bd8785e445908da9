//! The Qlik Sense integration, for administrators.
//!
//! What talks to Qlik is boxed: those futures are large, and each caller would
//! carry them on its stack.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx,
        flash::{self, Flash},
        form::{FormPost, Next},
        settings, settings_forms,
    },
    wire::Notice,
};
use crate::{
    error::AppError,
    wire::{Done, SaveAnswer, SecretInput},
};

/// Tests what was typed and stores it where no check fails. Else everything
/// typed is kept for the page, the key aside.
///
/// # Errors
/// Not an administrator. What can't be taken or does not work is an answer.
#[server(prefix = "/api", endpoint = "settings/save")]
pub async fn save_settings(
    /// `Qlik Sense tenant hostname`: a host, or a pasted address that holds one.
    #[server(default)]
    tenant_host: String,
    /// `Web Integration Id`.
    #[server(default)]
    web_integration_id: String,
    /// `api_key`, `credentials`, `oauth_everyone` or `oauth_users`.
    #[server(default)]
    auth_option: String,
    /// `Qlik Sense API key`; empty keeps the stored one.
    #[server(default)]
    api_key: SecretInput,
    /// Each user's e-mail is sent as subject.
    #[server(default)]
    email_as_subject: bool,
    /// The id of the OAuth client.
    #[server(default)]
    oauth_client_id: String,
    /// The secret of the OAuth client; empty keeps the stored one.
    #[server(default)]
    oauth_client_secret: SecretInput,
) -> Result<SaveAnswer, AppError> {
    settings_forms::save(settings_forms::Typed {
        tenant_host,
        web_integration_id,
        auth_option,
        api_key,
        email_as_subject,
        oauth_client_id,
        oauth_client_secret,
    })
    .await
}

/// Forgets what was typed and not stored.
///
/// # Errors
/// Only unexpected ones.
#[server(prefix = "/api", endpoint = "settings/discard")]
pub async fn discard_settings() -> Result<Done, AppError> {
    FormPost::new(form::STATUS, routes::SETTINGS)
        .answer(async {
            ctx::admin().await?;
            flash::take(form::SETTINGS).await?;
            Ok(Next::to(routes::SETTINGS))
        })
        .await
}

/// Takes up another name of the connected tenant, tested as in a save.
///
/// # Errors
/// Not an administrator, nothing connected, no name that the tenant told.
#[server(prefix = "/api", endpoint = "settings/use-hostname")]
pub async fn use_hostname(
    /// The name.
    #[server(default)]
    tenant_host: String,
) -> Result<Done, AppError> {
    FormPost::new(form::STATUS, routes::SETTINGS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.use_hostname(&me, &tenant_host).await?;
            let notice = match (end.saved, end.report.map(settings::report)) {
                (true, _) => Notice::good(format!("The portal uses {tenant_host} now.")),
                (false, Some(report)) => Notice::bad(format!("Nothing was changed. {}", report.headline)),
                (false, None) => Notice::bad("Nothing was changed. Enter the hostname below and save."),
            };
            Ok(Next::to(routes::SETTINGS).saying(notice))
        }))
        .await
}

/// Makes all checks with what is stored.
///
/// # Errors
/// Not an administrator, nothing connected.
#[server(prefix = "/api", endpoint = "settings/test")]
pub async fn test_connection(
    /// Where to go back to: `guide`, or else the settings.
    #[server(default)]
    back: String,
) -> Result<Done, AppError> {
    let page = if back == "guide" { routes::GUIDE } else { routes::SETTINGS };
    FormPost::new(form::STATUS, page)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let report = ctx::services()?.test_connection(&me).await?;
            Ok(Next::to(page).saying(settings::notice_of(&settings::report(report))))
        }))
        .await
}

/// Renews the key at once and waits for the end.
///
/// # Errors
/// Not an administrator, nothing connected.
#[server(prefix = "/api", endpoint = "settings/renew")]
pub async fn renew_now() -> Result<Done, AppError> {
    FormPost::new(form::STATUS, routes::SETTINGS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.renew_now(&me).await?;
            Ok(Next::to(routes::SETTINGS).saying(settings::notice_of_renewal(end)))
        }))
        .await
}

/// Looks whether the coming renewal would succeed.
///
/// # Errors
/// Not an administrator, nothing connected.
#[server(prefix = "/api", endpoint = "settings/check-next-renewal")]
pub async fn check_next_renewal() -> Result<Done, AppError> {
    FormPost::new(form::RENEWALS, routes::RENEWALS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let ahead = ctx::services()?.check_next_renewal(&me).await?;
            Ok(Next::to(routes::RENEWALS).saying(settings::notice_of_look(ahead.as_ref())))
        }))
        .await
}

/// Makes a key, proves it and deletes it again.
///
/// # Errors
/// Not an administrator, nothing connected.
#[server(prefix = "/api", endpoint = "settings/dry-run")]
pub async fn dry_run() -> Result<Done, AppError> {
    FormPost::new(form::RENEWALS, routes::RENEWALS)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.dry_run(&me).await?;
            let notice = if end.ok { Notice::good(end.says) } else { Notice::bad(end.says) };
            Ok(Next::to(routes::RENEWALS).saying(notice))
        }))
        .await
}

/// Ends the integration, with `remove_made` and `delete_keys` after removing what
/// the portal made at Qlik and deleting its keys there. Where that fails nothing
/// is ended.
///
/// # Errors
/// Not an administrator, nothing connected.
#[server(prefix = "/api", endpoint = "settings/disconnect")]
pub async fn disconnect(
    /// The keys are deleted at Qlik first.
    #[server(default)]
    delete_keys: bool,
    /// What the portal made at Qlik is removed there first.
    #[server(default)]
    remove_made: bool,
) -> Result<Done, AppError> {
    FormPost::new(form::DISCONNECT, routes::DISCONNECT)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let end = ctx::services()?.disconnect(&me, delete_keys, remove_made).await?;
            if end.disconnected {
                flash::take(form::SETTINGS).await?;
                return Ok(Next::to(routes::SETTINGS).saying(Notice::good(end.says)));
            }
            // The choice is kept for the page, which is shown again.
            let word = |choice| if choice { "true" } else { "false" };
            let kept = Flash::default()
                .keep("delete_keys", word(delete_keys))
                .keep("remove_made", word(remove_made));
            flash::put(form::DISCONNECT, &kept).await?;
            Ok(Next::to(routes::DISCONNECT).saying(Notice::bad(end.says)))
        }))
        .await
}

/// Creates the portal's JWT identity provider at Qlik, and tests the connection.
///
/// # Errors
/// Not an administrator, nothing connected, Qlik refuses.
#[server(prefix = "/api", endpoint = "settings/create-identity-provider")]
pub async fn create_identity_provider() -> Result<Done, AppError> {
    FormPost::new(form::IDENTITY_PROVIDER, routes::IDENTITY_PROVIDER)
        .answer(Box::pin(async {
            let me = ctx::admin().await?;
            let report = ctx::services()?.create_identity_provider(&me).await?;
            let mut notice = settings::notice_of(&settings::report(report));
            notice.text = format!("The identity provider is in the Qlik tenant. {}", notice.text);
            Ok(Next::to(routes::SETTINGS).saying(notice))
        }))
        .await
}
