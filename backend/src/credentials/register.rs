//! What users do with their own Qlik credentials: register, try again, remove.

use qlik::{AccountPassword, Lane};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    CredentialsView,
    attempt::{Ended, Tried},
    core::{Decision, Want, Why},
    rows,
    settle::{Fate, Outcome},
    wipe,
    words::{Told, not_now, said},
};
use crate::{
    Actor, Error, Services, audit, store,
    words::{self, Said},
};

/// The form's field.
const FIELD: &str = "qlik_password";
/// No password of Qlik's is longer, in characters.
const MAX_PASSWORD: usize = 256;

/// How a Save or a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The password that was tried worked and is stored.
    pub stored: bool,
    /// How it stands now. `says` and `remedy` tell what happened, also where an older
    /// password stays as it was, and where no sign-in may be begun before `hold_until`.
    pub view: CredentialsView,
}

impl Services {
    /// Signs the actor in at Qlik once with what they typed, and stores it if that
    /// worked. One that did not work takes the place of no stored one; that is wiped
    /// only where the answer means that it can't work either.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the portal does not use this option;
    /// [`Error::Invalid`] for `qlik_password`: `required`, `too_long`,
    /// `same_as_refused` (Qlik refused this very password before), `wait` (a sign-in
    /// is under way); [`Error::Conflict`] where it was changed or removed meanwhile.
    pub async fn register_credentials(
        &self,
        actor: &Actor,
        password: SecretString,
    ) -> Result<Registered, Error> {
        let at = self.credentials_connection(&actor.portal.id).await?.ok_or(Error::NotFound)?;
        let typed = password.expose_secret();
        if typed.is_empty() {
            return Err(Error::field(FIELD, "required"));
        }
        if typed.chars().nth(MAX_PASSWORD).is_some() {
            return Err(Error::field(FIELD, "too_long"));
        }
        let secret = AccountPassword::new(typed);
        let row = rows::one(&mut *self.db().read().acquire().await?, &actor.user_id).await?;
        let refused = row.and_then(|r| r.refused_hash);
        if let Some(hash) = &refused
            && self.is_password(password, hash.clone()).await?
        {
            return Err(Error::field(FIELD, "same_as_refused"));
        }
        let own = self.in_lane(Lane::person(&actor.user_id));
        let tried = own.attempt(actor, &at, Want::Typed, Some((secret, refused))).await?;
        self.registered(actor, tried, at.host.as_str()).await
    }

    /// Tries once more with the stored password, where it is not known how the last
    /// try ended, or nothing was sent in it. There is no second such try: where its
    /// end is not known either, the password is wiped.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the portal does not use this option;
    /// [`Error::Conflict`] where nothing is to be tried again; else as
    /// [`Services::register_credentials`].
    pub async fn try_credentials_again(&self, actor: &Actor) -> Result<Registered, Error> {
        let at = self.credentials_connection(&actor.portal.id).await?.ok_or(Error::NotFound)?;
        let own = self.in_lane(Lane::person(&actor.user_id));
        let tried = own.attempt(actor, &at, Want::Again, None).await?;
        self.registered(actor, tried, at.host.as_str()).await
    }

    /// Removes what the actor registered, and ends their Qlik session. How often Qlik
    /// refused them lately is still counted. Nothing registered is no change.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn remove_credentials(&self, actor: &Actor) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.db().write().await?;
        if !wipe::remove(&mut tx, &actor.user_id, now.as_second()).await? {
            return Ok(());
        }
        let portal = actor.portal.id.as_str();
        audit::record(&mut tx, portal, Some(actor), audit::CREDENTIALS_REMOVED, json!({}), now).await?;
        tx.commit().await?;
        self.forget_session(portal, &actor.user_id).await
    }

    async fn registered(&self, actor: &Actor, tried: Tried, host: &str) -> Result<Registered, Error> {
        let ended = match tried {
            Tried::Ended(ended) => ended,
            Tried::Not { decision: Decision::Wait { why: Why::Busy, .. }, .. } => {
                return Err(Error::field(FIELD, "wait"));
            }
            Tried::Not { decision: Decision::Wait { until, why }, .. } => {
                let left = until.saturating_sub(self.now().as_second());
                let Said { says, remedy } = not_now(why, u64::try_from(left).unwrap_or(0));
                let view = self.view_of(actor).await?;
                let view = CredentialsView {
                    says: Some(says),
                    remedy: Some(remedy),
                    hold_until: Some(store::at(until)),
                    may_try_again: false,
                    ..view
                };
                return Ok(Registered { stored: false, view });
            }
            Tried::Not { .. } => return Err(Error::Conflict("nothing is to be tried again")),
        };
        let view = self.view_of(actor).await?;
        let stored = ended.outcome == Outcome::Worked;
        let told = happened(&ended, host);
        let (says, remedy) = told.map_or((None, None), |s| (Some(s.says), Some(s.remedy)));
        Ok(Registered { stored, view: CredentialsView { says, remedy, ..view } })
    }

    async fn view_of(&self, actor: &Actor) -> Result<CredentialsView, Error> {
        self.credentials(actor).await?.ok_or(Error::Conflict("the settings were changed meanwhile"))
    }
}

/// What happened, and what became of a password that was stored before.
fn happened(ended: &Ended, host: &str) -> Option<Said> {
    let mut told = why(ended, host)?;
    if ended.had_stored {
        told.says.push_str(match ended.after.password {
            Fate::Kept | Fate::Tried => " The password that was registered before stays as it was.",
            Fate::Wiped => " The password that was registered before is deleted.",
        });
    }
    Some(told)
}

/// Why it did not work.
fn why(ended: &Ended, host: &str) -> Option<Said> {
    use qlik::PasswordLoginError as E;
    match (&ended.outcome, &ended.error) {
        (Outcome::NotSent, Some(E::Transport { error, .. })) => {
            let says = format!("{} The password was not sent.", words::of(error, host).says);
            Some(Said::new(says, "Try again in a moment."))
        }
        (Outcome::TooMany { sent: false, .. }, _) => Some(Said::new(
            "Qlik takes no sign-ins for a time, because there were too many. The password was not sent.",
            "Try again when the time is over.",
        )),
        (outcome, _) => {
            let detail = outcome.detail();
            // One beside which another is kept is not stored.
            let stored = match ended.after.password {
                Fate::Tried => true,
                Fate::Kept => ended.was_stored,
                Fate::Wiped => false,
            };
            said(Told { state: outcome.state()?, detail: detail.as_deref(), stored })
        }
    }
}
