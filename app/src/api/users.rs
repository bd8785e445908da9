//! The portal's people, for administrators.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    api::form,
    routes,
    ssr::{
        ctx,
        form::{FormPost, Next},
        people::{leave_link, parse_role},
    },
    wire::Notice,
};
use crate::{error::AppError, wire::Done};

/// Adds a person and shows the one-time link for their first password.
///
/// # Errors
/// Fields that can't be taken, not an administrator.
#[server(prefix = "/api", endpoint = "users/add")]
pub async fn add_user(
    /// An e-mail address.
    #[server(default)]
    email: String,
    /// A person’s name.
    #[server(default)]
    name: String,
    /// `user` or `administrator`.
    #[server(default)]
    role: String,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::ADD_USER, routes::USERS)
        .keep("email", &email)
        .keep("name", &name)
        .keep("role", &role);
    post.answer(async {
        let me = ctx::admin().await?;
        let new = backend::people::NewUser { email, name, role: parse_role(&role)? };
        let invitation = ctx::services()?.add_user(&me, new).await?;
        leave_link(&me, &invitation).await?;
        Ok(Next::to(routes::USERS))
    })
    .await
}

/// Makes a new one-time link, which ends older ones; also how a forgotten
/// password is replaced.
///
/// # Errors
/// No such person, not an administrator.
#[server(prefix = "/api", endpoint = "users/new-link")]
pub async fn new_link(
    /// The id of the person.
    #[server(default)]
    user: String,
) -> Result<Done, AppError> {
    FormPost::new(form::USER, routes::user(&user))
        .answer(async {
            let me = ctx::admin().await?;
            let invitation = ctx::services()?.new_invitation(&me, &user).await?;
            leave_link(&me, &invitation).await?;
            Ok(Next::to(routes::user(&user)))
        })
        .await
}

/// Changes what a person may do.
///
/// # Errors
/// No such person, the owner or the last administrator, not an administrator.
#[server(prefix = "/api", endpoint = "users/set-role")]
pub async fn set_role(
    /// The id of the person.
    #[server(default)]
    user: String,
    /// `user` or `administrator`.
    #[server(default)]
    role: String,
) -> Result<Done, AppError> {
    let post = FormPost::new(form::USER, routes::user(&user)).keep("role", &role);
    post.answer(async {
        let me = ctx::admin().await?;
        ctx::services()?.set_role(&me, &user, parse_role(&role)?).await?;
        Ok(Next::to(routes::user(&user)).saying(Notice::good("The role is saved.")))
    })
    .await
}

/// Keeps a person from signing in, at once.
///
/// # Errors
/// No such person, the owner, oneself, the last administrator, not an administrator.
#[server(prefix = "/api", endpoint = "users/disable")]
pub async fn disable_user(
    /// The id of the person.
    #[server(default)]
    user: String,
) -> Result<Done, AppError> {
    FormPost::new(form::USER, routes::user(&user))
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.disable_user(&me, &user).await?;
            Ok(Next::to(routes::user(&user)).saying(Notice::good("The account is disabled.")))
        })
        .await
}

/// Lets a disabled person sign in again.
///
/// # Errors
/// No such person, not an administrator.
#[server(prefix = "/api", endpoint = "users/enable")]
pub async fn enable_user(
    /// The id of the person.
    #[server(default)]
    user: String,
) -> Result<Done, AppError> {
    FormPost::new(form::USER, routes::user(&user))
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.enable_user(&me, &user).await?;
            Ok(Next::to(routes::user(&user)).saying(Notice::good("The account is enabled.")))
        })
        .await
}

/// Removes a person for good.
///
/// # Errors
/// No such person, the owner, oneself, the last administrator, not an administrator.
#[server(prefix = "/api", endpoint = "users/remove")]
pub async fn remove_user(
    /// The id of the person.
    #[server(default)]
    user: String,
) -> Result<Done, AppError> {
    FormPost::new(form::USER, routes::user(&user))
        .answer(async {
            let me = ctx::admin().await?;
            ctx::services()?.remove_user(&me, &user).await?;
            Ok(Next::to(routes::USERS).saying(Notice::good("The account is removed.")))
        })
        .await
}
