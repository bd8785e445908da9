//! What the settings page shows: the stored settings, and how the connection
//! and its key are.

use qlik::host::{ConsolePage, TenantHost};

use super::{
    AttemptView, ConnectionView, FormView, Health, KeyView, Outcome, Report, Running, SettingsView,
    StatusView,
};
use crate::{
    Actor, Error, Services,
    connection::AuthOption,
    renewal::{Ahead, AttemptRow, Phase, Policy, State, Stray, load, load_any, next_attempt_at},
    store::{StoreError, at},
};

/// Keys and attempts in the picture of the settings page.
const SHOWN_KEYS: i64 = 4;
const SHOWN_ATTEMPTS: u32 = 12;

struct Extra {
    tenant_host: String,
    permanent_host: String,
    web_integration_id: String,
    email_as_subject: bool,
    auth_option: String,
    client_id: Option<String>,
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
        let bad = StoreError::Inconsistent { table: "integrations", column: "auth_option" };
        let form = match extra {
            Some(x) => Some(FormView {
                tenant_host: x.tenant_host,
                web_integration_id: x.web_integration_id,
                email_as_subject: x.email_as_subject,
                option: AuthOption::parse(&x.auth_option).ok_or(bad)?,
                client_id: x.client_id,
            }),
            None => None,
        };
        let status = self.status(&portal.id).await?;
        let connection = self.connection_view(&portal.id).await?;
        let names = self.names_view(&portal.id).await?;
        Ok(SettingsView { portal, form, status, connection, report, identity, names })
    }

    async fn extra(&self, portal_id: &str) -> Result<Option<Extra>, Error> {
        Ok(sqlx::query_as!(
            Extra,
            r#"SELECT tenant_host AS "tenant_host!", permanent_host AS "permanent_host!",
                      web_integration_id AS "web_integration_id!", email_as_subject AS "email_as_subject!: bool",
                      auth_option AS "auth_option!", oauth_client_id AS client_id, checked_at, last_report
               FROM integrations WHERE portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    /// The last checks of a portal's stored settings.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn last_report(&self, portal_id: &str) -> Result<Option<Report>, Error> {
        Ok(self.extra(portal_id).await?.as_ref().and_then(report_of))
    }

    /// How a connection without a key is; none where there is none, or one with a key.
    async fn connection_view(&self, portal_id: &str) -> Result<Option<ConnectionView>, Error> {
        let (Some(connection), Some(extra)) =
            (self.connection(portal_id).await?, self.extra(portal_id).await?)
        else {
            return Ok(None);
        };
        if connection.option == AuthOption::ApiKey {
            return Ok(None);
        }
        let left = load_any(self.db().read(), portal_id).await?;
        let (health, headline) = health_of(report_of(&extra).as_ref());
        let people = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM users WHERE portal_id = ? AND status = 'active'"#,
            portal_id
        )
        .fetch_one(self.db().read())
        .await?;
        let secret = match &connection.client_id {
            Some(id) => self.client_secret_view(portal_id, id).await?,
            None => None,
        };
        let ready = match connection.option {
            AuthOption::Credentials => Some(self.stored_passwords(portal_id).await?),
            AuthOption::OauthUsers => Some(self.stored_grants(portal_id).await?),
            AuthOption::ApiKey | AuthOption::OauthEveryone => None,
        };
        Ok(Some(ConnectionView {
            option: connection.option,
            health,
            headline,
            tenant_host: extra.tenant_host,
            checked_at: extra.checked_at.map(at),
            client_id: connection.client_id,
            secret,
            people,
            ready,
            old_key_until: left.and_then(|row| row.state.retiring.first().map(|r| at(r.delete_at))),
        }))
    }

    /// The status of a portal's integration, if it has one with a key.
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
        let now = self.now().as_second();
        let State { renew_at, failing, need, retiring, .. } = &row.state;
        let recent: Vec<AttemptView> =
            self.attempts(portal_id, SHOWN_ATTEMPTS).await?.into_iter().map(attempt_view).collect();
        let last = recent.iter().find(|a| a.ended_at.is_some() && a.trigger != "trial").cloned();
        let lives = self.key_lives(portal_id, SHOWN_KEYS).await?;
        Ok(Some(StatusView {
            health,
            headline,
            tenant_host: extra.tenant_host,
            permanent_host: extra.permanent_host,
            key,
            // What is over is no date to wait for.
            renew_at: at((*renew_at).max(now)),
            running: running(&row.state, now, self.policy()),
            last_renewal: last,
            recent,
            lives,
            ahead: row.state.ahead.clone(),
            next_try_at: next_attempt_at(now, &row.state, self.policy())
                .filter(|_| row.state.wanted() || retiring.iter().any(|r| r.tries > 0))
                .map(at),
            failed_tries: failing.as_ref().map_or(0, |f| f.attempts),
            old_key_until: retiring.first().map(|r| at(r.delete_at)),
            needs_person: need.as_ref().map(|n| n.fault.says.clone()),
            checked_at: extra.checked_at.map(at),
            identity_missing,
            stray: row.state.stray.as_ref().map(stray_words),
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

    /// Links into the console of the Qlik tenant: Web, API keys, Identity provider, Permissions.
    pub fn console_links(&self, tenant_host: &str) -> Option<[String; 4]> {
        let host = TenantHost::parse(tenant_host, &self.config().host_policy).ok()?;
        Some(
            [
                ConsolePage::Web,
                ConsolePage::ApiKeys,
                ConsolePage::IdentityProviders,
                ConsolePage::Permissions,
            ]
            .map(|p| host.console_url(p)),
        )
    }
}

fn report_of(extra: &Extra) -> Option<Report> {
    // One that an older version wrote is left out until the next test.
    extra.last_report.as_deref().and_then(|json| serde_json::from_str(json).ok())
}

pub(super) fn attempt_view(a: AttemptRow) -> AttemptView {
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

/// What an attempt is doing now; one that waits for its next try does nothing.
fn running(state: &State, now: i64, policy: &Policy) -> Option<Running> {
    let attempt = state.attempt()?;
    let waits = next_attempt_at(now, state, policy).is_some_and(|t| t > now);
    let step = match &state.phase {
        Phase::Active => return None,
        Phase::Creating { .. } if waits => return None,
        Phase::Creating { .. } => "Asking Qlik for a new key",
        // A fresh key may take a while; the waits between two looks are part of it.
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
    if let Some(stray) = &state.stray {
        return (Health::Attention, stray_words(stray));
    }
    if let Some(check) =
        state.ahead.as_ref().and_then(Ahead::trouble).filter(|c| c.outcome == Outcome::Failed)
    {
        return (Health::Attention, format!("The next renewal would fail. {}", check.says));
    }
    health_of(report)
}

/// What the checks say.
fn health_of(report: Option<&Report>) -> (Health, String) {
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

fn stray_words(stray: &Stray) -> String {
    let made = match stray.created_at {
        0 => String::new(),
        t => at(t).strftime(", made on %-d %b %Y, %H:%M UTC").to_string(),
    };
    format!(
        "Qlik has an API key of this portal that this database does not hold (id {}{made}). The portal runs twice, or its \
         database was restored from an older backup. The key was left alone; if nothing uses it, delete it in Qlik.",
        stray.key_id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renewal::{Fault, KeyRef, Need, NeedReason};

    #[test]
    fn a_need_outweighs_all_and_a_clean_state_is_healthy() {
        let mut state = State::new(KeyRef { key_id: "k".to_owned(), created_at: 0, expires_at: 100 }, 50, 50);
        assert_eq!(health(&state, None).0, Health::Healthy);
        let fault = Fault { says: "It expired.".to_owned(), code: None, trace_id: None, retry_after: None };
        state.need = Some(Need { reason: NeedReason::Expired, fault, since: 0, recheck_at: 0 });
        assert_eq!(health(&state, None), (Health::NeedsPerson, "It expired.".to_owned()));
    }
}
