//! What runs beside the requests: the renewal task, the rotation of signing keys,
//! the probe of connections, the delivery of notices, the comparison of users, the
//! revocation of tokens, and the sweep of ended browser sessions.

use std::time::Duration;

use backend::Services;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The longest time between two looks at what is due. A change in this process
/// wakes the task at once; this is for clocks that jump and for other processes
/// on the same database.
const PULSE: Duration = Duration::from_secs(2);
/// Between two looks at which connections are to be examined.
const PROBE: Duration = Duration::from_secs(5);
/// Between two looks at notices.
const TELL: Duration = Duration::from_secs(5);
/// Between two looks at comparisons that wait, or that another process left.
const COMPARE: Duration = Duration::from_secs(5);
/// Between two looks at rotations; what a person asks for is done at once.
const ROTATE: Duration = Duration::from_secs(5);
/// Between two looks at tokens that are to be revoked.
const REVOKE: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_mins(10);

/// Starts them; they end, after the step they are at, when `stop` is cancelled.
pub(crate) fn spawn(tracker: &TaskTracker, services: &Services, stop: &CancellationToken) {
    tracker.spawn(renew(services.clone(), stop.clone()));
    tracker.spawn(probe(services.clone(), stop.clone()));
    tracker.spawn(set_up(services.clone(), stop.clone()));
    tracker.spawn(rotate(services.clone(), stop.clone()));
    tracker.spawn(tell(services.clone(), stop.clone()));
    tracker.spawn(compare(services.clone(), stop.clone()));
    tracker.spawn(revoke(services.clone(), stop.clone()));
    tracker.spawn(sweep(services.clone(), stop.clone()));
}

async fn renew(services: Services, stop: CancellationToken) {
    // Before the first look wipes out how long ago the last one was.
    watch(&services).await;
    loop {
        if let Err(e) = services.tick_until(stop.cancelled()).await {
            tracing::error!(error = %e, "the renewal task could not look at what is due");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = services.nudged() => {}
            () = tokio::time::sleep(PULSE) => {}
        }
    }
}

/// Examines connections beside the renewals, which must not wait for it.
async fn probe(services: Services, stop: CancellationToken) {
    loop {
        if let Err(e) = services.probe_until(stop.cancelled()).await {
            tracing::error!(error = %e, "connections could not be examined");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PROBE) => {}
        }
    }
}

/// Set-ups that an administrator confirmed; one that was cut off is taken up.
async fn set_up(services: Services, stop: CancellationToken) {
    loop {
        if let Err(e) = services.set_up_until(stop.cancelled()).await {
            tracing::error!(error = %e, "set-ups could not be worked off");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = services.set_up_wanted() => {}
            () = tokio::time::sleep(PULSE) => {}
        }
    }
}

/// What a rotation does by itself: what a process that ended left half done, a
/// provider that is not in force yet, an old key whose time is over.
async fn rotate(services: Services, stop: CancellationToken) {
    loop {
        if let Err(e) = services.rotate_due().await {
            tracing::error!(error = %e, "rotations could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ROTATE) => {}
        }
    }
}

/// Beside the renewal task, which it watches as well.
async fn tell(services: Services, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(TELL) => {}
        }
        watch(&services).await;
        if let Err(e) = services.watch_expiries().await {
            tracing::error!(error = %e, "keys that near their expiry could not be looked at");
        }
        if let Err(e) = services.deliver_notices().await {
            tracing::error!(error = %e, "notices could not be delivered");
        }
    }
}

async fn compare(services: Services, stop: CancellationToken) {
    loop {
        if let Err(e) = services.compare_due(&|| stop.is_cancelled()).await {
            tracing::error!(error = %e, "comparisons that are due could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = services.comparison_asked() => {}
            () = tokio::time::sleep(COMPARE) => {}
        }
    }
}

/// Tokens of users who are no longer connected: what Qlik did not take at once.
async fn revoke(services: Services, stop: CancellationToken) {
    loop {
        if let Err(e) = services.revoke_due().await {
            tracing::error!(error = %e, "tokens that are to be revoked could not be looked at");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(REVOKE) => {}
        }
    }
}

async fn watch(services: &Services) {
    if let Err(e) = services.watch_scheduler().await {
        tracing::error!(error = %e, "the renewal task could not be watched");
    }
}

async fn sweep(services: Services, stop: CancellationToken) {
    loop {
        match services.sweep_web_sessions().await {
            Ok(gone) => tracing::debug!(gone, "swept ended sessions"),
            Err(e) => tracing::error!(error = %e, "ended sessions could not be swept"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}
