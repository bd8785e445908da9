//! What is examined, and what is known of it so far.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use qlik::{
    ApiKey, ApiKeyConfig, ConsolePage, Qlik, SignInWay, Tenant, TenantInfo, User, WebIntegration,
    error::{Error as QlikError, ErrorKind},
    host::TenantHost,
    secret::{ApiKeyToken, KeyClaims},
    session::QlikSession,
};

use super::{
    oauth::Asked,
    report::{Note, Report},
};
use crate::{
    Actor, Portal, Services,
    connection::{AuthOption, Client, Connection},
    identity::IdentityView,
    keys::OwnedKey,
    renewal::{KeyRef, Row},
    words::{self, Sent},
};

/// A connection to examine: stored, or typed and not stored yet.
pub(crate) struct Subject<'a> {
    pub(crate) services: &'a Services,
    pub(crate) portal: &'a Portal,
    /// For whom a sign-in is tried, and whose user is looked up.
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) host: &'a TenantHost,
    /// How the portal becomes a user there.
    pub(crate) option: AuthOption,
    /// Some where the option uses a key.
    pub(crate) key: Option<Arc<ApiKeyToken>>,
    /// Some where the option uses an OAuth client.
    pub(crate) client: Option<Client>,
    /// Whose own session is tried, where users sign in by themselves: a person who asks
    /// for it, and with what is in force. By itself nobody is signed in.
    pub(crate) own: Option<(&'a Actor, &'a Connection)>,
    /// Empty where the option needs none.
    pub(crate) web_integration_id: &'a str,
    /// The e-mail is sent as subject.
    pub(crate) by_email: bool,
    pub(crate) identity: &'a IdentityView,
    /// What is stored for this very tenant host, with its key.
    pub(crate) stored: Option<(&'a Row, &'a OwnedKey)>,
    /// The tenant had an identity provider of this portal before.
    pub(crate) had_provider: bool,
    /// A session that a check opens is kept, see [`Findings::eyes`].
    pub(crate) keeps_eyes: bool,
}

/// What an examination learnt, beside the report.
pub(crate) struct Findings {
    pub(crate) report: Report,
    /// Some where all could be read that the option needs stored.
    pub(crate) facts: Option<Facts>,
    /// Qlik refused the key.
    pub(crate) key_refused: bool,
    /// The session of a check, to look with where the key is refused later; see
    /// [`crate::renewal`]. None where it was closed.
    pub(crate) eyes: Option<Arc<QlikSession>>,
}

/// What a save stores.
pub(crate) struct Facts {
    /// None where nobody could be asked for it yet.
    pub(crate) tenant: Option<TenantInfo>,
    /// Some where the option uses a key.
    pub(crate) key: Option<KeyFacts>,
    /// Where the tenant signs people in with Qlik accounts.
    pub(crate) login_host: Option<String>,
}

/// The key and its owner.
pub(crate) struct KeyFacts {
    pub(crate) owner: User,
    pub(crate) key: ApiKey,
}

impl Facts {
    /// The key's id at Qlik.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.key.as_ref().map(|k| k.key.id.as_str())
    }
}

impl KeyFacts {
    /// As the renewal knows it.
    pub(crate) fn reference(&self, now: Timestamp) -> KeyRef {
        KeyRef {
            key_id: self.key.id.clone(),
            created_at: self.key.created.unwrap_or(now).as_second(),
            expires_at: self.key.expiry.as_second(),
        }
    }
}

/// What earlier checks found, for later ones.
#[derive(Default)]
pub(super) struct Known {
    /// How the probe of the host ended.
    pub(super) probe: Option<Result<Option<i64>, Arc<QlikError>>>,
    /// Where the host sends the probe.
    pub(super) redirected_to: Option<TenantHost>,
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
    /// What the OAuth client was asked for, and what it got.
    pub(super) asked: Asked,
    /// How the tenant signs people in, where that was asked.
    pub(super) way: Option<Result<SignInWay, QlikError>>,
    pub(super) login_host: Option<String>,
    pub(super) login: Option<Login>,
    /// Apps that the session may be able to open, in the order in which they are tried.
    pub(super) apps: Vec<String>,
    /// Where the host sends calls to a name that nobody has proved to be the tenant's.
    pub(super) unproved_name: Option<TenantHost>,
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
    /// It was opened for the checks alone, and is closed after them.
    pub(super) for_checks: bool,
}

impl Known {
    pub(super) fn facts(&mut self, option: AuthOption) -> Option<Facts> {
        let (tenant, login_host) = (self.tenant.take(), self.login_host.take());
        let key = match option {
            AuthOption::ApiKey => {
                // Without its tenant a key is worth nothing.
                tenant.as_ref()?;
                Some(KeyFacts { owner: self.owner.take()?, key: self.key.take()? })
            }
            AuthOption::Credentials | AuthOption::OauthUsers | AuthOption::OauthEveryone => None,
        };
        Some(Facts { tenant, key, login_host })
    }
}

impl<'a> Subject<'a> {
    pub(super) fn qlik(&self) -> &'a Qlik {
        self.services.qlik()
    }

    /// The tenant with the eyes of the key's owner; without a key, which no check of
    /// one comes to see, with nobody's.
    pub(super) fn with_key(&self) -> Tenant {
        match &self.key {
            Some(key) => self.qlik().with_key(self.host, key.clone()),
            None => self.qlik().anonymous(self.host),
        }
    }

    /// What the key says of itself.
    pub(super) fn claims(&self) -> KeyClaims {
        self.key.as_ref().map(|k| k.claims().clone()).unwrap_or_default()
    }

    /// Now, by Qlik's clock where the probe told how far ours is off.
    pub(super) fn qlik_now(&self, known: &Known) -> Timestamp {
        let off = known.probe.as_ref().and_then(|p| p.as_ref().ok().copied().flatten()).unwrap_or(0);
        let now = self.services.now();
        now.checked_sub(SignedDuration::from_secs(off)).unwrap_or(now)
    }

    /// An error of a call with the key, in its own words.
    pub(super) fn failed(&self, known: &mut Known, e: &QlikError) -> Note {
        self.failed_with(known, e, Sent::Key)
    }

    /// An error in its own words. Being held back is no fault of what was asked:
    /// that is left unchecked, and the check of the rate limit fails.
    pub(super) fn failed_with(&self, known: &mut Known, e: &QlikError, sent: Sent) -> Note {
        if e.kind() == ErrorKind::RateLimited {
            known.held = known.held.max(Some(e.retry_after().unwrap_or(Duration::from_secs(1))));
            return Note::not_checked("Not checked; Qlik’s rate limit is reached.").codes(e);
        }
        let said = words::of_sent(e, self.host.as_str(), sent);
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
