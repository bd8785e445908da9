//! What is looked at before a key is made, and the search for keys that a
//! broken attempt left at Qlik.

use jiff::SignedDuration;
use qlik::{
    ApiKeyQuery, KeyStatus, Tenant,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    act::{current, plain},
    claim::{Lease, Lost},
    state::Fault,
};
use crate::{Services, keys::OwnedKey};

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
    lease: &Lease,
    tenant: &Tenant,
    key: &OwnedKey,
) -> Result<Result<Look, Trouble>, Lost> {
    s.keep(lease).await?;
    let row = &lease.row;
    let config = match tenant.api_key_config(&row.tenant_id).await {
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
        return Ok(Err(Trouble::Said(plain(format!(
            "{} has {live} active API keys and the Qlik tenant allows {max}. Delete one that is not needed, or have a \
             Tenant Admin raise the limit; a renewal needs one free place.",
            key.owner_email.as_deref().unwrap_or(&key.owner_name)
        )))));
    }
    let lived = (row.state.current.expires_at - row.state.current.created_at).max(3_600);
    let lifetime = SignedDuration::from_secs(lived);
    let max = config.and_then(|c| c.max_expiry).filter(|m| m.as_secs() > 0);
    Ok(Ok(Look { lifetime: max.map_or(lifetime, |m| m.min(lifetime)), slot_known: max_keys.is_some() }))
}

/// Deletes the keys at Qlik that carry this portal's tag and that the state
/// does not know. Keys without the tag are never touched.
pub(super) async fn sweep(s: &Services, lease: &Lease) -> Result<Result<(), QlikError>, Lost> {
    let key = current(s, lease).await?;
    let tenant = s.qlik().with_key(&lease.row.tenant_host, key.token.clone());
    Ok(sweep_with(s, lease, &tenant, &key).await?.map(|_| ()))
}

/// As [`sweep`]; gives the number of the owner's keys that are still active.
async fn sweep_with(
    s: &Services,
    lease: &Lease,
    tenant: &Tenant,
    key: &OwnedKey,
) -> Result<Result<usize, QlikError>, Lost> {
    s.keep(lease).await?;
    let query = ApiKeyQuery {
        sub: Some(key.owner_id.clone()),
        status: Some(KeyStatus::Active),
        ..ApiKeyQuery::default()
    };
    let listed = match tenant.api_keys(&query).await {
        Ok(listed) => listed,
        Err(e) => return Ok(Err(e)),
    };
    let prefix = tag(&lease.row.portal_id, "");
    let mut live = 0;
    for found in listed.iter().filter(|k| k.status == KeyStatus::Active && k.sub == key.owner_id) {
        if !found.description.starts_with(&prefix) || lease.row.state.knows(&found.id) {
            live += 1;
            continue;
        }
        s.keep(lease).await?;
        match tenant.delete_api_key(&found.id).await {
            Ok(()) => tracing::info!(key.id = %found.id, "deleted a key that a broken attempt left at Qlik"),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Ok(Err(e)),
        }
    }
    Ok(Ok(live))
}

/// The description of a key that this portal makes. An empty attempt gives the
/// beginning that all of them share.
pub(crate) fn tag(portal_id: &str, attempt_id: &str) -> String {
    format!("qonduit:{portal_id}:{attempt_id}")
}
