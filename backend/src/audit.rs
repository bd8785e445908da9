//! What happened in a portal, and who did it. A row is written in the
//! transaction of the change that it tells of: neither is there without the
//! other. Details are for administrators and must never hold a secret.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Actor, Error, Services,
    store::{Tx, at, secs},
    text::visible,
};

/// The portal and its owner were made.
pub const PORTAL_CREATED: &str = "portal.created";
/// Somebody signed in with their password.
pub const SIGNED_IN: &str = "signed_in";
/// Sign-ins to an account were refused, for a day at most; detail: `user`, `email`,
/// `count`, `addresses`, `first_at`, `last_at`.
pub const SIGN_IN_REFUSED: &str = "sign_in.refused";
/// Two accounts turned out to have one e-mail, written in two ways; detail: `user`,
/// `email`, `other`, `other_email`.
pub const EMAIL_CLASH: &str = "user.email_clash";
/// A user was added; detail: `user`, `email`, `name`, `role`.
pub const USER_ADDED: &str = "user.added";
/// A user got another role; detail: `user`, `email`, `from`, `to`.
pub const USER_ROLE_CHANGED: &str = "user.role_changed";
/// A user was disabled; detail: `user`, `email`.
pub const USER_DISABLED: &str = "user.disabled";
/// A user was enabled; detail: `user`, `email`.
pub const USER_ENABLED: &str = "user.enabled";
/// A user was removed; detail: `user`, `email`.
pub const USER_REMOVED: &str = "user.removed";
/// A one-time link was made; detail: `user`, `email`.
pub const INVITATION_CREATED: &str = "invitation.created";
/// Somebody set their password through a one-time link.
pub const INVITATION_ACCEPTED: &str = "invitation.accepted";
/// Somebody changed their name; detail: `from`, `to`.
pub const PROFILE_RENAMED: &str = "profile.renamed";
/// Somebody changed their password.
pub const PASSWORD_CHANGED: &str = "password.changed";
/// The Qlik settings were saved.
pub const INTEGRATION_SAVED: &str = "integration.saved";
/// A change of the Qlik settings was tested and staged; detail as of a save.
pub const CHANGE_STAGED: &str = "change.staged";
/// A staged change was given up.
pub const CHANGE_DISCARDED: &str = "change.discarded";
/// A staged change was brought into force; detail as of a save.
pub const CHANGE_SWITCHED: &str = "change.switched";
/// The settings before the last change were brought back; detail as of a save.
pub const CHANGE_TAKEN_BACK: &str = "change.taken_back";
/// The way back to the settings before was closed; detail: `tenant_host`.
pub const CHANGE_CLOSED: &str = "change.closed";
/// The Qlik settings were removed.
pub const INTEGRATION_DISCONNECTED: &str = "integration.disconnected";
/// The identity provider was made at Qlik.
pub const IDENTITY_PROVIDER_CREATED: &str = "identity_provider.created";
/// An administrator began to replace the signing key; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_BEGUN: &str = "signing_key.begun";
/// An administrator asked for a move of the rotation; detail: `move`, `new_kid`.
pub const SIGNING_KEY_ASKED: &str = "signing_key.asked";
/// A sign-in with the new signing key works; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_READY: &str = "signing_key.ready";
/// The new signing key's identity provider was no longer at Qlik; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_PROVIDER_MISSING: &str = "signing_key.provider_missing";
/// The new signing key is used; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_SWITCHED: &str = "signing_key.switched";
/// The old signing key is used again; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_SWITCHED_BACK: &str = "signing_key.switched_back";
/// The old signing key is wiped; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_RETIRED: &str = "signing_key.retired";
/// The rotation was called off and the new key wiped; detail: `old_kid`, `new_kid`.
pub const SIGNING_KEY_UNDONE: &str = "signing_key.undone";
/// A set-up with one key was confirmed; detail: what it makes.
pub const SET_UP_CONFIRMED: &str = "set_up.confirmed";
/// A set-up with one key ended: done, or undone.
pub const SET_UP_ENDED: &str = "set_up.ended";
/// What the portal made at Qlik was removed there.
pub const REMOVED_AT_QLIK: &str = "qlik.removed";
/// An administrator asked users to register or connect; detail: `user`, or `count`.
pub const USERS_ASKED: &str = "users.asked";
/// A key was renewed.
pub const KEY_RENEWED: &str = "key.renewed";
/// An administrator asked for a renewal; detail: `outcome`, `attempt`.
pub const RENEWAL_REQUESTED: &str = "renewal.requested";
/// An administrator tried the renewal out; detail: `ok`.
pub const RENEWAL_TRIED: &str = "renewal.tried";
/// The renewal needs a person.
pub const RENEWAL_NEEDS_PERSON: &str = "renewal.needs_person";

/// What is set about notices was saved; detail: `what`.
pub const NOTICES_SAVED: &str = "notices.saved";
/// An administrator sent a test notice; detail: `channel`.
pub const NOTICE_TESTED: &str = "notices.tested";

/// An administrator compared the users with those of the Qlik tenant.
pub const MATCHING_STARTED: &str = "matching.started";
/// An administrator chose what Qlik may do at a sign-in; detail: `create`,
/// `rewrite`, and both as they were in `from`.
pub const SIGN_IN_ALLOWED: &str = "matching.allowed";
/// A sign-in made a user at Qlik; detail: `email`.
pub const QLIK_USER_CREATED: &str = "qlik_user.created";
/// A sign-in gave a Qlik user this portal's subject; detail: `email`, `qlik_user`.
pub const QLIK_SUBJECT_CHANGED: &str = "qlik_user.subject_changed";

/// A user registered the password of their Qlik account.
pub const CREDENTIALS_REGISTERED: &str = "credentials.registered";
/// A sign-in with a user's Qlik account did not work; detail: `state`, as it is stored.
pub const CREDENTIALS_REFUSED: &str = "credentials.refused";
/// A user removed what they had registered of their Qlik account.
pub const CREDENTIALS_REMOVED: &str = "credentials.removed";
/// A change of the Qlik settings wiped the registered passwords; detail: `count`.
pub const CREDENTIALS_WIPED: &str = "credentials.wiped";
/// A user connected to Qlik; detail: `email`, `qlik_user`.
pub const OAUTH_CONNECTED: &str = "oauth.connected";
/// A user removed their connection to Qlik; detail: `email`.
pub const OAUTH_DISCONNECTED: &str = "oauth.disconnected";
/// A user's connection to Qlik ended by itself; detail: `user`, `email`, and `why`:
/// `refused` or `lost`.
pub const OAUTH_REFUSED: &str = "oauth.refused";
/// A change of the Qlik settings ended the users' connections; detail: `count`.
pub const OAUTH_RELEASED: &str = "oauth.released";

/// Who is named where no person did it.
pub const THE_PORTAL: &str = "Qonduit";

/// Rows of one page at most.
const PAGE_MAX: u32 = 200;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its place in the order.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who, by what nobody can change; none where the portal itself did it.
    pub actor: Option<AuditActor>,
    /// The name that they had then, which is theirs to choose.
    pub actor_name: String,
    /// What, as one of this module's constants.
    pub action: String,
    /// Of what, as a JSON object; null where what is stored can't be read.
    pub detail: Value,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditActor {
    /// The user's id.
    pub id: String,
    /// The e-mail that they had then; none in rows of before it was kept, of users
    /// who were removed.
    pub email: Option<String>,
}

/// Writes one row in the transaction of its change. Without an actor the portal
/// itself did it.
///
/// # Errors
/// [`Error::Store`].
pub async fn record(
    tx: &mut Tx<'_>,
    portal_id: &str,
    actor: Option<&Actor>,
    action: &'static str,
    detail: Value,
    now: Timestamp,
) -> Result<(), Error> {
    let now = secs(now);
    let actor_id = actor.map(|a| a.user_id.as_str());
    let actor_email = actor.map(|a| a.email.as_str());
    let actor_name = actor.map_or(THE_PORTAL, |a| a.name.as_str());
    let detail = detail.to_string();
    sqlx::query!(
        "INSERT INTO audit (portal_id, at, actor_id, actor_email, actor_name, action, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        portal_id,
        now,
        actor_id,
        actor_email,
        actor_name,
        action,
        detail
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what the portal counts for a while: the detail of the row of that id, or
/// a new one; the row's id.
///
/// # Errors
/// [`Error::Store`].
pub(crate) async fn tally(
    tx: &mut Tx<'_>,
    portal_id: &str,
    action: &'static str,
    row: Option<i64>,
    detail: &Value,
    now: Timestamp,
) -> Result<i64, Error> {
    if let Some(id) = row {
        let text = detail.to_string();
        let updated =
            sqlx::query!("UPDATE audit SET detail = ? WHERE id = ? AND portal_id = ?", text, id, portal_id)
                .execute(&mut **tx)
                .await?;
        if updated.rows_affected() == 1 {
            return Ok(id);
        }
    }
    record(tx, portal_id, None, action, detail.clone(), now).await?;
    let id = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM audit WHERE portal_id = ? ORDER BY id DESC LIMIT 1"#,
        portal_id
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(id)
}

/// What is stored as detail, for the eye. One that can't be read is none, and no
/// fault of the page that lists it.
fn read_detail(stored: &str) -> Value {
    let mut detail = serde_json::from_str(stored).unwrap_or_default();
    make_visible(&mut detail);
    detail
}

fn make_visible(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(shown) = visible(text) {
                *text = shown;
            }
        }
        Value::Array(all) => all.iter_mut().for_each(make_visible),
        Value::Object(all) => all.values_mut().for_each(make_visible),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Services {
    /// What happened in the actor's portal, newest first: `limit` rows (1 to 200)
    /// before the row of the id `before`, or from the newest.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Store`].
    pub async fn audit_page(
        &self,
        a: &Actor,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, Error> {
        a.require_admin()?;
        let before = before.unwrap_or(i64::MAX);
        let limit = limit.clamp(1, PAGE_MAX);
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id AS "id!", at AS "at!", actor_id, actor_email, actor_name AS "actor_name!", action AS "action!",
                      detail AS "detail!"
               FROM audit WHERE portal_id = ? AND id < ? ORDER BY id DESC LIMIT ?"#,
            a.portal.id,
            before,
            limit
        )
        .fetch_all(self.db().read())
        .await?;
        let shown = |text: String| visible(&text).into_owned();
        let row = |r: Row| AuditRow {
            id: r.id,
            at: at(r.at),
            actor: r.actor_id.map(|id| AuditActor { id, email: r.actor_email.map(shown) }),
            actor_name: shown(r.actor_name),
            action: r.action,
            detail: read_detail(&r.detail),
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// A row as it is stored.
struct Row {
    id: i64,
    at: i64,
    actor_id: Option<String>,
    actor_email: Option<String>,
    actor_name: String,
    action: String,
    detail: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_detail_that_is_no_json_is_none_and_one_that_turns_the_line_is_shown() {
        for broken in ["", "{", "not json", "{\"a\":}", "\u{0}"] {
            assert_eq!(read_detail(broken), Value::Null, "{broken:?}");
        }
        let old = r#"{"to": "Ada \u202enimda", "of": [{"name": "a\u200bb"}], "n": 1}"#;
        let shown = json!({"to": "Ada \u{fffd}nimda", "of": [{"name": "a\u{fffd}b"}], "n": 1});
        assert_eq!(read_detail(old), shown);
    }
}
