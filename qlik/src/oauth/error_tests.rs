use http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

use super::*;
use crate::answer::Body;

fn of(status: u16, body: &str) -> OAuthError {
    let answer = Answer {
        operation: "POST /oauth/token",
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Body::Whole(Zeroizing::new(body.as_bytes().to_vec())),
        retry_after: None,
    };
    OAuthError::of(&answer, &["hush"])
}

#[test]
fn refusals_of_both_forms_are_told_apart() {
    use OAuthErrorKind as K;
    let qlik = |code: &str, title: &str| format!(r#"{{"errors":[{{"code":"{code}","title":"{title}"}}]}}"#);
    let standard = |code: &str, text: &str| format!(r#"{{"error":"{code}","error_description":"{text}"}}"#);
    for (status, body, kind) in [
        (401, standard("invalid_client", "Client authentication failed"), K::WrongSecret),
        (401, standard("invalid_client", "Unknown client"), K::UnknownClient),
        (401, standard("invalid_client", ""), K::UnknownClient),
        (400, standard("unauthorized_client", "x"), K::GrantNotAllowed),
        (400, standard("unsupported_grant_type", "x"), K::GrantNotAllowed),
        (400, standard("invalid_scope", "x"), K::ScopeNotAllowed),
        (400, standard("invalid_grant", "x"), K::InvalidGrant),
        (400, standard("invalid_grant", "user does not exist"), K::UserUnknown),
        (403, standard("access_denied", "consent is required"), K::ConsentNeeded),
        (400, standard("consent_required", ""), K::ConsentNeeded),
        (401, qlik("OAUTH-1", "Invalid client secret"), K::WrongSecret),
        (401, qlik("OAUTH-2", "Client not found"), K::UnknownClient),
        (403, qlik("OAUTH-3", "Grant type not allowed for client"), K::GrantNotAllowed),
        (403, qlik("OAUTH-4", "The client is not trusted"), K::ConsentNeeded),
        (403, qlik("OAUTH-5", "User is disabled"), K::UserDisabled),
        (403, qlik("OAUTH-6", "Too many tokens"), K::TooManyTokens),
        (400, qlik("OAUTH-7", "User not found"), K::UserUnknown),
        (400, qlik("OAUTH-8", "Scope not allowed"), K::ScopeNotAllowed),
        (400, qlik("OAUTH-9", "Refresh token is invalid or was used"), K::InvalidGrant),
        (400, qlik("invalid_grant", ""), K::InvalidGrant),
        (429, qlik("HTTP-429", "API rate limit reached."), K::RateLimited),
        (500, qlik("X", "user not found"), K::Other),
        (403, String::new(), K::Other),
        (400, "<html>".to_owned(), K::Other),
    ] {
        let error = of(status, &body);
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(error.error().status(), Some(status));
    }
    assert_eq!(of(400, &standard("invalid_grant", "x")).error().code(), Some("invalid_grant"));
}

#[test]
fn a_text_that_repeats_a_secret_is_not_kept() {
    let error = of(401, r#"{"error":"invalid_client","error_description":"hush is not the secret"}"#);
    assert_eq!(
        (error.kind(), error.error().title(), error.error().code()),
        (OAuthErrorKind::WrongSecret, None, None)
    );
    assert!(!format!("{error} {error:?}").contains("hush"));
}
