//! The one door to Qlik for a user: whoever in the product needs Qlik as a
//! certain user asks here and gets an open session, or the trouble in words.

use std::sync::Arc;

use qlik::{
    User, UserStatus,
    error::{Error as QlikError, ErrorKind},
    session::QlikSession,
};

use crate::{
    Actor, Error, Services,
    renewal::{NeedReason, Row, said_of_need},
    vault::Place,
    words::{self, Said},
};

/// A stored session younger than this is used again after a restart, in
/// seconds: below the shortest idle limit that most tenants have (30 minutes).
const STORED_FOR: i64 = 25 * 60;

/// What stands between a user and Qlik.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The portal is not connected to a Qlik tenant.
    NotConnected,
    /// Qlik has no user with this e-mail.
    NoQlikUser,
    /// Qlik has several active users with this e-mail.
    SeveralQlikUsers,
    /// The Qlik user is disabled or was deleted.
    QlikUserDisabled,
    /// Qlik refused the portal's JWT.
    JwtRefused,
    /// The portal's API key does not work.
    KeyDead,
    /// The portal's key may not read users.
    UsersUnreadable,
    /// Qlik does not answer, or answers with an error of its own.
    QlikAway,
    /// Qlik's rate limit is reached.
    RateLimited,
    /// Qlik opened a session for somebody else; it was closed.
    WrongUser,
    /// Something else.
    Other,
}

/// Who can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The person who is looking.
    You,
    /// An administrator of this portal.
    Administrator,
    /// An administrator of the Qlik tenant.
    QlikAdministrator,
    /// Nobody has to: it passes.
    Nobody,
}

/// What is wrong, who can mend it, and Qlik's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub kind: TroubleKind,
    /// What is so.
    pub says: String,
    /// What to do.
    pub remedy: String,
    /// Who can mend it.
    pub who: Who,
    /// How long Qlik asks to wait, in seconds.
    pub retry_after_s: Option<u64>,
    /// Qlik's code.
    pub qlik_code: Option<String>,
    /// Qlik's trace id.
    pub trace_id: Option<String>,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum NoSession {
    Trouble(Trouble),
    Failed(Error),
}

impl<E: Into<Error>> From<E> for NoSession {
    fn from(e: E) -> Self {
        Self::Failed(e.into())
    }
}

impl From<Trouble> for NoSession {
    fn from(t: Trouble) -> Self {
        Self::Trouble(t)
    }
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, who: Who, said: Said) -> Self {
        Self {
            kind,
            says: said.says,
            remedy: said.remedy,
            who,
            retry_after_s: None,
            qlik_code: None,
            trace_id: None,
        }
    }

    fn with(mut self, e: &QlikError) -> Self {
        self.qlik_code = e.code().map(str::to_owned);
        self.trace_id = e.trace_id().map(str::to_owned);
        self.retry_after_s = e.retry_after().map(|d| d.as_secs().max(1));
        self
    }

    pub(crate) fn not_connected() -> Self {
        let said = Said::new(
            "This portal is not connected to Qlik Cloud yet.",
            "An administrator connects it under Administration > Settings.",
        );
        Self::new(TroubleKind::NotConnected, Who::Administrator, said)
    }

    /// An error of a call that was made as the user.
    pub(crate) fn of_call(e: &QlikError, host: &str) -> Self {
        let (kind, who) = match e.kind() {
            ErrorKind::RateLimited => (TroubleKind::RateLimited, Who::Nobody),
            ErrorKind::Forbidden => (TroubleKind::Other, Who::QlikAdministrator),
            ErrorKind::Dns
            | ErrorKind::NotQlik
            | ErrorKind::RedirectLeavesTenant
            | ErrorKind::LinkLeavesTenant => (TroubleKind::QlikAway, Who::Administrator),
            _ => (TroubleKind::QlikAway, Who::Nobody),
        };
        Self::new(kind, who, words::of(e, host)).with(e)
    }

    /// An error of a call that was made with the portal's key.
    fn of_key(e: &QlikError, host: &str) -> Self {
        match e.kind() {
            ErrorKind::Unauthorized => Self::new(
                TroubleKind::KeyDead,
                Who::Administrator,
                Said::new(
                    "Qlik refuses this portal's API key.",
                    "An administrator of this portal can mend it under Administration > Settings.",
                ),
            )
            .with(e),
            ErrorKind::Forbidden => Self::new(
                TroubleKind::UsersUnreadable,
                Who::Administrator,
                Said::new(
                    "The owner of this portal's API key may not read the Qlik tenant's users, so yours can't be found.",
                    "An administrator of this portal can use a key of another Qlik user.",
                ),
            )
            .with(e),
            _ => Self::of_call(e, host),
        }
    }

    /// An error of the login itself.
    fn of_login(e: &QlikError, host: &str) -> Self {
        let refused = |said| Self::new(TroubleKind::JwtRefused, Who::Administrator, said).with(e);
        match (e.kind(), e.code()) {
            (_, Some("LOGIN-12")) => several(None).with(e),
            (_, Some("LOGIN-10" | "LOGIN-8")) => refused(Said::new(
                "Qlik refuses the sign-in: the web integration does not list this portal's origin.",
                "An administrator adds the origin to the web integration in Qlik; Test connection in the settings shows it.",
            )),
            (_, Some("USER_INVITE_EXPIRED")) => Self::new(
                TroubleKind::QlikUserDisabled,
                Who::QlikAdministrator,
                Said::new(
                    "Your invitation to the Qlik tenant expired.",
                    "A Tenant Admin can invite you again.",
                ),
            )
            .with(e),
            (ErrorKind::Forbidden, _) => Self::new(
                TroubleKind::QlikUserDisabled,
                Who::QlikAdministrator,
                Said::new("Qlik does not let your user in.", "A Tenant Admin can enable it in Qlik."),
            )
            .with(e),
            (ErrorKind::Unauthorized | ErrorKind::BadRequest, _) => refused(Said::new(
                "Qlik refuses the portal's JWT.",
                "An administrator looks at the JWT identity provider; Test connection in the settings names the cause.",
            )),
            _ => Self::of_call(e, host),
        }
    }
}

fn several(count: Option<usize>) -> Trouble {
    let n = count.map_or_else(|| "Several".to_owned(), |n| n.to_string());
    Trouble::new(
        TroubleKind::SeveralQlikUsers,
        Who::QlikAdministrator,
        Said::new(
            format!(
                "{n} active users of the Qlik tenant have your e-mail, so it is not clear which one you are."
            ),
            "A Tenant Admin disables or deletes the ones that are not used.",
        ),
    )
}

/// The one active user among those with an e-mail.
pub(crate) fn the_one(users: Vec<User>, email: &str) -> Result<User, Trouble> {
    let some = !users.is_empty();
    let mut active: Vec<User> = users.into_iter().filter(|u| u.status == UserStatus::Active).collect();
    match (active.len(), some) {
        (1, _) => active.pop().ok_or_else(|| several(None)),
        (0, false) => Err(Trouble::new(
            TroubleKind::NoQlikUser,
            Who::QlikAdministrator,
            Said::new(
                format!("The Qlik tenant has no user with the e-mail {email}."),
                "The e-mail must be the same here and in Qlik. A Tenant Admin can invite you, or an administrator of this portal corrects the e-mail.",
            ),
        )),
        (0, true) => Err(Trouble::new(
            TroubleKind::QlikUserDisabled,
            Who::QlikAdministrator,
            Said::new(
                format!("The Qlik user with the e-mail {email} is not active."),
                "A Tenant Admin can enable it in Qlik, or you accept the invitation that Qlik sent you.",
            ),
        )),
        (n, _) => Err(several(Some(n))),
    }
}

impl Services {
    /// An open Qlik session of this user: from memory, from the store, or new.
    /// Opened once however many ask at the same moment.
    pub(crate) async fn session(&self, actor: &Actor, row: &Row) -> Result<Arc<QlikSession>, Arc<NoSession>> {
        self.0.sessions.get(&slot(actor), || self.open_session(actor, row)).await
    }

    async fn open_session(&self, actor: &Actor, row: &Row) -> Result<QlikSession, NoSession> {
        if let Some(kept) = self.kept_session(actor, row).await? {
            return Ok(kept);
        }
        if let Some(need) = &row.state.need {
            let owner = "its owner";
            let said = if need.reason == NeedReason::Refused {
                Said::new("Qlik refuses this portal's API key.", "")
            } else {
                said_of_need(need.reason, owner)
            };
            let ask = "An administrator of this portal can mend it under Administration > Settings.";
            return Err(
                Trouble::new(TroubleKind::KeyDead, Who::Administrator, Said::new(said.says, ask)).into()
            );
        }
        let host = row.tenant_host.as_str();
        let subject = if row.email_as_subject {
            actor.email.clone()
        } else {
            let key = self
                .key(&row.portal_id, &row.state.current.key_id)
                .await?
                .ok_or(Error::Internal("the key in use has no token in the vault"))?;
            let tenant = self.qlik().with_key(&row.tenant_host, key.token);
            match tenant.users_by_email(&actor.email).await {
                Ok(found) => the_one(found, &actor.email)?.subject,
                Err(e) => {
                    if e.kind() == ErrorKind::Unauthorized {
                        // The administrator should see it before more users do.
                        self.recheck_key(&row.portal_id).await?;
                    }
                    return Err(Trouble::of_key(&e, host).into());
                }
            }
        };
        let session = self
            .login(row, &subject, &actor.name, &actor.email)
            .await?
            .map_err(|e| Trouble::of_login(&e, host))?;
        let me = session.user();
        let same = if row.email_as_subject {
            me.email.as_deref().is_some_and(|e| e.eq_ignore_ascii_case(&actor.email))
        } else {
            me.subject == subject
        };
        if !same {
            tracing::error!(portal.id = %row.portal_id, user.id = %actor.user_id, "Qlik opened a session for another user; it was closed");
            let tenant = self.qlik().with_session(&row.tenant_host, Arc::new(session));
            if let Err(e) = tenant.logout().await {
                tracing::warn!(error = %e, "the wrong session could not be closed at Qlik");
            }
            let said = Said::new(
                "Qlik opened a session for another user than you. It was closed and not used.",
                "An administrator of this portal reports it to the Qlik tenant's administrator.",
            );
            return Err(Trouble::new(TroubleKind::WrongUser, Who::Administrator, said).into());
        }
        self.keep_session(actor, row, &session).await?;
        Ok(session)
    }

    async fn kept_session(&self, actor: &Actor, row: &Row) -> Result<Option<QlikSession>, Error> {
        let host = row.tenant_host.as_str();
        let since = self.now().as_second() - STORED_FOR;
        let sealed = sqlx::query_scalar!(
            r#"SELECT sealed AS "sealed!" FROM qlik_sessions WHERE user_id = ? AND tenant_host = ? AND opened_at > ?"#,
            actor.user_id,
            host,
            since
        )
        .fetch_optional(self.db().read())
        .await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.vault().open(session_place(actor), &sealed)?;
        // A session that an older version wrote is opened anew.
        Ok(QlikSession::from_json(&plain).ok())
    }

    async fn keep_session(&self, actor: &Actor, row: &Row, session: &QlikSession) -> Result<(), Error> {
        let sealed = self.vault().seal(session_place(actor), &session.expose_json())?;
        let (host, now) = (row.tenant_host.as_str(), self.now().as_second());
        let mut tx = self.db().write().await?;
        sqlx::query!(
            "INSERT INTO qlik_sessions (user_id, portal_id, tenant_host, sealed, opened_at, used_at)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (user_id) DO UPDATE SET tenant_host = excluded.tenant_host, sealed = excluded.sealed,
                 opened_at = excluded.opened_at, used_at = excluded.used_at",
            actor.user_id,
            row.portal_id,
            host,
            sealed,
            now,
            now
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Forgets a session that Qlik no longer takes.
    pub(crate) async fn drop_session(&self, actor: &Actor, seen: &Arc<QlikSession>) -> Result<(), Error> {
        self.0.sessions.invalidate(&slot(actor), seen).await;
        let mut tx = self.db().write().await?;
        sqlx::query!("DELETE FROM qlik_sessions WHERE user_id = ?", actor.user_id).execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Where a user's session is kept in memory; the portal comes first, so that
/// its sessions can be dropped together.
fn slot(actor: &Actor) -> String {
    format!("{}/{}", actor.portal.id, actor.user_id)
}

fn session_place(actor: &Actor) -> Place<'_> {
    Place { portal: &actor.portal.id, table: "qlik_sessions", row: &actor.user_id, column: "sealed" }
}
