//! Browser sessions: who a session belongs to, and that it ends when the
//! person's password or status changes.

use std::fmt;

use axum_login::{AuthUser, AuthnBackend};
use backend::{Actor, Services};

/// Under this key a session holds whose it is; one without belongs to nobody.
pub const DATA_KEY: &str = "axum-login.data";

/// Where axum-login looks people up.
#[derive(Debug, Clone)]
pub struct Backend(pub Services);

/// The session of the request, with the person that it belongs to.
pub type AuthSession = axum_login::AuthSession<Backend>;

/// A signed-in person as axum-login sees them.
#[derive(Clone)]
pub struct SessionUser {
    actor: Actor,
    hash: Vec<u8>,
}

// axum-login writes its user to the debug log: the id is enough.
impl fmt::Debug for SessionUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionUser({})", self.actor.user_id)
    }
}

impl From<Actor> for SessionUser {
    fn from(actor: Actor) -> Self {
        let mut hash = actor.auth_epoch.to_be_bytes().to_vec();
        hash.extend_from_slice(actor.user_id.as_bytes());
        Self { actor, hash }
    }
}

impl SessionUser {
    /// The person.
    pub fn into_actor(self) -> Actor {
        self.actor
    }
}

impl AuthUser for SessionUser {
    type Id = String;

    fn id(&self) -> String {
        self.actor.user_id.clone()
    }

    /// Changes with the person's epoch, so that older sessions end.
    fn session_auth_hash(&self) -> &[u8] {
        &self.hash
    }
}

impl AuthnBackend for Backend {
    type User = SessionUser;
    /// The id of somebody whose password was checked already.
    type Credentials = String;
    type Error = backend::Error;

    async fn authenticate(&self, user_id: String) -> Result<Option<SessionUser>, Self::Error> {
        self.get_user(&user_id).await
    }

    async fn get_user(&self, user_id: &String) -> Result<Option<SessionUser>, Self::Error> {
        Ok(self.0.actor(user_id).await?.map(SessionUser::from))
    }
}
