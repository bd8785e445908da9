//! What is examined, and what is known of it so far.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use qlik::{
    ApiKey, ApiKeyConfig, ConsolePage, Qlik, Tenant, TenantInfo, User, WebIntegration,
    error::{Error as QlikError, ErrorKind},
    host::TenantHost,
    secret::ApiKeyToken,
    session::QlikSession,
};

use super::report::{Note, Report};
use crate::{Portal, Services, identity::IdentityView, keys::OwnedKey, renewal::Row, words};

/// A connection to examine: stored, or typed and not stored yet.
pub(crate) struct Subject<'a> {
    pub(crate) services: &'a Services,
    pub(crate) portal: &'a Portal,
    /// For whom a sign-in is tried, and whose user is looked up.
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) host: &'a TenantHost,
    pub(crate) key: Arc<ApiKeyToken>,
    pub(crate) web_integration_id: &'a str,
    /// The e-mail is sent as subject.
    pub(crate) by_email: bool,
    pub(crate) identity: &'a IdentityView,
    /// What is stored for this very tenant host, with its key.
    pub(crate) stored: Option<(&'a Row, &'a OwnedKey)>,
    /// The tenant had an identity provider of this portal before.
    pub(crate) had_provider: bool,
}

/// What an examination learnt, beside the report.
pub(crate) struct Findings {
    pub(crate) report: Report,
    /// Some where the tenant, the key, its owner and its record could be read.
    pub(crate) facts: Option<Facts>,
    /// Qlik refused the key.
    pub(crate) key_refused: bool,
}

/// What a save stores.
pub(crate) struct Facts {
    pub(crate) tenant: TenantInfo,
    pub(crate) owner: User,
    pub(crate) key: ApiKey,
}

/// What earlier checks found, for later ones.
#[derive(Default)]
pub(super) struct Known {
    /// How the probe of the host ended.
    pub(super) probe: Option<Result<Option<i64>, Arc<QlikError>>>,
    pub(super) tenant: Option<TenantInfo>,
    pub(super) owner: Option<User>,
    pub(super) key: Option<ApiKey>,
    pub(super) rules: Option<ApiKeyConfig>,
    /// The owner's active keys.
    pub(super) keys: Vec<ApiKey>,
    pub(super) users: Vec<User>,
    /// Users may not be read, so nobody can be looked up.
    pub(super) users_unread: bool,
    pub(super) web: Option<WebIntegration>,
    pub(super) login: Option<Login>,
    /// An app that the session may open.
    pub(super) app: Option<String>,
    /// How long Qlik, or our own bucket, holds calls back.
    pub(super) held: Option<Duration>,
    pub(super) identity_missing: bool,
    pub(super) key_refused: bool,
}

/// Who was signed in.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) session: Arc<QlikSession>,
    /// The administrator has no Qlik user of their own, so the key's owner was
    /// used: why.
    pub(super) instead: Option<String>,
}

impl Known {
    pub(super) fn facts(&mut self) -> Option<Facts> {
        Some(Facts { tenant: self.tenant.take()?, owner: self.owner.take()?, key: self.key.take()? })
    }
}

impl<'a> Subject<'a> {
    pub(super) fn qlik(&self) -> &'a Qlik {
        self.services.qlik()
    }

    pub(super) fn with_key(&self) -> Tenant {
        self.qlik().with_key(self.host, self.key.clone())
    }

    /// Now, by Qlik's clock where the probe told how far ours is off.
    pub(super) fn qlik_now(&self, known: &Known) -> Timestamp {
        let off = known.probe.as_ref().and_then(|p| p.as_ref().ok().copied().flatten()).unwrap_or(0);
        let now = self.services.now();
        now.checked_sub(SignedDuration::from_secs(off)).unwrap_or(now)
    }

    /// An error in its own words. Being held back is no fault of what was asked:
    /// that is left unchecked, and the check of the rate limit fails.
    pub(super) fn failed(&self, known: &mut Known, e: &QlikError) -> Note {
        if e.kind() == ErrorKind::RateLimited {
            known.held = known.held.max(Some(e.retry_after().unwrap_or(Duration::from_secs(1))));
            return Note::not_checked("Not checked; Qlik’s rate limit is reached.").codes(e);
        }
        let said = words::of(e, self.host.as_str());
        Note::failed(said.says, said.remedy).codes(e)
    }

    /// A link into the tenant's console.
    pub(super) fn link(&self, note: Note, page: ConsolePage) -> Note {
        let label = match page {
            ConsolePage::Web => "Open Web in Qlik",
            ConsolePage::ApiKeys => "Open API keys in Qlik",
            ConsolePage::IdentityProviders => "Open Identity provider in Qlik",
            ConsolePage::Users => "Open Users in Qlik",
            ConsolePage::Permissions => "Open Permissions in Qlik",
        };
        note.link(label, self.host.console_url(page))
    }
}

/// E-mail, or the name where Qlik has none.
pub(super) fn name(user: &User) -> &str {
    user.email.as_deref().unwrap_or(&user.name)
}
