//! One switch, and one click back: each tests once more what it brings into force.

use super::previous::Previous;
use crate::{
    Actor, Error, Services, audit,
    doctor::{Findings, Report},
    integration::{How, Means, Typed},
    renewal::{Row, load},
    store::one_row,
};

/// How a switch ended.
#[derive(Debug)]
pub struct SwitchEnd {
    /// It is in force. Where it is not, a check failed and nothing was changed.
    pub switched: bool,
    /// The checks that were made before.
    pub report: Report,
}

impl Services {
    /// Brings the staged change of this id into force, if it still works. Every
    /// Qlik session of the portal's users ends; they are opened anew as they are
    /// needed. The settings before, and a key of another tenant, are kept for
    /// [`Services::go_back`].
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is staged, [`Error::Conflict`] where it is another change by
    /// now, the settings were changed meanwhile, or a renewal waits for Qlik.
    pub async fn switch_to_staged(&self, actor: &Actor, id: &str) -> Result<SwitchEnd, Error> {
        actor.require_admin()?;
        let (row, staged) = self.staged_of(actor).await?;
        if staged.id != id {
            return Err(Error::Conflict("the change was replaced meanwhile"));
        }
        self.bring_in(actor, row.as_ref(), &staged.typed).await
    }

    /// Brings the settings before the last change back into force, if they still
    /// work. What was in force until now is kept in turn.
    ///
    /// # Errors
    /// As [`Services::switch_to_staged`]; [`Error::NotFound`] where there is nothing
    /// to go back to, or its time is over.
    pub async fn go_back(&self, actor: &Actor, id: &str) -> Result<SwitchEnd, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let row = load(self.db().read(), portal).await?;
        let previous = self.previous(portal).await?.ok_or(Error::NotFound)?;
        if previous.id != id {
            return Err(Error::Conflict("the settings were changed meanwhile"));
        }
        let setup = &previous.setup;
        let stored = self.stored_means(portal, setup.option, setup.client_id.as_deref()).await?;
        let means = if let Some(means) = stored {
            means
        } else {
            let key = match &previous.key_id {
                Some(id) => self.key(portal, id).await?.map(|k| k.token),
                None => self.key_in_use(portal).await?,
            };
            let email_as_subject = setup.email_as_subject;
            Means::Key { key: key.ok_or(Error::NotFound)?, email_as_subject }
        };
        let typed = Typed {
            host: setup.tenant_host.clone(),
            web_integration_id: setup.web_integration_id.clone(),
            means,
            how: How::Back(Box::new(previous)),
        };
        self.bring_in(actor, row.as_ref(), &typed).await
    }

    /// Closes the way back before its time; a key that is kept for it is deleted
    /// at Qlik with the renewal's next step.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where there is no way back.
    pub async fn close_way_back(&self, actor: &Actor) -> Result<(), Error> {
        let portal = actor.portal.id.as_str();
        let Some(Previous { setup, id, .. }) = self.previous(portal).await? else {
            return Err(Error::NotFound);
        };
        let now = self.now();
        let secs = now.as_second();
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        let closed = sqlx::query!(
            "UPDATE previous_setups SET keep_until = ? WHERE portal_id = ? AND id = ?",
            secs,
            portal,
            id
        )
        .execute(&mut *tx)
        .await?;
        one_row(&closed, "previous_setups")
            .map_err(|_| Error::Conflict("the settings were changed meanwhile"))?;
        let detail = serde_json::json!({ "tenant_host": setup.tenant_host.as_str() });
        audit::record(&mut tx, portal, Some(actor), audit::CHANGE_CLOSED, detail, now).await?;
        tx.commit().await?;
        self.changed(portal);
        Ok(())
    }

    async fn bring_in(&self, actor: &Actor, row: Option<&Row>, typed: &Typed) -> Result<SwitchEnd, Error> {
        let identity = self.identity(&actor.portal).await?;
        let Findings { report, facts, .. } = self.examine_typed(actor, row, typed, &identity, false).await?;
        // Without an identity provider there nobody could sign in, so it comes first. The way back is not
        // barred by it: what is missing there is made afterwards.
        let barred = report.identity_missing && matches!(typed.how, How::Staged(_));
        let (true, Some(facts)) = (report.ok && !barred, facts) else {
            return Ok(SwitchEnd { switched: false, report });
        };
        self.bring_into_force(actor, row, typed, &facts, &report, &identity).await?;
        Ok(SwitchEnd { switched: true, report })
    }
}
