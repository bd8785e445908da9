//! Qlik credentials: the password of one's own Qlik account.

use backend::credentials::{CredentialState, CredentialsView};
use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::qlik::{RegisterQlik, TryQlikAgain},
    routes,
    ui::{
        alert::Alert,
        badge::Badge,
        button::{LinkButton, SubmitButton, Weight},
        card::Card,
        field::PasswordField,
        form::FormState,
        time::{Moment, Time},
    },
    wire::Tone,
};

/// The state in a word.
pub(crate) fn state_words(state: CredentialState) -> (Tone, &'static str) {
    match state {
        CredentialState::NotRegistered => (Tone::Neutral, "Not registered"),
        CredentialState::Works => (Tone::Good, "Works"),
        CredentialState::Trying => (Tone::Neutral, "Signing in"),
        CredentialState::Unclear => (Tone::Warning, "Not known"),
        CredentialState::Refused => (Tone::Bad, "Refused"),
        CredentialState::MfaNeeded => (Tone::Bad, "Second factor needed"),
        CredentialState::Blocked => (Tone::Bad, "Blocked by Qlik"),
        CredentialState::TooMany => (Tone::Warning, "Too many tries"),
        CredentialState::Account => (Tone::Bad, "Needs a look at Qlik"),
        CredentialState::NotMember => (Tone::Bad, "Not in the Qlik tenant"),
        CredentialState::OtherUser => (Tone::Bad, "Another Qlik user"),
        CredentialState::SignInChanged => (Tone::Bad, "Sign-in changed"),
        CredentialState::Unexpected => (Tone::Warning, "Unknown sign-in page"),
        CredentialState::Unused => (Tone::Neutral, "No longer used"),
    }
}

const LEAD: &str = "This portal opens your Qlik apps with your own Qlik account. The password is stored sealed, never shown, \
                    and sent to Qlik’s sign-in alone.";
const LEFT: &str =
    "From when this portal opened your Qlik apps with your own Qlik account. No password is stored any more.";

pub(super) fn card(view: &CredentialsView, form: &FormState) -> AnyView {
    let left = !view.in_force;
    // Of what another connection left there is nothing to remove once this one asks anew.
    let fresh = matches!(view.state, CredentialState::NotRegistered | CredentialState::Unused) && !left;
    let entry = view.in_force.then(|| entry(view, form));
    let again = view.may_try_again.then(|| {
        view! {
            <form method="post" action=TryQlikAgain::PATH>
                <SubmitButton label="Try once more" busy="Signing in…"/>
            </form>
        }
    });
    let remove = (!fresh).then(|| {
        view! {
            <LinkButton href=routes::REMOVE_CREDENTIALS weight=Weight::Danger>"Remove"</LinkButton>
        }
    });
    // What is wrong with what was just typed stands at its field.
    let state = state(view, form.error("qlik_password").is_none());
    view! {
        <Card
            // Beside what is in force it can't have the same name.
            id=if left { "qlik-credentials-before" } else { "qlik" }
            title="Qlik credentials"
            lead=if left { LEFT } else { LEAD }
            split=true
        >
            {state}
            {entry}
            <div class="actions">{again} {remove}</div>
        </Card>
    }
    .into_any()
}

/// What is so, and what to do.
fn state(view: &CredentialsView, tells: bool) -> AnyView {
    let (tone, text) = state_words(view.state);
    let used = view.used_at.map(|t| {
        view! { <dt>"Last sign-in"</dt><dd><Time at=Moment::from(t)/></dd> }
    });
    let stored = view.registered_at.filter(|_| view.stored).map(|t| {
        view! { <dt>"Password"</dt><dd>"Stored since " <Time at=Moment::from(t)/></dd> }
    });
    let hold = view.hold_until.map(|t| {
        view! { <p>"No sign-in is tried before " <Time at=Moment::from(t)/> "."</p> }
    });
    let says = view.says.clone().filter(|_| tells).map(|says| {
        let remedy = view.remedy.clone().unwrap_or_default();
        view! { <Alert tone><p><strong>{says}</strong></p><p>{remedy}</p> {hold}</Alert> }
    });
    view! {
        <dl class="facts">
            <dt>"State"</dt>
            <dd><Badge tone text/></dd>
            {stored}
            {used}
        </dl>
        {says}
    }
    .into_any()
}

fn entry(view: &CredentialsView, form: &FormState) -> AnyView {
    let label = if view.stored { "Save another password" } else { "Save" };
    let email = view.email.clone();
    view! {
        <form class="form" method="post" action=RegisterQlik::PATH novalidate=true>
            <div class="field">
                <label class="label" for="qlik-email">"E-mail"</label>
                <input
                    class="input"
                    id="qlik-email"
                    type="email"
                    value=email
                    readonly=true
                    autocomplete="off"
                    aria-describedby="qlik-email-hint"
                />
                <div class="hints" id="qlik-email-hint">
                    <p class="hint">
                        "Your e-mail in this portal, and it can’t be another: the two must be the same, or you would see \
                         somebody else’s apps."
                    </p>
                </div>
            </div>
            <PasswordField
                form=form.clone()
                name="qlik_password"
                label="Qlik password"
                hint="The password of your Qlik account. Saving signs in to Qlik once; it is stored only if that works."
                // The browser knows the portal's password for this site, which is another one.
                autocomplete="new-password"
            />
            <div class="actions">
                <SubmitButton label busy="Signing in…" weight=Weight::Primary/>
            </div>
        </form>
    }
    .into_any()
}
