//! The Qlik apps that a person may open; the content is still to come.

use leptos::prelude::*;

use super::{Visit, load};
use crate::{routes, ui::page::Frame};

/// The apps of whoever is signed in.
#[component]
pub fn AppsPage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        Ok(view! { <Frame viewer=visit.viewer title="My apps" here=routes::APPS notice=visit.notice>{()}</Frame> }
            .into_any())
    })
}
