//! One client for everyone: it looks the user up with a token of its own, and gets a
//! token for that user. Nobody is made or changed at Qlik by it.

use std::{future::Future, future::ready, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use moka::{future::Cache, ops::compute::Op};
use qlik::{
    OAuthError, OAuthErrorKind, User,
    error::ErrorKind,
    host::TenantHost,
    oauth::{AccessToken, UserLookup},
};

use super::{LOOK_UP_SCOPE, USER_SCOPE};
use crate::{
    Actor, Services,
    connection::{Client, Connection},
    door::{NoSession, Opened, Trouble, the_one},
};

/// A client's token is not used this close to its end.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// How many clients' tokens are kept in memory, and for how long at most, by the
/// machine's own measure of time: this only frees the memory.
const TOKENS: u64 = 256;
const KEPT: Duration = Duration::from_hours(24);

/// A token of a client itself.
#[derive(Debug)]
pub(crate) struct ClientToken {
    pub(crate) token: Arc<AccessToken>,
    pub(crate) ends_at: Timestamp,
}

/// The clients' own tokens, each asked for once however many want it. In memory alone.
#[derive(Debug)]
pub(crate) struct ClientTokens(Cache<String, Arc<ClientToken>>);

impl Default for ClientTokens {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(TOKENS).time_to_live(KEPT).build())
    }
}

impl ClientTokens {
    async fn get<F>(&self, key: &str, now: Timestamp, ask: F) -> Result<Arc<ClientToken>, Arc<OAuthError>>
    where
        F: Future<Output = Result<Arc<ClientToken>, OAuthError>>,
    {
        self.remove_if(key, |kept| kept.ends_at.duration_since(now) <= MARGIN).await;
        self.0.try_get_with_by_ref(key, ask).await
    }

    /// Forgets a token that Qlik does not take, unless there is another by now.
    async fn forget(&self, key: &str, seen: &Arc<ClientToken>) {
        self.remove_if(key, |kept| Arc::ptr_eq(kept, seen)).await;
    }

    async fn remove_if(&self, key: &str, is_over: impl Fn(&Arc<ClientToken>) -> bool) {
        self.0
            .entry_by_ref(key)
            .and_compute_with(|entry| {
                let over = entry.is_some_and(|e| is_over(e.value()));
                ready(if over { Op::Remove } else { Op::Nop })
            })
            .await;
    }
}

/// Whether a client's token may be refused for the scope that is asked for: what can't
/// be read with the statuses for it counts, for without a scope Qlik says the same again.
fn is_about_scope(e: &OAuthError) -> bool {
    match e.kind() {
        OAuthErrorKind::ScopeNotAllowed | OAuthErrorKind::UserRefused => true,
        OAuthErrorKind::Other => e.error().kind() == ErrorKind::BadRequest,
        _ => false,
    }
}

impl Services {
    /// A session by the client that acts for everyone.
    pub(crate) async fn open_by_client(&self, actor: &Actor, at: &Connection) -> Result<Opened, NoSession> {
        let client = self.named_client(at).await?;
        let host = at.host.as_str();
        let user = the_one(self.looked_up(actor, at, &client).await?, &actor.email)?;
        let lookup = UserLookup::UserId(&user.id);
        let tokens = self
            .qlik()
            .impersonate(&at.host, client.named(), lookup, USER_SCOPE)
            .await
            .map_err(|e| Trouble::of_oauth(&e, host))?;
        let session = self.proven(actor, at, &client, tokens.access, tokens.expires_at, &user.id).await?;
        Ok(session.into())
    }

    /// A token of the client itself, to look users up with; asked for anew.
    pub(crate) async fn client_token(
        &self,
        host: &TenantHost,
        client: &Client,
    ) -> Result<Arc<ClientToken>, OAuthError> {
        let narrow = self.qlik().client_credentials(host, client.named(), LOOK_UP_SCOPE).await;
        let tokens = match narrow {
            // A Tenant Admin may have given it another scope that lets users be read. Without naming one it gets
            // all that it may; the token is used for looking up alone.
            Err(e) if is_about_scope(&e) => self.qlik().client_credentials(host, client.named(), "").await?,
            other => other?,
        };
        Ok(Arc::new(ClientToken { token: Arc::new(tokens.access), ends_at: tokens.expires_at }))
    }

    /// The Qlik users with the actor's e-mail.
    async fn looked_up(
        &self,
        actor: &Actor,
        at: &Connection,
        client: &Client,
    ) -> Result<Vec<User>, NoSession> {
        let key = format!("{}/{}/{}", at.portal_id, at.host, client.id);
        let mut seen = None;
        loop {
            let own = self
                .0
                .client_tokens
                .get(&key, self.now(), self.client_token(&at.host, client))
                .await
                .map_err(|e| Trouble::of_oauth(&e, at.host.as_str()))?;
            let tenant = self.qlik().with_bearer(&at.host, own.token.clone(), client.id.as_str());
            match tenant.users_by_email(&actor.email).await {
                Ok(users) => return Ok(users),
                // Revoked since; one that was just asked for is not asked for again.
                Err(e) if e.kind() == ErrorKind::Unauthorized && seen.is_none() => {
                    self.0.client_tokens.forget(&key, &own).await;
                    seen = Some(own);
                }
                Err(e) => return Err(Trouble::of_look_up(&e, at.host.as_str()).into()),
            }
        }
    }
}
