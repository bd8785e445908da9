//! The way of a user to Qlik and back: what is stored for it, and who may come back
//! on it. It is good for one return, by the user who left, to the settings as they
//! were.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use qlik::{
    Lane,
    oauth::{Authorize, Pkce, authorize_url},
};

use super::{
    CONNECT_SCOPE, ConnectBack, ConnectEnd,
    back::{code_of, state_of},
    detached,
    grant::is_in_force,
    redirect_uri,
};
use crate::{
    Actor, Error, Services,
    connection::{AuthOption, Client, Connection},
    vault::{Place, VaultError},
};

/// How long somebody may be away, in seconds.
const AWAY: i64 = 10 * 60;
/// One that is to last longer was stored by a clock that has been put back since; a
/// server whose clock is a little behind another's must end nothing.
const LONGEST: i64 = 2 * AWAY;
/// So many ways of one user are open at once: as many tabs.
const OPEN: i64 = 3;

const NOT_OPEN: &str = "This way back from Qlik is not open: it was used, took longer than ten minutes, or was begun by \
                        somebody else. Choose Connect to Qlik again.";
pub(super) const CHANGED: &str = "This portal's Qlik settings were changed while you were at Qlik, so nothing was \
                                  connected. Choose Connect to Qlik again.";

/// A way that was taken, for the one return that it is good for.
struct Pending {
    tenant_host: String,
    client_id: String,
    pkce: Pkce,
}

/// The hash of a state, and as the name of its row.
fn hashed(state: &str) -> (Vec<u8>, String) {
    let hash = digest(&SHA256, state.as_bytes()).as_ref().to_vec();
    let row = hex::encode(&hash);
    (hash, row)
}

fn place<'a>(portal_id: &'a str, row: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "oauth_connects", row, column: "sealed_verifier" }
}

impl Services {
    /// The address at Qlik to send the actor's browser to, so that they connect. What
    /// comes back to [`redirect_uri`] is for [`Services::finish_connect`], within ten
    /// minutes.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the portal's users don't connect.
    pub async fn begin_connect(&self, actor: &Actor) -> Result<String, Error> {
        let portal = actor.portal.id.as_str();
        let at = self.connection(portal).await?.ok_or(Error::NotFound)?;
        let client = self.connecting_client(&at).await?.ok_or(Error::NotFound)?;
        let mut random = [0_u8; 32];
        self.entropy().fill(&mut random);
        let state = BASE64_URL_SAFE_NO_PAD.encode(random);
        let (hash, row) = hashed(&state);
        let pkce = Pkce::generate(self.entropy());
        let sealed = self.vault().seal(place(portal, &row), pkce.expose().as_bytes())?;

        let now = self.now().as_second();
        let (expires, longest) = (now + AWAY, now + LONGEST);
        let (host, client_id) = (at.host.as_str(), client.id.as_str());
        let mut tx = self.db().write().await?;
        sqlx::query!("DELETE FROM oauth_connects WHERE expires_at <= ? OR expires_at > ?", now, longest)
            .execute(&mut *tx)
            .await?;
        sqlx::query!(
            "DELETE FROM oauth_connects WHERE user_id = ?1 AND state_hash NOT IN
                 (SELECT state_hash FROM oauth_connects WHERE user_id = ?1 ORDER BY begun_at DESC, rowid DESC LIMIT ?2)",
            actor.user_id,
            OPEN - 1
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "INSERT INTO oauth_connects (state_hash, portal_id, user_id, tenant_host, client_id, sealed_verifier,
                                         begun_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            hash,
            portal,
            actor.user_id,
            host,
            client_id,
            sealed,
            now,
            expires
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(authorize_url(&Authorize {
            host: &at.host,
            client_id: &client.id,
            redirect_uri: &redirect_uri(&at.origin),
            scope: CONNECT_SCOPE,
            state: &state,
            pkce: Some(&pkce),
            login_hint: Some(&actor.email),
            prompt: None,
        }))
    }

    /// Connects the actor, who is back from Qlik. What stood in the way is told in
    /// words.
    ///
    /// # Errors
    /// [`Error`] where the store or the vault fails.
    pub async fn finish_connect(&self, actor: &Actor, back: ConnectBack) -> Result<ConnectEnd, Error> {
        let pending = match state_of(&back) {
            Some(state) => self.take_pending(actor, state).await?,
            None => None,
        };
        let Some(pending) = pending else { return Ok(ConnectEnd::not(NOT_OPEN)) };
        let code = match code_of(back) {
            Ok(code) => code,
            Err(says) => return Ok(ConnectEnd::not(says)),
        };
        let at = self.connection(&actor.portal.id).await?;
        let Some(at) = at.filter(|at| is_in_force(at, &pending.tenant_host, &pending.client_id)) else {
            return Ok(ConnectEnd::not(CHANGED));
        };
        let Some(client) = self.connecting_client(&at).await? else { return Ok(ConnectEnd::not(CHANGED)) };
        let (services, actor) = (self.in_lane(Lane::person(&actor.user_id)), actor.clone());
        detached(async move { services.exchange(&actor, &at, &client, &code, &pending.pkce).await }).await?
    }

    /// The client through which the portal's users connect.
    async fn connecting_client(&self, at: &Connection) -> Result<Option<Client>, Error> {
        match &at.client_id {
            Some(id) if at.option == AuthOption::OauthUsers => self.client(&at.portal_id, id).await,
            _ => Ok(None),
        }
    }

    async fn take_pending(&self, actor: &Actor, state: &str) -> Result<Option<Pending>, Error> {
        let portal = actor.portal.id.as_str();
        let (hash, row) = hashed(state);
        let now = self.now().as_second();
        let mut tx = self.db().write().await?;
        let taken = sqlx::query!(
            r#"DELETE FROM oauth_connects WHERE state_hash = ? AND portal_id = ? AND user_id = ?
               RETURNING tenant_host AS "tenant_host!", client_id AS "client_id!",
                         sealed_verifier AS "sealed!", expires_at AS "expires_at!""#,
            hash,
            portal,
            actor.user_id
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let Some(taken) = taken.filter(|t| (now + 1..=now + LONGEST).contains(&t.expires_at)) else {
            return Ok(None);
        };
        let plain = self.vault().open(place(portal, &row), &taken.sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
        Ok(Some(Pending {
            tenant_host: taken.tenant_host,
            client_id: taken.client_id,
            pkce: Pkce::new(text),
        }))
    }
}
