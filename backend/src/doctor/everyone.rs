//! The checks of an OAuth client that acts for everyone: grants, consent, scopes, and a
//! user.

use std::sync::Arc;

use qlik::{OAuthError, OAuthErrorKind as K, QlikSession, error::ErrorKind, oauth::UserLookup};

use super::{
    oauth::{Own, grant},
    report::Note,
    subject::{Known, Login, Subject, name},
    table::Made,
};
use crate::{Error, door::the_one, oauth::USER_SCOPE, words::Sent};

const EMPTY_UNTIL: &str = "My apps stays empty for you until Qlik has a user with your e-mail.";

impl Subject<'_> {
    /// Tries what the portal does for everyone, for the administrator or, where Qlik has
    /// no user for them, for the user that the client itself is.
    pub(super) async fn oauth_grant(&self, known: &mut Known) -> Made {
        if known.asked.refusal().is_none() {
            self.impersonate(known).await?;
            if let Some((Err(e), _)) = &known.asked.user
                && passes(e)
            {
                let error = known.asked.user.take().and_then(|(user, _)| user.err());
                return Ok(error.map_or_else(
                    || Note::not_checked("Not checked."),
                    |e| self.failed_with(known, e.error(), Sent::Client),
                ));
            }
        }
        let note = grant(known, "act for itself and for users (M2M and M2M user impersonation)");
        Ok(known.asked.or_unproven(note))
    }

    async fn impersonate(&self, known: &mut Known) -> Result<(), Error> {
        let Some(Ok(Own::Token(own))) = &known.asked.client else { return Ok(()) };
        let client = self.named()?;
        let tenant = self.qlik().with_bearer(self.host, own.token.clone(), client.id.as_str());
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
            let got = got.await;
            if let Ok(tokens) = &got {
                known.asked.given.push(Arc::new(tokens.access.clone()));
            }
            known.asked.user = Some((got, id));
        }
        Ok(())
    }

    pub(super) async fn oauth_user(&self, known: &mut Known) -> Made {
        let instead = known.asked.instead.clone();
        let Some((got, id)) = known.asked.user.take() else {
            let why = instead.unwrap_or_else(|| "Nobody could be looked up.".to_owned());
            return Ok(Note::warning(why, EMPTY_UNTIL).closed());
        };
        let tokens = match got {
            Ok(tokens) => tokens,
            // The client's own user need not be one that can be acted for.
            Err(e) if instead.is_some() && e.kind() != K::UserDisabled => {
                return Ok(Note::warning(instead.unwrap_or_default(), EMPTY_UNTIL).codes(e.error()).closed());
            }
            Err(e) => return Ok(self.grant_refused(known, &e)),
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
            Err(e) => return Ok(self.failed_with(known, &e, Sent::Session)),
        };
        let says = format!("The portal can act for {}.", name(&me));
        let session =
            QlikSession::by_bearer(self.host.clone(), me, token, self.services.now(), tokens.expires_at);
        known.login = Some(Login { session: Arc::new(session), instead, for_checks: false });
        Ok(Note::passed(says))
    }
}

pub(super) fn consent(_: &Subject<'_>, known: &mut Known) -> Note {
    match known.asked.refused_for(K::ConsentNeeded) {
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
    if let Some(e) = known.asked.refused_for(K::ScopeNotAllowed) {
        return Note::failed("The client may not ask for the scopes that the portal needs.", add)
            .codes(e.error());
    }
    match known.asked.users.take() {
        Some(Err(e)) if e.kind() == ErrorKind::Forbidden => {
            Note::failed("The client may not read the tenant’s users, so nobody can be found by e-mail.", add)
                .codes(&e)
        }
        Some(Err(e)) => on.failed_with(known, &e, Sent::ClientToken),
        _ => known.asked.or_unproven(Note::passed("The client’s scopes are enough.")),
    }
}

/// Whether an error says nothing that another check tells of: the client itself was
/// taken a moment ago.
fn passes(e: &OAuthError) -> bool {
    match e.kind() {
        K::RateLimited | K::UnknownClient | K::WrongSecret | K::ClientRefused => true,
        K::Other => e.error().kind() != ErrorKind::BadRequest,
        _ => false,
    }
}
