//! The checks of how the tenant signs people in, and of the own session of whoever
//! asks, where users sign in by themselves.

use std::sync::Arc;

use qlik::{ConsolePage, SignIn, SignInWay};

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

impl Subject<'_> {
    /// Nobody is named for it: the redirects of `GET /login` are followed as far as
    /// the host that they lead to.
    pub(super) async fn sign_in_way(&self, known: &mut Known) -> Made {
        let return_to = format!("{}/apps", self.portal.origin);
        let way = self.qlik().sign_in_way(SignIn {
            host: self.host,
            permanent_host: None,
            web_integration_id: Some(self.web_integration_id),
            origin: Some(&self.portal.origin),
            return_to: &return_to,
        });
        Ok(match way.await {
            Ok(SignInWay::QlikAccount { host }) => {
                let note = Note::passed(format!("{} signs people in with Qlik accounts, at {host}.", self.host));
                known.login_host = Some(host);
                note
            }
            Ok(SignInWay::Corporate { host }) => self.link(
                Note::failed(
                    format!(
                        "{} signs people in with an identity provider of your organisation, at {host}, and not with \
                         Qlik accounts. Qlik credentials can’t work there.",
                        self.host
                    ),
                    CHOOSE,
                ),
                ConsolePage::IdentityProviders,
            ),
            Ok(SignInWay::Other { shape }) => {
                tracing::warn!(portal.id = %self.portal.id, host = %self.host, %shape, "the tenant signs people in in a way that is not known");
                Note::failed(
                    format!(
                        "{} signs people in in a way that this portal does not know, so it would not send anybody’s \
                         password. It saw: {shape}.",
                        self.host
                    ),
                    CHOOSE,
                )
            }
            Ok(_) => Note::failed("The tenant signs people in in a way that this portal does not know.", CHOOSE),
            Err(e) if matches!(e.code(), Some("LOGIN-10" | "LOGIN-8")) => {
                let origin = &self.portal.origin;
                let note = Note::failed(
                    format!("Qlik refuses the sign-in: there is no such web integration, or it does not list {origin}."),
                    format!("Compare the Web Integration Id, and add {origin} to its origins in Qlik."),
                );
                self.link(note.codes(&e), ConsolePage::Web)
            }
            Err(e) => self.failed(known, &e),
        })
    }

    pub(super) async fn own_session(&self, known: &mut Known) -> Made {
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
                NoSession::Trouble(t) if t.kind == TroubleKind::NotRegistered => {
                    Note::not_checked(format!("Not checked. {} {}", t.says, t.remedy))
                }
                // What is wrong with one user's sign-in is no fault of the connection.
                NoSession::Trouble(t) => {
                    Note { open: false, ..Note::warning(t.says.clone(), t.remedy.clone()) }
                }
                NoSession::Failed(e) => {
                    tracing::error!(error = %e, "the session of a check could not be opened");
                    Note {
                        open: false,
                        ..Note::warning("Your own sign-in could not be tried.", "Test again.")
                    }
                }
            },
        })
    }
}
