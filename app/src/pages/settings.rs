//! The settings pages; their content is still to come.

use leptos::prelude::*;

use super::{ADMINISTRATION, Visit, load};
use crate::{routes, ui::page::Frame};

fn frame(title: &'static str) -> impl IntoView {
    load(async move {
        let visit = Visit::admin().await?;
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=ADMINISTRATION title here=routes::SETTINGS notice=visit.notice>{()}</Frame>
        }
        .into_any())
    })
}

/// The portal's hostname and its Qlik integration.
#[component]
pub fn SettingsPage() -> impl IntoView {
    frame("Settings")
}

/// What will stop working, then ends the integration.
#[component]
pub fn DisconnectPage() -> impl IntoView {
    frame("Disconnect")
}

/// What will be created at Qlik, then creates it.
#[component]
pub fn IdentityProviderPage() -> impl IntoView {
    frame("Identity provider")
}
