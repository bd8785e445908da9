//! The Qlik apps that a person may open, read with their own Qlik session; or
//! what stands in the way, who can mend it, and how to try again.

use backend::{
    apps::{AppRow, AppsPage as Page, AppsQuery},
    door::{Trouble, TroubleKind, Who},
};
use leptos::prelude::*;

use super::{
    Visit, load,
    settings::{codes, out},
};
use crate::{
    islands::AppSearch,
    routes,
    ssr::ctx,
    ui::{
        alert::Alert,
        button::{LinkButton, Weight},
        card::Empty,
        page::Frame,
        time::{Moment, Time},
    },
    wire::Tone,
    words,
};

/// The longest search that is passed on; names of apps are shorter.
const LONGEST: usize = 200;

/// The apps of whoever is signed in.
#[component]
pub fn AppsPage() -> impl IntoView {
    load(async {
        let visit = Visit::signed_in().await?;
        let asked = Asked::read();
        let query = AppsQuery { search: Some(asked.q.clone()), cursor: asked.cursor.clone() };
        let page = ctx::services()?.my_apps(&visit.actor, query).await?;
        let (count, results) = show(&page, &asked, visit.viewer.administrator);
        let search = search(&asked.q);
        Ok(view! {
            <Frame viewer=visit.viewer title="My apps" here=routes::APPS notice=visit.notice>
                {search}
                <p class="muted" id="apps-count" role="status">{count}</p>
                <div class="stack" id="apps-results">{results}</div>
            </Frame>
        }
        .into_any())
    })
}

/// What the address asks for.
#[derive(Debug, Default)]
struct Asked {
    q: String,
    cursor: Option<String>,
}

impl Asked {
    fn read() -> Self {
        let q = ctx::query("q").trim().chars().take(LONGEST).collect();
        Self { q, cursor: Some(ctx::query("cursor")).filter(|c| !c.is_empty()) }
    }

    /// The address of the page that begins at `cursor`.
    fn page(&self, cursor: Option<&str>) -> String {
        let parts: Vec<String> = [("q", Some(self.q.as_str()).filter(|q| !q.is_empty())), ("cursor", cursor)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|v| format!("{name}={}", routes::encode(v))))
            .collect();
        if parts.is_empty() {
            routes::APPS.to_owned()
        } else {
            format!("{}?{}", routes::APPS, parts.join("&"))
        }
    }
}

fn search(q: &str) -> AnyView {
    view! {
        <form class="search" method="get" action=routes::APPS role="search">
            <label class="label" for="apps-q">"Search apps"</label>
            <div class="copy-row">
                <input
                    class="input"
                    type="search"
                    id="apps-q"
                    name="q"
                    value=q.to_owned()
                    maxlength=LONGEST.to_string()
                    autocomplete="off"
                    spellcheck="false"
                />
                <AppSearch/>
            </div>
        </form>
    }
    .into_any()
}

/// What to say of the whole, and the content.
fn show(page: &Page, asked: &Asked, administrator: bool) -> (String, AnyView) {
    match page {
        Page::Trouble(it) => (String::new(), trouble(it, asked, administrator)),
        Page::Apps { apps, qlik_user, .. } if apps.is_empty() => (String::new(), empty(asked, qlik_user)),
        Page::Apps { apps, next, prev, qlik_user } => {
            let rows = apps.iter().map(row).collect_view();
            let pager = pager(asked, prev.as_deref(), next.as_deref());
            let content = view! { <ul class="apps">{rows}</ul> {pager} }.into_any();
            let whole = next.is_none() && prev.is_none();
            (count_words(apps.len(), whole, &asked.q, qlik_user), content)
        }
    }
}

fn count_words(n: usize, whole: bool, q: &str, qlik_user: &str) -> String {
    let apps = if n == 1 { "1 app".to_owned() } else { format!("{n} apps") };
    let matching = if q.is_empty() { String::new() } else { format!(" with “{q}” in the name") };
    let page = if whole { "" } else { " on this page" };
    format!("{apps}{matching}{page}, as {qlik_user} sees them in Qlik.")
}

fn row(app: &AppRow) -> AnyView {
    let space = app.space.clone().unwrap_or_else(|| "Personal".to_owned());
    let about = app.description.clone().map(|text| view! { <p class="app-about">{text}</p> });
    let reloaded = match app.reloaded_at {
        Some(at) => view! { "Reloaded " <Time at=Moment::from(at)/> }.into_any(),
        None => "Never reloaded".into_any(),
    };
    view! {
        <li class="app">
            <div class="app-name">{out(&app.open_url, &app.name)} {about}</div>
            <p class="app-space"><span class="visually-hidden">"Space: "</span>{space}</p>
            <p class="app-time">{reloaded}</p>
        </li>
    }
    .into_any()
}

fn pager(asked: &Asked, prev: Option<&str>, next: Option<&str>) -> Option<AnyView> {
    if prev.is_none() && next.is_none() {
        return None;
    }
    let link = |cursor: Option<&str>, text: &'static str| {
        cursor.map(|c| view! { <LinkButton href=asked.page(Some(c))>{text}</LinkButton> })
    };
    Some(
        view! {
            <nav class="actions" aria-label="Pages">{link(prev, "Previous")} {link(next, "Next")}</nav>
        }
        .into_any(),
    )
}

fn empty(asked: &Asked, qlik_user: &str) -> AnyView {
    let (q, qlik_user) = (asked.q.clone(), qlik_user.to_owned());
    if q.is_empty() {
        view! {
            <Empty title="You see no apps yet">
                <p>
                    "Here are the apps that " {qlik_user}
                    " may open in Qlik. Whoever owns an app can share its space with you there."
                </p>
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="No apps match">
                <p>"No app that you may open has “" {q} "” in its name."</p>
                <p><a href=routes::APPS>"Show all apps"</a></p>
            </Empty>
        }
        .into_any()
    }
}

/// What stands in the way.
fn trouble(it: &Trouble, asked: &Asked, administrator: bool) -> AnyView {
    let tone = if it.who == Who::Nobody { Tone::Warning } else { Tone::Bad };
    // This is how a portal, or a user of it, begins: nothing is wrong.
    let begins =
        matches!(it.kind, TroubleKind::NotConnected | TroubleKind::NotRegistered | TroubleKind::NotLinked);
    let tone = if begins { Tone::Neutral } else { tone };
    let wait = it.retry_after_s.map(|s| format!(" Qlik asks to wait {}.", words::wait(s)));
    let matching =
        matches!(it.kind, TroubleKind::WouldCreate | TroubleKind::WouldRewrite | TroubleKind::SubjectTaken);
    let (href, text) = if matching {
        (routes::MATCHING, "Open Who will match")
    } else {
        (routes::SETTINGS, "Open Settings")
    };
    let settings = (administrator && it.who == Who::Administrator)
        .then(|| view! { <LinkButton href weight=Weight::Primary>{text}</LinkButton> });
    let own = matches!(
        it.kind,
        TroubleKind::NotRegistered | TroubleKind::CredentialsRefused | TroubleKind::NotLinked
    );
    let profile = own.then(|| {
        view! { <LinkButton href=format!("{}#qlik", routes::PROFILE) weight=Weight::Primary>"Open Profile"</LinkButton> }
    });
    let (says, remedy, who) = (it.says.clone(), it.remedy.clone(), who_words(it.who));
    let codes = codes(it.qlik_code.as_deref(), it.trace_id.as_deref());
    view! {
        <div class="stack" role="alert">
            <Alert tone>
                <p><strong>{says}</strong></p>
                <p>{remedy} {wait}</p>
                <p class="muted">"Who can mend it: " {who}</p>
                {codes}
            </Alert>
        </div>
        <p class="actions">{profile} {settings} <LinkButton href=asked.page(asked.cursor.as_deref())>"Try again"</LinkButton></p>
    }
    .into_any()
}

/// Who can mend it, in words.
fn who_words(who: Who) -> &'static str {
    match who {
        Who::You => "you.",
        Who::Administrator => "an administrator of this portal.",
        Who::QlikAdministrator => "a Tenant Admin of the Qlik tenant.",
        Who::Nobody => "nobody has to; it passes by itself.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(q: &str) -> Asked {
        Asked { q: q.to_owned(), cursor: None }
    }

    fn app(name: &str) -> AppRow {
        AppRow {
            id: "a".into(),
            name: name.into(),
            description: Some("<b>bold</b>".into()),
            space: None,
            reloaded_at: None,
            open_url: "https://acme.eu.qlikcloud.com/sense/app/a".into(),
        }
    }

    fn html(page: &Page, asked: &Asked, administrator: bool) -> (String, String) {
        Owner::new().with(|| {
            let (count, view) = show(page, asked, administrator);
            (count, view.to_html())
        })
    }

    fn apps(apps: Vec<AppRow>, next: Option<&str>) -> Page {
        Page::Apps { apps, next: next.map(str::to_owned), prev: None, qlik_user: "ada@acme.example".into() }
    }

    #[test]
    fn an_app_leads_into_qlik_and_its_text_is_no_markup() {
        let (count, html) = html(&apps(vec![app("Sales & Co")], None), &asked(""), false);
        assert_eq!(count, "1 app, as ada@acme.example sees them in Qlik.");
        assert!(html.contains("href=\"https://acme.eu.qlikcloud.com/sense/app/a\""), "{html}");
        assert!(html.contains("Sales &amp; Co") && html.contains("&lt;b&gt;bold"), "{html}");
        assert!(!html.contains("aria-label=\"Pages\""), "{html}");
    }

    #[test]
    fn a_cursor_and_a_search_go_into_the_next_page_s_address_encoded() {
        let (count, html) = html(&apps(vec![app("A")], Some("c/+=1")), &asked("a b&c"), false);
        assert!(html.contains("/apps?q=a%20b%26c&amp;cursor=c%2F%2B%3D1"), "{html}");
        assert!(count.contains("on this page"), "{count}");
    }

    #[test]
    fn no_apps_and_no_matches_are_told_apart() {
        let none = apps(Vec::new(), None);
        assert!(html(&none, &asked(""), false).1.contains("You see no apps yet"));
        let unmatched = html(&none, &asked("zq"), false).1;
        assert!(unmatched.contains("No apps match") && unmatched.contains("zq"), "{unmatched}");
    }

    #[test]
    fn what_is_not_allowed_at_a_sign_in_leads_administrators_to_where_it_is() {
        for kind in [TroubleKind::WouldCreate, TroubleKind::WouldRewrite, TroubleKind::SubjectTaken] {
            let page = Page::Trouble(Trouble {
                kind,
                says: "s".into(),
                remedy: "r".into(),
                who: Who::Administrator,
                retry_after_s: None,
                qlik_code: None,
                trace_id: None,
            });
            assert!(html(&page, &asked(""), true).1.contains(routes::MATCHING), "{kind:?}");
            assert!(!html(&page, &asked(""), false).1.contains(routes::MATCHING), "{kind:?}");
        }
    }

    #[test]
    fn a_trouble_says_who_can_mend_it_and_leads_administrators_to_the_settings() {
        let it = Trouble {
            kind: TroubleKind::KeyDead,
            says: "Qlik refuses the key.".into(),
            remedy: "Paste a new one.".into(),
            who: Who::Administrator,
            retry_after_s: Some(20),
            qlik_code: Some("AUTH-5".into()),
            trace_id: Some("5f0c".into()),
        };
        let page = Page::Trouble(it);
        let (_, administrator) = html(&page, &asked("x"), true);
        for part in ["Qlik refuses the key.", "Paste a new one.", "AUTH-5", "5f0c", "20 seconds", "/apps?q=x"]
        {
            assert!(administrator.contains(part), "{part}: {administrator}");
        }
        assert!(administrator.contains(routes::SETTINGS));
        assert!(!html(&page, &asked("x"), false).1.contains(routes::SETTINGS));
    }
}
