//! Under which subject a user is signed in at Qlik: looked up and judged first,
//! because a login with a subject that Qlik does not know makes a user there, or
//! gives an existing one that subject.

use qlik::{User, error::ErrorKind, same_email};

use super::{NoSession, Trouble};
use crate::{
    Actor, Error, Services, audit,
    matching::{Person, Seen, Sends, judge},
    renewal::Row,
};

/// The subject of a login, and whose session it must open.
#[derive(Debug)]
pub(super) struct Whom {
    pub(super) subject: String,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    /// The user of this id, under the subject that Qlik has.
    Stored(String),
    /// The user of this id, whose subject Qlik changes.
    Rewritten(String),
    /// A new user with the e-mail.
    Made,
    /// Users can't be read, so all that is known is the e-mail.
    Unread,
}

impl Whom {
    /// Whether the session that was opened is of whom it must be.
    pub(super) fn is(&self, me: &User, email: &str) -> bool {
        match &self.expected {
            Expected::Stored(id) | Expected::Rewritten(id) => me.id == *id,
            Expected::Made | Expected::Unread => me.email.as_deref().is_some_and(|e| same_email(e, email)),
        }
    }

    /// What the login did at Qlik beside opening a session, for the audit.
    pub(super) fn did(&self) -> Option<&'static str> {
        match self.expected {
            Expected::Rewritten(_) => Some(audit::QLIK_SUBJECT_CHANGED),
            Expected::Made => Some(audit::QLIK_USER_CREATED),
            Expected::Stored(_) | Expected::Unread => None,
        }
    }
}

impl Services {
    /// Looks the user up and judges; refused where the login would open another
    /// user's session, or do at Qlik what no administrator allowed.
    pub(super) async fn whom(&self, actor: &Actor, row: &Row) -> Result<Whom, NoSession> {
        let rules = self.matching_rules(&row.portal_id).await?;
        let key = self
            .key(&row.portal_id, &row.state.current.key_id)
            .await?
            .ok_or(Error::Internal("the key in use has no token in the vault"))?;
        let tenant = self.qlik().with_key(&row.tenant_host, key.token);
        let found = if rules.may_send_email() {
            // Who else could be meant counts as soon as another subject than the stored one may be sent.
            tenant.users_who_may_be(&actor.email, &actor.name).await
        } else {
            tenant.users_by_email(&actor.email).await
        };
        let found = match found {
            Ok(found) => found,
            // Nothing can be looked up: the administrator's choice counts.
            Err(e) if e.kind() == ErrorKind::Forbidden && rules.email_as_subject => {
                return Ok(Whom { subject: actor.email.clone(), expected: Expected::Unread });
            }
            Err(e) => {
                if e.kind() == ErrorKind::Unauthorized {
                    // The administrator should see it before more users do.
                    self.recheck_key(&row.portal_id).await?;
                }
                return Err(Trouble::of_key(&e, row.tenant_host.as_str()).into());
            }
        };
        let seen: Vec<Seen> = found.iter().map(Seen::from).collect();
        let judged = judge(Person { email: &actor.email, name: &actor.name }, &seen, rules);
        let (subject, expected) = match judged.sends {
            Some(Sends::Stored { id, subject }) => (subject, Expected::Stored(id)),
            Some(Sends::Email { id: Some(id) }) => (actor.email.clone(), Expected::Rewritten(id)),
            Some(Sends::Email { id: None }) => (actor.email.clone(), Expected::Made),
            None => return Err(Trouble::of_verdict(&judged, &actor.email).into()),
        };
        Ok(Whom { subject, expected })
    }
}
