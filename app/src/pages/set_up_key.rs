//! One-paste set-up: what to enter, what will be made, and how far it is.

use backend::onboard::{IdpPlan, Phase, Plan, Progress, SetUpView, WebPlan};
use jiff::Timestamp;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    SETTINGS, Visit, load,
    lost::Lost,
    settings::{certificate, check_lines, codes},
};
use crate::{
    api::{
        form,
        set_up::{ConfirmSetUp, PlanSetUp, PutSetUpAway},
    },
    error::AppError,
    routes,
    ssr::{ctx, flash, settings::check},
    ui::{
        alert::Alert,
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        card::Card,
        field::{PasswordField, TextField},
        form::{ErrorSummary, FormState},
        page::Frame,
        time::{Moment, Time},
    },
    wire::Tone,
};

const FIELDS: &[&str] = &["tenant_host", "api_key"];

/// Sets the connection up with one key.
#[component]
pub fn SetUpKeyPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let services = ctx::services()?;
        let view = services.set_up_view(&visit.actor).await.map_err(AppError::from)?;
        let identity = services.identity(&visit.actor.portal).await.map_err(AppError::from)?;
        let kept = flash::take(form::SET_UP_KEY).await?;
        let form = kept.into_form(form::SET_UP_KEY);
        let qlik = codes(form.value("qlik_code").as_deref(), form.value("trace_id").as_deref());
        let wrong = form.has_errors();
        if view.as_ref().is_some_and(|v| v.progress.runs()) {
            ctx::refresh_in(2);
        }
        let lost = Lost::read(&services, &visit.actor.portal.id).await?;
        let content = match view {
            None => enter(&form, qlik),
            Some(v) if v.progress.phase == Phase::Planned => {
                view! { {lost.says()} {plan(&v, &identity.certificate_pem)} }.into_any()
            }
            Some(v) => follow(&v.progress),
        };
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=SETTINGS
                title="Set up with one key"
                here=routes::SETTINGS
                notice=visit.notice
                wrong
            >
                <ErrorSummary form=form.clone() fields=FIELDS/>
                {content}
            </Frame>
        }
        .into_any())
    })
}

fn enter(form: &FormState, qlik: Option<AnyView>) -> AnyView {
    view! {
        <p class="lead">
            "With a Tenant Admin’s API key this portal makes in Qlik what the connection needs: a web integration with \
             this portal’s origin and a JWT identity provider. You see each of them before it is made."
        </p>
        <div class="card">
            <form class="form wide" method="post" action=PlanSetUp::PATH novalidate=true>
                <TextField
                    form=form.clone()
                    name="tenant_host"
                    label="Qlik Sense tenant hostname"
                    hint="It is in the address bar of your Qlik Cloud, such as acme.eu.qlikcloud.com."
                    inputmode=Some("url")
                    technical=true
                />
                <PasswordField
                    form=form.clone()
                    name="api_key"
                    label="Qlik Sense API key"
                    hint="Of a Tenant Admin, who may manage API keys, with an expiration of 3 days or more. It is kept sealed, \
                          and becomes the portal’s key."
                    autocomplete="new-password"
                />
                {qlik}
                <div class="actions">
                    <SubmitButton label="Look at the tenant" busy="Looking…" weight=Weight::Primary/>
                    <LinkButton href=routes::SETTINGS>"Enter the values by hand"</LinkButton>
                </div>
                <p class="hint">"Nothing is changed at Qlik by looking."</p>
            </form>
        </div>
    }
    .into_any()
}

fn plan(seen: &SetUpView, certificate_pem: &str) -> AnyView {
    let plan = &seen.progress.plan;
    let tenant = plan.tenant_name.clone().unwrap_or_else(|| plan.tenant_host.clone());
    let replaces = plan.replaces.clone().map(|host| {
        view! {
            <Alert tone=Tone::Warning>
                "This portal is connected to " <code>{host}</code>
                " now. The new connection takes its place once all checks pass; for seven days, or until the old key \
                 expires, you can go back to the old one."
            </Alert>
        }
    });
    let expires = Moment::from(seen.expires_at);
    view! {
        {replaces}
        <p class="lead">"This will be done in the Qlik tenant " <strong>{tenant}</strong> ":"</p>
        <form class="form wide" method="post" action=ConfirmSetUp::PATH>
            <input type="hidden" name="plan" value=seen.id.clone()/>
            {web_card(plan)}
            {idp_card(plan, certificate_pem)}
            {key_card(plan)}
            <div class="actions">
                <SubmitButton label="Set up the connection" busy="Setting up…" weight=Weight::Primary/>
            </div>
            <p class="hint">
                "If a step can’t be done, everything that was made before it is removed again. This plan is forgotten on "
                <Time at=expires/> "."
            </p>
        </form>
        <form method="post" action=PutSetUpAway::PATH>
            <button class="button" type="submit">"Discard the plan"</button>
        </form>
    }
    .into_any()
}

fn web_card(plan: &Plan) -> AnyView {
    let (badge, name) = match &plan.web {
        WebPlan::Use { name, .. } => {
            ((Tone::Good, "Is there"), format!("“{name}” lists this portal’s origin already."))
        }
        WebPlan::AddOrigin { name, .. } => {
            ((Tone::Neutral, "Will be changed"), format!("This portal’s origin is added to “{name}”."))
        }
        WebPlan::Create { name } => {
            ((Tone::Neutral, "Will be made"), format!("A web integration named “{name}”."))
        }
    };
    let lists = match &plan.web {
        WebPlan::AddOrigin { lists, .. } if !lists.is_empty() => {
            let rows = lists.iter().map(|o| view! { <li><code>{o.clone()}</code></li> }).collect_view();
            Some(view! { <dt>"Stays listed"</dt> <dd><ul class="plain">{rows}</ul></dd> })
        }
        _ => None,
    };
    let choice = (!plan.others.is_empty()).then(|| {
        let options = plan.others.iter().map(|(id, name)| {
            view! { <option value=id.clone()>{format!("{name} ({id})")}</option> }
        });
        view! {
            <div class="field">
                <label class="label" for="set-up-web">"Or use another web integration"</label>
                <select class="input" id="set-up-web" name="web" aria-describedby="set-up-web-hint">
                    <option value="">"As described above"</option>
                    {options.collect_view()}
                </select>
                <p class="hint" id="set-up-web-hint">"This portal’s origin is added to it; what it lists stays."</p>
            </div>
        }
    });
    let origin = plan.origin.clone();
    view! {
        <Card id="web" title="Web integration">
            <p><Badge tone=badge.0 text=badge.1/> " " {name}</p>
            <dl class="facts">
                <dt>"Origin"</dt>
                <dd class="mono">{origin}</dd>
                {lists}
            </dl>
            {choice}
        </Card>
    }
    .into_any()
}

fn idp_card(plan: &Plan, certificate_pem: &str) -> AnyView {
    let (badge, says) = match &plan.idp {
        IdpPlan::Use { .. } => (
            (Tone::Good, "Is there"),
            "The tenant has this portal’s JWT identity provider already.".to_owned(),
        ),
        IdpPlan::Create { description } => (
            (Tone::Neutral, "Will be made"),
            format!("A JWT identity provider with the description “{description}”."),
        ),
    };
    let (issuer, kid) = (plan.issuer.clone(), plan.kid.clone());
    let certificate = certificate(certificate_pem);
    view! {
        <Card id="idp" title="JWT identity provider">
            <p><Badge tone=badge.0 text=badge.1/> " " {says}</p>
            <dl class="facts">
                <dt>"Issuer"</dt>
                <dd class="mono">{issuer}</dd>
                <dt>"Key ID"</dt>
                <dd class="mono">{kid}</dd>
            </dl>
            {certificate}
        </Card>
    }
    .into_any()
}

fn key_card(plan: &Plan) -> AnyView {
    let moment = |secs| Timestamp::from_second(secs).ok().map(|at| view! { <Time at=Moment::from(at)/> });
    let (owner, expires, renewed) = (plan.owner.clone(), moment(plan.key_expires_at), moment(plan.renew_at));
    view! {
        <Card id="key" title="API key">
            <p>"The key of " <strong>{owner}</strong> " becomes the portal’s key, and is renewed by itself."</p>
            <dl class="facts">
                <dt>"Expires"</dt>
                <dd>{expires}</dd>
                <dt>"First renewal"</dt>
                <dd>{renewed}</dd>
            </dl>
        </Card>
    }
    .into_any()
}

/// The steps, each with how it stands.
fn follow(p: &Progress) -> AnyView {
    let steps = [
        ("Web integration", step(p, Phase::Web, p.web.as_ref().map(|o| o.made))),
        ("JWT identity provider", step(p, Phase::Idp, p.idp.as_ref().map(|o| o.made))),
        ("Connection tested and stored", step(p, Phase::Save, (p.phase == Phase::Done).then_some(true))),
    ];
    let rows = steps.into_iter().map(|(title, (tone, text))| {
        view! { <li class="check"><div class="check-outcome"><Badge tone text/></div><div class="check-body"><p>{title}</p></div></li> }
    });
    let fault = p.fault.as_ref().map(|f| {
        let (says, codes) = (f.says.clone(), codes(f.code.as_deref(), f.trace_id.as_deref()));
        view! { <Alert tone=Tone::Bad><p>{says}</p> {codes}</Alert> }
    });
    let left = p
        .left
        .clone()
        .into_iter()
        .map(|what| view! { <Alert tone=Tone::Warning>{what}</Alert> })
        .collect_view();
    let failed = p.report.as_ref().filter(|r| !r.ok).map(|r| {
        let lines = check_lines(
            r.checks.iter().filter(|c| c.outcome == backend::doctor::Outcome::Failed).cloned().map(check),
        );
        view! { <Card id="checks" title="Checks that failed">{lines}</Card> }
    });
    let end = p.ended().then(|| {
        view! {
            <form class="actions" method="post" action=PutSetUpAway::PATH>
                <button class=Weight::Primary.class() type="submit">"Go to the settings"</button>
            </form>
        }
    });
    view! {
        <p class="lead" role="status">{headline(p)}</p>
        {fault}
        {left}
        <Card id="steps" title="Steps"><ol class="checks">{rows.collect_view()}</ol></Card>
        {failed}
        {end}
    }
    .into_any()
}

fn headline(p: &Progress) -> &'static str {
    match p.phase {
        Phase::Planned | Phase::Web | Phase::Idp | Phase::Save => "Setting up. This page follows by itself.",
        Phase::Done => "The connection is set up.",
        Phase::UndoIdp | Phase::UndoWeb => "It can’t be done. What was made is removed again.",
        Phase::Undone if p.left.is_empty() => "It could not be done. Everything at Qlik is as it was before.",
        Phase::Undone => "It could not be done, and not everything could be removed again.",
    }
}

fn step(p: &Progress, phase: Phase, made: Option<bool>) -> (Tone, &'static str) {
    let undone = matches!(p.phase, Phase::UndoIdp | Phase::UndoWeb | Phase::Undone);
    match made {
        Some(true) if undone && p.phase == Phase::Undone => (Tone::Neutral, "Removed again"),
        Some(true) if undone => (Tone::Warning, "Being removed"),
        Some(true) => (Tone::Good, "Done"),
        Some(false) => (Tone::Good, "Was there"),
        None if p.phase == phase && p.tries > 0 => (Tone::Warning, "Trying again"),
        None if p.phase == phase => (Tone::Neutral, "At work"),
        None if undone => (Tone::Neutral, "Not done"),
        None => (Tone::Neutral, "Next"),
    }
}
