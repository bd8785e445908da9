//! The loop around the core: claim, decide, act, record, until there is nothing
//! to do. Used by `tick.rs` and by Renew now.

use std::time::Duration;

use super::{
    act,
    apply::{Event, apply},
    claim::{Lease, Lost, load},
    core::{Action, Decision, decide},
    policy::Policy,
    state::State,
    steps::AttemptRow,
};
use crate::{Actor, Error, Services, audit};

/// No integration is advanced by more steps than this in one claim; a healthy
/// renewal takes five.
const MOST_STEPS: usize = 24;

/// How a renewal that a person asked for ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalOutcome {
    /// A new key is in use.
    Renewed,
    /// It failed, and is tried again by itself until it succeeds or needs a person.
    Failed,
    /// A person is needed.
    NeedsPerson,
    /// Another renewal or check holds the integration for longer than one waits.
    Busy,
}

impl RenewalOutcome {
    /// For logs and the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Failed => "failed",
            Self::NeedsPerson => "needs_person",
            Self::Busy => "busy",
        }
    }
}

/// The end of a renewal that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewalEnd {
    /// How it ended.
    pub outcome: RenewalOutcome,
    /// In words.
    pub says: String,
    /// The attempt's id, where one was made.
    pub attempt_id: Option<String>,
}

impl Services {
    /// The numbers of the renewal.
    pub fn policy(&self) -> &Policy {
        &self.config().renewal
    }

    /// Advances one integration as far as it goes now. `false`: somebody else
    /// holds it.
    ///
    /// # Errors
    /// [`Error`] where the store or the vault fails; what Qlik does is recorded
    /// and no error.
    pub async fn advance(&self, portal_id: &str) -> Result<bool, Error> {
        let Some(mut lease) = self.claim(portal_id).await? else { return Ok(false) };
        match self.run(&mut lease).await {
            Ok(true) => self.release(&lease).await?,
            // The claim is left to run out: a row that makes trouble is not tried again at once.
            Ok(false) => tracing::warn!(portal.id = %portal_id, "a renewal took more steps than it should"),
            Err(Lost::Error(e)) => return Err(e),
            // Whoever advanced the row holds it now.
            Err(Lost::Row) => {
                tracing::info!(portal.id = %portal_id, "the integration was changed during a step");
            }
        }
        Ok(true)
    }

    /// Steps until there is nothing to do now; `false` where that does not come.
    async fn run(&self, lease: &mut Lease) -> Result<bool, Lost> {
        for _ in 0..MOST_STEPS {
            match decide(self.now().as_second(), &lease.row.state, self.policy()) {
                Decision::Wait(until, why) => {
                    tracing::debug!(portal.id = %lease.row.portal_id, until, why, "renewal waits");
                    return Ok(true);
                }
                Decision::Do(action, why) => {
                    tracing::debug!(portal.id = %lease.row.portal_id, ?action, why, "renewal step");
                    act::act(self, lease, action).await?;
                }
            }
        }
        Ok(false)
    }

    /// Looks whether Qlik takes the key in use, and records what is found. Left
    /// out where somebody else is at work on the integration: they find it too.
    ///
    /// # Errors
    /// [`Error`] where the store or the vault fails.
    pub(crate) async fn recheck_key(&self, portal_id: &str) -> Result<(), Error> {
        let Some(mut lease) = self.claim(portal_id).await? else { return Ok(()) };
        match act::act(self, &mut lease, Action::Recheck).await {
            Ok(()) => self.release(&lease).await?,
            Err(Lost::Row) => {}
            Err(Lost::Error(e)) => return Err(e),
        }
        self.changed(portal_id);
        Ok(())
    }

    /// Renews the key at once and waits for the end.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn renew_now(&self, actor: &Actor) -> Result<RenewalEnd, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let mut seen = self.subscribe(portal);
        let before = self.attempts(portal, 1).await?.pop();
        let mut asked = false;
        for _ in 0..60 {
            if !asked {
                asked = self.request(portal).await?;
            }
            // Another process may take the request first; `advance` is then false until it is done.
            if asked && self.advance(portal).await? {
                let end = self.renewal_end(portal, before).await?;
                self.record_request(actor, &end).await?;
                return Ok(end);
            }
            // Somebody is at work on it: wait for a change, at most a second.
            let _changed_or_time = tokio::time::timeout(Duration::from_secs(1), seen.changed()).await;
        }
        Ok(RenewalEnd {
            outcome: RenewalOutcome::Busy,
            says: "Another renewal of this key is still at work. Look at the status above in a minute."
                .to_owned(),
            attempt_id: None,
        })
    }

    /// Notes that a renewal is wanted. `false`: somebody is at work on it.
    pub(super) async fn request(&self, portal: &str) -> Result<bool, Error> {
        let row = load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let now = self.now().as_second();
        // So that a clock that is put right after this is seen to have been put back.
        self.beat(now).await?;
        let state = apply(now, &row.state, Event::Requested, self.policy(), 0.0);
        self.ask(&row, &state).await
    }

    async fn renewal_end(&self, portal: &str, before: Option<AttemptRow>) -> Result<RenewalEnd, Error> {
        let row = load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let attempt =
            self.attempts(portal, 1).await?.pop().filter(|a| before.as_ref().map(|b| &b.id) != Some(&a.id));
        let attempt_id = attempt.as_ref().map(|a| a.id.clone());
        if attempt.as_ref().and_then(|a| a.outcome.as_deref()) == Some("renewed") {
            return Ok(RenewalEnd {
                outcome: RenewalOutcome::Renewed,
                says: "The key was renewed. The new one is in use.".to_owned(),
                attempt_id,
            });
        }
        let State { need, failing, retiring, .. } = row.state;
        Ok(match (need, failing) {
            (Some(need), _) => {
                RenewalEnd { outcome: RenewalOutcome::NeedsPerson, says: need.fault.says, attempt_id }
            }
            (None, Some(f)) => RenewalEnd {
                outcome: RenewalOutcome::Failed,
                says: format!(
                    "The key was not renewed yet; the present one stays in use. {} The renewal is tried again by itself \
                     until it succeeds or needs a person.",
                    f.fault.says
                ),
                attempt_id,
            },
            (None, None) => RenewalEnd {
                outcome: RenewalOutcome::Failed,
                says: match retiring.first().filter(|r| r.tries > 0) {
                    Some(_) => "The key was not renewed; the present one stays in use. An older key of this portal \
                                could not be deleted at Qlik yet, and it has to go first. It is tried again by itself."
                        .to_owned(),
                    None => "The key was not renewed yet; the present one stays in use. It is tried again by itself."
                        .to_owned(),
                },
                attempt_id,
            },
        })
    }

    async fn record_request(&self, actor: &Actor, end: &RenewalEnd) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        let detail = serde_json::json!({ "outcome": end.outcome.as_str(), "attempt": end.attempt_id });
        audit::record(&mut tx, &actor.portal.id, Some(actor), audit::RENEWAL_REQUESTED, detail, self.now())
            .await?;
        Ok(tx.commit().await?)
    }
}
