//! What is shown of Qlik credentials: to the user their own, to an administrator how
//! each stands. Never a password.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    core::{held, may_try_again, standing},
    holds,
    rows::{self, Raw},
    state::{Around, CredentialState as State, Row},
    wipe,
    words::{Told, said},
};
use crate::{
    Actor, Error, Services,
    connection::{AuthOption, Connection},
    store::at,
};

/// How a user's Qlik credentials stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsView {
    /// The account: always of the portal's e-mail, since the session's user must have it.
    pub email: String,
    /// The portal opens Qlik with them; else this is what another option left.
    pub in_force: bool,
    /// How they stand.
    pub state: State,
    /// What happened; none where all is well.
    pub says: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
    /// Whether a password is stored.
    pub stored: bool,
    /// When the stored password was registered.
    pub registered_at: Option<Timestamp>,
    /// The last sign-in that worked.
    pub used_at: Option<Timestamp>,
    /// The last one at all.
    pub tried_at: Option<Timestamp>,
    /// Until when none is made, where that is so.
    pub hold_until: Option<Timestamp>,
    /// Whether the user may ask for one more try with the stored password, now.
    pub may_try_again: bool,
}

impl CredentialsView {
    fn of(
        now: i64,
        email: &str,
        raw: Option<&Raw>,
        uses: Option<&Connection>,
        around: &Around,
    ) -> Result<Self, Error> {
        let host = uses.map(|c| c.host.as_str());
        let row = raw.map_or(Ok(Row::NONE), |r| r.row(email, host))?;
        let mut stands = standing(now, &row);
        if uses.is_none() && stands.state != State::NotRegistered {
            stands.state = State::Unused;
        }
        let hold = held(now, &row, around);
        let detail = raw.and_then(|r| r.detail.as_deref());
        let said = said(Told { state: stands.state, detail, stored: stands.stored });
        let time = |seconds: Option<i64>| seconds.map(at);
        Ok(Self {
            email: email.to_owned(),
            in_force: uses.is_some(),
            state: stands.state,
            says: said.as_ref().map(|s| s.says.clone()),
            remedy: said.map(|s| s.remedy),
            stored: row.stored,
            registered_at: time(raw.and_then(|r| r.registered_at)),
            used_at: time(raw.and_then(|r| r.used_at)),
            tried_at: time(raw.and_then(|r| r.tried_at)),
            hold_until: time(hold),
            may_try_again: uses.is_some() && may_try_again(stands) && hold.is_none(),
        })
    }
}

impl Services {
    /// The connection of a portal that uses Qlik credentials.
    pub(super) async fn credentials_connection(&self, portal_id: &str) -> Result<Option<Connection>, Error> {
        let there = self.connection(portal_id).await?;
        Ok(there.filter(|c| c.option == AuthOption::Credentials))
    }

    /// How the actor's Qlik credentials stand. None: the portal does not use this
    /// option, and nothing of it is there for them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn credentials(&self, actor: &Actor) -> Result<Option<CredentialsView>, Error> {
        let uses = self.credentials_connection(&actor.portal.id).await?;
        let mut db = self.db().read().acquire().await?;
        let raw = rows::one(&mut *db, &actor.user_id).await?;
        if uses.is_none() && raw.as_ref().is_none_or(|r| r.state == State::NotRegistered.as_str()) {
            return Ok(None);
        }
        let now = self.now().as_second();
        let around = match &uses {
            Some(uses) => holds::around(&mut *db, uses, now).await?,
            None => Around::default(),
        };
        CredentialsView::of(now, &actor.email, raw.as_ref(), uses.as_ref(), &around).map(Some)
    }

    /// How the Qlik credentials of the portal's users stand, by the user's id: of all
    /// of them where the portal uses this option, else of those who registered.
    ///
    /// # Errors
    /// [`Error::NotAllowed`], [`Error::Store`].
    pub async fn credential_states(&self, actor: &Actor) -> Result<HashMap<String, CredentialsView>, Error> {
        actor.require_admin()?;
        let portal = actor.portal.id.as_str();
        let uses = self.credentials_connection(portal).await?;
        let now = self.now().as_second();
        let mut db = self.db().read().acquire().await?;
        let around = match &uses {
            Some(uses) => holds::around(&mut *db, uses, now).await?,
            None => Around::default(),
        };
        let raw = rows::all(&mut *db, portal).await?;
        let by_user: HashMap<&str, &Raw> = raw.iter().map(|r| (r.user_id.as_str(), r)).collect();
        let people =
            sqlx::query!(r#"SELECT id AS "id!", email AS "email!" FROM users WHERE portal_id = ?"#, portal)
                .fetch_all(&mut *db)
                .await?;
        let mut views = HashMap::new();
        for person in people {
            let row = by_user.get(person.id.as_str()).copied();
            let view = CredentialsView::of(now, &person.email, row, uses.as_ref(), &around)?;
            if uses.is_some() || view.state != State::NotRegistered {
                views.insert(person.id, view);
            }
        }
        Ok(views)
    }

    /// How many passwords are stored, which a change of the option or the tenant
    /// would wipe.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn stored_passwords(&self, portal_id: &str) -> Result<i64, Error> {
        let mut db = self.db().read().acquire().await?;
        Ok(wipe::count(&mut *db, portal_id).await?)
    }
}
