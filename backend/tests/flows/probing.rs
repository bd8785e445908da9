//! The stored connection is examined again and again, and what is kept of it is
//! true of the key that is in use.

use backend::renewal::RenewalOutcome;
use sandbox::{Effect, Fault};

use crate::house::{House, mins};

#[tokio::test]
async fn a_connection_is_examined_by_itself_every_quarter_of_an_hour_and_after_a_renewal() {
    let h = House::connected().await;
    let probe = async || h.portal.probe_until(std::future::pending()).await.unwrap();
    assert_eq!(probe().await, 1, "after the save");
    assert_eq!(probe().await, 0);
    h.advance(mins(12));
    assert_eq!(probe().await, 0, "not yet");
    h.advance(mins(3));
    assert_eq!(probe().await, 1);
    let other = h.portal.another().await.unwrap();
    h.advance(mins(16));
    let (a, b) =
        tokio::join!(h.portal.probe_until(std::future::pending()), other.probe_until(std::future::pending()));
    assert!(a.unwrap() + b.unwrap() >= 1);
    let logins = h.world.log().iter().filter(|e| e.path == "/login/jwt-session").count();
    // The save, three probes of ours; of two processes one did the last.
    assert_eq!(logins, 4);
    assert_eq!(probe().await, 0);
    h.portal.renew_now(&h.ada).await.unwrap();
    assert_eq!(probe().await, 1, "after a renewal");
}

#[tokio::test]
async fn what_a_probe_finds_is_seen_on_the_settings_page_and_looked_at_again_soon() {
    let h = House::connected().await;
    h.portal.probe_until(std::future::pending()).await.unwrap();
    h.world.set_origins(&h.web, [""; 0]);
    h.advance(mins(16));
    h.portal.probe_until(std::future::pending()).await.unwrap();
    let status = h.status().await;
    assert_eq!(status.headline, "The web integration does not list this portal's origin.");
    h.world.set_origins(&h.web, [crate::house::ORIGIN]);
    h.advance(mins(3));
    assert_eq!(h.portal.probe_until(std::future::pending()).await.unwrap(), 1);
    assert_eq!(h.status().await.headline, "Connected.");
}

/// A renewal replaces the key while the examination is under way: what that saw is
/// of a key that is gone, or of two keys side by side, and is no fault.
#[tokio::test]
async fn a_report_of_a_key_that_was_replaced_meanwhile_is_not_kept() {
    let h = House::connected().await;
    h.portal.probe_until(std::future::pending()).await.unwrap();
    let stored = async || h.portal.last_report(&h.ada.portal.id).await.unwrap().unwrap();
    let before = stored().await;
    h.advance(mins(1));
    // The examination waits at a call that a renewal does not make.
    h.world.add_fault(Fault::new("/api/v1/web-integrations", Effect::Delay { ms: 3_000 }).once());
    let (examined, renewed) = tokio::join!(h.portal.test_connection(&h.ada), h.portal.renew_now(&h.ada));
    assert_eq!(renewed.unwrap().outcome, RenewalOutcome::Renewed);
    assert_ne!(examined.unwrap().at, before.at, "who asked gets an answer");
    assert_eq!(stored().await.at, before.at);
    assert_eq!(h.portal.probe_until(std::future::pending()).await.unwrap(), 1, "at once again");
    assert_eq!(h.status().await.headline, "Connected.");
}
