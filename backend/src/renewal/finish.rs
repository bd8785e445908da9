//! The second half of a renewal: the new key is in the vault. Proving it, using
//! it, giving it up, and deleting what nothing uses any more.

use qlik::{error::ErrorKind, host::TenantHost};

use super::{
    act::{current, plain, refused, refused_or, refuses},
    apply::Event,
    cause::{self, Found},
    claim::{Lease, Lost},
    look::in_use,
    policy::due_at,
    record::{Side, record},
    state::{Attempt, Fault, KeyRef, Phase},
    steps::Ended,
};
use crate::{Error, Services, error::readable, keys::OwnedKey};

pub(super) async fn prove(s: &Services, lease: &mut Lease, new: &KeyRef) -> Result<(), Lost> {
    s.keep(lease).await?;
    let owner = current(s, lease).await?.owner_id;
    let Some(key) = readable(s.key(&lease.row.portal_id, &new.key_id).await)? else {
        return give_up(s, lease, new, plain("The new key's token is not in the vault.".to_owned())).await;
    };
    let tenant_fits = key.token.claims().tenant_id.as_ref().is_none_or(|t| *t == lease.row.tenant_id);
    match s.keys_of(&lease.row.tenant_host, key.token).me().await {
        Ok(me) if me.id == owner && tenant_fits => {
            let id = lease.row.state.attempt().map(|a| a.id.clone()).unwrap_or_default();
            record(s, lease, Event::Proved, Side::Note(&id, "The new key works")).await
        }
        Ok(_) => {
            let says = "Qlik made the new key for another user or tenant than the present key's.".to_owned();
            give_up(s, lease, new, plain(says)).await
        }
        Err(e) => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            record(s, lease, Event::NotYet(fault), Side::None).await
        }
    }
}

/// Deletes a key that never worked. It is forgotten only when it is gone or
/// dead: while the key in use is refused too, it may be the last one there is.
pub(super) async fn give_up(s: &Services, lease: &mut Lease, new: &KeyRef, fault: Fault) -> Result<(), Lost> {
    s.keep(lease).await?;
    let key = current(s, lease).await?;
    if new.expires_at > s.now().as_second() {
        match s.keys_of(&lease.row.tenant_host, key.token).delete(&new.key_id).await {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return refused_or(s, lease, &e, None, Event::Failed).await,
        }
    }
    let attempt = lease.row.state.attempt().cloned();
    let side = Side::Ended {
        attempt: attempt.as_ref(),
        ended: Ended::Failed,
        fault: Some(&fault),
        gone: Some(&new.key_id),
    };
    record(s, lease, Event::GaveUp(fault.clone()), side).await
}

pub(super) async fn switch(s: &Services, lease: &mut Lease, new: &KeyRef) -> Result<(), Lost> {
    let Phase::Proved { attempt, .. } = lease.row.state.phase.clone() else {
        return Err(Error::Internal("a switch without a proved key").into());
    };
    mark(s, lease, &attempt, new).await?;
    let renew_at = due_at(new, s.jitter());
    record(s, lease, Event::Switched { renew_at }, Side::Switched { attempt: &attempt, new }).await
}

/// Says at Qlik that this key is in use, before it is: whoever finds it there,
/// be it this portal restored from an older backup, takes it for no leftover.
async fn mark(s: &Services, lease: &Lease, attempt: &Attempt, new: &KeyRef) -> Result<(), Lost> {
    s.keep(lease).await?;
    let key = current(s, lease).await?;
    let description = in_use(&lease.row.portal_id, &attempt.id);
    if let Err(e) = s.keys_of(&lease.row.tenant_host, key.token).rename(&new.key_id, &description).await {
        // A name is worth no delay; what it guards is rare.
        tracing::warn!(key.id = %new.key_id, error = %e, "the new key could not be marked as in use at Qlik");
    }
    Ok(())
}

/// Deletes a key that nothing uses, after the key in use has shown that it works.
pub(super) async fn retire(s: &Services, lease: &mut Lease, old: &KeyRef) -> Result<(), Lost> {
    s.keep(lease).await?;
    let old_key = match s.key(&lease.row.portal_id, &old.key_id).await {
        Err(e) if e.unreadable().is_some() && !lease.row.state.resting => {
            return retire_unread(s, lease, old).await;
        }
        key => readable(key)?,
    };
    let Some(old_key) = old_key else {
        return record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await;
    };
    if lease.row.state.resting {
        return retire_itself(s, lease, old, &old_key).await;
    }
    let now_key = current(s, lease).await?;
    let tenant = s.keys_of(&lease.row.tenant_host, now_key.token.clone());
    let same = old_key.owner_id == now_key.owner_id && old_key.tenant_id == lease.row.tenant_id;
    let done = if same {
        // The key in use deletes it: one call is both proof and deletion.
        tenant.delete(&old.key_id).await
    } else {
        // Another owner's or tenant's key can only delete itself.
        match tenant.me().await {
            Ok(_) => s.keys_of(&host_of(&old_key)?, old_key.token).delete(&old.key_id).await,
            Err(e) if refuses(&e) => {
                let found = cause::of(s, &lease.row, &now_key, &e).await?;
                let (Found::Need(_, fault) | Found::Name(fault)) = &found;
                record(s, lease, Event::NotRetired(old.key_id.clone(), fault.clone()), Side::None).await?;
                return refused(s, lease, found, None).await;
            }
            Err(e) => Err(e),
        }
    };
    let over = old.expires_at <= s.now().as_second();
    match done {
        Ok(()) => record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await,
        // Gone already, dead by itself (if our clock is right), or (of another owner) refused, which is as good as dead.
        Err(e) if e.kind() == ErrorKind::NotFound || over || (!same && refuses(&e)) => {
            record(s, lease, Event::Unknown(old.key_id.clone()), Side::Gone(&old.key_id)).await
        }
        Err(e) => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            record(s, lease, Event::NotRetired(old.key_id.clone(), fault), Side::None).await?;
            if refuses(&e) { refused_or(s, lease, &e, None, Event::Failed).await } else { Ok(()) }
        }
    }
}

/// Deletes a key whose token can't be opened any more: its id is enough for the key in
/// use, where both have one owner.
async fn retire_unread(s: &Services, lease: &mut Lease, old: &KeyRef) -> Result<(), Lost> {
    let key = current(s, lease).await?;
    match s.keys_of(&lease.row.tenant_host, key.token).delete(&old.key_id).await {
        Err(e) if e.kind() != ErrorKind::NotFound && old.expires_at > s.now().as_second() => {
            if refuses(&e) {
                tracing::warn!(
                    portal.id = %lease.row.portal_id, key.id = %old.key_id, error = %e,
                    "a key whose token can't be opened may not be deleted with the key in use; delete it in Qlik"
                );
                return record(s, lease, Event::Unknown(old.key_id.clone()), Side::Gone(&old.key_id)).await;
            }
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            record(s, lease, Event::NotRetired(old.key_id.clone(), fault), Side::None).await
        }
        _ => record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await,
    }
}

/// Where no key is in use, a key that is left deletes itself.
async fn retire_itself(s: &Services, lease: &mut Lease, old: &KeyRef, key: &OwnedKey) -> Result<(), Lost> {
    let done = s.keys_of(&host_of(key)?, key.token.clone()).delete(&old.key_id).await;
    let over = old.expires_at <= s.now().as_second();
    match done {
        Err(e) if !(over || refuses(&e) || e.kind() == ErrorKind::NotFound) => {
            let fault = cause::fault(&e, &key.tenant_host);
            record(s, lease, Event::NotRetired(old.key_id.clone(), fault), Side::None).await
        }
        _ => record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await,
    }
}

fn host_of(key: &OwnedKey) -> Result<TenantHost, Error> {
    serde_json::from_value(key.tenant_host.clone().into())
        .map_err(|_| Error::Internal("a stored host can't be read"))
}

/// Why a key is given up, with the last answer that it got.
pub(super) fn gave_up(last: Option<&Fault>) -> Fault {
    let why = last.map_or_else(String::new, |f| format!(" The last answer: {}", f.says));
    Fault {
        says: format!("The new key did not work in time and was deleted; the present one stays in use.{why}"),
        code: last.and_then(|f| f.code.clone()),
        trace_id: last.and_then(|f| f.trace_id.clone()),
        retry_after: None,
    }
}
