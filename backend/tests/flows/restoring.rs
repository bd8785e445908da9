//! A database that is older than the key: it says so, and the key that was made
//! since is never deleted.

use crate::house::{House, days, mins};
use backend::{
    integration::{Health, SaveInput, StatusView},
    testing::TestServices,
};
use sandbox::{Effect, Fault};

async fn status(portal: &TestServices, h: &House) -> StatusView {
    portal.status(&h.ada.portal.id).await.unwrap().unwrap()
}

async fn settle(portal: &TestServices) {
    for _ in 0..10 {
        if portal.tick().await.unwrap() == 0 {
            return;
        }
    }
    panic!("the renewal does not come to rest");
}

/// Lets the portal renew and delete its old key; the id of the new one.
async fn renewed(h: &House) -> String {
    h.advance(days(2) + mins(4 * 60));
    h.settle().await;
    h.advance(mins(1));
    h.settle().await;
    let key = h.status().await.key.key_id;
    assert_ne!(key, h.key_id);
    assert_eq!(h.live().len(), 1);
    key
}

#[tokio::test]
async fn a_backup_whose_key_was_replaced_says_so_and_leaves_the_newer_key_alone() {
    let h = House::connected().await;
    let backup = h.portal.copy().await.unwrap();
    let newer = renewed(&h).await;

    settle(&backup).await;
    let now = status(&backup, &h).await;
    assert_eq!(now.health, Health::NeedsPerson);
    assert!(now.headline.contains("restored from an older backup"), "{}", now.headline);
    assert_eq!(h.live().iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), [newer.as_str()]);

    // One paste mends it, and the newer key is still left alone, and shown.
    let (pasted, token) = h.world.create_key(&h.qlik_ada, "made by hand", days(3));
    let input = SaveInput { api_key: Some(token.into()), ..h.input() };
    assert!(backup.save_integration(&h.ada, input).await.unwrap().saved);
    h.advance(days(2) + mins(4 * 60));
    settle(&backup).await;
    h.advance(mins(1));
    settle(&backup).await;
    let now = status(&backup, &h).await;
    assert_ne!(now.key.key_id, pasted, "it renews again");
    assert_eq!(now.health, Health::Attention);
    assert!(now.headline.contains(&newer), "{}", now.headline);
    assert!(h.live().iter().any(|k| k.id == newer));
}

#[tokio::test]
async fn a_backup_from_the_middle_of_an_attempt_does_not_take_the_key_in_use_for_a_leftover() {
    let h = House::connected().await;
    h.advance(days(2) + mins(4 * 60));
    // The intent is in the backup; that this very attempt's key came into use is not.
    h.world.add_fault(Fault::new("/api/v1/api-keys", Effect::Delay { ms: 300 }).on("POST").once());
    let during = async {
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(2));
        while !h.world.log().iter().any(|e| e.method == "POST" && e.path == "/api/v1/api-keys") {
            pace.tick().await;
        }
        h.portal.copy().await.unwrap()
    };
    let (early, ()) = tokio::join!(during, h.settle());
    let newer = h.status().await.key.key_id;
    assert_ne!(newer, h.key_id);
    assert_eq!(h.live().len(), 2, "the old key is in its time of grace");
    h.advance(mins(1) - jiff::SignedDuration::from_secs(5));

    settle(&early).await;
    assert_ne!(status(&early, &h).await.key.key_id, h.key_id, "it went on with what it knows");
    assert!(h.live().iter().any(|k| k.id == newer), "the key in use was deleted as a leftover");
}

#[tokio::test]
async fn an_expired_backup_whose_key_was_replaced_tells_it_from_a_plain_expiry() {
    let h = House::connected().await;
    let backup = h.portal.copy().await.unwrap();
    renewed(&h).await;
    h.advance(days(1));
    settle(&backup).await;
    let now = status(&backup, &h).await;
    assert!(now.headline.contains("restored from an older backup"), "{}", now.headline);
}
