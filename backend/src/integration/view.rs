//! What the settings page shows: the stored settings, and how the connection
//! and its key are.

use jiff::Timestamp;
use qlik::host::{ConsolePage, TenantHost};

use super::{Outcome, Report, checks::Candidate};
use crate::{
    Actor, Error, Portal, Services,
    identity::IdentityView,
    renewal::{AttemptRow, Phase, State, load},
    store::at,
};

/// The stored settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormView {
    /// `Qlik Sense tenant hostname`.
    pub tenant_host: String,
    /// `Web Integration Id`.
    pub web_integration_id: String,
    /// The e-mail is sent as subject.
    pub email_as_subject: bool,
}

/// A key, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Its id at Qlik.
    pub key_id: String,
    /// The last four characters of the id.
    pub last4: String,
    /// The beginning of the token's SHA-256.
    pub fingerprint: String,
    /// Whose it is.
    pub owner_name: String,
    /// Whose it is.
    pub owner_email: Option<String>,
    /// When Qlik made it.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it came here.
    pub stored_at: Timestamp,
}

/// How the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// All well.
    Healthy,
    /// It works, and somebody should look.
    Attention,
    /// The last renewal failed; it is tried again by itself.
    Failing,
    /// The machine can't go on.
    NeedsPerson,
}

/// A renewal that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What it is doing.
    pub step: &'static str,
    /// Since when.
    pub since: Timestamp,
}

/// An attempt, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its id.
    pub id: String,
    /// `due` or `person`.
    pub trigger: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// `renewed`, `failed`, `person` or `abandoned`.
    pub outcome: Option<String>,
    /// Why it did not succeed.
    pub reason: Option<String>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

/// The status panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    /// In a word.
    pub health: Health,
    /// In a sentence.
    pub headline: String,
    /// The tenant.
    pub tenant_host: String,
    /// The tenant's unchangeable host.
    pub permanent_host: String,
    /// The key in use.
    pub key: KeyView,
    /// When it is renewed.
    pub renew_at: Timestamp,
    /// The renewal under way.
    pub running: Option<Running>,
    /// The attempt before.
    pub last_renewal: Option<AttemptView>,
    /// When a failed renewal is tried again.
    pub next_try_at: Option<Timestamp>,
    /// How many tries failed in a row.
    pub failed_tries: u32,
    /// Until when the old key lives on.
    pub old_key_until: Option<Timestamp>,
    /// What a person has to do.
    pub needs_person: Option<String>,
    /// When the connection was last tested.
    pub checked_at: Option<Timestamp>,
    /// The tenant has no JWT identity provider of this portal.
    pub identity_missing: bool,
    /// Goes up with each change.
    pub version: i64,
}

/// The settings page.
#[derive(Debug, Clone)]
pub struct SettingsView {
    /// The portal.
    pub portal: Portal,
    /// The stored settings.
    pub form: Option<FormView>,
    /// The status, once saved.
    pub status: Option<StatusView>,
    /// The last checks of the stored settings.
    pub report: Option<Report>,
    /// What a JWT identity provider at Qlik needs.
    pub identity: IdentityView,
}

struct Extra {
    tenant_host: String,
    permanent_host: String,
    web_integration_id: String,
    email_as_subject: bool,
    checked_at: Option<i64>,
    last_report: Option<String>,
}

impl Services {
    /// All that the settings page shows.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn settings_view(&self, actor: &Actor) -> Result<SettingsView, Error> {
        actor.require_admin()?;
        let portal = actor.portal.clone();
        let identity = self.identity(&portal).await?;
        let extra = self.extra(&portal.id).await?;
        let report = extra.as_ref().and_then(report_of);
        let form = extra.map(|x| FormView {
            tenant_host: x.tenant_host,
            web_integration_id: x.web_integration_id,
            email_as_subject: x.email_as_subject,
        });
        let status = self.status(&portal.id).await?;
        Ok(SettingsView { portal, form, status, report, identity })
    }

    async fn extra(&self, portal_id: &str) -> Result<Option<Extra>, Error> {
        Ok(sqlx::query_as!(
            Extra,
            r#"SELECT tenant_host AS "tenant_host!", permanent_host AS "permanent_host!",
                      web_integration_id AS "web_integration_id!", email_as_subject AS "email_as_subject!: bool",
                      checked_at, last_report
               FROM integrations WHERE portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    /// The status of a portal's integration, if it has one.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn status(&self, portal_id: &str) -> Result<Option<StatusView>, Error> {
        let (Some(row), Some(extra)) =
            (load(self.db().read(), portal_id).await?, self.extra(portal_id).await?)
        else {
            return Ok(None);
        };
        let Some(key) = self.key_view(portal_id, &row.state.current.key_id).await? else { return Ok(None) };
        let report = report_of(&extra);
        let identity_missing = report.as_ref().is_some_and(|r| r.identity_missing);
        let (health, headline) = health(&row.state, report.as_ref());
        let State { renew_at, failing, need, retiring, .. } = &row.state;
        let last = self.attempts(portal_id, 2).await?.into_iter().find(|a| a.ended_at.is_some());
        Ok(Some(StatusView {
            health,
            headline,
            tenant_host: extra.tenant_host,
            permanent_host: extra.permanent_host,
            key,
            renew_at: at(*renew_at),
            running: running(&row.state),
            last_renewal: last.map(attempt_view),
            next_try_at: failing.as_ref().map(|f| at(f.next_try_at)),
            failed_tries: failing.as_ref().map_or(0, |f| f.attempts),
            old_key_until: retiring.first().map(|r| at(r.delete_at)),
            needs_person: need.as_ref().map(|n| n.fault.says.clone()),
            checked_at: extra.checked_at.map(at),
            identity_missing,
            version: row.version,
        }))
    }

    async fn key_view(&self, portal_id: &str, key_id: &str) -> Result<Option<KeyView>, Error> {
        let row = sqlx::query!(
            r#"SELECT last4 AS "last4!", fingerprint AS "fingerprint!", owner_name AS "owner_name!", owner_email,
                      created_at AS "created_at!", expires_at AS "expires_at!", stored_at AS "stored_at!"
               FROM api_keys WHERE portal_id = ? AND key_id = ?"#,
            portal_id,
            key_id
        )
        .fetch_optional(self.db().read())
        .await?;
        Ok(row.map(|r| KeyView {
            key_id: key_id.to_owned(),
            last4: r.last4,
            fingerprint: r.fingerprint,
            owner_name: r.owner_name,
            owner_email: r.owner_email,
            created_at: at(r.created_at),
            expires_at: at(r.expires_at),
            stored_at: at(r.stored_at),
        }))
    }

    /// Makes the checks with what is stored and keeps their outcome.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn test_connection(&self, actor: &Actor) -> Result<Report, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let row = load(self.db().read(), portal).await?.ok_or(Error::NotFound)?;
        let key = self
            .key(portal, &row.state.current.key_id)
            .await?
            .ok_or(Error::Internal("the key in use has no token in the vault"))?;
        let identity = self.identity(&actor.portal).await?;
        let found = self
            .run_checks(&Candidate {
                actor,
                host: &row.tenant_host,
                key: key.token,
                web_integration_id: &row.web_integration_id,
                email_as_subject: row.email_as_subject,
                identity: &identity,
                known_tenant: Some(&row.tenant_id),
            })
            .await?;
        let (now, json) = (
            self.now().as_second(),
            serde_json::to_string(&found.report)
                .map_err(|_| Error::Internal("a report can't be written as JSON"))?,
        );
        let mut tx = self.db().write().await?;
        // The renewal does not depend on it, so its version stays.
        sqlx::query!(
            "UPDATE integrations SET checked_at = ?, last_report = ? WHERE portal_id = ?",
            now,
            json,
            portal
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if found.key_refused || row.state.need.is_some() {
            self.recheck_key(portal).await?;
        }
        self.changed(portal);
        Ok(found.report)
    }

    /// Links into the console of the Qlik tenant: Web, API keys, Identity provider.
    pub fn console_links(&self, tenant_host: &str) -> Option<[String; 3]> {
        let host = TenantHost::parse(tenant_host, &self.config().host_policy).ok()?;
        Some(
            [ConsolePage::Web, ConsolePage::ApiKeys, ConsolePage::IdentityProviders]
                .map(|p| host.console_url(p)),
        )
    }
}

fn report_of(extra: &Extra) -> Option<Report> {
    // One that an older version wrote is left out until the next test.
    extra.last_report.as_deref().and_then(|json| serde_json::from_str(json).ok())
}

fn attempt_view(a: AttemptRow) -> AttemptView {
    AttemptView {
        id: a.id,
        trigger: a.trigger,
        started_at: at(a.started_at),
        ended_at: a.ended_at.map(at),
        outcome: a.outcome,
        reason: a.reason,
        qlik_code: a.qlik_code,
        trace_id: a.trace_id,
    }
}

fn running(state: &State) -> Option<Running> {
    let attempt = state.attempt()?;
    let step = match &state.phase {
        Phase::Active => return None,
        Phase::Creating { .. } => "Asking Qlik for a new key",
        Phase::Staged { .. } => "Proving the new key",
        Phase::Proved { .. } => "Switching to the new key",
    };
    Some(Running { step, since: at(attempt.started_at) })
}

fn health(state: &State, report: Option<&Report>) -> (Health, String) {
    if let Some(need) = &state.need {
        return (Health::NeedsPerson, need.fault.says.clone());
    }
    if let Some(f) = state.failing.as_ref().filter(|f| f.attempts > 0) {
        return (Health::Failing, f.fault.says.clone());
    }
    let bad = report.and_then(|r| {
        r.checks
            .iter()
            .find(|c| c.outcome == Outcome::Failed)
            .or_else(|| r.checks.iter().find(|c| c.outcome == Outcome::Warning))
    });
    match bad {
        Some(check) => (Health::Attention, check.says.clone()),
        None => (Health::Healthy, "Connected.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renewal::{Fault, KeyRef, Need, NeedReason};

    #[test]
    fn a_need_outweighs_all_and_a_clean_state_is_healthy() {
        let mut state = State::new(KeyRef { key_id: "k".to_owned(), created_at: 0, expires_at: 100 }, 50);
        assert_eq!(health(&state, None).0, Health::Healthy);
        let fault = Fault { says: "It expired.".to_owned(), code: None, trace_id: None, retry_after: None };
        state.need = Some(Need { reason: NeedReason::Expired, fault, since: 0, recheck_at: 0 });
        assert_eq!(health(&state, None), (Health::NeedsPerson, "It expired.".to_owned()));
    }
}
