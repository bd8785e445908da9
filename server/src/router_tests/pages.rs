//! What each address answers, and to whom.

use super::*;

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
async fn the_status_stream_is_for_administrators() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    assert_eq!(h.get("/admin/settings/status/stream").await.status(), StatusCode::UNAUTHORIZED);
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

    let (_, bea) = user(&h, &ada).await;
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
async fn a_page_that_does_not_exist_is_a_404() {
    let h = house(HTTPS).await;
    h.services.administrator().await.unwrap();
    assert_eq!(h.get("/no/such/page").await.status(), StatusCode::NOT_FOUND);
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
    let (bea, cookie) = user(&h, &ada).await;

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
