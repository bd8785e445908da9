//! Whose eyes see why a key is refused. The key can't say, and to sign its owner in
//! would make the owner anew where they were deleted and the tenant provisions. So the
//! owner is looked up by id first, with a session that is open already: one that a check
//! opened while the key was good, or one of the portal's users. Only who was found there
//! is signed in.
//!
//! This module must not know what is made of what it sees.

use std::sync::Arc;

use qlik::{
    Qlik, QlikSession, Tenant, User, UserStatus,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    claim::{Row, load},
    port::OwnerEyes,
};
use crate::{Error, Services, error::readable, identity::as_qlik_has, keys::OwnedKey, vault::Place};

/// A session that was not used for as long may have been ended by the tenant, in
/// seconds: the shortest limit that a tenant can set is a quarter of an hour
/// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/configure-session-timeout.htm>).
const IDLE: i64 = 900;
/// A kept session is replaced before the tenant ends it: the default is a day.
const LIFE: i64 = 20 * 3_600;
/// So many sessions of users are asked.
const USERS: i64 = 3;

/// A session that is open, as far as is known.
struct Open {
    session: Arc<QlikSession>,
    seen: i64,
    /// It is the one that is kept, and not a user's own.
    kept: bool,
}

/// What the look-up of a key's owner told.
enum Looked {
    /// The owner, as Qlik has them now.
    Active(Box<User>),
    /// The owner's own session is open.
    Open(Tenant),
    /// The owner was deleted.
    Gone,
    /// The owner may not sign in.
    Barred,
    /// Nobody could be asked.
    Unseen,
}

impl Services {
    /// Keeps the session of a check, where the portal is connected to its tenant. One that
    /// is kept already stays as long as it works, so that copies of this database see with
    /// it too; the other one is closed.
    pub(crate) async fn keep_eyes(&self, portal_id: &str, session: Arc<QlikSession>) {
        if self.still_sees(portal_id, &session).await {
            return self.close_eyes_of(Some(session)).await;
        }
        let before = match self.store_eyes(portal_id, &session).await {
            Ok(before) => before,
            Err(e) => {
                tracing::warn!(portal.id = %portal_id, error = %e, "the session of a check could not be kept");
                Some(session)
            }
        };
        self.close_eyes_of(before).await;
    }

    /// Whether the session that is kept works, of the same tenant as this one.
    async fn still_sees(&self, portal_id: &str, beside: &QlikSession) -> bool {
        let row = match load(self.db().read(), portal_id).await {
            Ok(Some(row)) => row,
            Ok(None) => return false,
            Err(e) => {
                tracing::warn!(portal.id = %portal_id, error = %e, "the session of an earlier check could not be read");
                return false;
            }
        };
        let Ok(Some(kept)) = self.kept_eyes(&row).await else { return false };
        let age = self.now().as_second() - kept.session.opened_at().as_second();
        if !(0..LIFE).contains(&age) || kept.session.host() != beside.host() {
            return false;
        }
        let tenant = self.qlik().with_session(&kept.session.host(), kept.session.clone());
        let works = tenant.user_me().await.is_ok_and(|me| me.id == kept.session.user().id);
        works && self.note_used(&row, self.now().as_second()).await.is_ok()
    }

    /// Gives the session that is to be closed.
    async fn store_eyes(
        &self,
        portal_id: &str,
        session: &Arc<QlikSession>,
    ) -> Result<Option<Arc<QlikSession>>, Error> {
        let (sealed, now) =
            (self.vault().seal(place(portal_id), &session.expose_json())?, self.now().as_second());
        let tenant_id = session.user().tenant_id.clone().unwrap_or_default();
        let mut tx = self.db().write().await?;
        let before =
            sqlx::query_scalar!(r#"SELECT sealed AS "sealed!" FROM key_eyes WHERE portal_id = ?"#, portal_id)
                .fetch_optional(&mut *tx)
                .await?;
        let kept = sqlx::query!(
            "INSERT INTO key_eyes (portal_id, tenant_id, sealed, used_at)
             SELECT i.portal_id, i.tenant_id, ?1, ?2 FROM integrations i
             WHERE i.portal_id = ?3 AND i.tenant_id IN (?4, '') OR i.portal_id = ?3 AND ?4 = ''
             ON CONFLICT (portal_id) DO UPDATE SET tenant_id = excluded.tenant_id, sealed = excluded.sealed,
                 used_at = excluded.used_at",
            sealed,
            now,
            portal_id,
            tenant_id
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(if kept.rows_affected() == 0 {
            Some(session.clone())
        } else {
            before.and_then(|b| self.open_eyes(portal_id, &b))
        })
    }

    /// Closes the session that is kept for a portal.
    pub(crate) async fn close_eyes(&self, portal_id: &str) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        let sealed = sqlx::query_scalar!(
            r#"DELETE FROM key_eyes WHERE portal_id = ? RETURNING sealed AS "sealed!""#,
            portal_id
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        self.close_eyes_of(sealed.and_then(|s| self.open_eyes(portal_id, &s))).await;
        Ok(())
    }

    /// None where it does not open, or an older version wrote it.
    fn open_eyes(&self, portal_id: &str, sealed: &[u8]) -> Option<Arc<QlikSession>> {
        match self.vault().open(place(portal_id), sealed) {
            Ok(plain) => QlikSession::from_json(&plain).ok().map(Arc::new),
            Err(e) => {
                tracing::warn!(portal.id = %portal_id, error = %e, "the session of a check does not open");
                None
            }
        }
    }

    /// Closes a session that is not to be kept.
    pub(crate) async fn close_eyes_of(&self, session: Option<Arc<QlikSession>>) {
        let Some(session) = session else { return };
        let host = session.host();
        if let Err(e) = self.qlik().with_session(&host, session).logout().await {
            tracing::debug!(error = %e, "the session of an earlier check could not be closed at Qlik");
        }
    }

    async fn kept_eyes(&self, row: &Row) -> Result<Option<Open>, Error> {
        let kept = sqlx::query!(
            r#"SELECT sealed AS "sealed!", used_at AS "used_at!" FROM key_eyes WHERE portal_id = ? AND tenant_id = ?"#,
            row.portal_id,
            row.tenant_id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(kept.and_then(|k| {
            let session = self.open_eyes(&row.portal_id, &k.sealed)?;
            Some(Open { session, seen: k.used_at, kept: true })
        }))
    }

    /// Open sessions of this portal at the row's tenant, the most telling first.
    async fn witnesses(&self, row: &Row) -> Result<Vec<Open>, Error> {
        let mut all: Vec<Open> = self.kept_eyes(row).await?.into_iter().collect();
        let host = row.tenant_host.as_str();
        let stored = sqlx::query!(
            r#"SELECT user_id AS "user_id!", sealed AS "sealed!", used_at AS "used_at!: i64" FROM qlik_sessions
               WHERE portal_id = ? AND tenant_host = ? ORDER BY used_at DESC LIMIT ?"#,
            row.portal_id,
            host,
            USERS
        )
        .fetch_all(self.db().read())
        .await?;
        for one in stored {
            let place =
                Place { portal: &row.portal_id, table: "qlik_sessions", row: &one.user_id, column: "sealed" };
            match self.vault().open(place, &one.sealed) {
                Ok(plain) => {
                    if let Ok(session) = QlikSession::from_json(&plain) {
                        all.push(Open { session: Arc::new(session), seen: one.used_at, kept: false });
                    }
                }
                Err(e) => {
                    tracing::warn!(user.id = %one.user_id, error = %e, "a stored session does not open");
                }
            }
        }
        all.retain(|open| open.session.user().tenant_id.as_deref().is_none_or(|t| t == row.tenant_id));
        Ok(all)
    }

    /// Looks the owner of a key up by id, with sessions that are open already. Where one
    /// is the owner's own, it comes along.
    async fn look_up_owner(&self, row: &Row, key: &OwnedKey) -> Result<Looked, Error> {
        let now = self.now().as_second();
        let mut owner_is_out = false;
        for Open { session, seen, kept } in self.witnesses(row).await? {
            // Its cookies are for the name that set them alone.
            if self.qlik().moved(&session.host()).is_some() {
                continue;
            }
            let own = session.user().id == key.owner_id;
            let tenant = self.qlik().with_session(&session.host(), session);
            let found = if own { tenant.user_me().await } else { tenant.user(&key.owner_id).await };
            match found {
                Ok(user) if user.id != key.owner_id => {}
                Ok(user) if user.status == UserStatus::Active => {
                    if kept {
                        self.note_used(row, now).await?;
                    }
                    return Ok(if own { Looked::Open(tenant) } else { Looked::Active(Box::new(user)) });
                }
                Ok(user) if user.status == UserStatus::Deleted => return Ok(Looked::Gone),
                Ok(_) => return Ok(Looked::Barred),
                Err(e) if e.kind() == ErrorKind::NotFound && !own => return Ok(Looked::Gone),
                // Key and session are refused at once, and the session's time is not over.
                Err(e) if own && refuses(&e) && (0..IDLE).contains(&(now - seen)) => owner_is_out = true,
                Err(e) => tracing::debug!(error = %e, "a key's owner could not be looked up"),
            }
        }
        Ok(if owner_is_out { Looked::Barred } else { Looked::Unseen })
    }

    async fn note_used(&self, row: &Row, now: i64) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!("UPDATE key_eyes SET used_at = ? WHERE portal_id = ?", now, row.portal_id)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

fn place(portal_id: &str) -> Place<'_> {
    Place { portal: portal_id, table: "key_eyes", row: portal_id, column: "sealed" }
}

fn refuses(e: &QlikError) -> bool {
    matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::NotFound)
}

/// The tenant as the owner of this key sees it, without the key.
pub(super) async fn as_owner(
    qlik: &Qlik,
    s: &Services,
    row: &Row,
    key: &OwnedKey,
) -> Result<OwnerEyes, Error> {
    let owner = match s.look_up_owner(row, key).await? {
        Looked::Active(owner) => owner,
        Looked::Open(tenant) => return Ok(OwnerEyes::Open(Box::new(tenant))),
        Looked::Gone => return Ok(OwnerEyes::Gone),
        Looked::Barred => return Ok(OwnerEyes::Barred),
        Looked::Unseen => return Ok(OwnerEyes::Shut),
    };
    let Some(email) = owner.email.clone().or_else(|| key.owner_email.clone()) else {
        return Ok(OwnerEyes::Shut);
    };
    // A signing key that can't be opened must not end the look.
    let Some(opened) = readable(s.login(row, &as_qlik_has(&owner, &email)).await.map(Some))? else {
        return Ok(OwnerEyes::Shut);
    };
    Ok(match opened {
        Ok(session) if session.user().id == key.owner_id => {
            let session = Arc::new(session);
            let tenant = qlik.with_session(&session.host(), session.clone());
            // The owner's eyes see most; what was kept before is closed, and these stay open.
            match s.store_eyes(&row.portal_id, &session).await {
                Ok(before) => s.close_eyes_of(before.filter(|b| !Arc::ptr_eq(b, &session))).await,
                Err(e) => {
                    tracing::warn!(portal.id = %row.portal_id, error = %e, "the owner's session could not be kept");
                }
            }
            OwnerEyes::Open(Box::new(tenant))
        }
        Err(e) if e.kind() == ErrorKind::Forbidden => OwnerEyes::Barred,
        Ok(_) | Err(_) => OwnerEyes::Shut,
    })
}
