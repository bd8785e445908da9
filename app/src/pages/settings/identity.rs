//! The portal's JWT identity provider: what Qlik has to know of it.

use leptos::prelude::*;

use super::guides;
use crate::{
    islands::CopyButton,
    routes,
    ssr::settings::Shown,
    ui::{
        alert::Alert,
        button::{LinkButton, Weight},
        copy::CopyField,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// Issuer, key id and certificate, and the offer to create it at Qlik.
pub(super) fn block(shown: &Shown) -> AnyView {
    let identity = &shown.view.identity;
    let missing = shown.view.report.as_ref().is_some_and(|r| r.identity_missing);
    let offer = missing.then(|| {
        view! {
            <Alert tone=Tone::Warning>
                <p>
                    "The Qlik tenant has no identity provider of this portal yet, so no user can sign in. The stored key \
                     may create it."
                </p>
                <p class="actions">
                    <LinkButton href=routes::IDENTITY_PROVIDER weight=Weight::Primary>"See what will be created"</LinkButton>
                </p>
            </Alert>
        }
    });
    let ends = shown.key_ends_soon.then(|| {
        let at = Moment::from(identity.not_after);
        view! {
            <Alert tone=Tone::Warning>
                <p>"The certificate ends on " <Time at/> ". Replace the signing key, which makes a new one."</p>
            </Alert>
        }
    });
    view! {
        <section class="card only-key" aria-labelledby="identity">
            <div class="card-head">
                <h3 class="card-title" id="identity">"JWT identity provider"</h3>
                <p class="card-lead">
                    "Qlik needs these values to trust the sign-ins of this portal’s users. None of them is secret."
                </p>
            </div>
            {offer}
            <CopyField id="identity-issuer" label="Issuer" value=identity.issuer.clone()/>
            <CopyField id="identity-kid" label="Key ID" value=identity.kid.clone()/>
            {certificate(&identity.certificate_pem)}
            {ends}
            {guides::identity_provider(shown)}
            <p><a href=routes::SIGNING_KEY>"Replace the signing key"</a></p>
        </section>
    }
    .into_any()
}

/// The certificate, whole, with a copy button.
pub(crate) fn certificate(pem: &str) -> AnyView {
    let pem = pem.trim().to_owned();
    view! {
        <div class="field">
            <span class="label" id="identity-certificate">"Certificate"</span>
            <div class="copy-row top" role="group" aria-labelledby="identity-certificate">
                // It scrolls, so it must be reachable by keyboard.
                <pre class="pem mono" tabindex="0" role="region" aria-labelledby="identity-certificate">{pem}</pre>
                <CopyButton/>
            </div>
        </div>
    }
    .into_any()
}
