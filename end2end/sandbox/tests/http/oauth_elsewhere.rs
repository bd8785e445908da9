//! Access tokens beside the API: at the engine's websocket, and for browsers of the
//! origins that a client lists.

use reqwest::{Method, StatusCode};
use sandbox::{NewApp, NewClient, TokenKind};
use serde_json::json;

use crate::engine::{handshake, read, socket};
use crate::oauth_tokens::{IMPERSONATION, token};
use crate::support::{Acme, acme, send};

/// An access token of Ada's with these scopes, and the client that it is for.
async fn access(acme: &Acme, scope: &str) -> (String, String) {
    let scopes = vec![scope.to_owned()];
    let client =
        NewClient { scopes, origins: vec!["https://spa.example".into()], ..NewClient::impersonator("r") };
    let client = acme.world.add_oauth_client(&acme.tenant, client);
    let body = json!({"grant_type": IMPERSONATION, "client_id": client.client_id,
        "client_secret": client.client_secret, "user_lookup": {"field": "userId", "value": acme.ada.id}});
    let (status, body) = send(token(acme, &body)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    (body["access_token"].as_str().unwrap().to_owned(), client.client_id)
}

#[tokio::test]
async fn the_engine_takes_a_token_in_the_header_and_a_temporary_one_in_the_query() {
    let acme = acme().await;
    let new = NewApp { name: "Sales".into(), owner: acme.ada.id.clone(), ..NewApp::default() };
    let path = format!("/app/{}", acme.world.add_app(&acme.tenant, new));
    let (access_token, client) = access(&acme, "user_default").await;
    let exchange = json!({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": access_token, "client_id": client, "purpose": "websocket",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"});
    let (_, body) = send(token(&acme, &exchange)).await;
    let temporary = body["access_token"].as_str().unwrap();
    for request in [
        handshake(&acme, &path).bearer_auth(&access_token),
        handshake(&acme, &format!("{path}?accessToken={temporary}")),
    ] {
        let mut socket = socket(request.send().await.unwrap()).await;
        assert_eq!(read(&mut socket).await["method"], "OnConnected");
    }
    let (small, _) = access(&acme, "admin.users:read").await;
    let refused = handshake(&acme, &path).bearer_auth(small).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    acme.world.expire_tokens(&acme.tenant, Some(TokenKind::Access));
    for request in [
        handshake(&acme, &path).bearer_auth(&access_token),
        handshake(&acme, &format!("{path}?accessToken={temporary}")),
    ] {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_browser_of_an_origin_that_a_client_lists_may_ask_for_tokens() {
    let acme = acme().await;
    access(&acme, "user_default").await;
    let preflight = |origin: &str| acme.ask(Method::OPTIONS, "/oauth/token").header("origin", origin).send();
    let listed = preflight("https://spa.example").await.unwrap();
    assert_eq!(listed.headers()["access-control-allow-origin"], "https://spa.example");
    let other = preflight("https://other.example").await.unwrap();
    assert_eq!(other.headers().get("access-control-allow-origin"), None);
}
