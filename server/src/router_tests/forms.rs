//! Forms that come from elsewhere, that can't be read, and that come too often.

use super::*;

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
