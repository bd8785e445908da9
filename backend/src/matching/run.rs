//! A run: how it is started, who works on it, and how it ends. Leases with an
//! expiry and a fencing number, so that several server processes can share one
//! database.

use futures::StreamExt;
use qlik::Lane;

use super::{
    ends::{Step, Why},
    judge::Rules,
};
use crate::{
    Actor, Error, Services, audit,
    store::{StoreError, Tx},
    words::Said,
};

/// How long a claim holds, in seconds: longer than the longest remote call, and
/// renewed by each step. One that seems to hold for longer was made under a clock
/// that has been put back since, and is void.
pub(super) const LEASE: i64 = 60;
/// A run that is not at its end by then is given up, in seconds.
const LONGEST: i64 = 6 * 3_600;
/// How many runs are worked on at once by one process.
const AT_ONCE: usize = 2;
/// How many due runs are read in one go.
const BATCH: i64 = 64;

/// What asking for a comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It begins now.
    Begun,
    /// One is under way.
    UnderWay,
}

/// A run in hand.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) portal_id: String,
    pub(super) tenant_id: String,
    pub(super) rules: Rules,
    pub(super) reading: bool,
    pub(super) started_at: i64,
    pub(super) cursor: Option<String>,
    pub(super) judged_to: String,
    pub(super) pages_read: i64,
    pub(super) restarts: i64,
    pub(super) tries: i64,
    pub(super) fence: i64,
}

/// Begins a comparison with the tenant in force or, `staged`, with that of the
/// staged change. `false`: there is no such tenant, or one is under way.
pub(crate) async fn begin_run(
    tx: &mut Tx<'_>,
    id: &str,
    portal: &str,
    staged: bool,
    now: i64,
) -> Result<bool, StoreError> {
    let begun = sqlx::query!(
        "INSERT INTO matching_runs (id, portal_id, staged, tenant_id, tenant_host, email_as_subject, may_create,
                                    may_rewrite, state, started_at, next_try_at)
         SELECT ?1, i.portal_id, ?3, coalesce(c.tenant_id, i.tenant_id), coalesce(c.tenant_host, i.tenant_host),
                coalesce(c.email_as_subject, i.email_as_subject),
                -- What one tenant may do at a sign-in is no choice for another.
                iif(coalesce(c.tenant_id, i.tenant_id) = i.tenant_id, i.may_create, 0),
                iif(coalesce(c.tenant_id, i.tenant_id) = i.tenant_id, i.may_rewrite, 0), 'reading', ?4, ?4
         FROM integrations i LEFT JOIN staged_changes c ON c.portal_id = i.portal_id AND ?3
         WHERE i.portal_id = ?2 AND (NOT ?3 OR c.portal_id IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM matching_runs r
                         WHERE r.portal_id = i.portal_id AND r.staged = ?3 AND r.ended_at IS NULL)",
        id,
        portal,
        staged,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(begun.rows_affected() > 0)
}

impl Services {
    /// Asks for a comparison with what is stored now. One at a time per portal.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator, [`Error::NotFound`]
    /// where nothing is connected, or not with a key.
    pub async fn start_matching(&self, actor: &Actor) -> Result<Started, Error> {
        let (id, portal, now) = (self.new_id(), actor.portal.id.as_str(), self.now());
        let secs = now.as_second();
        let mut tx = self.db().write().await?;
        actor.still_admin(&mut tx).await?;
        let there = sqlx::query_scalar!(
            r#"SELECT EXISTS(SELECT 1 FROM integrations WHERE portal_id = ? AND auth_option = 'api_key') AS "there!: bool""#,
            portal
        )
        .fetch_one(&mut *tx)
        .await?;
        if !there {
            return Err(Error::NotFound);
        }
        if !begin_run(&mut tx, &id, portal, false, secs).await? {
            return Ok(Started::UnderWay);
        }
        audit::record(&mut tx, portal, Some(actor), audit::MATCHING_STARTED, serde_json::json!({}), now)
            .await?;
        tx.commit().await?;
        self.tell(portal);
        self.0.compare.notify_one();
        Ok(Started::Begun)
    }

    /// Completes when a comparison was asked for in this process.
    pub async fn comparison_asked(&self) {
        self.0.compare.notified().await;
    }

    /// Works on the comparisons that are due, until none is or `stopped` says
    /// so, which is asked between two steps. Gives back how many were taken up.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read. One that fails is logged
    /// and does not hold up the others.
    pub async fn compare_due(&self, stopped: &(dyn Fn() -> bool + Sync)) -> Result<usize, Error> {
        let now = self.now().as_second();
        let longest = now + LEASE;
        let due = sqlx::query_scalar!(
            r#"SELECT id AS "id!" FROM matching_runs
               WHERE next_try_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
               ORDER BY next_try_at LIMIT ?"#,
            now,
            now,
            longest,
            BATCH
        )
        .fetch_all(self.db().read())
        .await?;
        let count = due.len();
        // Nobody waits for a comparison, and it asks for hundreds of pages.
        let own = self.in_lane(Lane::Background);
        futures::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |id| async {
                let id = id;
                if let Err(e) = own.work_on_run(&id, stopped).await {
                    tracing::error!(run.id = %id, error = %e, "a comparison could not go on");
                }
            })
            .await;
        Ok(count)
    }

    async fn work_on_run(&self, id: &str, stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
        let Some(mut run) = self.claim_run(id).await? else { return Ok(()) };
        let mut proved = false;
        loop {
            if stopped() {
                return self.release_run(&run).await;
            }
            if self.now().as_second() - run.started_at > LONGEST {
                let hours = LONGEST / 3_600;
                let says = format!("The comparison did not come to its end within {hours} hours.");
                let why = Why::said(Said::new(says, "Compare again when Qlik answers as usual."));
                self.fail_run(&run, &why).await?;
                return Ok(());
            }
            let step = if run.reading {
                self.read_page(&mut run, &mut proved).await?
            } else {
                self.judge_batch(&mut run).await?
            };
            self.tell(&run.portal_id);
            if step == Step::Over {
                return Ok(());
            }
        }
    }

    async fn claim_run(&self, id: &str) -> Result<Option<Run>, Error> {
        let now = self.now().as_second();
        let (until, owner) = (now + LEASE, self.config().owner.as_str());
        let mut tx = self.db().write().await?;
        let row = sqlx::query!(
            r#"UPDATE matching_runs SET lease_owner = ?, lease_until = ?, fence = fence + 1
               WHERE id = ? AND next_try_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
               RETURNING portal_id AS "portal_id!", tenant_id AS "tenant_id!", state AS "state!",
                   email_as_subject AS "email_as_subject!: bool", may_create AS "create!: bool",
                   may_rewrite AS "rewrite!: bool", started_at AS "started_at!", cursor, judged_to AS "judged_to!",
                   pages_read AS "pages_read!", restarts AS "restarts!", tries AS "tries!", fence AS "fence!""#,
            owner,
            until,
            id,
            now,
            now,
            until
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.map(|r| Run {
            id: id.to_owned(),
            portal_id: r.portal_id,
            tenant_id: r.tenant_id,
            rules: Rules { email_as_subject: r.email_as_subject, create: r.create, rewrite: r.rewrite },
            reading: r.state == "reading",
            started_at: r.started_at,
            cursor: r.cursor,
            judged_to: r.judged_to,
            pages_read: r.pages_read,
            restarts: r.restarts,
            tries: r.tries,
            fence: r.fence,
        }))
    }
}
