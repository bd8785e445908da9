use super::*;

#[test]
fn a_change_may_have_happened_unless_it_is_certain_that_it_did_not() {
    use ErrorKind as K;
    for (kind, may) in [
        (K::Dns, false),
        (K::Connect, false),
        (K::Tls, false),
        (K::Unauthorized, false),
        (K::Forbidden, false),
        (K::NotFound, false),
        (K::Conflict, false),
        (K::BadRequest, false),
        (K::RateLimited, false),
        (K::Signing, false),
        (K::Csrf, false),
        (K::UnexpectedStatus(422), false),
        (K::UnexpectedStatus(302), true),
        (K::UnexpectedStatus(202), true),
        (K::Timeout, true),
        (K::ConnectionLost, true),
        (K::Unavailable, true),
        (K::BadBody, true),
        (K::NotQlik, true),
    ] {
        assert_eq!(Error::new(kind, "POST /x").may_have_happened(), may, "{kind:?}");
    }
    assert!(!Error::new(K::Timeout, "POST /x").unsent().may_have_happened());
}

#[test]
fn the_text_has_what_support_asks_for_and_nothing_from_the_body() {
    let error = Error::new(ErrorKind::Forbidden, "POST /api/v1/api-keys")
        .with_status(StatusCode::FORBIDDEN)
        .with_retry_after(Some(Duration::from_secs(13)))
        .with_envelope(Envelope {
            code: Some("APIKEYS-5".into()),
            title: Some("no\r\nsecret".into()),
            detail: Some("x".repeat(1000)),
            trace_id: Some("abc".into()),
        });
    assert_eq!(
        error.to_string(),
        "POST /api/v1/api-keys: Qlik does not allow this, status 403, code APIKEYS-5, try again in 13 s, trace abc"
    );
    assert!(!format!("{error:?}").contains("secret"));
    assert_eq!(error.title(), Some("nosecret"));
    assert_eq!(error.detail().map(str::len), Some(MAX_TEXT));
}
