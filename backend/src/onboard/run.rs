//! Keeping a plan, confirming it, and working it off: step by step under a claim,
//! each step's end written down before the next.

use std::sync::Arc;

use async_trait::async_trait;
use qlik::secret::ApiKeyToken;

use super::{
    look::{onto, place},
    made::{forget_made, remember_made},
    state::{Event, Phase, Plan, Progress, WebPlan, apply},
    steps::Run,
};
use crate::{
    Actor, Error, Portal, Services, audit,
    integration::parse_host,
    store::{StoreError, Tx, at, one_row},
    vault::VaultError,
    work::{self, Due, Kind, Portion},
};

/// How long a claim holds, in seconds: longer than the longest step but the
/// tests before storing, which do no harm twice.
const LEASE: i64 = 180;

/// A set-up, for its page.
#[derive(Debug, Clone, PartialEq)]
pub struct SetUpView {
    /// Names the plan that is seen.
    pub id: String,
    /// What is planned, and how far it is.
    pub progress: Progress,
    /// When a plan that nobody confirms is forgotten.
    pub expires_at: jiff::Timestamp,
}

struct Stored {
    id: String,
    asked_by: Option<String>,
    progress: String,
    sealed_key: Option<Vec<u8>>,
    expires_at: i64,
    version: i64,
}

impl Stored {
    fn progress(&self) -> Result<Progress, Error> {
        let bad = StoreError::Inconsistent { table: "onboardings", column: "progress" };
        serde_json::from_str(&self.progress).map_err(|_| bad.into())
    }
}

fn to_json(progress: &Progress) -> Result<String, Error> {
    serde_json::to_string(progress).map_err(|_| Error::Internal("a set-up can't be written as JSON"))
}

struct SetUps<'a>(&'a Services);

#[async_trait]
impl Kind for SetUps<'_> {
    async fn due(&self, portion: Portion<'_>) -> Result<Vec<Due>, Error> {
        let now = self.0.now().as_second();
        // One that seems to hold for longer was made under a clock that has been put back since.
        let longest = now + LEASE;
        let Portion { without, limit, .. } = portion;
        Ok(sqlx::query_as!(
            Due,
            r#"SELECT portal_id AS "portal_id!", json_extract(progress, '$.plan.tenant_host') AS "tenant_host!: String"
               FROM onboardings
               WHERE next_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
                 AND json_extract(progress, '$.plan.tenant_host') NOT IN (SELECT value FROM json_each(?))
               ORDER BY next_at LIMIT ?"#,
            now,
            now,
            longest,
            without,
            limit
        )
        .fetch_all(self.0.db().read())
        .await?)
    }

    async fn work(&self, portal_id: &str) {
        if let Err(e) = self.0.take_set_up_on(portal_id).await {
            tracing::error!(portal.id = %portal_id, error = %e, "a set-up could not go on");
        }
    }
}

impl Services {
    pub(super) async fn keep_plan(
        &self,
        actor: &Actor,
        plan: Plan,
        key: &ApiKeyToken,
        expires_at: i64,
    ) -> Result<(), Error> {
        let (id, portal) = (self.new_id(), actor.portal.id.as_str());
        let sealed = self.vault().seal(place(portal, &id), key.expose().as_bytes())?;
        let json = to_json(&Progress::new(plan))?;
        let mut tx = self.db().write().await?;
        let kept = sqlx::query!(
            "INSERT INTO onboardings (portal_id, id, asked_by, progress, sealed_key, expires_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (portal_id) DO UPDATE SET id = excluded.id, asked_by = excluded.asked_by,
                 progress = excluded.progress, sealed_key = excluded.sealed_key, expires_at = excluded.expires_at,
                 version = version + 1, lease_until = NULL
             WHERE next_at IS NULL",
            portal,
            id,
            actor.user_id,
            json,
            sealed,
            expires_at
        )
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 0 {
            return Err(Error::Conflict("a set-up is at work"));
        }
        Ok(tx.commit().await?)
    }

    async fn stored_set_up(&self, portal_id: &str) -> Result<Option<Stored>, Error> {
        Ok(sqlx::query_as!(
            Stored,
            r#"SELECT id AS "id!", asked_by, progress AS "progress!", sealed_key,
                      expires_at AS "expires_at!", version AS "version!"
               FROM onboardings WHERE portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?)
    }

    /// The portal's set-up: planned, at work, or ended and not yet put away.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator.
    pub async fn set_up_view(&self, actor: &Actor) -> Result<Option<SetUpView>, Error> {
        actor.require_admin()?;
        let Some(stored) = self.stored_set_up(&actor.portal.id).await? else { return Ok(None) };
        let progress = stored.progress()?;
        if progress.phase == Phase::Planned && stored.expires_at <= self.now().as_second() {
            return Ok(None);
        }
        Ok(Some(SetUpView { progress, expires_at: at(stored.expires_at), id: stored.id }))
    }

    /// Begins with the plan that was seen. `web`: the id of another web integration
    /// to use instead of the planned one.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::NotFound`]
    /// for a plan that is not the one kept, or no longer; [`Error::Qlik`] where the
    /// other web integration can't be read.
    pub async fn confirm_set_up(&self, actor: &Actor, id: &str, web: Option<&str>) -> Result<(), Error> {
        actor.require_admin()?;
        let stored =
            self.stored_set_up(&actor.portal.id).await?.filter(|s| s.id == id).ok_or(Error::NotFound)?;
        let mut progress = stored.progress()?;
        if progress.phase != Phase::Planned || stored.expires_at <= self.now().as_second() {
            return Err(Error::NotFound);
        }
        if let Some(other) = web.filter(|w| Some(*w) != progress.plan.web.id()) {
            let run =
                self.open_set_up(&stored, actor.portal.clone(), Some(actor.clone()), progress.clone())?;
            progress.plan.web = onto(&run.tenant.web_integration(other).await?, &progress.plan.origin);
        }
        let next = apply(&progress, Event::Confirmed);
        let (json, now) = (to_json(&next)?, self.now().as_second());
        let portal = actor.portal.id.as_str();
        let mut tx = self.db().write().await?;
        let begun = sqlx::query!(
            "UPDATE onboardings SET progress = ?, next_at = ?, asked_by = ?, version = version + 1
             WHERE portal_id = ? AND version = ?",
            json,
            now,
            actor.user_id,
            portal,
            stored.version
        )
        .execute(&mut *tx)
        .await?;
        one_row(&begun, "onboardings").map_err(|_| Error::Conflict("the plan was changed meanwhile"))?;
        let detail = serde_json::json!({ "tenant_host": next.plan.tenant_host, "web": next.plan.web, "idp": next.plan.idp });
        audit::record(&mut tx, portal, Some(actor), audit::SET_UP_CONFIRMED, detail, self.now()).await?;
        tx.commit().await?;
        self.0.set_ups.notify_one();
        Ok(())
    }

    /// Puts away a plan, or a set-up that ended.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator; [`Error::Conflict`]
    /// while it is at work.
    pub async fn put_set_up_away(&self, actor: &Actor) -> Result<(), Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let mut tx = self.db().write().await?;
        let gone = sqlx::query!("DELETE FROM onboardings WHERE portal_id = ? AND next_at IS NULL", portal)
            .execute(&mut *tx)
            .await?;
        let left = sqlx::query_scalar!("SELECT count(*) FROM onboardings WHERE portal_id = ?", portal)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        if gone.rows_affected() == 0 && left > 0 {
            return Err(Error::Conflict("a set-up is at work"));
        }
        Ok(())
    }

    /// Completes when a set-up may have something to do.
    pub async fn set_up_wanted(&self) {
        self.0.set_ups.notified().await;
    }

    /// Works off the set-ups that have something to do, and forgets plans that
    /// nobody confirmed; gives back how many were worked on.
    ///
    /// # Errors
    /// [`Error::Store`] where they can't be read.
    pub async fn set_up_until(&self, stop: impl Future<Output = ()>) -> Result<usize, Error> {
        let now = self.now().as_second();
        let over = sqlx::query_scalar!(
            "SELECT count(*) FROM onboardings WHERE next_at IS NULL AND sealed_key IS NOT NULL AND expires_at <= ?",
            now
        )
        .fetch_one(self.db().read())
        .await?;
        if over > 0 {
            let mut tx = self.db().write().await?;
            sqlx::query!(
                "DELETE FROM onboardings WHERE next_at IS NULL AND sealed_key IS NOT NULL AND expires_at <= ?",
                now
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
        }
        work::work_off(&SetUps(self), stop).await
    }

    fn open_set_up(
        &self,
        stored: &Stored,
        portal: Portal,
        actor: Option<Actor>,
        progress: Progress,
    ) -> Result<Run<'_>, Error> {
        let sealed = stored.sealed_key.as_deref().ok_or(Error::Internal("a set-up at work has no key"))?;
        let plain = self.vault().open(place(&portal.id, &stored.id), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
        let key = Arc::new(ApiKeyToken::parse(text).map_err(|_| VaultError::DoesNotOpen)?);
        let host = parse_host(&progress.plan.tenant_host, &self.config().host_policy)
            .map_err(|_| Error::Internal("the host of a set-up is no tenant any more"))?;
        let tenant = self.qlik().with_key(&host, key.clone());
        Ok(Run { services: self, portal, actor, tenant, key, progress })
    }

    /// Takes the steps of one set-up, as far as it goes now.
    async fn take_set_up_on(&self, portal_id: &str) -> Result<(), Error> {
        let Some(mut version) = self.claim_set_up(portal_id).await? else { return Ok(()) };
        let stored = self.stored_set_up(portal_id).await?.ok_or(Error::NotFound)?;
        let progress = stored.progress()?;
        let portal = self.portal(portal_id).await?.ok_or(Error::NotFound)?;
        // Who asked may have been removed, disabled or made a user since: nothing is made in their name
        // then, and what was made is undone.
        let actor = match &stored.asked_by {
            Some(id) => self.actor(id).await?.filter(|a| a.require_admin().is_ok()),
            None => None,
        };
        let mut run = self.open_set_up(&stored, portal, actor, progress)?;
        while run.progress.runs() {
            let event = run.step().await?;
            let next = apply(&run.progress, event.clone());
            version = self.record_set_up(&run, &event, &next, version).await?;
            run.progress = next;
            if run.progress.tries > 0 {
                break;
            }
        }
        Ok(())
    }

    /// `None`: somebody holds it, or there is nothing to do. Else the version to
    /// write against.
    async fn claim_set_up(&self, portal_id: &str) -> Result<Option<i64>, Error> {
        let now = self.now().as_second();
        let until = now + LEASE;
        let mut tx = self.db().write().await?;
        let version = sqlx::query_scalar!(
            r#"UPDATE onboardings SET lease_until = ?, version = version + 1
               WHERE portal_id = ? AND next_at <= ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)
               RETURNING version AS "version!""#,
            until,
            portal_id,
            now,
            now,
            until
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(version)
    }

    async fn record_set_up(
        &self,
        run: &Run<'_>,
        event: &Event,
        next: &Progress,
        version: i64,
    ) -> Result<i64, Error> {
        let (now, portal) = (self.now().as_second(), run.portal.id.as_str());
        let (json, next_at) = (to_json(next)?, next.next_at(now, self.jitter()));
        // Held on while there is another step to take at once.
        let until = (next.runs() && next.tries == 0).then_some(now + LEASE);
        let ended = next.ended();
        let mut tx = self.db().write().await?;
        let kept = sqlx::query!(
            "UPDATE onboardings SET progress = ?, next_at = ?, lease_until = ?, version = version + 1,
                    sealed_key = CASE WHEN ? THEN NULL ELSE sealed_key END
             WHERE portal_id = ? AND version = ?",
            json,
            next_at,
            until,
            ended,
            portal,
            version
        )
        .execute(&mut *tx)
        .await?;
        one_row(&kept, "onboardings")?;
        record_objects(&mut tx, run, event, now).await?;
        if ended {
            let detail = serde_json::json!({ "done": next.phase == Phase::Done, "left": next.left });
            audit::record(&mut tx, portal, run.actor.as_ref(), audit::SET_UP_ENDED, detail, self.now())
                .await?;
        }
        tx.commit().await?;
        self.changed(portal);
        Ok(version + 1)
    }
}

/// What is at Qlik through this portal, beside the progress itself.
async fn record_objects(tx: &mut Tx<'_>, run: &Run<'_>, event: &Event, now: i64) -> Result<(), Error> {
    let plan = &run.progress.plan;
    let portal = run.portal.id.as_str();
    match event {
        Event::Web(object) if object.made => {
            let (kind, name) = match &plan.web {
                WebPlan::Create { name } => ("web_integration", name),
                WebPlan::AddOrigin { name, .. } | WebPlan::Use { name, .. } => ("origin", name),
            };
            remember_made(tx, portal, &plan.tenant_id, kind, &object.id, name, now).await?;
        }
        Event::Idp(object) if object.made => {
            sqlx::query!(
                "UPDATE signing_identities SET idp_id = ? WHERE portal_id = ? AND kid = ?",
                object.id,
                portal,
                plan.kid
            )
            .execute(&mut **tx)
            .await?;
        }
        Event::Removed if run.progress.phase == Phase::UndoIdp => {
            if let Some(object) = run.progress.idp.as_ref().filter(|o| o.made) {
                sqlx::query!(
                    "UPDATE signing_identities SET idp_id = NULL WHERE portal_id = ? AND idp_id = ?",
                    portal,
                    object.id
                )
                .execute(&mut **tx)
                .await?;
            }
        }
        Event::Removed => {
            if let Some(object) = run.progress.web.as_ref().filter(|o| o.made) {
                forget_made(tx, portal, &object.id).await?;
            }
        }
        _ => {}
    }
    Ok(())
}
