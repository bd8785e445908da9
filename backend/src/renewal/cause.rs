//! Why Qlik refuses the key in use. The key itself can't say, so its owner is
//! asked: a JWT session of the owner reads the key's own record.

use qlik::{
    KeyStatus,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    claim::Row,
    state::{Fault, NeedReason},
};
use crate::{
    Error, Services,
    keys::OwnedKey,
    words::{self, Said},
};

/// A fault in the words of [`words::of`].
pub(super) fn fault(e: &QlikError, host: &str) -> Fault {
    with(e, &words::of(e, host))
}

fn with(e: &QlikError, said: &Said) -> Fault {
    Fault {
        says: said.joined(),
        code: e.code().map(str::to_owned),
        trace_id: e.trace_id().map(str::to_owned),
        retry_after: e
            .retry_after()
            .map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX).saturating_add(1)),
    }
}

/// The words for a refused key.
pub(crate) fn said(reason: NeedReason, owner: &str) -> Said {
    let paste = "Make a new one in Qlik and paste it here; everything else stays as it is.";
    match reason {
        NeedReason::Expired => Said::new("The API key expired.", paste),
        NeedReason::Revoked => Said::new("The API key was revoked or deleted in Qlik.", paste),
        NeedReason::OwnerDisabled => Said::new(
            format!("{owner}, who owns the API key, is disabled or deleted in Qlik."),
            "Enable the user in Qlik, or paste a key of another user.",
        ),
        NeedReason::PermissionLost => Said::new(
            format!("{owner}, who owns the API key, may no longer manage API keys."),
            "Set Manage API keys to Allowed for this user in Qlik (Administration > Manage users > Permissions); \
             old tenants: the Developer role. The key is tried again by itself.",
        ),
        NeedReason::WrongTenant => Said::new(
            "The API key belongs to another Qlik tenant.",
            "Make a key in this tenant and paste it here; everything else stays as it is.",
        ),
        NeedReason::Refused => Said::new(
            "Qlik refuses the API key: it was revoked or expired, or its owner is disabled or may no longer manage API keys.",
            "Look at the key and its owner in Qlik, or paste a new key.",
        ),
    }
}

/// Tells the causes apart after the key in use got a 401 or 403.
pub(super) async fn of(
    services: &Services,
    row: &Row,
    key: &OwnedKey,
    e: &QlikError,
) -> Result<(NeedReason, Fault), Error> {
    let reason = if row.state.current.expires_at <= services.now().as_second() {
        NeedReason::Expired
    } else if key.token.claims().tenant_id.as_deref().is_some_and(|t| t != row.tenant_id) {
        NeedReason::WrongTenant
    } else {
        ask_owner(services, row, key).await?
    };
    Ok((reason, with(e, &said(reason, key.owner_email.as_deref().unwrap_or(&key.owner_name)))))
}

async fn ask_owner(services: &Services, row: &Row, key: &OwnedKey) -> Result<NeedReason, Error> {
    let Some(email) = key.owner_email.as_deref() else { return Ok(NeedReason::Refused) };
    let session = services.login(row, &key.owner_subject, &key.owner_name, email).await?;
    let session = match session {
        Ok(s) if s.user().id == key.owner_id => s,
        Err(e) if e.kind() == ErrorKind::Forbidden => return Ok(NeedReason::OwnerDisabled),
        Ok(_) | Err(_) => return Ok(NeedReason::Refused),
    };
    let tenant = services.qlik().with_session(&row.tenant_host, session.into());
    Ok(match tenant.api_key(&row.state.current.key_id).await {
        Ok(k) => match k.status {
            KeyStatus::Expired => NeedReason::Expired,
            KeyStatus::Revoked => NeedReason::Revoked,
            KeyStatus::Active => NeedReason::PermissionLost,
            KeyStatus::Other(_) => NeedReason::Refused,
        },
        Err(e) if e.kind() == ErrorKind::NotFound => NeedReason::Revoked,
        // Without Manage API keys a user can't even read the own keys.
        Err(e) if e.kind() == ErrorKind::Forbidden => NeedReason::PermissionLost,
        Err(_) => NeedReason::Refused,
    })
}
