//! Examining what is stored: when an administrator asks, when the operator asks
//! at the command line, and by itself.

use async_trait::async_trait;
use qlik::TenantHost;

use super::{
    report::{Outcome, Report},
    subject::Subject,
};
use crate::{
    Actor, Error, Portal, Services,
    connection::hosts_of,
    notices,
    renewal::load,
    work::{self, Due, Kind, Portion},
};

/// Between two probes of a connection, in seconds; up to a tenth less, so that
/// portals that were connected together are not probed together.
const EVERY: i64 = 900;
/// After a probe that found a failure: whether it lasts is known soon.
const AGAIN: i64 = 120;

/// In whose name a stored connection is examined.
struct Asker {
    email: String,
    name: String,
    saved_at: i64,
}

struct Probes<'a>(&'a Services);

#[async_trait]
impl Kind for Probes<'_> {
    async fn due(&self, portion: Portion<'_>) -> Result<Vec<Due>, Error> {
        let now = self.0.now().as_second();
        // One that is further off was set by a clock that has been put back since.
        let longest = now + EVERY;
        let Portion { without, of_one, limit } = portion;
        Ok(sqlx::query_as!(
            Due,
            r#"SELECT portal_id AS "portal_id!", tenant_host AS "tenant_host!" FROM (
                   SELECT portal_id, tenant_host, probe_at,
                          row_number() OVER (PARTITION BY tenant_host ORDER BY probe_at) AS turn
                   FROM integrations
                   WHERE (probe_at <= ? OR probe_at > ?)
                     AND tenant_host NOT IN (SELECT value FROM json_each(?)))
               WHERE turn <= ? ORDER BY turn, probe_at LIMIT ?"#,
            now,
            longest,
            without,
            of_one,
            limit
        )
        .fetch_all(self.0.db().read())
        .await?)
    }

    async fn work(&self, portal_id: &str) {
        if let Err(e) = self.0.probe(portal_id).await {
            tracing::error!(portal.id = %portal_id, error = %e, "the connection could not be examined");
        }
    }
}

impl Services {
    /// Examines the stored connection and keeps the outcome.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator,
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn test_connection(&self, actor: &Actor) -> Result<Report, Error> {
        actor.require_admin()?;
        let portal = &actor.portal;
        let saved_at = self.asker(&portal.id).await?.saved_at;
        let asker = Asker { email: actor.email.clone(), name: actor.name.clone(), saved_at };
        self.examine_stored(portal, &asker, Some(actor), true).await
    }

    /// As [`Services::test_connection`], for the operator: in the name of the
    /// administrator who saved the settings.
    ///
    /// # Errors
    /// [`Error::NotFound`] where nothing is connected.
    pub async fn doctor(&self, portal: &Portal) -> Result<Report, Error> {
        let asker = self.asker(&portal.id).await?;
        // Nobody would close what a command keeps.
        self.examine_stored(portal, &asker, None, false).await
    }

    /// Examines the connections whose time has come; gives back how many. `stop`
    /// ends it after those that were begun.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read.
    pub async fn probe_until(&self, stop: impl Future<Output = ()>) -> Result<usize, Error> {
        work::work_off(&Probes(self), stop).await
    }

    async fn probe(&self, portal_id: &str) -> Result<(), Error> {
        if !self.claim_probe(portal_id).await? {
            return Ok(());
        }
        let portal = self.portal(portal_id).await?.ok_or(Error::NotFound)?;
        let asker = self.asker(portal_id).await?;
        match self.examine_stored(&portal, &asker, None, true).await {
            // Disconnected meanwhile.
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Moves the time of the next probe on; `false`: another process did.
    async fn claim_probe(&self, portal_id: &str) -> Result<bool, Error> {
        let now = self.now().as_second();
        let (next, longest) = (now + EVERY - crate::backoff::part(EVERY / 10, self.jitter()), now + EVERY);
        let mut tx = self.db().write().await?;
        let claimed = sqlx::query!(
            "UPDATE integrations SET probe_at = ? WHERE portal_id = ? AND (probe_at <= ? OR probe_at > ?)",
            next,
            portal_id,
            now,
            longest
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(claimed.rows_affected() == 1)
    }

    /// The administrator who saved the settings, or another one of the portal, or
    /// the key's owner where none is left.
    async fn asker(&self, portal_id: &str) -> Result<Asker, Error> {
        sqlx::query_as!(
            Asker,
            r#"SELECT COALESCE(u.email, k.owner_email, '') AS "email!: String",
                      COALESCE(u.name, k.owner_name, '') AS "name!: String", i.saved_at AS "saved_at!: i64"
               FROM integrations i
               LEFT JOIN users u ON u.id = (
                   SELECT id FROM users WHERE portal_id = i.portal_id AND role = 'administrator' AND status = 'active'
                   ORDER BY id = (SELECT saved_by FROM integrations x WHERE x.portal_id = users.portal_id) DESC,
                            is_owner DESC, created_at LIMIT 1)
               LEFT JOIN api_keys k ON k.portal_id = i.portal_id AND k.state = 'current'
               WHERE i.portal_id = ?"#,
            portal_id
        )
        .fetch_optional(self.db().read())
        .await?
        .ok_or(Error::NotFound)
    }

    /// Examines the stored connection in the name of whoever saves another one.
    ///
    /// # Errors
    /// [`Error::NotFound`] where nothing is connected.
    pub(crate) async fn examine_again(&self, actor: &Actor) -> Result<Report, Error> {
        let saved_at = self.asker(&actor.portal.id).await?.saved_at;
        let asker = Asker { email: actor.email.clone(), name: actor.name.clone(), saved_at };
        self.examine_stored(&actor.portal, &asker, None, true).await
    }

    async fn examine_stored(
        &self,
        portal: &Portal,
        asker: &Asker,
        own: Option<&Actor>,
        keeps_eyes: bool,
    ) -> Result<Report, Error> {
        let at = self.connection(&portal.id).await?.ok_or(Error::NotFound)?;
        let row = load(self.db().read(), &portal.id).await?;
        let key = match &row {
            Some(row) => Some(
                self.key(&portal.id, &row.state.current.key_id)
                    .await?
                    .ok_or(Error::Internal("the key in use has no token in the vault"))?,
            ),
            None => None,
        };
        let client = match &at.client_id {
            Some(id) => {
                Some(self.client(&portal.id, id).await?.ok_or(Error::Internal("a client is not stored"))?)
            }
            None => None,
        };
        let identity = self.identity(portal).await?;
        let before = self.last_report(&portal.id).await?;
        let had_provider = identity.idp_id.is_some()
            || before
                .as_ref()
                .and_then(|r| r.check("identity_provider"))
                .is_some_and(|c| c.outcome == Outcome::Passed);
        let found = self
            .examine(&Subject {
                services: self,
                portal,
                email: &asker.email,
                name: &asker.name,
                host: &at.host,
                option: at.option,
                key: key.as_ref().map(|k| k.token.clone()),
                client,
                own: own.map(|actor| (actor, &at)),
                web_integration_id: &at.web_integration_id,
                by_email: at.email_as_subject,
                identity: &identity,
                stored: row.as_ref().zip(key.as_ref()),
                had_provider,
                keeps_eyes,
            })
            .await?;
        if let Some(session) = &found.eyes {
            self.keep_eyes(&portal.id, session.clone()).await;
        }
        // A renewal went on meanwhile: what was seen is of a key that may be gone, or beside one that is not known.
        let version = load(self.db().read(), &portal.id).await?.map(|row| row.version);
        if version != row.as_ref().map(|row| row.version) {
            self.probe_soon(&portal.id).await?;
            return Ok(found.report);
        }
        if found.key_refused || row.as_ref().is_some_and(|row| row.state.need.is_some()) {
            self.recheck_key(&portal.id).await?;
        }
        // Before the report is kept: its words are of the name that is in force then.
        self.adopt_permanent(&portal.id).await?;
        let names = found.facts.as_ref().and_then(|f| f.tenant.as_ref()).filter(|t| t.id == at.tenant_id);
        let names = names.map(|t| hosts_of(&t.hostnames));
        self.keep_report(&portal.id, asker.saved_at, before.as_ref(), &found.report, names).await?;
        self.changed(&portal.id);
        Ok(found.report)
    }

    /// The connection is examined with the next look.
    async fn probe_soon(&self, portal_id: &str) -> Result<(), Error> {
        let now = self.now().as_second();
        let mut tx = self.db().write().await?;
        sqlx::query!("UPDATE integrations SET probe_at = ? WHERE portal_id = ?", now, portal_id)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Keeps the outcome, with the notice that arises from it, unless the settings
    /// were saved anew meanwhile.
    async fn keep_report(
        &self,
        portal_id: &str,
        saved_at: i64,
        before: Option<&Report>,
        report: &Report,
        names: Option<Vec<TenantHost>>,
    ) -> Result<(), Error> {
        let names = names
            .map(|names| serde_json::to_string(&names))
            .transpose()
            .map_err(|_| Error::Internal("names of a tenant can't be written as JSON"))?;
        let now = self.now().as_second();
        let json = serde_json::to_string(report)
            .map_err(|_| Error::Internal("a report can't be written as JSON"))?;
        let seen = report.check("key").filter(|c| c.outcome == Outcome::Passed).map(|_| now);
        let soon = if report.ok { i64::MAX } else { now + AGAIN };
        let mut tx = self.db().write().await?;
        // The renewal does not depend on it, so its version stays.
        let kept = sqlx::query!(
            "UPDATE integrations SET checked_at = ?, last_report = ?, probe_at = min(probe_at, ?),
                    other_hosts = COALESCE(?, other_hosts), key_seen_at = COALESCE(?, key_seen_at)
             WHERE portal_id = ? AND saved_at = ?",
            now,
            json,
            soon,
            names,
            seen,
            portal_id,
            saved_at
        )
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 1 {
            notices::note_report(self, &mut tx, portal_id, before, report).await?;
        }
        Ok(tx.commit().await?)
    }
}
