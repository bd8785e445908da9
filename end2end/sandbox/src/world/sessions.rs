//! Cookie sessions: two cookies that belong together, a CSRF token, and an end.

use std::collections::HashMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::users::Rights;
use super::{State, UserStatus};
use crate::ids;

/// A session as tests see it; its cookies are not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// A number for telling sessions apart.
    pub number: u64,
    /// The id of the signed-in user.
    pub user: String,
    /// When it began.
    pub created: Timestamp,
    /// When it was last used.
    pub last_used: Timestamp,
    /// Whether it still opens anything.
    pub alive: bool,
}

#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) number: u64,
    pub(crate) tenant: String,
    pub(crate) user: String,
    /// The identity provider that verified the login.
    pub(crate) idp: String,
    pub(crate) sid: String,
    pub(crate) sid_sig: String,
    pub(crate) csrf: String,
    pub(crate) csrf_sig: String,
    /// Rights at login: they stay until the user signs in again.
    pub(crate) rights: Rights,
    pub(crate) created: Timestamp,
    pub(crate) last_used: Timestamp,
    /// The tenant's limits at login: changes apply to new sessions only.
    pub(crate) idle: SignedDuration,
    pub(crate) max: SignedDuration,
}

impl fmt::Debug for Session {
    /// Without cookies and CSRF token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("number", &self.number)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        now.duration_since(self.last_used) < self.idle && now.duration_since(self.created) < self.max
    }
}

#[derive(Default)]
pub(crate) struct Sessions {
    by_sid: HashMap<String, Session>,
    opened: u64,
}

impl fmt::Debug for Sessions {
    /// Their number; the keys of the map are cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("open", &self.by_sid.len()).finish_non_exhaustive()
    }
}

impl Sessions {
    pub(crate) fn get(&self, sid: &str) -> Option<&Session> {
        self.by_sid.get(sid)
    }

    pub(crate) fn get_mut(&mut self, sid: &str) -> Option<&mut Session> {
        self.by_sid.get_mut(sid)
    }

    pub(crate) fn remove(&mut self, sid: &str) -> bool {
        self.by_sid.remove(sid).is_some()
    }

    pub(crate) fn end_all(&mut self, tenant: &str) {
        self.by_sid.retain(|_, s| s.tenant != tenant);
    }

    pub(crate) fn end_of_user(&mut self, user: &str) {
        self.by_sid.retain(|_, s| s.user != user);
    }

    pub(crate) fn end_opened_by(&mut self, idp: &str) {
        self.by_sid.retain(|_, s| s.idp != idp);
    }

    pub(crate) fn rotate_csrf(&mut self, tenant: &str) {
        for session in self.by_sid.values_mut().filter(|s| s.tenant == tenant) {
            session.csrf = ids::token32();
            session.csrf_sig = ids::token32();
        }
    }

    pub(crate) fn views(&self, tenant: &str, now: Timestamp) -> Vec<SessionView> {
        let mut views: Vec<_> = self
            .by_sid
            .values()
            .filter(|s| s.tenant == tenant)
            .map(|s| SessionView {
                number: s.number,
                user: s.user.clone(),
                created: s.created,
                last_used: s.last_used,
                alive: s.is_alive(now),
            })
            .collect();
        views.sort_by_key(|view| view.number);
        views
    }
}

impl State {
    /// Signs a user in.
    pub(crate) fn open_session(&mut self, tenant: &str, user: &str, idp: &str, rights: Rights) -> Session {
        let now = self.now();
        let (idle, max) =
            self.tenant(tenant).map_or((30, 1_440), |t| (t.session_idle_minutes(), t.session_max_minutes()));
        self.sessions.opened += 1;
        let session = Session {
            number: self.sessions.opened,
            tenant: tenant.to_owned(),
            user: user.to_owned(),
            idp: idp.to_owned(),
            sid: ids::token32(),
            sid_sig: ids::token32(),
            csrf: ids::token32(),
            csrf_sig: ids::token32(),
            rights,
            created: now,
            last_used: now,
            idle: SignedDuration::from_mins(i64::from(idle)),
            max: SignedDuration::from_mins(i64::from(max)),
        };
        self.sessions.by_sid.insert(session.sid.clone(), session.clone());
        session
    }

    /// The session of a pair of cookies, which counts as a use of it.
    pub(crate) fn authenticate_session(&mut self, tenant: &str, sid: &str, sig: &str) -> Option<Session> {
        let now = self.now();
        let user = {
            let session = self.sessions.get(sid)?;
            if session.tenant != tenant || session.sid_sig != sig || !session.is_alive(now) {
                return None;
            }
            session.user.clone()
        };
        // No source says what becomes of the sessions of a disabled user; ending
        // them at once is the safe reading.
        if self.user_of(tenant, &user)?.status != UserStatus::Active {
            return None;
        }
        let session = self.sessions.get_mut(sid)?;
        session.last_used = now;
        Some(session.clone())
    }
}
