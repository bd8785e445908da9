//! One step each: the remote calls that a decision asks for, and the record of
//! what came of them. No transaction is open during a call, and what can't be
//! repeated is written down before it is sent.

use qlik::{NewJwtIdp, error::ErrorKind};

use super::{
    apply::Event,
    core::{Action, may_come_until},
    prove::{of_key, ours, prove, tenant},
    state::{End, Left, Phase, Provider, Reason, Snag},
    store::{Claim, Side, record},
    words::plain,
};
use crate::{Error, Services, audit, identity::IdentityView, renewal::Lost};

/// How far clocks may differ at the identity provider, in seconds, as in Qlik's
/// example (<https://qlik.dev/manage/automate/identity-provider-create/>).
const CLOCK_TOLERANCE: u32 = 5;

pub(super) async fn act(s: &Services, claim: &mut Claim, action: Action) -> Result<(), Lost> {
    match action {
        Action::Provide => provide(s, claim).await,
        Action::Prove => first_proof(s, claim).await,
        Action::Switch => switch(s, claim).await,
        Action::Back => back(s, claim).await,
        Action::ProveLast => prove_last(s, claim).await,
        Action::Delete => delete_old(s, claim).await,
        Action::Undo => undo(s, claim).await,
        Action::Close(end) => {
            let left = left_of(s, claim, end).await?;
            close(s, claim, end, left).await
        }
        Action::KeepOld => record(s, claim, Event::KeptOld, Side::None).await,
        Action::CallOff => {
            let snag = plain(Reason::Moved, "", "");
            let event = match claim.rotation.state.switched_at {
                Some(_) => Event::NotBack(snag),
                None => Event::NotSwitched(snag),
            };
            record(s, claim, event, Side::None).await
        }
    }
}

/// The description of an identity provider that this portal makes.
pub(super) fn description(hostname: &str, kid: &str) -> String {
    let short: String = kid.chars().take(8).collect();
    format!("Qonduit portal {hostname}, key {short}")
}

/// Finds the new key's identity provider, or makes it.
async fn provide(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    let new = identity(s, claim, &claim.rotation.state.new_kid).await?;
    let (host, tenant_id) = {
        let row = &claim.lease()?.row;
        (row.tenant_host.clone(), row.tenant_id.clone())
    };
    s.keep(claim.lease()?).await?;
    let tenant = tenant(s, &claim.lease()?.row).await?;
    match tenant.identity_providers().await {
        // An earlier request whose answer was lost is found here.
        Ok(all) => {
            if let Some(found) = ours(&all, &new).next() {
                return provided(s, claim, &found.id).await;
            }
        }
        Err(e) if e.kind() == ErrorKind::Forbidden => {
            return record(s, claim, Event::NotAllowed, Side::None).await;
        }
        Err(e) => {
            let snag = of_key(&e, host.as_str());
            return record(s, claim, Event::Failed(snag), Side::None).await;
        }
    }
    record(s, claim, Event::Asking, Side::None).await?;
    let hostname = s.portal_host(&claim.rotation.portal_id).await?;
    let wanted = NewJwtIdp {
        description: description(&hostname, &new.kid),
        tenant_id: Some(tenant_id),
        issuer: new.issuer,
        kid: new.kid,
        certificate_pem: new.certificate_pem,
        clock_tolerance_sec: CLOCK_TOLERANCE,
    };
    match tenant.create_jwt_identity_provider(&wanted).await {
        Ok(made) => provided(s, claim, &made.id).await,
        // The list will tell.
        Err(e) if e.may_have_happened() || e.kind() == ErrorKind::Conflict => {
            let snag = of_key(&e, host.as_str());
            record(s, claim, Event::Unclear(snag), Side::None).await
        }
        Err(e) if e.kind() == ErrorKind::Forbidden => record(s, claim, Event::NotAllowed, Side::None).await,
        Err(e) => {
            let snag = of_key(&e, host.as_str());
            record(s, claim, Event::NotProvided(snag), Side::None).await
        }
    }
}

/// The identity provider is there. It is this portal's where it had asked for it.
async fn provided(s: &Services, claim: &mut Claim, id: &str) -> Result<(), Lost> {
    let side = match claim.rotation.state.provider {
        Provider::Asked { .. } | Provider::Made { .. } => Side::Made(id),
        Provider::None | Provider::ByHand { .. } => Side::None,
    };
    record(s, claim, Event::Provided(id.to_owned()), side).await
}

async fn first_proof(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    match proof(s, claim, &claim.rotation.state.new_kid).await? {
        Ok(()) => record(s, claim, Event::Proved, Side::Told(audit::SIGNING_KEY_READY)).await,
        Err(snag) if gone(s, claim, &snag) => missing(s, claim).await,
        Err(snag) => record(s, claim, Event::NotYet(snag), Side::None).await,
    }
}

async fn switch(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    match proof(s, claim, &claim.rotation.state.new_kid).await? {
        Ok(()) => {
            let (old, new) = keys(claim);
            let side = Side::Moved(&old, &new, audit::SIGNING_KEY_SWITCHED);
            record(s, claim, Event::Switched, side).await
        }
        Err(snag) if gone(s, claim, &snag) => missing(s, claim).await,
        Err(snag) => record(s, claim, Event::NotSwitched(snag), Side::None).await,
    }
}

async fn back(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    match proof(s, claim, &claim.rotation.state.old_kid).await? {
        Ok(()) => {
            let (old, new) = keys(claim);
            let side = Side::Moved(&new, &old, audit::SIGNING_KEY_SWITCHED_BACK);
            record(s, claim, Event::WentBack, side).await
        }
        Err(snag) => record(s, claim, Event::NotBack(snag), Side::None).await,
    }
}

async fn prove_last(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    match proof(s, claim, &claim.rotation.state.new_kid).await? {
        Ok(()) => record(s, claim, Event::ProvedLast, Side::None).await,
        Err(snag) => record(s, claim, Event::NotRetiring(snag), Side::None).await,
    }
}

/// Deletes the old key's identity provider where this portal made it, and
/// forgets the old key.
async fn delete_old(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    let old = identity(s, claim, &claim.rotation.state.old_kid).await?;
    let id = old.idp_id.clone();
    // A request that was repeated may have made two for the new key; one is enough.
    if let (Some(_), Provider::Made { id }) = (claim.rotation.state.lost_at, &claim.rotation.state.provider) {
        let (id, new) = (id.clone(), identity(s, claim, &claim.rotation.state.new_kid).await?);
        if let Err(snag) = remove(s, claim, &new, |found| found != id).await? {
            return record(s, claim, Event::Failed(snag), Side::None).await;
        }
    }
    match remove(s, claim, &old, |found| Some(found) == id.as_deref()).await? {
        // Where nothing may be seen, it may be there.
        Ok(removed) => {
            let left = removed.left.unwrap_or(true).then(|| left(claim, &old));
            close(s, claim, End::Retired, left).await
        }
        Err(snag) => record(s, claim, Event::Failed(snag), Side::None).await,
    }
}

/// Deletes the new key's identity provider where this portal made it, and
/// forgets the new key.
async fn undo(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    let new = identity(s, claim, &claim.rotation.state.new_kid).await?;
    let state = &claim.rotation.state;
    let provider = state.provider.clone();
    let looked = matches!(state.phase, Phase::Undo { looked: true });
    let waits = may_come_until(s.now().as_second(), state, &s.config().rotation).is_some();
    // Who asked for one has made all of them: nobody else knows a key id that was not shown.
    let mine = matches!(provider, Provider::Asked { .. } | Provider::Made { .. });
    match remove(s, claim, &new, |_| mine).await? {
        // A request without an answer may still take place: this is looked at once more.
        Ok(_) if waits && !looked => record(s, claim, Event::NothingYet, Side::None).await,
        Ok(removed) => {
            // Where nothing may be seen: there is one if a person entered it.
            let entered = matches!(provider, Provider::ByHand { .. });
            let left = removed.left.unwrap_or(entered).then(|| left(claim, &new));
            close(s, claim, End::Undone, left).await
        }
        Err(snag) => record(s, claim, Event::Failed(snag), Side::None).await,
    }
}

/// What became of the identity providers of a key.
struct Removed {
    /// Some were found that are not ours to delete; none: they can't be seen.
    left: Option<bool>,
}

/// Deletes those identity providers of a key that are `mine`.
async fn remove(
    s: &Services,
    claim: &Claim,
    identity: &IdentityView,
    mine: impl Fn(&str) -> bool,
) -> Result<Result<Removed, Snag>, Lost> {
    let lease = claim.lease()?;
    let host = lease.row.tenant_host.as_str();
    s.keep(lease).await?;
    let tenant = tenant(s, &lease.row).await?;
    let all = match tenant.identity_providers().await {
        Ok(all) => all,
        Err(e) if e.kind() == ErrorKind::Forbidden => return Ok(Ok(Removed { left: None })),
        Err(e) => return Ok(Err(of_key(&e, host))),
    };
    let mut left = false;
    for found in ours(&all, identity) {
        if !mine(&found.id) {
            left = true;
            continue;
        }
        s.keep(lease).await?;
        match tenant.delete_identity_provider(&found.id).await {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) if e.kind() == ErrorKind::Forbidden => left = true,
            Err(e) => return Ok(Err(of_key(&e, host))),
        }
    }
    Ok(Ok(Removed { left: Some(left) }))
}

async fn close(s: &Services, claim: &mut Claim, end: End, left: Option<Left>) -> Result<(), Lost> {
    let (old, new) = keys(claim);
    let side = match end {
        End::Retired => Side::Wiped(&old, audit::SIGNING_KEY_RETIRED),
        End::Undone => Side::Wiped(&new, audit::SIGNING_KEY_UNDONE),
    };
    record(s, claim, Event::Ended(end, left), side).await
}

/// What is left in a tenant that can't be reached any more.
async fn left_of(s: &Services, claim: &Claim, end: End) -> Result<Option<Left>, Error> {
    let state = &claim.rotation.state;
    let (kid, may_be) = match end {
        End::Retired => (&state.old_kid, true),
        End::Undone => (&state.new_kid, state.provider != Provider::None),
    };
    let identity = identity(s, claim, kid).await?;
    Ok(may_be.then(|| left(claim, &identity)))
}

fn left(claim: &Claim, identity: &IdentityView) -> Left {
    Left {
        issuer: identity.issuer.clone(),
        kid: identity.kid.clone(),
        tenant_host: claim.rotation.state.tenant_host.clone(),
    }
}

/// Qlik may need a moment until it lists what was made: only what is missing
/// after that is gone.
fn gone(s: &Services, claim: &Claim, snag: &Snag) -> bool {
    let since = claim.rotation.state.provided_at;
    snag.reason == Reason::Missing
        && since.is_some_and(|at| s.now().as_second() - at >= s.config().rotation.late)
}

async fn missing(s: &Services, claim: &mut Claim) -> Result<(), Lost> {
    record(s, claim, Event::Missing, Side::Forgotten).await
}

async fn proof(s: &Services, claim: &Claim, kid: &str) -> Result<Result<(), Snag>, Lost> {
    let identity = identity(s, claim, kid).await?;
    prove(s, claim.lease()?, &identity, &claim.rotation.state.began_by).await
}

async fn identity(s: &Services, claim: &Claim, kid: &str) -> Result<IdentityView, Error> {
    s.identity_of(&claim.rotation.portal_id, kid)
        .await?
        .ok_or(Error::Internal("a rotation's signing key is not stored"))
}

fn keys(claim: &Claim) -> (String, String) {
    (claim.rotation.state.old_kid.clone(), claim.rotation.state.new_kid.clone())
}
