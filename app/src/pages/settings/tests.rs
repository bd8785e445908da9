//! The settings page as it is rendered: what belongs together is tied together,
//! and nothing secret is in it.

use std::collections::HashSet;

use backend::{
    identity::IdentityView,
    integration::{AttemptView, FormView, Health, KeyView, Running, SettingsView, StatusView},
};

use super::*;
use crate::{
    error::FieldError,
    ssr::{flash::Flash, settings::mark},
    wire::{Check, Link, Outcome, Report},
};

fn at(seconds: i64) -> Timestamp {
    // 25 Nov 2026, 14:00 UTC and on.
    Timestamp::from_second(1_795_615_200 + seconds).unwrap()
}

fn key() -> KeyView {
    KeyView {
        key_id: "key-id-f3a9".into(),
        last4: "f3a9".into(),
        fingerprint: "ab12cd34".into(),
        owner_name: "Admin".into(),
        owner_email: Some("admin@acme.example".into()),
        created_at: at(0),
        expires_at: at(4 * 86_400),
        stored_at: at(0),
    }
}

fn status() -> StatusView {
    StatusView {
        health: Health::Healthy,
        headline: "Connected.".into(),
        tenant_host: "acme.eu.qlikcloud.com".into(),
        permanent_host: "qlk0acme.eu.qlikcloud.com".into(),
        key: key(),
        renew_at: at(3 * 86_400),
        running: None,
        last_renewal: None,
        recent: Vec::new(),
        lives: Vec::new(),
        ahead: None,
        next_try_at: None,
        failed_tries: 0,
        old_key_until: None,
        needs_person: None,
        checked_at: Some(at(0)),
        identity_missing: false,
        stray: None,
        version: 1,
    }
}

fn shown(status: Option<StatusView>, draft: Flash) -> Shown {
    let form = status.as_ref().map(|s| FormView {
        tenant_host: s.tenant_host.clone(),
        web_integration_id: "OG_YzbL1zweMS4XQcv88J".into(),
        email_as_subject: false,
        option: AuthOption::ApiKey,
        client_id: None,
    });
    let portal = Portal {
        id: "p".into(),
        hostname: "acme.portal.example".into(),
        origin: "https://acme.portal.example".into(),
        name: "Acme".into(),
    };
    let identity = IdentityView {
        issuer: "https://acme.portal.example/qonduit/p".into(),
        kid: "kid-1".into(),
        certificate_pem: "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n".into(),
        idp_id: None,
        not_after: at(0),
    };
    let has_draft = draft != Flash::default();
    let report = draft.report.clone();
    let form_state = draft.into_form(form::SETTINGS);
    Shown {
        staged: None,
        way_back: None,
        key_lost: form_state.value("key_typed").is_some(),
        secret_lost: form_state.value("client_secret_typed").is_some(),
        has_draft,
        report_is_of_draft: report.is_some(),
        report,
        console: Console {
            web: Some("https://acme.eu.qlikcloud.com/console/web".into()),
            ..Console::default()
        },
        key_ends_soon: false,
        now: at(3_600),
        form: form_state,
        view: SettingsView { portal, form, status, connection: None, report: None, identity, names: None },
    }
}

#[test]
fn a_name_that_is_gone_is_told_and_a_new_alias_is_one_click_away() {
    let mut it = shown(None, Flash::default());
    let offer = |it: &Shown| Owner::new().with(|| change_offer(it).to_html());
    assert!(!offer(&it).contains("acme-old"));
    it.view.names = Some(NamesView {
        in_use: "qlkabc.eu.qlikcloud.com".into(),
        former: "acme-old.eu.qlikcloud.com".into(),
        since: at(60),
        aliases: vec!["acme-new.eu.qlikcloud.com".into()],
    });
    let told = offer(&it);
    for part in [
        "acme-old.eu.qlikcloud.com",
        "qlkabc.eu.qlikcloud.com",
        "Use acme-new.eu.qlikcloud.com",
        UseHostname::PATH,
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_change_that_waits_and_the_way_back_are_offered_on_top() {
    let mut it = shown(None, Flash::default());
    let offer = |it: &Shown| Owner::new().with(|| change_offer(it).to_html());
    assert!(!offer(&it).contains(routes::CHANGE));
    it.staged = Some("globex.us.qlikcloud.com".into());
    let waits = offer(&it);
    assert!(waits.contains("globex.us.qlikcloud.com") && waits.contains(routes::CHANGE), "{waits}");
    it.way_back = Some(PreviousView {
        id: "previous-1".into(),
        form: FormView {
            tenant_host: "acme.eu.qlikcloud.com".into(),
            web_integration_id: "web-1".into(),
            email_as_subject: false,
            option: AuthOption::ApiKey,
            client_id: None,
        },
        left_at: at(0),
        until: at(7 * 86_400),
        keeps_key: true,
    });
    let back = offer(&it);
    assert_eq!(values(&back, "value"), ["previous-1"]);
    assert!(back.contains("Go back") && back.contains("Delete its key now"), "{back}");
}

/// The page's content.
fn page(shown: &Shown) -> String {
    Owner::new().with(|| {
        view! { <div>{summary(shown)}</div> {address(&shown.view.portal)} {integration(shown)} }.to_html()
    })
}

/// All values of the attribute `name`.
fn values<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    html.split(&begin).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The start tag of the element with the id `id`.
fn tag<'a>(html: &'a str, id: &str) -> &'a str {
    let at = html.find(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("no {id} in {html}"));
    let from = html[..at].rfind('<').unwrap();
    &html[from..from + html[from..].find('>').unwrap()]
}

/// The id of the control that is labelled with exactly `text`.
fn labelled<'a>(html: &'a str, text: &str) -> Vec<&'a str> {
    html.split("<label")
        .skip(1)
        .filter_map(|rest| {
            let (attributes, after) = rest.split_once('>')?;
            let inner = after.split("</label>").next()?.replace("<!>", "");
            (inner.trim() == text).then(|| values(attributes, "for")[0])
        })
        .collect()
}

fn failed(id: &str) -> Check {
    Check {
        id: id.into(),
        title: "The web integration lists this portal's origin".into(),
        outcome: Outcome::Failed,
        says: "It is not listed.".into(),
        remedy: Some("Add it.".into()),
        link: Some(Link {
            label: "Open Web in Qlik".into(),
            url: "https://acme.eu.qlikcloud.com/web".into(),
        }),
        elapsed_ms: Some(84),
        request: None,
        qlik_code: Some("LOGIN-10".into()),
        trace_id: Some("5f0c".into()),
    }
}

fn failed_draft() -> Flash {
    let mut draft = Flash::default()
        .keep("tenant_host", "globex.us.qlikcloud.com")
        .keep("web_integration_id", "typed-id")
        .keep("api_key", "canary-secret")
        .keep("key_typed", "true");
    draft.errors = vec![FieldError::new("web_integration_id", "required")];
    draft.report = Some(Report {
        at: at(10).as_second(),
        ok: false,
        headline: "One check failed.".into(),
        identity_missing: false,
        checks: vec![failed("origin")],
    });
    draft
}

#[test]
fn the_labels_are_the_help_page_s_and_each_is_tied_to_its_control() {
    let html = page(&shown(None, Flash::default()));
    for (label, control) in [
        ("Tenant hostname", "tenant-hostname"),
        ("Qlik Sense tenant hostname", "settings-tenant_host"),
        ("Web Integration Id", "settings-web_integration_id"),
        ("Qlik credentials", "settings-auth_option-credentials"),
        ("Send each user's e-mail as subject", "settings-email_as_subject"),
    ] {
        assert_eq!(labelled(&html, label), [control], "{label}");
    }
    assert_eq!(
        labelled(&html, "Qlik Sense API key"),
        ["settings-auth_option-api-key", "settings-api_key"],
        "the radio and the field"
    );
    assert!(tag(&html, "tenant-hostname").contains(" readonly"));
    for option in ["credentials", "oauth-everyone", "oauth-users"] {
        let radio = tag(&html, &format!("settings-auth_option-{option}"));
        assert!(!radio.contains(" disabled") && !radio.contains(" checked"), "{radio}");
    }
    assert!(tag(&html, "settings-auth_option-api-key").contains(" checked"));
    assert!(tag(&html, "settings-api_key").contains("type=\"password\""));
}

#[test]
fn every_id_is_there_once_and_every_reference_leads_to_one() {
    let mut busy = status();
    busy.health = Health::NeedsPerson;
    busy.needs_person = Some("The API key expired. Make a new one.".into());
    for shown in [
        shown(None, Flash::default()),
        shown(Some(status()), failed_draft()),
        shown(Some(busy), Flash::default()),
    ] {
        let html = page(&shown);
        let ids = values(&html, "id");
        let known: HashSet<_> = ids.iter().copied().collect();
        assert_eq!(known.len(), ids.len(), "{ids:?}");
        let named = ["for", "aria-describedby", "aria-labelledby"];
        let mut wanted: Vec<&str> =
            named.iter().flat_map(|n| values(&html, n)).flat_map(str::split_whitespace).collect();
        wanted.extend(
            values(&html, "href")
                .into_iter()
                .filter_map(|h| h.strip_prefix('#'))
                .filter(|h| !h.starts_with("i-")),
        );
        assert!(wanted.len() > 10);
        for id in wanted {
            assert!(known.contains(id), "nothing has the id {id}");
        }
    }
}

#[test]
fn a_save_that_failed_shows_what_was_typed_and_what_is_wrong_and_never_the_key() {
    let html = page(&shown(Some(status()), failed_draft()));
    assert!(tag(&html, "settings-tenant_host").contains("value=\"globex.us.qlikcloud.com\""));
    assert!(tag(&html, "settings-web_integration_id").contains("value=\"typed-id\""));
    assert!(tag(&html, "settings-web_integration_id").contains("aria-invalid=\"true\""));
    assert!(
        values(&html, "href").contains(&"#settings-web_integration_id"),
        "the summary leads to the field"
    );
    assert!(!tag(&html, "settings-api_key").contains(" value="));
    assert!(html.contains("was not kept. Paste it again"), "{html}");
    for part in ["Failed", "It is not listed.", "Add it.", "84 ms", "LOGIN-10", "5f0c", "Discard changes"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("canary"));
}

#[test]
fn the_parts_for_a_script_are_those_of_the_page() {
    let shown = shown(Some(status()), failed_draft());
    let (page, parts) = (page(&shown), Owner::new().with(|| form_html(&shown)));
    for (id, part) in [
        ("settings-summary", summary as fn(&Shown) -> AnyView),
        ("settings-fields", fields::fields),
        ("settings-draft", draft),
        ("settings-checks", checks::checks),
    ] {
        let inner = Owner::new().with(|| part(&shown).to_html());
        assert!(parts.contains(&format!("<div id=\"{id}\">{inner}</div>")), "{id}: {parts}");
        assert!(page.contains(&inner), "{id}: {page}");
    }
}

#[test]
fn the_status_tells_owner_key_dates_and_the_last_renewal() {
    let mut status = status();
    status.last_renewal = Some(AttemptView {
        id: "a".into(),
        trigger: "due".into(),
        started_at: at(-60),
        ended_at: Some(at(-57)),
        outcome: Some("renewed".into()),
        reason: None,
        qlik_code: None,
        trace_id: None,
    });
    status.old_key_until = Some(at(7_200));
    let html = page(&shown(Some(status), Flash::default()));
    for part in [
        "f3a9",
        "ab12cd34",
        "admin@acme.example",
        "29 Nov 2026, 14:00 UTC",
        "in 3 d 23 h",
        "28 Nov 2026, 14:00 UTC",
        "Renewed",
        "in 3 s",
        "deleted at Qlik after",
        "Healthy",
        "Set 25 Nov 2026, ends f3a9. Leave empty to keep it.",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    for button in ["Renew now", "Test connection", "Disconnect…"] {
        assert!(html.contains(button), "{button}");
    }
}

#[test]
fn who_is_needed_is_told_what_to_do_and_a_running_step_is_shown() {
    let mut status = status();
    status.health = Health::NeedsPerson;
    status.needs_person = Some("The API key expired. Make a new one in Qlik and paste it here.".into());
    status.running = Some(Running { step: "Proving the new key", since: at(0) });
    let html = page(&shown(Some(status), Flash::default()));
    for part in ["Needs a person", "paste it here.", "#settings-api_key", "proving the new key", "Under way"]
    {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn what_an_open_page_is_told_changes_only_with_what_it_says() {
    let html = |status: &StatusView, now| Owner::new().with(|| live_html(status, &Console::default(), now));
    let (before, mut after) = (status(), status());
    // A minute of a key of four days moves nothing that is drawn.
    assert_eq!(mark(&html(&before, at(3_600))), mark(&html(&before, at(3_660))));
    after.running = Some(Running { step: "Asking Qlik for a new key", since: at(3_600) });
    assert_ne!(mark(&html(&before, at(3_600))), mark(&html(&after, at(3_600))));
}

#[test]
fn a_missing_identity_provider_is_offered() {
    let mut it = shown(Some(status()), Flash::default());
    assert!(!page(&it).contains(routes::IDENTITY_PROVIDER));
    it.view.report = Some(backend::integration::Report {
        at: at(0),
        checks: Vec::new(),
        ok: true,
        headline: String::new(),
        identity_missing: true,
    });
    let html = page(&it);
    assert!(
        html.contains(routes::IDENTITY_PROVIDER)
            && html.contains("kid-1")
            && html.contains("BEGIN CERTIFICATE")
    );
}

#[test]
fn the_form_posts_the_fields_that_its_server_function_takes() {
    let html = page(&shown(Some(status()), Flash::default()));
    let action = format!(" action=\"{}\"", SaveSettings::PATH);
    let (_, form) = html.split_once(&action).unwrap();
    let posted: HashSet<_> = values(form.split("</form>").next().unwrap(), "name").into_iter().collect();
    let taken = [
        "tenant_host",
        "web_integration_id",
        "auth_option",
        "api_key",
        "email_as_subject",
        "oauth_client_id",
        "oauth_client_secret",
    ];
    assert_eq!(posted, HashSet::from(taken));
}
