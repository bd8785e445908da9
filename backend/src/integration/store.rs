//! Storing what was checked: settings, key, state and report in one transaction.

use qlik::host::TenantHost;

use super::{
    names::rename_tenant,
    states::{at_rest, next_state, retire_rows},
    typed::{How, Typed, same_tenant},
};
use crate::{
    Actor, Error, Services, audit,
    change::{Leaving, take_staged},
    connection::{AuthOption, Connection, Ground, connection, forget_clients, hosts_of, keep_client},
    credentials::wipe_credentials,
    doctor::{Facts, Report},
    identity::{IdentityView, note_idp},
    keys::{self, NewKeyRow, insert_key},
    notices::{note, note_no_key},
    oauth::release_grants,
    renewal::{Row, State, load_any, next_action_at, to_json},
    store::{StoreError, Tx},
};

/// What is known of the tenant, from its answers or from before.
struct TenantFacts {
    id: String,
    permanent_host: TenantHost,
    hosts: Vec<TenantHost>,
    region: Option<String>,
}

impl TenantFacts {
    fn of(typed: &Typed, facts: &Facts, before: Option<&Connection>) -> Self {
        let same = before.filter(|b| b.is_name(&typed.host));
        let Some(told) = &facts.tenant else {
            return Self {
                id: same.map(|b| b.tenant_id.clone()).unwrap_or_default(),
                permanent_host: same.map_or(&typed.host, |b| &b.permanent_host).clone(),
                hosts: same.map(|b| b.other_hosts.clone()).unwrap_or_default(),
                region: None,
            };
        };
        let permanent = told.hostnames.first().and_then(|h| serde_json::from_value(h.as_str().into()).ok());
        Self {
            id: told.id.clone(),
            permanent_host: permanent.unwrap_or_else(|| typed.host.clone()),
            hosts: hosts_of(&told.hostnames),
            region: told.region.clone().or_else(|| told.datacenter.clone()),
        }
    }
}

impl Services {
    /// Writes what was checked, whole.
    pub(crate) async fn store(
        &self,
        actor: &Actor,
        stored: Option<&Row>,
        typed: &Typed,
        facts: &Facts,
        report: &Report,
        identity: &IdentityView,
    ) -> Result<(), Error> {
        let (now, portal) = (self.now(), actor.portal.id.as_str());
        let current = facts.key.as_ref().map(|k| k.reference(now));
        let sealed = match (&current, typed.key()) {
            (Some(current), Some(key)) => {
                Some(self.vault().seal(keys::place(portal, &current.key_id), key.expose().as_bytes())?)
            }
            _ => None,
        };
        let key_id = current.as_ref().map_or("", |c| c.key_id.as_str()).to_owned();

        let mut tx = self.db().write().await?;
        // Read anew under the write lock: a renewal may have gone on during the checks.
        let before = connection(&mut *tx, portal).await?;
        let fresh = load_any(&mut *tx, portal).await?;
        let kept_key = stored.is_some_and(|r| r.state.current.key_id == key_id);
        if let (true, Some(fresh)) = (kept_key, &fresh)
            && fresh.state.current.key_id != key_id
        {
            return Err(Error::Conflict("the key was renewed while the settings were tested"));
        }
        let made_idp = match &typed.how {
            How::Staged(id) => take_staged(&mut tx, portal, id).await?,
            How::Saved | How::Back(_) => None,
        };
        let tenant = TenantFacts::of(typed, facts, before.as_ref());
        // Another name of the same tenant: whatever rests on the tenant stays.
        let same = before.as_ref().is_some_and(|b| same_tenant(b, &typed.host, &tenant.id));
        if let Some(before) = before.as_ref().filter(|b| same && b.host != typed.host) {
            rename_tenant(&mut tx, portal, before.host.as_str(), typed.host.as_str()).await?;
        }
        let leaving =
            Leaving::read(&mut tx, before.as_ref(), fresh.as_ref(), typed, &tenant.id, &key_id).await?;
        let mut state = match current {
            Some(current) => Some(next_state(fresh.as_ref(), current, self, now.as_second())),
            None => fresh.as_ref().map(|row| at_rest(&row.state, now.as_second())),
        };
        if let Some(state) = &mut state {
            leaving.settle(state, now.as_second());
            retire_rows(&mut tx, portal, state).await?;
        }
        if let (Some(state), Some(told), Some(key), Some(sealed)) = (&state, &facts.key, typed.key(), &sealed)
        {
            let row = NewKeyRow {
                portal_id: portal,
                tenant_id: &tenant.id,
                tenant_host: typed.host.as_str(),
                key: &state.current,
                sealed,
                fingerprint: key.fingerprint(),
                last4: key.last4(),
                owner_id: &told.owner.id,
                owner_subject: &told.owner.subject,
                owner_email: told.owner.email.as_deref(),
                owner_name: &told.owner.name,
                attempt_id: None,
                state: "current",
                now: now.as_second(),
            };
            insert_key(&mut tx, row).await?;
        }
        if let Some(client) = typed.client() {
            keep_client(self, &mut tx, portal, client).await?;
        }
        write_row(&mut tx, self, actor, typed, &tenant, facts, report, state.as_ref()).await?;
        match state.as_ref().filter(|s| !s.resting) {
            Some(state) => {
                note(self, &mut tx, portal, fresh.as_ref().map_or(state, |r| &r.state), state).await?;
            }
            None => note_no_key(&mut tx, portal).await?,
        }
        if before.is_some() && !same {
            forget_idps(&mut tx, portal, &identity.kid).await?;
        }
        if let Some(id) = &made_idp {
            note_idp(&mut tx, portal, &identity.kid, Some(id)).await?;
        }
        leaving.write(self, &mut tx, portal, now.as_second()).await?;
        if let How::Back(previous) = &typed.how {
            previous.restore(&mut tx, portal).await?;
        }
        if let Some(before) = &before {
            self.release_users(&mut tx, actor, before, typed, same).await?;
        }
        forget_clients(&mut tx, portal).await?;
        sqlx::query!("DELETE FROM qlik_sessions WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        let detail = serde_json::json!({
            "tenant_host": typed.host.as_str(), "web_integration_id": typed.web_integration_id,
            "option": typed.option(), "key": (!key_id.is_empty()).then_some(key_id),
            "email_as_subject": typed.email_as_subject(), "client": typed.client_id(),
        });
        let what = match typed.how {
            How::Saved => audit::INTEGRATION_SAVED,
            How::Staged(_) => audit::CHANGE_SWITCHED,
            How::Back(_) => audit::CHANGE_TAKEN_BACK,
        };
        audit::record(&mut tx, portal, Some(actor), what, detail, now).await?;
        Ok(tx.commit().await?)
    }

    /// What users registered or connected for the settings before is of no use for
    /// others: passwords are wiped, tokens are revoked.
    async fn release_users(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        before: &Connection,
        typed: &Typed,
        same_tenant: bool,
    ) -> Result<(), Error> {
        let portal = actor.portal.id.as_str();
        let host = if same_tenant { before.host.as_str() } else { typed.host.as_str() };
        let after = Ground { option: typed.option(), host, client_id: typed.client_id() };
        if before.ground().carries(after) {
            return Ok(());
        }
        if before.option == AuthOption::Credentials {
            let count = wipe_credentials(tx, portal).await?;
            let detail = serde_json::json!({ "count": count });
            audit::record(tx, portal, Some(actor), audit::CREDENTIALS_WIPED, detail, self.now()).await?;
        }
        if before.option == AuthOption::OauthUsers {
            release_grants(self, tx, portal).await?;
        }
        sqlx::query!("DELETE FROM qlik_asks WHERE portal_id = ?", portal).execute(&mut **tx).await?;
        Ok(())
    }
}

/// The identity providers that we made, of a rotation two, are in the other tenant.
async fn forget_idps(tx: &mut Tx<'_>, portal: &str, kid: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE signing_identities SET idp_id = NULL WHERE portal_id = ? AND (kid = ? OR active = 0)",
        portal,
        kid
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row, from where each is known")]
async fn write_row(
    tx: &mut Tx<'_>,
    services: &Services,
    actor: &Actor,
    typed: &Typed,
    tenant: &TenantFacts,
    facts: &Facts,
    report: &Report,
    state: Option<&State>,
) -> Result<(), Error> {
    let now = services.now().as_second();
    let json = state.map(to_json).transpose()?;
    let next = state.map(|s| next_action_at(now, s, services.policy()));
    let report =
        serde_json::to_string(report).map_err(|_| Error::Internal("a report can't be written as JSON"))?;
    let (host, permanent) = (typed.host.as_str(), tenant.permanent_host.as_str());
    let (portal, user) = (actor.portal.id.as_str(), actor.user_id.as_str());
    let (option, by_email) = (typed.option().as_str(), typed.email_as_subject());
    let (client, login_host) = (typed.client_id(), facts.login_host.as_deref());
    let hosts = serde_json::to_string(&tenant.hosts)
        .map_err(|_| Error::Internal("names of a tenant can't be written as JSON"))?;
    // Version and fence go up: whoever was at work on the old settings has lost its claim.
    sqlx::query!(
        "INSERT INTO integrations (portal_id, tenant_host, tenant_id, permanent_host, region, web_integration_id,
             auth_option, email_as_subject, renewal, next_action_at, checked_at, last_report, saved_at, saved_by, probe_at,
             oauth_client_id, login_host, other_hosts, key_seen_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (portal_id) DO UPDATE SET
             tenant_host = excluded.tenant_host, tenant_id = excluded.tenant_id,
             permanent_host = excluded.permanent_host, region = excluded.region,
             web_integration_id = excluded.web_integration_id, auth_option = excluded.auth_option,
             email_as_subject = excluded.email_as_subject,
             -- What one tenant may do at a sign-in is no choice for another.
             may_create = CASE WHEN tenant_id = excluded.tenant_id THEN may_create ELSE 0 END,
             may_rewrite = CASE WHEN tenant_id = excluded.tenant_id THEN may_rewrite ELSE 0 END,
             renewal = excluded.renewal, next_action_at = excluded.next_action_at, checked_at = excluded.checked_at,
             last_report = excluded.last_report, saved_at = excluded.saved_at, saved_by = excluded.saved_by,
             probe_at = excluded.probe_at, oauth_client_id = excluded.oauth_client_id,
             login_host = excluded.login_host, other_hosts = excluded.other_hosts,
             former_host = NULL, moved_at = NULL, key_seen_at = excluded.key_seen_at,
             version = version + 1, fence = fence + 1, lease_owner = NULL, lease_until = NULL",
        portal,
        host,
        tenant.id,
        permanent,
        tenant.region,
        typed.web_integration_id,
        option,
        by_email,
        json,
        next,
        now,
        report,
        now,
        user,
        now,
        client,
        login_host,
        hosts,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
