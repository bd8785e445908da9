//! Where a host's traffic goes, when it is not where DNS says.
//!
//! Used for a stand-in tenant on the loopback address and for private networks.
//! Only the address changes: TLS still checks the certificate against the host
//! name. This module must not know what is asked of the host.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolving};

/// A table of hosts and the addresses that serve them.
///
/// Empty by default: every host is looked up in DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolve {
    /// Lower-case host or suffix, and where it goes. Exact hosts come first,
    /// then suffixes from long to short, so that the first match is the best.
    rules: Vec<(Pattern, SocketAddr)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Host(String),
    /// Any depth below it.
    Below(String),
}

/// What is wrong with a resolve table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// An entry is not of the form `host=ip:port`.
    #[error("{entry:?} should be of the form host=ip:port")]
    Form {
        /// The entry.
        entry: String,
    },
    /// What follows `=` is not an IP address with a port.
    #[error("{address:?} should be an IP address and a port, such as 127.0.0.1:4443")]
    Address {
        /// The part after the equals sign.
        address: String,
    },
    /// The host is not one, or the same host is given twice.
    #[error("{host:?} is not a host name, *.suffix, or is given twice")]
    Host {
        /// The part before the equals sign.
        host: String,
    },
}

impl Resolve {
    /// Reads `host=ip:port` entries separated by commas. A host may be
    /// `*.suffix`, which matches any depth below the suffix. An empty text is
    /// an empty table.
    ///
    /// # Errors
    ///
    /// [`ResolveError`] for the first entry that is wrong.
    pub fn parse(spec: &str) -> Result<Self, ResolveError> {
        let mut rules: Vec<(Pattern, SocketAddr)> = Vec::new();
        for entry in spec.split(',').map(str::trim).filter(|e| !e.is_empty()) {
            let Some((host, address)) = entry.split_once('=') else {
                return Err(ResolveError::Form { entry: entry.to_owned() });
            };
            let addr: SocketAddr = address
                .trim()
                .parse()
                .ok()
                .filter(|a: &SocketAddr| a.port() != 0)
                .ok_or_else(|| ResolveError::Address { address: address.trim().to_owned() })?;
            let host = host.trim().to_ascii_lowercase();
            let bad_host = || ResolveError::Host { host: host.clone() };
            let (bare, pattern) = match host.strip_prefix("*.") {
                Some(suffix) => (suffix, Pattern::Below(suffix.to_owned())),
                None => (host.as_str(), Pattern::Host(host.clone())),
            };
            let is_host = !bare.is_empty()
                && bare.split('.').all(|label| {
                    !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                });
            if !is_host || rules.iter().any(|(p, _)| *p == pattern) {
                return Err(bad_host());
            }
            rules.push((pattern, addr));
        }
        rules.sort_by_key(|(pattern, _)| match pattern {
            Pattern::Host(_) => (0, 0),
            Pattern::Below(suffix) => (1, usize::MAX - suffix.len()),
        });
        Ok(Self { rules })
    }

    /// The address for a host, if the table has one.
    pub fn lookup(&self, host: &str) -> Option<SocketAddr> {
        let host = host.to_ascii_lowercase();
        self.rules
            .iter()
            .find(|(pattern, _)| match pattern {
                Pattern::Host(exact) => host == *exact,
                Pattern::Below(suffix) => host
                    .strip_suffix(suffix.as_str())
                    .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            })
            .map(|(_, addr)| *addr)
    }

    /// True when every host is looked up in DNS.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

/// The table first, the system's resolver for the rest.
///
/// The HTTP client takes the port from the URL when the URL names one, and
/// otherwise a port that the resolver gave, so that `https://host/` can be
/// served from any port.
#[derive(Debug)]
pub(crate) struct Resolver(pub(crate) Resolve);

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let fixed = self.0.lookup(name.as_str());
        Box::pin(async move {
            if let Some(addr) = fixed {
                return Ok(Box::new(std::iter::once(addr)) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(spec: &str, host: &str) -> Option<String> {
        Resolve::parse(spec).unwrap().lookup(host).map(|a| a.to_string())
    }

    #[test]
    fn the_best_match_wins_whatever_the_order() {
        let spec =
            "*.qlikcloud.com=127.0.0.1:1, acme.eu.qlikcloud.com=127.0.0.1:3 ,*.eu.qlikcloud.com=[::1]:2,";
        assert_eq!(at(spec, "acme.eu.qlikcloud.com").as_deref(), Some("127.0.0.1:3"));
        assert_eq!(at(spec, "Other.EU.qlikcloud.com").as_deref(), Some("[::1]:2"));
        assert_eq!(at(spec, "a.us.qlikcloud.com").as_deref(), Some("127.0.0.1:1"));
        assert_eq!(at(spec, "qlikcloud.com"), None);
        assert_eq!(at(spec, "evilqlikcloud.com"), None);
        assert_eq!(at("", "acme.eu.qlikcloud.com"), None);
    }

    #[test]
    fn a_wrong_entry_is_named() {
        assert_eq!(Resolve::parse("acme"), Err(ResolveError::Form { entry: "acme".into() }));
        assert_eq!(Resolve::parse("a.b=10.0.0.1"), Err(ResolveError::Address { address: "10.0.0.1".into() }));
        assert_eq!(
            Resolve::parse("a.b=10.0.0.1:0"),
            Err(ResolveError::Address { address: "10.0.0.1:0".into() })
        );
        assert_eq!(Resolve::parse("a.b=c.d:1"), Err(ResolveError::Address { address: "c.d:1".into() }));
        assert_eq!(Resolve::parse("a*b=10.0.0.1:1"), Err(ResolveError::Host { host: "a*b".into() }));
        assert_eq!(Resolve::parse("a=1.1.1.1:1,a=1.1.1.1:2"), Err(ResolveError::Host { host: "a".into() }));
    }

    proptest! {
        #[test]
        fn reading_a_table_never_panics(spec in ".{0,60}") {
            let _ = Resolve::parse(&spec);
        }
    }
}
