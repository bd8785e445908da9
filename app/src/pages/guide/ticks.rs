//! How far each step is: which checks tell that it is done, and how they ended.

use leptos::prelude::*;

use super::super::settings::check_lines;
use crate::{
    routes,
    ui::{
        badge::{Badge, OutcomeBadge},
        time::{Moment, Time},
    },
    wire::{Check, Outcome, Report, Tone},
};

/// Every check that there may be, and what it proves, for one that was not made:
/// each goes on from “whether”.
pub(super) const CHECKS: &[(&str, &str)] = &[
    ("name", "the hostname resolves"),
    ("reach", "the host can be reached"),
    ("tls", "the certificate is trusted"),
    ("tenant", "a Qlik tenant answers there"),
    ("clock", "this server’s clock and Qlik’s agree"),
    ("key_form", "it has the form of an API key"),
    ("key", "the tenant accepts the key"),
    ("owner", "the key’s owner is known and active"),
    ("permission", "the owner may manage API keys"),
    ("lifetime", "the key is active, and its expiry known"),
    ("quota", "there is room for one more key"),
    ("least_rights", "the owner has no more rights than needed"),
    ("read_users", "users can be found by e-mail"),
    ("web_integration", "the web integration exists"),
    ("origin", "it lists this portal’s origin"),
    ("identity_provider", "Qlik knows this portal’s identity provider"),
    ("jwt_login", "a user can sign in by JWT"),
    ("csrf", "the session may make changes"),
    ("apps", "apps can be read"),
    ("engine", "an app can be opened"),
    ("rate", "Qlik’s rate limits leave room"),
    ("web_sign_in", "the tenant takes sign-ins through the web integration"),
    ("sign_in_way", "the tenant signs people in with Qlik accounts"),
    ("own_session", "your own sign-in works"),
    ("oauth_client", "the tenant knows the client"),
    ("oauth_secret", "the secret is right"),
    ("oauth_grant", "the client may do what is asked of it"),
    ("oauth_code", "the client may let users connect"),
    ("oauth_redirect", "users come back from Qlik to this portal"),
    ("oauth_consent", "the client is trusted"),
    ("oauth_scope", "its scopes are enough"),
    ("oauth_user", "the portal can act for a user"),
];

/// A step that checks tell about.
pub(super) struct Checked {
    /// The procedure that it is a step of.
    pub(super) section: &'static str,
    /// The step.
    pub(super) step: &'static str,
    /// The checks, by id.
    pub(super) by: &'static [&'static str],
}

const fn checked(section: &'static str, step: &'static str, by: &'static [&'static str]) -> Checked {
    Checked { section, step, by }
}

/// Which checks tell about which step: written here and nowhere else. In the
/// order in which one connects a portal.
pub(super) const STEPS: &[Checked] = &[
    checked("hostname", "hostname-paste", &["name", "reach", "tls", "tenant", "clock"]),
    checked("web-integration", "web-add", &["origin"]),
    checked("web-integration", "web-paste", &["web_integration", "web_sign_in"]),
    checked("allow-keys", "keys-allowed", &["permission"]),
    checked("api-key", "key-owner", &["owner", "read_users", "least_rights"]),
    checked("api-key", "key-expiration", &["lifetime", "quota"]),
    checked("api-key", "key-paste", &["key_form", "key"]),
    checked("identity-provider", "idp-create", &["identity_provider"]),
    checked("identity-provider", "idp-login", &["jwt_login"]),
    checked("connect-credentials", "credentials-way", &["sign_in_way"]),
    checked("oauth-client", "oauth-paste", &["oauth_client", "oauth_secret"]),
    checked("oauth-client", "oauth-redirect", &["oauth_redirect"]),
    checked("oauth-client", "oauth-grants", &["oauth_grant", "oauth_code"]),
    checked("oauth-client", "oauth-trust", &["oauth_consent"]),
    checked("oauth-client", "oauth-scopes", &["oauth_scope"]),
    checked("connect-oauth", "oauth-user", &["oauth_user"]),
    checked("afterwards", "after-apps", &["own_session", "csrf", "apps", "engine", "rate"]),
];

/// The element that holds the tick of a step.
pub(super) fn tick_id(step: &str) -> String {
    format!("tick-{step}")
}

/// The element that holds the short tick of a whole procedure, beside a step
/// that leads to it.
pub(super) fn short_id(section: &str) -> String {
    format!("short-{section}")
}

impl Checked {
    /// No check of this report is about it: it belongs to another option.
    fn is_foreign_to(&self, report: &Report) -> bool {
        self.by.iter().all(|id| report.check(id).is_none())
    }
}

/// How the checks of a step ended, with their words.
pub(super) fn tick(step: &Checked, report: Option<&Report>) -> AnyView {
    if report.is_some_and(|r| step.is_foreign_to(r)) {
        return view! { <p class="hint">"With the option that is set, no check tells about this step."</p> }
            .into_any();
    }
    let made: Vec<Check> =
        step.by.iter().filter_map(|id| report.and_then(|r| r.check(id)).cloned()).collect();
    // A report has all checks of its option; the others are of no concern to it.
    let missing: Vec<&str> = CHECKS
        .iter()
        .filter(|(id, _)| report.is_none() && step.by.contains(id))
        .map(|(_, proves)| *proves)
        .collect();
    let when = report.filter(|_| !made.is_empty()).and_then(at);
    let lines = (!made.is_empty()).then(|| check_lines(made.into_iter()));
    let missing = (!missing.is_empty()).then(|| {
        view! {
            <p class="tick-open">
                <Badge tone=Tone::Neutral text="Not checked yet"/>
                <span>"whether " {missing.join("; whether ")} "."</span>
            </p>
        }
    });
    view! {
        {lines}
        {missing}
        {when.map(|at| view! { <p class="hint">"Checked on " <Time at/></p> })}
    }
    .into_any()
}

/// How far a procedure is, in a word.
pub(super) fn short(section: &str, report: Option<&Report>) -> AnyView {
    match worst(section, report) {
        Some(Outcome::NotChecked) => view! { <Badge tone=Tone::Neutral text="Not checked yet"/> }.into_any(),
        Some(outcome) => view! { <OutcomeBadge outcome/> }.into_any(),
        None => ().into_any(),
    }
}

/// The worst end of the checks of a procedure, those aside that were not made
/// while others were; `None` where no check tells about it, or none of the option's.
pub(super) fn worst(section: &str, report: Option<&Report>) -> Option<Outcome> {
    let of_option = |s: &&Checked| report.is_none_or(|r| !s.is_foreign_to(r));
    let mut steps = STEPS.iter().filter(|s| s.section == section).filter(of_option).peekable();
    steps.peek()?;
    let ends = steps.flat_map(|s| s.by).filter_map(|id| report?.check(id)).map(|c| c.outcome);
    let weight = |o: Outcome| match o {
        Outcome::Passed | Outcome::Advice => 0,
        Outcome::NotChecked => 1,
        Outcome::Warning => 2,
        Outcome::Failed => 3,
    };
    Some(ends.max_by_key(|o| weight(*o)).unwrap_or(Outcome::NotChecked))
}

/// The procedure to go on with, and how it stands: the first that failed, else
/// the first with a warning, else the first that was not checked; what failed is
/// often why others were not. One that a report knows nothing of holds nobody up.
pub(super) fn next(report: Option<&Report>) -> Option<(&'static str, Outcome)> {
    [Outcome::Failed, Outcome::Warning, Outcome::NotChecked].into_iter().find_map(|outcome| {
        let mut sections = STEPS.iter().map(|s| s.section);
        sections.find(|s| worst(s, report) == Some(outcome)).map(|section| (section, outcome))
    })
}

/// The whole in a sentence, and what to go on with.
pub(super) fn whole(report: Option<&Report>, of_draft: bool) -> AnyView {
    let on = next(report).and_then(|(section, outcome)| {
        let (id, title) = super::title_of(section)?;
        let begin = match outcome {
            Outcome::Failed => "Mend this first: ",
            Outcome::Warning => "Have a look at this: ",
            Outcome::Passed | Outcome::Advice | Outcome::NotChecked => "Go on with: ",
        };
        Some(view! { <p>{begin} <a href=format!("#{id}")>{title}</a></p> })
    });
    let Some(report) = report else {
        return view! {
            <p>
                <Badge tone=Tone::Neutral text="Not checked yet"/>
                " Nothing was checked so far. The checks are made when the settings are saved."
            </p>
            {on}
        }
        .into_any();
    };
    let outcome = match (report.ok, report.count(Outcome::Warning)) {
        (false, _) => Outcome::Failed,
        (true, 0) => Outcome::Passed,
        (true, _) => Outcome::Warning,
    };
    let of = if of_draft { "Of what you entered; not stored." } else { "Of the stored settings." };
    view! {
        <p>
            <OutcomeBadge outcome/>
            " "
            {report.headline.clone()}
        </p>
        <p class="hint">
            {of} " Checked on " {at(report).map(|at| view! { <Time at/> })} "; with Qlik’s codes on the page "
            <a href=format!("{}#checks", routes::SETTINGS)>"Settings"</a> "."
        </p>
        {on}
    }
    .into_any()
}

fn at(report: &Report) -> Option<Moment> {
    jiff::Timestamp::from_second(report.at).ok().map(Moment::from)
}
