//! Deciding whether an address that Qlik gave stays at the tenant.
//!
//! Links to next pages and redirects may be absolute. Credentials are sent to
//! no host but the tenant's, so an address is reduced to its path after its
//! host was checked. This module must not know what is at the address.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use url::Url;

use crate::host::TenantHost;

/// So many tenants' host names are remembered.
const MAX_TENANTS: usize = 10_000;

/// The names of each tenant: those that it listed itself, and those that the caller
/// knows from an earlier list.
///
/// A tenant answers under its permanent name and under aliases, which an
/// administrator can change or remove; from then on Qlik knows the old alias no more
/// (<https://qlik.dev/manage/tenants/update-tenants>). Whether calls under an alias
/// are ever redirected to the permanent name is not documented. In both cases the
/// call goes to the other name, because it is one of the same tenant; no other
/// address is followed.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    known: RwLock<HashMap<TenantHost, Names>>,
    /// Names that were found gone, until somebody asks for them.
    gone: Mutex<Vec<TenantHost>>,
}

#[derive(Debug, Default)]
struct Names {
    all: HashSet<String>,
    permanent: Option<TenantHost>,
    instead: Option<(TenantHost, Moved)>,
}

/// Why calls for one name of a tenant go to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Qlik has no tenant under the name any more (code `LOGIN-2`), or it is another
    /// tenant's now.
    Gone,
    /// The tenant redirects calls to the other name.
    Redirected,
}

impl Aliases {
    /// Remembers the names that the tenant behind `host` says it has, the permanent
    /// one first.
    pub(crate) fn learn(&self, host: &TenantHost, names: &[String]) {
        let permanent = names.first().and_then(|name| TenantHost::allowed_otherwise(name));
        self.change(host, |known| {
            known.all = names.iter().map(|n| n.to_ascii_lowercase()).collect();
            known.permanent = permanent;
        });
    }

    /// Remembers the permanent name of the tenant behind `host`, which the caller has
    /// from an earlier list.
    pub(crate) fn know(&self, host: &TenantHost, permanent: &TenantHost) {
        let knows = |names: &Names| names.permanent.as_ref() == Some(permanent);
        if self.read().get(host).is_some_and(knows) {
            return;
        }
        self.change(host, |known| {
            known.all.insert(permanent.as_str().to_owned());
            known.permanent = Some(permanent.clone());
        });
    }

    /// Forgets all names that were given for `host`.
    pub(crate) fn forget(&self, host: &TenantHost) {
        self.write().remove(host);
    }

    /// The name to which calls for `host` go.
    pub(crate) fn in_use(&self, host: &TenantHost) -> TenantHost {
        self.moved(host).map_or_else(|| host.clone(), |(instead, _)| instead)
    }

    /// Where calls for `host` go to another name: which, and why.
    pub(crate) fn moved(&self, host: &TenantHost) -> Option<(TenantHost, Moved)> {
        self.read().get(host)?.instead.clone()
    }

    /// Sends calls for `host` to another name of the tenant from now on. A name that
    /// is gone stays so, whatever redirects.
    pub(crate) fn use_instead(&self, host: &TenantHost, other: &TenantHost, why: Moved) {
        let mut is_news = false;
        self.change(host, |known| {
            let gone = matches!(known.instead, Some((_, Moved::Gone)));
            is_news = !gone && why == Moved::Gone;
            known.all.insert(other.as_str().to_owned());
            known.instead = Some((other.clone(), if gone { Moved::Gone } else { why }));
        });
        if is_news {
            self.gone.lock().unwrap_or_else(PoisonError::into_inner).push(host.clone());
        }
    }

    /// Tells a name that was found gone once more.
    pub(crate) fn put_back_gone(&self, host: TenantHost) {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).push(host);
    }

    /// The names that were found gone since this was asked last.
    pub(crate) fn take_gone(&self) -> Vec<TenantHost> {
        std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The permanent name of the tenant behind `host`, where it is known and another one
    /// than `used`: to be asked where Qlik says that it has no tenant under that.
    pub(crate) fn after_gone(&self, host: &TenantHost, used: &TenantHost) -> Option<TenantHost> {
        self.read().get(host)?.permanent.clone().filter(|p| p != used)
    }

    pub(crate) fn are_same(&self, host: &TenantHost, name: &str) -> bool {
        host.as_str() == name || self.read().get(host).is_some_and(|names| names.all.contains(name))
    }

    /// The path and query to ask `host` for, or none where the address leaves
    /// the tenant. `from` is the path of the request that gave the address.
    pub(crate) fn on_tenant(&self, host: &TenantHost, from: &str, address: &str) -> Option<String> {
        self.place(host, host, from, address).ok().map(|(_, path)| path)
    }

    /// The name of the tenant, and path and query there, that an address means, given
    /// by `used`, which was asked for `host`.
    ///
    /// # Errors
    ///
    /// The host to which it leads, where that is none of the tenant's; empty where it
    /// is no address of a web page.
    pub(crate) fn place(
        &self,
        host: &TenantHost,
        used: &TenantHost,
        from: &str,
        address: &str,
    ) -> Result<(TenantHost, String), String> {
        let none = |_| String::new();
        let url = Url::parse(&used.url(from)).and_then(|base| base.join(address)).map_err(none)?;
        let name = url.host_str().unwrap_or_default().to_owned();
        let plain = is_plain(&url) && (name == used.as_str() || self.are_same(host, &name));
        let Some(there) = TenantHost::allowed_otherwise(&name).filter(|_| plain) else { return Err(name) };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok((there, path))
    }

    fn change(&self, host: &TenantHost, how: impl FnOnce(&mut Names)) {
        let mut known = self.write();
        if known.len() < MAX_TENANTS || known.contains_key(host) {
            how(known.entry(host.clone()).or_default());
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<TenantHost, Names>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<TenantHost, Names>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// HTTPS on its own port, without a name in front of the host.
pub(crate) fn is_plain(url: &Url) -> bool {
    url.scheme() == "https" && url.port().is_none() && url.username().is_empty() && url.password().is_none()
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

    #[test]
    fn a_name_that_is_gone_gives_way_to_the_permanent_one_and_to_nothing_else() {
        let aliases = Aliases::default();
        let host = |text: &str| text.parse::<TenantHost>().unwrap();
        let (alias, permanent) = (host("acme.eu.qlikcloud.com"), host("qlkabc.eu.qlikcloud.com"));
        assert_eq!(aliases.after_gone(&alias, &alias), None, "nobody knows another name");
        aliases.know(&alias, &permanent);
        assert_eq!((aliases.in_use(&alias), aliases.moved(&alias)), (alias.clone(), None));
        assert_eq!(aliases.after_gone(&alias, &alias), Some(permanent.clone()));
        assert_eq!(aliases.in_use(&alias), alias, "not before it has answered under the other name");
        aliases.use_instead(&alias, &permanent, Moved::Gone);
        assert_eq!(aliases.in_use(&alias), permanent);
        assert_eq!(aliases.take_gone(), std::slice::from_ref(&alias));
        assert!(aliases.take_gone().is_empty(), "it is told once");
        assert_eq!(aliases.after_gone(&alias, &permanent), None, "there is nothing behind it");
        aliases.use_instead(&alias, &permanent, Moved::Redirected);
        assert_eq!(aliases.moved(&alias), Some((permanent.clone(), Moved::Gone)));
        assert_eq!(aliases.in_use(&permanent), permanent);
        aliases.forget(&alias);
        assert_eq!(aliases.in_use(&alias), alias);
    }

    #[test]
    fn an_address_at_another_name_says_which_and_one_elsewhere_where() {
        let aliases = Aliases::default();
        let host = |text: &str| text.parse::<TenantHost>().unwrap();
        let (alias, permanent) = (host("acme.eu.qlikcloud.com"), host("qlkabc.eu.qlikcloud.com"));
        aliases.know(&alias, &permanent);
        let place = |address| aliases.place(&alias, &alias, "/a", address);
        assert_eq!(place("https://QLKabc.eu.qlikcloud.com/b?c"), Ok((permanent.clone(), "/b?c".into())));
        assert_eq!(place("/b"), Ok((alias.clone(), "/b".into())));
        assert_eq!(place("https://globex.eu.qlikcloud.com/b"), Err("globex.eu.qlikcloud.com".into()));
        assert_eq!(place("http://qlkabc.eu.qlikcloud.com/b"), Err("qlkabc.eu.qlikcloud.com".into()));
        let from_there = aliases.place(&alias, &permanent, "/a", "/b");
        assert_eq!(from_there, Ok((permanent, "/b".into())));
    }
}
