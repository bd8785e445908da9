//! One step each: the remote call that a decision asks for, and the record of
//! what came of it. What comes once a new key is in the vault is in `finish.rs`.

use jiff::Timestamp;
use qlik::{
    CreatedApiKey, NewApiKey,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    ahead::look_ahead,
    apply::Event,
    cause::{self, Found},
    claim::{Lease, Lost},
    core::Action,
    finish::{gave_up, give_up, prove, retire, switch},
    look::{Trouble, look, sweep, tag},
    port::KeyCalls,
    record::{Side, record},
    state::{Attempt, Fault, KeyRef, NeedReason, Trigger},
    steps::Ended,
};
use crate::{
    Error, Services,
    keys::{self, OwnedKey},
};

pub(super) async fn act(s: &Services, lease: &mut Lease, action: Action) -> Result<(), Lost> {
    match step(s, lease, action).await {
        // It will open no better at the next try.
        Err(Lost::Error(e)) if e.unreadable().is_some_and(|(table, _)| table == "api_keys") => {
            tracing::error!(portal.id = %lease.row.portal_id, error = %e, "the renewal can't open what is stored");
            let says = "The stored API key can’t be opened: its row in the database was changed, or the keyring is \
                        another one. Paste an API key on the settings page, or put back a database and a keyring that \
                        belong together.";
            needs(s, lease, NeedReason::Refused, plain(says.to_owned()), None).await
        }
        end => end,
    }
}

async fn step(s: &Services, lease: &mut Lease, action: Action) -> Result<(), Lost> {
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
            Err(e) => refused_or(s, lease, &e, None, Event::NotSwept).await,
        },
        Action::Recheck => recheck(s, lease).await,
        Action::LookAhead => look_ahead(s, lease).await,
    }
}

/// Looks first, then writes the intent, then asks for the key.
async fn begin(s: &Services, lease: &mut Lease, trigger: Trigger) -> Result<(), Lost> {
    let state = &lease.row.state;
    let why = match trigger {
        Trigger::Due if s.now().as_second() < state.renew_at => "An earlier try failed",
        Trigger::Due => "The key came due",
        Trigger::Person | Trigger::Trial => "An administrator asked for it",
    };
    let now = s.now().as_second();
    let attempt = Attempt { id: s.new_id(), trigger, started_at: now };
    let key = current(s, lease).await?;
    let tenant = s.keys_of(&lease.row.tenant_host, key.token.clone());
    let look = match look(s, lease, &*tenant, &key).await? {
        Ok(look) => look,
        Err(Trouble::Said(fault)) => return failed_look(s, lease, &attempt, why, fault).await,
        Err(Trouble::Qlik(e)) if refuses(&e) => {
            let found = cause::of(s, &lease.row, &key, &e).await?;
            record(s, lease, Event::Began(attempt.clone()), Side::Begun(&attempt, why)).await?;
            return refused(s, lease, found, Some(&attempt)).await;
        }
        Err(Trouble::Qlik(e)) => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            return failed_look(s, lease, &attempt, why, fault).await;
        }
    };
    record(s, lease, Event::Began(attempt.clone()), Side::Begun(&attempt, why)).await?;
    let new = NewApiKey { description: tag(&lease.row.portal_id, &attempt.id), lifetime: look.lifetime };
    match tenant.create(&new).await {
        Ok(created) => stage(s, lease, &attempt, &*tenant, &key, &created).await,
        Err(e) if e.may_have_happened() => {
            let fault = cause::fault(&e, lease.row.tenant_host.as_str());
            let side = Side::Note(&attempt.id, "Qlik's answer was lost; the key is looked for by its tag");
            record(s, lease, Event::Unclear(fault), side).await
        }
        Err(e)
            if e.kind() == ErrorKind::Unauthorized
                || (e.kind() == ErrorKind::Forbidden && look.slot_known) =>
        {
            let mut found = cause::of(s, &lease.row, &key, &e).await?;
            if let Found::Need(reason @ NeedReason::Refused, fault) = &mut found
                && e.kind() == ErrorKind::Forbidden
            {
                // The key was let in and a slot is free: what is missing is the permission.
                *reason = NeedReason::PermissionLost;
                fault.says =
                    cause::said(*reason, key.owner_email.as_deref().unwrap_or(&key.owner_name)).joined();
            }
            refused(s, lease, found, Some(&attempt)).await
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
            record(s, lease, Event::Denied(fault.clone()), side).await
        }
    }
}

async fn failed_look(
    s: &Services,
    lease: &mut Lease,
    attempt: &Attempt,
    why: &'static str,
    fault: Fault,
) -> Result<(), Lost> {
    record(s, lease, Event::Began(attempt.clone()), Side::Begun(attempt, why)).await?;
    if lease.row.state.current.expires_at <= s.now().as_second() {
        let key = current(s, lease).await?;
        let (reason, fault) = cause::expired(s, &lease.row, &key).await?;
        return needs(s, lease, reason, fault, Some(attempt)).await;
    }
    let side = Side::Ended { attempt: Some(attempt), ended: Ended::Failed, fault: Some(&fault), gone: None };
    record(s, lease, Event::NotCreated(fault.clone()), side).await
}

/// Seals the new token before anything uses it.
async fn stage(
    s: &Services,
    lease: &mut Lease,
    attempt: &Attempt,
    tenant: &dyn KeyCalls,
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
            if let Err(e) = tenant.delete(&new.key_id).await {
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

async fn recheck(s: &Services, lease: &mut Lease) -> Result<(), Lost> {
    s.keep(lease).await?;
    let key = current(s, lease).await?;
    match s.keys_of(&lease.row.tenant_host, key.token.clone()).me().await {
        Ok(_) => record(s, lease, Event::Works, Side::None).await,
        Err(e) if refuses(&e) => {
            let found = cause::of(s, &lease.row, &key, &e).await?;
            refused(s, lease, found, None).await
        }
        // Nothing was learnt: the need stays, and is looked at again later.
        Err(_) => match lease.row.state.need.clone() {
            Some(need) => needs(s, lease, need.reason, need.fault, None).await,
            None => Ok(()),
        },
    }
}

/// A refusal is looked into; anything else is `event`.
pub(super) async fn refused_or(
    s: &Services,
    lease: &mut Lease,
    e: &QlikError,
    attempt: Option<&Attempt>,
    event: fn(Fault) -> Event,
) -> Result<(), Lost> {
    if refuses(e) {
        let key = current(s, lease).await?;
        let found = cause::of(s, &lease.row, &key, e).await?;
        return refused(s, lease, found, attempt).await;
    }
    record(s, lease, event(cause::fault(e, lease.row.tenant_host.as_str())), Side::None).await
}

/// Records what a refusal of the key in use comes from.
pub(super) async fn refused(
    s: &Services,
    lease: &mut Lease,
    found: Found,
    attempt: Option<&Attempt>,
) -> Result<(), Lost> {
    match (found, attempt) {
        (Found::Need(reason, fault), attempt) => needs(s, lease, reason, fault, attempt).await,
        // The next try finds the key good.
        (Found::Name(fault), Some(_)) => {
            let side = Side::Ended { attempt, ended: Ended::Failed, fault: Some(&fault), gone: None };
            record(s, lease, Event::NotCreated(fault.clone()), side).await
        }
        (Found::Name(_), None) => record(s, lease, Event::Works, Side::None).await,
    }
}

pub(super) async fn needs(
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

pub(super) fn refuses(e: &QlikError) -> bool {
    matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

pub(super) fn plain(says: String) -> Fault {
    Fault { says, code: None, trace_id: None, retry_after: None }
}
