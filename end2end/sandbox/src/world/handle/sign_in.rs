//! The login host and its accounts; OAuth clients and tokens.

use jiff::{SignedDuration, Timestamp};

use super::super::{
    AccountCondition, Consent, LoginShape, NewAccount, NewClient, NewClientRef, TokenKind, TokenView,
    TriesView,
};
use super::{WorldHandle, must};

impl WorldHandle {
    /// Makes an account at the login host; one of the same e-mail is replaced.
    #[track_caller]
    pub fn add_account(&self, new: NewAccount) {
        must(self.lock().add_account(new));
    }

    /// Gives an account another password.
    #[track_caller]
    pub fn set_password(&self, email: &str, password: &str) {
        password.clone_into(&mut must(self.lock().login.accounts.get_mut(email)).password);
    }

    /// Sets the six digits that an account's second factor wants, or takes it away.
    #[track_caller]
    pub fn set_otp(&self, email: &str, otp: Option<&str>) {
        must(self.lock().login.accounts.get_mut(email)).otp = otp.map(str::to_owned);
    }

    /// Sets what stands between an account's password and a login.
    #[track_caller]
    pub fn set_account_condition(&self, email: &str, condition: AccountCondition) {
        must(self.lock().login.accounts.get_mut(email)).condition = condition;
    }

    /// Blocks an e-mail for good, or lets it in again and forgets its failures.
    pub fn set_blocked(&self, email: &str, blocked: bool) {
        self.lock().login.accounts.block(email, blocked.then_some(Timestamp::MAX));
    }

    /// What was tried for an e-mail; zeros if nothing was.
    pub fn tries(&self, email: &str) -> TriesView {
        self.lock().login.accounts.tries(email)
    }

    /// How many posts to the login form were refused before their password was
    /// looked at, because they were not the page's.
    pub fn malformed_logins(&self) -> u32 {
        self.lock().login.malformed
    }

    /// What the login host's pages look like, for logins that begin from now on.
    pub fn set_login_shape(&self, shape: LoginShape) {
        self.lock().login.shape = shape;
    }

    /// While held, passwords wait for their judgement, so that those which came at
    /// the same time are seen together in [`TriesView::most_in_flight`].
    pub fn hold_logins(&self, hold: bool) {
        self.lock().login.hold.send_replace(hold);
    }

    /// Every password is answered with 429 and so many seconds; `None` ends it.
    pub fn set_login_rate_limited(&self, retry_after_s: Option<u32>) {
        self.lock().login.rate_limited_s = retry_after_s;
    }

    /// How long five failures in a row block an account.
    pub fn set_block_time(&self, length: SignedDuration) {
        self.lock().login.block_for = length;
    }

    /// Names the host of a tenant's corporate identity provider.
    #[track_caller]
    pub fn set_corporate_host(&self, tenant: impl AsRef<str>, host: &str) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).corporate_host = host.to_ascii_lowercase();
    }

    /// Whether `/login` leads to the tenant's generated hostname first, where the login
    /// then ends.
    #[track_caller]
    pub fn set_signs_in_by_own_name(&self, tenant: impl AsRef<str>, on: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).signs_in_by_own_name = on;
    }

    /// Whether the login of somebody who is no member makes a user.
    #[track_caller]
    pub fn set_create_users_on_login(&self, tenant: impl AsRef<str>, create: bool) {
        must(self.lock().find_tenant_mut(tenant.as_ref())).create_users_on_login = create;
    }

    /// Makes an OAuth client.
    #[track_caller]
    pub fn add_oauth_client(&self, tenant: impl AsRef<str>, new: NewClient) -> NewClientRef {
        let client = must(self.lock().add_client(tenant.as_ref(), new, ""));
        let client_secret = client.secrets.first().map(|secret| secret.value.clone());
        NewClientRef { client_id: client.id, client_secret }
    }

    /// Whether a client's users are asked.
    #[track_caller]
    pub fn set_consent(&self, client: &str, consent: Consent) {
        must(self.lock().client_mut(client)).consent = consent;
    }

    /// The OAuth tokens of a tenant, access tokens first, each kind oldest first.
    #[track_caller]
    pub fn oauth_tokens(&self, tenant: impl AsRef<str>) -> Vec<TokenView> {
        let state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.token_views(&tenant)
    }

    /// Lets tokens of a tenant expire now: of one kind, or all.
    #[track_caller]
    pub fn expire_tokens(&self, tenant: impl AsRef<str>, kind: Option<TokenKind>) {
        let mut state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.end_tokens(&tenant, None, None, kind, true);
    }

    /// Revokes tokens of a tenant: of one kind, or all.
    #[track_caller]
    pub fn revoke_tokens(&self, tenant: impl AsRef<str>, kind: Option<TokenKind>) {
        let mut state = self.lock();
        let tenant = must(state.find_tenant(tenant.as_ref())).id.clone();
        state.end_tokens(&tenant, None, None, kind, false);
    }
}
