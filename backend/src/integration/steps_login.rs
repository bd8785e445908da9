//! The checks that need a Qlik session: the JWT login, and the apps it sees.

use std::sync::Arc;

use qlik::{
    AppQuery, IdentityProvider, Qlik, User,
    error::{Error as QlikError, ErrorKind},
    host::ConsolePage,
    jwt::JwtSubject,
    session::QlikSession,
};

use super::{checks::Candidate, report::Note, steps::name};
use crate::{Error, Services, door::the_one, words};

/// Who was signed in.
pub(super) struct Login {
    session: Arc<QlikSession>,
    /// The administrator has no Qlik user of their own, so the key's owner was used.
    instead: Option<String>,
}

impl Candidate<'_> {
    fn idp_link(&self, note: Note) -> Note {
        note.link("Open Identity provider in Qlik", self.host.console_url(ConsolePage::IdentityProviders))
    }

    /// Signs in as the administrator, or as the key's owner where Qlik has no
    /// user for the administrator. `missing` becomes true where the tenant has
    /// no identity provider of ours and the key can make one.
    pub(super) async fn jwt_login(
        &self,
        services: &Services,
        owner: &User,
        found: &[User],
        missing: &mut bool,
    ) -> Result<(Note, Option<Login>), Error> {
        if owner.is_tenant_admin() {
            let tenant = services.qlik().with_key(self.host, self.key.clone());
            match tenant.identity_providers().await {
                Ok(all) => match self.ours(&all) {
                    Ours::Right => {}
                    Ours::Missing => {
                        *missing = true;
                        let note = Note::warning(
                            "The tenant has no JWT identity provider of this portal yet, so no user can sign in.",
                            "Create it from this page, or by hand in Qlik with the values below.",
                        );
                        return Ok((self.idp_link(note), None));
                    }
                    Ours::OtherCertificate => {
                        let note = Note::failed(
                            "The tenant's JWT identity provider with this portal's issuer and key id has another certificate.",
                            "Delete it in Qlik and create it again with the values below.",
                        );
                        return Ok((self.idp_link(note), None));
                    }
                    Ours::Inactive => {
                        let note = Note::failed(
                            "The tenant's JWT identity provider of this portal is switched off.",
                            "Switch it on in Qlik.",
                        );
                        return Ok((self.idp_link(note), None));
                    }
                },
                // The login below shows it in its own way.
                Err(e) => tracing::info!(error = %e, "the identity providers could not be read"),
            }
        }
        let (who, expected, instead) = self.who(owner, found);
        let portal = &self.actor.portal;
        let opened =
            services.login_at(&portal.id, self.host, self.web_integration_id, &portal.origin, &who).await?;
        Ok(match opened {
            Ok(session) if expected.as_deref().is_none_or(|id| id == session.user().id) => {
                let says = format!("{} can sign in by JWT.", name(session.user()));
                (Note::passed(says), Some(Login { session: Arc::new(session), instead }))
            }
            Ok(session) => {
                let says =
                    format!("Qlik opened a session for {} instead of {}.", name(session.user()), who.email);
                let wrong = services.qlik().with_session(self.host, Arc::new(session));
                if let Err(e) = wrong.logout().await {
                    tracing::warn!(error = %e, "the wrong session could not be closed at Qlik");
                }
                (Note::failed(says, "It was closed. Report it to the Qlik tenant's administrator."), None)
            }
            Err(e) => (self.login_failed(&e), None),
        })
    }

    /// Candidate, the id that the session must be of, and whom it stands in for.
    fn who(&self, owner: &User, found: &[User]) -> (JwtSubject, Option<String>, Option<String>) {
        let subject = |u: &User| JwtSubject {
            sub: u.subject.clone(),
            name: u.name.clone(),
            email: u.email.clone().unwrap_or_else(|| self.actor.email.clone()),
            groups: Vec::new(),
        };
        if let Ok(me) = the_one(found.to_vec(), &self.actor.email) {
            return (subject(&me), Some(me.id), None);
        }
        if self.email_as_subject && found.is_empty() {
            let email = self.actor.email.clone();
            let who =
                JwtSubject { sub: email.clone(), name: self.actor.name.clone(), email, groups: Vec::new() };
            return (who, None, None);
        }
        let why = match the_one(found.to_vec(), &self.actor.email) {
            Ok(_) => String::new(),
            Err(trouble) => trouble.says,
        };
        (subject(owner), Some(owner.id.clone()), Some(why))
    }

    fn ours(&self, all: &[IdentityProvider]) -> Ours {
        let Some(idp) = all.iter().find(|p| {
            p.issuer.as_deref() == Some(&self.identity.issuer)
                && p.keys.iter().any(|k| k.kid == self.identity.kid)
        }) else {
            return Ours::Missing;
        };
        let squeeze = |pem: &str| pem.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let wanted = squeeze(&self.identity.certificate_pem);
        if idp.active == Some(false) {
            Ours::Inactive
        } else if idp.keys.iter().any(|k| k.pem.is_empty() || squeeze(&k.pem.replace("\\n", "")) == wanted) {
            Ours::Right
        } else {
            Ours::OtherCertificate
        }
    }

    fn login_failed(&self, e: &QlikError) -> Note {
        let origin = &self.actor.portal.origin;
        let note = match (e.kind(), e.code()) {
            (_, Some("LOGIN-10" | "LOGIN-8")) => Note::failed(
                format!("Qlik refuses the sign-in: the web integration does not list {origin}."),
                format!("Add {origin} to its origins in Qlik."),
            )
            .link("Open Web in Qlik", self.host.console_url(ConsolePage::Web)),
            (_, Some("LOGIN-12")) => Note::failed(
                format!("Several active users of the tenant have the e-mail {}.", self.actor.email),
                "A Tenant Admin disables or deletes the ones that are not used.",
            )
            .link("Open Users in Qlik", self.host.console_url(ConsolePage::Users)),
            (ErrorKind::Unauthorized | ErrorKind::BadRequest | ErrorKind::Forbidden, _) => {
                let title = e.title().map_or_else(String::new, |t| format!(": {t}"));
                self.idp_link(Note::failed(
                    format!("Qlik refuses the portal's JWT{title}."),
                    "Most often the tenant has no JWT identity provider with this portal's issuer, key id and \
                     certificate. A Tenant Admin creates it in Qlik with the values below; then save again.",
                ))
            }
            _ => {
                let said = words::of(e, self.host.as_str());
                Note::failed(said.says, said.remedy)
            }
        };
        note.codes(e)
    }

    pub(super) async fn apps(&self, qlik: &Qlik, login: Login) -> Result<(Note, Option<()>), Error> {
        let who = name(login.session.user()).to_owned();
        let tenant = qlik.with_session(self.host, login.session);
        let page = match tenant.apps_page(&AppQuery { limit: 100, ..AppQuery::default() }).await {
            Ok(page) => page,
            Err(e) => {
                let said = words::of(&e, self.host.as_str());
                return Ok((Note::failed(said.says, said.remedy).codes(&e), None));
            }
        };
        // Only to count: what was opened for a check does not stay open.
        if let Err(e) = tenant.logout().await {
            tracing::info!(error = %e, "the session of a check could not be closed at Qlik");
        }
        let count = match (page.data.len(), page.next.is_some()) {
            (n, true) => format!("more than {n} apps"),
            (1, false) => "1 app".to_owned(),
            (n, false) => format!("{n} apps"),
        };
        Ok(match (page.data.is_empty(), login.instead) {
            (true, _) => {
                let note = Note::warning(
                    format!("{who} can sign in, and sees no apps."),
                    "Give the user access to a space in Qlik, or look with another user.",
                );
                (note, Some(()))
            }
            (false, Some(why)) => {
                let note = Note::warning(
                    format!("{who}, the key's owner, sees {count}. {why}"),
                    "My apps stays empty for you until Qlik has a user with your e-mail.",
                );
                (note, Some(()))
            }
            (false, None) => (Note::passed(format!("{who} sees {count}.")), Some(())),
        })
    }
}

/// How the tenant's identity providers stand to this portal's identity.
enum Ours {
    Right,
    Missing,
    OtherCertificate,
    Inactive,
}
