//! Every call against everything that can go wrong with it.

use std::pin::Pin;
use std::time::Duration;

use jiff::SignedDuration;
use qlik::{ApiKeyConfigChange, ApiKeyQuery, AppQuery, Error, ErrorKind, NewApiKey, NewJwtIdp, Tenant};
use sandbox::{Effect, Fault};

use crate::scene::Scene;

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// A call, and the request that it begins with.
struct Call {
    method: &'static str,
    path: &'static str,
    /// The answer's body matters.
    reads: bool,
    run: for<'a> fn(&'a Tenant) -> Running<'a>,
}

macro_rules! call {
    ($method:literal $path:literal $reads:ident, |$tenant:ident| $call:expr) => {
        Call {
            method: $method,
            path: $path,
            reads: stringify!($reads) == "reads",
            run: |$tenant| Box::pin(async move { $call.await.map(drop) }),
        }
    };
}

fn calls() -> Vec<Call> {
    vec![
        call!("GET" "/api/v1/api-keys$" reads, |t| t.api_keys(&ApiKeyQuery::default())),
        call!("POST" "/api/v1/api-keys$" reads, |t| t.create_api_key(&NewApiKey {
            description: "d".into(),
            lifetime: SignedDuration::from_hours(1),
        })),
        call!("GET" "/api/v1/api-keys/id$" reads, |t| t.api_key("id")),
        call!("PATCH" "/api/v1/api-keys/id$" ignores, |t| t.rename_api_key("id", "d")),
        call!("DELETE" "/api/v1/api-keys/id$" ignores, |t| t.delete_api_key("id")),
        call!("GET" "/api/v1/api-keys/configs/id$" reads, |t| t.api_key_config("id")),
        call!("PATCH" "/api/v1/api-keys/configs/id$" ignores, |t| t.update_api_key_config(
            "id",
            &ApiKeyConfigChange { max_keys_per_user: Some(1), ..ApiKeyConfigChange::default() },
        )),
        call!("GET" "/api/v1/tenants/me$" reads, |t| t.tenant_me()),
        call!("GET" "/api/v1/users/me$" reads, |t| t.user_me()),
        call!("GET" "/api/v1/users/id$" reads, |t| t.user("id")),
        call!("GET" "/api/v1/users$" reads, |t| t.users_by_email("a@b.example")),
        call!("GET" "/api/v1/items$" reads, |t| t.apps_page(&AppQuery::default())),
        call!("GET" "/api/v1/spaces$" reads, |t| t.spaces()),
        call!("GET" "/api/v1/web-integrations$" reads, |t| t.web_integrations()),
        call!("POST" "/api/v1/web-integrations$" reads, |t| t.create_web_integration("w", &[])),
        call!("GET" "/api/v1/web-integrations/id$" reads, |t| t.web_integration("id")),
        call!("PATCH" "/api/v1/web-integrations/id$" ignores, |t| t.set_web_integration_origins("id", &[])),
        call!("DELETE" "/api/v1/web-integrations/id$" ignores, |t| t.delete_web_integration("id")),
        call!("GET" "/api/v1/identity-providers$" reads, |t| t.identity_providers()),
        call!("POST" "/api/v1/identity-providers$" reads, |t| t.create_jwt_identity_provider(&NewJwtIdp {
            description: "d".into(),
            tenant_id: None,
            issuer: "i".into(),
            kid: "k".into(),
            certificate_pem: "p".into(),
            clock_tolerance_sec: 5,
        })),
        call!("GET" "/api/v1/identity-providers/id$" reads, |t| t.identity_provider("id")),
        call!("DELETE" "/api/v1/identity-providers/id$" ignores, |t| t.delete_identity_provider("id")),
        call!("GET" "/api/v1/csrf-token$" ignores, |t| t.csrf_token()),
        call!("GET" "/api/core/auth-settings$" reads, |t| t.auth_settings()),
    ]
}

impl Call {
    fn is_get(&self) -> bool {
        self.method == "GET"
    }
}

fn status(status: u16, body: Option<&str>) -> Effect {
    Effect::Status {
        status,
        code: "SOME-7".into(),
        title: "Some title".into(),
        body: body.map(str::to_owned),
    }
}

/// Runs each call while `effect` strikes it, and hands its outcome and the number
/// of requests to `check`.
async fn each(
    scene: &Scene,
    effect: impl Fn(&Call) -> Effect,
    check: impl Fn(&Call, Result<(), Error>, usize),
) {
    for call in calls() {
        // A key of its own, so that a hold on one call does not reach the next.
        let tenant = scene.tenant(&scene.ada);
        scene.world.clear_log();
        scene.world.clear_faults();
        scene.world.add_fault(Fault::new(call.path, effect(&call)).on(call.method));
        let outcome = (call.run)(&tenant).await;
        if let Err(error) = &outcome {
            let shown = format!("{error} {error:?}");
            assert!(error.operation().starts_with(call.method), "{shown}");
            assert!(!shown.contains("a@b.example") && !shown.contains("eyJ"), "{shown}");
        }
        check(&call, outcome, scene.world.log().len());
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_kind_code_title_and_trace() {
    let scene = Scene::new().await;
    for (code, kind) in [
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (409, ErrorKind::Conflict),
        (418, ErrorKind::UnexpectedStatus(418)),
    ] {
        each(
            &scene,
            |_| status(code, None),
            |call, outcome, requests| {
                let error = outcome.unwrap_err();
                assert_eq!((error.kind(), error.status()), (kind, Some(code)), "{}", call.path);
                assert_eq!((error.code(), error.title()), (Some("SOME-7"), Some("Some title")));
                assert!(error.trace_id().is_some(), "{error:?}");
                assert!(!error.may_have_happened() && !error.is_transient());
                assert_eq!(requests, 1);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_refusal_in_no_known_form_is_qliks_only_where_it_may_be() {
    let scene = Scene::new().await;
    for (body, kind) in [
        ("", ErrorKind::Forbidden),
        (r#"{"errors":"no"}"#, ErrorKind::Forbidden),
        (r#"{"errors":[]}"#, ErrorKind::Forbidden),
        (r#"{"message":"no"}"#, ErrorKind::Intercepted),
        ("<html>no</html>", ErrorKind::Intercepted),
        ("[[[", ErrorKind::Intercepted),
        ("null", ErrorKind::Intercepted),
    ] {
        each(
            &scene,
            |_| status(403, Some(body)),
            |_, outcome, _| {
                let error = outcome.unwrap_err();
                assert_eq!((error.kind(), error.code()), (kind, None), "{body}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_and_then_nothing_is_sent() {
    let scene = Scene::new().await;
    for call in calls() {
        let tenant = scene.tenant(&scene.ada);
        scene.world.clear_log();
        scene.world.clear_faults();
        let fault = Fault::new(call.path, Effect::RateLimited { retry_after_s: 13 });
        scene.world.add_fault(fault.on(call.method).once());
        let error = (call.run)(&tenant).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some("HTTP-429")));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(13)));
        assert!(error.is_transient() && !error.may_have_happened());
        let held = (call.run)(&tenant).await.unwrap_err();
        assert_eq!((held.kind(), held.status()), (ErrorKind::RateLimited, None), "{}", call.path);
        assert_eq!(held.retry_after(), Some(Duration::from_secs(13)));
        assert!(!held.may_have_happened());
        assert_eq!(scene.world.log().len(), 1);
    }
}

#[tokio::test]
async fn an_outage_is_asked_about_once_more_where_that_is_harmless() {
    let scene = Scene::new().await;
    for code in [500, 502, 503, 504] {
        each(
            &scene,
            |_| status(code, None),
            |call, outcome, requests| {
                let error = outcome.unwrap_err();
                assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Some(code)));
                assert!(error.is_transient() && error.may_have_happened());
                let again = call.is_get() && code != 500;
                assert_eq!(requests, if again { 2 } else { 1 }, "{} {}", call.method, call.path);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_short_outage_is_not_even_noticed_by_a_read() {
    let scene = Scene::new().await;
    let tenant = scene.tenant(&scene.ada);
    for effect in [status(503, None), Effect::CutBefore, Effect::CutAfter] {
        scene.world.add_fault(Fault::new("/api/v1/users/me", effect).once());
        assert_eq!(tenant.user_me().await.unwrap().id, scene.ada.id);
    }
}

#[tokio::test]
async fn a_cut_connection_is_never_answered_by_sending_a_change_again() {
    let scene = Scene::new().await;
    for effect in [Effect::CutBefore, Effect::CutAfter] {
        each(
            &scene,
            |_| effect.clone(),
            |call, outcome, requests| {
                let error = outcome.unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::ConnectionLost,
                    "{} {}: {error:?}",
                    call.method,
                    call.path
                );
                assert!(error.is_transient() && error.may_have_happened());
                assert_eq!(requests, if call.is_get() { 2 } else { 1 }, "{} {}", call.method, call.path);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_timeout() {
    let scene = Scene::with(|config| config.request_timeout = Duration::from_millis(300)).await;
    // So that its time is not spent on connecting.
    let connected = scene.tenant(&scene.ada).user_me().await;
    assert!(connected.is_ok_and(|user| user.id == scene.ada.id));
    each(
        &scene,
        |_| Effect::HangAfter,
        |call, outcome, requests| {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{}", call.path);
            assert!(error.is_transient() && error.may_have_happened());
            assert_eq!(requests, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_an_error_only_where_it_is_read() {
    let scene = Scene::new().await;
    let wrong_shape = r#"{"data":[{"secret":"hunter2"}],"id":7}"#;
    for body in ["", "{", "<html>hunter2</html>", "[]", wrong_shape] {
        each(
            &scene,
            |_| status(200, Some(body)),
            |call, outcome, requests| {
                // A list of nothing and rules that say nothing are fine.
                match outcome {
                    Ok(()) => assert!(
                        !call.reads || call.path.contains("auth-settings") || call.path.contains("configs"),
                        "{} {body}",
                        call.path
                    ),
                    Err(error) => {
                        let page = body.starts_with("<html>");
                        let kind = if page { ErrorKind::Intercepted } else { ErrorKind::BadBody };
                        assert_eq!((error.kind(), error.status()), (kind, Some(200)));
                        assert!(call.reads && error.may_have_happened());
                        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
                        let source = std::error::Error::source(&error).map(ToString::to_string);
                        assert!(!source.unwrap_or_default().contains("hunter2"));
                    }
                }
                assert_eq!(requests, 1);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_an_error_only_where_it_is_read() {
    let scene = Scene::new().await;
    for call in calls() {
        let tenant = scene.tenant(&scene.ada);
        scene.world.clear_faults();
        // The request takes place, so it must be one that succeeds.
        if call.path.contains("/id$")
            || call.path.contains("identity-providers")
            || call.path.contains("/me$")
        {
            continue;
        }
        scene.world.add_fault(Fault::new(call.path, Effect::Truncated).on(call.method));
        let outcome = (call.run)(&tenant).await;
        if call.reads {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadBody, "{} {}: {error:?}", call.method, call.path);
            assert!(error.may_have_happened());
        } else {
            outcome.unwrap();
        }
    }
}

#[tokio::test]
async fn a_redirect_that_leaves_the_tenant_is_never_followed() {
    let scene = Scene::new().await;
    for location in ["https://evil.example/api", "http://acme.eu.qlikcloud.com/", "//evil.example"] {
        each(
            &scene,
            |_| Effect::Redirect { location: location.into() },
            |call, outcome, requests| {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::RedirectLeavesTenant, "{} {}", call.method, call.path);
                assert!(!error.is_transient());
                assert_eq!(requests, 1);
            },
        )
        .await;
    }
}

#[tokio::test]
async fn a_change_is_not_redirected_even_within_the_tenant() {
    let scene = Scene::new().await;
    let effect = |_: &Call| Effect::Redirect { location: "/api/v1/users/me".into() };
    each(&scene, effect, |call, outcome, requests| {
        if !call.is_get() {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::UnexpectedStatus(302));
            assert_eq!(requests, 1);
        }
    })
    .await;
}
