//! How a step of a run ends: with a wait, with failure, or with the claim given
//! back. Each write is guarded by the fencing number.

use jiff::Timestamp;

use super::run::Run;
use crate::{
    Error, Services,
    store::{StoreError, Tx},
    words::Said,
};

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The next one can follow.
    On,
    /// The run waits, is over, or is somebody else's by now.
    Over,
}

/// Why a run waits or failed.
#[derive(Debug)]
pub(super) struct Why {
    pub(super) said: Said,
    pub(super) code: Option<String>,
    pub(super) trace: Option<String>,
}

impl Why {
    pub(super) fn said(said: Said) -> Self {
        Self { said, code: None, trace: None }
    }
}

impl Services {
    /// Gives the claim back. That somebody else took it meanwhile is no error.
    pub(super) async fn release_run(&self, run: &Run) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "UPDATE matching_runs SET lease_owner = NULL, lease_until = NULL WHERE id = ? AND fence = ?",
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Lets a run wait until `until`; `tries` failed in a row.
    pub(super) async fn rest_run(
        &self,
        run: &Run,
        until: Timestamp,
        tries: i64,
        why: &Why,
    ) -> Result<Step, Error> {
        let (until, says) = (until.as_second(), why.said.joined());
        let mut tx = self.db().write().await?;
        let rests = sqlx::query!(
            "UPDATE matching_runs SET next_try_at = ?, tries = ?, says = ?, qlik_code = ?, trace_id = ?,
                    lease_owner = NULL, lease_until = NULL
             WHERE id = ? AND fence = ? AND ended_at IS NULL",
            until,
            tries,
            says,
            why.code,
            why.trace,
            run.id,
            run.fence
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        lost_unless(rests.rows_affected() == 1, run);
        Ok(Step::Over)
    }

    /// Ends a run that can't be brought to its end. The last one that was stays.
    pub(super) async fn fail_run(&self, run: &Run, why: &Why) -> Result<Step, Error> {
        let (now, says) = (self.now().as_second(), why.said.joined());
        let mut tx = self.db().write().await?;
        let failed = sqlx::query!(
            "UPDATE matching_runs SET state = 'failed', ended_at = ?, next_try_at = NULL, says = ?, qlik_code = ?,
                    trace_id = ?, cursor = NULL, lease_owner = NULL, lease_until = NULL
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
        if lost_unless(failed.rows_affected() == 1, run) == Step::Over {
            return Ok(Step::Over);
        }
        forget_seen(&mut tx, run).await?;
        sqlx::query!("DELETE FROM matching_rows WHERE run_id = ?", run.id).execute(&mut *tx).await?;
        sqlx::query!(
            "DELETE FROM matching_runs WHERE portal_id = ? AND state = 'failed' AND id <> ?
             AND staged = (SELECT staged FROM matching_runs WHERE id = ?)",
            run.portal_id,
            run.id,
            run.id
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        tracing::warn!(portal.id = %run.portal_id, run.id = %run.id, says = %why.said.says, "a comparison failed");
        Ok(Step::Over)
    }
}

/// What of Qlik's users a run no longer needs.
pub(super) async fn forget_seen(tx: &mut Tx<'_>, run: &Run) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM matching_seen WHERE run_id = ?", run.id).execute(&mut **tx).await?;
    Ok(())
}

/// [`Step::On`] where the guarded write took place; otherwise the run is somebody
/// else's, or is gone.
pub(super) fn lost_unless(written: bool, run: &Run) -> Step {
    if written {
        return Step::On;
    }
    tracing::info!(run.id = %run.id, "a comparison was taken over, or its integration is gone");
    Step::Over
}
