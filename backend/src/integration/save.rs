//! Saving: read the form, test it, then store it whole, or not at all. What would
//! change the tenant, the web integration or the option of a portal that is
//! connected is staged instead (see [`crate::change`]).

use std::sync::Arc;

use qlik::{Moved, QlikSession};
use secrecy::ExposeSecret as _;

use super::{
    despite::{InForce, lets_store},
    form::{Parsed, ParsedMeans, SaveInput, SaveOutcome, parse, parse_host},
    typed::{How, Typed},
};
use crate::{
    Actor, Error, FieldError, Services,
    change::is_change,
    connection::Connection,
    doctor::{Check, Facts, Findings, Outcome, Report, Subject},
    error::readable,
    identity::IdentityView,
    renewal::{Row, load},
};

impl Services {
    /// Tests what was typed and stores it where no check fails; a change of mind is
    /// staged.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::Conflict`]
    /// where the settings were changed meanwhile. What can't be taken or does
    /// not work is no error but a [`SaveOutcome`].
    pub async fn save_integration(&self, actor: &Actor, input: SaveInput) -> Result<SaveOutcome, Error> {
        self.save_typed(actor, input, true).await
    }

    /// As [`Services::save_integration`] for what an administrator saw whole and
    /// confirmed already: a change is not staged. One can go back from it as well.
    pub(crate) async fn save_confirmed(&self, actor: &Actor, input: SaveInput) -> Result<SaveOutcome, Error> {
        self.save_typed(actor, input, false).await
    }

    async fn save_typed(
        &self,
        actor: &Actor,
        mut input: SaveInput,
        stages: bool,
    ) -> Result<SaveOutcome, Error> {
        actor.require_admin()?;
        let mut in_force = self.connection(&actor.portal.id).await?;
        let stored = load(self.db().read(), &actor.portal.id).await?;
        let blank = input.api_key.as_ref().is_none_or(|k| k.expose_secret().trim().is_empty());
        if let (Some(at), Ok(host), true) =
            (&mut in_force, parse_host(&input.tenant_host, &self.config().host_policy), blank)
        {
            self.learn_name(at, &host).await?;
            if at.former_host.as_ref() == Some(&host) && !at.is_name(&host) {
                // A page that was open since before the name was gone; whose it is now nobody knows.
                at.host.as_str().clone_into(&mut input.tenant_host);
            }
        }
        let parsed = match parse(&input, &self.config().host_policy, in_force.as_ref()) {
            Ok(parsed) => parsed,
            Err(fields) => return Ok(SaveOutcome { fields, ..SaveOutcome::default() }),
        };
        let identity = self.identity(&actor.portal).await?;
        let Parsed { host, web_integration_id, means } = parsed;
        // A name that was gone may be there again.
        self.qlik().forget_names(&host);
        if let Some(at) = in_force.as_ref().filter(|at| at.is_name(&host)) {
            self.qlik().know_permanent(&host, &at.permanent_host);
        }
        let was_pasted = matches!(means, ParsedMeans::Key(Some(_)));
        let stored_key = match &stored {
            Some(row) => {
                readable(self.key(&row.portal_id, &row.state.current.key_id).await)?.map(|k| k.token)
            }
            None => None,
        };
        let means = self.means(actor, means, input.email_as_subject, stored_key).await?;
        let mut typed = Typed { host, web_integration_id, means, how: How::Saved };
        let found = self.examine_typed(actor, stored.as_ref(), &typed, &identity, true).await?;
        let Findings { report, facts, eyes, .. } = found;
        let eyes = Closing { services: self, session: eyes };
        if let Some((permanent, Moved::Gone)) = self.qlik().moved(&typed.host) {
            typed.host = permanent;
        }
        let tenant_id = facts.as_ref().and_then(|f| f.tenant.as_ref()).map_or("", |t| t.id.as_str());
        let changes = in_force.as_ref().is_some_and(|at| is_change(at, &typed, tenant_id));
        // Settings that wait are switched to only where everything works.
        let lets = report.ok
            || !(changes && stages)
                && self.is_no_worse(actor, in_force.as_ref(), stored.as_ref(), &typed, &report).await?;
        let (true, Some(facts)) = (lets, facts) else {
            eyes.close().await;
            let fields = failed_fields(&report);
            return Ok(SaveOutcome { fields, report: Some(report), ..SaveOutcome::default() });
        };
        let done = SaveOutcome { report: Some(report.clone()), ..SaveOutcome::default() };
        if changes && stages {
            eyes.close().await;
            let in_use = stored.as_ref().map(|row| row.state.current.key_id.as_str());
            let new_key = was_pasted && in_use != facts.key_id();
            self.stage(actor, &typed, new_key, &facts, &report).await?;
            return Ok(SaveOutcome { staged: true, ..done });
        }
        self.bring_into_force(actor, stored.as_ref(), &typed, &facts, &report, &identity).await?;
        eyes.keep(&actor.portal.id).await;
        Ok(SaveOutcome { saved: true, ..done })
    }

    /// Whether what fails of what was typed fails in the settings in force as well, which
    /// are examined anew for it.
    async fn is_no_worse(
        &self,
        actor: &Actor,
        in_force: Option<&Connection>,
        stored: Option<&Row>,
        typed: &Typed,
        report: &Report,
    ) -> Result<bool, Error> {
        let Some(at) = in_force.filter(|at| at.option == typed.option() && at.is_name(&typed.host)) else {
            return Ok(false);
        };
        let mut unchanged = vec!["tenant_host", "auth_option"];
        if at.web_integration_id == typed.web_integration_id {
            unchanged.push("web_integration_id");
        }
        if at.client_id.as_deref() == typed.client_id() {
            unchanged.extend(["oauth_client_id", "oauth_client_secret"]);
        }
        // None where what is stored can't be opened: such a key is dead as well.
        let before = readable(self.examine_again(actor).await.map(Some))?;
        let failed = |id: &str| {
            before.as_ref().is_none_or(|b| b.check(id).is_some_and(|c| c.outcome == Outcome::Failed))
        };
        let key_is_dead = stored.is_some_and(|row| {
            row.state.need.is_some() || row.state.current.expires_at <= self.now().as_second()
        }) || ["key", "owner", "permission", "lifetime"].into_iter().any(failed);
        let in_force = InForce { report: before.as_ref(), key_is_dead, unchanged: &unchanged };
        Ok(lets_store(report, Some(&in_force)))
    }

    /// Tests settings that are not in force.
    pub(crate) async fn examine_typed(
        &self,
        actor: &Actor,
        stored: Option<&Row>,
        typed: &Typed,
        identity: &IdentityView,
        keeps_eyes: bool,
    ) -> Result<Findings, Error> {
        let here = stored.filter(|row| row.tenant_host == typed.host || row.permanent_host == typed.host);
        let key = match here {
            Some(row) => readable(self.key(&row.portal_id, &row.state.current.key_id).await)?,
            None => None,
        };
        self.examine(&Subject {
            services: self,
            portal: &actor.portal,
            email: &actor.email,
            name: &actor.name,
            host: &typed.host,
            option: typed.option(),
            key: typed.key().cloned(),
            client: typed.client().cloned(),
            own: None,
            web_integration_id: &typed.web_integration_id,
            by_email: typed.email_as_subject(),
            identity,
            stored: here.zip(key.as_ref()),
            // One paste mends a key, whatever else is wrong: a provider that is gone is a warning here.
            had_provider: false,
            keeps_eyes,
        })
        .await
    }

    /// Stores what was checked, and ends the sessions that were opened under what
    /// was in force before.
    pub(crate) async fn bring_into_force(
        &self,
        actor: &Actor,
        stored: Option<&Row>,
        typed: &Typed,
        facts: &Facts,
        report: &Report,
        identity: &IdentityView,
    ) -> Result<(), Error> {
        self.store(actor, stored, typed, facts, report, identity).await?;
        if typed.key().is_none() {
            self.close_eyes(&actor.portal.id).await?;
        }
        self.0.sessions.invalidate_all_for(&format!("{}/", actor.portal.id)).await;
        self.changed(&actor.portal.id);
        Ok(())
    }
}

/// The session that the checks of a save opened: kept with what is stored, else closed.
struct Closing<'a> {
    services: &'a Services,
    session: Option<Arc<QlikSession>>,
}

impl Closing<'_> {
    async fn keep(self, portal_id: &str) {
        if let Some(session) = self.session {
            self.services.keep_eyes(portal_id, session).await;
        }
    }

    async fn close(self) {
        self.services.close_eyes_of(self.session).await;
    }
}

/// The field that a failed check is about; its words are the check's.
fn failed_fields(report: &Report) -> Vec<FieldError> {
    let mut fields: Vec<FieldError> = Vec::new();
    for check in report.checks.iter().filter(|c| c.outcome == Outcome::Failed) {
        let Some(field) = Check::field_of(&check.id) else { continue };
        if fields.iter().all(|f| f.field != field) {
            fields.push(FieldError::new(field, "check"));
        }
    }
    fields
}
