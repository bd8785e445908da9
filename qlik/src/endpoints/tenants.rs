//! The tenant itself: <https://qlik.dev/manage/tenants/update-tenants>.

use std::time::Duration;

use http::{StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use crate::answer::Answer;
use crate::client::Tenant;
use crate::env::clock_offset;
use crate::error::{Error, ErrorKind};
use crate::host::TenantHost;
use crate::lenient;
use crate::links::is_plain;
use crate::transport::{Follow, Request, is_no_tenant, location};

const ME: &str = "GET /api/v1/tenants/me";
const PROBE: &str = "GET /api/v1/tenants/me (without credentials)";
const PATH: &str = "/api/v1/tenants/me";

/// A Qlik Cloud tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantInfo {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    #[serde(default)]
    pub name: String,
    /// The permanent host name first, then the aliases, which can change.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub hostnames: Vec<String>,
    /// Where its data is kept.
    #[serde(default, deserialize_with = "lenient::text")]
    pub datacenter: Option<String>,
    /// Its region.
    #[serde(default, deserialize_with = "lenient::text")]
    pub region: Option<String>,
    /// Such as `active`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<String>,
}

impl TenantInfo {
    /// Whether this is one of the tenant's names.
    pub fn has_name(&self, host: &TenantHost) -> bool {
        self.hostnames.iter().any(|name| name.eq_ignore_ascii_case(host.as_str()))
    }
}

/// What a host says without being given credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The tenant's clock, to the second.
    pub server_date: Option<Timestamp>,
    /// How many seconds this client's clock is ahead of the tenant's, or behind
    /// (below zero): see [`clock_offset`](crate::clock_offset). None where the
    /// answer is not dated, or was kept by a cache on the way.
    pub clock_offset: Option<i64>,
    /// How long the answer took, a new connection included.
    pub elapsed: Duration,
    /// The host to which the host sends this very call, where that is not known to be
    /// a name of the same tenant. Nothing was sent there.
    pub redirected_to: Option<TenantHost>,
}

impl Tenant {
    /// Finds out whether the host is a Qlik Cloud tenant, without credentials.
    ///
    /// A tenant says 401 in the way of an API (the body of this 401 is not
    /// documented, so any JSON will do, and none), or sends to a login at the same host,
    /// or to another host for the same, as a tenant may that is asked under an alias.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Dns`], [`ErrorKind::Connect`] or [`ErrorKind::Tls`] where
    /// nothing is there; [`ErrorKind::NotQlik`] where something else is;
    /// [`ErrorKind::NoTenant`] where Qlik says that it has no such tenant, with
    /// the code `LOGIN-2`
    /// (<https://community.qlik.com/t5/Official-Support-Articles/Error-When-Logging-Into-Qlik-Cloud-tenant/ta-p/1710940>).
    pub async fn probe(&self) -> Result<Probe, Error> {
        let anonymous = Self { credential: crate::credential::Credential::Anonymous, ..self.clone() };
        let request = Request { follow: Follow::HandBack, ..Request::get(PROBE, PATH) };
        let started = tokio::time::Instant::now();
        let before = self.transport.clock().now();
        let answer = anonymous.call(request).await?;
        let after = self.transport.clock().now();
        let server_date = answer.server_date();
        let fresh_date = server_date.filter(|_| !answer.headers.contains_key(header::AGE));
        let mut probe = Probe {
            server_date,
            clock_offset: fresh_date.map(|date| clock_offset(date, before, after)),
            elapsed: started.elapsed(),
            redirected_to: None,
        };
        let envelope = answer.envelope();
        match answer.status {
            _ if is_no_tenant(&answer) => Err(answer.error()),
            StatusCode::UNAUTHORIZED if answer.is_json_or_nothing() || answer.is_entrance() => Ok(probe),
            status if status.is_redirection() => {
                probe.redirected_to = self.redirected(&answer)?;
                Ok(probe)
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN if envelope.is_some() => {
                Err(answer.error())
            }
            status if status.is_server_error() => Err(answer.error()),
            _ => {
                let status = answer.status;
                match answer.json::<TenantInfo>() {
                    Ok(_) => Ok(probe),
                    Err(_) => Err(Error::new(ErrorKind::NotQlik, PROBE).with_status(status)),
                }
            }
        }
    }

    /// Where the host sends this very call to another host: which. None where it stays
    /// at the tenant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::RedirectLeavesTenant`] for an address that no tenant would give,
    /// [`ErrorKind::NotQlik`] where there is none.
    fn redirected(&self, answer: &Answer) -> Result<Option<TenantHost>, Error> {
        let error = |kind| Error::new(kind, PROBE).with_status(answer.status);
        let to = location(answer).ok_or_else(|| error(ErrorKind::NotQlik))?;
        let aliases = &self.transport.aliases;
        let used = aliases.in_use(&self.host);
        let Err(elsewhere) = aliases.place(&self.host, &used, PATH, to) else { return Ok(None) };
        let same_call = Url::parse(to).is_ok_and(|url| is_plain(&url) && url.path() == PATH);
        let there = TenantHost::allowed_otherwise(&elsewhere).filter(|_| same_call);
        there.map(Some).ok_or_else(|| {
            error(ErrorKind::RedirectLeavesTenant)
                .with_leads_to(Some(elsewhere.as_str()).filter(|to| !to.is_empty()))
        })
    }

    /// The tenant that the credential is for.
    ///
    /// # Errors
    ///
    /// What every call can give.
    pub async fn tenant_me(&self) -> Result<TenantInfo, Error> {
        let info: TenantInfo = self.call(Request::get(ME, PATH)).await?.json()?;
        let aliases = &self.transport.aliases;
        let used = aliases.in_use(&self.host);
        if info.has_name(&used) {
            aliases.learn(&self.host, &info.hostnames);
            aliases.learn(&used, &info.hostnames);
        }
        Ok(info)
    }
}
