//! The checks of the identity provider and of the JWT login.

use std::sync::Arc;

use qlik::{
    ConsolePage, IdentityProvider, User,
    error::{Error as QlikError, ErrorKind},
    jwt::JwtSubject,
    session::QlikSession,
};

use super::{
    report::Note,
    subject::{Known, Login, Subject, name},
    table::Made,
};
use crate::{
    Error,
    door::the_one,
    identity::{as_portal_has, as_qlik_has},
    words::{self, Sent},
};

/// How the tenant's identity providers stand to this portal's identity.
enum Ours<'a> {
    Right,
    Missing,
    OtherCertificate,
    Inactive,
    /// One that was meant to be ours, entered with another issuer.
    OtherIssuer(&'a str),
    /// The same, with another key id.
    OtherKid(&'a str),
}

/// One login: what the token says, the id that the session must be of, and why it is not
/// the administrator's.
struct Try {
    who: JwtSubject,
    expected: Option<String>,
    instead: Option<String>,
}

/// A refusal that is about this very user, and not about the portal's token. Where users
/// can be read, no check makes one at Qlik.
fn is_about_the_user(e: &QlikError) -> bool {
    matches!(e.code(), Some("LOGIN-12" | "USER_INVITE_EXPIRED" | "AUTH-5"))
        || e.kind() == ErrorKind::Forbidden
}

impl Subject<'_> {
    pub(super) async fn identity_provider(&self, known: &mut Known) -> Made {
        if !known.owner.as_ref().is_some_and(User::is_tenant_admin) {
            let says = "Not checked; the list of identity providers needs a Tenant Admin’s key. The sign-in below shows it.";
            return Ok(Note::not_checked(says).open());
        }
        let all = match self.with_key().identity_providers().await {
            Ok(all) => all,
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                let says = "Not checked; the list of identity providers needs a right that the owner lacks. The sign-in below shows it.";
                return Ok(Note::not_checked(says).codes(&e).open());
            }
            Err(e) => return Ok(self.failed(known, &e)),
        };
        let again = "Qlik can’t change one: delete it there and create it again with the values below.";
        let note = match self.ours(&all) {
            Ours::Right => {
                return Ok(Note::passed("The tenant has this portal’s issuer, key id and certificate."));
            }
            Ours::Missing => {
                known.identity_missing = true;
                let remedy = "Create it from this page, or by hand in Qlik with the values below.";
                if self.had_provider {
                    Note::failed(
                        "The JWT identity provider of this portal was deleted in Qlik, so no user can sign in.",
                        remedy,
                    )
                } else {
                    Note::warning(
                        "The tenant has no JWT identity provider of this portal yet, so no user can sign in.",
                        remedy,
                    )
                    .closed()
                }
            }
            Ours::OtherCertificate => Note::failed(
                "The tenant’s JWT identity provider with this portal’s issuer and key id has another certificate.",
                again,
            ),
            Ours::Inactive => Note::failed(
                "The tenant’s JWT identity provider of this portal is switched off.",
                "Switch it on in Qlik.",
            ),
            Ours::OtherIssuer(issuer) => {
                known.identity_missing = true;
                Note::failed(
                    format!(
                        "The tenant’s JWT identity provider with this portal’s key id names another issuer: {issuer}."
                    ),
                    again,
                )
            }
            Ours::OtherKid(kid) => {
                known.identity_missing = true;
                Note::failed(
                    format!(
                        "The tenant’s JWT identity provider with this portal’s issuer has another key id: {kid}."
                    ),
                    again,
                )
            }
        };
        Ok(self.link(note, ConsolePage::IdentityProviders))
    }

    fn ours<'b>(&self, all: &'b [IdentityProvider]) -> Ours<'b> {
        let issuer = |p: &&IdentityProvider| p.issuer.as_deref() == Some(&self.identity.issuer);
        let kid = |p: &&IdentityProvider| p.keys.iter().any(|k| k.kid == self.identity.kid);
        let Some(idp) = all.iter().find(|p| p.checks(&self.identity.issuer, &self.identity.kid)) else {
            if let Some(near) = all.iter().find(kid) {
                return Ours::OtherIssuer(near.issuer.as_deref().unwrap_or("none"));
            }
            let near = all.iter().find(issuer).and_then(|p| p.keys.first());
            return near.map_or(Ours::Missing, |k| Ours::OtherKid(&k.kid));
        };
        if idp.active == Some(false) {
            Ours::Inactive
        } else if idp.shows_another_certificate(&self.identity.certificate_pem) {
            Ours::OtherCertificate
        } else {
            Ours::Right
        }
    }

    /// Signs in as the administrator, or as the key's owner where Qlik has no
    /// user for the administrator, or does not let that one in: whoever happens to look
    /// must not decide whether the connection works.
    pub(super) async fn jwt_login(&self, known: &mut Known) -> Made {
        let Some(owner) = known.owner.clone() else {
            return Err(Error::Internal("a check without what it needs"));
        };
        let as_owner = |why: String| Try {
            who: as_qlik_has(&owner, self.email),
            expected: Some(owner.id.clone()),
            instead: Some(why),
        };
        let mut first = match the_one(known.users.clone(), self.email) {
            Ok(me) => Try { who: as_qlik_has(&me, self.email), expected: Some(me.id), instead: None },
            Err(_) if self.by_email && known.users_unread => {
                Try { who: as_portal_has(self.name, self.email), expected: None, instead: None }
            }
            Err(trouble) => as_owner(trouble.says),
        };
        let mut opened = self.try_login(&first).await?;
        if let Err(e) = &opened
            && first.expected.as_ref().is_some_and(|id| *id != owner.id)
            && is_about_the_user(e)
        {
            first = as_owner(words::of_sent(e, self.host.as_str(), Sent::Session).says);
            opened = self.try_login(&first).await?;
        }
        let Try { who, expected, instead } = first;
        Ok(match opened {
            Ok(session) if expected.as_deref().is_none_or(|id| id == session.user().id) => {
                let says = format!("{} can sign in by JWT.", name(session.user()));
                known.login = Some(Login { session: Arc::new(session), instead, for_checks: true });
                Note::passed(says)
            }
            Ok(session) => {
                let says =
                    format!("Qlik opened a session for {} instead of {}.", name(session.user()), who.email);
                let wrong = self.qlik().with_session(self.host, Arc::new(session));
                if let Err(e) = wrong.logout().await {
                    tracing::warn!(error = %e, "the wrong session could not be closed at Qlik");
                }
                Note::failed(says, "It was closed. Report it to the Qlik tenant's administrator.")
            }
            Err(e) => self.login_failed(known, &e),
        })
    }

    async fn try_login(&self, one: &Try) -> Result<Result<QlikSession, QlikError>, Error> {
        let portal = self.portal;
        self.services.login_at(&portal.id, self.host, self.web_integration_id, &portal.origin, &one.who).await
    }

    fn login_failed(&self, known: &mut Known, e: &QlikError) -> Note {
        let origin = &self.portal.origin;
        let note = match (e.kind(), e.code()) {
            (_, Some("LOGIN-10" | "LOGIN-8")) => self.link(
                Note::failed(
                    format!("Qlik refuses the sign-in: the web integration does not list {origin}."),
                    format!("Add {origin} to its origins in Qlik."),
                ),
                ConsolePage::Web,
            ),
            (_, Some("LOGIN-12")) => self.link(
                Note::failed(
                    format!("Several active users of the tenant have the e-mail {}.", self.email),
                    "A Tenant Admin disables or deletes the ones that are not used.",
                ),
                ConsolePage::Users,
            ),
            (ErrorKind::Unauthorized | ErrorKind::BadRequest | ErrorKind::Forbidden, _) => {
                let title = e.title().map_or_else(String::new, |t| format!(": {t}"));
                self.link(
                    Note::failed(
                        format!("Qlik refuses the portal's JWT{title}."),
                        "Most often the tenant has no JWT identity provider with this portal's issuer, key id and \
                         certificate. A Tenant Admin creates it in Qlik with the values below; then save again.",
                    ),
                    ConsolePage::IdentityProviders,
                )
            }
            _ => return self.failed(known, e),
        };
        note.codes(e)
    }
}
