//! New tokens that the store does not take.

use backend::{apps::AppsQuery, oauth::GrantState};
use sandbox::TokenKind;

use crate::{
    linking::{ADA, Linked},
    refreshing::{expire, state},
};

/// The store refuses what is to be kept of new tokens, for so many seconds.
async fn full(l: &Linked, when: &'static str, seconds: u32) {
    let now: f64 =
        sqlx::query_scalar("SELECT unixepoch('subsec')").fetch_one(l.h.portal.db().read()).await.unwrap();
    let until = now + f64::from(seconds);
    let sql = format!(
        "CREATE TRIGGER full BEFORE {when} ON oauth_grants
         WHEN NEW.state = 'connected' AND unixepoch('subsec') < {until}
         BEGIN SELECT RAISE(ABORT, 'no space'); END"
    );
    let mut tx = l.h.portal.db().write().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn has_space_again(l: &Linked) {
    let mut tx = l.h.portal.db().write().await.unwrap();
    sqlx::query("DROP TRIGGER full").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_for_a_moment_loses_no_token() {
    let l = Linked::connected().await;
    expire(&l);
    full(&l, "UPDATE", 1).await;
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    assert_eq!((l.asked("/oauth/token"), state(&l).await), (1, GrantState::Connected));
    assert_eq!(l.live(TokenKind::Refresh).len(), 1);
}

#[tokio::test]
async fn tokens_that_the_store_does_not_take_do_not_live_on_at_qlik() {
    let l = Linked::connected().await;
    expire(&l);
    full(&l, "UPDATE", 3_600).await;
    assert!(l.h.portal.my_apps(&l.h.ada, AppsQuery::default()).await.is_err());
    assert!(l.live(TokenKind::Refresh).is_empty() && l.live(TokenKind::Access).is_empty());
    has_space_again(&l).await;
    full(&l, "INSERT", 3_600).await;
    let back = l.walk(&l.h.ada, ADA).await;
    assert!(l.h.portal.finish_connect(&l.h.ada, back).await.is_err());
    assert!(l.live(TokenKind::Refresh).is_empty() && l.live(TokenKind::Access).is_empty());
}
