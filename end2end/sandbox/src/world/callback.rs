//! The end of an interactive login at the tenant: is the code good, and which user
//! does its account become?
//!
//! It must not know HTTP, nor what the login host asked before it gave the code.

use super::login::Claims;
use super::signin::PATIENCE;
use super::{LoginRefusal, Session, State};

/// Why a tenant does not take what a browser brings to its callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackRefusal {
    /// No login of this state is under way in this browser.
    State,
    /// The code is unknown, used, late, or another client's.
    Code,
    /// The account is no member of the tenant and is not made one.
    NotMember,
    /// The user's standing keeps him out.
    User(LoginRefusal),
}

impl State {
    /// Takes a browser's code and signs its account in. The state is used up
    /// whatever becomes of it.
    pub(crate) fn finish_login(
        &mut self,
        tenant: &str,
        state: &str,
        cookie: Option<&str>,
        code: &str,
    ) -> Result<(Session, String), CallbackRefusal> {
        let now = self.now();
        let known = self.login.pending.get(state).is_some_and(|p| {
            p.tenant == tenant
                && Some(p.cookie.as_str()) == cookie
                && now.duration_since(p.created) < PATIENCE
        });
        if !known {
            return Err(CallbackRefusal::State);
        }
        let pending = self.login.pending.remove(state).ok_or(CallbackRefusal::State)?;
        let email = self.login.redeem(code, &pending, now).ok_or(CallbackRefusal::Code)?;
        let account = self.login.accounts.get(&email).ok_or(CallbackRefusal::Code)?;
        let claims = Claims::of_account(&account.subject, &account.name, &account.email);
        let member = self.users_of(tenant).any(|u| {
            u.subject == claims.sub
                || u.visible_email().is_some_and(|e| e.eq_ignore_ascii_case(&claims.email))
        });
        if !member && !self.tenant(tenant).is_some_and(|t| t.create_users_on_login) {
            return Err(CallbackRefusal::NotMember);
        }
        let user = self.resolve(tenant, &claims).map_err(CallbackRefusal::User)?;
        let rights =
            self.user(&user).map(super::User::rights).ok_or(CallbackRefusal::User(LoginRefusal::Disabled))?;
        // Qlik's session event has no idpId for Qlik Accounts.
        Ok((self.open_session(tenant, &user, "", rights), pending.returnto))
    }
}
