//! What to do with an answer of the tenant: on the way to its login host, and with
//! what that gave.
//!
//! This module must not send anything.

use http::StatusCode;
use url::Url;

use super::error::PasswordLoginError;
use super::places::Place;
use super::refusal::{self, Refusal};
use super::walk::{Move, Seen, Walk};

impl Walk<'_> {
    pub(super) fn at_tenant(&mut self, seen: &Seen<'_>) -> Move {
        // The login is over, and what it leads to is not there.
        let has_no_page = seen.answer.status == StatusCode::NOT_FOUND && self.answers_back > 1;
        if !seen.answer.status.is_success() && !has_no_page {
            return self.tenant_refused(seen);
        }
        // A page of the tenant's own may have forms too, so there the page must send
        // its form by itself.
        if let Some(form) = super::fields::passing(&seen.page)
            && (!self.sent || super::fields::sends_itself(&seen.page))
        {
            return self.pass(seen, form);
        }
        if self.sent {
            return self.arrived(seen);
        }
        self.refreshed(seen)
    }

    /// The code is Qlik's for an account that is no user of the tenant
    /// (<https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940>);
    /// whatever else the tenant refuses for is told as it says it.
    fn tenant_refused(&self, seen: &Seen<'_>) -> Move {
        if !self.sent {
            return self.broken(seen);
        }
        let code = seen.answer.code().unwrap_or_default();
        Move::End(if seen.answer.status == StatusCode::FORBIDDEN && is_for_no_user(&code) {
            PasswordLoginError::NotMember
        } else {
            PasswordLoginError::TenantRefused { error: Self::error(seen) }
        })
    }

    /// Takes over from the tenant's own redirect under which name it wants to be asked
    /// in the end: a tenant has a name that never changes and an alias, and only one
    /// may be known. Gives the address back where that is of nobody who may be it, so
    /// that no password is spent on a login which ends there.
    pub(super) fn learn(&mut self, seen: &Seen<'_>, target: &Url) -> Option<Url> {
        if self.sent || !matches!(seen.place, Place::Tenant(_)) {
            return None;
        }
        match self.places.of(target) {
            Place::Login(_) => {
                let back = target.query_pairs().find(|(name, _)| name == "redirect_uri")?.1.into_owned();
                let back = Url::parse(&back).ok()?;
                let is_known = self.places.learn(&back) || matches!(self.places.of(&back), Place::Login(_));
                (!is_known).then_some(back)
            }
            Place::Tenant(_) => None,
            Place::Elsewhere => {
                // Whether it may be visited is decided there.
                self.places.learn(target);
                None
            }
        }
    }
}

/// Whether a tenant's code says that the account is none of its users.
pub(super) fn is_for_no_user(code: &str) -> bool {
    code == "AUTH-5" || refusal::of_code(code) == Some(Refusal::NotMember)
}
