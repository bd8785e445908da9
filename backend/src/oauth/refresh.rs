//! A connected user's session: the refresh token is exchanged for an access token and
//! the next refresh token.
//!
//! A refresh token is good for one use, and a second one ends the whole connection at
//! Qlik (<https://www.rfc-editor.org/rfc/rfc9700#section-4.14>). So that it is about
//! to be used is stored first, by one process alone; the others wait for what comes
//! of it. Who finds that it took too long gives it up.

use std::time::Duration;

use qlik::{OAuthError, TokenSet, oauth::RefreshToken};
use serde_json::json;

use super::{
    GrantState, detached,
    grant::{Grant, grant, opened, place},
    release_grant_of,
    revoke::{Revocable, queue},
    standing::{Fate, Stored, fate, said},
};
use crate::{
    Actor, Error, Services, audit,
    connection::{Client, Connection},
    door::{NoSession, Opened, Trouble, TroubleKind, Who},
    store::Tx,
    words::Said,
};

/// How often, and how many times, another process's renewal is waited for.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 50;
/// So many looks a process that has renewed has for keeping the session.
const KEEPING: u32 = 10;

/// So many more times the next token is written where the store fails, each after twice
/// the wait: some seconds in all, well within the time that a renewal may take.
const MORE_WRITES: u32 = 6;

/// The right to use the refresh token, once.
struct Claim {
    attempt: String,
    token: RefreshToken,
    qlik_user_id: String,
}

/// What there is to do for who wants a session.
enum Step {
    Use,
    Wait,
}

fn not_linked(state: GrantState) -> Trouble {
    let said = said(state, true, true).unwrap_or_else(|| {
        Said::new("Your connection to Qlik has ended.", "Connect to Qlik in your profile.")
    });
    Trouble::new(TroubleKind::NotLinked, Who::You, said)
}

impl Services {
    /// A session by the user's own connection.
    pub(crate) async fn open_by_grant(&self, actor: &Actor, at: &Connection) -> Result<Opened, NoSession> {
        let client = self.named_client(at).await?;
        let (mut waited, mut idle) = (false, 0);
        for _ in 0..LOOKS {
            match self.step(actor, at).await? {
                // Whoever was at it may still be about to keep the session.
                Step::Use if waited && idle < KEEPING => idle += 1,
                Step::Use => {
                    if let Some(claim) = self.claim_refresh(actor, at).await? {
                        let (services, actor, at) = (self.clone(), actor.clone(), at.clone());
                        let work = async move { services.refresh(&actor, &at, &client, claim).await };
                        return detached(work).await?.map(Opened::from);
                    }
                }
                Step::Wait => {}
            }
            waited = true;
            tokio::time::sleep(LOOK).await;
            if let Some(kept) = self.kept_session(actor, at).await? {
                return Ok(kept.into());
            }
        }
        let said = Said::new("Your connection to Qlik is being renewed.", "Look again in a moment.");
        Err(Trouble::new(TroubleKind::QlikAway, Who::Nobody, said).into())
    }

    async fn step(&self, actor: &Actor, at: &Connection) -> Result<Step, NoSession> {
        let Some(found) = grant(self.db().read(), &at.portal_id, &actor.user_id).await? else {
            return Err(not_linked(GrantState::NotConnected).into());
        };
        match found.standing(Some(at), self.now().as_second()) {
            GrantState::Connected if found.renews => Ok(Step::Use),
            GrantState::Refreshing => Ok(Step::Wait),
            GrantState::Connected => {
                // The session that it had is gone, and it can get no other.
                self.end_grant(&found).await?;
                Err(not_linked(GrantState::Ended).into())
            }
            state => {
                if found.stored == Stored::Refreshing && state == GrantState::Lost {
                    self.give_up(actor, &found).await?;
                }
                Err(not_linked(state).into())
            }
        }
    }

    /// Stores that the token is about to be used. None: somebody else was quicker.
    async fn claim_refresh(&self, actor: &Actor, at: &Connection) -> Result<Option<Claim>, Error> {
        let (attempt, now) = (self.new_id(), self.now().as_second());
        let (host, portal) = (at.host.as_str(), at.portal_id.as_str());
        let mut tx = self.db().write().await?;
        let row = sqlx::query!(
            r#"UPDATE oauth_grants SET state = 'refreshing', began_at = ?, attempt = ?
               WHERE user_id = ? AND portal_id = ? AND tenant_host = ? AND client_id = ? AND state = 'connected'
                 AND sealed_refresh IS NOT NULL
               RETURNING sealed_refresh AS "sealed!", qlik_user_id AS "qlik_user_id!""#,
            now,
            attempt,
            actor.user_id,
            portal,
            host,
            at.client_id
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        // Before the commit: what can't be read is not about to be used.
        let token = opened(self.vault(), place(portal, &actor.user_id), &row.sealed)?;
        tx.commit().await?;
        Ok(Some(Claim { attempt, token, qlik_user_id: row.qlik_user_id }))
    }

    async fn refresh(
        &self,
        actor: &Actor,
        at: &Connection,
        client: &Client,
        claim: Claim,
    ) -> Result<qlik::session::QlikSession, NoSession> {
        match self.qlik().refresh(&at.host, client.named(), &claim.token).await {
            Ok(tokens) => {
                self.renewed(actor, at, client, &claim, &tokens).await?;
                let TokenSet { access, expires_at, .. } = tokens;
                self.proven(actor, at, client, access, expires_at, &claim.qlik_user_id).await
            }
            Err(e) => Err(self.not_renewed(actor, at, client, &claim, &e).await?.into()),
        }
    }

    /// Keeps the next refresh token. Where the connection is gone meanwhile, or the
    /// store fails, the new token must not live on at Qlik.
    async fn renewed(
        &self,
        actor: &Actor,
        at: &Connection,
        client: &Client,
        claim: &Claim,
        tokens: &TokenSet,
    ) -> Result<(), NoSession> {
        // Where Qlik gives no next one, this one stays (RFC 6749, section 6).
        let next = tokens.refresh.as_ref().unwrap_or(&claim.token);
        let until = tokens.expires_at.as_second();
        let mut kept = self.keep_next(actor, at, claim, next, until).await;
        for tried in 0..MORE_WRITES {
            if kept.is_ok() {
                break;
            }
            tokio::time::sleep(LOOK * 2_u32.pow(tried)).await;
            kept = self.keep_next(actor, at, claim, next, until).await;
        }
        if let Ok(true) = kept {
            return Ok(());
        }
        self.give_back(at, client, &tokens.access, Some(next)).await;
        kept?;
        let said = Said::new(
            "Your connection to Qlik was changed meanwhile.",
            "Look again; if there is none, choose Connect to Qlik in your profile.",
        );
        Err(Trouble::new(TroubleKind::NotLinked, Who::You, said).into())
    }

    /// Writes the next refresh token in place of the one that was used. Gives whether
    /// there is still a connection that waits for it.
    async fn keep_next(
        &self,
        actor: &Actor,
        at: &Connection,
        claim: &Claim,
        next: &RefreshToken,
        until: i64,
    ) -> Result<bool, Error> {
        let sealed = self.vault().seal(place(&at.portal_id, &actor.user_id), next.expose().as_bytes())?;
        let now = self.now().as_second();
        let mut tx = self.db().write().await?;
        let kept = sqlx::query!(
            "UPDATE oauth_grants SET state = 'connected', sealed_refresh = ?, refreshed_at = ?, access_until = ?,
                    began_at = NULL, attempt = NULL
             WHERE user_id = ? AND attempt = ? AND state = 'refreshing'",
            sealed,
            now,
            until,
            actor.user_id,
            claim.attempt
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(kept.rows_affected() == 1)
    }

    async fn not_renewed(
        &self,
        actor: &Actor,
        at: &Connection,
        client: &Client,
        claim: &Claim,
        e: &OAuthError,
    ) -> Result<Trouble, Error> {
        tracing::info!(portal.id = %at.portal_id, user.id = %actor.user_id, error = %e, "a connection could not be renewed");
        let (state, trouble) = match fate(e.kind(), e.may_have_happened()) {
            Fate::Kept => (Stored::Connected, Trouble::of_oauth(e, at.host.as_str())),
            Fate::Refused => (Stored::Refused, not_linked(GrantState::Refused)),
            Fate::Lost => (Stored::Lost, not_linked(GrantState::Lost)),
        };
        let name = state.as_str();
        let mut tx = self.db().write().await?;
        let written = sqlx::query!(
            "UPDATE oauth_grants SET state = ?1, began_at = NULL, attempt = NULL,
                    sealed_refresh = CASE WHEN ?1 = 'connected' THEN sealed_refresh END
             WHERE user_id = ?2 AND attempt = ?3 AND state = 'refreshing'",
            name,
            actor.user_id,
            claim.attempt
        )
        .execute(&mut *tx)
        .await?;
        if written.rows_affected() == 1 && state != Stored::Connected {
            note(self, &mut tx, actor, state).await?;
            if state == Stored::Lost {
                // No use of it: if it was used, this ends what it gave, which nobody here has.
                let gone = Revocable {
                    portal_id: &at.portal_id,
                    tenant_host: at.host.as_str(),
                    client,
                    token: &claim.token,
                };
                queue(self, &mut tx, &gone).await?;
            }
        }
        tx.commit().await?;
        Ok(trouble)
    }

    /// A renewal that ended without a trace: the token may be used up.
    async fn give_up(&self, actor: &Actor, found: &Grant) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        let lost = sqlx::query!(
            "UPDATE oauth_grants SET state = 'lost'
             WHERE user_id = ? AND state = 'refreshing' AND attempt IS ? AND began_at IS ?",
            found.user_id,
            found.attempt,
            found.began_at
        )
        .execute(&mut *tx)
        .await?;
        if lost.rows_affected() == 1 {
            // No use of it: if it was used, this ends what it gave, which nobody here has.
            release_grant_of(self, &mut tx, &actor.portal.id, &found.user_id).await?;
            sqlx::query!("UPDATE oauth_grants SET sealed_refresh = NULL WHERE user_id = ?", found.user_id)
                .execute(&mut *tx)
                .await?;
            note(self, &mut tx, actor, Stored::Lost).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A connection without a refresh token whose session is gone.
    async fn end_grant(&self, found: &Grant) -> Result<(), Error> {
        let now = self.now().as_second();
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE oauth_grants SET access_until = min(access_until, ?)
             WHERE user_id = ? AND state = 'connected' AND sealed_refresh IS NULL AND refreshed_at = ?",
            now,
            found.user_id,
            found.refreshed_at
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// Writes down that a connection ended by itself.
async fn note(services: &Services, tx: &mut Tx<'_>, actor: &Actor, state: Stored) -> Result<(), Error> {
    let detail = json!({ "user": actor.user_id, "email": actor.email, "why": state.as_str() });
    audit::record(tx, &actor.portal.id, None, audit::OAUTH_REFUSED, detail, services.now()).await
}
