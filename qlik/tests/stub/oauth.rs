//! The OAuth calls against a server that says what it was asked.

use std::time::Duration;

use qlik::oauth::{
    AccessToken, AuthorizationCode, ClientSecret, CodeExchange, OAuthClient, OAuthClientId, OAuthError,
    OAuthToken, Pkce, RefreshToken, UserLookup,
};
use qlik::{ErrorKind, OAuthErrorKind, TokenSet};
use serde_json::{Value, json};

use crate::stage::{Asked, Reply, Stage, TENANT};

const SECRETS: [&str; 5] = ["client-secret-1", "code-1", "verifier-1", "refresh-1", "access-0"];

/// The five calls, by number.
async fn call(stage: &Stage, which: usize, secret: bool) -> Result<Option<TokenSet>, OAuthError> {
    let host = Stage::host();
    let id: OAuthClientId = "client-1".parse().unwrap();
    let client_secret = ClientSecret::new("client-secret-1");
    let client = OAuthClient { id: &id, secret: secret.then_some(&client_secret) };
    let qlik = &stage.qlik;
    match which {
        0 => {
            let (code, pkce) = (AuthorizationCode::new("code-1"), Pkce::new("verifier-1"));
            let exchange =
                CodeExchange { code: &code, redirect_uri: "https://portal.example/cb", pkce: Some(&pkce) };
            qlik.exchange_code(&host, client, exchange).await.map(Some)
        }
        1 => qlik.refresh(&host, client, &RefreshToken::new("refresh-1")).await.map(Some),
        2 => qlik.client_credentials(&host, client, "admin_classic").await.map(Some),
        3 => qlik.impersonate(&host, client, UserLookup::UserId("u1"), "user_default").await.map(Some),
        4 => qlik.impersonate(&host, client, UserLookup::Subject("s1"), "").await.map(Some),
        5 => {
            let token = RefreshToken::new("refresh-1");
            qlik.revoke(&host, client, OAuthToken::Refresh(&token)).await.map(|()| None)
        }
        _ => {
            let token = AccessToken::new("access-0");
            qlik.revoke(&host, client, OAuthToken::Access(&token)).await.map(|()| None)
        }
    }
}

fn tokens() -> Reply {
    Reply::json(
        200,
        &json!({"access_token":"access-1","token_type":"bearer","expires_at":"2026-03-01T18:00:00Z",
            "scope":"user_default offline_access","refresh_token":"refresh-2","auth_time":1}),
    )
}

#[tokio::test]
async fn each_call_sends_what_qlik_documents() {
    let stage = Stage::new(
        |asked: &Asked| if asked.path == "/oauth/revoke" { Reply::with(200, "") } else { tokens() },
    )
    .await;
    for which in 0..7 {
        let set = call(&stage, which, true).await.unwrap();
        if let Some(set) = set {
            assert_eq!(
                (set.access.expose(), set.scope.as_str()),
                ("access-1", "user_default offline_access")
            );
            assert_eq!(set.refresh.unwrap().expose(), "refresh-2");
            assert_eq!(set.expires_at.to_string(), "2026-03-01T18:00:00Z");
        }
    }
    let sent: Vec<(String, Value)> =
        stage.log().iter().map(|a| (a.line(), serde_json::from_str(&a.body).unwrap())).collect();
    let token = format!("POST {TENANT}/oauth/token");
    let with = |more: Value| {
        let mut body = json!({"client_id":"client-1","client_secret":"client-secret-1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let impersonation = "urn:qlik:oauth:user-impersonation";
    let wanted = [
        json!({"grant_type":"authorization_code","code":"code-1","redirect_uri":"https://portal.example/cb","code_verifier":"verifier-1"}),
        json!({"grant_type":"refresh_token","refresh_token":"refresh-1"}),
        json!({"grant_type":"client_credentials","scope":"admin_classic"}),
        json!({"grant_type":impersonation,"scope":"user_default","user_lookup":{"field":"userId","value":"u1"}}),
        json!({"grant_type":impersonation,"user_lookup":{"field":"subject","value":"s1"}}),
    ];
    for (sent, wanted) in sent.iter().zip(wanted) {
        assert_eq!(*sent, (token.clone(), with(wanted)));
    }
    let revoke = format!("POST {TENANT}/oauth/revoke");
    assert_eq!(
        sent[5],
        (revoke.clone(), with(json!({"token":"refresh-1","token_type_hint":"refresh_token"})))
    );
    assert_eq!(sent[6], (revoke, with(json!({"token":"access-0","token_type_hint":"access_token"}))));
    assert!(
        stage
            .log()
            .iter()
            .all(|a| a.header("content-type") == "application/json" && a.header("authorization").is_empty())
    );
}

#[tokio::test]
async fn a_public_client_sends_no_secret() {
    let stage = Stage::new(|_: &Asked| tokens()).await;
    for which in 0..2 {
        call(&stage, which, false).await.unwrap();
    }
    assert!(stage.log().iter().all(|asked| !asked.body.contains("client_secret")));
}

#[tokio::test]
async fn what_can_be_used_once_is_sent_once_and_the_rest_once_more() {
    for (reply, kind, may_have) in [
        (Reply::Cut, ErrorKind::ConnectionLost, true),
        (Reply::with(502, ""), ErrorKind::Unavailable, true),
        (Reply::with(503, ""), ErrorKind::Unavailable, false),
        (Reply::with(504, ""), ErrorKind::Unavailable, true),
    ] {
        let stage = Stage::new(move |_: &Asked| reply.clone()).await;
        for which in 0..7 {
            let before = stage.log().len();
            let error = call(&stage, which, true).await.unwrap_err();
            assert_eq!((error.error().kind(), error.kind()), (kind, OAuthErrorKind::Other));
            assert_eq!((error.may_have_happened(), error.is_transient()), (may_have, true));
            let times = if which < 2 { 1 } else { 2 };
            assert_eq!(stage.log().len() - before, times, "call {which} {kind:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_can_not_be_read_may_have_used_the_code_up() {
    let hang = |config: &mut qlik::QlikConfig| config.request_timeout = Duration::from_secs(1);
    for reply in [
        Reply::Half("{".into()),
        Reply::Hang,
        Reply::json(200, &json!({})),
        Reply::json(200, &json!({"access_token":""})),
    ] {
        let stage = Stage::with(hang, move |_: &Asked| reply.clone()).await;
        for which in 0..2 {
            let error = call(&stage, which, true).await.unwrap_err();
            assert!(error.may_have_happened(), "{error:?}");
        }
        assert_eq!(stage.log().len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_did_nothing_and_says_why() {
    for (status, body, kind) in [
        (
            400,
            json!({"error":"invalid_grant","error_description":"token was used"}),
            OAuthErrorKind::InvalidGrant,
        ),
        (
            401,
            json!({"errors":[{"code":"OAUTH-1","title":"Client not found","status":"401"}],"traceId":"t1"}),
            OAuthErrorKind::UnknownClient,
        ),
        (
            403,
            json!({"errors":[{"code":"OAUTH-2","title":"User is disabled"}]}),
            OAuthErrorKind::UserDisabled,
        ),
    ] {
        let stage = Stage::new(move |_: &Asked| Reply::json(status, &body)).await;
        for which in 0..7 {
            let error = call(&stage, which, true).await.unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(!error.may_have_happened() && !error.is_transient());
        }
        assert_eq!(stage.log().len(), 7);
    }
}

#[tokio::test]
async fn a_rate_limit_holds_that_client_back_and_no_other() {
    let stage = Stage::new(|asked: &Asked| {
        if asked.body.contains("client-1") { Reply::with(429, "").and("retry-after", "13") } else { tokens() }
    })
    .await;
    for _ in 0..2 {
        let error = call(&stage, 3, true).await.unwrap_err();
        assert_eq!(error.kind(), OAuthErrorKind::RateLimited);
        assert!(error.error().retry_after().unwrap() > Duration::from_secs(11));
        assert!(!error.may_have_happened());
    }
    assert_eq!(stage.log().len(), 1, "held back");
    let other: OAuthClientId = "other".parse().unwrap();
    let client = OAuthClient { id: &other, secret: None };
    stage.qlik.client_credentials(&Stage::host(), client, "x").await.unwrap();
}

#[tokio::test]
async fn an_error_never_repeats_a_secret_that_the_server_repeats() {
    for status in [400, 401, 403, 500] {
        let stage = Stage::new(move |asked: &Asked| {
            let all = format!("you sent {}", asked.body);
            Reply::json(status, &json!({"error": all, "error_description": all, "errors":[{"code":all,"title":all,"detail":all}]}))
        })
        .await;
        for which in 0..7 {
            let error = call(&stage, which, true).await.unwrap_err();
            let (e, shown) = (error.error(), format!("{error} {error:?}"));
            let all = format!("{shown} {:?} {:?} {:?}", e.code(), e.title(), e.detail());
            for secret in SECRETS {
                assert!(!all.contains(secret), "{all}");
            }
        }
    }
}

#[tokio::test]
async fn secrets_go_to_the_tenant_alone() {
    let stage = Stage::new(|_: &Asked| Reply::to("https://login.qlik.com/oauth/token").status(307)).await;
    for which in 0..7 {
        let error = call(&stage, which, true).await.unwrap_err();
        assert_eq!(error.error().kind(), ErrorKind::RedirectLeavesTenant);
    }
    assert!(stage.log().iter().all(|asked| asked.host == TENANT));
}

#[tokio::test]
async fn a_tenants_oauth_server_tells_about_itself() {
    let body = json!({"issuer":format!("https://{TENANT}"),"token_endpoint":format!("https://{TENANT}/oauth/token"),
        "grant_types_supported":["authorization_code"],"code_challenge_methods_supported":["S256"],"new":{}});
    let stage = Stage::new(move |asked: &Asked| {
        assert_eq!(asked.line(), format!("GET {TENANT}/.well-known/oauth-authorization-server"));
        Reply::json(200, &body)
    })
    .await;
    let server = stage.qlik.oauth_discovery(&Stage::host()).await.unwrap();
    assert_eq!(server.issuer, Some(format!("https://{TENANT}")));
    assert_eq!(server.grant_types_supported, ["authorization_code"]);
    assert_eq!(server.jwks_uri, None);
}
