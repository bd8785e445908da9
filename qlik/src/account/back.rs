//! The end of a login at the tenant, where there is no session after all.
//!
//! This module must not ask anything.

use super::at_tenant::is_for_no_user;
use super::error::{LoginStep, PasswordLoginError, TooManyOf};
use super::shape::PageShape;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;

/// Where a login came back to.
pub(super) struct Back<'a> {
    /// The tenant, as the caller knows it.
    pub(super) tenant: &'a TenantHost,
    /// The tenant's hosts that answered, the latest last.
    pub(super) hosts: &'a [TenantHost],
    /// Of the last answer.
    pub(super) shape: Box<PageShape>,
}

impl Back<'_> {
    pub(super) fn unexpected(self) -> PasswordLoginError {
        PasswordLoginError::UnexpectedPage { step: LoginStep::Tenant, shape: self.shape, password_sent: true }
    }

    /// Why the tenant's cookies are no session.
    pub(super) fn refused(self, error: Error) -> PasswordLoginError {
        match error.kind() {
            ErrorKind::RateLimited => PasswordLoginError::TooMany {
                of: TooManyOf::Host,
                retry_after: error.retry_after(),
                host: self.tenant.as_str().to_owned(),
                password_sent: true,
            },
            // It looked like a sign-in and was none.
            ErrorKind::Unauthorized => self.unexpected(),
            ErrorKind::Forbidden if error.code().is_some_and(is_for_no_user) => PasswordLoginError::NotMember,
            ErrorKind::Unavailable => PasswordLoginError::Transport { error, password_sent: true },
            _ if error.status().is_some() => PasswordLoginError::TenantRefused { error },
            _ => PasswordLoginError::Transport { error, password_sent: true },
        }
    }
}
