//! The frames around a page: with navigation for somebody who is signed in, a
//! narrow card for somebody who is not. The browser's title says what the
//! breadcrumbs say.

use leptos::prelude::*;
use leptos_meta::Title;

use super::{
    alert::{Alert, NoticeBox},
    icons::Icon,
    nav::{NavLinks, Viewer},
};
use crate::{
    islands::{PageLife, ThemeSwitch},
    routes,
    wire::{Asked, Notice, Tone},
};

/// A step on the way to the present page: its name, and where it is if it is a
/// page of its own.
pub type Crumb = (&'static str, Option<&'static str>);

/// The whole title: `Error: Administration / Users · Acme`, as HTML, because
/// `leptos_meta` 0.8 writes its title into the page as it is.
fn full_title(crumbs: &[Crumb], title: &str, portal: &str, wrong: bool) -> String {
    let mut text = if wrong { "Error: ".to_owned() } else { String::new() };
    for (name, _) in crumbs {
        text.push_str(name);
        text.push_str(" / ");
    }
    text.push_str(title);
    text.push_str(" · ");
    text.push_str(portal);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The frame for somebody who is signed in.
#[component]
pub fn Frame(
    /// Who is looking.
    viewer: Viewer,
    /// The pages above this one.
    #[prop(default = &[])]
    crumbs: &'static [Crumb],
    /// This page's heading.
    #[prop(into)]
    title: String,
    /// The navigation's entry to mark.
    here: &'static str,
    /// What just happened.
    #[prop(optional_no_strip)]
    notice: Option<Notice>,
    /// A form on this page was not taken.
    #[prop(optional)]
    wrong: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    let trail = (!crumbs.is_empty()).then(|| {
        let steps = crumbs
            .iter()
            .map(|(name, path)| match path {
                Some(path) => view! { <li><a href=*path>{*name}</a></li> }.into_any(),
                None => view! { <li>{*name}</li> }.into_any(),
            })
            .collect_view();
        view! {
            <nav class="crumbs" aria-label="Breadcrumb">
                <ol>{steps}<li aria-current="page">{title.clone()}</li></ol>
            </nav>
        }
    });
    let asked = viewer.asked.as_ref().map(|ask| asked(ask, here));
    view! {
        <Title text=full_title(crumbs, &title, &viewer.portal, wrong)/>
        <header class="topbar">
            <a class="brand" href=routes::HOME>
                <Icon name="mark"/>
                <span class="brand-name">"Qonduit"</span>
                <span class="brand-portal">{viewer.portal.clone()}</span>
            </a>
            <div class="topbar-end">
                <span class="whoami"><span class="visually-hidden">"Signed in as "</span>{viewer.name.clone()}</span>
                <a class="topbar-link" href=routes::LOGOUT>"Sign out"</a>
            </div>
            <details class="menu">
                <summary class="button"><Icon name="menu"/>"Menu"</summary>
                <nav class="menu-panel" aria-label="Menu">
                    <NavLinks viewer=viewer.clone() here/>
                    <p class="menu-end">
                        <span>{viewer.name.clone()}</span>
                        <a href=routes::LOGOUT>"Sign out"</a>
                    </p>
                </nav>
            </details>
        </header>
        <div class="columns">
            <nav class="side" aria-label="Main"><NavLinks viewer here/></nav>
            <main class="main" id="main" tabindex="-1">
                {trail}
                <h1 class="page-title">{title}</h1>
                {notice.map(|notice| view! { <NoticeBox notice/> })}
                {asked}
                {children()}
            </main>
        </div>
        <Foot/>
    }
}

/// What an administrator asks for: on every page until it is done.
fn asked(ask: &Asked, here: &str) -> AnyView {
    let by = ask.by.clone().unwrap_or_else(|| "An administrator".to_owned());
    let (what, link) = if ask.to_connect {
        ("connect to Qlik", "Connect in your Profile")
    } else {
        ("register your Qlik credentials", "Register them in your Profile")
    };
    let link = (here != routes::PROFILE)
        .then(|| view! { <p><a href=format!("{}#qlik", routes::PROFILE)>{link}</a></p> });
    view! {
        <Alert tone=Tone::Warning>
            <p>{by} " asks you to " {what} ", so that this portal can show your apps."</p>
            {link}
        </Alert>
    }
    .into_any()
}

/// The frame for somebody who is not signed in: one narrow card.
#[component]
pub fn Plain(
    /// The portal's name, where there is one.
    #[prop(into)]
    portal: String,
    /// This page's heading.
    #[prop(into)]
    title: String,
    /// A sentence below it.
    #[prop(optional, into)]
    lead: Option<String>,
    /// What just happened.
    #[prop(optional_no_strip)]
    notice: Option<Notice>,
    /// A form on this page was not taken.
    #[prop(optional)]
    wrong: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    let owner = if portal.is_empty() { "Qonduit".to_owned() } else { portal };
    view! {
        <Title text=full_title(&[], &title, &owner, wrong)/>
        <div class="plain">
            <header class="plain-head">
                <span class="brand"><Icon name="mark"/><span class="brand-name">{owner}</span></span>
            </header>
            <main class="plain-card" id="main" tabindex="-1">
                <h1 class="page-title">{title}</h1>
                {lead.map(|text| view! { <p class="lead">{text}</p> })}
                {notice.map(|notice| view! { <NoticeBox notice/> })}
                {children()}
            </main>
        </div>
        <Foot/>
    }
}

#[component]
fn Foot() -> impl IntoView {
    view! {
        <footer class="foot">
            <span>"Qonduit " {env!("CARGO_PKG_VERSION")}</span>
            <ThemeSwitch/>
            <PageLife/>
        </footer>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_s_title_says_where_the_page_is() {
        let crumbs: &[Crumb] = &[("Administration", None)];
        assert_eq!(full_title(crumbs, "Users", "Acme", false), "Administration / Users · Acme");
        assert_eq!(full_title(&[], "Sign in", "Acme", true), "Error: Sign in · Acme");
    }

    #[test]
    fn a_name_in_the_title_is_no_markup() {
        let title = full_title(&[], "</title><script>", "A & B", false);
        assert_eq!(title, "&lt;/title&gt;&lt;script&gt; · A &amp; B");
    }
}
