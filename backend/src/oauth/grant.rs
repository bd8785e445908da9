//! The stored connections of users, and what is shown of them. It must not know how
//! one comes to be, nor how it is renewed.

use std::collections::HashMap;

use jiff::Timestamp;
use qlik::oauth::RefreshToken;
use sqlx::SqliteExecutor;

use super::standing::{Facts, GrantState, Stored, said, standing};
use crate::{
    Actor, Error, Services,
    connection::{AuthOption, Connection},
    store::{StoreError, at},
    vault::{Place, Vault, VaultError},
};

/// Where a user's refresh token is sealed.
pub(super) fn place<'a>(portal_id: &'a str, user_id: &'a str) -> Place<'a> {
    Place { portal: portal_id, table: "oauth_grants", row: user_id, column: "sealed_refresh" }
}

/// Opens a sealed refresh token.
pub(super) fn opened(vault: &Vault, place: Place<'_>, sealed: &[u8]) -> Result<RefreshToken, VaultError> {
    let plain = vault.open(place, sealed)?;
    let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
    Ok(RefreshToken::new(text))
}

/// A user's connection to Qlik, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantView {
    /// Users of this portal connect; else this is what another option left.
    pub in_force: bool,
    /// Where it stands.
    pub state: GrantState,
    /// Who the user is at Qlik.
    pub qlik_name: Option<String>,
    /// When the user connected.
    pub connected_at: Option<Timestamp>,
    /// When it was last renewed, or else made.
    pub refreshed_at: Option<Timestamp>,
    /// It is renewed by itself.
    pub renews: bool,
    /// When what it has now ends.
    pub access_until: Option<Timestamp>,
    /// What is so, to its user, where there is something to say.
    pub says: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
}

/// A row, without its token.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) user_id: String,
    pub(super) tenant_host: String,
    pub(super) client_id: String,
    pub(super) stored: Stored,
    pub(super) renews: bool,
    pub(super) qlik_name: String,
    pub(super) connected_at: i64,
    pub(super) refreshed_at: i64,
    pub(super) access_until: i64,
    pub(super) began_at: Option<i64>,
    pub(super) attempt: Option<String>,
}

struct Raw {
    user_id: String,
    tenant_host: String,
    client_id: String,
    state: String,
    renews: bool,
    qlik_name: String,
    connected_at: i64,
    refreshed_at: i64,
    access_until: i64,
    began_at: Option<i64>,
    attempt: Option<String>,
}

impl Raw {
    fn read(self) -> Result<Grant, StoreError> {
        let bad = StoreError::Inconsistent { table: "oauth_grants", column: "state" };
        Ok(Grant {
            stored: Stored::parse(&self.state).ok_or(bad)?,
            user_id: self.user_id,
            tenant_host: self.tenant_host,
            client_id: self.client_id,
            renews: self.renews,
            qlik_name: self.qlik_name,
            connected_at: self.connected_at,
            refreshed_at: self.refreshed_at,
            access_until: self.access_until,
            began_at: self.began_at,
            attempt: self.attempt,
        })
    }
}

/// The connections in force are made of these three.
pub(super) fn is_in_force(at: &Connection, tenant_host: &str, client_id: &str) -> bool {
    at.option == AuthOption::OauthUsers
        && at.host.as_str() == tenant_host
        && at.client_id.as_deref() == Some(client_id)
}

impl Grant {
    /// Where it stands beside the connection `at` of its portal.
    pub(super) fn standing(&self, at: Option<&Connection>, now: i64) -> GrantState {
        let in_force = at.is_some_and(|at| is_in_force(at, &self.tenant_host, &self.client_id));
        let Self { stored, renews, access_until, began_at, .. } = *self;
        standing(Facts { stored, renews, in_force, access_until, began_at }, now)
    }

    fn view(self, connection: Option<&Connection>, now: i64) -> GrantView {
        let state = self.standing(connection, now);
        let asks = connection.is_some_and(|c| c.option == AuthOption::OauthUsers);
        let said = said(state, self.renews, asks);
        let (says, remedy) = said.map(|s| (s.says, s.remedy)).unzip();
        GrantView {
            in_force: asks,
            state,
            qlik_name: Some(self.qlik_name),
            connected_at: Some(at(self.connected_at)),
            refreshed_at: Some(at(self.refreshed_at)),
            renews: self.renews,
            access_until: Some(at(self.access_until)),
            says,
            remedy,
        }
    }
}

fn not_connected() -> GrantView {
    let said = said(GrantState::NotConnected, false, true);
    let (says, remedy) = said.map(|s| (s.says, s.remedy)).unzip();
    GrantView {
        in_force: true,
        state: GrantState::NotConnected,
        qlik_name: None,
        connected_at: None,
        refreshed_at: None,
        renews: false,
        access_until: None,
        says,
        remedy,
    }
}

/// A user's connection, if there is a row of one.
pub(super) async fn grant(
    db: impl SqliteExecutor<'_>,
    portal_id: &str,
    user_id: &str,
) -> Result<Option<Grant>, StoreError> {
    let raw = sqlx::query_as!(
        Raw,
        r#"SELECT user_id AS "user_id!", tenant_host AS "tenant_host!", client_id AS "client_id!", state AS "state!",
                  sealed_refresh IS NOT NULL AS "renews!: bool", qlik_name AS "qlik_name!",
                  connected_at AS "connected_at!", refreshed_at AS "refreshed_at!",
                  access_until AS "access_until!", began_at, attempt
           FROM oauth_grants WHERE portal_id = ? AND user_id = ?"#,
        portal_id,
        user_id
    )
    .fetch_optional(db)
    .await?;
    raw.map(Raw::read).transpose()
}

impl Services {
    /// The actor's own connection to Qlik. None where users don't connect and this
    /// one never did.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn grant_view(&self, actor: &Actor) -> Result<Option<GrantView>, Error> {
        let connection = self.connection(&actor.portal.id).await?;
        let found = grant(self.db().read(), &actor.portal.id, &actor.user_id).await?;
        let asks = connection.as_ref().is_some_and(|c| c.option == AuthOption::OauthUsers);
        Ok(match found {
            Some(found) => Some(found.view(connection.as_ref(), self.now().as_second())),
            None => asks.then(not_connected),
        })
    }

    /// The connections of the portal's users by user id, for an administrator; who
    /// never connected is not among them.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Store`].
    pub async fn grant_states(&self, actor: &Actor) -> Result<HashMap<String, GrantView>, Error> {
        actor.require_admin()?;
        let (portal, now) = (actor.portal.id.as_str(), self.now().as_second());
        let connection = self.connection(portal).await?;
        let rows = sqlx::query_as!(
            Raw,
            r#"SELECT user_id AS "user_id!", tenant_host AS "tenant_host!", client_id AS "client_id!",
                      state AS "state!", sealed_refresh IS NOT NULL AS "renews!: bool",
                      qlik_name AS "qlik_name!", connected_at AS "connected_at!",
                      refreshed_at AS "refreshed_at!", access_until AS "access_until!", began_at, attempt
               FROM oauth_grants WHERE portal_id = ?"#,
            portal
        )
        .fetch_all(self.db().read())
        .await?;
        let mut states = HashMap::with_capacity(rows.len());
        for row in rows {
            let row = row.read()?;
            states.insert(row.user_id.clone(), row.view(connection.as_ref(), now));
        }
        Ok(states)
    }

    /// How many connections of users a change of the settings would end.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn stored_grants(&self, portal_id: &str) -> Result<i64, Error> {
        Ok(sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM oauth_grants WHERE portal_id = ? AND state IN ('connected', 'refreshing')"#,
            portal_id
        )
        .fetch_one(self.db().read())
        .await?)
    }
}
