use http::HeaderValue;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn session() -> QlikSession {
    let now = at("2026-03-01T12:00:00Z");
    let mut jar = Jar::new("acme.eu.qlikcloud.com".parse().unwrap());
    let mut headers = HeaderMap::new();
    headers.append(header::SET_COOKIE, HeaderValue::from_static("eas.sid=hush; Path=/; Secure"));
    headers.append(header::SET_COOKIE, HeaderValue::from_static("_csrfToken=quiet; Path=/"));
    jar.absorb(&headers, "/login/jwt-session", now);
    let core = SessionCore::new(Some("web-1".into()), jar, Some(CsrfToken::new("token")));
    let user: User = serde_json::from_str(r#"{"id":"u1","subject":"s","name":"Ada"}"#).unwrap();
    QlikSession::new(user, now, Arc::new(core))
}

fn core(session: &QlikSession) -> &SessionCore {
    session.cookies().unwrap()
}

fn headers(session: &QlikSession, host: &str, method: &Method) -> Vec<String> {
    let mut headers = HeaderMap::new();
    let now = session.opened_at();
    core(session).apply(&mut headers, &host.parse().unwrap(), method, "/api/v1/items", now).unwrap();
    headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

#[test]
fn a_change_carries_the_csrf_token_and_a_read_does_not() {
    let session = session();
    let cookie = "cookie: eas.sid=hush; _csrfToken=quiet";
    let web = "qlik-web-integration-id: web-1";
    assert_eq!(headers(&session, "acme.eu.qlikcloud.com", &Method::GET), [cookie, web]);
    assert_eq!(
        headers(&session, "acme.eu.qlikcloud.com", &Method::DELETE),
        [cookie, "qlik-csrf-token: token", web]
    );
}

#[test]
fn nothing_goes_to_another_host_and_nothing_is_taken_from_one() {
    let session = session();
    assert!(headers(&session, "globex.eu.qlikcloud.com", &Method::POST).is_empty());
    let before = session.expose_json();
    let mut set = HeaderMap::new();
    set.append(header::SET_COOKIE, HeaderValue::from_static("eas.sid=other; Path=/"));
    core(&session).absorb(&"globex.eu.qlikcloud.com".parse().unwrap(), &set, "/", session.opened_at());
    assert_eq!(session.expose_json(), before);
}

#[test]
fn a_kept_session_works_as_before() {
    let session = session();
    let back = QlikSession::from_json(&session.expose_json()).unwrap();
    assert_eq!(back.user(), session.user());
    assert_eq!(back.opened_at(), session.opened_at());
    assert_eq!(back.web_integration_id(), Some("web-1"));
    for method in [Method::GET, Method::POST] {
        let sent = |s| headers(s, "acme.eu.qlikcloud.com", &method);
        assert_eq!(sent(&back), sent(&session));
    }
}

#[test]
fn a_kept_bearer_session_works_as_before_and_ends_with_its_token() {
    let (now, then) = (at("2026-03-01T12:00:00Z"), at("2026-03-01T18:00:00Z"));
    let user: User = serde_json::from_str(r#"{"id":"u1","subject":"s","name":"Ada"}"#).unwrap();
    let host: TenantHost = "acme.eu.qlikcloud.com".parse().unwrap();
    let token = Arc::new(AccessToken::new("quiet-token"));
    let session = QlikSession::by_bearer(host.clone(), user, token, now, then);
    assert!(!format!("{session:?}").contains("quiet"));
    let back = QlikSession::from_json(&session.expose_json()).unwrap();
    assert_eq!((back.host(), back.opened_at(), back.ends_at()), (host, now, Some(then)));
    assert_eq!(back.expose_json(), session.expose_json());
    assert!(back.csrf().is_none() && back.cookie_header("/", now).is_none());
}

#[test]
fn what_is_no_kept_session_is_refused() {
    let newer = String::from_utf8(session().expose_json().to_vec()).unwrap().replace("\"v\":1", "\"v\":2");
    for bad in ["", "{}", "null", newer.as_str()] {
        assert!(QlikSession::from_json(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn debug_shows_no_session_secrets() {
    let shown = format!("{:?}", session());
    assert!(shown.contains("u1"));
    for secret in ["hush", "quiet", "token"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
