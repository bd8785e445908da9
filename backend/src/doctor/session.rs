//! The checks with a user's session: CSRF token, apps, engine.

use qlik::{AppQuery, Tenant, error::ErrorKind};

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
            Err(e) => return Ok(self.failed_with(known, &e, Sent::Session)),
        };
        known.app = page.data.first().map(|a| a.resource_id.clone());
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
                    "My apps stays empty for you until Qlik has a user with your e-mail.",
                )
            }
            (false, None) => Note::passed(format!("{who} sees {count}.")),
        })
    }

    pub(super) async fn engine(&self, known: &mut Known) -> Made {
        let (tenant, who) = self.signed_in(known)?;
        let Some(app) = known.app.clone() else {
            return Ok(Note::not_checked(format!("Not checked; it needs an app that {who} may open.")));
        };
        Ok(match tenant.engine_version(&app, Some(&self.portal.origin)).await {
            Ok(engine) => Note::passed(format!("The engine answers (version {}).", engine.version)),
            Err(e) if e.kind() == ErrorKind::RateLimited => self.failed_with(known, &e, Sent::Session),
            Err(e) => {
                let said = words::of_sent(&e, self.host.as_str(), Sent::Session);
                Note::failed(
                    format!("The engine does not answer {who}. {}", said.says),
                    "Something between this server and Qlik may block websockets, such as a proxy. If apps open in the \
                     browser, nothing is lost but this check.",
                )
                .codes(&e)
            }
        })
    }

    /// Closes what was opened for the checks.
    pub(super) async fn close(&self, known: &Known) {
        self.give_back(known).await;
        let Some(login) = known.login.as_ref().filter(|l| l.for_checks) else { return };
        if let Err(e) = self.qlik().with_session(&login.session.host(), login.session.clone()).logout().await
        {
            tracing::info!(error = %e, "the session of a check could not be closed at Qlik");
        }
    }
}
