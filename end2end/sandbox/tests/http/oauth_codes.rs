//! `/oauth/authorize` and what comes of its codes: consent, PKCE, refresh tokens.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use reqwest::{StatusCode, Url};
use sandbox::{Consent, LoginShape, NewAccount, NewClient, NewClientRef, TokenKind, UserStatus};
use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::oauth_tokens::token;
use crate::sign_in::{EMAIL, PASSWORD, Scene, answer, onward, scene};
use crate::support::{HOST, send};

const CALLBACK: &str = "https://portal.example/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-standard-0123";

struct Asking {
    scene: Scene,
    client: NewClientRef,
    browser: Browser,
}

/// A client of this consent method, and a browser in which Bea is signed in.
async fn asking(consent: Consent) -> Asking {
    let scene = scene(LoginShape::Form).await;
    let new = NewClient {
        redirect_uris: vec![CALLBACK.into()],
        consent,
        name: "Portal <1>".into(),
        ..NewClient::default()
    };
    let client = scene.world().add_oauth_client(&scene.portal.acme.tenant, new);
    let mut browser = scene.browser();
    scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    Asking { scene, client, browser }
}

fn query(page: &Page, name: &str) -> Option<String> {
    let url: Url = page.location.as_deref()?.parse().unwrap();
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

impl Asking {
    fn url(&self, changes: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let mut url: Url = format!("https://{HOST}/oauth/authorize").parse().unwrap();
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.client.client_id),
            ("redirect_uri", CALLBACK),
            ("scope", "user_default offline_access"),
            ("state", "s&1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        url.query_pairs_mut().extend_pairs(pairs).extend_pairs(changes.iter().filter(|(_, v)| !v.is_empty()));
        url.into()
    }

    async fn ask(&mut self, changes: &[(&str, &str)]) -> Page {
        let url = self.url(changes);
        self.browser.get(&url).await
    }

    async fn code(&mut self) -> String {
        let page = self.ask(&[]).await;
        query(&page, "code").unwrap_or_else(|| panic!("{} {}", page.status, page.text))
    }

    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> (StatusCode, Value) {
        let mut body = json!({"grant_type": "authorization_code", "client_id": self.client.client_id,
            "client_secret": self.client.client_secret, "code": code, "code_verifier": VERIFIER,
            "redirect_uri": CALLBACK});
        for (name, value) in changes {
            body[*name] = (*value).into();
        }
        send(token(&self.scene.portal.acme, &body)).await
    }

    async fn refresh(&self, refresh: &str) -> (StatusCode, Value) {
        // As `@qlik/api` sends it: without a client_id.
        let body = json!({"grant_type": "refresh_token", "refresh_token": refresh,
            "client_secret": self.client.client_secret});
        send(token(&self.scene.portal.acme, &body)).await
    }

    async fn works(&self, access: &Value) -> bool {
        let me = self.scene.portal.acme.ask(reqwest::Method::GET, "/api/v1/users/me");
        me.bearer_auth(access.as_str().unwrap()).send().await.unwrap().status() == StatusCode::FOUND
    }
}

#[tokio::test]
async fn a_trusted_client_gets_a_code_at_once_and_tokens_for_it() {
    let mut asking = asking(Consent::Trusted).await;
    let page = asking.ask(&[]).await;
    assert_eq!((page.status, query(&page, "state").as_deref()), (StatusCode::FOUND, Some("s&1")));
    let (status, body) = asking.exchange(&query(&page, "code").unwrap(), &[]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["expires_at"], "2026-11-24T18:00:00.000Z");
    assert!(body["refresh_token"].is_string() && asking.works(&body["access_token"]).await);
    let tokens = asking.scene.world().oauth_tokens(&asking.scene.portal.acme.tenant);
    assert_eq!(tokens[1].kind, TokenKind::Refresh);
    assert_eq!(tokens[1].expires, "2026-12-24T12:00:00Z".parse().unwrap(), "thirty days");
    let page = asking.ask(&[("scope", "user_default")]).await;
    let (_, body) = asking.exchange(&query(&page, "code").unwrap(), &[]).await;
    assert_eq!(body.get("refresh_token"), None, "only offline_access has one");
}

#[tokio::test]
async fn a_user_is_asked_once_and_may_refuse() {
    let mut asking = asking(Consent::Required).await;
    assert_eq!(query(&asking.ask(&[("prompt", "none")]).await, "error").as_deref(), Some("consent_required"));
    let page = asking.ask(&[]).await;
    assert!(page.shows("Portal &lt;1>") && page.shows("offline_access"));
    let no = asking.browser.submit(&page, "question", &[("decision", "deny")]).await;
    assert_eq!(query(&no, "error").as_deref(), Some("access_denied"));
    assert_eq!(query(&no, "state").as_deref(), Some("s&1"));
    let again = asking.browser.submit(&page, "question", &[("decision", "allow")]).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "a question is answered once");
    let page = asking.ask(&[("scope", "user_default")]).await;
    let yes = asking.browser.submit(&page, "question", &[("decision", "allow")]).await;
    assert_eq!(asking.exchange(&query(&yes, "code").unwrap(), &[]).await.0, StatusCode::OK);
    assert!(query(&asking.ask(&[("scope", "user_default")]).await, "code").is_some(), "not asked again");
    assert_eq!(asking.ask(&[]).await.status, StatusCode::OK, "asked for the further scope");
    let forced = asking.ask(&[("scope", "user_default"), ("prompt", "consent")]).await;
    assert_eq!(forced.status, StatusCode::OK);
}

#[tokio::test]
async fn a_consent_is_given_by_the_user_who_was_asked() {
    let mut asking = asking(Consent::Required).await;
    let page = asking.ask(&[]).await;
    let own = [("decision", "allow")];
    let mut stranger = asking.scene.browser();
    let end = stranger.submit(&page, "question", &own).await;
    assert_eq!(end.status, StatusCode::UNAUTHORIZED, "nobody is signed in");
    assert_eq!(asking.browser.submit(&page, "question", &own).await.status, StatusCode::FOUND);
    let world = asking.scene.world();
    world.add_account(NewAccount::new("ada@acme.example", "pw"));
    asking.scene.sign_in(&mut stranger, "ada@acme.example", "pw").await;
    let page = asking.ask(&[("prompt", "consent")]).await;
    let end = stranger.submit(&page, "question", &own).await;
    assert_eq!(end.status, StatusCode::BAD_REQUEST, "the question was put to another user");
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_through_the_login_and_back() {
    let asking = asking(Consent::Trusted).await;
    let mut browser = asking.scene.browser();
    for prompt in ["", "login"] {
        let first = browser.get(&asking.url(&[("prompt", prompt), ("login_hint", EMAIL)])).await;
        assert!(first.location.as_deref().unwrap().starts_with(&format!("https://{HOST}/login?returnto=")));
        let page = browser.follow(first).await;
        assert!(page.shows(EMAIL), "the hint is filled in");
        let submitted = answer(&mut browser, &page, EMAIL, PASSWORD).await;
        let end = onward(&mut browser, submitted).await;
        assert!(query(&end, "code").is_some(), "prompt {prompt:?}: {:?}", end.location);
    }
    let silent = asking.scene.browser().get(&asking.url(&[("prompt", "none")])).await;
    assert_eq!(query(&silent, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn what_the_client_asks_wrongly_goes_back_to_it_unless_it_is_not_known() {
    let mut asking = asking(Consent::Trusted).await;
    for (name, value) in [
        ("client_id", "unknown"),
        ("redirect_uri", "https://portal.example/callback/"),
        ("redirect_uri", "https://evil.example"),
        ("redirect_uri", ""),
    ] {
        let page = asking.ask(&[(name, value)]).await;
        assert_eq!((page.status, &page.location), (StatusCode::BAD_REQUEST, &None), "{name} = {value}");
    }
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "admin_classic", "invalid_scope"),
        ("prompt", "maybe", "invalid_request"),
    ] {
        let page = asking.ask(&[(name, value)]).await;
        assert_eq!(query(&page, "error").as_deref(), Some(error), "{name} = {value}");
        assert_eq!(query(&page, "state").as_deref(), Some("s&1"));
    }
}

#[tokio::test]
async fn a_code_wants_its_verifier_its_address_its_client_and_a_minute() {
    let mut asking = asking(Consent::Trusted).await;
    let other = NewClient { redirect_uris: vec![CALLBACK.into()], ..NewClient::default() };
    let other = asking.scene.world().add_oauth_client(&asking.scene.portal.acme.tenant, other);
    let code = asking.code().await;
    for changes in [
        vec![("code_verifier", "another-verifier-that-is-long-enough-for-it-012")],
        vec![("redirect_uri", "https://portal.example/other")],
        vec![("client_id", &other.client_id), ("client_secret", other.client_secret.as_deref().unwrap())],
        vec![("code", "unknown")],
    ] {
        let (status, body) = asking.exchange(&code, &changes).await;
        assert_eq!(
            (status, &body["errors"][0]["title"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_grant")),
            "{changes:?}"
        );
    }
    assert_eq!(asking.exchange(&code, &[("client_secret", "wrong")]).await.0, StatusCode::UNAUTHORIZED);
    asking.scene.world().advance(SignedDuration::from_mins(1));
    assert_eq!(asking.exchange(&code, &[]).await.0, StatusCode::UNAUTHORIZED, "too late");
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_gave() {
    let mut asking = asking(Consent::Trusted).await;
    let code = asking.code().await;
    let (_, body) = asking.exchange(&code, &[]).await;
    assert!(asking.works(&body["access_token"]).await);
    assert_eq!(asking.exchange(&code, &[]).await.0, StatusCode::UNAUTHORIZED);
    assert!(!asking.works(&body["access_token"]).await);
    assert_eq!(asking.refresh(body["refresh_token"].as_str().unwrap()).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_one_that_comes_twice_ends_its_family() {
    let mut asking = asking(Consent::Trusted).await;
    let code = asking.code().await;
    let (_, first) = asking.exchange(&code, &[]).await;
    let first_refresh = first["refresh_token"].as_str().unwrap();
    let (status, second) = asking.refresh(first_refresh).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert!(asking.works(&first["access_token"]).await && asking.works(&second["access_token"]).await);
    let beside = asking.code().await;
    let (_, beside) = asking.exchange(&beside, &[]).await;
    let (status, body) = asking.refresh(first_refresh).await;
    assert_eq!((status, &body["errors"][0]["title"]), (StatusCode::UNAUTHORIZED, &json!("invalid_grant")));
    for token in [&first["access_token"], &second["access_token"]] {
        assert!(!asking.works(token).await, "the family is revoked");
    }
    assert_eq!(asking.refresh(second["refresh_token"].as_str().unwrap()).await.0, StatusCode::UNAUTHORIZED);
    assert!(asking.works(&beside["access_token"]).await, "another grant goes on");
}

#[tokio::test]
async fn a_refresh_token_lives_thirty_days_and_ends_with_its_user_or_by_revocation() {
    let mut asking = asking(Consent::Trusted).await;
    let world = asking.scene.world().clone();
    let code = asking.code().await;
    let (_, body) = asking.exchange(&code, &[]).await;
    let refresh = body["refresh_token"].as_str().unwrap().to_owned();
    let wrong = json!({"grant_type": "refresh_token", "refresh_token": refresh, "client_secret": "wrong"});
    assert_eq!(send(token(&asking.scene.portal.acme, &wrong)).await.0, StatusCode::UNAUTHORIZED);
    world.advance(SignedDuration::from_secs(30 * 86_400 - 1));
    world.set_user_status(&asking.scene.bea, UserStatus::Disabled);
    assert_eq!(asking.refresh(&refresh).await.0, StatusCode::FORBIDDEN, "the user is disabled");
    world.set_user_status(&asking.scene.bea, UserStatus::Active);
    let (status, body) = asking.refresh(&refresh).await;
    assert_eq!(status, StatusCode::OK);
    let refresh = body["refresh_token"].as_str().unwrap().to_owned();
    world.advance(SignedDuration::from_secs(30 * 86_400));
    assert_eq!(asking.refresh(&refresh).await.0, StatusCode::UNAUTHORIZED, "too late");
    let mut browser = asking.scene.browser();
    asking.scene.sign_in(&mut browser, EMAIL, PASSWORD).await;
    asking.browser = browser;
    let code = asking.code().await;
    let (_, body) = asking.exchange(&code, &[]).await;
    let revoke = asking.scene.portal.acme.ask(reqwest::Method::POST, "/oauth/revoke");
    let form = [("token", body["refresh_token"].as_str().unwrap()), ("token_type_hint", "refresh_token")];
    assert_eq!(revoke.form(&form).send().await.unwrap().status(), StatusCode::OK);
    assert!(!asking.works(&body["access_token"]).await, "a grant is revoked as a whole");
}

#[tokio::test]
async fn a_public_client_needs_no_secret_but_its_verifier() {
    let mut asking = asking(Consent::Trusted).await;
    let new = NewClient {
        app_type: "spa".into(),
        redirect_uris: vec![CALLBACK.into()],
        consent: Consent::Trusted,
        ..NewClient::default()
    };
    asking.client = asking.scene.world().add_oauth_client(&asking.scene.portal.acme.tenant, new);
    assert!(asking.client.client_secret.is_none());
    let code = asking.code().await;
    assert_eq!(asking.exchange(&code, &[("code_verifier", "short")]).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(asking.exchange(&code, &[]).await.0, StatusCode::OK);
}
