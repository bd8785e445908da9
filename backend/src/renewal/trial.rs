//! Looking ahead when a person asks: the checks of `ahead.rs` at once, and a
//! trial, which does all of a renewal but the switch and deletes the key that
//! it made.

use qlik::NewApiKey;

use super::{
    act::{self, current, plain, refuses},
    apply::Event,
    cause,
    claim::{Lease, Lost},
    core::Action,
    look::{Trouble, look, tag},
    record::{Side, record},
    state::{Ahead, Attempt, Fault, Phase, State, Trigger},
    steps::Ended,
};
use crate::{Actor, Error, Services, audit};

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialEnd {
    /// A key could be made, worked, and was deleted again.
    pub ok: bool,
    /// In words.
    pub says: String,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

impl TrialEnd {
    fn not_now(says: &str) -> Self {
        Self { ok: false, says: says.to_owned(), qlik_code: None, trace_id: None }
    }
}

const BUSY: &str = "A renewal or another check of this key is at work. Look again in a minute.";

impl Services {
    /// Looks whether the coming renewal would succeed, and keeps what is found.
    /// `None`: somebody is at work on the integration, or a person is needed
    /// first.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn check_next_renewal(&self, actor: &Actor) -> Result<Option<Ahead>, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        super::load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let Some(mut lease) = self.claim(portal).await? else { return Ok(None) };
        match act::act(self, &mut lease, Action::LookAhead).await {
            Ok(()) => self.release(&lease).await?,
            Err(Lost::Row) => return Ok(None),
            Err(Lost::Error(e)) => return Err(e),
        }
        self.changed(portal);
        Ok(lease.row.state.ahead.filter(|_| lease.row.state.need.is_none()))
    }

    /// Makes a key, proves it and deletes it again: a renewal without the switch.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn dry_run(&self, actor: &Actor) -> Result<TrialEnd, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        super::load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let Some(mut lease) = self.claim(portal).await? else { return Ok(TrialEnd::not_now(BUSY)) };
        let end = if let Some(why) = in_the_way(&lease.row.state) {
            Ok(TrialEnd::not_now(why))
        } else {
            trial(self, &mut lease).await
        };
        let end = match end {
            Ok(end) => end,
            Err(Lost::Row) => TrialEnd::not_now(BUSY),
            Err(Lost::Error(e)) => return Err(e),
        };
        self.release(&lease).await?;
        let mut tx = self.db().write().await?;
        let detail = serde_json::json!({ "ok": end.ok });
        audit::record(&mut tx, portal, Some(actor), audit::RENEWAL_TRIED, detail, self.now()).await?;
        tx.commit().await?;
        self.changed(portal);
        Ok(end)
    }
}

/// A trial makes a second key; where there is one already it would be a third.
fn in_the_way(state: &State) -> Option<&'static str> {
    if state.need.is_some() {
        return Some("Qlik does not take the present key; a person is needed first.");
    }
    if !matches!(state.phase, Phase::Active) {
        return Some("A renewal is under way; what it says is worth more than a trial.");
    }
    (!state.retiring.is_empty())
        .then_some("The old key is still to be deleted at Qlik. Try again once it is gone.")
}

async fn trial(s: &Services, lease: &mut Lease) -> Result<TrialEnd, Lost> {
    let attempt = Attempt { id: s.new_id(), trigger: Trigger::Trial, started_at: s.now().as_second() };
    let key = current(s, lease).await?;
    let tenant = s.keys_of(&lease.row.tenant_host, key.token.clone());
    // The intent first: should this process end, the key is found by its tag.
    record(s, lease, Event::MayLeaveKey, Side::Begun(&attempt, "An administrator tries the renewal out"))
        .await?;
    let look = match look(s, lease, &*tenant, &key).await? {
        Ok(look) => look,
        Err(Trouble::Said(fault)) => return ended(s, lease, &attempt, fault).await,
        Err(Trouble::Qlik(e)) => return ended(s, lease, &attempt, cause::fault(&e, host(lease))).await,
    };
    s.keep(lease).await?;
    let new = NewApiKey { description: tag(&lease.row.portal_id, &attempt.id), lifetime: look.lifetime };
    let made = match tenant.create(&new).await {
        Ok(made) => made,
        Err(e) => {
            let mut fault = cause::fault(&e, host(lease));
            if refuses(&e) {
                fault.says = format!("Qlik refuses a new API key. {}", fault.says);
            }
            return ended(s, lease, &attempt, fault).await;
        }
    };
    let proved = s.keys_of(&lease.row.tenant_host, made.token.clone().into()).me().await;
    s.keep(lease).await?;
    let deleted = tenant.delete(&made.key.id).await;
    match (proved, deleted) {
        (Ok(me), Ok(())) if me.id == key.owner_id => {
            let side = Side::Ended { attempt: Some(&attempt), ended: Ended::Tried, fault: None, gone: None };
            record(s, lease, Event::Swept, side).await?;
            Ok(TrialEnd {
                ok: true,
                says: "Qlik made a key, it works, and it was deleted again. The next renewal would succeed."
                    .to_owned(),
                qlik_code: None,
                trace_id: None,
            })
        }
        (Ok(_), Ok(())) => {
            let says = "Qlik made the key for another user than the present key's.".to_owned();
            ended(s, lease, &attempt, plain(says)).await
        }
        (Err(e), _) => {
            let mut fault = cause::fault(&e, host(lease));
            fault.says = format!(
                "Qlik made a key, and it did not work at once; a renewal asks again for ten minutes. {}",
                fault.says
            );
            ended(s, lease, &attempt, fault).await
        }
        (Ok(_), Err(e)) => {
            let mut fault = cause::fault(&e, host(lease));
            fault.says = format!(
                "Qlik made a key and it works, but it could not be deleted yet; it is found by its tag. {}",
                fault.says
            );
            ended(s, lease, &attempt, fault).await
        }
    }
}

fn host(lease: &Lease) -> &str {
    lease.row.tenant_host.as_str()
}

/// What the trial found; a key that it left is swept by the next step.
async fn ended(s: &Services, lease: &mut Lease, attempt: &Attempt, fault: Fault) -> Result<TrialEnd, Lost> {
    let side = Side::Ended { attempt: Some(attempt), ended: Ended::Failed, fault: Some(&fault), gone: None };
    record(s, lease, Event::MayLeaveKey, side).await?;
    Ok(TrialEnd { ok: false, says: fault.says, qlik_code: fault.code, trace_id: fault.trace_id })
}
