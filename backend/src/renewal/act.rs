//! One step each: the remote call that a decision asks for, and the record of
//! what came of it.

use jiff::SignedDuration;
use qlik::{
    ApiKeyQuery, CreatedApiKey, KeyStatus, NewApiKey, Tenant,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    cause,
    claim::{Lease, Lost, save},
    core::{Action, Event, apply},
    policy::due_at,
    state::{Attempt, Fault, KeyRef, NeedReason, Phase, State, Trigger},
    steps::{Ended, begin_attempt, end_attempt, note},
};
use crate::{
    Error, Services, audit,
    keys::{self, NewKeyRow, OwnedKey, insert_key, key_gone, move_key},
    store::Tx,
};

/// What is written beside the state, in the same transaction.
enum Side<'a> {
    None,
    Begun(&'a Attempt),
    Note(&'a str, &'static str),
    Staged {
        attempt: &'a Attempt,
        key: &'a OwnedKey,
        created: &'a CreatedApiKey,
        new: &'a KeyRef,
        sealed: Vec<u8>,
    },
    Switched {
        attempt: &'a Attempt,
        new: &'a KeyRef,
    },
    Gone(&'a str),
    Ended {
        attempt: Option<&'a Attempt>,
        ended: Ended,
        fault: Option<&'a Fault>,
        gone: Option<&'a str>,
    },
}

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

/// What was seen before an attempt.
struct Look {
    lifetime: SignedDuration,
    /// The quota could be read, and a slot is free.
    slot_known: bool,
}

enum Trouble {
    Qlik(QlikError),
    Said(Fault),
}

/// Cleans up what earlier attempts left, and sees whether a key can be made.
async fn look(
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
        created_at: created.key.created.map_or(now, |t| t.as_second()),
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

/// Deletes the keys at Qlik that carry this portal's tag and that the state
/// does not know. Keys without the tag are never touched.
async fn sweep(s: &Services, lease: &Lease) -> Result<Result<(), QlikError>, Lost> {
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

/// Writes the next state and what goes with it in one transaction.
async fn record(s: &Services, lease: &mut Lease, event: Event, side: Side<'_>) -> Result<(), Lost> {
    let now = s.now();
    let before = &lease.row.state;
    let newly_needed =
        matches!(&event, Event::Needs(r, _) if before.need.as_ref().map(|n| n.reason) != Some(*r));
    let state = apply(now.as_second(), before, event, s.policy(), s.jitter());
    let mut tx = s.db().write().await?;
    write_side(s, &mut tx, lease, &state, side).await?;
    if let Some(need) = state.need.as_ref().filter(|_| newly_needed) {
        let detail = serde_json::json!({ "reason": need.reason, "code": need.fault.code });
        audit::record(&mut tx, &lease.row.portal_id, None, audit::RENEWAL_NEEDS_PERSON, detail, now).await?;
        tracing::warn!(portal.id = %lease.row.portal_id, reason = ?need.reason, "a person is needed for the Qlik key");
    }
    save(s, &mut tx, lease, state).await?;
    Ok(tx.commit().await?)
}

async fn write_side(
    s: &Services,
    tx: &mut Tx<'_>,
    lease: &Lease,
    state: &State,
    side: Side<'_>,
) -> Result<(), Error> {
    let (row, now) = (&lease.row, s.now().as_second());
    match side {
        Side::None => {}
        Side::Begun(attempt) => begin_attempt(tx, &row.portal_id, attempt, &row.state.current.key_id).await?,
        Side::Note(attempt, text) => note(tx, attempt, now, text).await?,
        Side::Staged { attempt, key, created, new, sealed } => {
            let new_row = NewKeyRow {
                portal_id: &row.portal_id,
                tenant_id: &row.tenant_id,
                tenant_host: row.tenant_host.as_str(),
                key: new,
                sealed: &sealed,
                fingerprint: created.token.fingerprint(),
                last4: created.token.last4(),
                owner_id: &key.owner_id,
                owner_subject: &key.owner_subject,
                owner_email: key.owner_email.as_deref(),
                owner_name: &key.owner_name,
                attempt_id: Some(&attempt.id),
                state: "staged",
                now,
            };
            insert_key(tx, new_row).await?;
            note(tx, &attempt.id, now, "Qlik made the new key; it is in the vault").await?;
        }
        Side::Switched { attempt, new } => {
            move_key(tx, &row.portal_id, &row.state.current.key_id, "current", "retiring").await?;
            move_key(tx, &row.portal_id, &new.key_id, "staged", "current").await?;
            note(tx, &attempt.id, now, "The new key is in use").await?;
            end_attempt(tx, &attempt.id, now, Ended::Renewed, None, Some(&new.key_id)).await?;
            let detail = serde_json::json!({
                "old_key": row.state.current.key_id, "new_key": new.key_id, "expires_at": state.current.expires_at,
            });
            audit::record(tx, &row.portal_id, None, audit::KEY_RENEWED, detail, s.now()).await?;
            tracing::info!(portal.id = %row.portal_id, key.id = %new.key_id, "the Qlik key was renewed");
        }
        Side::Gone(key_id) => key_gone(tx, &row.portal_id, key_id, now).await?,
        Side::Ended { attempt, ended, fault, gone } => {
            if let Some(key_id) = gone {
                key_gone(tx, &row.portal_id, key_id, now).await?;
            }
            if let Some(attempt) = attempt {
                end_attempt(tx, &attempt.id, now, ended, fault, gone).await?;
            }
        }
    }
    Ok(())
}

async fn current(s: &Services, lease: &Lease) -> Result<OwnedKey, Error> {
    let row = &lease.row;
    s.key(&row.portal_id, &row.state.current.key_id)
        .await?
        .ok_or(Error::Internal("the key in use has no token in the vault"))
}

/// The description of a key that this portal makes. An empty attempt gives the
/// beginning that all of them share.
pub(crate) fn tag(portal_id: &str, attempt_id: &str) -> String {
    format!("qonduit:{portal_id}:{attempt_id}")
}

fn refuses(e: &QlikError) -> bool {
    matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

fn plain(says: String) -> Fault {
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
