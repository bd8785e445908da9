//! The engine of the checks: in order, each with its time, and each that needs
//! an earlier one left out where that one did not pass.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;
use qlik::{ApiKey, TenantInfo, User, host::TenantHost, secret::ApiKeyToken};
use tokio::time::Instant;

use super::report::{Check, Note, Outcome, Report};
use crate::{Actor, Error, Services, identity::IdentityView};

/// What is checked.
pub(super) struct Candidate<'a> {
    pub(super) actor: &'a Actor,
    pub(super) host: &'a TenantHost,
    pub(super) key: Arc<ApiKeyToken>,
    pub(super) web_integration_id: &'a str,
    pub(super) email_as_subject: bool,
    pub(super) identity: &'a IdentityView,
    /// The tenant's id where it is known from an earlier success at this host.
    pub(super) known_tenant: Option<&'a str>,
}

/// What the checks learnt, beside the report.
pub(super) struct Findings {
    pub(super) report: Report,
    /// Some where the tenant, the key, its owner and its record could be read.
    pub(super) facts: Option<Facts>,
    /// Qlik refused the key.
    pub(super) key_refused: bool,
}

/// What a save stores.
pub(crate) struct Facts {
    pub(crate) tenant: TenantInfo,
    pub(crate) owner: User,
    pub(crate) key: ApiKey,
}

/// Collects checks.
#[derive(Default)]
pub(super) struct Run {
    checks: Vec<Check>,
}

impl Run {
    /// Makes one check. What it gives is for those that need it; `None` leaves
    /// them out.
    pub(super) async fn step<T>(
        &mut self,
        id: &str,
        title: &str,
        made: impl Future<Output = Result<(Note, Option<T>), Error>>,
    ) -> Result<Option<T>, Error> {
        let began = Instant::now();
        let (note, given) = made.await?;
        self.checks.push(Check {
            id: id.to_owned(),
            title: title.to_owned(),
            outcome: note.outcome,
            says: note.says,
            remedy: note.remedy,
            link: note.link,
            elapsed_ms: Some(u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX)),
            qlik_code: note.code,
            trace_id: note.trace,
        });
        Ok(given)
    }

    /// Leaves one out. `None`, so that those that need it are left out as well.
    pub(super) fn skip<T>(&mut self, id: &str, title: &str, needs: &str) -> Option<T> {
        let because =
            self.checks.iter().rev().find(|c| c.id == needs).map_or("an earlier check", |c| c.title.as_str());
        self.checks.push(Check {
            id: id.to_owned(),
            title: title.to_owned(),
            outcome: Outcome::NotChecked,
            says: format!("Not checked; it needs: {because}."),
            remedy: None,
            link: None,
            elapsed_ms: None,
            qlik_code: None,
            trace_id: None,
        });
        None
    }

    pub(super) fn end(self, at: Timestamp, identity_missing: bool) -> Report {
        let count = |o| self.checks.iter().filter(|c| c.outcome == o).count();
        let (failed, warned) = (count(Outcome::Failed), count(Outcome::Warning));
        let apps = self.checks.iter().find(|c| c.id == "apps").map_or("", |c| c.says.as_str());
        let headline = match (failed, warned) {
            (0, 0) => format!("Connected. {apps}"),
            (0, 1) => "Connected, with one warning.".to_owned(),
            (0, n) => format!("Connected, with {n} warnings."),
            (1, _) => "One check failed.".to_owned(),
            (n, _) => format!("{n} checks failed."),
        };
        Report { at, ok: failed == 0, headline, identity_missing, checks: self.checks }
    }
}

const TENANT: (&str, &str) = ("tenant", "The hostname is a Qlik tenant");
const KEY: (&str, &str) = ("key", "The tenant accepts the API key");
const OWNER: (&str, &str) = ("owner", "The key's owner is known and active");
const LIFETIME: (&str, &str) = ("lifetime", "The key is active, and its expiry known");
const RENEWAL: (&str, &str) = ("renewal", "The key can be renewed");
const WEB: (&str, &str) = ("web_integration", "The web integration exists");
const ORIGIN: (&str, &str) = ("origin", "The web integration lists this portal's origin");
const USERS: (&str, &str) = ("read_users", "Users can be found by their e-mail");
const LOGIN: (&str, &str) = ("jwt_login", "A user can sign in by JWT");
const APPS: (&str, &str) = ("apps", "Apps can be read");

impl Services {
    /// Makes all checks, from the hostname to the apps.
    pub(super) async fn run_checks(&self, on: &Candidate<'_>) -> Result<Findings, Error> {
        let mut run = Run::default();
        let qlik = self.qlik();
        let mut key_refused = false;

        let reached = run.step(TENANT.0, TENANT.1, on.tenant(qlik)).await?;
        let tenant = match reached {
            Some(()) => run.step(KEY.0, KEY.1, on.key(qlik, &mut key_refused)).await?,
            None => run.skip(KEY.0, KEY.1, TENANT.0),
        };
        let owner = match &tenant {
            Some(_) => run.step(OWNER.0, OWNER.1, on.owner(qlik)).await?,
            None => run.skip(OWNER.0, OWNER.1, KEY.0),
        };
        let key = match &owner {
            Some(_) => run.step(LIFETIME.0, LIFETIME.1, on.lifetime(qlik, self.now())).await?,
            None => run.skip(LIFETIME.0, LIFETIME.1, OWNER.0),
        };
        match (&tenant, &owner, &key) {
            (Some(t), Some(o), Some(k)) => run.step(RENEWAL.0, RENEWAL.1, on.renewal(qlik, t, o, k)).await?,
            _ => run.skip(RENEWAL.0, RENEWAL.1, LIFETIME.0),
        };
        let web = match &tenant {
            Some(_) => run.step(WEB.0, WEB.1, on.web_integration(qlik)).await?,
            None => run.skip(WEB.0, WEB.1, KEY.0),
        };
        let origin: Option<()> = match web {
            Some(Some(web)) => run.step(ORIGIN.0, ORIGIN.1, async { Ok(on.origin(&web)) }).await?,
            // The web integration may not be read: the login below shows a wrong pair as well.
            Some(None) => {
                run.skip::<()>(ORIGIN.0, ORIGIN.1, WEB.0);
                Some(())
            }
            None => run.skip(ORIGIN.0, ORIGIN.1, WEB.0),
        };
        let found = match &tenant {
            Some(_) => run.step(USERS.0, USERS.1, on.read_users(qlik)).await?,
            None => run.skip(USERS.0, USERS.1, KEY.0),
        };
        let mut missing = false;
        let session = match (&owner, origin, &found) {
            (Some(owner), Some(()), Some(found)) => {
                run.step(LOGIN.0, LOGIN.1, on.jwt_login(self, owner, found, &mut missing)).await?
            }
            (None, ..) => run.skip(LOGIN.0, LOGIN.1, OWNER.0),
            (_, None, _) => run.skip(LOGIN.0, LOGIN.1, ORIGIN.0),
            (.., None) => run.skip(LOGIN.0, LOGIN.1, USERS.0),
        };
        match session {
            Some(login) => run.step(APPS.0, APPS.1, on.apps(qlik, login)).await?,
            None => run.skip(APPS.0, APPS.1, LOGIN.0),
        };
        let facts = match (tenant, owner, key) {
            (Some(tenant), Some(owner), Some(key)) => Some(Facts { tenant, owner, key }),
            _ => None,
        };
        Ok(Findings { report: run.end(self.now(), missing), facts, key_refused })
    }
}
