//! Which hosts a login may go to.
//!
//! A login is led from host to host by what the hosts answer, so each address is
//! checked before it is asked. This module must not know what is at an address.

use url::Url;

use crate::host::{TenantHost, is_meant};
use crate::links::Aliases;

/// Where people with a Qlik account sign in; seen in public addresses of logins
/// (<https://community.qlik.com/t5/Official-Support-Articles/How-to-Reset-or-Disable-MFA-Multi-Factor-Authentication-for-Qlik/ta-p/1713074>).
const QLIK_LOGIN: &str = "login.qlik.com";

/// What a host is in a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// One of the tenant's own hosts.
    Tenant(TenantHost),
    /// A host to which the password may go.
    Login(TenantHost),
    /// Nothing is sent there.
    Elsewhere,
}

pub(super) struct Places<'a> {
    pub(super) tenant: &'a TenantHost,
    /// The tenant's other name, where the caller knows it.
    pub(super) permanent: Option<&'a TenantHost>,
    pub(super) aliases: &'a Aliases,
    /// What the operator allows beside Qlik's own.
    pub(super) login_hosts: &'a [String],
}

impl Places<'_> {
    /// Anything but HTTPS on its own port and without a name in front of the host
    /// is elsewhere, whatever the host.
    pub(super) fn of(&self, url: &Url) -> Place {
        let plain = url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let Some(url::Host::Domain(name)) = url.host().filter(|_| plain) else { return Place::Elsewhere };
        let Some(host) = TenantHost::allowed_otherwise(name) else { return Place::Elsewhere };
        if self.aliases.are_same(self.tenant, name) || self.permanent == Some(&host) {
            Place::Tenant(host)
        } else if name == QLIK_LOGIN || self.login_hosts.iter().any(|entry| is_meant(entry, name)) {
            Place::Login(host)
        } else {
            Place::Elsewhere
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_place_and_odd_ones_have_none() {
        let (tenant, permanent) =
            ("acme.eu.qlikcloud.com".parse().unwrap(), "qlk0a1.eu.qlikcloud.com".parse().unwrap());
        let aliases = Aliases::default();
        aliases.learn(&tenant, &["old.eu.qlikcloud.com".to_owned()]);
        let login_hosts = ["*.login.example".to_owned(), "Sso.example".to_owned()];
        let places = Places {
            tenant: &tenant,
            permanent: Some(&permanent),
            aliases: &aliases,
            login_hosts: &login_hosts,
        };
        for (address, wanted) in [
            ("https://acme.eu.qlikcloud.com/login", "tenant"),
            ("https://ACME.eu.qlikcloud.com:443/login", "tenant"),
            ("https://qlk0a1.eu.qlikcloud.com/", "tenant"),
            ("https://old.eu.qlikcloud.com/", "tenant"),
            ("https://login.qlik.com/login?state=1", "login"),
            ("https://eu.login.example/", "login"),
            ("https://sso.example/", "login"),
            ("http://login.qlik.com/", "elsewhere"),
            ("https://login.qlik.com:8443/", "elsewhere"),
            ("https://me@login.qlik.com/", "elsewhere"),
            ("https://login.qlik.com@evil.example/", "elsewhere"),
            ("https://login.qlik.com.evil.example/", "elsewhere"),
            ("https://evillogin.qlik.com/", "elsewhere"),
            ("https://login.example/", "elsewhere"),
            ("https://globex.eu.qlikcloud.com/", "elsewhere"),
            ("https://127.0.0.1/", "elsewhere"),
            ("https://[::1]/", "elsewhere"),
            ("javascript:alert(1)", "elsewhere"),
            ("data:text/html,x", "elsewhere"),
        ] {
            let place = match places.of(&Url::parse(address).unwrap()) {
                Place::Tenant(_) => "tenant",
                Place::Login(_) => "login",
                Place::Elsewhere => "elsewhere",
            };
            assert_eq!(place, wanted, "{address}");
        }
    }
}
