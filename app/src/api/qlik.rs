//! One's own way to Qlik: credentials that are registered, or a connection that was
//! agreed to.

#[cfg(feature = "ssr")]
use backend::oauth::Removed;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx,
        flash::{self, Flash},
        form::{FormPost, Next},
        qlik::{notice_of_registered, worked},
    },
    wire::Notice,
};
use crate::{
    error::AppError,
    wire::{Done, SecretInput},
};

/// Signs in to Qlik once with one's own password, and stores it if that works.
///
/// # Errors
/// A password that can't be taken, nobody signed in. How the sign-in ended is told
/// on the next page, and at the field where it did not work.
#[server(prefix = "/api", endpoint = "profile/qlik/register")]
pub async fn register_qlik(
    /// The password of one's own Qlik account.
    #[server(default)]
    qlik_password: SecretInput,
) -> Result<Done, AppError> {
    FormPost::new(form::QLIK, routes::PROFILE)
        .answer(Box::pin(async {
            let me = ctx::actor().await?;
            let end = ctx::services()?.register_credentials(&me, qlik_password.into()).await?;
            let next = Next::to(routes::PROFILE);
            if worked(&end) {
                return Ok(next.saying(notice_of_registered(&end)));
            }
            let says = [end.view.says, end.view.remedy].map(Option::unwrap_or_default).join(" ");
            flash::put(form::QLIK, &Flash::default().found("qlik_password", says.trim())).await?;
            Ok(next)
        }))
        .await
}

/// Signs in once more with the stored password, where the last try ended without an
/// answer.
///
/// # Errors
/// Nothing to be tried, nobody signed in.
#[server(prefix = "/api", endpoint = "profile/qlik/try-again")]
pub async fn try_qlik_again() -> Result<Done, AppError> {
    FormPost::new(form::QLIK, routes::PROFILE)
        .answer(Box::pin(async {
            let me = ctx::actor().await?;
            let end = ctx::services()?.try_credentials_again(&me).await?;
            Ok(Next::to(routes::PROFILE).saying(notice_of_registered(&end)))
        }))
        .await
}

/// Removes what is registered.
///
/// # Errors
/// Nobody signed in.
#[server(prefix = "/api", endpoint = "profile/qlik/remove")]
pub async fn remove_qlik() -> Result<Done, AppError> {
    FormPost::new(form::QLIK, routes::PROFILE)
        .answer(async {
            let me = ctx::actor().await?;
            ctx::services()?.remove_credentials(&me).await?;
            let says = "What was registered of your Qlik account is deleted here.";
            Ok(Next::to(routes::PROFILE).saying(Notice::good(says)))
        })
        .await
}

/// Sends the browser on its way to Qlik, to connect.
///
/// # Errors
/// The portal does not use this option, nobody signed in.
#[server(prefix = "/api", endpoint = "profile/qlik/connect")]
pub async fn connect_qlik() -> Result<Done, AppError> {
    FormPost::new(form::QLIK, routes::PROFILE)
        .answer(async {
            let me = ctx::actor().await?;
            let url = ctx::services()?.begin_connect(&me).await?;
            flash::put_leaving(&url).await?;
            Ok(Next::to(routes::CONNECTING))
        })
        .await
}

/// Removes the connection, here and at Qlik.
///
/// # Errors
/// Nobody signed in.
#[server(prefix = "/api", endpoint = "profile/qlik/disconnect")]
pub async fn disconnect_qlik() -> Result<Done, AppError> {
    FormPost::new(form::QLIK, routes::PROFILE)
        .answer(Box::pin(async {
            let me = ctx::actor().await?;
            let says = match ctx::services()?.disconnect_from_qlik(&me).await? {
                Removed::Nothing => "You are no longer connected to Qlik.",
                Removed::Revoked => "You are no longer connected to Qlik. Your tokens are revoked there too.",
                Removed::Waiting => {
                    "You are no longer connected to Qlik. Your tokens are revoked there as soon as Qlik answers."
                }
                Removed::NotRevoked => {
                    "You are no longer connected to Qlik. Qlik did not revoke your tokens, so they end there by themselves."
                }
            };
            Ok(Next::to(routes::PROFILE).saying(Notice::good(says)))
        }))
        .await
}

/// Asks one user to register or connect.
///
/// # Errors
/// No such user, nothing for them to do, not an administrator.
#[server(prefix = "/api", endpoint = "users/ask")]
pub async fn ask_user(
    /// The id of the person.
    #[server(default)]
    user: String,
) -> Result<Done, AppError> {
    FormPost::new(form::USER, routes::user(&user))
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.ask_user(&me, &user).await?;
            Ok(Next::to(routes::user(&user)).saying(Notice::good("They see it on their next page.")))
        })
        .await
}

/// Asks all who have not registered or connected yet.
///
/// # Errors
/// Not an administrator.
#[server(prefix = "/api", endpoint = "users/ask-all")]
pub async fn ask_all() -> Result<Done, AppError> {
    FormPost::new(form::ADD_USER, routes::USERS)
        .answer(async {
            let me = ctx::admin().await?;
            let notice = match ctx::services()?.ask_all(&me).await? {
                0 => Notice::good("Nobody has to be asked: everybody else has done it."),
                1 => Notice::good("1 user is asked, and sees it on their next page."),
                n => Notice::good(format!("{n} users are asked, and see it on their next page.")),
            };
            Ok(Next::to(routes::USERS).saying(notice))
        })
        .await
}
