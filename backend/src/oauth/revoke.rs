//! Tokens that are to be revoked at Qlik, until that is done. Stored with all that it
//! takes, because the grant, the client and the settings may be gone by then. It must
//! not know why a token is revoked.

use std::sync::Arc;

use futures::future::join_all;
use qlik::{
    OAuthError, OAuthErrorKind,
    host::TenantHost,
    oauth::{ClientSecret, OAuthToken, RefreshToken},
};

use super::grant::opened;
use crate::{
    Error, Services,
    backoff::doubling,
    connection::Client,
    store::{StoreError, Tx},
    vault::{Place, VaultError},
};

/// After so many tries one is given up: with the waits between them, after two to
/// three days.
const MOST_TRIES: i64 = 8;
/// Seconds from the first failed try to the second; it doubles from there.
const FIRST_WAIT: i64 = 30 * 60;
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 24 * 3_600;
/// How long a try is its process's own, in seconds: longer than the call.
const LEASE: i64 = 120;
/// A wait for longer was stored by a clock that has been put back since.
const LONGEST: i64 = 2 * LONGEST_WAIT;
/// So many are tried at once, so that a tenant that does not answer holds up nothing
/// for longer than one call.
const BATCH: i64 = 16;

/// A token that is to be revoked.
pub(super) struct Revocable<'a> {
    pub(super) portal_id: &'a str,
    pub(super) tenant_host: &'a str,
    pub(super) client: &'a Client,
    pub(super) token: &'a RefreshToken,
}

/// What follows a try; what is worse comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    Done,
    Again,
    GivenUp,
}

/// What follows a try. A token that Qlik does not know is as good as revoked. A secret
/// that is refused may be replaced while settings name the client.
fn next(end: Result<(), OAuthErrorKind>, tries: i64, named: bool) -> Next {
    use OAuthErrorKind as K;
    match end {
        Ok(()) | Err(K::InvalidGrant) => Next::Done,
        Err(K::UnknownClient) => Next::GivenUp,
        Err(K::WrongSecret | K::ClientRefused) if !named => Next::GivenUp,
        Err(_) if tries >= MOST_TRIES => Next::GivenUp,
        Err(_) => Next::Again,
    }
}

/// Seconds to wait after `tries` failed tries.
fn wait(tries: i64, jitter: f64) -> i64 {
    doubling(u32::try_from(tries).unwrap_or(u32::MAX), FIRST_WAIT, LONGEST_WAIT, jitter)
}

fn place<'a>(portal_id: &'a str, id: &'a str, column: &'static str) -> Place<'a> {
    Place { portal: portal_id, table: "oauth_revocations", row: id, column }
}

/// Puts a token on the list; gives its place there, for [`Services::revoke_now`].
pub(super) async fn queue(
    services: &Services,
    tx: &mut Tx<'_>,
    gone: &Revocable<'_>,
) -> Result<String, Error> {
    let (id, now) = (services.new_id(), services.now().as_second());
    let seal =
        |column, plain: &str| services.vault().seal(place(gone.portal_id, &id, column), plain.as_bytes());
    let token = seal("sealed_token", gone.token.expose())?;
    let secret = gone.client.secret.as_ref().map(|s| seal("sealed_secret", s.expose())).transpose()?;
    let client_id = gone.client.id.as_str();
    sqlx::query!(
        "INSERT INTO oauth_revocations (id, portal_id, tenant_host, client_id, sealed_secret, sealed_token, asked_at,
                                        next_try_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        id,
        gone.portal_id,
        gone.tenant_host,
        client_id,
        secret,
        token,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

/// The right to try one.
struct Claimed {
    id: String,
    portal_id: String,
    tenant_host: String,
    client_id: String,
    sealed_secret: Option<Vec<u8>>,
    sealed_token: Vec<u8>,
    tries: i64,
}

/// What a try takes.
struct Ready {
    host: TenantHost,
    client: Client,
    /// The settings name the client, so its secret is that of today.
    named: bool,
    token: RefreshToken,
}

impl Claimed {
    async fn read(&self, services: &Services) -> Result<Ready, Error> {
        let bad = |column| StoreError::Inconsistent { table: "oauth_revocations", column };
        let host = serde_json::from_value(self.tenant_host.clone().into()).map_err(|_| bad("tenant_host"))?;
        let of = |column| place(&self.portal_id, &self.id, column);
        let token = opened(services.vault(), of("sealed_token"), &self.sealed_token)?;
        // A secret that was replaced since would be refused.
        if let Some(client) = services.client(&self.portal_id, &self.client_id).await? {
            return Ok(Ready { host, client, named: true, token });
        }
        let secret = match &self.sealed_secret {
            Some(sealed) => {
                let plain = services.vault().open(of("sealed_secret"), sealed)?;
                let text = std::str::from_utf8(&plain).map_err(|_| VaultError::DoesNotOpen)?;
                Some(Arc::new(ClientSecret::new(text)))
            }
            None => None,
        };
        let client = Client { id: self.client_id.parse().map_err(|_| bad("client_id"))?, secret };
        Ok(Ready { host, client, named: false, token })
    }
}

impl Services {
    /// Works off what is to be revoked and due. Several processes may do it at once:
    /// each token is sent by one of them.
    ///
    /// # Errors
    /// [`Error::Store`] where the due ones can't be read. One that fails is logged.
    pub async fn revoke_due(&self) -> Result<(), Error> {
        let now = self.now().as_second();
        let longest = now + LONGEST;
        let due = sqlx::query_scalar!(
            r#"SELECT id AS "id!" FROM oauth_revocations WHERE next_try_at <= ? OR next_try_at > ?
               ORDER BY next_try_at LIMIT ?"#,
            now,
            longest,
            BATCH
        )
        .fetch_all(self.db().read())
        .await?;
        self.revoke_now(due).await;
        Ok(())
    }

    /// Tries these, as far as nobody else does. Gives the worst that follows; none for
    /// none.
    pub(super) async fn revoke_now(&self, ids: impl IntoIterator<Item = String>) -> Option<Next> {
        let tried = ids.into_iter().map(|id| async move {
            self.revoke_one(&id).await.unwrap_or_else(|e| {
                tracing::error!(revocation.id = %id, error = %e, "a token could not be revoked");
                Next::Again
            })
        });
        join_all(tried).await.into_iter().max()
    }

    async fn revoke_one(&self, id: &str) -> Result<Next, Error> {
        // Somebody else is at it.
        let Some(claimed) = self.claim_revocation(id).await? else { return Ok(Next::Again) };
        let (end, named) = match claimed.read(self).await {
            Ok(Ready { host, client, named, token }) => {
                (self.qlik().revoke(&host, client.named(), OAuthToken::Refresh(&token)).await, named)
            }
            // It counts as a try, and is given up like one.
            Err(e) => {
                let next = next(Err(OAuthErrorKind::Other), claimed.tries, false);
                self.tried(&claimed, next, &e).await?;
                return Ok(next);
            }
        };
        let next = next(end.as_ref().copied().map_err(OAuthError::kind), claimed.tries, named);
        match end {
            Ok(()) => self.tried(&claimed, next, &"done").await?,
            Err(e) => self.tried(&claimed, next, &e).await?,
        }
        Ok(next)
    }

    async fn claim_revocation(&self, id: &str) -> Result<Option<Claimed>, Error> {
        let now = self.now().as_second();
        let (until, longest) = (now + LEASE, now + LONGEST);
        let mut tx = self.db().write().await?;
        let claimed = sqlx::query_as!(
            Claimed,
            r#"UPDATE oauth_revocations SET tries = tries + 1, next_try_at = ?
               WHERE id = ? AND (next_try_at <= ? OR next_try_at > ?)
               RETURNING id AS "id!", portal_id AS "portal_id!", tenant_host AS "tenant_host!",
                         client_id AS "client_id!", sealed_secret, sealed_token AS "sealed_token!", tries AS "tries!""#,
            until,
            id,
            now,
            longest
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Writes how a try ended. That somebody else took it over meanwhile is no error.
    async fn tried(&self, claimed: &Claimed, next: Next, why: &impl std::fmt::Display) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        match next {
            Next::Again => {
                let at = self.now().as_second() + wait(claimed.tries, self.jitter());
                sqlx::query!(
                    "UPDATE oauth_revocations SET next_try_at = ? WHERE id = ? AND tries = ?",
                    at,
                    claimed.id,
                    claimed.tries
                )
                .execute(&mut *tx)
                .await?;
                tracing::info!(portal.id = %claimed.portal_id, tries = claimed.tries, error = %why, "a token is not revoked at Qlik yet");
            }
            Next::Done | Next::GivenUp => {
                sqlx::query!(
                    "DELETE FROM oauth_revocations WHERE id = ? AND tries = ?",
                    claimed.id,
                    claimed.tries
                )
                .execute(&mut *tx)
                .await?;
                if next == Next::GivenUp {
                    tracing::warn!(portal.id = %claimed.portal_id, tries = claimed.tries, error = %why, "a token was not revoked at Qlik; it ends there by itself");
                }
            }
        }
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
#[path = "revoke_tests.rs"]
mod tests;
