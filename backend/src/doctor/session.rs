//! The checks with a user's session: CSRF token, apps, engine.

use std::{collections::HashSet, sync::Arc};

use qlik::{
    AppItem, AppQuery, QlikSession, Tenant,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    report::Note,
    subject::{Known, Subject, name},
    table::Made,
};
use crate::{
    Error,
    connection::AuthOption,
    words::{self, Sent},
};

/// So many apps are tried, and so many of them that are the user's own.
const TRIES: usize = 5;
const OWN_TRIES: usize = 3;

impl Subject<'_> {
    fn signed_in(&self, known: &Known) -> Result<(Tenant, String), Error> {
        let Some(login) = &known.login else { return Err(Error::Internal("a check without what it needs")) };
        let who = name(login.session.user()).to_owned();
        // A sign-in may end at another name of the tenant.
        Ok((self.qlik().with_session(&login.session.host(), login.session.clone()), who))
    }

    pub(super) async fn csrf(&self, known: &mut Known) -> Made {
        let (tenant, _) = self.signed_in(known)?;
        Ok(match tenant.csrf_token().await {
            Ok(Some(_)) => Note::passed("The session has a CSRF token."),
            // Qlik's own client takes this for “none needed”.
            Ok(None) => Note::warning(
                "Qlik gives the session no CSRF token.",
                "Reading works. If opening apps fails, report it to Qlik with the trace id.",
            ),
            Err(e) => self.failed_with(known, &e, Sent::Session),
        })
    }

    pub(super) async fn apps(&self, known: &mut Known) -> Made {
        let (tenant, who) = self.signed_in(known)?;
        let page = match tenant.apps_page(&AppQuery { limit: 100, ..AppQuery::default() }).await {
            Ok(page) => page,
            // What this user may not do is no fault of the connection.
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let note = Note::warning(
                    format!("{who} can sign in, and may not read apps."),
                    "A Tenant Admin looks at the user's permissions in Qlik, or look with another user.",
                );
                return Ok(note.codes(&e).closed());
            }
            Err(e) => return Ok(self.failed_with(known, &e, Sent::Session)),
        };
        let me = known.login.as_ref().map(|l| l.session.user().id.clone()).unwrap_or_default();
        known.apps = worth_opening(&page.data, &me);
        let count = match (page.data.len(), page.next.is_some()) {
            (n, true) => format!("more than {n} apps"),
            (1, false) => "1 app".to_owned(),
            (n, false) => format!("{n} apps"),
        };
        let instead = known.login.as_ref().and_then(|l| l.instead.clone());
        Ok(match (page.data.is_empty(), instead) {
            (true, _) => Note::warning(
                format!("{who} can sign in, and sees no apps."),
                "Give the user access to a space in Qlik, or look with another user.",
            ),
            (false, Some(why)) => {
                // Without a key it is the user that the OAuth client itself is.
                let whose = if self.option == AuthOption::ApiKey {
                    ", the key's owner,"
                } else {
                    ", the client's own user,"
                };
                Note::warning(
                    format!("{who}{whose} sees {count}. {why}"),
                    "My apps stays empty for you until Qlik lets in a user with your e-mail.",
                )
            }
            (false, None) => Note::passed(format!("{who} sees {count}.")),
        })
    }

    /// Opens an app's websocket. An engine that refuses has answered: lists hold apps that
    /// their reader may not open
    /// (<https://betahelp.qlik.com/en-US/cloud-services/Subsystems/Hub/Content/Sense_Hub/Spaces/permissions-managed-space-admin.htm>).
    /// Nothing of the connection depends on it, so it never fails.
    pub(super) async fn engine(&self, known: &mut Known) -> Made {
        let (tenant, who) = self.signed_in(known)?;
        let mut refusal = None;
        for app in &known.apps {
            match tenant.engine_version(app, Some(&self.portal.origin)).await {
                Ok(engine) => {
                    return Ok(Note::passed(format!("The engine answers (version {}).", engine.version)));
                }
                Err(e) if e.close_code().is_some() && may_differ(&e) => refusal = Some(e),
                Err(e) => return Ok(self.no_engine(known, &e, &who)),
            }
        }
        Ok(match (refusal, known.apps.len()) {
            (Some(e), tried) => {
                let apps = if tried == 1 {
                    "the app that was tried".to_owned()
                } else {
                    format!("any of the {tried} apps that were tried")
                };
                Note::advice(
                    format!("The engine answers, and {who} may not open {apps}."),
                    "Nothing has to be done. Lists show a Tenant Admin apps of spaces in which they are no member.",
                )
                .codes(&e)
            }
            (None, _) => Note::not_checked(format!("Not checked; it needs an app that {who} may open.")),
        })
    }

    /// The engine gave no version for another reason than the app.
    fn no_engine(&self, known: &mut Known, e: &QlikError, who: &str) -> Note {
        // Qlik's own limit for open apps is none of its limit for calls.
        if e.kind() == ErrorKind::RateLimited
            && e.close_code().is_none()
            && e.status().is_none_or(|s| s == 429)
        {
            return self.failed_with(known, e, Sent::Session);
        }
        if e.close_code().is_some() || e.code().is_some_and(|code| code.starts_with("SESSION_")) {
            let title = e.title().map_or_else(|| "it gave no reason".to_owned(), str::to_owned);
            return Note::advice(
                format!("The engine answers, and does not open an app for {who} now: {title}."),
                "Nothing has to be done here. If apps do not open in the browser either, look at Qlik's status page.",
            )
            .codes(e);
        }
        let said = words::of_sent(e, self.host.as_str(), Sent::Session);
        Note::warning(
            format!("The engine does not answer {who}. {}", said.says),
            "Something between this server and Qlik may block websockets, such as a proxy. If apps open in the browser, \
             nothing is lost but this check.",
        )
        .codes(e)
    }

    /// Closes what was opened for the checks; a session that is to be kept as eyes is
    /// given back instead.
    pub(super) async fn close(&self, known: &Known) -> Option<Arc<QlikSession>> {
        self.give_back(known).await;
        let login = known.login.as_ref().filter(|l| l.for_checks)?;
        if self.keeps_eyes {
            return Some(login.session.clone());
        }
        if let Err(e) = self.qlik().with_session(&login.session.host(), login.session.clone()).logout().await
        {
            tracing::info!(error = %e, "the session of a check could not be closed at Qlik");
        }
        None
    }
}

/// Closed for a reason that may be this app's alone: no permission, no such app.
fn may_differ(e: &QlikError) -> bool {
    matches!(e.kind(), ErrorKind::Forbidden | ErrorKind::NotFound)
}

/// The apps to try, in their order: the user's own, personal ones, then one of each space.
fn worth_opening(apps: &[AppItem], me: &str) -> Vec<String> {
    let mut spaces = HashSet::new();
    let own = |a: &&AppItem| a.owner_id.as_deref() == Some(me);
    let personal = |a: &&AppItem| !own(a) && a.space_id.is_none();
    let shared = |a: &&AppItem| !own(a) && a.space_id.is_some();
    let first_of_space = |a: &&AppItem| spaces.insert(a.space_id.clone());
    let firsts: Vec<&AppItem> = apps.iter().filter(shared).filter(first_of_space).collect();
    let own = apps.iter().filter(own).take(OWN_TRIES);
    let all = own.chain(apps.iter().filter(personal)).chain(firsts).chain(apps.iter().filter(shared));
    let mut seen = HashSet::new();
    all.map(|a| a.resource_id.clone()).filter(|id| seen.insert(id.clone())).take(TRIES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(id: &str, space: Option<&str>, owner: &str) -> AppItem {
        AppItem {
            id: format!("item-{id}"),
            resource_id: id.to_owned(),
            name: id.to_owned(),
            description: None,
            space_id: space.map(str::to_owned),
            owner_id: Some(owner.to_owned()),
            updated_at: None,
            reloaded_at: None,
            reload_status: None,
            open_url: String::new(),
        }
    }

    #[test]
    fn own_apps_are_tried_first_then_personal_ones_then_one_of_each_space() {
        let apps = [
            app("m1", Some("managed"), "other"),
            app("m2", Some("managed"), "other"),
            app("s1", Some("shared"), "other"),
            app("p1", None, "other"),
            app("mine", Some("managed"), "me"),
        ];
        assert_eq!(worth_opening(&apps, "me"), ["mine", "p1", "m1", "s1", "m2"]);
        assert_eq!(worth_opening(&apps[..1], "me"), ["m1"]);
        assert!(worth_opening(&[], "me").is_empty());
        let many: Vec<_> = (0..40).map(|i| app(&format!("a{i}"), Some("managed"), "other")).collect();
        assert_eq!(worth_opening(&many, "me").len(), TRIES);
        let own: Vec<_> = (0..40).map(|i| app(&format!("a{i}"), None, "me")).collect();
        assert_eq!(worth_opening(&own, "me").len(), OWN_TRIES);
    }
}
