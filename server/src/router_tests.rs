use axum::{
    body::{Body, to_bytes},
    http::{Request, Response},
};
use backend::testing::{FakeClock, TestServices, services};
use tower::ServiceExt as _;

use super::*;
use crate::config::Flags;

struct House {
    router: Router,
    services: TestServices,
}

async fn house(public_url: &str) -> House {
    let services = services(FakeClock::new("2026-11-24T12:00:00Z".parse().unwrap())).await.unwrap();
    let config = Config::read(Flags::at(public_url)).unwrap();
    let router = router(&config, &services, &CancellationToken::new());
    House { router, services }
}

impl House {
    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.ask(Request::get(path).header("host", "acme.portal.example").body(Body::empty()).unwrap()).await
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
}

/// The cookie of that name.
fn cookie(response: &Response<Body>, name: &str) -> String {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
    let named = all.filter(|c| c.split_once('=').is_some_and(|(n, _)| n == name));
    named.map(str::to_owned).next().unwrap_or_default()
}

fn sign_in(origin: Option<&str>, password: &str) -> Request<Body> {
    let request = Request::post("/api/people/sign-in")
        .header("host", "acme.portal.example")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    let request = match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    };
    let form = format!("email=ada%40acme.example&password={}&next=", password.replace(' ', "+"));
    request.body(Body::from(form)).unwrap()
}

const HTTPS: &str = "https://acme.portal.example";

#[tokio::test]
async fn a_portal_that_is_not_set_up_leads_every_page_to_the_set_up() {
    let h = house(HTTPS).await;
    for path in ["/", "/login", "/apps", "/admin/settings", "/profile"] {
        let response = h.get(path).await;
        assert_eq!(
            (response.status(), header(&response, "location")),
            (StatusCode::SEE_OTHER, "/setup"),
            "{path}"
        );
    }
    assert_eq!(h.get("/setup").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_change_that_comes_from_elsewhere_is_refused_before_anything_is_looked_at() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    for origin in [None, Some("https://evil.example"), Some("null")] {
        let response = h.ask(sign_in(origin, "correct horse battery")).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{origin:?}");
        assert_eq!(header(&response, "set-cookie"), "");
    }
}

#[tokio::test]
async fn a_session_cookie_is_for_this_host_alone_and_signs_in() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let response = h.ask(sign_in(Some(HTTPS), "correct horse battery")).await;
    assert_eq!(header(&response, "location"), "/apps");
    let device = cookie(&response, "__Host-qonduit-device");
    let cookie = cookie(&response, "__Host-qonduit");
    for cookie in [&cookie, &device] {
        for flag in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(flag), "{flag} is not in {cookie}");
        }
    }
    assert!(device.contains("Max-Age=31536000"), "{device}");
    let pair = cookie.split(';').next().unwrap();
    let page = Request::get("/profile").header("host", "acme.portal.example").header("cookie", pair);
    let page = h.ask(page.body(Body::empty()).unwrap()).await;
    assert_eq!(page.status(), StatusCode::OK);
    let html = to_bytes(page.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&html).contains("ada@acme.example"));
}

#[tokio::test]
async fn on_loopback_without_tls_the_cookie_has_a_plain_name() {
    let h = house("http://127.0.0.1:3000").await;
    h.services.administrator().await.unwrap();
    let response = h.ask(sign_in(Some("http://127.0.0.1:3000"), "wrong password here")).await;
    let session = cookie(&response, "qonduit");
    assert!(!session.is_empty() && !session.contains("Secure"), "{session}");
    // A browser is known where somebody came in, and nowhere else.
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 1);
}

#[tokio::test]
async fn the_status_stream_is_for_administrators() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    assert_eq!(h.get("/admin/settings/status/stream").await.status(), StatusCode::UNAUTHORIZED);
}

/// The cookie of somebody who has just signed in.
async fn cookie_of(h: &House, email: &str, password: &str) -> String {
    let form = format!("email={}&password={}&next=", email.replace('@', "%40"), password.replace(' ', "+"));
    let request = Request::post("/api/people/sign-in")
        .header("host", "acme.portal.example")
        .header("accept", "text/html")
        .header("origin", HTTPS)
        .header("content-type", "application/x-www-form-urlencoded");
    let response = h.ask(request.body(Body::from(form)).unwrap()).await;
    cookie(&response, "__Host-qonduit").split(';').next().unwrap().to_owned()
}

async fn support(h: &House, accept: &str, cookie: Option<&str>) -> Response<Body> {
    let request = Request::get("/admin/settings/support.json")
        .header("host", "acme.portal.example")
        .header("accept", accept);
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    h.ask(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_support_bundle_is_a_file_for_administrators_and_kept_by_nobody() {
    let h = house(HTTPS).await;
    let ada = h.services.administrator().await.unwrap();
    assert_eq!(support(&h, "*/*", None).await.status(), StatusCode::UNAUTHORIZED);
    let visitor = support(&h, "text/html", None).await;
    assert_eq!(header(&visitor, "location"), "/login?next=%2Fadmin%2Fsettings");

    let new = backend::people::NewUser {
        email: "bea@acme.example".to_owned(),
        name: "Bea".to_owned(),
        role: backend::Role::User,
    };
    let link = h.services.add_user(&ada, new).await.unwrap();
    let token = secrecy::ExposeSecret::expose_secret(&link.token);
    h.services.accept_invitation(token, "another long password".to_owned().into()).await.unwrap();
    let bea = cookie_of(&h, "bea@acme.example", "another long password").await;
    let refused = support(&h, "text/html", Some(&bea)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let words = to_bytes(refused.into_body(), 1 << 20).await.unwrap();
    assert!(!String::from_utf8_lossy(&words).contains('{'));

    let cookie = cookie_of(&h, "ada@acme.example", "correct horse battery").await;
    let response = support(&h, "text/html", Some(&cookie)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-type"), "application/json");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(
        header(&response, "content-disposition"),
        "attachment; filename=\"qonduit-support-acme.portal.example-2026-11-24T120000Z.json\""
    );
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["operator"]["public_origin"], HTTPS);
    assert_eq!(body["integration"], serde_json::Value::Null);
    assert_eq!(body["users"].as_array().unwrap().len(), 2);
    // The session itself is not in it.
    let secret = cookie.split_once('=').unwrap().1;
    assert!(!body.to_string().contains(secret));
}

#[tokio::test]
async fn the_comparison_is_for_who_is_signed_in_page_stream_and_file() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    assert_eq!(h.get("/admin/users/matching/stream").await.status(), StatusCode::UNAUTHORIZED);
    for path in ["/admin/users/matching", "/admin/users/matching.csv?q=a"] {
        let response = h.get(path).await;
        let to = header(&response, "location");
        assert!(to.starts_with("/login?next=%2Fadmin%2Fusers%2Fmatching"), "{path}: {to}");
    }
    // None was made yet, which only an administrator hears.
    let ada = h.ask(sign_in(Some(HTTPS), "correct horse battery")).await;
    let cookie = cookie(&ada, "__Host-qonduit").split(';').next().unwrap().to_owned();
    let file = Request::get("/admin/users/matching.csv").header("host", "acme.portal.example");
    let file = h.ask(file.header("cookie", cookie).body(Body::empty()).unwrap()).await;
    assert_eq!(file.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_answer_says_that_it_may_not_be_framed_or_sniffed() {
    let h = house(HTTPS).await;
    for path in ["/setup", "/healthz", "/readyz", "/metrics", "/pkg/none.js", "/no/such/page"] {
        let response = h.get(path).await;
        assert!(header(&response, "content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{path}");
        assert!(header(&response, "strict-transport-security").starts_with("max-age="), "{path}");
    }
}

#[tokio::test]
async fn the_server_is_ready_once_the_renewal_task_has_looked() {
    let h = house(HTTPS).await;
    assert_eq!(h.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(h.get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    h.services.tick().await.unwrap();
    assert_eq!(h.get("/readyz").await.status(), StatusCode::OK);
    h.services.clock.advance(jiff::SignedDuration::from_mins(10));
    assert_eq!(h.get("/readyz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_metrics_say_how_long_routes_took_and_name_nobody() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    h.services.tick().await.unwrap();
    for path in ["/login", "/login", "/no/such/page", "/nor/this"] {
        h.get(path).await;
    }
    let response = h.get("/metrics").await;
    assert!(header(&response, "content-type").starts_with("application/openmetrics-text"));
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let line =
        |begin: &str| text.lines().find_map(|l| l.strip_prefix(begin)).map(str::trim).map(str::to_owned);
    let login = r#"qonduit_http_request_duration_seconds_count{route="/login",method="GET",status="200"}"#;
    assert_eq!(line(login).as_deref(), Some("2"), "{text}");
    assert!(!text.contains("such"), "what nobody offers is no number of its own: {text}");
    assert_eq!(line(r#"qonduit_connections{option="api_key"}"#).as_deref(), Some("0"), "{text}");
    assert_eq!(line("qonduit_scheduler_age_seconds").as_deref(), Some("0"), "{text}");
    assert!(!text.contains("qonduit_first_key_expires_in"), "there is no key: {text}");
    assert!(!text.contains("acme"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_a_404() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    assert_eq!(h.get("/no/such/page").await.status(), StatusCode::NOT_FOUND);
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn what_somebody_may_not_do_leaves_a_line_with_their_id_and_the_path() {
    let h = house(HTTPS).await;
    let ada = h.services.administrator().await.unwrap();
    let new = backend::people::NewUser {
        email: "bea@acme.example".to_owned(),
        name: "Bea".to_owned(),
        role: backend::Role::User,
    };
    let link = h.services.add_user(&ada, new).await.unwrap();
    let token = secrecy::ExposeSecret::expose_secret(&link.token);
    let bea = h.services.accept_invitation(token, "another long password".to_owned().into()).await.unwrap();
    let cookie = cookie_of(&h, "bea@acme.example", "another long password").await;

    let lines = Lines::default();
    let into = lines.clone();
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || into.clone()).finish();
    let _here = tracing::subscriber::set_default(log);
    for (path, form) in [
        ("/admin/users?secret=canary", None),
        ("/admin/settings/status/stream", None),
        ("/admin/users/matching/stream", None),
        ("/admin/users/matching.csv", None),
        ("/admin/settings/support.json", None),
        ("/api/users/remove", Some("text/html")),
        ("/api/users/add", Some("application/json")),
    ] {
        let before = lines.text().len();
        let request =
            Request::builder().uri(path).header("host", "acme.portal.example").header("cookie", &cookie);
        let request = match form {
            Some(accept) => request
                .method("POST")
                .header("accept", accept)
                .header("origin", HTTPS)
                .header("content-type", "application/x-www-form-urlencoded"),
            None => request.header("accept", "text/html"),
        };
        let body = form.map_or_else(Body::empty, |_| Body::from("user=canary&role=user"));
        h.ask(request.body(body).unwrap()).await;
        let new = lines.text()[before..].to_owned();
        let said: Vec<_> = new.lines().filter(|l| l.contains("may not do what they asked for")).collect();
        assert_eq!(said.len(), 1, "{path}: {new}");
        let bare = path.split('?').next().unwrap();
        assert!(said[0].contains(&bea.user_id) && said[0].contains(bare), "{path}: {new}");
        assert!(!new.contains("canary"), "{new}");
    }
}
