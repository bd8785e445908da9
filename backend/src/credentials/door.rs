//! A session by the password that the user registered.

use super::{
    attempt::{Ended, Tried},
    core::{Decision, Want, Why},
    settle::{Fate, Outcome},
    words::{Told, trouble, waits},
};
use crate::{
    Actor, Error, Services,
    connection::Connection,
    door::{NoSession, Opened, Trouble},
};

/// A sign-in of the same user that is under way ends within so many seconds, mostly.
const SOON: u64 = 5;

impl Services {
    /// Opens a session with the actor's password, if one is stored that works, and
    /// keeps it.
    pub(crate) async fn open_by_password(&self, actor: &Actor, at: &Connection) -> Result<Opened, NoSession> {
        let ended = match self.attempt(actor, at, Want::Door, None).await? {
            Tried::Ended(ended) => *ended,
            Tried::Not { decision: Decision::Not(state), detail, stored, hold_until } => {
                let told = Told { state, detail: detail.as_deref(), stored };
                return Err(self.until(trouble(told), hold_until).into());
            }
            Tried::Not { decision: Decision::Wait { why: Why::Busy, .. }, .. } => {
                return Err(waits(Why::Busy, SOON).into());
            }
            Tried::Not { decision: Decision::Wait { until, why }, .. } => {
                return Err(waits(why, self.left(until)).into());
            }
            Tried::Not { decision: Decision::Try(_), .. } => {
                return Err(Error::Internal("a sign-in that may be tried was not").into());
            }
        };
        match ended.session {
            Some(session) => Ok(session.into()),
            None => Err(self.no_session(&ended, at).into()),
        }
    }

    fn no_session(&self, ended: &Ended, at: &Connection) -> Trouble {
        use qlik::PasswordLoginError as E;
        match (ended.outcome.state(), &ended.outcome, &ended.error) {
            (None, Outcome::NotSent, Some(E::Transport { error, .. })) => {
                Trouble::of_call(error, at.host.as_str())
            }
            (None, ..) => {
                let until = ended.after.hold_until.unwrap_or_default();
                waits(Why::Held, self.left(until))
            }
            (Some(state), outcome, _) => {
                let stored = ended.after.password == Fate::Kept;
                let detail = outcome.detail();
                let told = Told { state, detail: detail.as_deref(), stored };
                self.until(trouble(told), ended.after.hold_until)
            }
        }
    }

    /// With how long to wait, where that is so.
    fn until(&self, trouble: Trouble, hold_until: Option<i64>) -> Trouble {
        Trouble { retry_after_s: hold_until.map(|until| self.left(until).max(1)), ..trouble }
    }

    /// How many seconds are left until then.
    fn left(&self, until: i64) -> u64 {
        u64::try_from(until.saturating_sub(self.now().as_second())).unwrap_or(0)
    }
}
