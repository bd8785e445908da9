//! OAuth tokens: issued, rotated, revoked, and what they let their bearer do.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::{Rights, State};
use super::REFRESH_LIFE;
use crate::clock::later;
use crate::ids;

/// Access tokens or refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Opens the API for six hours.
    Access,
    /// Makes a new access token, once, within thirty days.
    Refresh,
}

/// A token as tests see it, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// Access or refresh.
    pub kind: TokenKind,
    /// The client's id.
    pub client: String,
    /// The user's id.
    pub user: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// `websocket` or `webresource`, where it was exchanged for that.
    pub purpose: Option<String>,
    /// When it ends.
    pub expires: Timestamp,
    /// Tokens of one grant share a family.
    pub family: String,
    /// It was used or revoked.
    pub spent: bool,
}

#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) token: String,
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) expires: Timestamp,
    pub(crate) family: String,
    pub(crate) revoked: bool,
}

#[derive(Clone)]
pub(crate) struct Refresh {
    pub(crate) token: String,
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) user: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Timestamp,
    pub(crate) family: String,
    pub(crate) used: bool,
    pub(crate) revoked: bool,
}

/// An authorization code.
#[derive(Clone)]
pub(crate) struct AuthCode {
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) user: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) challenge: String,
    pub(crate) created: Timestamp,
    /// The family of the tokens that it gave; none while it is unused.
    pub(crate) family: Option<String>,
}

macro_rules! without_token {
    ($($kind:ident),+) => {$(
        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($kind)).field("client", &self.client).field("user", &self.user).finish_non_exhaustive()
            }
        }
    )+};
}
without_token!(Access, Refresh, AuthCode);

/// What an access token is to be.
pub(crate) struct Asked<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) client: &'a str,
    pub(crate) user: &'a str,
    pub(crate) scopes: Vec<String>,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) life: SignedDuration,
    pub(crate) family: Option<String>,
}

/// Tokens that were made.
pub(crate) struct Issued {
    pub(crate) access: Access,
    pub(crate) refresh: Option<String>,
}

impl State {
    /// Makes an access token, and with `offline_access` a refresh token.
    pub(crate) fn issue(&mut self, asked: Asked<'_>, refreshable: bool) -> Issued {
        let now = self.now();
        let family = asked.family.unwrap_or_else(ids::uuid);
        let refreshable = refreshable && asked.scopes.iter().any(|s| s == "offline_access");
        let access = Access {
            token: ids::token32() + &ids::token32(),
            tenant: asked.tenant.to_owned(),
            client: asked.client.to_owned(),
            user: asked.user.to_owned(),
            scopes: asked.scopes.clone(),
            purpose: asked.purpose.map(str::to_owned),
            expires: later(now, asked.life),
            family: family.clone(),
            revoked: false,
        };
        self.oauth.access.push(access.clone());
        let refresh = refreshable.then(|| {
            let token = ids::token32() + &ids::token32();
            self.oauth.refresh.push(Refresh {
                token: token.clone(),
                tenant: asked.tenant.to_owned(),
                client: asked.client.to_owned(),
                user: asked.user.to_owned(),
                scopes: asked.scopes,
                expires: later(now, REFRESH_LIFE),
                family,
                used: false,
                revoked: false,
            });
            token
        });
        Issued { access, refresh }
    }

    pub(crate) fn revoke_family(&mut self, family: &str) {
        for token in self.oauth.access.iter_mut().filter(|t| t.family == family) {
            token.revoked = true;
        }
        for token in self.oauth.refresh.iter_mut().filter(|t| t.family == family) {
            token.revoked = true;
        }
    }

    /// Revokes a token: an access token alone, a refresh token with all that came
    /// of its grant (RFC 7009, section 2.1). An unknown one is as good as revoked.
    pub(crate) fn revoke_token(&mut self, tenant: &str, token: &str) {
        if let Some(found) = self.oauth.access.iter_mut().find(|t| t.token == token && t.tenant == tenant) {
            found.revoked = true;
        }
        let family = self.oauth.refresh.iter().find(|t| t.token == token && t.tenant == tenant);
        if let Some(family) = family.map(|t| t.family.clone()) {
            self.revoke_family(&family);
        }
    }

    /// An access token that works here and now; a token for one purpose works for
    /// that alone.
    pub(crate) fn authenticate_token(
        &self,
        tenant: &str,
        token: &str,
        purpose: Option<&str>,
    ) -> Option<&Access> {
        let now = self.now();
        let found = self.oauth.access.iter().find(|t| {
            t.token == token
                && t.tenant == tenant
                && !t.revoked
                && now < t.expires
                && t.purpose.as_deref() == purpose
        })?;
        self.active(tenant, &found.user).ok()?;
        Some(found)
    }

    /// What a token's bearer may do: never more than the user, and of that only
    /// what the scopes name (<https://qlik.dev/authenticate/oauth/scopes/>).
    pub(crate) fn rights_of(&self, access: &Access) -> Option<Rights> {
        let user = self.user_of(&access.tenant, &access.user)?.rights();
        let has = |name: &str| access.scopes.iter().any(|s| s == name);
        let admin = user.admin && has("admin_classic");
        Some(Rights {
            admin,
            read_users: user.read_users && (admin || has("admin.users") || has("admin.users:read")),
            manage_api_keys: user.manage_api_keys && (admin || has("user_default")),
        })
    }

    /// Every token of a tenant, oldest first, access tokens before refresh tokens.
    pub(crate) fn token_views(&self, tenant: &str) -> Vec<TokenView> {
        let access = self.oauth.access.iter().filter(|t| t.tenant == tenant).map(|t| TokenView {
            kind: TokenKind::Access,
            client: t.client.clone(),
            user: t.user.clone(),
            scopes: t.scopes.clone(),
            purpose: t.purpose.clone(),
            expires: t.expires,
            family: t.family.clone(),
            spent: t.revoked,
        });
        let refresh = self.oauth.refresh.iter().filter(|t| t.tenant == tenant).map(|t| TokenView {
            kind: TokenKind::Refresh,
            client: t.client.clone(),
            user: t.user.clone(),
            scopes: t.scopes.clone(),
            purpose: None,
            expires: t.expires,
            family: t.family.clone(),
            spent: t.used || t.revoked,
        });
        access.chain(refresh).collect()
    }

    /// Ends tokens from outside: by expiry now, or revoked.
    pub(crate) fn end_tokens(
        &mut self,
        tenant: &str,
        client: Option<&str>,
        user: Option<&str>,
        kind: Option<TokenKind>,
        expire: bool,
    ) -> usize {
        let now = self.now();
        let fits = |c: &str, u: &str| client.is_none_or(|id| id == c) && user.is_none_or(|id| id == u);
        let mut ended = 0;
        let mut end = |expires: &mut Timestamp, revoked: &mut bool| {
            ended += 1;
            if expire {
                *expires = now;
            } else {
                *revoked = true;
            }
        };
        if kind != Some(TokenKind::Refresh) {
            for t in self.oauth.access.iter_mut().filter(|t| t.tenant == tenant && fits(&t.client, &t.user)) {
                end(&mut t.expires, &mut t.revoked);
            }
        }
        if kind != Some(TokenKind::Access) {
            for t in self.oauth.refresh.iter_mut().filter(|t| t.tenant == tenant && fits(&t.client, &t.user))
            {
                end(&mut t.expires, &mut t.revoked);
            }
        }
        ended
    }
}
