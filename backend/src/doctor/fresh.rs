//! A key that was made a moment ago, and that Qlik does not take yet: it is tried for a
//! while before it is judged, as a renewal does with a new key.
//!
//! This module must not know what a refusal means.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use qlik::{
    Tenant, TenantInfo,
    error::{Error as QlikError, ErrorKind},
    secret::ApiKeyToken,
};
use tokio::time::{Instant, sleep};

use crate::Services;

/// A key of this age may still be one that Qlik does not take everywhere.
const FRESH: SignedDuration = SignedDuration::from_mins(2);
/// Before the second try; each further pause is twice as long, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(4);

/// How old a key is, as far as anybody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// Then.
    At(Timestamp),
    /// Nobody can tell: a token need not say it, and its record can't be read with it.
    Unknown,
}

impl Services {
    /// The tenant as the key sees it, and how long it took until Qlik took the key, or
    /// how long it was tried: nothing where the first answer counts.
    pub(crate) async fn tenant_by_key(
        &self,
        tenant: &Tenant,
        key: &ApiKeyToken,
        made: impl Future<Output = Made>,
    ) -> (Result<TenantInfo, QlikError>, Duration) {
        let began = Instant::now();
        let mut answer = tenant.tenant_me().await;
        let patience = match answer.as_ref().err().filter(|e| is_refusal(e)) {
            Some(refusal) => self.patience(key, made.await, refusal),
            None => Duration::ZERO,
        };
        let mut pause = FIRST_PAUSE;
        while answer.as_ref().is_err_and(is_refusal) && began.elapsed() + pause <= patience {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
            answer = tenant.tenant_me().await;
        }
        let waited = if patience.is_zero() { Duration::ZERO } else { began.elapsed() };
        (answer, waited)
    }

    /// How long a refused key is tried, all tries of this process together.
    fn patience(&self, key: &ApiKeyToken, made: Made, refusal: &QlikError) -> Duration {
        let (now, most) = (self.now(), self.config().new_key_wait);
        let fresh = match made {
            Made::At(at) => now.duration_since(at).abs() <= FRESH,
            // Qlik says itself that this one was good before.
            Made::Unknown => refusal.code() != Some("APIKEYS-18"),
        };
        if !fresh {
            return Duration::ZERO;
        }
        let seen = self.first_seen(key, now);
        let since = Duration::try_from(now.duration_since(seen)).unwrap_or(Duration::ZERO);
        most.saturating_sub(since)
    }

    /// When this process was first given a key that Qlik refused.
    fn first_seen(&self, key: &ApiKeyToken, now: Timestamp) -> Timestamp {
        let mut seen = self.0.refused_keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // One that lies in the future was noted by a clock that has been put back since.
        seen.retain(|_, at| *at <= now && now.duration_since(*at) <= FRESH);
        *seen.entry(key.fingerprint()).or_insert(now)
    }
}

/// Qlik, and nothing between, does not take the key.
fn is_refusal(e: &QlikError) -> bool {
    e.kind() == ErrorKind::Unauthorized
}
