//! What happened in the portal, newest first.

use backend::audit::{self, AuditActor, AuditRow};
use leptos::prelude::*;

use super::{ADMINISTRATION, Visit, load};
use crate::{
    routes,
    ssr::ctx,
    ui::{
        button::LinkButton,
        card::Empty,
        page::Frame,
        table::Table,
        time::{Moment, Time},
    },
};

/// Rows of one page.
const ROWS: usize = 50;

/// One page of the audit; `?before=` is the last row of the page before.
#[component]
pub fn AuditPage() -> impl IntoView {
    load(async {
        let visit = Visit::admin().await?;
        let before = ctx::query("before").parse::<i64>().ok();
        // One row more than is shown tells whether there are older ones.
        let limit = u32::try_from(ROWS + 1).unwrap_or(u32::MAX);
        let mut rows = ctx::services()?.audit_page(&visit.actor, before, limit).await?;
        let more = rows.len() > ROWS;
        rows.truncate(ROWS);
        let older = rows.last().filter(|_| more).map(|row| format!("{}?before={}", routes::AUDIT, row.id));
        let strangers = match before {
            None => ctx::services()?.refused_strangers(&visit.actor).await?,
            Some(_) => None,
        };
        let strangers = strangers.map(|(tries, last)| {
            view! {
                <p class="muted">
                    "Refused sign-ins with an e-mail that nobody here has: " {tries} ". The last was on "
                    <Time at=Moment::from(last)/> "."
                </p>
            }
        });
        let content = if rows.is_empty() {
            view! {
                <Empty title="Nothing here">
                    <p>"Sign-ins and changes of settings and people are written down here."</p>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Table caption="What happened" columns=&["When", "Who", "What"]>
                    {rows.into_iter().map(|row| view! { <Row row/> }).collect_view()}
                </Table>
            }
            .into_any()
        };
        Ok(view! {
            <Frame viewer=visit.viewer crumbs=ADMINISTRATION title="Audit" here=routes::AUDIT notice=visit.notice>
                <p class="lead">"Sign-ins and changes, newest first."</p>
                {strangers}
                {content}
                <nav class="actions" aria-label="Pages">
                    {before.map(|_| view! { <LinkButton href=routes::AUDIT>"Newest"</LinkButton> })}
                    {older.map(|href| view! { <LinkButton href>"Older"</LinkButton> })}
                </nav>
            </Frame>
        }
        .into_any())
    })
}

#[component]
fn Row(row: AuditRow) -> impl IntoView {
    let what = sentence(&row);
    view! {
        <tr>
            <td class="nowrap"><Time at=Moment::from(row.at)/></td>
            <td>{who(row.actor, row.actor_name)}</td>
            <td>{what}</td>
        </tr>
    }
}

/// Who did it: by e-mail and id, which nobody can change about themselves; the name
/// is theirs to choose.
fn who(actor: Option<AuditActor>, name: String) -> AnyView {
    match actor {
        None => name.into_any(),
        Some(AuditActor { id, email: Some(email) }) => view! {
            <span class="name">{email}</span>
            <span class="sub">{name} " · " <code>{id}</code></span>
        }
        .into_any(),
        Some(AuditActor { id, email: None }) => view! {
            <span class="name"><code>{id}</code></span>
            <span class="sub">{name}</span>
        }
        .into_any(),
    }
}

/// What happened, in words. An action that nobody wrote words for is shown by
/// its name rather than left out.
fn sentence(row: &AuditRow) -> String {
    let detail = |key: &str| row.detail.get(key).and_then(|v| v.as_str()).unwrap_or("?").to_owned();
    match row.action.as_str() {
        audit::PORTAL_CREATED => "Set up the portal".to_owned(),
        audit::SIGNED_IN => "Signed in".to_owned(),
        audit::SIGN_IN_REFUSED => refused(&row.detail, &detail("email")),
        audit::EMAIL_CLASH => format!(
            "Found that {} and {} are one e-mail, written in two ways. Remove one of the accounts",
            detail("email"),
            detail("other_email")
        ),
        audit::USER_ADDED => format!("Added {} as {}", detail("email"), detail("role")),
        audit::USER_ROLE_CHANGED => {
            format!("Changed the role of {} from {} to {}", detail("email"), detail("from"), detail("to"))
        }
        audit::USER_DISABLED => format!("Disabled {}", detail("email")),
        audit::USER_ENABLED => format!("Enabled {}", detail("email")),
        audit::USER_REMOVED => format!("Removed {}", detail("email")),
        audit::INVITATION_CREATED => format!("Made a one-time link for {}", detail("email")),
        audit::INVITATION_ACCEPTED => "Set a password with a one-time link".to_owned(),
        audit::PROFILE_RENAMED => format!("Changed their name from {} to {}", detail("from"), detail("to")),
        audit::PASSWORD_CHANGED => "Changed their password".to_owned(),
        audit::INTEGRATION_SAVED => "Saved the Qlik Sense integration".to_owned(),
        audit::CHANGE_STAGED => {
            format!("Tested a change of the Qlik Sense integration to {}", detail("tenant_host"))
        }
        audit::CHANGE_DISCARDED => "Gave a change of the Qlik Sense integration up".to_owned(),
        audit::CHANGE_SWITCHED => format!("Changed the Qlik Sense integration to {}", detail("tenant_host")),
        audit::CHANGE_TAKEN_BACK => {
            format!("Went back to the Qlik Sense integration with {}", detail("tenant_host"))
        }
        audit::CHANGE_CLOSED => format!("Closed the way back to {}", detail("tenant_host")),
        audit::INTEGRATION_DISCONNECTED => "Disconnected the Qlik Sense integration".to_owned(),
        audit::IDENTITY_PROVIDER_CREATED => "Created the identity provider at Qlik".to_owned(),
        audit::SET_UP_CONFIRMED => format!("Set up the connection to {} with one key", detail("tenant_host")),
        audit::SET_UP_ENDED
            if row.detail.get("done").and_then(leptos::serde_json::Value::as_bool) == Some(true) =>
        {
            "Finished setting up the connection".to_owned()
        }
        audit::SET_UP_ENDED => "Gave setting up the connection up, and removed what was made".to_owned(),
        audit::REMOVED_AT_QLIK => format!("Removed “{}” at Qlik", detail("name")),
        audit::SIGNING_KEY_BEGUN => "Began to replace the signing key".to_owned(),
        audit::SIGNING_KEY_ASKED => match detail("move").as_str() {
            "switch" => "Asked to switch to the new signing key",
            "switch_back" => "Asked to go back to the old signing key",
            "retire" => "Asked to retire the old signing key",
            _ => "Called the replacement of the signing key off",
        }
        .to_owned(),
        audit::SIGNING_KEY_READY => "Proved the new signing key".to_owned(),
        audit::SIGNING_KEY_PROVIDER_MISSING => {
            "Found the new signing key’s identity provider missing at Qlik".to_owned()
        }
        audit::SIGNING_KEY_SWITCHED => "Switched to the new signing key".to_owned(),
        audit::SIGNING_KEY_SWITCHED_BACK => "Went back to the old signing key".to_owned(),
        audit::SIGNING_KEY_RETIRED => "Retired the old signing key and wiped it".to_owned(),
        audit::SIGNING_KEY_UNDONE => "Wiped the new signing key, which was not used".to_owned(),
        audit::KEY_RENEWED => "Renewed the Qlik Sense API key".to_owned(),
        audit::RENEWAL_REQUESTED => "Asked for a new Qlik Sense API key".to_owned(),
        audit::RENEWAL_TRIED => "Tried the renewal of the Qlik Sense API key out".to_owned(),
        audit::RENEWAL_NEEDS_PERSON => {
            "Stopped renewing the Qlik Sense API key: a person is needed".to_owned()
        }
        audit::MATCHING_STARTED => "Compared the users with those of the Qlik tenant".to_owned(),
        audit::SIGN_IN_ALLOWED => {
            let may =
                |key: &str| row.detail.get(key).and_then(leptos::serde_json::Value::as_bool) == Some(true);
            let what = match (may("create"), may("rewrite")) {
                (true, true) => "create users and change subjects",
                (true, false) => "create users, and change no subjects",
                (false, true) => "change subjects, and create no users",
                (false, false) => "neither create users nor change subjects",
            };
            format!("Let Qlik {what} at a sign-in")
        }
        audit::QLIK_USER_CREATED => format!("Signed in at Qlik, which made the user {}", detail("email")),
        audit::QLIK_SUBJECT_CHANGED => {
            format!("Signed in at Qlik, which gave the user {} this portal’s subject", detail("email"))
        }
        audit::CREDENTIALS_REGISTERED => "Registered their Qlik credentials".to_owned(),
        audit::CREDENTIALS_REFUSED => "Could not sign in with their Qlik credentials".to_owned(),
        audit::CREDENTIALS_REMOVED => "Removed their Qlik credentials".to_owned(),
        audit::CREDENTIALS_WIPED => {
            format!("Wiped the stored Qlik passwords ({})", count(&row.detail))
        }
        audit::OAUTH_CONNECTED => "Connected to Qlik".to_owned(),
        audit::OAUTH_DISCONNECTED => "Removed their connection to Qlik".to_owned(),
        audit::OAUTH_REFUSED => format!("Found the connection of {} to Qlik ended", detail("email")),
        audit::OAUTH_RELEASED => {
            format!("Revoked the connections of users to Qlik ({})", count(&row.detail))
        }
        audit::USERS_ASKED => "Asked users to register or connect".to_owned(),
        audit::NOTICES_SAVED => "Saved the notification settings".to_owned(),
        audit::NOTICE_TESTED => "Sent a test notification".to_owned(),
        other => other.to_owned(),
    }
}

fn refused(detail: &leptos::serde_json::Value, email: &str) -> String {
    let number = |key: &str| detail.get(key).and_then(leptos::serde_json::Value::as_i64).unwrap_or(0);
    let (tries, places) = (number("count"), number("addresses"));
    let tries = if tries == 1 { "a sign-in".to_owned() } else { format!("{tries} sign-ins") };
    let places = if places == 1 { "one address".to_owned() } else { format!("{places} addresses") };
    let last = jiff::Timestamp::from_second(number("last_at")).map(|at| Moment::from(at).utc);
    let last = last.map(|at| format!(", the last on {at}")).unwrap_or_default();
    format!("Refused {tries} to {email} from {places}{last}")
}

fn count(detail: &leptos::serde_json::Value) -> i64 {
    detail.get("count").and_then(leptos::serde_json::Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use leptos::serde_json::json;

    use super::*;

    #[test]
    fn everything_that_is_written_down_has_words() {
        for action in [
            audit::PORTAL_CREATED,
            audit::SIGNED_IN,
            audit::SIGN_IN_REFUSED,
            audit::EMAIL_CLASH,
            audit::USER_ADDED,
            audit::USER_ROLE_CHANGED,
            audit::USER_DISABLED,
            audit::USER_ENABLED,
            audit::USER_REMOVED,
            audit::INVITATION_CREATED,
            audit::INVITATION_ACCEPTED,
            audit::PROFILE_RENAMED,
            audit::PASSWORD_CHANGED,
            audit::INTEGRATION_SAVED,
            audit::CHANGE_STAGED,
            audit::CHANGE_DISCARDED,
            audit::CHANGE_SWITCHED,
            audit::CHANGE_TAKEN_BACK,
            audit::CHANGE_CLOSED,
            audit::INTEGRATION_DISCONNECTED,
            audit::IDENTITY_PROVIDER_CREATED,
            audit::SET_UP_CONFIRMED,
            audit::SET_UP_ENDED,
            audit::REMOVED_AT_QLIK,
            audit::SIGNING_KEY_BEGUN,
            audit::SIGNING_KEY_ASKED,
            audit::SIGNING_KEY_READY,
            audit::SIGNING_KEY_PROVIDER_MISSING,
            audit::SIGNING_KEY_SWITCHED,
            audit::SIGNING_KEY_SWITCHED_BACK,
            audit::SIGNING_KEY_RETIRED,
            audit::SIGNING_KEY_UNDONE,
            audit::KEY_RENEWED,
            audit::RENEWAL_REQUESTED,
            audit::RENEWAL_TRIED,
            audit::RENEWAL_NEEDS_PERSON,
            audit::MATCHING_STARTED,
            audit::SIGN_IN_ALLOWED,
            audit::QLIK_USER_CREATED,
            audit::QLIK_SUBJECT_CHANGED,
            audit::CREDENTIALS_REGISTERED,
            audit::CREDENTIALS_REFUSED,
            audit::CREDENTIALS_REMOVED,
            audit::CREDENTIALS_WIPED,
            audit::OAUTH_CONNECTED,
            audit::OAUTH_DISCONNECTED,
            audit::OAUTH_REFUSED,
            audit::OAUTH_RELEASED,
            audit::USERS_ASKED,
            audit::NOTICES_SAVED,
            audit::NOTICE_TESTED,
        ] {
            let detail = json!({
                "email": "bo@acme.example", "role": "user", "from": "user", "to": "administrator",
                "tenant_host": "acme.eu.qlikcloud.com", "name": "Portal", "other_email": "BO@acme.example",
            });
            let row = AuditRow {
                id: 1,
                at: jiff::Timestamp::UNIX_EPOCH,
                actor: None,
                actor_name: "Ada".into(),
                action: action.into(),
                detail,
            };
            let text = sentence(&row);
            assert_ne!(text, action);
            assert!(!text.contains('?'), "{text}");
        }
    }

    #[test]
    fn a_detail_that_can_not_be_read_leaves_the_sentence() {
        let row = AuditRow {
            id: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            actor: None,
            actor_name: "Ada".into(),
            action: audit::USER_ADDED.into(),
            detail: leptos::serde_json::Value::Null,
        };
        assert_eq!(sentence(&row), "Added ? as ?");
    }

    #[test]
    fn what_nobody_wrote_words_for_is_shown_by_its_name() {
        let row = AuditRow {
            id: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            actor: None,
            actor_name: "Ada".into(),
            action: "moon.landed".into(),
            detail: json!({}),
        };
        assert_eq!(sentence(&row), "moon.landed");
    }
}
