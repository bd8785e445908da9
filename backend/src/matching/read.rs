//! Reading the Qlik tenant's users, page after page. Each page is written down
//! with the cursor of the next one.

use std::sync::Arc;

use qlik::{
    Page, Tenant, User, email_key,
    error::{Error as QlikError, ErrorKind},
    host::TenantHost,
    secret::ApiKeyToken,
    untagged,
};
use serde_json::json;

use super::{
    ends::{Step, Why, forget_seen, lost_unless},
    judge::{Seen, name_key},
    run::{LEASE, Run},
};
use crate::{
    Error, Services,
    backoff::doubling,
    renewal::load,
    store::at,
    words::{self, Said},
};

/// Users of one page: the most that Qlik gives.
const PAGE: u32 = 100;
/// So many pages are read before a tenant counts as too large.
const MAX_PAGES: i64 = 10_000;
/// So often reading begins anew where Qlik no longer takes a cursor.
const MAX_RESTARTS: i64 = 3;
/// So many tries in a row may fail.
const MAX_TRIES: i64 = 6;
/// Seconds from the first failed try to the second; it doubles from there.
const FIRST_WAIT: i64 = 5;
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 5 * 60;

/// The tenant that a run asks.
struct Asked {
    tenant_id: String,
    host: TenantHost,
    key: Arc<ApiKeyToken>,
    /// It is that of the change that is not in force.
    staged: bool,
}

impl Services {
    /// Reads one page and writes it down. `proved`: this claim has seen that it
    /// reads from the right tenant.
    pub(super) async fn read_page(&self, run: &mut Run, proved: &mut bool) -> Result<Step, Error> {
        // Read anew for each page: a renewal may have replaced the key.
        let Some(Asked { tenant_id, host, key, staged }) = self.asked_of(run).await? else {
            return Ok(Step::Over);
        };
        if tenant_id != run.tenant_id {
            return self.fail_run(run, &Why::said(other_tenant())).await;
        }
        let tenant = self.qlik().with_key(&host, key);
        let host = host.as_str();
        let page = match next_page(&tenant, run, proved).await {
            Ok(Some(page)) => page,
            Ok(None) => return self.fail_run(run, &Why::said(other_tenant())).await,
            Err(e) => return self.page_failed(run, &e, host, staged).await,
        };
        self.write_page(run, &page, host).await
    }

    /// The tenant that is asked, where it is, and with which key: the one in force,
    /// or that of the staged change. None where it is gone.
    async fn asked_of(&self, run: &Run) -> Result<Option<Asked>, Error> {
        let staged = sqlx::query_scalar!(
            r#"SELECT staged AS "staged!: bool" FROM matching_runs WHERE id = ?"#,
            run.id
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(staged) = staged else { return Ok(None) };
        if staged {
            let change = self.staged_key(&run.portal_id).await?;
            return Ok(change.map(|c| Asked { tenant_id: c.tenant_id, host: c.host, key: c.key, staged }));
        }
        let Some(row) = load(self.db().read(), &run.portal_id).await? else { return Ok(None) };
        let key = self
            .key(&row.portal_id, &row.state.current.key_id)
            .await?
            .ok_or(Error::Internal("the key in use has no token in the vault"))?;
        Ok(Some(Asked { tenant_id: row.tenant_id, host: row.tenant_host, key: key.token, staged }))
    }

    async fn write_page(&self, run: &mut Run, page: &Page<User>, host: &str) -> Result<Step, Error> {
        let users = json_of(page);
        let (until, pages) = (self.now().as_second() + LEASE, run.pages_read + 1);
        let mut tx = self.db().write().await?;
        // What a page tells again is known already.
        let new = sqlx::query!(
            "INSERT INTO matching_seen (run_id, qlik_id, email, email_key, mailbox, subject, subject_key, name, name_key,
                                        status)
             SELECT r.id, j.value ->> 'id', j.value ->> 'email', j.value ->> 'email_key', j.value ->> 'mailbox',
                    j.value ->> 'subject', j.value ->> 'subject_key', j.value ->> 'name', j.value ->> 'name_key', j.value ->> 'status'
             FROM matching_runs r, json_each(?) j WHERE r.id = ? AND r.fence = ? AND r.ended_at IS NULL
             ON CONFLICT (run_id, qlik_id) DO NOTHING",
            users,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let new = i64::try_from(new).unwrap_or(i64::MAX);
        let circle = page.next.is_some() && (new == 0 || page.next == run.cursor);
        if circle || pages > MAX_PAGES {
            drop(tx);
            let says = if circle {
                format!("{host} gives the same users again instead of further ones.")
            } else {
                format!("{host} has more users than can be compared ({MAX_PAGES} pages).")
            };
            return self.fail_run(run, &Why::said(Said::new(says, "Compare again later."))).await;
        }
        let written = sqlx::query!(
            "UPDATE matching_runs SET cursor = ?, pages_read = ?, qlik_users = qlik_users + ?, tries = 0, says = NULL,
                    qlik_code = NULL, trace_id = NULL, lease_until = ?
             WHERE id = ? AND fence = ? AND ended_at IS NULL",
            page.next,
            pages,
            new,
            until,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?;
        if lost_unless(written.rows_affected() == 1, run) == Step::Over {
            return Ok(Step::Over);
        }
        if page.next.is_none() {
            // Who is judged is counted once more at the end.
            sqlx::query!(
                "UPDATE matching_runs SET state = 'judging',
                    qlik_without_email = (SELECT count(*) FROM matching_seen s
                                          WHERE s.run_id = matching_runs.id AND s.email IS NULL),
                    people = (SELECT count(*) FROM users u WHERE u.portal_id = matching_runs.portal_id
                              AND u.status IN ('active', 'invited'))
                 WHERE id = ?",
                run.id
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        (run.reading, run.pages_read, run.tries) = (page.next.is_some(), pages, 0);
        run.cursor.clone_from(&page.next);
        Ok(Step::On)
    }

    async fn page_failed(&self, run: &Run, e: &QlikError, host: &str, staged: bool) -> Result<Step, Error> {
        let why = why(e, host, staged);
        let now = self.now().as_second();
        match e.kind() {
            // Qlik says when; that is no failed try.
            ErrorKind::RateLimited => {
                let wait = e
                    .retry_after()
                    .map_or(FIRST_WAIT, |d| i64::try_from(d.as_secs()).unwrap_or(LONGEST_WAIT));
                self.rest_run(run, at(now + wait.max(1)), run.tries, &why).await
            }
            ErrorKind::BadRequest if run.cursor.is_some() && run.restarts < MAX_RESTARTS => {
                self.begin_anew(run, &why).await
            }
            _ if e.is_transient() && run.tries + 1 < MAX_TRIES => {
                let tries = run.tries + 1;
                let failures = u32::try_from(tries).unwrap_or(u32::MAX);
                let wait = doubling(failures, FIRST_WAIT, LONGEST_WAIT, self.jitter());
                self.rest_run(run, at(now + wait), tries, &why).await
            }
            kind => {
                if kind == ErrorKind::Unauthorized && !staged {
                    // The administrator should see it before users do.
                    self.recheck_key(&run.portal_id).await?;
                }
                self.fail_run(run, &why).await
            }
        }
    }

    /// Qlik no longer takes the cursor, which may be hours old: from the first page.
    async fn begin_anew(&self, run: &Run, why: &Why) -> Result<Step, Error> {
        let (now, says) = (self.now().as_second(), why.said.joined());
        let mut tx = self.db().write().await?;
        let anew = sqlx::query!(
            "UPDATE matching_runs SET cursor = NULL, pages_read = 0, qlik_users = 0, restarts = restarts + 1,
                    next_try_at = ?, says = ?, qlik_code = ?, trace_id = ?, lease_owner = NULL, lease_until = NULL
             WHERE id = ? AND fence = ? AND ended_at IS NULL",
            now,
            says,
            why.code,
            why.trace,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?;
        if lost_unless(anew.rows_affected() == 1, run) == Step::On {
            forget_seen(&mut tx, run).await?;
            tx.commit().await?;
            self.0.compare.notify_one();
        }
        Ok(Step::Over)
    }
}

/// The next page; none where the key's tenant is not the run's.
async fn next_page(tenant: &Tenant, run: &Run, proved: &mut bool) -> Result<Option<Page<User>>, QlikError> {
    if !*proved {
        // Also learns the tenant's other names, which links to further pages may carry.
        if tenant.tenant_me().await?.id != run.tenant_id {
            return Ok(None);
        }
        *proved = true;
    }
    tenant.users_page(run.cursor.as_deref(), PAGE).await.map(Some)
}

fn json_of(page: &Page<User>) -> String {
    let users = page.data.iter().map(Seen::from).map(|s| {
        json!({
            "id": s.id, "mailbox": s.email.as_deref().map(untagged), "subject_key": email_key(&s.subject),
            "email_key": s.email.as_deref().map(email_key), "subject": s.subject, "status": String::from(s.status),
            "name_key": s.email.is_none().then(|| name_key(&s.name)).flatten(), "email": s.email, "name": s.name,
        })
    });
    users.collect::<serde_json::Value>().to_string()
}

fn other_tenant() -> Said {
    Said::new("The portal was connected to another Qlik tenant meanwhile.", "Compare again.")
}

fn why(e: &QlikError, host: &str, staged: bool) -> Why {
    let said = match e.kind() {
        ErrorKind::Unauthorized if staged => Said::new(
            "Qlik refuses the API key of this change.",
            "Save the settings again with a key that works.",
        ),
        ErrorKind::Unauthorized => Said::new(
            "Qlik refuses this portal's API key.",
            "Mend it under Administration > Settings, then compare again.",
        ),
        ErrorKind::Forbidden => Said::new(
            "The owner of this portal's API key may not read the Qlik tenant's users, so nobody can be compared.",
            "Use a key of a user who may, such as a Tenant Admin, then compare again.",
        ),
        _ => words::of(e, host),
    };
    Why { said, code: e.code().map(str::to_owned), trace: e.trace_id().map(str::to_owned) }
}
