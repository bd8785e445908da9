//! One try with a password: decided and written down before, made once, and its
//! end written down after.
//!
//! This module must not know who asks for it, nor what it tells them.

use qlik::{AccountPassword, PasswordLogin, PasswordLoginError, session::QlikSession};
use secrecy::SecretString;
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::{
    core::{self, Begun, Decision, Want, decide, held, standing},
    holds,
    rows::{self, End, Intent, Write, place},
    settle::{After, Fate, Outcome, settle},
    state::{CredentialState as State, Row},
};
use crate::{
    Actor, Error, Services, audit,
    connection::{AuthOption, Connection, connection},
    vault::VaultError,
};

/// How a try ended, and how it stands now.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) after: After,
    /// Whether a password that was stored before could still be of use then.
    pub(super) had_stored: bool,
    /// Whether it was the one that was tried.
    pub(super) was_stored: bool,
    /// What the client said, where it did not work.
    pub(super) error: Option<PasswordLoginError>,
    pub(super) session: Option<QlikSession>,
}

/// What became of asking for a try.
#[derive(Debug)]
pub(super) enum Tried {
    Ended(Box<Ended>),
    /// None was made; beside the reason what is stored beside the state, and until when
    /// there would be none anyway.
    Not {
        decision: Decision,
        detail: Option<String>,
        stored: bool,
        hold_until: Option<i64>,
    },
}

/// A try that may be made, its intent written down.
struct Attempt {
    id: String,
    begun: Begun,
    actor: Actor,
    at: Connection,
    password: AccountPassword,
}

enum Start {
    Attempt(Box<Attempt>),
    Not(Tried),
}

impl Services {
    /// Tries once, if that may be. `typed` is the password where a new one is to be
    /// registered, and the hash of the refused one that it was compared with.
    ///
    /// Once begun it goes on to its end even where nobody waits for it any more: who
    /// leaves the page would otherwise leave behind a try of which nothing is known.
    pub(super) async fn attempt(
        &self,
        actor: &Actor,
        at: &Connection,
        want: Want,
        typed: Option<(AccountPassword, Option<String>)>,
    ) -> Result<Tried, Error> {
        let attempt = match self.begin(actor, at, want, typed).await? {
            Start::Attempt(attempt) => attempt,
            Start::Not(tried) => return Ok(tried),
        };
        let services = self.clone();
        let ended = tokio::spawn(async move { services.make(*attempt).await });
        let ended = ended.await.map_err(|_| Error::Internal("a password sign-in did not end"))??;
        Ok(Tried::Ended(Box::new(ended)))
    }

    async fn begin(
        &self,
        actor: &Actor,
        at: &Connection,
        want: Want,
        typed: Option<(AccountPassword, Option<String>)>,
    ) -> Result<Start, Error> {
        let now = self.now().as_second();
        let mut tx = self.db().write().await?;
        let there = connection(&mut *tx, &at.portal_id).await?;
        let same = |c: &Connection| c.option == AuthOption::Credentials && c.host == at.host;
        if !there.as_ref().is_some_and(same) {
            return Err(Error::Conflict("the settings were changed meanwhile"));
        }
        let raw = rows::one(&mut *tx, &actor.user_id).await?;
        let row = raw.as_ref().map_or(Ok(Row::NONE), |r| r.row(&actor.email, Some(at.host.as_str())))?;
        let around = holds::around(&mut *tx, at, now).await?;
        let stands = standing(now, &row);
        let want = match &typed {
            Some((typed, _)) => {
                let sealed = raw.as_ref().and_then(|r| r.sealed_password.as_deref());
                core::typed(stands, self.is_stored(actor, sealed, typed))
            }
            None => want,
        };
        let begun = match decide(now, &row, &around, want) {
            Decision::Try(begun) => begun,
            decision => {
                let (detail, stored) = (raw.and_then(|r| r.detail), stands.stored);
                let hold_until = held(now, &row, &around);
                return Ok(Start::Not(Tried::Not { decision, detail, stored, hold_until }));
            }
        };
        let (sealed, refused) = raw.map_or((None, None), |r| (r.sealed_password, r.refused_hash));
        let password = match typed {
            Some((_, seen)) if seen != refused => {
                return Err(Error::Conflict("another password was refused meanwhile"));
            }
            Some((password, _)) => password,
            None => self.open_password(actor, sealed.as_deref())?,
        };
        let id = self.new_id();
        let (refusals, hold_until) = begun.as_refused(now);
        let intent = Intent {
            attempt: &id,
            before: begun.state_before(),
            keeps_password: begun.keeps_password(),
            refusals,
            hold_until,
            now,
        };
        rows::write_intent(&mut tx, actor, at, &intent).await?;
        holds::note_begun(&mut tx, &at.portal_id, now).await?;
        tx.commit().await?;
        let (actor, at) = (actor.clone(), at.clone());
        Ok(Start::Attempt(Box::new(Attempt { id, begun, actor, at, password })))
    }

    /// Whether a password is the one that is stored, told in a time that says nothing of
    /// either. One that can't be opened can't be sent either: it is another one.
    fn is_stored(&self, actor: &Actor, sealed: Option<&[u8]>, typed: &AccountPassword) -> bool {
        let Some(sealed) = sealed else { return false };
        match self.open_password(actor, Some(sealed)) {
            Ok(stored) => stored.expose().as_bytes().ct_eq(typed.expose().as_bytes()).into(),
            Err(e) => {
                tracing::error!(portal.id = %actor.portal.id, user.id = %actor.user_id, error = %e, "a stored password does not open");
                false
            }
        }
    }

    fn open_password(&self, actor: &Actor, sealed: Option<&[u8]>) -> Result<AccountPassword, Error> {
        let sealed = sealed.ok_or(Error::Internal("credentials that work have no password"))?;
        let plain = self.vault().open(place(&actor.portal.id, &actor.user_id), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(AccountPassword::new(text))
    }

    /// Signs in, and writes down how that ended.
    async fn make(&self, attempt: Attempt) -> Result<Ended, Error> {
        let Attempt { actor, at, .. } = &attempt;
        let return_to = format!("{}/apps", at.origin);
        let login = PasswordLogin {
            host: &at.host,
            permanent_host: Some(&at.permanent_host),
            email: &actor.email,
            password: &attempt.password,
            web_integration_id: at.web_integration(),
            origin: Some(&at.origin),
            return_to: &return_to,
        };
        let (session, error) = match self.qlik().login_with_password(login).await {
            Ok(session) => (Some(session), None),
            Err(error) => (None, Some(error)),
        };
        let outcome = error.as_ref().map_or(Outcome::Worked, Outcome::from);
        log(actor, error.as_ref());
        let after = settle(self.now().as_second(), &attempt.begun, &outcome);
        let is_ours = self.finish(&attempt, &outcome, &after, session.as_ref()).await;
        let lost = match is_ours {
            Ok(true) => None,
            Ok(false) => Some(Error::Conflict("what was registered was changed meanwhile")),
            Err(e) => Some(e),
        };
        if let Some(e) = lost {
            if let Some(session) = session {
                self.close(session).await;
            }
            return Err(e);
        }
        let Begun { stored: had_stored, want, .. } = attempt.begun;
        let was_stored = want != Want::Typed;
        Ok(Ended { outcome, after, had_stored, was_stored, error, session })
    }

    /// By which a refused password is known again. That it can't be made must not lose
    /// how the try ended.
    async fn hash_of(&self, password: &AccountPassword) -> Option<String> {
        let hash = self.hash_password(SecretString::from(password.expose())).await;
        hash.inspect_err(|e| tracing::error!(error = %e, "a refused password can't be remembered")).ok()
    }

    /// Writes down how a try ended. `false`: it was given up meanwhile.
    async fn finish(
        &self,
        attempt: &Attempt,
        outcome: &Outcome,
        after: &After,
        session: Option<&QlikSession>,
    ) -> Result<bool, Error> {
        let Attempt { id, begun, actor, at, password } = attempt;
        let sealed = match after.password {
            Fate::Kept => Write::Keep,
            Fate::Wiped => Write::Set(None),
            Fate::Tried => {
                let place = place(&at.portal_id, &actor.user_id);
                Write::Set(Some(self.vault().seal(place, password.expose().as_bytes())?))
            }
        };
        let refused_hash = if outcome.is_remembered() { self.hash_of(password).await } else { None };
        let worked = *outcome == Outcome::Worked;
        let is_registered = worked && begun.want == Want::Typed;
        let now = self.now();
        let end = End {
            state: after.state,
            detail: if after.is_new { Write::Set(outcome.detail()) } else { Write::Keep },
            sealed,
            is_registered,
            worked,
            refused_hash: refused_hash.as_deref(),
            refusals: after.refusals,
            hold_until: after.hold_until,
            now: now.as_second(),
        };
        if session.is_some() && begun.want != Want::Door {
            // The one of before may be of an account that is another one since.
            self.forget_session(&at.portal_id, &actor.user_id).await?;
        }
        let mut tx = self.db().write().await?;
        if let Some(sign) = outcome.sign(now.as_second()) {
            holds::note_sign(&mut tx, at, &actor.user_id, sign, now.as_second()).await?;
        }
        let is_ours = rows::write_end(&mut tx, &actor.user_id, id, end).await?;
        if is_ours {
            if let Some(session) = session {
                self.keep_session_in(&mut tx, actor, at, session).await?;
            }
            let portal = at.portal_id.as_str();
            if is_registered {
                audit::record(&mut tx, portal, Some(actor), audit::CREDENTIALS_REGISTERED, json!({}), now)
                    .await?;
            } else if let Some(state) = outcome.state().filter(|s| *s != State::Works) {
                let detail = json!({ "state": state.as_str() });
                audit::record(&mut tx, portal, Some(actor), audit::CREDENTIALS_REFUSED, detail, now).await?;
            }
        }
        tx.commit().await?;
        Ok(is_ours)
    }
}

/// What an operator may need to see, with nothing that a page said.
fn log(actor: &Actor, error: Option<&PasswordLoginError>) {
    let (portal, user) = (&actor.portal.id, &actor.user_id);
    match error {
        None => {}
        Some(PasswordLoginError::UnexpectedPage { step, shape, password_sent }) => {
            tracing::warn!(portal.id = %portal, user.id = %user, sent = password_sent, page = %shape, "an unexpected page {step}");
        }
        Some(e) => {
            let state = Outcome::from(e).state().map_or("as before", State::as_str);
            tracing::info!(portal.id = %portal, user.id = %user, sent = e.password_sent(), state, "a password sign-in did not work");
        }
    }
}
