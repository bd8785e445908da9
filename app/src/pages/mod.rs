//! The pages. Each is rendered on the server with its data in it and works
//! without JavaScript; what is alive in one is an island.

pub mod apps;
pub mod audit;
pub mod change;
pub mod disconnect;
pub mod guide;
pub mod home;
pub mod identity_provider;
pub mod join;
pub mod login;
pub mod logout;
mod lost;
pub mod matching;
pub mod notifications;
pub mod profile;
pub mod renewals;
pub mod set_up_key;
pub mod settings;
pub mod setup;
pub mod signing_key;
mod support;
pub mod user;
pub mod user_confirm;
pub mod users;
pub mod wrong;

pub use apps::AppsPage;
pub use audit::AuditPage;
pub use change::ChangePage;
pub use disconnect::DisconnectPage;
pub use guide::GuidePage;
pub use home::HomePage;
pub use identity_provider::IdentityProviderPage;
pub use join::JoinPage;
pub use login::LoginPage;
pub use logout::LogoutPage;
pub use matching::MatchingPage;
pub use notifications::NotificationsPage;
pub use profile::ProfilePage;
pub use profile::{ConnectedPage, ConnectingPage, RemoveConnectionPage, RemoveCredentialsPage};
pub(crate) use profile::{connected_as, registered_as};
pub use renewals::RenewalsPage;
pub use set_up_key::SetUpKeyPage;
pub use settings::SettingsPage;
pub use setup::SetupPage;
pub use signing_key::{RetireSigningKeyPage, SigningKeyPage};
pub use user::UserPage;
pub use user_confirm::{DisableUserPage, RemoveUserPage};
pub use users::UsersPage;
pub use wrong::NotFoundPage;

use backend::{Actor, Role, connection::AuthOption, people::Refusals};
use leptos::prelude::*;

use crate::{
    error::AppError,
    routes,
    ssr::{ctx, flash},
    ui::{nav::Viewer, page::Crumb, time::Moment},
    wire::{Asked, Notice, Tone},
    words,
};

/// What stands above the pages of the administration.
pub(crate) const ADMINISTRATION: &[Crumb] = &[("Administration", None)];
/// What stands above the pages under the settings.
pub(crate) const SETTINGS: &[Crumb] = &[("Administration", None), ("Settings", Some(routes::SETTINGS))];

/// What stands above the pages under the users.
pub(crate) const USERS: &[Crumb] = &[("Administration", None), ("Users", Some(routes::USERS))];

/// A visit of somebody who is signed in.
pub(crate) struct Visit {
    /// Who.
    pub(crate) actor: Actor,
    /// As the frame shows them.
    pub(crate) viewer: Viewer,
    /// What just happened.
    pub(crate) notice: Option<Notice>,
}

impl Visit {
    /// By anybody who is signed in.
    pub(crate) async fn signed_in() -> Result<Self, AppError> {
        Self::of(ctx::actor().await?).await
    }

    /// By an administrator.
    pub(crate) async fn admin() -> Result<Self, AppError> {
        Self::of(ctx::admin().await?).await
    }

    async fn of(actor: Actor) -> Result<Self, AppError> {
        let notice = match flash::take_notice().await? {
            Some(notice) => Some(notice),
            // Told once; what just happened comes before it.
            None => ctx::services()?.take_refusals(&actor).await?.as_ref().map(refused_sign_ins),
        };
        let asked = ctx::services()?.my_ask(&actor).await?;
        let asked = asked.map(|a| Asked { by: a.by, to_connect: a.option == AuthOption::OauthUsers });
        let viewer = Viewer { asked, ..viewer(&actor) };
        Ok(Self { actor, viewer, notice })
    }
}

fn refused_sign_ins(them: &Refusals) -> Notice {
    let last = Moment::from(them.last_at).utc;
    let text = words::refused_sign_ins(them.tries, them.places, them.or_more, &last);
    Notice { tone: Tone::Warning, text }
}

fn viewer(actor: &Actor) -> Viewer {
    Viewer {
        name: actor.name.clone(),
        portal: actor.portal.name.clone(),
        administrator: actor.role == Role::Administrator,
        asked: None,
    }
}

/// A page whose content has to be fetched first; where that fails, the page that
/// says so, or the one that comes before it (sign-in, set-up).
pub(crate) fn load(
    content: impl Future<Output = Result<AnyView, AppError>> + Send + 'static,
) -> impl IntoView {
    Suspend::new(async move {
        match content.await {
            Ok(view) => view,
            Err(error) => wrong::instead(error).await,
        }
    })
}

/// Sends the visitor on to another page.
pub(crate) fn go_on(path: &str) -> AnyView {
    ctx::see_other(path);
    ().into_any()
}
