//! What happened in a portal, and who did it. A row is written in the
//! transaction of the change that it tells of: neither is there without the
//! other. Details are for administrators and must never hold a secret.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Actor, Error, Services,
    store::{StoreError, Tx, at, secs},
};

/// The portal and its owner were made.
pub const PORTAL_CREATED: &str = "portal.created";
/// Somebody signed in with their password.
pub const SIGNED_IN: &str = "signed_in";
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
/// Qlik has no tenant under the name that was entered any more, and the permanent one is
/// used in its place; detail: `from`, `to`.
pub const TENANT_NAME_GONE: &str = "tenant.name_gone";
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
    /// Who, by the name that they had then.
    pub actor_name: String,
    /// What, as one of this module's constants.
    pub action: String,
    /// Of what, as a JSON object.
    pub detail: Value,
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
    let actor_name = actor.map_or(THE_PORTAL, |a| a.name.as_str());
    let detail = detail.to_string();
    sqlx::query!(
        "INSERT INTO audit (portal_id, at, actor_id, actor_name, action, detail) VALUES (?, ?, ?, ?, ?, ?)",
        portal_id,
        now,
        actor_id,
        actor_name,
        action,
        detail
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
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
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", at AS "at!", actor_name AS "actor_name!", action AS "action!", detail AS "detail!"
               FROM audit WHERE portal_id = ? AND id < ? ORDER BY id DESC LIMIT ?"#,
            a.portal.id,
            before,
            limit
        )
        .fetch_all(self.db().read())
        .await?;
        rows.into_iter()
            .map(|r| {
                Ok(AuditRow {
                    id: r.id,
                    at: at(r.at),
                    actor_name: r.actor_name,
                    action: r.action,
                    detail: serde_json::from_str(&r.detail)
                        .map_err(|_| StoreError::Inconsistent { table: "audit", column: "detail" })?,
                })
            })
            .collect()
    }
}
