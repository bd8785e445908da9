//! A procedure: numbered steps, what to know beside them, and the two ways in
//! which it is shown: on the guide, whole, with the state of each step; and
//! under a field of the settings page, short.

use backend::{Portal, identity::IdentityView};
use leptos::prelude::*;

use super::{
    super::settings::out,
    ticks::{STEPS, short, short_id, tick, tick_id},
    title_of,
};
use crate::{routes, ssr::settings::Console, wire::Report};

/// What a procedure may show of this portal and its tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The portal.
    pub(crate) portal: &'a Portal,
    /// What Qlik has to know of it.
    pub(crate) identity: &'a IdentityView,
    /// Where the tenant's pages are.
    pub(crate) console: &'a Console,
}

/// One numbered step.
pub(super) struct Step {
    says: AnyView,
    id: Option<&'static str>,
    leads_to: Option<&'static str>,
    picture: Option<AnyView>,
    more: Option<AnyView>,
}

/// A step in words.
pub(super) fn step(says: impl IntoView + 'static) -> Step {
    Step { says: says.into_view().into_any(), id: None, leads_to: None, picture: None, more: None }
}

impl Step {
    /// Checks tell about it, under this name.
    pub(super) fn checked(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// It has a procedure of its own.
    pub(super) fn leads_to(mut self, section: &'static str) -> Self {
        self.leads_to = Some(section);
        self
    }

    /// With a drawing of the place.
    pub(super) fn drawn(mut self, picture: AnyView) -> Self {
        self.picture = Some(picture);
        self
    }

    /// With something that only the guide shows: the settings page has it anyway.
    pub(super) fn with(mut self, more: AnyView) -> Self {
        self.more = Some(more);
        self
    }
}

/// A whole procedure.
pub(crate) struct Procedure {
    id: &'static str,
    lead: Option<AnyView>,
    steps: Vec<Step>,
    links: Vec<(Option<String>, &'static str)>,
    today: Option<AnyView>,
    before: Option<AnyView>,
}

/// The procedure under this anchor.
pub(super) fn procedure(id: &'static str) -> Procedure {
    Procedure { id, lead: None, steps: Vec::new(), links: Vec::new(), today: None, before: None }
}

impl Procedure {
    /// What it is for.
    pub(super) fn lead(mut self, text: impl IntoView + 'static) -> Self {
        self.lead = Some(text.into_view().into_any());
        self
    }

    /// Its steps.
    pub(super) fn steps<const N: usize>(mut self, steps: [Step; N]) -> Self {
        self.steps = steps.into();
        self
    }

    /// A link into the tenant, shown where the tenant is known.
    pub(super) fn link(mut self, url: Option<&String>, label: &'static str) -> Self {
        self.links.push((url.cloned(), label));
        self
    }

    /// Something to know.
    pub(super) fn note(mut self, text: impl IntoView + 'static) -> Self {
        self.today = Some(text.into_view().into_any());
        self
    }

    /// How it was before Qlik changed it.
    pub(super) fn old_way(mut self, text: impl IntoView + 'static) -> Self {
        self.before = Some(text.into_view().into_any());
        self
    }

    /// Under a field of the settings page.
    pub(crate) fn in_place(self) -> AnyView {
        let steps = self.steps.into_iter().map(|s| view! { <li>{s.says} {s.picture}</li> }).collect_view();
        let href = format!("{}#{}", routes::GUIDE, self.id);
        let title = title_of(self.id).map(|(_, title)| title);
        view! {
            {self.lead.map(|lead| view! { <p>{lead}</p> })}
            <ol>{steps}</ol>
            {links(self.links)}
            {self.today.map(|text| view! { <p class="note">{text}</p> })}
            {self.before.map(|text| view! { <p class="note"><b>"The old way: "</b> {text}</p> })}
            <p><a href=href>"In the guide, with the state of each step: " {title}</a></p>
        }
        .into_any()
    }

    /// As a section of the guide.
    pub(super) fn section(self, report: Option<&Report>) -> AnyView {
        let title = title_of(self.id).map(|(_, title)| title);
        let of_tenant = self.links.iter().any(|(url, _)| url.is_some());
        let unknown = (!self.links.is_empty() && !of_tenant).then(|| {
            view! {
                <p class="hint">
                    "Once the hostname is entered in the " <a href=routes::SETTINGS>"settings"</a>
                    ", a link here leads right to the place in your tenant."
                </p>
            }
        });
        let steps = self.steps.into_iter().map(|s| numbered(s, report)).collect_view();
        view! {
            <section class="card procedure" id=self.id aria-labelledby=format!("{}-title", self.id)>
                <h2 class="card-title" id=format!("{}-title", self.id)>{title}</h2>
                {self.lead.map(|lead| view! { <p>{lead}</p> })}
                <ol class="guide-steps">{steps}</ol>
                {links(self.links)}
                {unknown}
                {self.today.map(|text| view! { <p class="beside">{text}</p> })}
                {self.before.map(|text| view! { <p class="beside"><b>"The old way: "</b> {text}</p> })}
            </section>
        }
        .into_any()
    }
}

fn numbered(s: Step, report: Option<&Report>) -> AnyView {
    let checked = s.id.and_then(|id| STEPS.iter().find(|c| c.step == id));
    let tick = checked.map(|c| view! { <div class="tick" id=tick_id(c.step)>{tick(c, report)}</div> });
    let short = s.leads_to.map(|section| {
        view! { <span class="short" id=short_id(section)>{short(section, report)}</span> }
    });
    view! {
        <li>
            <div class="guide-step">
                <p>{s.says} " " {short}</p>
                {s.picture}
                {s.more}
                {tick}
            </div>
        </li>
    }
    .into_any()
}

fn links(links: Vec<(Option<String>, &'static str)>) -> AnyView {
    links
        .into_iter()
        .filter_map(|(url, label)| url.map(|url| view! { <p>{out(&url, label)}</p> }))
        .collect_view()
        .into_any()
}
