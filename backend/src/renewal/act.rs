//! One step each: the remote call that a decision asks for, and the record of
//! what came of it.

use jiff::Timestamp;
use qlik::{
    CreatedApiKey, NewApiKey, Tenant,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    cause,
    claim::{Lease, Lost},
    core::{Action, Event},
    look::{Trouble, look, sweep, tag},
    policy::due_at,
    record::{Side, record},
    state::{Attempt, Fault, KeyRef, NeedReason, Phase, Trigger},
    steps::Ended,
};
use crate::{
    Error, Services,
    keys::{self, OwnedKey},
};

pub(super) async fn act(s: &Services, lease: &mut Lease, action: Action) -> Result<(), Lost> {
    match action {
        Action::Begin(trigger) => begin(s, lease, trigger).await,
        Action::Recover(attempt) => recover(s, lease, &attempt).await,
        Action::Prove(new) => prove(s, lease, &new).await,
        Action::GiveUp(new) => {
            let fault =
                lease.row.state.failing.as_ref().map_or_else(|| gave_up(None), |f| gave_up(Some(&f.fault)));
            give_up(s, lease, &new, fault).await
        }
        Action::Switch(new) => switch(s, lease, &new).await,
        Action::Retire(key) => retire(s, lease, &key).await,
        Action::Sweep => match sweep(s, lease).await? {
            Ok(()) => record(s, lease, Event::Swept, Side::None).await,
            Err(e) => refused_or(s, lease, &e, None, Event::Failed).await,
        },
        Action::NoteExpired => {
            let owner = current(s, lease).await?.owner_name;
            let fault = plain(cause::said(NeedReason::Expired, &owner).joined());
            needs(s, lease, NeedReason::Expired, fault, None).await
        }
        Action::Recheck => recheck(s, lease).await,
    }
}

/// Looks first, then writes the intent, then asks for the key.
async fn begin(s: &Services, lease: &mut Lease, trigger: Trigger) -> Result<(), Lost> {
    let now = s.now().as_second();
    let attempt = Attempt { id: s.new_id(), trigger, started_at: now };
    let key = current(s, lease).await?;
    let tenant = s.qlik().with_key(&lease.row.tenant_host, key.token.clone());
    let look = match look(s, lease, &tenant, &key).await? {
        Ok(look) => look,
        Err(Trouble::Said(fault)) => return failed_look(s, lease, &attempt, fault).await,
        Err(Trouble::Qlik(e)) if refuses(&e) => {
            let (reason, fault) = cause::of(s, &lease.row, &key, &e).await?;
            record(s, lease, Event::Began(attempt.clone()), Side::Begun(&attempt)).await?;
            return needs(s, lease, reason, fault, Some(&attempt)).await;
        }
        Err(Trouble::Qlik(e)) => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            return failed_look(s, lease, &attempt, fault).await;
        }
    };
    record(s, lease, Event::Began(attempt.clone()), Side::Begun(&attempt)).await?;
    let new = NewApiKey { description: tag(&lease.row.portal_id, &attempt.id), lifetime: look.lifetime };
    match tenant.create_api_key(&new).await {
        Ok(created) => stage(s, lease, &attempt, &tenant, &key, &created).await,
        Err(e) if e.may_have_happened() => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            let side = Side::Note(&attempt.id, "Qlik's answer was lost; the key is looked for by its tag");
            record(s, lease, Event::Unclear(fault), side).await
        }
        Err(e)
            if e.kind() == ErrorKind::Unauthorized
                || (e.kind() == ErrorKind::Forbidden && look.slot_known) =>
        {
            let (mut reason, mut fault) = cause::of(s, &lease.row, &key, &e).await?;
            if e.kind() == ErrorKind::Forbidden && reason == NeedReason::Refused {
                // The key was let in and a slot is free: what is missing is the permission.
                reason = NeedReason::PermissionLost;
                fault.says =
                    cause::said(reason, key.owner_email.as_deref().unwrap_or(&key.owner_name)).joined();
            }
            needs(s, lease, reason, fault, Some(&attempt)).await
        }
        Err(e) => {
            let mut fault = cause::fault(&e, lease.row.tenant_host.as_str());
            if e.kind() == ErrorKind::Forbidden {
                "Qlik refuses a new API key: the owner's keys may have reached the tenant's limit, or the owner may no \
                 longer manage API keys. Delete a key that is not needed, or give the permission back."
                    .clone_into(&mut fault.says);
            }
            let side = Side::Ended {
                attempt: Some(&attempt),
                ended: Ended::Failed,
                fault: Some(&fault),
                gone: None,
            };
            record(s, lease, Event::NotCreated(fault.clone()), side).await
        }
    }
}

async fn failed_look(s: &Services, lease: &mut Lease, attempt: &Attempt, fault: Fault) -> Result<(), Lost> {
    record(s, lease, Event::Began(attempt.clone()), Side::Begun(attempt)).await?;
    let side = Side::Ended { attempt: Some(attempt), ended: Ended::Failed, fault: Some(&fault), gone: None };
    record(s, lease, Event::NotCreated(fault.clone()), side).await
}

/// Seals the new token before anything uses it.
async fn stage(
    s: &Services,
    lease: &mut Lease,
    attempt: &Attempt,
    tenant: &Tenant,
    key: &OwnedKey,
    created: &CreatedApiKey,
) -> Result<(), Lost> {
    let now = s.now().as_second();
    let new = KeyRef {
        key_id: created.key.id.clone(),
        created_at: created.key.created.map_or(now, Timestamp::as_second),
        expires_at: created.key.expiry.as_second(),
    };
    let place = keys::place(&lease.row.portal_id, &new.key_id);
    let sealed = s.vault().seal(place, created.token.expose().as_bytes())?;
    let side = Side::Staged { attempt, key, created, new: &new, sealed };
    match record(s, lease, Event::Created(new.clone()), side).await {
        Err(Lost::Row) => {
            // Somebody changed the integration meanwhile; this key has no place in it.
            if let Err(e) = tenant.delete_api_key(&new.key_id).await {
                tracing::warn!(key.id = %new.key_id, error = %e, "a key without a place could not be deleted; it is found by its tag");
            }
            Err(Lost::Row)
        }
        other => other,
    }
}

async fn recover(s: &Services, lease: &mut Lease, attempt: &Attempt) -> Result<(), Lost> {
    match sweep(s, lease).await? {
        Ok(()) => {
            let side =
                Side::Ended { attempt: Some(attempt), ended: Ended::Abandoned, fault: None, gone: None };
            record(s, lease, Event::Recovered, side).await
        }
        Err(e) => refused_or(s, lease, &e, Some(attempt), Event::Failed).await,
    }
}

async fn prove(s: &Services, lease: &mut Lease, new: &KeyRef) -> Result<(), Lost> {
    s.keep(lease).await?;
    let owner = current(s, lease).await?.owner_id;
    let Some(key) = s.key(&lease.row.portal_id, &new.key_id).await? else {
        return give_up(s, lease, new, plain("The new key's token is not in the vault.".to_owned())).await;
    };
    let tenant_fits = key.token.claims().tenant_id.as_ref().is_none_or(|t| *t == lease.row.tenant_id);
    match s.qlik().with_key(&lease.row.tenant_host, key.token).user_me().await {
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

async fn give_up(s: &Services, lease: &mut Lease, new: &KeyRef, fault: Fault) -> Result<(), Lost> {
    s.keep(lease).await?;
    let key = current(s, lease).await?;
    match s.qlik().with_key(&lease.row.tenant_host, key.token).delete_api_key(&new.key_id).await {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => {
            tracing::warn!(key.id = %new.key_id, error = %e, "a key that never worked could not be deleted; it is found by its tag");
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

async fn switch(s: &Services, lease: &mut Lease, new: &KeyRef) -> Result<(), Lost> {
    let Phase::Proved { attempt, .. } = lease.row.state.phase.clone() else {
        return Err(Error::Internal("a switch without a proved key").into());
    };
    let renew_at = due_at(new, s.jitter());
    record(s, lease, Event::Switched { renew_at }, Side::Switched { attempt: &attempt, new }).await
}

/// Deletes a key that nothing uses, after the key in use has shown that it works.
async fn retire(s: &Services, lease: &mut Lease, old: &KeyRef) -> Result<(), Lost> {
    s.keep(lease).await?;
    let now_key = current(s, lease).await?;
    let tenant = s.qlik().with_key(&lease.row.tenant_host, now_key.token.clone());
    let Some(old_key) = s.key(&lease.row.portal_id, &old.key_id).await? else {
        return record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await;
    };
    let same = old_key.owner_id == now_key.owner_id && old_key.tenant_host == lease.row.tenant_host.as_str();
    let done = if same {
        // The key in use deletes it: one call is both proof and deletion.
        tenant.delete_api_key(&old.key_id).await
    } else {
        // Another owner's or tenant's key can only delete itself.
        match tenant.user_me().await {
            Ok(_) => {
                let host = serde_json::from_value(old_key.tenant_host.clone().into())
                    .map_err(|_| Error::Internal("a stored host can't be read"))?;
                s.qlik().with_key(&host, old_key.token).delete_api_key(&old.key_id).await
            }
            Err(e) if refuses(&e) => {
                let (reason, fault) = cause::of(s, &lease.row, &now_key, &e).await?;
                record(s, lease, Event::NotRetired(old.key_id.clone(), fault.clone()), Side::None).await?;
                return needs(s, lease, reason, fault, None).await;
            }
            Err(e) => Err(e),
        }
    };
    let over = old.expires_at <= s.now().as_second();
    match done {
        Ok(()) => record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await,
        // Gone already, dead by itself, or (of another owner) refused, which is as good as dead.
        Err(e) if e.kind() == ErrorKind::NotFound || over || (!same && refuses(&e)) => {
            record(s, lease, Event::Retired(old.key_id.clone()), Side::Gone(&old.key_id)).await
        }
        Err(e) => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            record(s, lease, Event::NotRetired(old.key_id.clone(), fault), Side::None).await?;
            if refuses(&e) { refused_or(s, lease, &e, None, Event::Failed).await } else { Ok(()) }
        }
    }
}

async fn recheck(s: &Services, lease: &mut Lease) -> Result<(), Lost> {
    s.keep(lease).await?;
    let key = current(s, lease).await?;
    match s.qlik().with_key(&lease.row.tenant_host, key.token.clone()).user_me().await {
        Ok(_) => record(s, lease, Event::Works, Side::None).await,
        Err(e) if refuses(&e) => {
            let (reason, fault) = cause::of(s, &lease.row, &key, &e).await?;
            needs(s, lease, reason, fault, None).await
        }
        // Nothing was learnt: the need stays, and is looked at again later.
        Err(_) => match lease.row.state.need.clone() {
            Some(need) => needs(s, lease, need.reason, need.fault, None).await,
            None => Ok(()),
        },
    }
}

/// A refusal is looked into; anything else is `event`.
async fn refused_or(
    s: &Services,
    lease: &mut Lease,
    e: &QlikError,
    attempt: Option<&Attempt>,
    event: fn(Fault) -> Event,
) -> Result<(), Lost> {
    if refuses(e) {
        let key = current(s, lease).await?;
        let (reason, fault) = cause::of(s, &lease.row, &key, e).await?;
        return needs(s, lease, reason, fault, attempt).await;
    }
    record(s, lease, event(cause::fault(e, lease.row.tenant_host.as_str())), Side::None).await
}

async fn needs(
    s: &Services,
    lease: &mut Lease,
    reason: NeedReason,
    fault: Fault,
    attempt: Option<&Attempt>,
) -> Result<(), Lost> {
    let side = Side::Ended { attempt, ended: Ended::Person, fault: Some(&fault), gone: None };
    record(s, lease, Event::Needs(reason, fault.clone()), side).await
}

pub(super) async fn current(s: &Services, lease: &Lease) -> Result<OwnedKey, Error> {
    let row = &lease.row;
    s.key(&row.portal_id, &row.state.current.key_id)
        .await?
        .ok_or(Error::Internal("the key in use has no token in the vault"))
}

fn refuses(e: &QlikError) -> bool {
    matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

pub(super) fn plain(says: String) -> Fault {
    Fault { says, code: None, trace_id: None, retry_after: None }
}

fn gave_up(last: Option<&Fault>) -> Fault {
    let why = last.map_or_else(String::new, |f| format!(" The last answer: {}", f.says));
    Fault {
        says: format!("The new key did not work in time and was deleted; the present one stays in use.{why}"),
        code: last.and_then(|f| f.code.clone()),
        trace_id: last.and_then(|f| f.trace_id.clone()),
        retry_after: None,
    }
}
