//! The signing key, and its replacement phase by phase.

mod phases;
pub mod retire;

pub use retire::RetireSigningKeyPage;

use backend::rotation::{End, RotationView, SigningKeyView};
use jiff::Timestamp;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{
    SETTINGS, Visit, load,
    settings::{certificate, out},
};
use crate::{
    api::{form, signing_key::BeginRotation},
    routes,
    ssr::{ctx, flash},
    ui::{
        alert::Alert,
        button::{LinkButton, SubmitButton, Weight},
        card::{Card, Empty},
        copy::CopyField,
        form::ErrorSummary,
        page::{Crumb, Frame},
        time::{Countdown, Moment, Time},
    },
    wire::Tone,
    words,
};

/// What stands above the pages under this one.
const SIGNING_KEY: &[Crumb] = &[
    ("Administration", None),
    ("Settings", Some(routes::SETTINGS)),
    ("Signing key", Some(routes::SIGNING_KEY)),
];

/// The key in use, and the rotation.
#[component]
pub fn SigningKeyPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let services = ctx::services()?;
        let shown = services.signing_key_view(&visit.actor).await?;
        let now = services.now();
        let acted = flash::take_form(form::SIGNING_KEY).await?;
        let wrong = acted.has_errors();
        let begin = begin(&shown);
        let rotation = shown.rotation.as_ref().map(|r| rotation(r, shown.console.as_deref(), now));
        Ok(view! {
            <Frame
                viewer=visit.viewer
                crumbs=SETTINGS
                title="Signing key"
                here=routes::SETTINGS
                notice=visit.notice
                wrong
            >
                <ErrorSummary form=acted/>
                <p class="lead">
                    "With this key the portal signs each sign-in of a user at Qlik, and Qlik knows it by the JWT identity \
                     provider. It can be replaced without any user noticing."
                </p>
                {rotation}
                {in_use(&shown, now)}
                {begin}
            </Frame>
        }
        .into_any())
    })
}

/// The key that signs.
fn in_use(shown: &SigningKeyView, now: Timestamp) -> AnyView {
    let key = &shown.active;
    let made = Moment::from(shown.made_at);
    let ends = || Moment::from(key.not_after);
    let (kid, at) = (key.kid.clone(), key.not_after.as_second());
    let left = key.not_after.as_second() - now.as_second();
    let verb = if left > 0 { "ends" } else { "ended" };
    let warning = shown.ends_soon.then(|| {
        let ends = ends();
        view! {
            <Alert tone=Tone::Warning>
                <p>"The certificate " {verb} " on " <Time at=ends/> "."</p>
                <p>
                    "Qlik’s documents do not say whether it refuses an ended one. Replace the key, which makes a new \
                     certificate."
                </p>
            </Alert>
        }
    });
    let provider = match (&key.idp_id, &shown.tenant_host) {
        (_, None) => "No Qlik tenant is connected.".to_owned(),
        (Some(_), Some(host)) => format!("Created by this portal in {host}"),
        (None, Some(host)) => format!("Entered in {host} by hand, or not there yet"),
    };
    let counted = words::relative(left);
    let ends = ends();
    view! {
        <Card id="in-use" title="Key in use">
            {warning}
            <dl class="facts">
                <dt>"Key ID"</dt>
                <dd class="mono">{kid}</dd>
                <dt>"Made"</dt>
                <dd><Time at=made/></dd>
                <dt>"Certificate"</dt>
                <dd>
                    "ends on " <Time at=ends/>
                    <span class="sub"><Countdown at counted/></span>
                </dd>
                <dt>"Identity provider"</dt>
                <dd>{provider}</dd>
            </dl>
        </Card>
    }
    .into_any()
}

/// The offer to begin, where nothing is under way.
fn begin(shown: &SigningKeyView) -> Option<AnyView> {
    if shown.rotation.as_ref().is_some_and(|r| r.ended.is_none()) {
        return None;
    }
    if shown.tenant_host.is_none() {
        return Some(
            view! {
                <Empty title="Nothing to replace yet">
                    <p>"The key is replaced together with its identity provider in Qlik. Connect the portal first."</p>
                    <p class="actions"><LinkButton href=routes::SETTINGS>"Go to the settings"</LinkButton></p>
                </Empty>
            }
            .into_any(),
        );
    }
    let grace = words::wait(u64::try_from(shown.grace).unwrap_or(0));
    Some(
        view! {
            <Card id="replace" title="Replace the key">
                <ol class="steps-ahead">
                    <li><b>"Create"</b> ": a new key is made here, and a second identity provider for it in Qlik."</li>
                    <li><b>"Announce"</b> ": a sign-in with the new key is tried."</li>
                    <li><b>"Switch"</b> ": when you say so, sign-ins use the new key. You can go back for " {grace} "."</li>
                    <li><b>"Retire"</b> ": the old identity provider is deleted and the old key wiped."</li>
                </ol>
                <form class="actions" method="post" action=BeginRotation::PATH>
                    <SubmitButton label="Make a new key" busy="Making…" weight=Weight::Primary/>
                    <p class="hint">"Nothing changes for users until you switch."</p>
                </form>
            </Card>
        }
        .into_any(),
    )
}

fn rotation(shown: &RotationView, console: Option<&str>, now: Timestamp) -> AnyView {
    let left = shown.left.clone().map(|left| {
        let open = console.map(|url| view! { <p>{out(url, "Open Identity provider in Qlik")}</p> });
        view! {
            <Alert tone=Tone::Warning>
                <p>
                    "One thing is left to do by hand: a Tenant Admin deletes the identity provider with the Key ID "
                    <code>{left.kid}</code> " in " {left.tenant_host}
                    ", if it is there. This portal does not use it any more, and it was not this portal’s to delete."
                </p>
                {open}
            </Alert>
        }
    });
    if let Some((end, at)) = shown.ended {
        let how = match end {
            End::Retired => "The key was replaced on ",
            End::Undone => "The last replacement was called off on ",
        };
        return view! {
            <p class="muted">{how} <Time at=Moment::from(at)/> "."</p>
            {left}
        }
        .into_any();
    }
    let by_hand = shown.by_hand.clone().map(|(values, description)| {
        let open = console.map(|url| view! { <p>{out(url, "Open Identity provider in your Qlik tenant")}</p> });
        view! {
            <Card
                id="by-hand"
                title="Enter in Qlik"
                lead="A Tenant Admin opens Administration > Identity provider, chooses Create new and the type JWT, and copies \
                      these values. None of them is secret."
            >
                {open}
                <CopyField id="new-description" label="Description" value=description/>
                <CopyField id="new-issuer" label="Issuer" value=values.issuer/>
                <CopyField id="new-kid" label="Key ID" value=values.kid/>
                {certificate(&values.certificate_pem)}
            </Card>
        }
    });
    view! {
        {phases::card(shown, now)}
        {by_hand}
    }
    .into_any()
}
