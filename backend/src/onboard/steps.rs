//! The steps: each looks first whether it is done already, so that a step whose
//! answer was lost is not done twice.

use std::sync::Arc;

use qlik::{
    NewJwtIdp, Tenant, WebIntegration,
    error::{Error as QlikError, ErrorKind},
    secret::ApiKeyToken,
};

use super::state::{Event, IdpPlan, Object, Phase, Progress, WebPlan};
use crate::{
    Actor, Error, Portal, Services,
    doctor::{Outcome, Report},
    integration::{SaveInput, ensure_provider, provider_of},
    renewal::{Fault, load},
    words,
};

/// One run, with what its steps need.
pub(super) struct Run<'a> {
    pub(super) services: &'a Services,
    pub(super) portal: Portal,
    /// Who asked, where they still may.
    pub(super) actor: Option<Actor>,
    pub(super) tenant: Tenant,
    pub(super) key: Arc<ApiKeyToken>,
    pub(super) progress: Progress,
}

impl Run<'_> {
    /// Does what the phase asks for.
    pub(super) async fn step(&self) -> Result<Event, Error> {
        let undoing = matches!(self.progress.phase, Phase::UndoIdp | Phase::UndoWeb);
        if self.actor.is_none() && !undoing {
            return Ok(Event::Barred(plain("Who asked for it is no administrator of this portal any more.")));
        }
        let done = match self.progress.phase {
            Phase::Web => self.ensure_web().await,
            Phase::Idp => self.ensure_idp().await,
            Phase::Save => return self.save().await,
            Phase::UndoIdp => return Ok(self.removed(self.remove_idp().await, "The JWT identity provider")),
            Phase::UndoWeb => return Ok(self.removed(self.remove_web().await, "The web integration")),
            Phase::Planned | Phase::Done | Phase::Undone => {
                return Err(Error::Internal("a set-up that does not run was run"));
            }
        };
        Ok(done.unwrap_or_else(|e| self.failed(&e)))
    }

    fn fault(&self, e: &QlikError) -> Fault {
        Fault {
            says: words::of(e, self.tenant.host().as_str()).joined(),
            code: e.code().map(str::to_owned),
            trace_id: e.trace_id().map(str::to_owned),
            retry_after: None,
        }
    }

    fn failed(&self, e: &QlikError) -> Event {
        if lasts(e) { Event::Barred(self.fault(e)) } else { Event::Failed(self.fault(e)) }
    }

    fn removed(&self, end: Result<(), QlikError>, what: &str) -> Event {
        match end {
            Ok(()) => Event::Removed,
            Err(e) if lasts(&e) => Event::Left(format!(
                "{what} stayed in the Qlik tenant. {}",
                words::of(&e, self.tenant.host().as_str()).says
            )),
            Err(e) => Event::Failed(self.fault(&e)),
        }
    }

    async fn ensure_web(&self) -> Result<Event, QlikError> {
        let plan = &self.progress.plan;
        let object = match &plan.web {
            WebPlan::Use { id, .. } => Object { id: id.clone(), made: false },
            WebPlan::AddOrigin { id, .. } => {
                // Read anew: others may have changed the list since the plan was seen.
                let now = self.tenant.web_integration(id).await?;
                if !now.lists(&plan.origin) {
                    let mut origins = now.valid_origins;
                    origins.push(plan.origin.clone());
                    self.tenant.set_web_integration_origins(id, &origins).await?;
                }
                // It was not listed when it was planned: that it is now is our doing.
                Object { id: id.clone(), made: true }
            }
            WebPlan::Create { name } => {
                let mine = |all: Vec<WebIntegration>| {
                    all.into_iter().find(|w| w.name == *name && w.lists(&plan.origin)).map(|w| w.id)
                };
                // There was none when it was planned: one that is there now is ours.
                let id = match mine(self.tenant.web_integrations().await?) {
                    Some(id) => id,
                    None => {
                        self.tenant.create_web_integration(name, std::slice::from_ref(&plan.origin)).await?.id
                    }
                };
                Object { id, made: true }
            }
        };
        Ok(Event::Web(object))
    }

    async fn ensure_idp(&self) -> Result<Event, QlikError> {
        let plan = &self.progress.plan;
        let description = match &plan.idp {
            IdpPlan::Use { id } => return Ok(Event::Idp(Object { id: id.clone(), made: false })),
            IdpPlan::Create { description } => description.clone(),
        };
        let identity = match self.services.identity(&self.portal).await {
            Ok(identity) => identity,
            Err(e) => {
                tracing::error!(error = %e, "the signing identity could not be read");
                return Ok(Event::Failed(plain(
                    "Something went wrong here. The operator’s log has the rest.",
                )));
            }
        };
        if identity.kid != plan.kid || identity.issuer != plan.issuer {
            return Ok(Event::Barred(plain("The portal’s signing key was changed since the plan was made.")));
        }
        let new = NewJwtIdp {
            description,
            tenant_id: Some(plan.tenant_id.clone()),
            issuer: identity.issuer,
            kid: identity.kid,
            certificate_pem: identity.certificate_pem,
            clock_tolerance_sec: 5,
        };
        // There was none when it was planned: one that is there now is ours.
        let (id, _) = ensure_provider(&self.tenant, &new).await?;
        Ok(Event::Idp(Object { id, made: true }))
    }

    async fn save(&self) -> Result<Event, Error> {
        let (Some(web), Some(actor)) = (&self.progress.web, &self.actor) else {
            return Err(Error::Internal("a set-up came to its end without a web integration"));
        };
        if let Some(report) = self.saved_before(&web.id).await? {
            return Ok(Event::Saved(report));
        }
        let input = SaveInput {
            tenant_host: self.progress.plan.tenant_host.clone(),
            web_integration_id: web.id.clone(),
            auth_option: "api_key".to_owned(),
            api_key: Some(self.key.expose().to_owned().into()),
            ..SaveInput::default()
        };
        let end = match self.services.save_confirmed(actor, input).await {
            Ok(end) => end,
            Err(Error::Conflict(_)) => {
                return Ok(Event::Failed(plain("The settings were changed meanwhile.")));
            }
            Err(e) => return Err(e),
        };
        Ok(match (end.saved, end.report) {
            (true, Some(report)) => Event::Saved(report),
            (_, Some(report)) if may_pass(&report) => Event::Refused(report),
            (_, report) => Event::Barred(Self::why(report.as_ref())),
        })
    }

    fn why(report: Option<&Report>) -> Fault {
        let check = report.and_then(|r| r.checks.iter().find(|c| c.outcome == Outcome::Failed));
        check.map_or_else(
            || plain("The settings could not be stored."),
            |c| Fault {
                says: format!("{} {}", c.says, c.remedy.as_deref().unwrap_or_default()).trim().to_owned(),
                code: c.qlik_code.clone(),
                trace_id: c.trace_id.clone(),
                retry_after: None,
            },
        )
    }

    /// The connection was stored by a try whose end was not written down: with
    /// this key, which may have been renewed since.
    async fn saved_before(&self, web: &str) -> Result<Option<Report>, Error> {
        let portal = self.portal.id.as_str();
        let row = load(self.services.db().read(), portal).await?;
        let same = row.is_some_and(|r| r.tenant_host == *self.tenant.host() && r.web_integration_id == web);
        let jti = self.key.claims().jti.as_deref().unwrap_or_default();
        let known = sqlx::query_scalar!(
            "SELECT count(*) FROM api_keys WHERE portal_id = ? AND key_id = ?",
            portal,
            jti
        )
        .fetch_one(self.services.db().read())
        .await?;
        if same && known > 0 { self.services.last_report(portal).await } else { Ok(None) }
    }

    async fn remove_idp(&self) -> Result<(), QlikError> {
        let plan = &self.progress.plan;
        if matches!(plan.idp, IdpPlan::Use { .. }) {
            return Ok(());
        }
        let all = self.tenant.identity_providers().await?;
        match provider_of(&all, &plan.issuer, &plan.kid) {
            Some(id) => gone(self.tenant.delete_identity_provider(&id).await),
            None => Ok(()),
        }
    }

    async fn remove_web(&self) -> Result<(), QlikError> {
        let plan = &self.progress.plan;
        match &plan.web {
            WebPlan::Use { .. } => Ok(()),
            WebPlan::AddOrigin { id, .. } => take_origin(&self.tenant, id, &plan.origin).await,
            WebPlan::Create { name } => {
                let all = self.tenant.web_integrations().await?;
                match all.iter().find(|w| w.name == *name && w.lists(&plan.origin)) {
                    Some(w) => gone(self.tenant.delete_web_integration(&w.id).await),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Takes an origin out of a web integration and leaves the others as they are now.
pub(super) async fn take_origin(tenant: &Tenant, id: &str, origin: &str) -> Result<(), QlikError> {
    let now = match tenant.web_integration(id).await {
        Ok(now) => now,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    if !now.lists(origin) {
        return Ok(());
    }
    tenant.set_web_integration_origins(id, &now.origins_without(origin)).await
}

/// What is gone already is as good as removed.
pub(super) fn gone(end: Result<(), QlikError>) -> Result<(), QlikError> {
    match end {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Trying again is of no use.
fn lasts(e: &QlikError) -> bool {
    matches!(
        e.kind(),
        ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::BadRequest
    )
}

/// A new identity provider may not be known everywhere at Qlik at once, and what
/// comes from the way to Qlik may pass as well.
fn may_pass(report: &Report) -> bool {
    report.checks.iter().filter(|c| c.outcome == Outcome::Failed).all(|c| {
        matches!(
            c.id.as_str(),
            "name"
                | "reach"
                | "tenant"
                | "identity_provider"
                | "jwt_login"
                | "csrf"
                | "apps"
                | "engine"
                | "rate"
        )
    })
}

fn plain(says: &str) -> Fault {
    Fault { says: says.to_owned(), code: None, trace_id: None, retry_after: None }
}
