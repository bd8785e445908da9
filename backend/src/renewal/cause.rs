//! Why Qlik refuses the key in use. The key itself can't say, so its owner is
//! asked: a JWT session of the owner reads the key's own record.

use qlik::{
    KeyStatus,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    act::plain,
    claim::Row,
    look::{Mark, owned},
    port::{KeyCalls, OwnerEyes},
    state::{Fault, NeedReason},
};
use crate::{
    Error, Services,
    keys::OwnedKey,
    words::{self, Said},
};

/// A quarter of an hour between two checks of a connection, and what they may be late by.
const AWAY: i64 = 1_500;
/// "User is not a member of tenant"
/// (<https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940>):
/// of a key it says that it is another tenant's.
const NOT_A_MEMBER: &str = "AUTH-5";

/// A fault in the words of [`words::of`].
pub(crate) fn fault(e: &QlikError, host: &str) -> Fault {
    with(e, &words::of(e, host))
}

fn with(e: &QlikError, said: &Said) -> Fault {
    Fault {
        says: said.joined(),
        code: e.code().map(str::to_owned),
        trace_id: e.trace_id().map(str::to_owned),
        retry_after: e
            .retry_after()
            .map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX).saturating_add(1)),
    }
}

/// The words for a refused key.
pub(crate) fn said(reason: NeedReason, owner: &str) -> Said {
    let paste = "Make a new one in Qlik and paste it here; everything else stays as it is.";
    match reason {
        NeedReason::Expired => Said::new("The API key expired.", paste),
        NeedReason::Revoked => Said::new("The API key was revoked or deleted in Qlik.", paste),
        NeedReason::OwnerDisabled => Said::new(
            format!("{owner}, who owns the API key, is disabled or deleted in Qlik."),
            "Enable the user in Qlik, or paste a key of another user.",
        ),
        NeedReason::OwnerDeleted => Said::new(
            format!("{owner}, who owned the API key, was deleted in Qlik, and the key with them."),
            "Make a key as another user in Qlik and paste it here; everything else stays as it is.",
        ),
        NeedReason::PermissionLost => Said::new(
            format!("{owner}, who owns the API key, may no longer manage API keys."),
            format!("{} The key is tried again by itself.", words::ALLOW_KEYS),
        ),
        NeedReason::WrongTenant => words::other_tenant(),
        NeedReason::Unseen => Said::new(
            "Qlik refuses the API key, which this portal has not used for a while: it was revoked or expired, or its owner \
             is disabled or deleted or may no longer manage API keys; or this database was restored from an older backup, \
             and the key was replaced since. A newer key was left alone.",
            "Restore a newer backup, or make a new key in Qlik and paste it here; everything else stays as it is.",
        ),
        NeedReason::ExpiredUnseen => Said::new(
            "The API key expired while this portal was not at work; or this database was restored from an older backup, and \
             the key was replaced since. A newer key was left alone.",
            paste,
        ),
        NeedReason::Superseded => Said::new(
            "The API key was replaced by one that this database does not hold: it was restored from an older backup, \
             or this portal runs twice. The newer key was left alone.",
            "Restore a newer backup, or make a new key in Qlik and paste it here; everything else stays as it is.",
        ),
        NeedReason::Refused => Said::new(
            "Qlik refuses the API key: it was revoked or expired, or its owner is disabled or deleted or may no longer \
             manage API keys.",
            "Look at the key and its owner in Qlik, or paste a new key.",
        ),
    }
}

/// What a refusal of the key in use comes from.
pub(super) enum Found {
    /// The key: a person is needed.
    Need(NeedReason, Fault),
    /// The name that was asked, which is another tenant's now: the key works under the
    /// permanent one, which is used from now on.
    Name(Fault),
}

/// Tells the causes apart after the key in use got a 401 or 403.
pub(super) async fn of(
    services: &Services,
    row: &Row,
    key: &OwnedKey,
    e: &QlikError,
) -> Result<Found, Error> {
    if falls_back(services, row, key).await {
        let says = format!(
            "{} refuses the API key, which works under the tenant's permanent name, {}. That one is used from now on.",
            row.tenant_host, row.permanent_host
        );
        return Ok(Found::Name(plain(says)));
    }
    let reason = if e.code() == Some(NOT_A_MEMBER) {
        NeedReason::WrongTenant
    } else {
        reason(services, row, key).await?
    };
    Ok(Found::Need(reason, with(e, &said(reason, owner_of(key)))))
}

/// Whether the key works under the permanent name of its tenant, where another one is in
/// use: an alias that was given up may be another tenant's by now.
async fn falls_back(services: &Services, row: &Row, key: &OwnedKey) -> bool {
    if row.permanent_host == row.tenant_host || services.qlik().moved(&row.tenant_host).is_some() {
        return false;
    }
    let me = services.keys_of(&row.permanent_host, key.token.clone()).me().await;
    let works = me.is_ok_and(|me| me.id == key.owner_id);
    if works {
        services.qlik().use_instead(&row.tenant_host, &row.permanent_host);
    }
    works
}

/// As [`of`], in words alone.
pub(crate) async fn why_refused(services: &Services, row: &Row, key: &OwnedKey) -> Result<Said, Error> {
    Ok(said(reason(services, row, key).await?, owner_of(key)))
}

fn owner_of(key: &OwnedKey) -> &str {
    key.owner_email.as_deref().unwrap_or(&key.owner_name)
}

async fn reason(services: &Services, row: &Row, key: &OwnedKey) -> Result<NeedReason, Error> {
    if row.state.current.expires_at <= services.now().as_second() {
        Ok(expired(services, row, key).await?.0)
    } else if key.token.claims().tenant_id.as_deref().is_some_and(|t| t != row.tenant_id) {
        Ok(NeedReason::WrongTenant)
    } else {
        ask_owner(services, row, key).await
    }
}

/// The words for a key whose time is over, and whether another database of
/// this portal has renewed it.
pub(super) async fn expired(
    services: &Services,
    row: &Row,
    key: &OwnedKey,
) -> Result<(NeedReason, Fault), Error> {
    let reason = match services.0.tenants.as_owner(services, row, key).await? {
        OwnerEyes::Open(tenant) if replaced(services, row, key, &*tenant).await? => NeedReason::Superseded,
        OwnerEyes::Shut if was_away(services, row).await? => NeedReason::ExpiredUnseen,
        _ => NeedReason::Expired,
    };
    Ok((reason, plain(said(reason, owner_of(key)).joined())))
}

async fn ask_owner(services: &Services, row: &Row, key: &OwnedKey) -> Result<NeedReason, Error> {
    let tenant = match services.0.tenants.as_owner(services, row, key).await? {
        OwnerEyes::Open(tenant) => tenant,
        OwnerEyes::Gone => return Ok(NeedReason::OwnerDeleted),
        OwnerEyes::Barred => return Ok(NeedReason::OwnerDisabled),
        OwnerEyes::Shut if was_away(services, row).await? => return Ok(NeedReason::Unseen),
        OwnerEyes::Shut => return Ok(NeedReason::Refused),
    };
    let gone = match tenant.read(&row.state.current.key_id).await {
        Ok(k) => match k.status {
            KeyStatus::Expired => NeedReason::Expired,
            KeyStatus::Revoked => NeedReason::Revoked,
            KeyStatus::Active => return Ok(NeedReason::PermissionLost),
            KeyStatus::Other(_) => return Ok(NeedReason::Refused),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => NeedReason::Revoked,
        // Without Manage API keys a user can't even read the own keys.
        Err(e) if e.kind() == ErrorKind::Forbidden => return Ok(NeedReason::PermissionLost),
        Err(_) => return Ok(NeedReason::Refused),
    };
    Ok(if replaced(services, row, key, &*tenant).await? { NeedReason::Superseded } else { gone })
}

/// Whether the key was last seen to work longer ago than checks are made: the portal was
/// not at work, or this is an older copy of its database.
async fn was_away(services: &Services, row: &Row) -> Result<bool, Error> {
    let seen = sqlx::query_scalar!("SELECT key_seen_at FROM integrations WHERE portal_id = ?", row.portal_id)
        .fetch_optional(services.db().read())
        .await?
        .flatten();
    Ok(seen.is_some_and(|at| services.now().as_second() - at > AWAY))
}

/// Whether another database of this portal has a younger key at Qlik. Seen with
/// the owner's eyes; what can't be seen is not so.
async fn replaced(
    services: &Services,
    row: &Row,
    key: &OwnedKey,
    tenant: &dyn KeyCalls,
) -> Result<bool, Error> {
    let listed = match owned(tenant, &key.owner_id).await {
        Ok(listed) => listed,
        Err(e) => {
            tracing::info!(portal.id = %row.portal_id, error = %e, "the owner's keys could not be looked at");
            return Ok(false);
        }
    };
    for found in listed.iter().filter(|k| !row.state.knows(&k.id)) {
        match Mark::of(&row.portal_id, found) {
            Some(Mark::InUse) if !services.let_go(&row.portal_id, &found.id).await? => return Ok(true),
            Some(Mark::Made(attempt)) if !services.made_attempt(&row.portal_id, attempt).await? => {
                return Ok(true);
            }
            _ => {}
        }
    }
    Ok(false)
}
