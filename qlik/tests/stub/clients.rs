//! OAuth clients as a tenant administrator sees and makes them.

use std::sync::Arc;

use qlik::{
    AccessToken, AppType, ConsentMethod, ErrorKind, GrantType, NewOAuthClient, OAuthClientId, Tenant,
};
use serde_json::{Value, json};

use crate::stage::{Asked, Reply, Stage};

fn admin(stage: &Stage) -> Tenant {
    stage.qlik.with_bearer(&Stage::host(), Arc::new(AccessToken::new("admin-token")), "admin")
}

fn client() -> Value {
    json!({"clientId":"c1","clientName":"Portal","appType":"web","allowedGrantTypes":["urn:qlik:oauth:user-impersonation","new"],
        "allowedScopes":["user_default"],"redirectUris":["https://portal.example/cb"],"clientSecrets":[{"hint":"…abcd"}],
        "connectionConfig":{"consentMethod":"trusted","status":"approved"},"createdAt":"2026-03-01T12:00:00Z"})
}

fn new() -> NewOAuthClient {
    NewOAuthClient {
        name: "Portal".into(),
        description: None,
        app_type: AppType::Web,
        grants: vec![GrantType::Impersonation],
        scopes: vec!["user_default".into()],
        redirect_uris: vec!["https://portal.example/cb".into()],
        origins: Vec::new(),
        trusted: true,
    }
}

#[tokio::test]
async fn a_client_is_made_and_its_secret_is_there_once() {
    let stage = Stage::new(|asked: &Asked| {
        assert_eq!((asked.method.as_str(), asked.header("authorization")), ("POST", "Bearer admin-token"));
        let mut made = client();
        made["clientSecret"] = json!("hush");
        Reply::json(201, &made)
    })
    .await;
    let made = admin(&stage).create_oauth_client(&new()).await.unwrap();
    assert_eq!(made.secret.as_ref().unwrap().expose(), "hush");
    assert_eq!(made.client.client_id.as_str(), "c1");
    assert!(!format!("{made:?}").contains("hush"));
    let sent: Value = serde_json::from_str(&stage.log()[0].body).unwrap();
    let wanted = json!({"appType":"web","clientName":"Portal","allowedGrantTypes":["urn:qlik:oauth:user-impersonation"],
        "allowedScopes":["user_default"],"redirectUris":["https://portal.example/cb"],"connectionConfig":{"consentMethod":"trusted"}});
    assert_eq!(sent, wanted);
    let nameless = NewOAuthClient { name: " ".into(), ..new() };
    assert_eq!(admin(&stage).create_oauth_client(&nameless).await.unwrap_err().kind(), ErrorKind::BadRequest);
}

#[tokio::test]
async fn clients_are_read_with_what_a_diagnosis_needs() {
    let stage = Stage::new(|asked: &Asked| match asked.path.as_str() {
        "/api/v1/oauth-clients" if asked.query.contains("next=2") => {
            Reply::json(200, &json!({"data":[{"clientId":"c2","clientName":"Bare","appType":"spa","connectionConfig":null}],"links":{}}))
        }
        "/api/v1/oauth-clients" => {
            let next = "https://acme.eu.qlikcloud.com/api/v1/oauth-clients?limit=100&next=2";
            Reply::json(200, &json!({"data":[client()],"links":{"next":{"href":next}}}))
        }
        "/api/v1/oauth-clients/c1" => Reply::json(200, &client()),
        "/api/v1/oauth-clients/c1/connection-configs/me" => Reply::json(200, &json!({"consentMethod":"required"})),
        _ => Reply::json(404, &json!({"errors":[{"code":"OAUTH-404","title":"not found"}]})),
    })
    .await;
    let tenant = admin(&stage);
    let all = tenant.oauth_clients().await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].allowed_grant_types, [GrantType::Impersonation, GrantType::Other("new".into())]);
    assert_eq!(all[0].connection_config.as_ref().unwrap().consent_method, ConsentMethod::Trusted);
    assert_eq!((&all[1].app_type, &all[1].connection_config), (&AppType::Spa, &None));
    let id: OAuthClientId = "c1".parse().unwrap();
    assert_eq!(tenant.oauth_client(&id).await.unwrap(), all[0]);
    assert_eq!(tenant.oauth_consent(&id).await.unwrap().consent_method, ConsentMethod::Required);
    let gone = tenant.oauth_client(&"c3".parse().unwrap()).await.unwrap_err();
    assert_eq!((gone.kind(), gone.code()), (ErrorKind::NotFound, Some("OAUTH-404")));
}

#[tokio::test]
async fn consent_is_set_and_a_client_deleted() {
    let stage = Stage::new(|_: &Asked| Reply::with(204, "")).await;
    let id: OAuthClientId = "c1".parse().unwrap();
    admin(&stage).set_oauth_consent(&id, &ConsentMethod::Trusted).await.unwrap();
    admin(&stage).delete_oauth_client(&id).await.unwrap();
    let log = stage.log();
    assert_eq!(log[0].body, r#"[{"op":"replace","path":"/consentMethod","value":"trusted"}]"#);
    assert_eq!(
        stage.lines(),
        [
            "PATCH acme.eu.qlikcloud.com/api/v1/oauth-clients/c1/connection-configs/me",
            "DELETE acme.eu.qlikcloud.com/api/v1/oauth-clients/c1",
        ]
    );
}
