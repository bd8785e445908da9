//! What a client may exchange for tokens, and who stands behind them.

use super::super::users::TENANT_ADMIN;
use super::super::{NewUser, State, UserStatus, signin};
use super::tokens::{Asked, Issued};
use super::{ACCESS_LIFE, CODE_LIFE};
use crate::ids;

/// Why no token is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefusal {
    /// Code or refresh token are unknown, used, late, or somebody else's.
    InvalidGrant(&'static str),
    /// More is asked for than is allowed.
    InvalidScope,
    /// The user is unknown or switched off.
    User,
}

impl State {
    /// Exchanges a code. A code that comes twice ends what it gave the first time
    /// (RFC 6749, section 4.1.2).
    pub(crate) fn redeem_code(
        &mut self,
        tenant: &str,
        client: &str,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Issued, TokenRefusal> {
        use TokenRefusal::InvalidGrant;
        let now = self.now();
        let found = self
            .oauth
            .codes
            .get(code)
            .filter(|c| c.tenant == tenant && c.client == client)
            .cloned()
            .ok_or(InvalidGrant("the code is unknown"))?;
        if let Some(family) = &found.family {
            self.revoke_family(family);
            return Err(InvalidGrant("the code has been used before"));
        }
        if now.duration_since(found.created) >= CODE_LIFE {
            return Err(InvalidGrant("the code has expired"));
        }
        if found.redirect_uri != redirect_uri {
            return Err(InvalidGrant("redirect_uri is not the one of the authorization"));
        }
        if !signin::is_verifier(verifier) || signin::s256(verifier) != found.challenge {
            return Err(InvalidGrant("code_verifier does not fit"));
        }
        self.active(tenant, &found.user)?;
        let family = ids::uuid();
        if let Some(code) = self.oauth.codes.get_mut(code) {
            code.family = Some(family.clone());
        }
        let asked = Asked {
            tenant,
            client,
            user: &found.user,
            scopes: found.scopes,
            purpose: None,
            life: ACCESS_LIFE,
            family: Some(family),
        };
        Ok(self.issue(asked, true))
    }

    /// Exchanges a refresh token for a new pair. One that comes twice was stolen or
    /// used by two: its whole family ends (RFC 9700, section 4.14.2).
    pub(crate) fn rotate(
        &mut self,
        tenant: &str,
        token: &str,
        scopes: Option<&[String]>,
    ) -> Result<Issued, TokenRefusal> {
        use TokenRefusal::InvalidGrant;
        let now = self.now();
        let found = self
            .oauth
            .refresh
            .iter()
            .find(|t| t.token == token && t.tenant == tenant)
            .cloned()
            .ok_or(InvalidGrant("the refresh token is unknown"))?;
        if found.used {
            self.revoke_family(&found.family);
            return Err(InvalidGrant(
                "the refresh token has been used before; all tokens of its grant are revoked",
            ));
        }
        if found.revoked {
            return Err(InvalidGrant("the refresh token is revoked"));
        }
        if now >= found.expires {
            return Err(InvalidGrant("the refresh token has expired"));
        }
        if scopes.is_some_and(|asked| asked.iter().any(|s| !found.scopes.contains(s))) {
            return Err(TokenRefusal::InvalidScope);
        }
        self.active(tenant, &found.user)?;
        if let Some(token) = self.oauth.refresh.iter_mut().find(|t| t.token == token) {
            token.used = true;
        }
        let asked = Asked {
            tenant,
            client: &found.client,
            user: &found.user,
            // A smaller scope is for this access token; the grant keeps its own.
            scopes: found.scopes.clone(),
            purpose: None,
            life: ACCESS_LIFE,
            family: Some(found.family.clone()),
        };
        let mut issued = self.issue(asked, true);
        if let Some(scopes) = scopes {
            scopes.clone_into(&mut issued.access.scopes);
            if let Some(kept) = self.oauth.access.last_mut() {
                scopes.clone_into(&mut kept.scopes);
            }
        }
        Ok(issued)
    }

    /// A user of the tenant who may sign in.
    pub(crate) fn active(&self, tenant: &str, user: &str) -> Result<(), TokenRefusal> {
        match self.user_of(tenant, user) {
            Some(user) if user.status == UserStatus::Active => Ok(()),
            _ => Err(TokenRefusal::User),
        }
    }

    /// The user that acts for a client: "a bot user with TenantAdmin-equal rights"
    /// (<https://qlik.dev/authenticate/oauth/>).
    pub(crate) fn bot_of(&mut self, tenant: &str, client: &str) -> Result<String, TokenRefusal> {
        let (known, name) = self
            .client_of(tenant, client)
            .map(|c| (c.bot.clone(), c.name.clone()))
            .ok_or(TokenRefusal::User)?;
        if let Some(bot) = known {
            return Ok(bot);
        }
        let new = NewUser {
            name,
            subject: Some(format!("qlikbot\\{client}")),
            roles: vec![TENANT_ADMIN.into()],
            email_hidden: true,
            ..NewUser::default()
        };
        let bot = self.add_user(tenant, new).map_err(|_| TokenRefusal::User)?.id;
        if let Ok(client) = self.client_mut(client) {
            client.bot = Some(bot.clone());
        }
        Ok(bot)
    }
}
