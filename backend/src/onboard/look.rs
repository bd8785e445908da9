//! Looking at a tenant with a Tenant Admin's key, and planning.

use std::sync::Arc;

use qlik::{
    Tenant, WebIntegration,
    error::{Error as QlikError, ErrorKind},
    secret::ApiKeyToken,
};
use secrecy::SecretString;

use super::state::{IdpPlan, Plan, WebPlan};
use crate::{
    Actor, Error, FieldError, Services,
    integration::{parse_host, parse_key, provider_of},
    renewal::{KeyRef, due_at, load},
    vault::Place,
    words,
};

/// How long a plan waits for its confirmation, in seconds.
const WAITS: i64 = 3_600;
/// So many other web integrations are offered.
const OTHERS: usize = 20;

/// What an administrator enters.
#[derive(Default)]
pub struct SetUpInput {
    /// `Qlik Sense tenant hostname`.
    pub tenant_host: String,
    /// A Tenant Admin's API key.
    pub api_key: Option<SecretString>,
}

/// How planning ended.
#[derive(Debug)]
pub enum PlanOutcome {
    /// It can be seen and confirmed.
    Planned,
    /// These fields can't be taken.
    Fields(Vec<FieldError>),
    /// It does not work, in words, and the field that it is about.
    Refused {
        /// The field.
        field: &'static str,
        /// What is so and what to do.
        says: String,
        /// Qlik's code.
        code: Option<String>,
        /// Qlik's trace id.
        trace_id: Option<String>,
    },
}

pub(super) fn place<'a>(portal_id: &'a str, id: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "onboardings", row: id, column: "sealed_key" }
}

/// The name of a web integration that a portal makes.
pub(super) fn web_name(hostname: &str) -> String {
    format!("Qonduit {hostname}")
}

/// The description of an identity provider that a portal makes.
pub(crate) fn provider_name(hostname: &str) -> String {
    format!("Qonduit portal {hostname}")
}

impl Services {
    /// Looks at the tenant and keeps a plan for an hour. Nothing is changed at Qlik.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::Conflict`]
    /// while an earlier set-up is still at work. What does not work is an outcome.
    pub async fn plan_set_up(&self, actor: &Actor, input: SetUpInput) -> Result<PlanOutcome, Error> {
        actor.require_admin()?;
        let (host, key) = match (
            parse_host(&input.tenant_host, &self.config().host_policy),
            parse_key(input.api_key.as_ref()),
        ) {
            (Ok(host), Ok(key)) => (host, Arc::new(key)),
            (host, key) => {
                return Ok(PlanOutcome::Fields([host.err(), key.err()].into_iter().flatten().collect()));
            }
        };
        let tenant = self.qlik().with_key(&host, key.clone());
        let plan = match self.look(actor, &tenant, &key).await? {
            Ok(plan) => plan,
            Err(refused) => return Ok(refused),
        };
        self.keep_plan(actor, plan, &key, self.now().as_second() + WAITS).await?;
        Ok(PlanOutcome::Planned)
    }

    async fn look(
        &self,
        actor: &Actor,
        tenant: &Tenant,
        key: &ApiKeyToken,
    ) -> Result<Result<Plan, PlanOutcome>, Error> {
        let host = tenant.host();
        let refused = |field: &'static str, e: &QlikError| {
            let said = words::of(e, host.as_str());
            PlanOutcome::Refused {
                field,
                says: said.joined(),
                code: e.code().map(str::to_owned),
                trace_id: e.trace_id().map(str::to_owned),
            }
        };
        let of_key = |says: &str| PlanOutcome::Refused {
            field: "api_key",
            says: says.to_owned(),
            code: None,
            trace_id: None,
        };
        let field = |e: &QlikError| match e.kind() {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => "api_key",
            _ => "tenant_host",
        };
        let read = async {
            let me = tenant.user_me().await?;
            let info = tenant.tenant_me().await?;
            Ok::<_, QlikError>((me, info))
        };
        let (me, info) = match read.await {
            Ok(found) => found,
            Err(e) => return Ok(Err(refused(field(&e), &e))),
        };
        let Some(jti) = key.claims().jti.as_deref() else {
            return Ok(Err(of_key(
                "This key carries no id. Make a new one in Qlik under Profile settings > API keys.",
            )));
        };
        if !me.is_tenant_admin() {
            let who = me.email.as_deref().unwrap_or(&me.name);
            return Ok(Err(of_key(&format!(
                "{who} is no Tenant Admin, and only such a user’s key can make these objects. Use a Tenant Admin’s key, \
                 or enter the three values in the settings."
            ))));
        }
        let read = async {
            let record = tenant.api_key(jti).await?;
            let webs = tenant.web_integrations().await?;
            let idps = tenant.identity_providers().await?;
            Ok::<_, QlikError>((record, webs, idps))
        };
        let (record, webs, idps) = match read.await {
            Ok(found) => found,
            Err(e) => return Ok(Err(refused(field(&e), &e))),
        };
        let identity = self.identity(&actor.portal).await?;
        let idp = match provider_of(&idps, &identity.issuer, &identity.kid) {
            Some(id) => IdpPlan::Use { id },
            None => IdpPlan::Create { description: provider_name(&actor.portal.hostname) },
        };
        let web = web_plan(&webs, &actor.portal.origin, &web_name(&actor.portal.hostname));
        let at = KeyRef {
            key_id: record.id.clone(),
            created_at: record.created.unwrap_or(self.now()).as_second(),
            expires_at: record.expiry.as_second(),
        };
        let stored = load(self.db().read(), &actor.portal.id).await?;
        Ok(Ok(Plan {
            tenant_host: host.as_str().to_owned(),
            tenant_id: info.id,
            tenant_name: Some(info.name).filter(|n| !n.is_empty()),
            origin: actor.portal.origin.clone(),
            others: webs.iter().filter(|w| Some(w.id.as_str()) != web.id()).take(OTHERS).map(named).collect(),
            web,
            idp,
            issuer: identity.issuer,
            kid: identity.kid,
            owner: me.email.unwrap_or(me.name),
            key_expires_at: at.expires_at,
            renew_at: due_at(&at, 0.0),
            replaces: stored.map(|r| r.tenant_host.as_str().to_owned()),
        }))
    }
}

fn named(web: &WebIntegration) -> (String, String) {
    (web.id.clone(), web.name.clone())
}

impl WebPlan {
    /// The integration's id, where it exists.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Use { id, .. } | Self::AddOrigin { id, .. } => Some(id),
            Self::Create { .. } => None,
        }
    }
}

/// The one that lists our origin; else the one of our name; else a new one.
fn web_plan(all: &[WebIntegration], origin: &str, name: &str) -> WebPlan {
    if let Some(w) = all.iter().find(|w| w.lists(origin)) {
        return WebPlan::Use { id: w.id.clone(), name: w.name.clone() };
    }
    match all.iter().find(|w| w.name == name) {
        Some(w) => onto(w, origin),
        None => WebPlan::Create { name: name.to_owned() },
    }
}

/// What it takes for this very integration.
pub(super) fn onto(w: &WebIntegration, origin: &str) -> WebPlan {
    let (id, name) = (w.id.clone(), w.name.clone());
    if w.lists(origin) {
        WebPlan::Use { id, name }
    } else {
        WebPlan::AddOrigin { id, name, lists: w.valid_origins.clone() }
    }
}
