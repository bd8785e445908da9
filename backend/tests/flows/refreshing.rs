//! What keeps a user's connection alive: each refresh token is used once, by one
//! process, and what may be used up is not sent again.

use std::time::Duration;

use backend::{
    connection::AuthOption,
    door::{TroubleKind, Who},
    oauth::GrantState,
    testing::QlikAt,
};
use sandbox::{Effect, Fault, TokenKind, UserStatus};

use crate::{
    house::mins,
    linking::{ADA, Linked, apps},
};

pub(crate) async fn state(l: &Linked) -> GrantState {
    l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap().state
}

/// A bit longer than a token lives.
pub(crate) fn expire(l: &Linked) {
    l.h.advance(mins(6 * 60 + 1));
}

/// A renewal of a process that is gone began now.
async fn begin_and_crash(l: &Linked) {
    let began = l.h.world.now().as_second();
    let mut tx = l.h.portal.db().write().await.unwrap();
    sqlx::query("UPDATE oauth_grants SET state = 'refreshing', attempt = 'gone', began_at = ?")
        .bind(began)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_connection_lives_through_many_tokens_and_uses_each_once() {
    let l = Linked::connected().await;
    for _ in 0..30 {
        expire(&l);
        assert_eq!(l.ada_sees().await.unwrap().len(), 2);
        assert_eq!(l.ada_sees().await.unwrap().len(), 2);
        assert_eq!(l.live(TokenKind::Refresh).len(), 1, "a token that was used twice ends them all");
    }
    assert_eq!(l.asked("/oauth/token"), 30);
    assert_eq!(state(&l).await, GrantState::Connected);
}

#[tokio::test]
async fn a_lost_answer_gives_the_connection_up_and_the_token_is_not_sent_again() {
    let l = Linked::connected().await;
    expire(&l);
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::CutAfter).once());
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::NotLinked, Who::You), "{trouble:?}");
    assert_eq!(state(&l).await, GrantState::Lost);
    for _ in 0..3 {
        expire(&l);
        assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    }
    assert_eq!(l.asked("/oauth/token"), 1);
    assert_eq!(l.audited("oauth.refused").await, 1);
    // What Qlik gave and nobody got does not live on there.
    assert_eq!(l.live(TokenKind::Refresh).len(), 1);
    l.h.portal.look_at_revocations().await.unwrap();
    assert!(l.live(TokenKind::Refresh).is_empty() && l.live(TokenKind::Access).is_empty());
    assert!(l.connect(&l.h.ada, ADA).await.connected);
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_answer_that_can_not_be_read_counts_as_lost() {
    for effect in [Effect::Malformed, Effect::Truncated, Effect::CutBefore] {
        let l = Linked::connected().await;
        expire(&l);
        l.h.world.add_fault(Fault::new("/oauth/token", effect.clone()).once());
        assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked, "{effect:?}");
        assert_eq!(state(&l).await, GrantState::Lost, "{effect:?}");
    }
}

#[tokio::test]
async fn a_call_that_surely_did_nothing_passes() {
    let l = Linked::connected().await;
    expire(&l);
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::RateLimited { retry_after_s: 1 }).once());
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::RateLimited, Who::Nobody), "{trouble:?}");
    assert_eq!(state(&l).await, GrantState::Connected);
    // Nobody listens there.
    let resolve = "*.qlikcloud.com=127.0.0.1:9".to_owned();
    let away = l.h.portal.reaching(QlikAt { resolve, ..l.h.portal.qlik_at() }).await.unwrap();
    let trouble = apps(&away, &l.h.ada).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::QlikAway, Who::Nobody), "{trouble:?}");
    let again = l.h.portal.another().await.unwrap();
    assert_eq!(apps(&again, &l.h.ada).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_renewal_that_a_crash_ended_is_given_up_after_two_minutes() {
    let l = Linked::connected().await;
    expire(&l);
    begin_and_crash(&l).await;
    assert_eq!(state(&l).await, GrantState::Refreshing);
    l.h.advance(mins(2) + jiff::SignedDuration::from_secs(1));
    assert_eq!(state(&l).await, GrantState::Lost);
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(l.h.portal.stored_grants(&l.h.ada.portal.id).await.unwrap(), 0);
    assert_eq!(l.asked("/oauth/token"), 0, "it may have been used");
    l.h.portal.look_at_revocations().await.unwrap();
    assert!(l.live(TokenKind::Refresh).is_empty(), "and is of no use to anybody");
    assert_eq!(l.audited("oauth.refused").await, 1);
}

#[tokio::test]
async fn a_renewal_that_a_clock_put_back_began_holds_nobody_up() {
    let l = Linked::connected().await;
    expire(&l);
    begin_and_crash(&l).await;
    l.h.portal.clock.advance(mins(-3));
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(state(&l).await, GrantState::Lost);
}

#[tokio::test]
async fn a_browser_that_is_closed_meanwhile_loses_no_token() {
    let l = Linked::connected().await;
    expire(&l);
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::Delay { ms: 400 }).once());
    let closed = tokio::time::timeout(Duration::from_millis(150), l.ada_sees()).await;
    assert!(closed.is_err() && state(&l).await == GrantState::Refreshing);
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    assert_eq!((l.asked("/oauth/token"), l.live(TokenKind::Refresh).len()), (2, 1));
}

#[tokio::test]
async fn two_processes_renew_once() {
    let l = Linked::connected().await;
    expire(&l);
    let other = l.h.portal.another().await.unwrap();
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::Delay { ms: 300 }).once());
    let (here, there) = tokio::join!(l.ada_sees(), apps(&other, &l.h.ada));
    assert_eq!((here.unwrap().len(), there.unwrap().len()), (2, 2));
    assert_eq!((l.asked("/oauth/token"), l.live(TokenKind::Refresh).len()), (1, 1));
}

#[tokio::test]
async fn a_session_that_qlik_ended_is_renewed_before_its_time() {
    let l = Linked::connected().await;
    l.h.world.revoke_tokens(&l.h.tenant, Some(TokenKind::Access));
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    assert_eq!(l.asked("/oauth/token"), 1);
}

#[tokio::test]
async fn a_connection_that_was_withdrawn_at_qlik_is_refused_once_and_told() {
    let l = Linked::connected().await;
    l.h.world.revoke_tokens(&l.h.tenant, None);
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::NotLinked, Who::You), "{trouble:?}");
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(l.asked("/oauth/token"), 1);
    let view = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!((view.state, view.renews), (GrantState::Refused, false));
    assert_eq!(l.audited("oauth.refused").await, 1);
    assert!(l.connect(&l.h.ada, ADA).await.connected);
}

#[tokio::test]
async fn a_refusal_that_may_mean_the_token_or_the_client_is_not_tried_again_by_itself() {
    for title in ["Unauthorized", "Invalid login or tokens", "Invalid code"] {
        let l = Linked::connected().await;
        expire(&l);
        let refused =
            Effect::Status { status: 401, code: "OAUTH-1".to_owned(), title: title.to_owned(), body: None };
        l.h.world.add_fault(Fault::new("/oauth/token", refused));
        for _ in 0..3 {
            let trouble = l.ada_sees().await.unwrap_err();
            assert_eq!((trouble.kind, trouble.who), (TroubleKind::NotLinked, Who::You), "{trouble:?}");
            assert!(trouble.remedy.contains("Connect to Qlik") && trouble.remedy.contains("administrator"));
        }
        assert_eq!((l.asked("/oauth/token"), state(&l).await), (1, GrantState::Refused));
    }
}

#[tokio::test]
async fn an_outage_of_qliks_ends_no_connection() {
    let l = Linked::connected().await;
    expire(&l);
    let away = Effect::Status { status: 503, code: "X".to_owned(), title: "away".to_owned(), body: None };
    l.h.world.add_fault(Fault::new("/oauth/token", away));
    for _ in 0..2 {
        let trouble = l.ada_sees().await.unwrap_err();
        assert_eq!((trouble.kind, trouble.who), (TroubleKind::QlikAway, Who::Nobody), "{trouble:?}");
        assert_eq!(state(&l).await, GrantState::Connected);
    }
    l.h.world.clear_faults();
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
}

#[tokio::test]
async fn consent_that_was_withdrawn_is_given_by_connecting_again() {
    let l = Linked::connected().await;
    expire(&l);
    let withdrawn = Effect::Status {
        status: 400,
        code: "OAUTH-1".to_owned(),
        title: "User consent was revoked".to_owned(),
        body: None,
    };
    l.h.world.add_fault(Fault::new("/oauth/token", withdrawn));
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(state(&l).await, GrantState::Refused);
}

#[tokio::test]
async fn what_an_administrator_can_mend_is_told_and_keeps_the_connection() {
    let l = Linked::connected().await;
    expire(&l);
    l.put(AuthOption::OauthUsers, &l.client.client_id, Some("not-the-secret-of-it")).await;
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::OAuthRefused, Who::Administrator));
    assert!(trouble.says.contains("secret"), "{trouble:?}");
    assert_eq!(state(&l).await, GrantState::Connected);
    l.put(AuthOption::OauthUsers, &l.client.client_id, l.client.client_secret.as_deref()).await;
    l.h.world.set_user_status(&l.h.qlik_ada, UserStatus::Disabled);
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::QlikUserDisabled, Who::QlikAdministrator));
    l.h.world.set_user_status(&l.h.qlik_ada, UserStatus::Active);
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_of_somebody_else_is_revoked_and_not_used() {
    let l = Linked::connected().await;
    expire(&l);
    l.qlik_names_mallory();
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::WrongUser);
    assert!(l.live(TokenKind::Access).is_empty());
    l.h.world.clear_faults();
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Time, faults, crashes, two processes at once and a user who connects again, in any
/// order: Qlik sees no refresh token twice.
#[tokio::test]
async fn no_order_of_events_sends_a_refresh_token_twice() {
    for seed in 1..=5 {
        let l = Linked::connected().await;
        let other = l.h.portal.another().await.unwrap();
        let mut dice = Dice(seed);
        for _ in 0..30 {
            match dice.roll(9) {
                0 => l.h.world.revoke_tokens(&l.h.tenant, Some(TokenKind::Access)),
                1 => drop(l.h.world.add_fault(Fault::new("/oauth/token", Effect::CutAfter).once())),
                2 => drop(l.h.world.add_fault(Fault::new("/oauth/token", Effect::Malformed).once())),
                3 => drop(l.h.world.add_fault(Fault::new("/api/v1/users/me", Effect::CutAfter).once())),
                4 if state(&l).await == GrantState::Connected => begin_and_crash(&l).await,
                5 => drop(l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap()),
                6 | 7 if state(&l).await != GrantState::Connected => {
                    l.h.world.clear_faults();
                    assert!(l.connect(&l.h.ada, ADA).await.connected);
                }
                _ => {}
            }
            expire(&l);
            let seen = tokio::join!(l.ada_sees(), apps(&other, &l.h.ada));
            for trouble in [seen.0, seen.1].into_iter().filter_map(Result::err) {
                assert!(
                    matches!(trouble.kind, TroubleKind::NotLinked | TroubleKind::QlikAway),
                    "{trouble:?}"
                );
            }
        }
        let log = l.h.world.log();
        let tokens: Vec<_> = log.iter().filter(|e| e.path == "/oauth/token").collect();
        assert!(tokens.len() > 10, "{} renewals", tokens.len());
        let refused: Vec<_> = tokens.iter().filter(|e| e.status.is_some_and(|s| s >= 400)).collect();
        assert!(refused.is_empty(), "seed {seed}: {refused:#?}");
    }
}
