//! What the page of the comparison shows beside the rows.

use jiff::Timestamp;

use super::judge::{Rules, Verdict};
use crate::{
    Actor, Error, Services,
    store::{StoreError, at},
};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(rename_all = "lowercase")]
pub enum RunState {
    /// Qlik's users are read.
    Reading,
    /// The portal's users are judged.
    Judging,
    /// It came to its end.
    Done,
    /// It could not be brought to its end.
    Failed,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The tenant that it compares with.
    pub tenant_host: String,
    /// Where it stands.
    pub state: RunState,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Pages of Qlik's users read.
    pub pages_read: i64,
    /// Qlik's users read.
    pub qlik_users: i64,
    /// How many of them have no e-mail; known once all are read.
    pub qlik_without_email: i64,
    /// Users of the portal to judge; known once Qlik's are read.
    pub people: i64,
    /// How many of them are judged.
    pub judged: i64,
    /// When it goes on, where it waits.
    pub waits_until: Option<Timestamp>,
    /// Why it waits or failed.
    pub says: Option<String>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
    /// What it judges by.
    pub rules: Rules,
}

/// What Qlik may do at a sign-in now, and at which tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The tenant's id; a choice is made for it.
    pub tenant_id: String,
    /// The tenant's host.
    pub tenant_host: String,
    /// The choices.
    pub rules: Rules,
}

/// The comparisons of a portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingView {
    /// What is allowed; none where nothing is connected.
    pub allowed: Option<Allowed>,
    /// The one under way.
    pub running: Option<RunView>,
    /// The last one that came to its end.
    pub last: Option<RunView>,
    /// One that failed after that.
    pub failed: Option<RunView>,
    /// The verdicts of the last one that there are, each with how many have it.
    pub counts: Vec<(Verdict, i64)>,
}

impl MatchingView {
    /// The last one was judged by other choices than those of today.
    pub fn is_stale(&self) -> bool {
        match (&self.last, &self.allowed) {
            (Some(last), Some(allowed)) => last.rules != allowed.rules,
            _ => false,
        }
    }
}

impl Services {
    /// The comparisons of the actor's portal with the tenant that it is connected to:
    /// with a key, for without one nobody may be asked for all users.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn matching_view(&self, a: &Actor) -> Result<MatchingView, Error> {
        a.require_admin()?;
        let portal = a.portal.id.as_str();
        let allowed = sqlx::query!(
            r#"SELECT tenant_id AS "tenant_id!", tenant_host AS "tenant_host!",
                      email_as_subject AS "email_as_subject!: bool", may_create AS "create!: bool",
                      may_rewrite AS "rewrite!: bool"
               FROM integrations WHERE portal_id = ? AND auth_option = 'api_key'"#,
            portal
        )
        .fetch_optional(self.db().read())
        .await?
        .map(|r| Allowed {
            tenant_id: r.tenant_id,
            tenant_host: r.tenant_host,
            rules: Rules { email_as_subject: r.email_as_subject, create: r.create, rewrite: r.rewrite },
        });
        let mut view = MatchingView { allowed, running: None, last: None, failed: None, counts: Vec::new() };
        let Some(tenant) = view.allowed.as_ref().map(|x| x.tenant_id.clone()) else { return Ok(view) };
        for run in self.runs(portal, &tenant, false).await? {
            match run.state {
                RunState::Reading | RunState::Judging => view.running = Some(run),
                RunState::Done => view.last = Some(run),
                RunState::Failed => view.failed = Some(run),
            }
        }
        if let Some(last) = &view.last {
            view.counts = self.counts(&last.id).await?;
        }
        Ok(view)
    }

    /// At most one under way, one done and one that failed after it. Those of
    /// another tenant are nobody's any more.
    pub(crate) async fn runs(&self, portal: &str, tenant: &str, staged: bool) -> Result<Vec<RunView>, Error> {
        let now = self.now().as_second();
        let rows = sqlx::query!(
            r#"SELECT id AS "id!", tenant_host AS "tenant_host!", state AS "state!: RunState",
                      started_at AS "started_at!", ended_at, pages_read AS "pages_read!",
                      qlik_users AS "qlik_users!", qlik_without_email AS "qlik_without_email!", people AS "people!",
                      judged AS "judged!", next_try_at, says, qlik_code, trace_id,
                      email_as_subject AS "email_as_subject!: bool", may_create AS "create!: bool",
                      may_rewrite AS "rewrite!: bool"
               FROM matching_runs WHERE portal_id = ? AND tenant_id = ? AND staged = ? ORDER BY rowid"#,
            portal,
            tenant,
            staged
        )
        .fetch_all(self.db().read())
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| RunView {
                id: r.id,
                tenant_host: r.tenant_host,
                state: r.state,
                started_at: at(r.started_at),
                ended_at: r.ended_at.map(at),
                pages_read: r.pages_read,
                qlik_users: r.qlik_users,
                qlik_without_email: r.qlik_without_email,
                people: r.people,
                judged: r.judged,
                waits_until: r.next_try_at.filter(|t| *t > now).map(at),
                says: r.says,
                qlik_code: r.qlik_code,
                trace_id: r.trace_id,
                rules: Rules { email_as_subject: r.email_as_subject, create: r.create, rewrite: r.rewrite },
            })
            .collect())
    }

    async fn counts(&self, run_id: &str) -> Result<Vec<(Verdict, i64)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT verdict AS "verdict!", count(*) AS "n!: i64" FROM matching_rows WHERE run_id = ?
               GROUP BY rank, verdict ORDER BY rank"#,
            run_id
        )
        .fetch_all(self.db().read())
        .await?;
        rows.into_iter()
            .map(|r| {
                let verdict = Verdict::parse(&r.verdict)
                    .ok_or(StoreError::Inconsistent { table: "matching_rows", column: "verdict" })?;
                Ok((verdict, r.n))
            })
            .collect()
    }
}
