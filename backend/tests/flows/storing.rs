//! A database that fails for a moment, and stored secrets that can't be opened: what
//! stands still then, and that all goes on afterwards.

use backend::{
    Error, FieldError,
    apps::{AppsPage, AppsQuery},
    integration::{Health, SaveInput},
    store::Trouble,
    testing::TestServices,
};

use crate::house::{House, days, mins};

async fn sql(h: &House, statement: &'static str) {
    let mut tx = h.portal.db().write().await.unwrap();
    sqlx::query(statement).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_renewal_goes_on_by_itself_after_any_write_that_failed() {
    for (spoiled, trouble) in [
        ("PRAGMA query_only = ON", Trouble::ReadOnly),
        // No statement of a renewal needs a page on a database as small as this: the next large one does.
        ("PRAGMA max_page_count = 1", Trouble::Full),
    ] {
        let h = House::connected().await;
        h.settle().await;
        h.advance(days(2) + mins(4 * 60));
        h.portal.db().on_writer(spoiled).await.unwrap();
        if trouble == Trouble::Full {
            let far = h.portal.now() + days(1);
            let end = h.portal.create_web_session(&[1; 16], &vec![0; 200_000], far).await.unwrap_err();
            assert_eq!(end.trouble(), Some(trouble));
        } else {
            assert_eq!(h.portal.tick().await.unwrap_err().trouble(), Some(trouble));
        }
        assert_eq!(h.portal.db().trouble(), Some(trouble));
        h.settle().await;
        assert_eq!(h.portal.db().trouble(), None, "{trouble}");
        let now = h.status().await;
        assert_eq!(now.health, Health::Healthy, "{trouble}: {}", now.headline);
        assert_ne!(now.key.key_id, h.key_id, "{trouble}");
    }
}

#[tokio::test]
async fn what_can_t_be_ended_keeps_the_task_from_nothing() {
    let h = House::connected().await;
    h.advance(days(2) + mins(4 * 60));
    // The first thing that a tick reads can't be read.
    sql(&h, "ALTER TABLE staged_changes RENAME TO elsewhere").await;
    h.settle().await;
    assert_ne!(h.status().await.key.key_id, h.key_id);
}

#[tokio::test]
async fn a_stored_key_that_can_t_be_opened_is_told_and_one_paste_mends_it() {
    let h = House::connected().await;
    sql(&h, "UPDATE api_keys SET sealed_token = zeroblob(80)").await;
    let tested = h.portal.test_connection(&h.ada).await.unwrap_err();
    assert_eq!(tested.unreadable(), Some(("api_keys", "sealed_token")));
    let blank = SaveInput { api_key: None, ..h.input() };
    let end = h.portal.save_integration(&h.ada, blank).await.unwrap_err();
    assert!(
        matches!(&end, Error::Invalid(f) if f[..] == [FieldError::new("api_key", "unreadable")]),
        "{end:?}"
    );
    h.advance(days(2) + mins(4 * 60));
    h.settle().await;
    let now = h.status().await;
    assert_eq!(now.health, Health::NeedsPerson, "{}", now.headline);

    let (id, token) = h.world.create_key(&h.qlik_ada, "pasted", days(3));
    let pasted = SaveInput { api_key: Some(token.into()), ..h.input() };
    let end = h.portal.save_integration(&h.ada, pasted).await.unwrap();
    assert!(end.saved, "{end:#?}");
    h.advance(mins(2));
    h.settle().await;
    let now = h.status().await;
    assert_eq!((now.health, now.key.key_id), (Health::Healthy, id), "{}", now.headline);
}

#[tokio::test]
async fn a_portal_whose_key_can_t_be_opened_can_be_disconnected() {
    let h = House::connected().await;
    sql(&h, "UPDATE api_keys SET sealed_token = zeroblob(80)").await;
    let end = h.portal.disconnect(&h.ada, true, false).await.unwrap();
    assert!(!end.disconnected && end.says.contains("leave the key"), "{end:?}");
    assert!(h.portal.disconnect(&h.ada, false, false).await.unwrap().disconnected);
    assert!(h.portal.status(&h.ada.portal.id).await.unwrap().is_none());
}

#[tokio::test]
async fn a_kept_session_that_can_t_be_opened_is_opened_anew() {
    let h = House::connected().await;
    let apps = async |portal: &TestServices| portal.my_apps(&h.ada, AppsQuery::default()).await.unwrap();
    assert!(matches!(apps(&h.portal).await, AppsPage::Apps { .. }));
    sql(&h, "UPDATE qlik_sessions SET sealed = zeroblob(80)").await;
    let other = h.portal.another().await.unwrap();
    assert!(matches!(apps(&other).await, AppsPage::Apps { .. }));
}
