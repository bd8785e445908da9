//! The checks of the web integration: it exists, and it lists our origin. And
//! whether users can be looked up.

use qlik::{ConsolePage, error::ErrorKind};

use super::{
    report::Note,
    subject::{Known, Subject},
    table::Made,
};

impl Subject<'_> {
    pub(super) async fn web_integration(&self, known: &mut Known) -> Made {
        Ok(match self.with_key().web_integration(self.web_integration_id).await {
            Ok(web) => {
                let note = Note::passed(format!("The web integration “{}” exists.", web.name));
                known.web = Some(web);
                note
            }
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::BadRequest) => {
                let note = Note::failed(
                    format!("{} has no web integration with this id.", self.host),
                    "Copy the id from Administration > Web in Qlik, or create one there.",
                );
                self.link(note.codes(&e), ConsolePage::Web)
            }
            // No fault of the integration: the login shows a wrong pair as well.
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let note = Note::warning(
                    "The key's owner may not read web integrations, so its origins can't be compared.",
                    "Compare them by hand: the list must hold this portal's origin.",
                );
                self.link(note.codes(&e), ConsolePage::Web)
            }
            Err(e) => self.failed(known, &e),
        })
    }

    /// The users with the administrator's e-mail; none where e-mails are sent as
    /// subject.
    pub(super) async fn read_users(&self, known: &mut Known) -> Made {
        Ok(match self.with_key().users_by_email(self.email).await {
            Ok(users) => {
                known.users = users;
                Note::passed("The key's owner may look users up by e-mail.")
            }
            Err(e) if e.kind() == ErrorKind::Forbidden && self.by_email => {
                known.users_unread = true;
                Note::warning(
                "The key's owner may not read users; each user's e-mail is sent as the subject, as you chose.",
                "Qlik may give a user with the same e-mail this subject, or make a new user. A key of a Tenant Admin avoids it.",
            )
            .codes(&e)
            }
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let note = Note::failed(
                    "The key's owner may not read the tenant's users, so they can't be matched by e-mail.",
                    "Use a key of a user who may, such as a Tenant Admin, or choose below to send the e-mail as subject.",
                );
                self.link(note.codes(&e), ConsolePage::Users)
            }
            Err(e) => self.failed(known, &e),
        })
    }
}

pub(super) fn origin(on: &Subject<'_>, known: &mut Known) -> Note {
    let Some(web) = &known.web else {
        return Note::not_checked("Not checked; the web integration may not be read, and it needs to be.")
            .open();
    };
    let ours = on.portal.origin.as_str();
    if web.lists(ours) {
        return Note::passed(format!("Its origins hold {ours}."));
    }
    let wildcard = web.valid_origins.iter().find(|o| o.contains('*'));
    let near = web.valid_origins.iter().find(|o| host_of(o) == host_of(ours));
    let remedy = match (near, wildcard) {
        (Some(near), _) => {
            format!("It lists {near}: scheme and port must be the same too. Add {ours} to its origins.")
        }
        (None, Some(star)) => {
            format!(
                "It lists {star}: Qlik compares origins whole and takes no wildcards. Add {ours} to its origins."
            )
        }
        (None, None) => format!("Add {ours} to its origins."),
    };
    let note = Note::failed("The web integration does not list this portal's origin.", remedy);
    on.link(note, ConsolePage::Web)
}

fn host_of(origin: &str) -> Option<String> {
    url::Url::parse(origin.trim()).ok()?.host_str().map(str::to_owned)
}
