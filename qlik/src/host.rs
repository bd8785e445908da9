//! The one way to name a Qlik Cloud tenant: a host that was checked once.
//!
//! A [`TenantHost`] is what stands between a form field and the network: a
//! server that calls whatever a person types can be pointed at a private
//! address. This module must not resolve names or open connections.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use url::{Host, Url};

/// Longest host name that DNS allows, in characters.
const MAX_HOST: usize = 253;
/// Longest input that is looked at, in characters: room for a pasted URL.
const MAX_INPUT: usize = 2048;
/// The domains under which Qlik runs tenants.
///
/// Source: <https://qlik.dev/apis/rest/> for `qlikcloud.com`; tenants of the
/// government cloud are `<tenant>.us.qlikcloudgov.com`.
const QLIK_DOMAINS: [&str; 2] = ["qlikcloud.com", "qlikcloudgov.com"];

/// The bare, lower-case host name of a Qlik Cloud tenant, such as
/// `acme.eu.qlikcloud.com`.
///
/// A tenant answers under a generated name that never changes and under
/// aliases that an administrator can change
/// (<https://help.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Introduction/qcs-tenant-alias.htm>);
/// both are tenant hosts.
///
/// Deserialising checks the form of a host name only, so that what an operator
/// once allowed can still be read after the policy changed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TenantHost(String);

/// Hosts beyond Qlik's own domains that the operator of this software allows.
///
/// Each entry is an exact host or `*.suffix`, which matches any depth below the
/// suffix. The default allows none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPolicy {
    /// The entries, in any case.
    pub extra: Vec<String>,
}

impl HostPolicy {
    fn allows(&self, host: &str) -> bool {
        QLIK_DOMAINS.iter().any(|domain| labels_below(host, domain) >= 2)
            || self.extra.iter().any(|entry| is_meant(entry, host))
    }
}

/// Whether an entry of a list of hosts, an exact one or `*.suffix`, means this host.
pub(crate) fn is_meant(entry: &str, host: &str) -> bool {
    let entry = entry.trim().to_ascii_lowercase();
    match entry.strip_prefix("*.") {
        Some(suffix) => labels_below(host, suffix) >= 1,
        None => host == entry,
    }
}

/// Whether a host is under one of the domains in which Qlik runs tenants.
pub(crate) fn is_under_qlik(host: &str) -> bool {
    QLIK_DOMAINS.iter().any(|domain| labels_below(host, domain) >= 1)
}

/// How many labels `host` has in front of `domain`; 0 where it is not below it.
fn labels_below(host: &str, domain: &str) -> usize {
    host.strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'))
        .map_or(0, |rest| rest.split('.').filter(|label| !label.is_empty()).count())
}

/// Why a text is not the host of a Qlik tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing was given.
    #[error("enter the host name of the Qlik Cloud tenant, such as acme.eu.qlikcloud.com")]
    Empty,
    /// It is not a host name, nor a URL that holds one.
    #[error("this is not a host name; it should look like acme.eu.qlikcloud.com")]
    NotAHost,
    /// A port other than 443.
    #[error("leave the port out: Qlik Cloud tenants are reached over HTTPS on port 443")]
    HasPort,
    /// A numeric address.
    #[error("enter the host name of the tenant, not an IP address")]
    IpAddress,
    /// A host name, but not of a Qlik Cloud tenant.
    #[error("{host} is not a Qlik Cloud tenant: its name should end with .REGION.qlikcloud.com")]
    NotQlik {
        /// The host that was found in the input.
        host: String,
    },
    /// Longer than a host name can be.
    #[error("this is too long to be a host name")]
    TooLong,
}

impl TenantHost {
    /// Finds the host in what a person typed or pasted.
    ///
    /// Surrounding spaces, capitals, a trailing dot, a scheme and anything
    /// after the host are accepted: `acme.eu.qlikcloud.com` and
    /// `https://ACME.eu.qlikcloud.com/hub/?x=1` give the same. A pasted
    /// `http://` is only a way to hold a host; HTTPS is used always.
    ///
    /// # Errors
    ///
    /// [`HostError`], whose text is fit for the person who typed.
    pub fn parse(input: &str, policy: &HostPolicy) -> Result<Self, HostError> {
        let input = input.trim();
        if input.is_empty() {
            return Err(HostError::Empty);
        }
        if input.len() > MAX_INPUT {
            return Err(HostError::TooLong);
        }
        let rest = match input.split_once("://") {
            Some((scheme, rest)) if ["https", "http"].iter().any(|s| s.eq_ignore_ascii_case(scheme)) => rest,
            Some(_) => return Err(HostError::NotAHost),
            None => input,
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let authority = &rest[..end];
        // The URL parser would decode, strip or convert these; nobody types them
        // into a host name with good intentions.
        if authority.is_empty()
            || !authority.is_ascii()
            || authority
                .contains(|c: char| matches!(c, '@' | '%') || c.is_ascii_whitespace() || c.is_control())
        {
            return Err(HostError::NotAHost);
        }
        let url = Url::parse(&format!("https://{authority}/"))
            .map_err(|_| if authority.len() > MAX_HOST { HostError::TooLong } else { HostError::NotAHost })?;
        let host = match url.host() {
            Some(Host::Domain(domain)) => domain.trim_end_matches('.').to_ascii_lowercase(),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(HostError::IpAddress),
            None => return Err(HostError::NotAHost),
        };
        if url.port().is_some() {
            return Err(HostError::HasPort);
        }
        let host = check_form(host)?;
        if policy.allows(&host) { Ok(Self(host)) } else { Err(HostError::NotQlik { host }) }
    }

    /// A host of the right form that other rules than those for tenants allow, for
    /// the parts of this crate that have such rules.
    pub(crate) fn allowed_otherwise(host: &str) -> Option<Self> {
        check_form(host.to_ascii_lowercase()).ok().map(Self)
    }

    /// The bare host name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The origin, `https://HOST`, without a slash at its end.
    pub fn origin(&self) -> String {
        format!("https://{}", self.0)
    }

    /// The URL of a path on this host; `path` starts with a slash.
    pub fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!("https://{}{slash}{path}", self.0)
    }

    /// The address of a page of the tenant's own user interface, for a link
    /// that a person follows.
    pub fn console_url(&self, page: ConsolePage) -> String {
        self.url(page.path())
    }
}

/// Lower-case letters, digits and hyphens in labels of 1 to 63 characters, the
/// last of which is not a number.
fn check_form(host: String) -> Result<String, HostError> {
    if host.is_empty() {
        return Err(HostError::Empty);
    }
    if host.len() > MAX_HOST {
        return Err(HostError::TooLong);
    }
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let last_is_number =
        host.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if last_is_number {
        return Err(HostError::IpAddress);
    }
    if host.split('.').all(label_is_fine) { Ok(host) } else { Err(HostError::NotAHost) }
}

/// A page of the tenant's user interface that an administrator is sent to.
///
/// The administration lives under `/admin` and, in the address bar, under
/// `/console`
/// (<https://help.qlik.com/en-us/cloud-services/Subsystems/Hub/Content/Sense_Hub/Admin/management-console.htm>);
/// Qlik does not promise the paths below it. Those here are seen in public
/// documentation or public code, as noted; where one should stop working, the
/// tenant still shows its administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsolePage {
    /// Web integrations: `/console/web-integrations`, seen in public code.
    Web,
    /// The user's own API keys: `/settings/api-keys`, named by Qlik's command
    /// line (<https://qlik.dev/toolkits/qlik-cli/>).
    ApiKeys,
    /// Identity providers: `/console/identity-providers`; by analogy with the
    /// others, not seen in a public text.
    IdentityProviders,
    /// Users: `/console/users`, seen in public code.
    Users,
    /// Roles and permissions, which are a tab of the users page
    /// (<https://qlik.dev/authenticate/api-key/generate-your-first-api-key/>).
    Permissions,
}

impl ConsolePage {
    /// The path of the page, starting with a slash.
    pub fn path(self) -> &'static str {
        match self {
            Self::Web => "/console/web-integrations",
            Self::ApiKeys => "/settings/api-keys",
            Self::IdentityProviders => "/console/identity-providers",
            Self::Users | Self::Permissions => "/console/users",
        }
    }
}

impl fmt::Display for TenantHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantHost({})", self.0)
    }
}

impl AsRef<str> for TenantHost {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Parses with the default policy: hosts under Qlik's own domains.
impl FromStr for TenantHost {
    type Err = HostError;

    fn from_str(input: &str) -> Result<Self, HostError> {
        Self::parse(input, &HostPolicy::default())
    }
}

impl<'de> Deserialize<'de> for TenantHost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let host = String::deserialize(deserializer)?;
        check_form(host).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
