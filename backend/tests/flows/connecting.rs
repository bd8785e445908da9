//! Each user connects to Qlik: there and back, by whom, and what stands in the way.

use backend::{
    Error,
    connection::AuthOption,
    door::{TroubleKind, Who},
    oauth::{ConnectBack, GrantState},
};
use jiff::SignedDuration;
use sandbox::{Consent, Effect, Fault, NewClient, NewUser, TokenKind};

use crate::{
    house::{House, mins},
    linking::{ADA, Linked, apps, user},
};

async fn state(l: &Linked) -> GrantState {
    l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_user_connects_and_sees_their_apps_with_their_own_token() {
    let l = Linked::users(Consent::Trusted).await;
    assert_eq!(state(&l).await, GrantState::NotConnected);
    let trouble = l.ada_sees().await.unwrap_err();
    assert_eq!((trouble.kind, trouble.who), (TroubleKind::NotLinked, Who::You), "{trouble:?}");
    let end = l.connect(&l.h.ada, ADA).await;
    assert!(end.connected, "{end:?}");
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    let view = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!((view.state, view.renews, view.says), (GrantState::Connected, true, None));
    assert_eq!(view.access_until.unwrap(), l.h.world.now() + SignedDuration::from_hours(6));
    assert_eq!(view.qlik_name.as_deref(), Some("ada"));
    assert_eq!(l.audited("oauth.connected").await, 1);
    assert_eq!(l.asked("/oauth/token"), 1, "the session that came with it is used");
    let restarted = l.h.portal.another().await.unwrap();
    assert_eq!(apps(&restarted, &l.h.ada).await.unwrap().len(), 2);
    assert_eq!(l.asked("/oauth/token"), 1, "after a restart too");
}

#[tokio::test]
async fn a_second_factor_makes_no_difference() {
    let l = Linked::users(Consent::Trusted).await;
    l.h.world.set_otp(ADA, Some("482913"));
    let mut browser = l.browser();
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap();
    let asked = l.visit(&mut browser, &url, ADA).await;
    let sent = browser.submit(&asked, "code", &[("code", "482913")]).await;
    let page = browser.follow(sent).await;
    assert!(l.h.portal.finish_connect(&l.h.ada, Linked::back(&page)).await.unwrap().connected);
}

#[tokio::test]
async fn an_e_mail_in_other_letters_is_the_same_user() {
    let l = Linked::users(Consent::Trusted).await;
    l.h.world.set_email(&l.h.qlik_ada, "Ada@Acme.Example");
    assert!(l.connect(&l.h.ada, ADA).await.connected);
}

#[tokio::test]
async fn who_signs_in_at_qlik_as_somebody_else_is_not_connected_and_the_tokens_are_revoked() {
    let l = Linked::users(Consent::Trusted).await;
    l.h.world.add_user(&l.h.tenant, NewUser::new("bea@acme.example"));
    l.account("bea@acme.example");
    let end = l.connect(&l.h.ada, "bea@acme.example").await;
    assert!(!end.connected && end.says.contains("bea@acme.example") && end.says.contains(ADA), "{end:?}");
    assert_eq!(l.h.world.oauth_tokens(&l.h.tenant).len(), 2, "there were tokens");
    assert!(l.live(TokenKind::Access).is_empty() && l.live(TokenKind::Refresh).is_empty());
    assert_eq!(state(&l).await, GrantState::NotConnected);
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(l.audited("oauth.connected").await, 0);
}

#[tokio::test]
async fn tokens_whose_owner_can_not_be_asked_for_are_revoked() {
    let l = Linked::users(Consent::Trusted).await;
    let back = l.walk(&l.h.ada, ADA).await;
    l.h.world.add_fault(Fault::new("/api/v1/users/me", Effect::CutBefore));
    let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(!end.connected && end.says.contains("Connect to Qlik again"), "{end:?}");
    assert!(l.live(TokenKind::Access).is_empty() && l.live(TokenKind::Refresh).is_empty());
}

#[tokio::test]
async fn a_way_back_is_good_once() {
    let l = Linked::users(Consent::Trusted).await;
    let back = l.walk(&l.h.ada, ADA).await;
    assert!(l.h.portal.finish_connect(&l.h.ada, back.clone()).await.unwrap().connected);
    l.h.world.clear_log();
    let again = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(!again.connected && again.says.contains("not open"), "{again:?}");
    assert_eq!(l.asked("/oauth/token"), 0, "the code is not sent a second time");
    assert_eq!(state(&l).await, GrantState::Connected);
}

#[tokio::test]
async fn a_way_back_is_for_the_user_who_left_and_stays_open_for_them() {
    let l = Linked::users(Consent::Trusted).await;
    let bea = user(&l.h, "bea@acme.example").await;
    let back = l.walk(&l.h.ada, ADA).await;
    let hers = l.h.portal.finish_connect(&bea, back.clone()).await.unwrap();
    assert!(!hers.connected && hers.says.contains("not open"), "{hers:?}");
    assert!(l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
}

#[tokio::test]
async fn a_way_back_ends_after_ten_minutes_and_under_a_clock_that_is_put_back() {
    let l = Linked::users(Consent::Trusted).await;
    let back = l.walk(&l.h.ada, ADA).await;
    l.h.portal.clock.advance(mins(10));
    assert!(!l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
    let back = l.walk(&l.h.ada, ADA).await;
    l.h.portal.clock.advance(mins(-11));
    assert!(!l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
    let back = l.walk(&l.h.ada, ADA).await;
    l.h.portal.clock.advance(mins(-1));
    assert!(
        l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected,
        "a little behind ends nothing"
    );
}

#[tokio::test]
async fn a_way_back_leads_to_the_settings_as_they_were() {
    let l = Linked::users(Consent::Trusted).await;
    let back = l.walk(&l.h.ada, ADA).await;
    let other = l.h.world.add_oauth_client(&l.h.tenant, NewClient::default());
    l.put(AuthOption::OauthUsers, &other.client_id, other.client_secret.as_deref()).await;
    l.h.world.clear_log();
    assert!(!l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
    // Even where the change did not close it.
    l.put(AuthOption::OauthUsers, &l.client.client_id, l.client.client_secret.as_deref()).await;
    let back = l.walk(&l.h.ada, ADA).await;
    let mut tx = l.h.portal.db().write().await.unwrap();
    let sql = "UPDATE oauth_connects SET client_id = 'other'";
    assert_eq!(sqlx::query(sql).execute(&mut *tx).await.unwrap().rows_affected(), 1);
    tx.commit().await.unwrap();
    let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(!end.connected && end.says.contains("settings were changed"), "{end:?}");
    assert_eq!(l.asked("/oauth/token"), 0, "the code goes to no other client");
}

#[tokio::test]
async fn three_ways_of_a_user_are_open_and_the_oldest_makes_room() {
    let l = Linked::users(Consent::Trusted).await;
    let mut backs = Vec::new();
    for _ in 0..4 {
        backs.push(l.walk(&l.h.ada, ADA).await);
    }
    let mut connected = Vec::new();
    for back in backs {
        connected.push(l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
    }
    assert_eq!(connected, [false, true, true, true]);
    assert_eq!(l.live(TokenKind::Refresh).len(), 1, "what was replaced is revoked");
}

#[tokio::test]
async fn a_user_is_asked_at_qlik_and_may_say_no() {
    let l = Linked::users(Consent::Required).await;
    let mut browser = l.browser();
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap();
    let page = l.visit(&mut browser, &url, ADA).await;
    let no = browser.submit(&page, "question", &[("decision", "deny")]).await;
    let end = l.h.portal.finish_connect(&l.h.ada, Linked::back(&no)).await.unwrap();
    assert!(!end.connected && end.says.starts_with("Access was not allowed"), "{end:?}");
    assert_eq!(l.asked("/oauth/token"), 0);
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap();
    let page = l.visit(&mut browser, &url, ADA).await;
    let yes = browser.submit(&page, "question", &[("decision", "allow")]).await;
    assert!(l.h.portal.finish_connect(&l.h.ada, Linked::back(&yes)).await.unwrap().connected);
}

#[tokio::test]
async fn what_qlik_refuses_before_it_asks_is_told_in_words() {
    let l = Linked::users(Consent::Required).await;
    let mut browser = l.browser();
    // Signed in, and not asked before.
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap();
    l.visit(&mut browser, &url, ADA).await;
    for (change, starts) in [
        ("&prompt=none", "Qlik has to ask you something first"),
        ("&scope=admin_classic", "Qlik does not let this portal's OAuth client ask"),
    ] {
        let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap();
        let url = url.replace("scope=user_default%20offline_access&", "") + change;
        let back = Linked::back(&l.visit(&mut browser, &url, ADA).await);
        let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
        assert!(!end.connected && end.says.starts_with(starts), "{end:?}");
    }
}

#[tokio::test]
async fn a_code_that_is_not_qliks_or_no_code_connects_nobody() {
    let l = Linked::users(Consent::Trusted).await;
    for code in [None, Some("no-code".to_owned()), Some("a b".to_owned())] {
        let state = l.walk(&l.h.ada, ADA).await.state;
        let back = ConnectBack { code, state, ..ConnectBack::default() };
        let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
        assert!(!end.connected && end.says.contains("Connect to Qlik again"), "{end:?}");
    }
    let nowhere = ConnectBack { code: Some("c".to_owned()), state: "x".to_owned(), ..ConnectBack::default() };
    assert!(!l.h.portal.finish_connect(&l.h.ada, nowhere).await.unwrap().connected);
}

#[tokio::test]
async fn a_code_is_worth_nothing_without_the_proof_of_who_asked_for_it() {
    let l = Linked::users(Consent::Trusted).await;
    let (first, second) = (l.walk(&l.h.ada, ADA).await, l.walk(&l.h.ada, ADA).await);
    let mixed = ConnectBack { code: first.code, ..second };
    let end = l.h.portal.finish_connect(&l.h.ada, mixed).await.unwrap();
    assert!(!end.connected && end.says.contains("does not take the code"), "{end:?}");
}

#[tokio::test]
async fn a_client_that_qlik_refuses_is_told_to_the_one_who_connects() {
    let l = Linked::users(Consent::Trusted).await;
    let back = l.walk(&l.h.ada, ADA).await;
    l.put(AuthOption::OauthUsers, &l.client.client_id, Some("not-the-secret-of-it")).await;
    let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(!end.connected && end.says.contains("refuses the secret"), "{end:?}");
}

#[tokio::test]
async fn an_exchange_whose_answer_is_lost_is_not_made_again() {
    let l = Linked::users(Consent::Trusted).await;
    let back = l.walk(&l.h.ada, ADA).await;
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::CutAfter).once());
    let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(!end.connected && end.says.contains("Connect to Qlik again"), "{end:?}");
    assert!(!end.says.contains("by itself"), "{end:?}");
    assert_eq!(l.asked("/oauth/token"), 1);
    assert!(l.connect(&l.h.ada, ADA).await.connected);
}

#[tokio::test]
async fn a_token_that_is_good_for_nothing_is_given_back_and_the_scopes_are_named() {
    let l = Linked::users(Consent::Trusted).await;
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap().replace("user_default%20", "");
    let back = Linked::back(&l.visit(&mut l.browser(), &url, ADA).await);
    let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(!end.connected && end.says.contains("user_default and offline_access"), "{end:?}");
    assert!(l.live(TokenKind::Access).is_empty() && l.live(TokenKind::Refresh).is_empty());
    assert_eq!(l.asked("/api/v1/users/me"), 0);
}

#[tokio::test]
async fn a_connection_that_can_not_be_renewed_says_so_and_ends_with_its_token() {
    let l = Linked::users(Consent::Trusted).await;
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap().replace("%20offline_access", "");
    let back = Linked::back(&l.visit(&mut l.browser(), &url, ADA).await);
    let end = l.h.portal.finish_connect(&l.h.ada, back).await.unwrap();
    assert!(end.connected && end.says.contains("some hours"), "{end:?}");
    let view = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!((view.state, view.renews), (GrantState::Connected, false));
    assert!(view.says.unwrap().contains("ends within hours"));
    assert_eq!(l.ada_sees().await.unwrap().len(), 2);
    l.h.advance(mins(6 * 60));
    assert_eq!(state(&l).await, GrantState::Ended);
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
}

#[tokio::test]
async fn a_connection_that_can_not_be_renewed_and_was_revoked_is_over() {
    let l = Linked::users(Consent::Trusted).await;
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap().replace("%20offline_access", "");
    let back = Linked::back(&l.visit(&mut l.browser(), &url, ADA).await);
    assert!(l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
    l.h.world.revoke_tokens(&l.h.tenant, None);
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(state(&l).await, GrantState::Ended);
}

#[tokio::test]
async fn nobody_connects_where_the_option_is_another() {
    let h = House::connected().await;
    assert!(matches!(h.portal.begin_connect(&h.ada).await, Err(Error::NotFound)));
    assert_eq!(h.portal.grant_view(&h.ada).await.unwrap(), None);
    let l = Linked::with(h, AuthOption::OauthEveryone, NewClient::impersonator("Portal")).await;
    assert!(matches!(l.h.portal.begin_connect(&l.h.ada).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn the_connections_of_all_are_for_administrators() {
    let l = Linked::connected().await;
    let bea = user(&l.h, "bea@acme.example").await;
    assert!(matches!(l.h.portal.grant_states(&bea).await, Err(Error::NotAllowed)));
    let states = l.h.portal.grant_states(&l.h.ada).await.unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(states[&l.h.ada.user_id].state, GrantState::Connected);
    assert_eq!(l.h.portal.stored_grants(&l.h.ada.portal.id).await.unwrap(), 1);
}
