//! Where one can go: the same list beside the page on wide windows and in a
//! menu on narrow ones.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its props")]

use leptos::prelude::*;

use super::icons::Icon;
use crate::{routes, wire::Asked};

/// Who is looking, as far as the frame shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The person's name.
    pub name: String,
    /// The portal's name.
    pub portal: String,
    /// Sees the administration.
    pub administrator: bool,
    /// What an administrator asks them for and they have not done.
    pub asked: Option<Asked>,
}

const OWN: &[(&str, &str, &str)] =
    &[(routes::APPS, "apps", "My apps"), (routes::PROFILE, "person", "Profile")];
const ADMINISTRATION: &[(&str, &str, &str)] = &[
    (routes::SETTINGS, "settings", "Settings"),
    (routes::USERS, "people", "Users"),
    (routes::NOTIFICATIONS, "bell", "Notifications"),
    (routes::AUDIT, "audit", "Audit"),
    (routes::GUIDE, "guide", "Guide"),
];

/// The places, the present one marked.
#[component]
pub fn NavLinks(
    /// Who is looking.
    viewer: Viewer,
    /// The path of the present page or of the page above it.
    here: &'static str,
) -> impl IntoView {
    let list = move |places: &'static [(&str, &str, &str)]| {
        places
            .iter()
            .map(|(path, icon, text)| {
                let current = (*path == here).then_some("page");
                view! {
                    <li><a class="nav-link" href=*path aria-current=current><Icon name=icon/>{*text}</a></li>
                }
            })
            .collect_view()
    };
    let administration = viewer.administrator.then(|| {
        view! {
            <p class="nav-title">"Administration"</p>
            <ul class="nav-list">{list(ADMINISTRATION)}</ul>
        }
    });
    view! {
        <ul class="nav-list">{list(OWN)}</ul>
        {administration}
    }
}
