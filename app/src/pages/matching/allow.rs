//! What Qlik may do at a sign-in beside opening a session.

use backend::matching::Allowed;
use leptos::{prelude::*, server_fn::ServerFn};

use crate::{
    api::matching::AllowAtSignIn,
    routes,
    ui::{alert::Alert, button::SubmitButton, card::Card, form::FormState},
    wire::Tone,
};

/// The two choices for this tenant.
pub(super) fn card(form: &FormState, tenant: &Allowed) -> AnyView {
    let rules = tenant.rules;
    let id = tenant.tenant_id.clone();
    let create = form.value("create").map_or(rules.create, |v| v == "true");
    let rewrite = form.value("rewrite").map_or(rules.rewrite, |v| v == "true");
    let by_email = rules.email_as_subject.then(|| {
        view! {
            <Alert tone=Tone::Neutral>
                "Each user’s e-mail is sent as subject, as chosen under "
                <a href=routes::SETTINGS>"Settings"</a>
                ". Where Qlik’s users can be read, nobody is created or changed by it unless it is allowed here."
            </Alert>
        }
    });
    let lead = format!(
        "What Qlik ({}) may do beside opening a session. A sign-in that would do what is not allowed is refused, and \
         the person is told.",
        tenant.tenant_host
    );
    view! {
        <Card id="at-sign-in" title="At a sign-in" lead split=true>
            {by_email}
            <form class="form" method="post" action=AllowAtSignIn::PATH>
                <input type="hidden" name="tenant" value=id/>
                {choice(
                    "create",
                    "Let Qlik create users that it lacks (each may use a licence)",
                    "Whoever signs in here and has no Qlik user gets one, with the e-mail as subject. Nobody is created \
                     where a user with the same mailbox, name or subject may be the same person.",
                    create,
                )}
                {choice(
                    "rewrite",
                    "Let Qlik give an existing user this portal’s subject",
                    "Counts where each user’s e-mail is sent as subject: Qlik then changes the subject of the user with that \
                     e-mail at their next sign-in here. Signing in to Qlik another way may then not find them, or change \
                     it back. Otherwise the subject that Qlik has is sent, and nothing is changed.",
                    rewrite,
                )}
                <div class="actions"><SubmitButton label="Save what is allowed" busy="Saving…"/></div>
            </form>
        </Card>
    }
    .into_any()
}

fn choice(name: &'static str, label: &'static str, hint: &'static str, checked: bool) -> AnyView {
    let id = format!("allow-{name}");
    view! {
        <div class="choice">
            <input
                type="checkbox"
                name=name
                value="true"
                id=id.clone()
                checked=checked
                aria-describedby=format!("{id}-hint")
            />
            <label for=id.clone()>{label}</label>
            <p class="hint" id=format!("{id}-hint")>{hint}</p>
        </div>
    }
    .into_any()
}
