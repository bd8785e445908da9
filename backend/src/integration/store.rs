//! Storing what was checked: settings, key, state and report in one transaction.

use std::sync::Arc;

use qlik::{host::TenantHost, secret::ApiKeyToken};

use crate::{
    Actor, Error, Services, audit,
    change::{Leaving, Previous, take_staged},
    doctor::{Facts, Report},
    identity::{IdentityView, note_idp},
    keys::{self, NewKeyRow, insert_key},
    notices::note,
    renewal::{KeyRef, Phase, Retiring, Row, State, due_at, load, next_action_at, next_look, to_json},
    store::{StoreError, Tx},
};

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
        let current = KeyRef {
            key_id: facts.key.id.clone(),
            created_at: facts.key.created.unwrap_or(now).as_second(),
            expires_at: facts.key.expiry.as_second(),
        };
        let place = keys::place(portal, &current.key_id);
        let sealed = self.vault().seal(place, typed.key.expose().as_bytes())?;

        let mut tx = self.db().write().await?;
        // Read anew under the write lock: a renewal may have gone on during the checks.
        let fresh = load(&mut *tx, portal).await?;
        let kept_key = stored.map(|r| r.state.current.key_id.as_str()) == Some(current.key_id.as_str());
        if let (true, Some(fresh)) = (kept_key, &fresh)
            && fresh.state.current.key_id != current.key_id
        {
            return Err(Error::Conflict("the key was renewed while the settings were tested"));
        }
        let made_idp = match &typed.how {
            How::Staged(id) => take_staged(&mut tx, portal, id).await?,
            How::Saved | How::Back(_) => None,
        };
        let leaving =
            Leaving::read(&mut tx, fresh.as_ref(), typed, &facts.tenant.id, &current.key_id).await?;
        let mut state = next_state(fresh.as_ref(), current, self, now.as_second());
        leaving.settle(&mut state, now.as_second());
        retire_rows(&mut tx, portal, &state).await?;
        insert_key(
            &mut tx,
            NewKeyRow {
                portal_id: portal,
                tenant_id: &facts.tenant.id,
                tenant_host: typed.host.as_str(),
                key: &state.current,
                sealed: &sealed,
                fingerprint: typed.key.fingerprint(),
                last4: typed.key.last4(),
                owner_id: &facts.owner.id,
                owner_subject: &facts.owner.subject,
                owner_email: facts.owner.email.as_deref(),
                owner_name: &facts.owner.name,
                attempt_id: None,
                state: "current",
                now: now.as_second(),
            },
        )
        .await?;
        write_row(&mut tx, self, actor, typed, facts, report, &state).await?;
        note(self, &mut tx, portal, fresh.as_ref().map_or(&state, |r| &r.state), &state).await?;
        if fresh.as_ref().is_some_and(|r| r.tenant_id != facts.tenant.id) {
            // The identity providers that we made, of a rotation two, are in the other tenant.
            sqlx::query!(
                "UPDATE signing_identities SET idp_id = NULL WHERE portal_id = ? AND (kid = ? OR active = 0)",
                portal,
                identity.kid
            )
            .execute(&mut *tx)
            .await?;
        }
        if let Some(id) = &made_idp {
            note_idp(&mut tx, portal, &identity.kid, Some(id)).await?;
        }
        leaving.write(self, &mut tx, portal, now.as_second()).await?;
        if let How::Back(previous) = &typed.how {
            previous.restore(&mut tx, portal).await?;
        }
        sqlx::query!("DELETE FROM qlik_sessions WHERE portal_id = ?", portal).execute(&mut *tx).await?;
        let detail = serde_json::json!({
            "tenant_host": typed.host.as_str(), "web_integration_id": typed.web_integration_id,
            "key": state.current.key_id, "email_as_subject": typed.email_as_subject,
        });
        let what = match typed.how {
            How::Saved => audit::INTEGRATION_SAVED,
            How::Staged(_) => audit::CHANGE_SWITCHED,
            How::Back(_) => audit::CHANGE_TAKEN_BACK,
        };
        audit::record(&mut tx, portal, Some(actor), what, detail, now).await?;
        Ok(tx.commit().await?)
    }
}

/// What is stored of the form.
pub(crate) struct Typed {
    pub(crate) host: TenantHost,
    pub(crate) web_integration_id: String,
    pub(crate) email_as_subject: bool,
    pub(crate) key: Arc<ApiKeyToken>,
    pub(crate) how: How,
}

/// How it comes to be stored.
pub(crate) enum How {
    /// It was typed just now.
    Saved,
    /// It is the staged change of this id.
    Staged(String),
    /// It was in force before.
    Back(Box<Previous>),
}

/// The state with this key in use. A key that it replaces is retired as a
/// renewal would; what an attempt under way left at Qlik is swept.
fn next_state(fresh: Option<&Row>, current: KeyRef, services: &Services, now: i64) -> State {
    // What a look ahead would find was just checked.
    let look_at = next_look(now, services.policy(), services.jitter());
    let Some(old) = fresh.map(|r| &r.state) else {
        let renew_at = due_at(&current, services.jitter());
        return State::new(current, renew_at, look_at);
    };
    if old.current.key_id == current.key_id {
        // The same key: its date and any attempt stay as they are; it was just seen to work.
        return State { need: None, failing: None, look_at, ahead: None, ..old.clone() };
    }
    let renew_at = due_at(&current, services.jitter());
    let mut state = State::new(current, renew_at, look_at);
    let delete_at = now + services.policy().grace;
    state.retiring.clone_from(&old.retiring);
    if let Phase::Staged { new, .. } | Phase::Proved { new, .. } = &old.phase {
        state.retiring.push(Retiring { key: new.clone(), delete_at, tries: 0 });
    }
    state.retiring.push(Retiring { key: old.current.clone(), delete_at, tries: 0 });
    // Pasted again while it was on its way out: it stays.
    let again = state.current.key_id.clone();
    state.retiring.retain(|r| r.key.key_id != again);
    let creating = matches!(old.phase, Phase::Creating { .. });
    state.sweep = creating || old.sweep;
    state.sweep_at = if creating { Some(now + services.policy().late) } else { old.sweep_at };
    state.stray.clone_from(&old.stray);
    state
}

/// The rows of the keys that the state retires, the current one among them.
async fn retire_rows(tx: &mut Tx<'_>, portal: &str, state: &State) -> Result<(), StoreError> {
    for r in &state.retiring {
        sqlx::query!(
            "UPDATE api_keys SET state = 'retiring' WHERE portal_id = ? AND key_id = ? AND state IN ('current', 'staged', 'kept')",
            portal,
            r.key.key_id
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn write_row(
    tx: &mut Tx<'_>,
    services: &Services,
    actor: &Actor,
    typed: &Typed,
    facts: &Facts,
    report: &Report,
    state: &State,
) -> Result<(), Error> {
    let now = services.now().as_second();
    let json = to_json(state)?;
    let next = next_action_at(now, state, services.policy());
    let report =
        serde_json::to_string(report).map_err(|_| Error::Internal("a report can't be written as JSON"))?;
    let host = typed.host.as_str();
    let permanent = facts.tenant.hostnames.first().map_or(host, String::as_str);
    let region = facts.tenant.region.as_deref().or(facts.tenant.datacenter.as_deref());
    let (portal, user) = (actor.portal.id.as_str(), actor.user_id.as_str());
    // Version and fence go up: whoever was at work on the old settings has lost its claim.
    sqlx::query!(
        "INSERT INTO integrations (portal_id, tenant_host, tenant_id, permanent_host, region, web_integration_id,
             auth_option, email_as_subject, renewal, next_action_at, checked_at, last_report, saved_at, saved_by, probe_at)
         VALUES (?, ?, ?, ?, ?, ?, 'api_key', ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (portal_id) DO UPDATE SET
             tenant_host = excluded.tenant_host, tenant_id = excluded.tenant_id,
             permanent_host = excluded.permanent_host, region = excluded.region,
             web_integration_id = excluded.web_integration_id, email_as_subject = excluded.email_as_subject,
             -- What one tenant may do at a sign-in is no choice for another.
             may_create = CASE WHEN tenant_id = excluded.tenant_id THEN may_create ELSE 0 END,
             may_rewrite = CASE WHEN tenant_id = excluded.tenant_id THEN may_rewrite ELSE 0 END,
             renewal = excluded.renewal, next_action_at = excluded.next_action_at, checked_at = excluded.checked_at,
             last_report = excluded.last_report, saved_at = excluded.saved_at, saved_by = excluded.saved_by,
             probe_at = excluded.probe_at,
             version = version + 1, fence = fence + 1, lease_owner = NULL, lease_until = NULL",
        portal,
        host,
        facts.tenant.id,
        permanent,
        region,
        typed.web_integration_id,
        typed.email_as_subject,
        json,
        next,
        now,
        report,
        now,
        user,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
