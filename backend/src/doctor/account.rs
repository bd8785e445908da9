//! The checks of how the tenant signs people in, and of the own session of whoever
//! asks, where users sign in by themselves.

use std::sync::Arc;

use qlik::{
    ConsolePage, SignIn, SignInWay,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    report::Note,
    subject::{Known, Login, Subject, name},
    table::Made,
};
use crate::{
    connection::AuthOption,
    door::{NoSession, TroubleKind},
};

const CHOOSE: &str = "Choose Qlik Sense API key or Qlik OAuth instead: both work with any identity provider and with second factors.";

/// Whether Qlik refuses what `GET /login` was asked with, the web integration and the
/// address to return to, and not the host that was asked, which has a kind of its own.
fn is_refusal(e: &QlikError) -> bool {
    use ErrorKind as K;
    matches!(e.kind(), K::Unauthorized | K::Forbidden | K::BadRequest | K::NotFound)
}

impl Subject<'_> {
    /// Nobody is named for it: the redirects of `GET /login` are followed as far as
    /// the host that they lead to.
    pub(super) async fn web_sign_in(&self, known: &mut Known) -> Made {
        let origin = &self.portal.origin;
        let return_to = format!("{origin}/apps");
        let way = self.qlik().sign_in_way(SignIn {
            host: self.host,
            permanent_host: None,
            web_integration_id: Some(self.web_integration_id),
            origin: Some(origin),
            return_to: &return_to,
        });
        let way = way.await;
        let note = match &way {
            Ok(_) => {
                Note::passed(format!("The tenant takes sign-ins through the web integration from {origin}."))
            }
            Err(e) if is_refusal(e) => {
                let note = Note::failed(
                    format!(
                        "Qlik refuses the sign-in: there is no such web integration, or it does not list {origin}."
                    ),
                    format!("Compare the Web Integration Id, and add {origin} to its origins in Qlik."),
                );
                self.link(note.codes(e), ConsolePage::Web)
            }
            // The next check tells of it.
            Err(_) => Note::not_checked("Not checked; the tenant did not get so far.").open(),
        };
        known.way = Some(way);
        Ok(note)
    }

    pub(super) async fn own_session(&self, known: &mut Known) -> Made {
        use TroubleKind as K;
        let todo = match self.option {
            AuthOption::Credentials => {
                "Each user’s sign-in is tried when they register their Qlik credentials in their Profile."
            }
            _ => "Each user’s sign-in is tried when they connect to Qlik in their Profile.",
        };
        let Some((actor, at)) = self.own else {
            return Ok(Note::not_checked(format!("Not checked. {todo}")));
        };
        Ok(match self.services.session(actor, at).await {
            Ok(session) => {
                let says = format!("You can sign in as {}.", name(session.user()));
                known.login = Some(Login { session: Arc::clone(&session), instead: None, for_checks: false });
                Note::passed(says)
            }
            Err(e) => match &*e {
                NoSession::Trouble(t) if matches!(t.kind, K::NotRegistered | K::NotLinked) => {
                    let who = &actor.email;
                    Note::not_checked(format!(
                        "Not checked; {who} has no sign-in of their own here yet. {todo}"
                    ))
                }
                NoSession::Trouble(t) if matches!(t.kind, K::OAuthRefused | K::QlikAway) => {
                    Note::warning(t.says.clone(), t.remedy.clone()).closed()
                }
                // What is wrong with one user's sign-in is no fault of the connection, and
                // every administrator reads it.
                NoSession::Trouble(t) => {
                    let says = format!("{}’s own sign-in does not work now. {}", actor.email, t.says);
                    Note::advice(says, t.remedy.clone()).closed()
                }
                NoSession::Failed(e) => {
                    tracing::error!(error = %e, "the session of a check could not be opened");
                    Note::warning("Your own sign-in could not be tried.", "Test again.").closed()
                }
            },
        })
    }
}

/// How the tenant signs people in, by what was asked for the check before.
pub(super) fn sign_in_way(on: &Subject<'_>, known: &mut Known) -> Note {
    let host = on.host;
    match known.way.take() {
        Some(Ok(SignInWay::QlikAccount { host: login })) => {
            let note = Note::passed(format!("{host} signs people in with Qlik accounts, at {login}."));
            known.login_host = Some(login);
            note
        }
        Some(Ok(SignInWay::Corporate { host: provider })) => on.link(
            Note::failed(
                format!(
                    "{host} signs people in with an identity provider of your organisation, at {provider}, and not with \
                     Qlik accounts. Qlik credentials can’t work there."
                ),
                CHOOSE,
            ),
            ConsolePage::IdentityProviders,
        ),
        Some(Ok(SignInWay::Other { shape })) => {
            tracing::warn!(portal.id = %on.portal.id, %host, %shape, "the tenant signs people in in a way that is not known");
            Note::failed(
                format!(
                    "{host} signs people in in a way that this portal does not know, so it would not send anybody’s \
                     password. It saw: {shape}."
                ),
                CHOOSE,
            )
        }
        Some(Err(e)) if is_refusal(&e) => {
            let status = e.status().map_or_else(String::new, |status| format!(" (HTTP {status})"));
            Note::failed(format!("{host} refuses to sign anybody in{status}."), CHOOSE).codes(&e)
        }
        Some(Err(e)) => on.failed(known, &e),
        Some(Ok(_)) | None => {
            Note::failed("The tenant signs people in in a way that this portal does not know.", CHOOSE)
        }
    }
}
