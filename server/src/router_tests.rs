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
    let response = h.ask(sign_in(Some("http://127.0.0.1:3000"), "correct horse battery")).await;
    let session = cookie(&response, "qonduit");
    assert!(!session.is_empty() && !session.contains("Secure"), "{session}");
    // A browser is known where somebody came in, and nowhere else.
    let known = |response: &Response<Body>| {
        ["qonduit-device", "__Host-qonduit-device"].iter().any(|name| !cookie(response, name).is_empty())
    };
    assert!(known(&response));
    let refused = h.ask(sign_in(Some("http://127.0.0.1:3000"), "wrong password here")).await;
    assert!(!known(&refused));
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

fn form(path: &str, accept: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("host", "acme.portal.example")
        .header("origin", HTTPS)
        .header("accept", accept)
        .header("referer", "https://evil.example/page?a=b")
        .header("content-type", "application/x-www-form-urlencoded")
        .extension(axum::extract::ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 7], 1))))
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn a_form_that_can_not_be_read_is_a_bad_request_and_leads_nowhere() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let bodies: [(&str, &[u8]); 6] = [
        ("/api/people/sign-in", b"email=a%40acme.example&email=b%40acme.example&password=x"),
        ("/api/people/sign-in", b"email[x]=1&password=y"),
        ("/api/people/sign-in", b"email[]=1&email[]=2"),
        ("/api/people/sign-in", b"email=\xff"),
        ("/api/people/join", b"token=a&token=b"),
        ("/api/settings/save", b"email_as_subject=perhaps"),
    ];
    for (path, body) in bodies {
        let said = String::from_utf8_lossy(body);
        let data = h.ask(form(path, "application/json", body.to_vec())).await;
        assert_eq!((data.status(), header(&data, "location")), (StatusCode::BAD_REQUEST, ""), "{said}");
        let json = to_bytes(data.into_body(), 1 << 20).await.unwrap();
        let error: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(error, serde_json::json!({ "code": "transport", "kind": "bad_request" }), "{said}");

        let page = h.ask(form(path, "text/html", body.to_vec())).await;
        assert_eq!((page.status(), header(&page, "location")), (StatusCode::BAD_REQUEST, ""), "{said}");
        assert!(header(&page, "content-type").starts_with("text/plain"));
        let words = to_bytes(page.into_body(), 1 << 20).await.unwrap();
        assert!(String::from_utf8_lossy(&words).starts_with("This form could not be read."), "{words:?}");
    }
}

#[tokio::test]
async fn no_form_leads_to_the_page_that_the_request_names_as_its_own() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    for (path, body) in [
        ("/api/people/sign-in", "email=ada%40acme.example&password=correct+horse+battery"),
        ("/api/people/sign-in", "email=ada%40acme.example&password=wrong"),
        ("/api/people/sign-in", ""),
        ("/api/people/sign-out", ""),
        ("/api/people/join", "token=none&password=correct+horse+battery"),
        ("/api/profile/rename", "name=Mallory"),
        ("/api/settings/save", ""),
        ("/api/settings/test", ""),
        ("/api/no/such/function", ""),
    ] {
        let response = h.ask(form(path, "text/html", body)).await;
        let to = header(&response, "location");
        assert!(to.is_empty() || (to.starts_with('/') && !to.contains("evil")), "{path}: {to}");
        assert_ne!(response.status(), StatusCode::FOUND, "{path}");
    }
}

#[tokio::test]
async fn who_tries_too_often_is_told_when_to_try_again() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let wrong = "email=ada%40acme.example&password=not+the+right+one";
    let mut last = None;
    for _ in 0..12 {
        last = Some(h.ask(form("/api/people/sign-in", "application/json", wrong)).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = header(&last, "retry-after").parse().unwrap();
    assert!((1..=3600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_page_with_a_secret_in_its_address_tells_no_file_and_no_form_of_it() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    for path in ["/join?token=abc", "/join/?token=abc", "/qlik/oauth/callback?code=a&state=b"] {
        // The origin alone: with `no-referrer` the page's own form would come with `Origin: null`.
        assert_eq!(header(&h.get(path).await, "referrer-policy"), "strict-origin", "{path}");
    }
    for path in ["/login", "/pkg/none.js", "/healthz"] {
        assert_eq!(header(&h.get(path).await, "referrer-policy"), "same-origin", "{path}");
    }
}

/// A form that a browser sends, with the session that it has.
async fn post(h: &House, path: &str, form: String, cookie: Option<&str>) -> Response<Body> {
    let request = Request::post(path)
        .header("host", "acme.portal.example")
        .header("accept", "text/html")
        .header("origin", HTTPS)
        .header("content-type", "application/x-www-form-urlencoded");
    let request = match cookie {
        Some(cookie) => request.header("cookie", cookie),
        None => request,
    };
    h.ask(request.body(Body::from(form)).unwrap()).await
}

async fn get_with(h: &House, path: &str, cookie: &str) -> Response<Body> {
    let request = Request::get(path).header("host", "acme.portal.example").header("accept", "text/html");
    h.ask(request.header("cookie", cookie).body(Body::empty()).unwrap()).await
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// The `name=value` of the session's cookie that an answer sets; none where it sets none.
fn session_cookie(response: &Response<Body>) -> Option<String> {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
    let ours = all.filter(|v| v.starts_with("__Host-qonduit="));
    ours.map(|v| v.split(';').next().unwrap().to_owned()).next_back()
}

fn flash_cookie(response: &Response<Body>) -> Option<String> {
    let all = response.headers().get_all("set-cookie").iter().map(|v| v.to_str().unwrap());
    let ours = all.filter(|v| v.starts_with("__Host-qonduit-flash="));
    ours.map(|v| v.split(';').next().unwrap().to_owned()).next_back()
}

/// How many sessions were stored: those that a sweep takes when all have expired, by whichever clock.
async fn sessions(h: &House) -> u64 {
    h.services.clock.advance(jiff::SignedDuration::from_hours(24 * 365 * 50));
    let swept = h.services.sweep_web_sessions().await.unwrap();
    h.services.clock.advance(jiff::SignedDuration::from_hours(-24 * 365 * 50));
    swept
}

fn credentials(email: &str, password: &str) -> String {
    format!("email={}&password={}&next=", routes::encode(email), routes::encode(password))
}

#[tokio::test]
async fn nothing_that_a_stranger_sends_is_stored() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let long = "e".repeat(60_000);
    for email in ["ada@acme.example", "nobody@acme.example", "", &long] {
        for _ in 0..15 {
            let answer = post(&h, "/api/people/sign-in", credentials(email, "wrong"), None).await;
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            assert_eq!(session_cookie(&answer), None);
            let flash = answer.headers().get("set-cookie").unwrap();
            assert!(flash.len() <= 4_096, "{}", flash.len());
        }
    }
    let form = format!("code=x&portal_name={long}&name=n&email=e&password=p");
    for path in ["/api/people/set-up", "/api/people/join", "/api/people/sign-out"] {
        assert_eq!(session_cookie(&post(&h, path, form.clone(), None).await), None, "{path}");
    }
    for path in ["/login", "/setup", "/join?token=x", "/apps", "/no/such/page"] {
        let stale = "__Host-qonduit=AAAAAAAAAAAAAAAAAAAAAA; __Host-qonduit-flash=AAAA";
        assert_eq!(session_cookie(&get_with(&h, path, stale).await).filter(|c| !c.ends_with('=')), None);
    }
    assert_eq!(sessions(&h).await, 0);
}

#[tokio::test]
async fn what_was_typed_comes_back_once_without_a_session_and_never_a_secret() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let answer =
        post(&h, "/api/people/sign-in", credentials("ada@acme.example", "wrong hunter2"), None).await;
    let cookie = header(&answer, "set-cookie").to_owned();
    for flag in ["__Host-qonduit-flash=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=300"] {
        assert!(cookie.contains(flag), "{flag} is not in {cookie}");
    }
    let flash = flash_cookie(&answer).unwrap();
    let page = get_with(&h, "/login", &flash).await;
    assert_eq!(flash_cookie(&page).as_deref(), Some("__Host-qonduit-flash="), "it is shown once");
    let html = text(page).await;
    assert!(html.contains("ada@acme.example") && html.contains("E-mail or password is not right."));
    assert!(!html.contains("hunter2"));
    // Not in another's hands: changed, or after its time.
    let mut other = flash.clone();
    let last = if other.pop() == Some('A') { 'B' } else { 'A' };
    other.insert(60, last);
    assert!(!text(get_with(&h, "/login", &other).await).await.contains("ada@acme.example"));
    h.services.clock.advance(jiff::SignedDuration::from_mins(6));
    assert!(!text(get_with(&h, "/login", &flash).await).await.contains("ada@acme.example"));
}

#[tokio::test]
async fn a_noted_cookie_is_worth_nothing_once_another_person_signs_in_over_it() {
    let h = house(HTTPS).await;
    let ada = h.services.administrator().await.unwrap();
    let new = backend::people::NewUser {
        email: "bea@acme.example".to_owned(),
        name: "Bea".to_owned(),
        role: backend::Role::User,
    };
    let link = h.services.add_user(&ada, new).await.unwrap();
    let token = secrecy::ExposeSecret::expose_secret(&link.token);
    let join = format!("token={}&password=another+long+password", routes::encode(token));
    // Over the session of somebody else, by every door.
    let first = cookie_of(&h, "ada@acme.example", "correct horse battery").await;
    let joined = post(&h, "/api/people/join", join, Some(&first)).await;
    let bea = session_cookie(&joined).unwrap();
    let owner = credentials("ada@acme.example", "correct horse battery");
    let signed_in = post(&h, "/api/people/sign-in", owner.clone(), Some(&bea)).await;
    let second = session_cookie(&signed_in).unwrap();
    let again = post(&h, "/api/people/sign-in", owner, Some(&second)).await;
    let third = session_cookie(&again).unwrap();
    for noted in [&first, &bea, &second] {
        assert_ne!(noted, &third);
        assert_eq!(header(&get_with(&h, "/profile", noted).await, "location"), "/login?next=%2Fprofile");
    }
    assert!(text(get_with(&h, "/profile", &third).await).await.contains("ada@acme.example"));
    assert_eq!(sessions(&h).await, 1);
}

#[tokio::test]
async fn a_session_that_was_signed_out_does_not_come_back_by_what_was_under_way() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let cookie = cookie_of(&h, "ada@acme.example", "correct horse battery").await;
    // At the same time: one reads the session and leaves what was typed in it, the other ends it.
    let slow = post(&h, "/api/profile/rename", "name=".to_owned(), Some(&cookie));
    let out = post(&h, "/api/people/sign-out", String::new(), Some(&cookie));
    let (_, out) = futures::join!(slow, out);
    assert_eq!(session_cookie(&out).as_deref(), Some("__Host-qonduit="));
    let told = get_with(&h, "/login", &flash_cookie(&out).unwrap()).await;
    assert!(text(told).await.contains("You are signed out."));
    assert_eq!(header(&get_with(&h, "/profile", &cookie).await, "location"), "/login?next=%2Fprofile");
    assert_eq!(sessions(&h).await, 0);
}

#[tokio::test]
async fn a_database_that_another_program_holds_is_told_as_busy_and_the_server_is_not_ready_until_it_writes() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    let cookie = cookie_of(&h, "ada@acme.example", "correct horse battery").await;
    h.services.tick().await.unwrap();
    let other = h.services.another().await.unwrap();
    let held = other.db().write().await.unwrap();
    h.services.db().on_writer("PRAGMA busy_timeout = 10").await.unwrap();

    // Nobody can be signed in.
    let right = credentials("ada@acme.example", "correct horse battery");
    let answer = post(&h, "/api/people/sign-in", right.clone(), None).await;
    assert_eq!((answer.status(), session_cookie(&answer)), (StatusCode::SEE_OTHER, None));
    let page = get_with(&h, "/login", &flash_cookie(&answer).unwrap()).await;
    assert_eq!((page.status(), header(&page, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert!(text(page).await.contains("database is busy"));
    // Who is signed in reads, and is told what was not stored.
    assert_eq!(get_with(&h, "/profile", &cookie).await.status(), StatusCode::OK);
    let answer = post(&h, "/api/profile/rename", "name=Ada+L".to_owned(), Some(&cookie)).await;
    let both = format!("{cookie}; {}", flash_cookie(&answer).unwrap());
    let page = get_with(&h, "/profile", &both).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(page).await.contains("database is busy"));
    // A script hears it at once.
    let script = Request::post("/api/profile/rename")
        .header("host", "acme.portal.example")
        .header("origin", HTTPS)
        .header("cookie", &cookie)
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = h.ask(script.body(Body::from("name=Ada+L")).unwrap()).await;
    assert_eq!((answer.status(), header(&answer, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));

    let ready = h.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(ready).await.contains(r#""database":"busy""#));
    assert!(h.services.tick().await.is_err(), "the beat finds out");
    drop(held.commit().await);
    h.services.tick().await.unwrap();
    assert_eq!(h.get("/readyz").await.status(), StatusCode::OK);
    assert!(session_cookie(&post(&h, "/api/people/sign-in", right, None).await).is_some());
}

#[tokio::test]
async fn a_full_disk_is_told_as_that_and_is_over_by_itself() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    h.services.tick().await.unwrap();
    let right = credentials("ada@acme.example", "correct horse battery");
    // The next write that needs a page more finds none; a sign-in writes who came in, and its session.
    let mut told = 0;
    for _ in 0..200 {
        h.services.db().on_writer("PRAGMA max_page_count = 1").await.unwrap();
        let answer = post(&h, "/api/people/sign-in", right.clone(), None).await;
        if session_cookie(&answer).is_some() {
            continue;
        }
        told += 1;
        let ready = h.get("/readyz").await;
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(text(ready).await.contains(r#""database":"disk_full""#));
        let page = get_with(&h, "/login", &flash_cookie(&answer).unwrap()).await;
        assert_eq!(page.status(), StatusCode::INSUFFICIENT_STORAGE);
        let page = text(page).await;
        assert!(page.contains("disk is full") && page.contains("ada@acme.example"), "{page}");
        // Room again: nothing need be restarted.
        h.services.tick().await.unwrap();
        assert_eq!(h.get("/readyz").await.status(), StatusCode::OK);
        assert!(session_cookie(&post(&h, "/api/people/sign-in", right.clone(), None).await).is_some());
        break;
    }
    assert_eq!(told, 1, "no write needed a page");
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
