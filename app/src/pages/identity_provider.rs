//! What will be created at Qlik, field by field, before it is created.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    SETTINGS, Visit, go_on, load,
    settings::{certificate, codes},
};
use crate::{
    api::{form, settings::CreateIdentityProvider},
    error::{AppError, QlikTrouble},
    routes,
    ssr::{ctx, flash},
    ui::{
        alert::Alert,
        button::{LinkButton, SubmitButton, Weight},
        page::Frame,
    },
    wire::Tone,
    words,
};

/// Shows what will be created, then creates it.
#[component]
pub fn IdentityProviderPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let services = ctx::services()?;
        let plan = match services.identity_provider_plan(&visit.actor).await.map_err(AppError::from) {
            Ok(plan) => plan,
            // Nothing is connected: that comes first.
            Err(AppError::NotFound) => return Ok(go_on(routes::SETTINGS)),
            Err(error) => return Err(error),
        };
        let host = services.status(&visit.actor.portal.id).await?.map(|s| s.tenant_host);
        let made = services.identity(&visit.actor.portal).await?.idp_id.map(|id| {
            view! {
                <Alert tone=Tone::Neutral>
                    "This portal created it before, with the id " <code>{id}</code>
                    ". It is created again only if it is no longer there."
                </Alert>
            }
        });
        let trouble = flash::take(form::IDENTITY_PROVIDER).await?.trouble;
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=SETTINGS
                title="Identity provider"
                here=routes::SETTINGS
                notice=visit.notice
                wrong=trouble.is_some()
            >
                {trouble.as_ref().map(refusal)}
                {made}
                <p class="lead">
                    "This will be created in the Qlik tenant " <strong>{host}</strong>
                    ", so that it trusts the sign-ins of this portal’s users:"
                </p>
                <div class="card">
                    <dl class="facts">
                        <dt>"Type"</dt>
                        <dd>"JWT"</dd>
                        <dt>"Description"</dt>
                        <dd>{plan.description}</dd>
                        <dt>"Issuer"</dt>
                        <dd class="mono">{plan.issuer}</dd>
                        <dt>"Key ID"</dt>
                        <dd class="mono">{plan.kid}</dd>
                        <dt>"Clock tolerance"</dt>
                        <dd>{plan.clock_tolerance_sec} " s"</dd>
                        <dt>"Tenant"</dt>
                        <dd class="mono">{plan.tenant_id}</dd>
                    </dl>
                    {certificate(&plan.certificate_pem)}
                </div>
                <p>
                    "The stored API key creates it, and its owner must be a Tenant Admin. Nothing else changes at Qlik. You \
                     can delete it there at any time, under Administration > Identity provider."
                </p>
                <form class="actions" method="post" action=CreateIdentityProvider::PATH>
                    <SubmitButton label="Create identity provider" busy="Creating…" weight=Weight::Primary/>
                    <LinkButton href=routes::SETTINGS>"Cancel"</LinkButton>
                </form>
            </Frame>
        }
        .into_any())
    })
}

/// Why it was not created.
fn refusal(error: &AppError) -> AnyView {
    let (text, codes) = match error {
        AppError::Qlik { kind: QlikTrouble::Refused, qlik_code, trace_id, .. } => (
            "Qlik does not let the key’s owner create an identity provider. It takes the key of a Tenant Admin; or a \
             Tenant Admin creates it by hand with these values."
                .to_owned(),
            codes(qlik_code.as_deref(), trace_id.as_deref()),
        ),
        AppError::Qlik { qlik_code, trace_id, .. } => {
            (words::error_message(error), codes(qlik_code.as_deref(), trace_id.as_deref()))
        }
        _ => (words::error_message(error), None),
    };
    view! { <div role="alert"><Alert tone=Tone::Bad><p>{text}</p>{codes}</Alert></div> }.into_any()
}
