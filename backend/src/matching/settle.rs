//! Judging the portal's users, batch after batch, and ending the run. The
//! database finds for each of them the few Qlik users that may be the same
//! person; [`judge`] decides.

use std::collections::HashMap;

use qlik::{email_key, untagged};
use serde_json::json;

use super::{
    ends::{Step, forget_seen, lost_unless},
    judge::{Judged, Person, Seen, judge, name_key},
    run::{LEASE, Run},
};
use crate::{Error, Services};

/// Users of the portal that are judged in one step.
const BATCH: i64 = 500;

/// A user of the portal.
struct Mine {
    id: String,
    email: String,
    name: String,
}

impl Services {
    /// Judges the next users, or ends the run where none is left.
    pub(super) async fn judge_batch(&self, run: &mut Run) -> Result<Step, Error> {
        let batch = sqlx::query_as!(
            Mine,
            r#"SELECT id AS "id!", email AS "email!", name AS "name!" FROM users
               WHERE portal_id = ? AND email > ? AND status IN ('active', 'invited') ORDER BY email LIMIT ?"#,
            run.portal_id,
            run.judged_to,
            BATCH
        )
        .fetch_all(self.db().read())
        .await?;
        let Some(last) = batch.last().map(|m| m.email.clone()) else { return self.end_run(run).await };
        let near = self.near(run, &batch).await?;
        let rows = batch.iter().enumerate().map(|(n, mine)| {
            let who = Person { email: &mine.email, name: &mine.name };
            let seen = near.get(&n).map(Vec::as_slice).unwrap_or_default();
            row_json(mine, &judge(who, seen, run.rules))
        });
        let rows = rows.collect::<serde_json::Value>().to_string();
        let until = self.now().as_second() + LEASE;
        let mut tx = self.db().write().await?;
        // Who was removed meanwhile has no row.
        let judged = sqlx::query!(
            "INSERT INTO matching_rows (run_id, user_id, email, name, verdict, rank, qlik_name, qlik_email, qlik_count)
             SELECT r.id, u.id, u.email, u.name, j.value ->> 'verdict', j.value ->> 'rank', j.value ->> 'qlik_name',
                    j.value ->> 'qlik_email', j.value ->> 'count'
             FROM matching_runs r, json_each(?) j JOIN users u ON u.id = j.value ->> 'user'
             WHERE r.id = ? AND r.fence = ? AND r.ended_at IS NULL",
            rows,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let judged = i64::try_from(judged).unwrap_or(i64::MAX);
        let written = sqlx::query!(
            "UPDATE matching_runs SET judged_to = ?, judged = judged + ?, lease_until = ?
             WHERE id = ? AND fence = ? AND ended_at IS NULL",
            last,
            judged,
            until,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?;
        let step = lost_unless(written.rows_affected() == 1, run);
        if step == Step::On {
            tx.commit().await?;
            run.judged_to = last;
        }
        Ok(step)
    }

    /// For each of the batch, by place, the Qlik users that may be them: bounded
    /// however many share an e-mail or a name, and by index alone.
    async fn near(&self, run: &Run, batch: &[Mine]) -> Result<HashMap<usize, Vec<Seen>>, Error> {
        let keys = batch.iter().map(
            |m| json!({ "email": email_key(&m.email), "mailbox": untagged(&m.email), "name": name_key(&m.name) }),
        );
        let keys = keys.collect::<serde_json::Value>().to_string();
        // Without statistics the planner thinks little of these indexes: they are named.
        let found = sqlx::query!(
            r#"SELECT j.key + 0 AS "place!: i64", s.qlik_id AS "id!", s.email AS "email?", s.subject AS "subject!",
                      s.name AS "name!", s.status AS "status!"
               FROM json_each(?1) j CROSS JOIN matching_seen s ON s.run_id = ?2 AND s.qlik_id IN (
                   SELECT qlik_id FROM (SELECT qlik_id FROM matching_seen INDEXED BY matching_seen_by_email
                       WHERE run_id = ?2 AND email_key = j.value ->> 'email' ORDER BY status <> 'active', qlik_id LIMIT 20)
                   UNION ALL SELECT qlik_id FROM (SELECT qlik_id FROM matching_seen INDEXED BY matching_seen_by_subject
                       WHERE run_id = ?2 AND subject_key = j.value ->> 'email' ORDER BY qlik_id LIMIT 20)
                   UNION ALL SELECT qlik_id FROM (SELECT qlik_id FROM matching_seen INDEXED BY matching_seen_by_mailbox
                       WHERE run_id = ?2 AND mailbox = j.value ->> 'mailbox' AND status <> 'deleted' ORDER BY qlik_id LIMIT 2)
                   UNION ALL SELECT qlik_id FROM (SELECT qlik_id FROM matching_seen INDEXED BY matching_seen_by_name
                       WHERE run_id = ?2 AND name_key = j.value ->> 'name' AND status <> 'deleted' ORDER BY qlik_id LIMIT 2))"#,
            keys,
            run.id
        )
        .fetch_all(self.db().read())
        .await?;
        let mut near: HashMap<usize, Vec<Seen>> = HashMap::with_capacity(batch.len());
        for row in found {
            let seen = Seen {
                id: row.id,
                email: row.email,
                subject: row.subject,
                name: row.name,
                status: row.status.into(),
            };
            near.entry(usize::try_from(row.place).unwrap_or(usize::MAX)).or_default().push(seen);
        }
        Ok(near)
    }

    /// The run takes the place of the ones before it, and Qlik's users are forgotten.
    async fn end_run(&self, run: &Run) -> Result<Step, Error> {
        let now = self.now().as_second();
        let mut tx = self.db().write().await?;
        let ended = sqlx::query!(
            "UPDATE matching_runs SET state = 'done', ended_at = ?, next_try_at = NULL, people = judged, says = NULL,
                    lease_owner = NULL, lease_until = NULL
             WHERE id = ? AND fence = ? AND ended_at IS NULL",
            now,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?;
        if lost_unless(ended.rows_affected() == 1, run) == Step::On {
            forget_seen(&mut tx, run).await?;
            sqlx::query!(
                "DELETE FROM matching_runs WHERE portal_id = ? AND ended_at IS NOT NULL AND id <> ?
                 AND staged = (SELECT staged FROM matching_runs WHERE id = ?)",
                run.portal_id,
                run.id,
                run.id
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
        }
        Ok(Step::Over)
    }
}

fn row_json(mine: &Mine, judged: &Judged<'_>) -> serde_json::Value {
    json!({
        "user": mine.id,
        "verdict": judged.verdict.as_str(),
        "rank": judged.verdict as i64,
        "qlik_name": judged.about.map(|s| &s.name),
        "qlik_email": judged.about.and_then(|s| s.email.as_ref()),
        "count": judged.count,
    })
}
