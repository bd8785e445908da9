//! A code becomes a connection: exchanged once, and kept only where Qlik names the
//! very user who asked. Tokens of anybody else are revoked.

use std::sync::Arc;

use qlik::{
    OAuthError, OAuthErrorKind, User,
    oauth::{AccessToken, AuthorizationCode, CodeExchange, Pkce, RefreshToken},
    same_email,
    session::QlikSession,
};
use serde_json::json;

use super::{
    ConnectEnd, USER_SCOPE,
    connect::CHANGED,
    grant::{is_in_force, place},
    redirect_uri, release_grant_of,
};
use crate::{
    Actor, Error, Services, audit,
    connection::{Client, Connection, connection},
    door::Trouble,
    store::at as time,
};

const NO_SCOPE: &str = "Nothing was connected: what Qlik gave is not good for your apps. A Tenant Admin gives this portal's \
                        OAuth client the scopes user_default and offline_access in Qlik; then choose Connect to Qlik \
                        again.";

/// What a code was exchanged for.
struct Got<'a> {
    client: &'a Client,
    access: Arc<AccessToken>,
    access_until: i64,
    refresh: Option<RefreshToken>,
}

/// What became of tokens that are to be kept.
enum Kept {
    /// They are, and this is what they take the place of, on the list of those to revoke.
    Yes(Option<String>),
    /// The settings are others since.
    Changed,
}

fn said_of_exchange(e: &OAuthError, host: &str) -> String {
    if e.kind() == OAuthErrorKind::InvalidGrant {
        return "Qlik does not take the code that came back with you: it is good once, and for a short time. Choose \
                Connect to Qlik again."
            .to_owned();
    }
    let trouble = Trouble::of_oauth(e, host);
    // Nothing is tried again by itself here: a code is good once.
    let remedy = if e.is_transient() { "Choose Connect to Qlik again." } else { trouble.remedy.as_str() };
    format!("Nothing was connected. {} {remedy}", trouble.says)
}

/// Whom Qlik named, where it is somebody else.
fn said_of_other(me: &User, actor: &Actor) -> String {
    let named = match me.email.as_deref().filter(|e| !e.is_empty()) {
        Some(email) => format!("signed in there is {email}"),
        None => "the user who is signed in there has no e-mail".to_owned(),
    };
    format!(
        "Nothing was connected: at Qlik, {named}, and here you are {}. Both must be the same. Sign out at Qlik, then \
         choose Connect to Qlik again and sign in as yourself.",
        actor.email
    )
}

/// The scopes that connecting asks for are given together, or what was given says so.
fn lacks_scope(given: &str) -> bool {
    !given.is_empty() && given.split([' ', ',']).all(|scope| scope != USER_SCOPE)
}

impl Services {
    pub(super) async fn exchange(
        &self,
        actor: &Actor,
        at: &Connection,
        client: &Client,
        code: &AuthorizationCode,
        pkce: &Pkce,
    ) -> Result<ConnectEnd, Error> {
        let (portal, host) = (at.portal_id.as_str(), at.host.as_str());
        let redirect_uri = redirect_uri(&at.origin);
        let exchange = CodeExchange { code, redirect_uri: &redirect_uri, pkce: Some(pkce) };
        let tokens = match self.qlik().exchange_code(&at.host, client.named(), exchange).await {
            Ok(tokens) => tokens,
            Err(e) => {
                tracing::info!(portal.id = %portal, error = %e, "a code of Qlik's could not be exchanged");
                return Ok(ConnectEnd::not(said_of_exchange(&e, host)));
            }
        };
        let (access_until, too_little) = (tokens.expires_at.as_second(), lacks_scope(&tokens.scope));
        let got = Got { client, access: Arc::new(tokens.access), access_until, refresh: tokens.refresh };
        if too_little {
            self.give_back(at, client, &got.access, got.refresh.as_ref()).await;
            return Ok(ConnectEnd::not(NO_SCOPE));
        }
        let tenant = self.qlik().with_bearer(&at.host, got.access.clone(), &actor.user_id);
        let me = match tenant.user_me().await {
            Ok(me) => me,
            Err(e) => {
                self.give_back(at, client, &got.access, got.refresh.as_ref()).await;
                let trouble = Trouble::of_token(&e, host);
                return Ok(ConnectEnd::not(format!(
                    "Nothing was connected: whose the connection is could not be asked. {} Choose Connect to Qlik again.",
                    trouble.says
                )));
            }
        };
        if !me.email.as_deref().is_some_and(|e| same_email(e, &actor.email)) {
            tracing::warn!(portal.id = %portal, user.id = %actor.user_id, "Qlik named another user than the one who connects; the tokens are revoked");
            self.give_back(at, client, &got.access, got.refresh.as_ref()).await;
            return Ok(ConnectEnd::not(said_of_other(&me, actor)));
        }
        match self.keep_grant(actor, at, &got, &me).await {
            Ok(Kept::Yes(before)) => self.connected(actor, at, got, me, before).await,
            Ok(Kept::Changed) => {
                self.give_back(at, client, &got.access, got.refresh.as_ref()).await;
                Ok(ConnectEnd::not(CHANGED))
            }
            Err(e) => {
                // Nothing here knows of them any more.
                self.give_back(at, client, &got.access, got.refresh.as_ref()).await;
                Err(e)
            }
        }
    }

    async fn keep_grant(
        &self,
        actor: &Actor,
        at: &Connection,
        got: &Got<'_>,
        me: &User,
    ) -> Result<Kept, Error> {
        let portal = at.portal_id.as_str();
        let sealed = match &got.refresh {
            Some(token) => Some(self.vault().seal(place(portal, &actor.user_id), token.expose().as_bytes())?),
            None => None,
        };
        let mut tx = self.db().write().await?;
        // The settings may have changed since: what is stored now would be of nobody's use.
        let still = connection(&mut *tx, portal).await?;
        if !still.is_some_and(|now| is_in_force(&now, at.host.as_str(), got.client.id.as_str())) {
            return Ok(Kept::Changed);
        }
        let before = release_grant_of(self, &mut tx, portal, &actor.user_id).await?;
        let (host, client_id, now) = (at.host.as_str(), got.client.id.as_str(), self.now());
        let at_s = now.as_second();
        sqlx::query!(
            "INSERT INTO oauth_grants (user_id, portal_id, tenant_host, client_id, state, sealed_refresh, qlik_user_id,
                                       qlik_name, connected_at, refreshed_at, access_until)
             VALUES (?1, ?2, ?3, ?4, 'connected', ?5, ?6, ?7, ?8, ?8, ?9)
             ON CONFLICT (user_id) DO UPDATE SET tenant_host = ?3, client_id = ?4, state = 'connected',
                 sealed_refresh = ?5, qlik_user_id = ?6, qlik_name = ?7, connected_at = ?8, refreshed_at = ?8,
                 access_until = ?9, began_at = NULL, attempt = NULL",
            actor.user_id,
            portal,
            host,
            client_id,
            sealed,
            me.id,
            me.name,
            at_s,
            got.access_until
        )
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "email": actor.email, "qlik_user": me.id });
        audit::record(&mut tx, portal, Some(actor), audit::OAUTH_CONNECTED, detail, now).await?;
        tx.commit().await?;
        Ok(Kept::Yes(before))
    }

    /// Begins the session that comes with a new connection.
    async fn connected(
        &self,
        actor: &Actor,
        at: &Connection,
        got: Got<'_>,
        me: User,
        before: Option<String>,
    ) -> Result<ConnectEnd, Error> {
        let (portal, now) = (at.portal_id.as_str(), self.now());
        self.forget_session(portal, &actor.user_id).await?;
        let renews = got.refresh.is_some();
        let ends = time(got.access_until);
        let session = QlikSession::by_bearer(at.host.clone(), me, got.access, now, ends);
        self.keep_session(actor, at, &session, None).await?;
        self.revoke_now(before).await;
        self.tell(portal);
        let says = if renews {
            "You are connected to Qlik.".to_owned()
        } else {
            "You are connected to Qlik for some hours: Qlik gave nothing to renew the connection with."
                .to_owned()
        };
        Ok(ConnectEnd { connected: true, says })
    }
}
