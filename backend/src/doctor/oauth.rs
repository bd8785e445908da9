//! The checks of the OAuth client: known, secret, grants, consent, scopes, and a user.
//!
//! Where each user connects, nobody can be signed in for a check. But Qlik says
//! whether it knows a client and its secret before it looks at a code, so one that it
//! never gave is sent.

use std::sync::Arc;

use qlik::{
    OAuthError, OAuthErrorKind, QlikSession, TokenSet, User,
    error::{Error as QlikError, ErrorKind},
    oauth::{AuthorizationCode, CodeExchange, Pkce, UserLookup},
};

use super::{
    report::{Note, Outcome},
    subject::{Known, Login, Subject, name},
    table::Made,
};
use crate::{
    Error,
    connection::{AuthOption, Client},
    door::the_one,
    oauth::{USER_SCOPE, redirect_uri},
};

/// What the client was asked for, and what it got.
#[derive(Default)]
pub(super) struct Asked {
    /// The client itself; of a client whose users connect, only whether it is known.
    client: Option<Result<Option<TokenSet>, OAuthError>>,
    /// Who has the administrator's e-mail.
    users: Option<Result<Vec<User>, QlikError>>,
    /// A token for one of them, or for the client's own user; whose it is.
    user: Option<(Result<TokenSet, OAuthError>, String)>,
    /// Why it is not the administrator's.
    instead: Option<String>,
}

impl Asked {
    /// Why the client itself got nothing.
    fn refusal(&self) -> Option<&OAuthError> {
        self.client.as_ref().and_then(|c| c.as_ref().err())
    }

    /// Whether what the client asked for was refused for this.
    fn refused_for(&self, kind: OAuthErrorKind) -> Option<&OAuthError> {
        let user = self.user.as_ref().and_then(|(user, _)| user.as_ref().err());
        [self.refusal(), user].into_iter().flatten().find(|e| e.kind() == kind)
    }
}

impl Asked {
    /// What was not refused is proven only by a token for a user.
    fn or_unproven(&self, note: Note) -> Note {
        if note.outcome == Outcome::Failed || matches!(self.user, Some((Ok(_), _))) {
            return note;
        }
        Note::not_checked("Not checked; no token for a user could be had. The checks around say why.").open()
    }
}

impl Subject<'_> {
    fn named(&self) -> Result<&Client, Error> {
        self.client.as_ref().ok_or(Error::Internal("a check without what it needs"))
    }

    pub(super) async fn oauth_client(&self, known: &mut Known) -> Made {
        let client = self.named()?;
        let everyone = self.option == AuthOption::OauthEveryone;
        let got = if everyone {
            // All that it may: which of the scopes that let users be read it has is Qlik's affair.
            self.qlik().client_credentials(self.host, client.named(), "").await.map(Some)
        } else {
            let code = AuthorizationCode::new(self.services.new_id());
            let pkce = Pkce::generate(self.services.entropy());
            let back = redirect_uri(&self.portal.origin);
            let exchange = CodeExchange { code: &code, redirect_uri: &back, pkce: Some(&pkce) };
            match self.qlik().exchange_code(self.host, client.named(), exchange).await {
                // It got as far as the code, which is none of Qlik's.
                Err(e) if e.kind() == OAuthErrorKind::InvalidGrant => Ok(None),
                other => other.map(Some),
            }
        };
        let note = match &got {
            Err(e) if e.kind() == OAuthErrorKind::UnknownClient => Note::failed(
                format!("{} knows no OAuth client with this id.", self.host),
                "Copy the client’s id from Administration > OAuth in Qlik, or create a client there.",
            )
            .codes(e.error()),
            // What nobody can read is no yes. Only an invented code may be refused in words of any kind.
            Err(e) if passes(e) || (everyone && !is_told_below(e.kind())) => self.failed(known, e.error()),
            _ => Note::passed(format!("{} knows the OAuth client.", self.host)),
        };
        known.asked.client = Some(got);
        Ok(note)
    }

    /// Tries what the portal does for everyone, for the administrator or, where Qlik has
    /// no user for them, for the user that the client itself is.
    pub(super) async fn oauth_grant(&self, known: &mut Known) -> Made {
        if known.asked.refusal().is_none() {
            self.impersonate(known).await?;
            if let Some((Err(e), _)) = &known.asked.user
                && passes(e)
            {
                let error = known.asked.user.take().and_then(|(user, _)| user.err());
                return Ok(error
                    .map_or_else(|| Note::not_checked("Not checked."), |e| self.failed(known, e.error())));
            }
        }
        let note = grant(known, "act for itself and for users (M2M and M2M user impersonation)");
        Ok(known.asked.or_unproven(note))
    }

    async fn impersonate(&self, known: &mut Known) -> Result<(), Error> {
        let Some(Ok(Some(own))) = &known.asked.client else { return Ok(()) };
        let client = self.named()?;
        let tenant = self.qlik().with_bearer(self.host, Arc::new(own.access.clone()), client.id.as_str());
        // Whether a narrow client may read it is not documented; nothing depends on it.
        known.tenant = tenant.tenant_me().await.ok();
        let users = tenant.users_by_email(self.email).await;
        let id = match &users {
            Ok(users) => match the_one(users.clone(), self.email) {
                Ok(user) => Some(user.id),
                Err(trouble) => {
                    known.asked.instead = Some(trouble.says);
                    tenant.user_me().await.ok().map(|me| me.id)
                }
            },
            Err(_) => None,
        };
        known.asked.users = Some(users);
        if let Some(id) = id {
            let got = self.qlik().impersonate(self.host, client.named(), UserLookup::UserId(&id), USER_SCOPE);
            known.asked.user = Some((got.await, id));
        }
        Ok(())
    }

    pub(super) async fn oauth_user(&self, known: &mut Known) -> Made {
        let instead = known.asked.instead.clone();
        let Some((got, id)) = known.asked.user.take() else {
            let why = instead.unwrap_or_else(|| "Nobody could be looked up.".to_owned());
            return Ok(Note {
                open: false,
                ..Note::warning(why, "My apps stays empty for you until Qlik has a user with your e-mail.")
            });
        };
        let tokens = match got {
            Ok(tokens) => tokens,
            Err(e) if e.kind() == OAuthErrorKind::UserDisabled => {
                return Ok(Note::failed(
                    "Qlik does not let the client act for that user, who is disabled.",
                    "A Tenant Admin can enable the user in Qlik.",
                )
                .codes(e.error()));
            }
            // The client's own user need not be one that can be acted for.
            Err(e) if instead.is_some() => {
                return Ok(Note {
                    open: false,
                    ..Note::warning(
                        instead.unwrap_or_default(),
                        "My apps stays empty for you until Qlik has a user with your e-mail.",
                    )
                    .codes(e.error())
                });
            }
            Err(e) => return Ok(self.failed(known, e.error())),
        };
        let token = Arc::new(tokens.access);
        let me = match self.qlik().with_bearer(self.host, token.clone(), &id).user_me().await {
            Ok(me) if me.id == id => me,
            Ok(me) => {
                return Ok(Note::failed(
                    format!("Qlik gave a token for {} instead of the user who was asked for.", name(&me)),
                    "It is not used. Report it to the Qlik tenant's administrator.",
                ));
            }
            Err(e) => return Ok(self.failed(known, &e)),
        };
        let says = format!("The portal can act for {}.", name(&me));
        let session =
            QlikSession::by_bearer(self.host.clone(), me, token, self.services.now(), tokens.expires_at);
        known.login = Some(Login { session: Arc::new(session), instead, for_checks: false });
        Ok(Note::passed(says))
    }
}

/// Whether the client may let users connect, as far as Qlik says so before it looks at
/// a code.
pub(super) fn code(_: &Subject<'_>, known: &mut Known) -> Note {
    grant(known, "let users connect (authorization code)")
}

fn grant(known: &Known, what: &str) -> Note {
    match known.asked.refused_for(OAuthErrorKind::GrantNotAllowed) {
        Some(e) => Note::failed(
            format!("The OAuth client may not {what}."),
            "Create a client of type Web in Qlik; the kind of a client can’t be changed later. The guide says which boxes to tick.",
        )
        .codes(e.error()),
        None => Note::passed(format!("The OAuth client may {what}.")),
    }
}

pub(super) fn secret(on: &Subject<'_>, known: &mut Known) -> Note {
    match known.asked.refused_for(OAuthErrorKind::WrongSecret) {
        Some(e) if on.client.as_ref().is_some_and(|c| c.secret.is_none()) => Note::failed(
            "Qlik asks for the client’s secret, and none is stored.",
            "Paste a secret of the client here.",
        )
        .codes(e.error()),
        Some(e) => Note::failed(
            "Qlik refuses the client’s secret.",
            "It was deleted or is another client’s. Create a new one in Qlik under Administration > OAuth and paste it here; Qlik shows it once.",
        )
        .codes(e.error()),
        None if on.client.as_ref().is_some_and(|c| c.secret.is_none()) => {
            Note::passed("The client needs no secret; users’ browsers prove themselves by PKCE.")
        }
        None => Note::passed("Qlik takes the client’s secret."),
    }
}

pub(super) fn consent(_: &Subject<'_>, known: &mut Known) -> Note {
    match known.asked.refused_for(OAuthErrorKind::ConsentNeeded) {
        Some(e) => Note::failed(
            "The client is not trusted in the tenant, so it may act for nobody.",
            "Change its consent method to Trusted under Administration > OAuth in Qlik.",
        )
        .codes(e.error()),
        None => known.asked.or_unproven(Note::passed("The client is trusted.")),
    }
}

pub(super) fn scope(on: &Subject<'_>, known: &mut Known) -> Note {
    let add = "Qlik’s OAuth client needs the scopes user_default, to act for users, and admin.users:read (or admin_classic), to find them by e-mail.";
    if let Some(e) = known.asked.refused_for(OAuthErrorKind::ScopeNotAllowed) {
        return Note::failed("The client may not ask for the scopes that the portal needs.", add)
            .codes(e.error());
    }
    match known.asked.users.take() {
        Some(Err(e)) if e.kind() == ErrorKind::Forbidden => {
            Note::failed("The client may not read the tenant’s users, so nobody can be found by e-mail.", add)
                .codes(&e)
        }
        Some(Err(e)) => on.failed(known, &e),
        _ => Note::passed("The client’s scopes are enough."),
    }
}

/// Whether a later check tells of it.
fn is_told_below(kind: OAuthErrorKind) -> bool {
    use OAuthErrorKind as K;
    matches!(kind, K::WrongSecret | K::GrantNotAllowed | K::ConsentNeeded | K::ScopeNotAllowed)
}

/// Whether an error says nothing about the client.
fn passes(e: &OAuthError) -> bool {
    match e.kind() {
        OAuthErrorKind::RateLimited => true,
        OAuthErrorKind::Other => e.error().kind() != ErrorKind::BadRequest,
        _ => false,
    }
}
