//! The loop around the core: claim, decide, act, record, until there is nothing
//! to do; for administrators at once, and for the server's task.

use std::time::Duration;

use futures::StreamExt as _;

use super::{
    act::act,
    apply::Event,
    core::{Decision, Move, allows, decide},
    state::State,
    store::{Claim, Rotation, Side, begin, load, record},
    words,
};
use crate::{
    Actor, Error, Services, audit,
    identity::NewIdentity,
    renewal::{Lease, Lost, load as load_integration},
};

/// No rotation is advanced by more steps than this in one claim; a whole one
/// takes eight.
const MOST_STEPS: usize = 16;
/// So many due rotations are worked off in one go.
const DUE: i64 = 64;
/// So many side by side, so that a tenant that is slow holds few others up.
const AT_ONCE: usize = 8;
/// How long an administrator waits for another process, in tries of a second.
const PATIENCE: usize = 60;

/// What came of what an administrator asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationOutcome {
    /// It is so.
    Done,
    /// It is on its way, or waits for somebody.
    Waits,
    /// It did not take place.
    NotDone,
    /// Somebody else is at work on the portal's integration for longer than one
    /// waits.
    Busy,
}

/// What came of what an administrator asked for, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RotationEnd {
    /// How it ended.
    pub outcome: RotationOutcome,
    /// In words.
    pub says: String,
}

impl RotationEnd {
    pub(super) fn new(outcome: RotationOutcome, says: impl Into<String>) -> Self {
        Self { outcome, says: says.into() }
    }

    fn busy() -> Self {
        Self::new(
            RotationOutcome::Busy,
            "Another step or a renewal is still at work on this portal. Try again in a minute.",
        )
    }
}

impl Services {
    /// Makes a new signing key and begins to bring it into use; goes on as far
    /// as it can.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is connected, [`Error::Conflict`] where a rotation is under
    /// way or the settings are changed meanwhile.
    pub async fn begin_rotation(&self, actor: &Actor) -> Result<RotationEnd, Error> {
        actor.require_admin()?;
        let portal = &actor.portal;
        if load_integration(self.db().read(), &portal.id).await?.is_none() {
            return Err(Error::NotFound);
        }
        if load(self.db().read(), &portal.id).await?.is_some_and(|r| !r.state.is_over()) {
            return Err(Error::Conflict(UNDER_WAY));
        }
        // An issuer of its own: Qlik chooses the identity provider by issuer and key id, and no source says that
        // two may share the issuer.
        let issuer = format!("https://{}/qonduit/{}/{}", portal.hostname, portal.id, self.new_id());
        let new = self.make_identity(portal, issuer).await?;
        let Some(lease) = self.claim_soon(&portal.id).await? else { return Ok(RotationEnd::busy()) };
        match self.store_rotation(actor, &lease, &new).await {
            Ok(rotation) => self.rotate_on(Claim { rotation, lease: Some(lease) }, None).await,
            Err(e) => {
                self.release(&lease).await?;
                Err(e)
            }
        }
    }

    /// Writes the new key and the rotation that begins with it.
    async fn store_rotation(
        &self,
        actor: &Actor,
        lease: &Lease,
        new: &NewIdentity,
    ) -> Result<Rotation, Error> {
        let (portal, now) = (&actor.portal, self.now());
        let old = self.identity(portal).await?;
        let tenant = (lease.row.tenant_id.as_str(), lease.row.tenant_host.as_str());
        let state = State::new(now.as_second(), &old.kid, &new.kid, tenant, &actor.email);
        let detail = serde_json::json!({ "old_kid": old.kid, "new_kid": new.kid });
        let mut tx = self.db().write().await?;
        self.hold(&mut tx, lease).await.map_err(lost)?;
        begin(&mut tx, &portal.id, &state, now.as_second()).await?;
        self.add_identity(&mut tx, &portal.id, new).await?;
        audit::record(&mut tx, &portal.id, Some(actor), audit::SIGNING_KEY_BEGUN, detail, now).await?;
        tx.commit().await?;
        load(self.db().read(), &portal.id).await?.ok_or(Error::Internal("a rotation was not stored"))
    }

    /// Does what an administrator asks for in a rotation, and goes on as far as
    /// it can.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where no rotation is under way, [`Error::Conflict`] where it is past the
    /// phase in which this can be asked for, or the settings are changed meanwhile.
    pub async fn move_rotation(&self, actor: &Actor, wish: Move) -> Result<RotationEnd, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let mut seen = self.subscribe(portal);
        for _ in 0..PATIENCE {
            match load(self.db().read(), portal).await? {
                Some(Rotation { state, .. }) if !state.is_over() => {}
                _ => return Err(Error::NotFound),
            }
            if let Some(mut claim) = self.claim_rotation(portal).await? {
                if !allows(&claim.rotation.state, wish, claim.here()) {
                    self.release_rotation(&claim).await?;
                    return Err(Error::Conflict("the rotation is in another phase"));
                }
                let side = match wish {
                    Move::Check => Side::None,
                    wish => Side::Asked(actor, wish.as_str()),
                };
                record(self, &mut claim, Event::Asked(wish), side).await.map_err(lost)?;
                return self.rotate_on(claim, Some(wish)).await;
            }
            // Somebody is at work on it: wait for a change, at most a second.
            let _changed_or_time = tokio::time::timeout(Duration::from_secs(1), seen.changed()).await;
        }
        Ok(RotationEnd::busy())
    }

    /// Advances the rotations that have something to do; gives back how many.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read. A rotation that fails
    /// is logged and does not hold up the others.
    pub async fn rotate_due(&self) -> Result<usize, Error> {
        let due = self.due_rotations(self.now().as_second(), DUE).await?;
        let advanced = futures::stream::iter(due).map(|portal| self.advance_logged(portal));
        Ok(advanced.buffer_unordered(AT_ONCE).filter(|done| std::future::ready(*done)).count().await)
    }

    async fn advance_logged(&self, portal: String) -> bool {
        match self.advance_rotation(&portal).await {
            Ok(done) => done,
            Err(e) => {
                tracing::error!(portal.id = %portal, error = %e, "the rotation could not be advanced");
                false
            }
        }
    }

    /// `false`: somebody else is at work on it.
    async fn advance_rotation(&self, portal: &str) -> Result<bool, Error> {
        let Some(mut claim) = self.claim_rotation(portal).await? else { return Ok(false) };
        match self.run_rotation(&mut claim).await {
            Ok(_) => self.release_rotation(&claim).await?,
            Err(Lost::Row) => {
                tracing::info!(portal.id = %portal, "the integration was changed during a step of the rotation");
            }
            Err(Lost::Error(e)) => return Err(e),
        }
        self.changed(portal);
        Ok(true)
    }

    async fn rotate_on(&self, mut claim: Claim, wish: Option<Move>) -> Result<RotationEnd, Error> {
        let hindered = self.run_rotation(&mut claim).await.map_err(lost)?;
        self.release_rotation(&claim).await?;
        self.changed(&claim.rotation.portal_id);
        Ok(words::end_of(wish, &claim.rotation.state, hindered.as_deref()))
    }

    /// Steps until there is nothing to do now; what hindered it on the way.
    async fn run_rotation(&self, claim: &mut Claim) -> Result<Option<String>, Lost> {
        let mut hindered = None;
        for _ in 0..MOST_STEPS {
            let now = self.now().as_second();
            match decide(now, &claim.rotation.state, &self.config().rotation, claim.here()) {
                Decision::Wait(until, why) => {
                    tracing::debug!(portal.id = %claim.rotation.portal_id, until, why, "the rotation waits");
                    return Ok(hindered);
                }
                Decision::Do(action, why) => {
                    tracing::debug!(portal.id = %claim.rotation.portal_id, ?action, why, "rotation step");
                    act(self, claim, action).await?;
                }
            }
            if let Some(trouble) = &claim.rotation.state.trouble {
                hindered = Some(trouble.failing.fault.says.clone());
            }
        }
        tracing::error!(portal.id = %claim.rotation.portal_id, "the rotation does not come to rest");
        Ok(hindered)
    }

    /// The claim of the portal's integration, waited for.
    async fn claim_soon(&self, portal: &str) -> Result<Option<Lease>, Error> {
        let mut seen = self.subscribe(portal);
        for _ in 0..PATIENCE {
            if let Some(lease) = self.claim(portal).await? {
                return Ok(Some(lease));
            }
            let _changed_or_time = tokio::time::timeout(Duration::from_secs(1), seen.changed()).await;
        }
        Ok(None)
    }
}

const UNDER_WAY: &str = "a rotation is under way";

/// For a person the loss of a claim is a conflict: the settings were saved meanwhile.
fn lost(lost: Lost) -> Error {
    match lost {
        Lost::Row => Error::Conflict("the integration was changed during a step of the rotation"),
        Lost::Error(e) => e,
    }
}
