//! What the operator is told, and what happens while the database can't be written.

use super::*;

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
