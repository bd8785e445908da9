//! Connections end: by their user, with their user, and with the settings. What they
//! leave at Qlik is revoked, and nothing of them is readable in the store meanwhile.

use backend::{
    connection::AuthOption,
    door::TroubleKind,
    oauth::{GrantState, Removed},
    vault::Place,
};
use sandbox::{Consent, Effect, Fault, NewClient, NewUser, TokenKind};
use sqlx::Row as _;

use crate::{
    house::{days, mins},
    linking::{ADA, Linked, user},
};

/// Qlik answers revocations with an error of its own.
fn away(l: &Linked) {
    let status = Effect::Status { status: 500, code: "X".to_owned(), title: "away".to_owned(), body: None };
    l.h.world.add_fault(Fault::new("/oauth/revoke", status));
}

async fn waiting(l: &Linked) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM oauth_revocations")
        .fetch_one(l.h.portal.db().read())
        .await
        .unwrap()
}

async fn remove(l: &Linked) -> Removed {
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap()
}

async fn look(l: &Linked) {
    l.h.portal.look_at_revocations().await.unwrap();
}

#[tokio::test]
async fn who_removes_their_connection_removes_it_at_qlik() {
    let l = Linked::connected().await;
    assert_eq!(remove(&l).await, Removed::Revoked);
    assert!(l.live(TokenKind::Access).is_empty() && l.live(TokenKind::Refresh).is_empty());
    assert_eq!((waiting(&l).await, l.asked("/oauth/revoke")), (0, 2), "one token and the other");
    let view = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!(view.state, GrantState::NotConnected);
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert_eq!(remove(&l).await, Removed::Nothing);
    assert_eq!((l.audited("oauth.disconnected").await, l.asked("/oauth/revoke")), (1, 2));
}

#[tokio::test]
async fn a_connection_that_is_not_renewed_is_removed_at_qlik_too() {
    let l = Linked::users(Consent::Trusted).await;
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap().replace("%20offline_access", "");
    let back = Linked::back(&l.visit(&mut l.browser(), &url, ADA).await);
    assert!(l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
    assert_eq!(l.live(TokenKind::Access).len(), 1);
    assert_eq!(remove(&l).await, Removed::Revoked);
    assert!(l.live(TokenKind::Access).is_empty());
}

#[tokio::test]
async fn a_removal_says_what_became_of_the_tokens_at_qlik() {
    let gone = Effect::Status {
        status: 401,
        code: "X".to_owned(),
        title: "Client not found".to_owned(),
        body: None,
    };
    let away = Effect::Status { status: 500, code: "X".to_owned(), title: "away".to_owned(), body: None };
    for (effect, end) in
        [(gone, Removed::NotRevoked), (away, Removed::Waiting), (Effect::CutBefore, Removed::Waiting)]
    {
        let l = Linked::connected().await;
        l.h.world.add_fault(Fault::new("/oauth/revoke", effect.clone()));
        assert_eq!(remove(&l).await, end, "{effect:?}");
        assert_eq!(waiting(&l).await > 0, end == Removed::Waiting, "{effect:?}");
    }
}

#[tokio::test]
async fn a_token_that_can_not_be_read_is_not_said_to_be_revoked_and_keeps_nobody_from_leaving() {
    let l = Linked::connected().await;
    let mut tx = l.h.portal.db().write().await.unwrap();
    let broken = sqlx::query("UPDATE qlik_sessions SET sealed = x'00'").execute(&mut *tx).await.unwrap();
    assert_eq!(broken.rows_affected(), 1);
    tx.commit().await.unwrap();
    assert_eq!(remove(&l).await, Removed::NotRevoked);
    assert_eq!((waiting(&l).await, l.asked("/oauth/revoke")), (0, 1), "the other token is");
    let view = l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap();
    assert_eq!(view.state, GrantState::NotConnected);
}

#[tokio::test]
async fn what_a_secret_that_was_replaced_could_not_revoke_the_new_one_revokes() {
    let l = Linked::connected().await;
    let id = &l.client.client_id;
    l.put(AuthOption::OauthUsers, id, Some("the-secret-before-this-one")).await;
    assert_eq!(remove(&l).await, Removed::Waiting);
    assert_eq!(l.live(TokenKind::Refresh).len(), 1);
    l.put(AuthOption::OauthUsers, id, l.client.client_secret.as_deref()).await;
    l.h.advance(mins(40));
    look(&l).await;
    assert_eq!((waiting(&l).await, l.live(TokenKind::Refresh).len()), (0, 0));
}

#[tokio::test]
async fn a_way_that_was_open_is_closed_with_the_connection() {
    let l = Linked::connected().await;
    let back = l.walk(&l.h.ada, ADA).await;
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap();
    assert!(!l.h.portal.finish_connect(&l.h.ada, back).await.unwrap().connected);
}

#[tokio::test]
async fn what_can_not_be_revoked_now_is_revoked_later() {
    let l = Linked::connected().await;
    away(&l);
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap();
    assert_eq!((waiting(&l).await, l.live(TokenKind::Refresh).len(), l.asked("/oauth/revoke")), (1, 1, 2));
    look(&l).await;
    assert_eq!(l.asked("/oauth/revoke"), 2, "not before its time");
    l.h.world.clear_faults();
    l.h.advance(mins(40));
    look(&l).await;
    assert_eq!((waiting(&l).await, l.live(TokenKind::Refresh).len()), (0, 0));
}

#[tokio::test]
async fn two_processes_revoke_once() {
    let l = Linked::connected().await;
    away(&l);
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap();
    l.h.world.clear_faults();
    l.h.world.add_fault(Fault::new("/oauth/revoke", Effect::Delay { ms: 150 }));
    l.h.advance(mins(40));
    l.h.world.clear_log();
    let other = l.h.portal.another().await.unwrap();
    let (here, there) = tokio::join!(l.h.portal.look_at_revocations(), other.look_at_revocations());
    assert!(here.is_ok() && there.is_ok());
    assert_eq!((l.asked("/oauth/revoke"), waiting(&l).await), (1, 0));
}

#[tokio::test]
async fn a_revocation_is_given_up_after_eight_tries_over_days() {
    let l = Linked::connected().await;
    away(&l);
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap();
    // Beside that of the access token, which ends within hours.
    l.h.world.clear_log();
    for tried in 0..7 {
        assert_eq!((waiting(&l).await, l.asked("/oauth/revoke")), (1, tried));
        l.h.advance(days(2));
        look(&l).await;
    }
    assert_eq!((waiting(&l).await, l.asked("/oauth/revoke")), (0, 7));
}

#[tokio::test]
async fn a_revocation_that_waits_for_a_time_of_a_clock_put_back_is_made() {
    let l = Linked::connected().await;
    away(&l);
    l.h.advance(days(400));
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap();
    l.h.world.clear_faults();
    l.h.advance(days(-400));
    look(&l).await;
    assert_eq!(waiting(&l).await, 0);
}

#[tokio::test]
async fn another_option_ends_all_connections_and_tells_how_many() {
    let l = Linked::connected().await;
    let portal = l.h.ada.portal.id.clone();
    let bea = user(&l.h, "bea@acme.example").await;
    l.h.world.add_user(&l.h.tenant, NewUser::new("bea@acme.example"));
    l.account("bea@acme.example");
    assert!(l.connect(&bea, "bea@acme.example").await.connected);
    assert_eq!(l.h.portal.stored_grants(&portal).await.unwrap(), 2);
    let back = l.walk(&bea, "bea@acme.example").await;
    let everyone = l.h.world.add_oauth_client(&l.h.tenant, NewClient::impersonator("Other"));
    let secret = everyone.client_secret.as_deref();
    assert_eq!(l.put(AuthOption::OauthEveryone, &everyone.client_id, secret).await, 2);
    assert_eq!(l.h.portal.stored_grants(&portal).await.unwrap(), 0);
    assert_eq!(l.audited("oauth.released").await, 1);
    let view = l.h.portal.grant_view(&bea).await.unwrap().unwrap();
    assert_eq!(
        (view.state, view.renews, view.remedy.as_deref()),
        (GrantState::Unused, false, Some("Nothing has to be done."))
    );
    assert_eq!(l.live(TokenKind::Refresh).len(), 2);
    look(&l).await;
    assert_eq!((l.live(TokenKind::Refresh).len(), waiting(&l).await), (0, 0));
    // Back to the option: nobody is connected by what was, nor by a way that was open.
    l.put(AuthOption::OauthUsers, &l.client.client_id, l.client.client_secret.as_deref()).await;
    assert_eq!(l.ada_sees().await.unwrap_err().kind, TroubleKind::NotLinked);
    assert!(!l.h.portal.finish_connect(&bea, back).await.unwrap().connected);
    assert!(l.connect(&l.h.ada, ADA).await.connected);
}

#[tokio::test]
async fn who_is_removed_from_the_portal_leaves_no_token_at_qlik() {
    let l = Linked::users(Consent::Trusted).await;
    let bea = user(&l.h, "bea@acme.example").await;
    l.h.world.add_user(&l.h.tenant, NewUser::new("bea@acme.example"));
    l.account("bea@acme.example");
    assert!(l.connect(&bea, "bea@acme.example").await.connected);
    l.h.portal.remove_user(&l.h.ada, &bea.user_id).await.unwrap();
    look(&l).await;
    assert!(l.live(TokenKind::Refresh).is_empty() && l.live(TokenKind::Access).is_empty());
}

#[tokio::test]
async fn a_connection_that_is_removed_while_it_is_renewed_leaves_no_token_at_qlik() {
    let l = Linked::connected().await;
    l.h.advance(mins(6 * 60 + 1));
    l.h.world.add_fault(Fault::new("/oauth/token", Effect::DelayBefore { ms: 300 }).once());
    // What the removal revokes is the token before.
    away(&l);
    let (seen, removed) = tokio::join!(l.ada_sees(), async {
        while l.h.portal.grant_view(&l.h.ada).await.unwrap().unwrap().state != GrantState::Refreshing {
            tokio::task::yield_now().await;
        }
        l.h.portal.disconnect_from_qlik(&l.h.ada).await
    });
    assert!(removed.is_ok() && seen.unwrap_err().kind == TroubleKind::NotLinked);
    assert_eq!(waiting(&l).await, 2);
    l.h.world.clear_faults();
    l.h.advance(mins(40));
    look(&l).await;
    assert_eq!(
        (waiting(&l).await, l.live(TokenKind::Refresh).len(), l.live(TokenKind::Access).len()),
        (0, 0, 0)
    );
}

/// Each sealed value of a table, opened.
async fn sealed(l: &Linked, table: &'static str, row: &str, column: &'static str) -> Vec<Vec<u8>> {
    let sql = format!("SELECT {row}, {column} FROM {table} WHERE {column} IS NOT NULL");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(l.h.portal.db().read()).await.unwrap();
    assert!(!rows.is_empty(), "{table}.{column} is empty");
    let opened = rows.iter().map(|r| {
        let (row, value): (String, Vec<u8>) = (r.get(0), r.get(1));
        let place = Place { portal: &l.h.ada.portal.id, table, row: &row, column };
        l.h.portal.vault().open(place, &value).unwrap().to_vec()
    });
    opened.collect()
}

#[tokio::test]
async fn no_token_proof_or_secret_is_readable_in_the_database() {
    let l = Linked::connected().await;
    let url = l.h.portal.begin_connect(&l.h.ada).await.unwrap();
    let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap().as_bytes().to_vec();
    let mut secrets = vec![l.client.client_secret.clone().unwrap().into_bytes(), state];
    secrets.extend(sealed(&l, "oauth_grants", "user_id", "sealed_refresh").await);
    secrets.extend(sealed(&l, "oauth_connects", "lower(hex(state_hash))", "sealed_verifier").await);
    secrets.extend(sealed(&l, "oauth_clients", "client_id", "sealed_secret").await);
    for session in sealed(&l, "qlik_sessions", "user_id", "sealed").await {
        let session: serde_json::Value = serde_json::from_slice(&session).unwrap();
        secrets.push(session["bearer"]["token"].as_str().unwrap().as_bytes().to_vec());
    }
    let clear = |secrets: &[Vec<u8>]| {
        let bytes = l.h.portal.bytes().unwrap();
        secrets.iter().any(|s| bytes.windows(s.len()).any(|w| w == s))
    };
    assert!(secrets.iter().all(|s| s.len() > 20) && !clear(&secrets));
    away(&l);
    l.h.portal.disconnect_from_qlik(&l.h.ada).await.unwrap();
    let mut queued = sealed(&l, "oauth_revocations", "id", "sealed_token").await;
    queued.extend(sealed(&l, "oauth_revocations", "id", "sealed_secret").await);
    assert!(secrets.contains(&queued[0]), "what waits is the token that was stored");
    assert!(!clear(&secrets) && !clear(&queued));
    assert!(clear(&[ADA.as_bytes().to_vec()]), "what is in the clear would be found");
}
