//! What is looked at before a key is made, and the search for keys that a
//! broken attempt left at Qlik.

use jiff::SignedDuration;
use qlik::{
    ApiKey, ApiKeyQuery, KeyStatus,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    act::{current, plain},
    apply::Event,
    claim::{Lease, Lost},
    port::KeyCalls,
    record::{Side, record},
    state::{Fault, Stray},
};
use crate::{Services, keys::OwnedKey, words};

/// What was seen before an attempt.
pub(super) struct Look {
    pub(super) lifetime: SignedDuration,
    /// The quota could be read, and a slot is free.
    pub(super) slot_known: bool,
}

pub(super) enum Trouble {
    Qlik(QlikError),
    Said(Fault),
}

/// Cleans up what earlier attempts left, and sees whether a key can be made.
pub(super) async fn look(
    s: &Services,
    lease: &mut Lease,
    tenant: &dyn KeyCalls,
    key: &OwnedKey,
) -> Result<Result<Look, Trouble>, Lost> {
    s.keep(lease).await?;
    let config = match tenant.key_config(&lease.row.tenant_id).await {
        Ok(c) => Some(c),
        // Whether a plain user may read it is not documented; then Qlik decides at the POST.
        Err(e) if matches!(e.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => None,
        Err(e) => return Ok(Err(Trouble::Qlik(e))),
    };
    let live = match sweep_with(s, lease, tenant, key).await? {
        Ok(live) => live,
        Err(e) => return Ok(Err(Trouble::Qlik(e))),
    };
    let max_keys = config.as_ref().and_then(|c| c.max_keys_per_user);
    if let Some(max) = max_keys.filter(|max| live >= *max as usize) {
        let owner = key.owner_email.as_deref().unwrap_or(&key.owner_name);
        return Ok(Err(Trouble::Said(plain(words::no_room(owner, live, max).joined()))));
    }
    let lifetime = SignedDuration::from_secs(lease.row.state.wanted_life().max(3_600));
    let max = config.and_then(|c| c.max_expiry).filter(|m| m.as_secs() > 0);
    Ok(Ok(Look { lifetime: max.map_or(lifetime, |m| m.min(lifetime)), slot_known: max_keys.is_some() }))
}

/// Deletes the keys at Qlik that an attempt of this database left there. Keys
/// without the portal's tag are never touched, nor are keys that another
/// database of this portal has in use.
pub(super) async fn sweep(s: &Services, lease: &mut Lease) -> Result<Result<(), QlikError>, Lost> {
    let key = current(s, lease).await?;
    let tenant = s.keys_of(&lease.row.tenant_host, key.token.clone());
    Ok(sweep_with(s, lease, &*tenant, &key).await?.map(|_| ()))
}

/// As [`sweep`]; gives the number of the owner's keys that are still active.
async fn sweep_with(
    s: &Services,
    lease: &mut Lease,
    tenant: &dyn KeyCalls,
    key: &OwnedKey,
) -> Result<Result<usize, QlikError>, Lost> {
    s.keep(lease).await?;
    let listed = match owned(tenant, &key.owner_id).await {
        Ok(listed) => listed,
        Err(e) => return Ok(Err(e)),
    };
    let mut live = 0;
    let mut stray: Option<Stray> = None;
    for found in &listed {
        let portal = lease.row.portal_id.as_str();
        let leftover = match Mark::of(portal, found) {
            Some(mark) if !lease.row.state.knows(&found.id) => match mark {
                Mark::Made(attempt) => {
                    s.made_attempt(portal, attempt).await? || s.let_go(portal, &found.id).await?
                }
                Mark::InUse => s.let_go(portal, &found.id).await?,
            },
            _ => {
                live += 1;
                continue;
            }
        };
        if !leftover {
            live += 1;
            stray = Some(newer(stray, found));
            continue;
        }
        s.keep(lease).await?;
        match tenant.delete(&found.id).await {
            Ok(()) => tracing::info!(key.id = %found.id, "deleted a key that a broken attempt left at Qlik"),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Ok(Err(e)),
        }
    }
    if stray != lease.row.state.stray {
        record(s, lease, Event::Stray(stray), Side::None).await?;
    }
    Ok(Ok(live))
}

/// The active keys of a user.
pub(super) async fn owned(tenant: &dyn KeyCalls, owner_id: &str) -> Result<Vec<ApiKey>, QlikError> {
    let query = ApiKeyQuery {
        sub: Some(owner_id.to_owned()),
        status: Some(KeyStatus::Active),
        ..ApiKeyQuery::default()
    };
    let mut listed = tenant.list(&query).await?;
    listed.retain(|k| k.status == KeyStatus::Active && k.sub == owner_id);
    Ok(listed)
}

/// The younger of the two.
fn newer(stray: Option<Stray>, found: &ApiKey) -> Stray {
    let found =
        Stray { key_id: found.id.clone(), created_at: found.created.map_or(0, jiff::Timestamp::as_second) };
    stray.filter(|s| s.created_at >= found.created_at).unwrap_or(found)
}

/// What a key's description says of its part in this portal.
pub(super) enum Mark<'a> {
    /// This attempt asked for it.
    Made(&'a str),
    /// A database of this portal uses it or has used it.
    InUse,
}

impl<'a> Mark<'a> {
    /// `None`: the key is none of this portal's making.
    pub(super) fn of(portal_id: &str, key: &'a ApiKey) -> Option<Self> {
        let rest = key.description.strip_prefix(&tag(portal_id, ""))?;
        Some(if rest.ends_with(IN_USE) { Self::InUse } else { Self::Made(rest) })
    }
}

/// Ends the description of a key that is in use.
const IN_USE: &str = ":in-use";

/// The description of a key from just before it is used.
pub(super) fn in_use(portal_id: &str, attempt_id: &str) -> String {
    format!("{}{IN_USE}", tag(portal_id, attempt_id))
}

/// The description of a key that this portal makes. An empty attempt gives the
/// beginning that all of them share.
pub(crate) fn tag(portal_id: &str, attempt_id: &str) -> String {
    format!("qonduit:{portal_id}:{attempt_id}")
}
