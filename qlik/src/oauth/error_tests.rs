use http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

use super::OAuthErrorKind as K;
use super::*;
use crate::answer::Body;

const ALL: [Grant; 5] = [Grant::Code, Grant::Refresh, Grant::Client, Grant::User, Grant::Revocation];
const WITH_TOKEN: [Grant; 3] = [Grant::Code, Grant::Refresh, Grant::Revocation];
const WITHOUT: [Grant; 2] = [Grant::Client, Grant::User];

fn of(status: u16, body: &str, grant: Grant) -> OAuthError {
    let answer = Answer {
        operation: "POST /oauth/token",
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Body::Whole(Zeroizing::new(body.as_bytes().to_vec())),
        retry_after: None,
    };
    OAuthError::of(&answer, grant, &["hush"])
}

fn qlik(code: &str, title: &str, detail: &str) -> String {
    serde_json::json!({"errors":[{"code":code,"title":title,"detail":detail}]}).to_string()
}

fn standard(code: &str, text: &str) -> String {
    serde_json::json!({"error":code,"error_description":text}).to_string()
}

fn each(grants: &[Grant], rows: &[(u16, String, K)]) {
    for grant in grants {
        for (status, body, kind) in rows {
            let error = of(*status, body, *grant);
            assert_eq!(error.kind(), *kind, "{grant:?} {status} {body}");
            assert_eq!(error.error().status(), Some(*status));
        }
    }
}

#[test]
fn a_name_of_the_standard_counts_wherever_an_answer_has_it_and_before_all_words() {
    let hydra = "Client authentication failed (e.g., unknown client, no client authentication included).";
    each(
        &ALL,
        &[
            (401, standard("invalid_client", ""), K::ClientRefused),
            (401, standard("invalid_client", hydra), K::ClientRefused),
            (401, standard("invalid_client", "unknown client or wrong secret"), K::ClientRefused),
            (401, standard("invalid_client", "Unknown client"), K::UnknownClient),
            (401, qlik("OAUTH-1", "invalid_client", "client_secret is wrong"), K::WrongSecret),
            (400, standard("unauthorized_client", "x"), K::GrantNotAllowed),
            (
                403,
                qlik("OAUTH-9403", "unauthorized_client", "Only clients of type web may use this grant"),
                K::GrantNotAllowed,
            ),
            (403, qlik("OAUTH-2", "unauthorized_client", "must be trusted"), K::ConsentNeeded),
            (400, qlik("unsupported_grant_type", "", "the user is disabled"), K::GrantNotAllowed),
            (400, standard("invalid_scope", "the client's secret"), K::ScopeNotAllowed),
            (400, standard("consent_required", ""), K::ConsentNeeded),
            (403, standard("access_denied", "consent is required"), K::ConsentNeeded),
            (403, standard("access_denied", "The user is unknown or disabled"), K::UserDisabled),
            (400, standard("invalid_request", "client_secret and user are unknown"), K::Other),
            (400, qlik("invalid_grant", "", ""), K::InvalidGrant),
        ],
    );
}

#[test]
fn a_code_or_token_that_is_not_valid_is_that_whatever_else_is_said() {
    let rows = [
        (400, standard("invalid_grant", "User consent was revoked"), K::InvalidGrant),
        (400, standard("invalid_grant", "refresh token not found for this client"), K::InvalidGrant),
        (401, qlik("OAUTH-9", "invalid_grant", "user does not exist"), K::InvalidGrant),
        (401, qlik("OAUTH-9", "Invalid code", ""), K::InvalidGrant),
        (400, qlik("OAUTH-9", "Refresh token is invalid or was used", ""), K::InvalidGrant),
        (400, qlik("OAUTH-9", "refresh token not found for this client", ""), K::InvalidGrant),
        (401, qlik("OAUTH-9", "Refresh token is invalid, or client credentials are", ""), K::TokenOrClient),
    ];
    each(&WITH_TOKEN, &rows);
    each(&WITHOUT, &[(400, standard("invalid_grant", "user does not exist"), K::UserUnknown)]);
}

#[test]
fn without_a_name_words_count() {
    each(
        &ALL,
        &[
            (401, qlik("OAUTH-1", "Invalid client secret", ""), K::WrongSecret),
            (401, qlik("OAUTH-2", "Client not found", ""), K::UnknownClient),
            (403, qlik("OAUTH-3", "Grant type not allowed for client", ""), K::GrantNotAllowed),
            (403, qlik("OAUTH-4", "The client is not trusted", ""), K::ConsentNeeded),
            (403, qlik("OAUTH-5", "User is disabled", ""), K::UserDisabled),
            (403, qlik("OAUTH-6", "Too many tokens", ""), K::TooManyTokens),
            (400, qlik("OAUTH-7", "User not found", ""), K::UserUnknown),
            (400, qlik("OAUTH-8", "Scope not allowed", ""), K::ScopeNotAllowed),
            (429, qlik("HTTP-429", "API rate limit reached.", ""), K::RateLimited),
            (500, qlik("X", "user not found", ""), K::Other),
        ],
    );
}

#[test]
fn what_nobody_can_read_is_what_qlik_documents_its_status_for() {
    let (bare, page) = (qlik("OAUTH-1", "Unauthorized", ""), "<html>".to_owned());
    let both = qlik(
        "OAUTH-1",
        "Forbidden because user is disabled or has reached the maximum number of tokens.",
        "",
    );
    each(
        &WITH_TOKEN,
        &[
            (401, bare.clone(), K::TokenOrClient),
            (401, page.clone(), K::TokenOrClient),
            (404, page.clone(), K::Other),
        ],
    );
    each(&WITHOUT, &[(401, bare, K::ClientRefused), (401, String::new(), K::ClientRefused)]);
    for grant in [Grant::Code, Grant::Refresh, Grant::Client, Grant::User] {
        each(&[grant], &[(403, String::new(), K::UserRefused), (403, both.clone(), K::UserRefused)]);
    }
    each(&ALL, &[(400, page.clone(), K::Other), (409, page.clone(), K::Other)]);
    each(&[Grant::User], &[(404, page, K::UserUnknown)]);
}

#[test]
fn only_a_503_of_qliks_own_errors_did_nothing() {
    for (status, may_have) in [(500, true), (502, true), (503, false), (504, true), (401, false)] {
        let error = of(status, "", Grant::Refresh);
        assert_eq!(error.may_have_happened(), may_have, "{status}");
    }
}

#[test]
fn a_text_that_repeats_a_secret_is_not_kept() {
    let error = of(401, &standard("invalid_client", "hush is not the secret of the client"), Grant::Code);
    assert_eq!(
        (error.kind(), error.error().title(), error.error().code()),
        (OAuthErrorKind::WrongSecret, None, None)
    );
    assert!(!format!("{error} {error:?}").contains("hush"));
}
