//! Deciding whether an address that Qlik gave stays at the tenant.
//!
//! Links to next pages and redirects may be absolute. Credentials are sent to
//! no host but the tenant's, so an address is reduced to its path after its
//! host was checked. This module must not know what is at the address.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use url::Url;

use crate::host::TenantHost;

/// So many tenants' host names are remembered.
const MAX_TENANTS: usize = 10_000;

/// The other names of each tenant, as the tenant itself listed them.
///
/// A tenant answers under its alias and under its permanent name, and may put
/// either into a link. Such a link is still followed at the host that was
/// asked, never at another.
#[derive(Debug, Default)]
pub(crate) struct Aliases(RwLock<HashMap<TenantHost, HashSet<String>>>);

impl Aliases {
    /// Remembers the names that the tenant behind `host` says it has.
    pub(crate) fn learn(&self, host: &TenantHost, names: &[String]) {
        let names: HashSet<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_TENANTS || known.contains_key(host) {
            known.insert(host.clone(), names);
        }
    }

    pub(crate) fn are_same(&self, host: &TenantHost, name: &str) -> bool {
        if host.as_str() == name {
            return true;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(host).is_some_and(|names| names.contains(name))
    }

    /// The path and query to ask `host` for, or none where the address leaves
    /// the tenant. `from` is the path of the request that gave the address.
    pub(crate) fn on_tenant(&self, host: &TenantHost, from: &str, address: &str) -> Option<String> {
        let base = Url::parse(&host.url(from)).ok()?;
        let url = base.join(address).ok()?;
        let at_tenant = url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.host_str().is_some_and(|name| self.are_same(host, name));
        at_tenant.then(|| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(aliases: &Aliases, address: &str) -> Option<String> {
        aliases.on_tenant(&"acme.eu.qlikcloud.com".parse().unwrap(), "/api/v1/items?limit=2", address)
    }

    #[test]
    fn addresses_at_the_tenant_become_paths() {
        let none = Aliases::default();
        for (address, path) in [
            ("https://acme.eu.qlikcloud.com/api/v1/items?next=x%20y", "/api/v1/items?next=x%20y"),
            ("https://ACME.eu.qlikcloud.com:443/a#part", "/a"),
            ("/api/v1/users/1", "/api/v1/users/1"),
            ("?next=2", "/api/v1/items?next=2"),
            ("//acme.eu.qlikcloud.com/b", "/b"),
        ] {
            assert_eq!(follow(&none, address).as_deref(), Some(path), "{address}");
        }
    }

    #[test]
    fn addresses_elsewhere_are_refused() {
        let none = Aliases::default();
        for address in [
            "https://evil.example/api/v1/items",
            "http://acme.eu.qlikcloud.com/api/v1/items",
            "https://acme.eu.qlikcloud.com:8443/",
            "https://me@acme.eu.qlikcloud.com/",
            "https://acme.eu.qlikcloud.com@evil.example/",
            "//evil.example/",
            "\\\\evil.example/",
            "https://qlkabc.eu.qlikcloud.com/",
            "javascript:alert(1)",
            "data:,x",
        ] {
            assert_eq!(follow(&none, address), None, "{address}");
        }
    }

    #[test]
    fn another_name_of_the_same_tenant_is_followed_at_the_host_that_was_asked() {
        let aliases = Aliases::default();
        aliases.learn(&"acme.eu.qlikcloud.com".parse().unwrap(), &["QLKabc.eu.qlikcloud.com".into()]);
        assert_eq!(follow(&aliases, "https://qlkabc.eu.qlikcloud.com/a").as_deref(), Some("/a"));
        let other = "globex.eu.qlikcloud.com".parse().unwrap();
        assert_eq!(aliases.on_tenant(&other, "/", "https://qlkabc.eu.qlikcloud.com/a"), None);
    }
}
