//! OAuth at a tenant: clients, what users consented to, codes and tokens.
//!
//! It must not know how any of it travels. Facts:
//! <https://qlik.dev/authenticate/oauth/>, <https://qlik.dev/apis/rest/oauth/>.

mod clients;
mod grants;
mod tokens;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use jiff::SignedDuration;

pub(crate) use clients::{Client, MAX_SECRETS, Secret};
pub use clients::{Consent, NewClient, NewClientRef};
pub(crate) use grants::TokenRefusal;
pub(crate) use tokens::{Access, Asked, AuthCode, Issued, Refresh};
pub use tokens::{TokenKind, TokenView};

/// "Access tokens expire after 6 hours" (<https://qlik.dev/authenticate/oauth/>).
pub(crate) const ACCESS_LIFE: SignedDuration = SignedDuration::from_hours(6);
/// Refresh tokens: `docs/authentication.md` of `@qlik/api`.
pub(crate) const REFRESH_LIFE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Not published; RFC 6749 recommends ten minutes at most.
pub(crate) const CODE_LIFE: SignedDuration = SignedDuration::from_mins(1);
/// Tokens that were exchanged for one purpose; not published.
pub(crate) const PURPOSE_LIFE: SignedDuration = SignedDuration::from_mins(5);

/// A consent page that waits for its answer.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) tenant: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) state: Option<String>,
    pub(crate) challenge: String,
}

/// All that a sandbox knows of OAuth.
#[derive(Default)]
pub(crate) struct OAuth {
    pub(crate) clients: Vec<Client>,
    /// Scopes that a user gave a client: (client, user) to scopes.
    pub(crate) consents: HashMap<(String, String), BTreeSet<String>>,
    pub(crate) questions: HashMap<String, Question>,
    pub(crate) codes: HashMap<String, AuthCode>,
    pub(crate) access: Vec<Access>,
    pub(crate) refresh: Vec<Refresh>,
    /// (client, jti) of assertions that were taken.
    pub(crate) used_jtis: BTreeSet<(String, String)>,
}

impl fmt::Debug for OAuth {
    /// Numbers only: all else is keyed by secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("clients", &self.clients.len())
            .field("access", &self.access.len())
            .field("refresh", &self.refresh.len())
            .finish_non_exhaustive()
    }
}
