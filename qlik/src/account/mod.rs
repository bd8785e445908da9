//! Opening a session with a person's own Qlik account, e-mail and password.
//!
//! Qlik documents no such login for programs: the ways that it supports are OAuth,
//! signed tokens and API keys (<https://qlik.dev/authenticate/>). So this module does
//! what a browser does, from `GET /login` (<https://qlik.dev/apis/rest/login>) over
//! the pages of Qlik's login host back to the tenant, and says what it saw wherever
//! that is not what it knows. Where OAuth will do, use
//! [`oauth`](crate::oauth): it works with second factors and with the providers of
//! organisations, and no password is kept.
//!
//! What holds whatever the pages are like:
//!
//! - The password is sent once at most. It is not repeated on an error, by the
//!   transport neither, nor on a redirect that asks for it.
//! - It is sent over HTTPS, as the body of a POST, to an allowed login host, by a form
//!   or script that this very host showed.
//! - Nothing is sent to hosts that are neither the tenant's nor allowed.
//! - Cookies of one host are never sent to another.
//! - Errors and logs hold nothing that a page said, only how it was built.
//!
//! `walk` decides, without sending; `web` sends, without deciding. This module must
//! not know where a password is kept, nor how often it was tried before.

mod at_login;
mod at_tenant;
mod back;
mod calls;
mod classic;
mod connection;
mod controls;
mod ends;
mod error;
mod fields;
mod marks;
mod markup;
mod places;
mod refusal;
mod shape;
mod walk;
mod web;

use std::fmt;

pub use self::error::{LoginStep, PasswordLoginError, TooManyOf};
pub use self::shape::{FormShape, PageShape};

use crate::host::TenantHost;
use crate::secret::secret;

/// Name for errors and logs.
const OPERATION: &str = "login with a Qlik account";
/// Largest page that is read, in bytes.
const MAX_PAGE: usize = 512 * 1024;

secret! {
    /// The password of a Qlik account.
    AccountPassword
}

/// A way to sign in that a browser would be sent on.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The tenant.
    pub host: &'a TenantHost,
    /// The tenant's other name, as far as known: a login may lead over it. See
    /// [`TenantInfo`](crate::TenantInfo).
    pub permanent_host: Option<&'a TenantHost>,
    /// The web integration to sign in through.
    pub web_integration_id: Option<&'a str>,
    /// The origin that the web integration must list.
    pub origin: Option<&'a str>,
    /// Where the tenant sends the browser in the end: an address of the caller's own
    /// site, which must be of a listed origin. It is never asked for.
    pub return_to: &'a str,
}

/// One login with e-mail and password.
#[derive(Clone, Copy)]
pub struct PasswordLogin<'a> {
    /// The tenant.
    pub host: &'a TenantHost,
    /// The tenant's other name, as far as known; see [`SignIn::permanent_host`].
    pub permanent_host: Option<&'a TenantHost>,
    /// The e-mail address of the account, which the session's user must have.
    pub email: &'a str,
    /// The password of the account.
    pub password: &'a AccountPassword,
    /// The web integration to sign in through.
    pub web_integration_id: Option<&'a str>,
    /// The origin that the web integration must list.
    pub origin: Option<&'a str>,
    /// Where a browser would be sent in the end; see [`SignIn::return_to`].
    pub return_to: &'a str,
}

impl fmt::Debug for PasswordLogin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordLogin").field("host", &self.host).finish_non_exhaustive()
    }
}

/// How a tenant signs people in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInWay {
    /// With Qlik accounts, at this login host.
    QlikAccount {
        /// The login host.
        host: String,
    },
    /// With a provider of the organisation, which takes the place of Qlik accounts
    /// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/mc-creating-idp.htm>).
    Corporate {
        /// Where the provider is.
        host: String,
    },
    /// In a way that is not known.
    Other {
        /// What was seen.
        shape: Box<PageShape>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_account_password() {
        assert_eq!(format!("{:?}", AccountPassword::new("hush")), "AccountPassword(***)");
        let host = "acme.eu.qlikcloud.com".parse().unwrap();
        let login = PasswordLogin {
            host: &host,
            permanent_host: None,
            email: "ada@acme.example",
            password: &AccountPassword::new("hush"),
            web_integration_id: None,
            origin: None,
            return_to: "https://portal.example/",
        };
        let shown = format!("{login:?}");
        assert!(!shown.contains("hush") && !shown.contains("ada"), "{shown}");
    }
}
