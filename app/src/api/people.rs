//! Set-up, sign-in, sign-out, and the first password.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx, device,
        form::{FormPost, Next},
    },
    wire::Notice,
};
use crate::{
    error::AppError,
    wire::{Done, SecretInput},
};

/// Makes the portal and its owner, and signs the owner in.
///
/// # Errors
/// Fields that can't be taken, a wrong code, a portal that exists already.
#[server(prefix = "/api", endpoint = "people/set-up")]
pub async fn set_up(
    /// The one-time code of the first start.
    #[server(default)]
    code: SecretInput,
    /// What people call the portal.
    #[server(default)]
    portal_name: String,
    /// A person’s name.
    #[server(default)]
    name: String,
    /// An e-mail address.
    #[server(default)]
    email: String,
    /// A password.
    #[server(default)]
    password: SecretInput,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::SET_UP, routes::SETUP)
        .keep("portal_name", &portal_name)
        .keep("name", &name)
        .keep("email", &email);
    post.answer(async {
        let input = backend::people::SetUp {
            code: code.into_plain(),
            portal_name,
            name,
            email,
            password: password.into(),
        };
        let owner = ctx::services()?.set_up(input, ctx::client_ip()).await?;
        ctx::start_session(owner).await?;
        Ok(Next::to(routes::SETTINGS).saying(Notice::good("The portal is set up. Connect it to Qlik next.")))
    })
    .await
}

/// Signs in and goes on to `next`.
///
/// # Errors
/// [`AppError::BadCredentials`], too many tries.
#[server(prefix = "/api", endpoint = "people/sign-in")]
pub async fn sign_in(
    /// An e-mail address.
    #[server(default)]
    email: String,
    /// A password.
    #[server(default)]
    password: SecretInput,
    /// Where to go on to, a path of this portal.
    #[server(default)]
    next: String,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::SIGN_IN, routes::login(&next)).keep("email", &email);
    post.answer(async {
        let services = ctx::services()?;
        let portal = ctx::portal().await?;
        let missing = [("email", email.trim().is_empty()), ("password", password.is_empty())];
        AppError::required(&missing)?;
        let person = services.sign_in(&portal, &email, password.into(), device::caller()?).await?;
        ctx::start_session(person).await?;
        Ok(Next::to(routes::local_path(&next).unwrap_or(routes::APPS)))
    })
    .await
}

/// Ends the browser's session.
///
/// # Errors
/// Only unexpected ones.
#[server(prefix = "/api", endpoint = "people/sign-out")]
pub async fn sign_out() -> Result<Done, AppError> {
    FormPost::new(form::SIGN_OUT, routes::LOGOUT)
        .answer(async {
            ctx::end_session().await?;
            Ok(Next::to(routes::LOGIN).saying(Notice::good("You are signed out.")))
        })
        .await
}

/// Sets the first password from a one-time link, and signs in.
///
/// # Errors
/// A password that can't be taken, a link that does not work any more.
#[server(prefix = "/api", endpoint = "people/join")]
pub async fn join(
    /// The token of the one-time link.
    #[server(default)]
    token: SecretInput,
    /// A password.
    #[server(default)]
    password: SecretInput,
) -> Result<Done, AppError> {
    let token = token.into_plain();
    FormPost::new(form::JOIN, routes::join(&token))
        .answer(async {
            let person = ctx::services()?.accept_invitation(&token, password.into()).await?;
            ctx::start_session(person).await?;
            Ok(Next::to(routes::HOME).saying(Notice::good("Your password is set. You are signed in.")))
        })
        .await
}
