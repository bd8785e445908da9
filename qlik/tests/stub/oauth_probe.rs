//! What becomes of a browser that is sent to connect, asked without one.

use qlik::ErrorKind;
use qlik::oauth::{Authorize, Pkce, Probed, Prompt};
use serde_json::json;

use crate::stage::{Asked, Reply, Stage, TENANT};

async fn probed(reply: Reply) -> (Result<Probed, qlik::Error>, Vec<Asked>) {
    let stage = Stage::new(move |_: &Asked| reply.clone()).await;
    let (host, id, pkce) = (Stage::host(), "client-1".parse().unwrap(), Pkce::new("verifier-1"));
    let ask = Authorize {
        host: &host,
        client_id: &id,
        redirect_uri: "https://portal.example/cb",
        scope: "user_default offline_access",
        state: "state-1",
        pkce: Some(&pkce),
        login_hint: None,
        prompt: Some(Prompt::Consent),
    };
    let probed = stage.qlik.probe_authorize(&ask).await;
    (probed, stage.log())
}

#[tokio::test]
async fn an_authorization_is_tried_with_nobody_signed_in_and_no_address_of_it_is_called() {
    for (to, comes_back) in [
        ("https://portal.example/cb?error=login_required&state=state-1", true),
        ("https://sso.corp.example/authorize?x=y", false),
        ("https://acme.eu.qlikcloud.com/login?returnto=x", false),
    ] {
        let (end, asked) = probed(Reply::to(to)).await;
        let end = end.unwrap();
        assert!(matches!(end, Probed::ComesBack) == comes_back, "{to}: {end:?}");
        assert!(matches!(end, Probed::SignsIn) != comes_back, "{to}: {end:?}");
        let [asked] = asked.try_into().unwrap();
        assert_eq!(asked.line(), format!("GET {TENANT}/oauth/authorize"));
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", "client-1"),
            ("redirect_uri", "https://portal.example/cb"),
            ("scope", "user_default offline_access"),
            ("state", "state-1"),
            ("code_challenge_method", "S256"),
            ("prompt", "none"),
        ] {
            assert_eq!(asked.field(name).as_deref(), Some(value), "{name}");
        }
        assert!(asked.header("authorization").is_empty() && !asked.query.contains("verifier-1"));
    }
}

#[tokio::test]
async fn a_refused_authorization_is_told_from_answers_that_say_nothing() {
    let refused =
        json!({"errors":[{"code":"OAUTH-1","title":"redirect_uri is not registered","status":"400"}]});
    let (end, _) = probed(Reply::json(400, &refused)).await;
    assert!(matches!(end.unwrap(), Probed::Refused(e) if e.code() == Some("OAUTH-1")));
    for reply in [
        Reply::with(400, "<html>"),
        Reply::html("<p>Sign in</p>"),
        Reply::with(302, ""),
        Reply::with(404, ""),
        Reply::json(401, &refused),
    ] {
        let (end, _) = probed(reply.clone()).await;
        assert!(matches!(end.unwrap(), Probed::Unclear), "{reply:?}");
    }
    for (reply, kind) in [
        (Reply::with(429, "").and("retry-after", "9"), ErrorKind::RateLimited),
        (Reply::with(500, ""), ErrorKind::Unavailable),
        (Reply::Cut, ErrorKind::ConnectionLost),
    ] {
        assert_eq!(probed(reply).await.0.unwrap_err().kind(), kind);
    }
}
