//! Whom the portal tells about its renewals, how, and what became of it.

mod deliveries;

use backend::notices::{MailView, NoticesView, WebhookView};
use leptos::{prelude::*, server_fn::ServerFn};

use super::{ADMINISTRATION, Visit, load};
use crate::{
    api::{
        form,
        notices::{SaveMail, SaveRules, SaveWebhook, TestMail, TestWebhook},
    },
    routes,
    ssr::{ctx, flash},
    ui::{
        button::{SubmitButton, Weight},
        card::Card,
        copy::CopyField,
        field::{FieldFrame, Need, SelectField, TextField, described_by},
        form::{ErrorSummary, FormState},
        page::Frame,
        time::{Moment, Time},
    },
};

/// Deliveries that are shown.
const ROWS: u32 = 25;
const SECURITY: &[(&str, &str)] = &[
    ("starttls", "STARTTLS (usually port 587)"),
    ("tls", "TLS (usually port 465)"),
    ("none", "None (a mail server on this machine alone)"),
];
const MAIL_FIELDS: &[&str] =
    &["smtp_host", "smtp_port", "smtp_security", "smtp_user", "smtp_password", "mail_from", "mail_to"];

/// The settings of notices, and the last deliveries.
#[component]
pub fn NotificationsPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let services = ctx::services()?;
        let NoticesView { mail, webhook, tell_renewed, repeat_hours } =
            services.notices_view(&visit.actor).await?;
        let deliveries = services.deliveries(&visit.actor, ROWS).await?;
        let secret = flash::take_webhook_secret(&visit.actor).await?;
        let mail_form = flash::take_form(form::MAIL).await?;
        let hook_form = flash::take_form(form::WEBHOOK).await?;
        let rules_form = flash::take_form(form::NOTICES).await?;
        let wrong = mail_form.has_errors() || hook_form.has_errors() || rules_form.has_errors();
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=ADMINISTRATION
                title="Notifications"
                here=routes::NOTIFICATIONS
                notice=visit.notice
                wrong
            >
                <ErrorSummary form=mail_form.clone() fields=MAIL_FIELDS/>
                <ErrorSummary form=hook_form.clone() fields=&["webhook_url"]/>
                <ErrorSummary form=rules_form.clone() fields=&["repeat_hours"]/>
                <p class="lead">
                    "Qonduit tells when the connection to Qlik stops working and when it works again; and of an API key, \
                     when a renewal fails, when the key needs a person or is about to expire, and when the coming renewal \
                     is at risk."
                </p>
                {secret.map(|value| view! { <SecretCard value/> })}
                <MailCard form=mail_form mail/>
                <WebhookCard form=hook_form webhook/>
                <RulesCard form=rules_form tell_renewed repeat_hours/>
                {deliveries::table(deliveries)}
            </Frame>
        }
        .into_any())
    })
}

/// The webhook's secret, the one time that it is shown.
#[component]
fn SecretCard(value: String) -> impl IntoView {
    view! {
        <section class="card highlight" aria-labelledby="secret" role="status">
            <div class="card-head">
                <h2 class="card-title" id="secret">"New webhook secret"</h2>
                <p class="card-lead">
                    "Enter it at the receiver, which checks the signature of each webhook with it. It is shown once; an \
                     older one is void from now on."
                </p>
            </div>
            <CopyField id="webhook-secret" label="Secret" value/>
        </section>
    }
}

#[component]
fn MailCard(form: FormState, mail: MailView) -> impl IntoView {
    let on = !mail.host.is_empty();
    let hint = match mail.password_at {
        Some(at) => format!("Set on {}. Leave it empty to keep it.", Moment::from(at).utc),
        None => "Kept encrypted and never shown.".to_owned(),
    };
    let id = form.field_id("smtp_password");
    let error = form.error("smtp_password");
    let describedby = described_by(&id, true, error.is_some());
    let invalid = error.is_some().then_some("true");
    view! {
        <Card id="mail-card" title="Mail" lead="Sent through your own mail server." split=true>
            <form class="form" method="post" action=SaveMail::PATH novalidate=true>
                <TextField
                    form=form.clone()
                    name="smtp_host"
                    label="Mail server"
                    hint="Its hostname, such as smtp.acme.example. Leave it empty to send no mail."
                    value=mail.host
                    technical=true
                    need=Need::No
                />
                <TextField
                    form=form.clone()
                    name="smtp_port"
                    label="Port"
                    value=mail.port.to_string()
                    inputmode=Some("numeric")
                    technical=true
                />
                <SelectField
                    form=form.clone()
                    name="smtp_security"
                    label="Encryption"
                    options=SECURITY
                    value=mail.security
                />
                <TextField
                    form=form.clone()
                    name="smtp_user"
                    label="User"
                    hint="Leave it empty where the server asks for none."
                    value=mail.user
                    technical=true
                    need=Need::No
                />
                <FieldFrame id=id.clone() label="Password" hint=Some(hint) error optional=true>
                    <input
                        class="input"
                        id=id
                        name="smtp_password"
                        type="password"
                        autocomplete="off"
                        spellcheck="false"
                        autocapitalize="none"
                        aria-describedby=describedby
                        aria-invalid=invalid
                    />
                </FieldFrame>
                <TextField
                    form=form.clone()
                    name="mail_from"
                    label="From"
                    hint="An address, or a name and an address: Qonduit <qonduit@acme.example>."
                    value=mail.from
                    technical=true
                />
                <TextField
                    form
                    name="mail_to"
                    label="To"
                    hint="Addresses, parted by commas. Leave it empty to tell all administrators of this portal."
                    value=mail.to
                    technical=true
                    need=Need::No
                />
                <div class="actions">
                    <SubmitButton label="Save mail" busy="Saving…" weight=Weight::Primary/>
                </div>
            </form>
            {on.then(|| view! { <TestForm action=TestMail::PATH label="Send a test mail"/> })}
        </Card>
    }
}

#[component]
fn WebhookCard(form: FormState, webhook: WebhookView) -> impl IntoView {
    let on = !webhook.url.is_empty();
    let replace = webhook.secret_at.map(|at| {
        view! {
            <div class="choice">
                <input
                    type="checkbox"
                    name="new_secret"
                    value="true"
                    id="new-secret"
                    aria-describedby="new-secret-hint"
                />
                <label for="new-secret">"Make a new secret"</label>
                <p class="hint" id="new-secret-hint">
                    "The present one was made on " <Time at=Moment::from(at)/>
                    ". It is void as soon as a new one is made."
                </p>
            </div>
        }
    });
    view! {
        <Card
            id="webhook-card"
            title="Webhook"
            lead="Posted as JSON and signed by the Standard Webhooks convention."
            split=true
        >
            <form class="form" method="post" action=SaveWebhook::PATH novalidate=true>
                <TextField
                    form
                    name="webhook_url"
                    label="Address"
                    hint="An https address. Leave it empty to send none. The secret is shown once, after the first save."
                    kind="url"
                    value=webhook.url
                    technical=true
                    need=Need::No
                />
                {replace}
                <div class="actions">
                    <SubmitButton label="Save webhook" busy="Saving…" weight=Weight::Primary/>
                </div>
            </form>
            {on.then(|| view! { <TestForm action=TestWebhook::PATH label="Send a test webhook"/> })}
        </Card>
    }
}

#[component]
fn TestForm(action: &'static str, label: &'static str) -> impl IntoView {
    view! {
        <form method="post" action=action>
            <div class="actions"><SubmitButton label busy="Sending…"/></div>
            <p class="hint">"Uses what is saved, and waits for the end."</p>
        </form>
    }
}

#[component]
fn RulesCard(form: FormState, tell_renewed: bool, repeat_hours: i64) -> impl IntoView {
    let checked = form.value("renewed").map_or(tell_renewed, |v| v == "true");
    view! {
        <Card id="rules-card" title="What is told" split=true>
            <form class="form" method="post" action=SaveRules::PATH novalidate=true>
                <div class="choice">
                    <input
                        type="checkbox"
                        name="renewed"
                        value="true"
                        id="renewed"
                        checked=checked
                        aria-describedby="renewed-hint"
                    />
                    <label for="renewed">"Tell of each renewal"</label>
                    <p class="hint" id="renewed-hint">"Without it a portal in order is silent."</p>
                </div>
                <TextField
                    form
                    name="repeat_hours"
                    label="Tell again after (hours)"
                    hint="How often a failure that lasts is told again, from 1 to 168."
                    value=repeat_hours.to_string()
                    inputmode=Some("numeric")
                />
                <div class="actions"><SubmitButton label="Save what is told" busy="Saving…"/></div>
            </form>
        </Card>
    }
}
