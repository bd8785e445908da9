//! The proof of a key: a real login by JWT, for the right user, closed again.
//!
//! This module must not know what the proof is for.

use std::sync::Arc;

use qlik::{
    IdentityProvider, Tenant,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    state::{Reason, Snag},
    words::{plain, snag},
};
use crate::{
    Error, Services,
    door::the_one,
    identity::{IdentityView, as_qlik_has},
    renewal::{Lease, Lost, Row},
};

/// The tenant as the owner of the key in use sees it.
pub(super) async fn tenant(s: &Services, row: &Row) -> Result<Tenant, Error> {
    let key = s
        .key(&row.portal_id, &row.state.current.key_id)
        .await?
        .ok_or(Error::Internal("the key in use has no token in the vault"))?;
    Ok(s.qlik().with_key(&row.tenant_host, key.token))
}

/// Identity providers of that issuer and key id: those alone verify its tokens
/// (<https://qlik.dev/apis/rest/login>).
pub(super) fn ours<'a>(
    all: &'a [IdentityProvider],
    identity: &'a IdentityView,
) -> impl Iterator<Item = &'a IdentityProvider> {
    all.iter().filter(|p| p.checks(&identity.issuer, &identity.kid))
}

/// Signs a user in with `identity`, sees that Qlik means the same user, and signs
/// out. `began_by` is signed in where Qlik does not tell the e-mail of the API
/// key's owner.
pub(super) async fn prove(
    s: &Services,
    lease: &Lease,
    identity: &IdentityView,
    began_by: &str,
) -> Result<Result<(), Snag>, Lost> {
    let row = &lease.row;
    let host = row.tenant_host.as_str();
    s.keep(lease).await?;
    let tenant = tenant(s, row).await?;
    // Asked anew each time: a subject that has changed at Qlik would be rewritten by the login.
    let owner = match tenant.user_me().await {
        Ok(owner) if owner.email.is_some() => owner,
        Ok(_) => match tenant.users_by_email(began_by).await.map(|found| the_one(found, began_by)) {
            Ok(Ok(user)) => user,
            Ok(Err(_)) => return Ok(Err(plain(Reason::Nobody, began_by, &row.origin))),
            Err(e) if e.kind() == ErrorKind::Forbidden => {
                return Ok(Err(plain(Reason::Nobody, began_by, &row.origin)));
            }
            Err(e) => return Ok(Err(of_key(&e, host))),
        },
        Err(e) => return Ok(Err(of_key(&e, host))),
    };
    let who = as_qlik_has(&owner, began_by);
    s.keep(lease).await?;
    let session = match s.login_with(row, &identity.kid, &who).await? {
        Ok(session) => session,
        Err(e) => {
            let reason = match reason_of(&e) {
                Reason::Refused => look(s, lease, &tenant, identity).await?,
                reason => reason,
            };
            return Ok(Err(snag(reason, &e, &who.email, &row.origin, host)));
        }
    };
    let same = session.user().id == owner.id;
    let session = s.qlik().with_session(&row.tenant_host, Arc::new(session));
    if let Err(e) = session.logout().await {
        tracing::warn!(portal.id = %row.portal_id, error = %e, "the session of a proof could not be closed at Qlik");
    }
    if !same {
        tracing::error!(portal.id = %row.portal_id, "Qlik opened a session for another user in a proof; it was closed");
        return Ok(Err(plain(Reason::WrongUser, &who.email, &row.origin)));
    }
    Ok(Ok(()))
}

/// A call with the API key that failed.
pub(super) fn of_key(e: &QlikError, host: &str) -> Snag {
    let refused = matches!(e.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden);
    snag(if refused { Reason::ApiKey } else { Reason::Qlik }, e, "", "", host)
}

fn reason_of(e: &QlikError) -> Reason {
    match (e.kind(), e.code()) {
        (_, Some("LOGIN-10" | "LOGIN-8")) => Reason::Origin,
        (_, Some("LOGIN-12" | "USER_INVITE_EXPIRED")) | (ErrorKind::Forbidden, _) => Reason::User,
        (ErrorKind::Unauthorized | ErrorKind::BadRequest, _) => Reason::Refused,
        _ => Reason::Qlik,
    }
}

/// Why a token is refused, as far as the API key's owner may see it.
async fn look(s: &Services, lease: &Lease, tenant: &Tenant, identity: &IdentityView) -> Result<Reason, Lost> {
    s.keep(lease).await?;
    let all = match tenant.identity_providers().await {
        Ok(all) => all,
        // Only a Tenant Admin may; the refusal itself is told then.
        Err(e) => {
            tracing::debug!(error = %e, "the identity providers could not be read");
            return Ok(Reason::Refused);
        }
    };
    let mut found = ours(&all, identity).peekable();
    Ok(if found.peek().is_none() {
        Reason::Missing
    } else if found.any(|p| p.active == Some(false)) {
        Reason::SwitchedOff
    } else if ours(&all, identity).any(|p| p.shows_another_certificate(&identity.certificate_pem)) {
        Reason::OtherCertificate
    } else {
        Reason::Refused
    })
}
