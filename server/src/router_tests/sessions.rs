//! Cookies: who holds one, what is in it, and when it ends.

use super::*;

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

/// How many sessions were stored: those that a sweep takes when all have expired, by whichever clock.
async fn sessions(h: &House) -> u64 {
    h.services.clock.advance(jiff::SignedDuration::from_hours(24 * 365 * 50));
    let swept = h.services.sweep_web_sessions().await.unwrap();
    h.services.clock.advance(jiff::SignedDuration::from_hours(-24 * 365 * 50));
    swept
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
    let token = invited(&h, &ada).await;
    let join = format!("token={}&password=another+long+password", routes::encode(&token));
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
