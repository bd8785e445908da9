//! Which hosts a login may go to.
//!
//! A login is led from host to host by what the hosts answer, so each address is
//! checked before it is asked. This module must not know what is at an address.

use url::Url;

use crate::host::{HostPolicy, TenantHost, is_meant, is_under_qlik};
use crate::links::Aliases;

/// Where people with a Qlik account sign in; seen in public addresses of logins
/// (<https://community.qlik.com/t5/Official-Support-Articles/How-to-Reset-or-Disable-MFA-Multi-Factor-Authentication-for-Qlik/ta-p/1713074>).
const QLIK_LOGIN: &str = "login.qlik.com";

/// Qlik's own, beside its domains for tenants.
const QLIK: &str = "qlik.com";

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
    /// A further name of the tenant, which it told itself in this login.
    pub(super) learned: Option<TenantHost>,
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
        let is_tenants = self.permanent == Some(&host) || self.learned.as_ref() == Some(&host);
        if is_tenants || self.aliases.are_same(self.tenant, name) {
            Place::Tenant(host)
        } else if name == QLIK_LOGIN || self.login_hosts.iter().any(|entry| is_meant(entry, name)) {
            Place::Login(host)
        } else {
            Place::Elsewhere
        }
    }

    /// Takes the host of an address for a name of the tenant, where it may be one: it
    /// is under Qlik's domains for tenants, or beside the tenant's name. One more name
    /// is learnt at most. Gives whether the address is the tenant's now.
    pub(super) fn learn(&mut self, url: &Url) -> bool {
        if self.of(url) == Place::Elsewhere
            && self.learned.is_none()
            && let Some(host) = url.host_str().and_then(|name| self.may_be_tenant(name))
        {
            self.learned = Some(host);
        }
        matches!(self.of(url), Place::Tenant(_))
    }

    fn may_be_tenant(&self, name: &str) -> Option<TenantHost> {
        let beside = |name: &str| {
            let parent = |host: &str| host.split_once('.').map(|(_, parent)| parent.to_owned());
            let ours = parent(self.tenant.as_str()).filter(|parent| parent.contains('.'));
            ours.is_some() && ours == parent(name)
        };
        let host = TenantHost::parse(name, &HostPolicy::default()).ok();
        host.or_else(|| TenantHost::allowed_otherwise(name).filter(|_| beside(name)))
    }

    /// Whether a host is none of Qlik's, by its name alone.
    pub(super) fn is_foreign(&self, name: &str) -> bool {
        let plain = Url::parse(&format!("https://{name}/"));
        let is_qliks = is_under_qlik(name) || name == QLIK || is_meant(&format!("*.{QLIK}"), name);
        !is_qliks && plain.is_ok_and(|url| self.of(&url) == Place::Elsewhere)
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
            learned: None,
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

    #[test]
    fn one_name_that_may_be_the_tenants_is_learnt_and_qliks_own_hosts_are_no_strangers() {
        let tenant = "acme.eu.qlikcloud.com".parse().unwrap();
        let aliases = Aliases::default();
        for (address, learnt) in [
            ("https://acme.eu.qlikcloud.com/login/callback", true),
            ("https://qlk0a1.eu.qlikcloud.com/login/callback", true),
            ("https://eu.qlikcloud.com/", false),
            ("http://qlk0a1.eu.qlikcloud.com/", false),
            ("https://qlk0a1.eu.qlikcloud.com:8443/", false),
            ("https://login.qlik.com/", false),
            ("https://evil.example/", false),
        ] {
            let mut places = Places {
                tenant: &tenant,
                permanent: None,
                aliases: &aliases,
                login_hosts: &[],
                learned: None,
            };
            assert_eq!(places.learn(&Url::parse(address).unwrap()), learnt, "{address}");
            let second = Url::parse("https://second.eu.qlikcloud.com/").unwrap();
            assert_eq!(
                places.learn(&second),
                places.learned.as_ref().is_some_and(|l| l.as_str() == "second.eu.qlikcloud.com")
            );
        }
        let places =
            Places { tenant: &tenant, permanent: None, aliases: &aliases, login_hosts: &[], learned: None };
        for (name, foreign) in [
            ("sso.corp.example", true),
            ("notqlik.com", true),
            ("www.qlik.com", false),
            ("qlik.com", false),
            ("x.eu.qlikcloud.com", false),
        ] {
            assert_eq!(places.is_foreign(name), foreign, "{name}");
        }
    }
}
