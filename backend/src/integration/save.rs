//! Saving: read the form, test it, then store it whole, or not at all. What would
//! change the tenant, the web integration or the option of a portal that is
//! connected is staged instead (see [`crate::change`]).

use super::{
    form::{Parsed, ParsedMeans, SaveInput, SaveOutcome, parse},
    typed::{How, Typed},
};
use crate::{
    Actor, Error, FieldError, Services,
    change::is_change,
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

    async fn save_typed(&self, actor: &Actor, input: SaveInput, stages: bool) -> Result<SaveOutcome, Error> {
        actor.require_admin()?;
        let in_force = self.connection(&actor.portal.id).await?;
        let stored = load(self.db().read(), &actor.portal.id).await?;
        let parsed = match parse(&input, &self.config().host_policy, in_force.as_ref()) {
            Ok(parsed) => parsed,
            Err(fields) => return Ok(SaveOutcome { fields, ..SaveOutcome::default() }),
        };
        let identity = self.identity(&actor.portal).await?;
        let Parsed { host, web_integration_id, means } = parsed;
        let was_pasted = matches!(means, ParsedMeans::Key(Some(_)));
        let stored_key = match &stored {
            Some(row) => {
                readable(self.key(&row.portal_id, &row.state.current.key_id).await)?.map(|k| k.token)
            }
            None => None,
        };
        let means = self.means(actor, means, input.email_as_subject, stored_key).await?;
        let typed = Typed { host, web_integration_id, means, how: How::Saved };
        let found = self.examine_typed(actor, stored.as_ref(), &typed, &identity).await?;
        let Findings { report, facts, .. } = found;
        let (true, Some(facts)) = (report.ok, facts) else {
            let fields = failed_fields(&report);
            return Ok(SaveOutcome { fields, report: Some(report), ..SaveOutcome::default() });
        };
        let done = SaveOutcome { report: Some(report.clone()), ..SaveOutcome::default() };
        if in_force.as_ref().is_some_and(|at| stages && is_change(at, &typed)) {
            let in_use = stored.as_ref().map(|row| row.state.current.key_id.as_str());
            let new_key = was_pasted && in_use != facts.key_id();
            self.stage(actor, &typed, new_key, &facts, &report).await?;
            return Ok(SaveOutcome { staged: true, ..done });
        }
        self.bring_into_force(actor, stored.as_ref(), &typed, &facts, &report, &identity).await?;
        Ok(SaveOutcome { saved: true, ..done })
    }

    /// Tests settings that are not in force.
    pub(crate) async fn examine_typed(
        &self,
        actor: &Actor,
        stored: Option<&Row>,
        typed: &Typed,
        identity: &IdentityView,
    ) -> Result<Findings, Error> {
        let here = stored.filter(|row| row.tenant_host == typed.host);
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
        self.0.sessions.invalidate_all_for(&format!("{}/", actor.portal.id)).await;
        self.changed(&actor.portal.id);
        Ok(())
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
