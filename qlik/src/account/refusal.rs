//! What a refusal means, told by status and code and never by its words.
//!
//! The codes are those of Auth0's login
//! (<https://auth0.com/docs/libraries/common-auth0-library-authentication-errors>),
//! read leniently: a name that says the same in other words means the same. This
//! module must not know what was asked.

use serde_json::Value;
use url::Url;

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Wrong,
    Mfa,
    Blocked,
    TooMany,
    Breached,
    Expired,
    Unverified,
    Captcha,
    NotMember,
}

/// The meaning of one code. `unauthorized` has none: it is written for a wrong password
/// as well as for a block.
pub(super) fn of_code(code: &str) -> Option<Refusal> {
    let plain: String = code
        .trim()
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let has = |parts: &[&str]| parts.iter().any(|part| plain.contains(part));
    Some(match () {
        () if has(&["too_many", "rate_limit", "ratelimit", "slow_down", "throttl"]) => Refusal::TooMany,
        () if has(&["leaked", "breach", "pwned", "compromised"]) => Refusal::Breached,
        () if has(&["mfa", "multifactor", "multi_factor", "two_factor", "2fa", "otp_required"]) => {
            Refusal::Mfa
        }
        () if has(&["captcha", "requires_verification", "bot_detect"]) => Refusal::Captcha,
        () if has(&[
            "password_expired",
            "password_change",
            "change_password",
            "password_reset",
            "reset_password",
        ]) =>
        {
            Refusal::Expired
        }
        () if has(&["unverified", "not_verified", "verify_email", "email_verification"]) => {
            Refusal::Unverified
        }
        () if has(&[
            "invalid_user",
            "invalid_credential",
            "bad_credential",
            "wrong_",
            "invalid_password",
            "invalid_login",
            "invalid_email",
            "incorrect",
            "user_not_found",
            "login_failed",
            "auth_failed",
            "authentication_failed",
        ]) =>
        {
            Refusal::Wrong
        }
        () if has(&["blocked", "locked", "lockout", "suspended", "user_disabled", "account_disabled"]) => {
            Refusal::Blocked
        }
        () if has(&["not_member", "not_a_member", "no_access", "not_invited", "no_membership"]) => {
            Refusal::NotMember
        }
        () => return None,
    })
}

/// The meaning of a JSON answer of a login host to e-mail and password.
pub(super) fn of_json(body: &Value) -> Option<Refusal> {
    let codes = codes(body);
    let has = |names: &[&str]| codes.iter().any(|code| names.contains(code));
    let texts = ["description", "error_description", "message", "detail"];
    let said = |text: &str| says_blocked(text);
    if has(&["unauthorized", "access_denied"])
        && texts.iter().filter_map(|name| body.get(*name)?.as_str()).any(said)
    {
        return Some(Refusal::Blocked);
    }
    let known = codes.iter().find_map(|code| of_code(code));
    // In this answer, and not in a redirect, these are words for a wrong password:
    // Auth0's own, and OAuth's (<https://www.rfc-editor.org/rfc/rfc6749#section-5.2>).
    known.or_else(|| has(&["access_denied", "invalid_grant"]).then_some(Refusal::Wrong))
}

/// Auth0's constant text, which is not translated, beside a code for many things.
fn says_blocked(text: &str) -> bool {
    text.to_ascii_lowercase().contains("is blocked")
}

/// Whether a JSON answer is about what came with e-mail and password, and not about
/// these.
pub(super) fn is_about_the_request(body: &Value) -> bool {
    let parts = ["csrf", "invalid_request", "invalid_state", "invalid_session", "session_expired"];
    codes(body).iter().any(|code| parts.iter().any(|part| code.to_ascii_lowercase().contains(part)))
}

/// The codes of an answer, whatever the members are called.
fn codes(body: &Value) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    let nested = [body.get("error"), body.get("errors").and_then(|errors| errors.get(0))];
    for object in [Some(body)].into_iter().chain(nested).flatten() {
        for name in ["code", "error_code", "errorCode", "error", "name", "type", "original_error"] {
            all.extend(object.get(name).and_then(Value::as_str));
        }
    }
    all
}

/// Whether an answer about too many tries is about the account's own, by its code:
/// `too_many_attempts` is, `too_many_requests` is not.
pub(super) fn is_of_account(body: &Value) -> bool {
    let parts = ["attempt", "failure", "blocked", "locked"];
    codes(body).iter().any(|code| parts.iter().any(|part| code.to_ascii_lowercase().contains(part)))
}

/// The seconds that a JSON answer asks to wait.
pub(super) fn wait(body: &Value) -> Option<std::time::Duration> {
    let names = ["retry_after", "retryAfter", "retry_after_seconds", "blocked_for"];
    let seconds = names.iter().find_map(|name| body.get(*name)).and_then(Value::as_u64);
    seconds.map(std::time::Duration::from_secs)
}

/// The meaning of an error that an address carries back
/// (<https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1>). `at_login`: to the login
/// host, which judges passwords; a tenant judges none, only whom it lets in.
pub(super) fn of_address(url: &Url, at_login: bool) -> Option<Refusal> {
    let value = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
    let code = value("error_code").or_else(|| value("error"))?;
    let blocked = value("error_description").is_some_and(|text| says_blocked(&text));
    match code.as_str() {
        "access_denied" | "unauthorized" if blocked => Some(Refusal::Blocked),
        "access_denied" | "unauthorized" if at_login => Some(Refusal::Wrong),
        "access_denied" | "unauthorized" => Some(Refusal::NotMember),
        other => of_code(other).filter(|refusal| at_login || *refusal != Refusal::Wrong),
    }
}

/// Whether an address is one that asks for a second factor, a new password or a
/// confirmed e-mail address.
pub(super) fn of_path(url: &Url) -> Option<Refusal> {
    url.path_segments()?.find_map(|segment| {
        let segment = segment.to_ascii_lowercase();
        match segment.as_str() {
            // Auth0's classic second factor is at `/mf`.
            "mfa" | "mf" | "otp" | "totp" | "guardian" => Some(Refusal::Mfa),
            _ if segment.starts_with("mfa-") || segment.starts_with("mfa_") => Some(Refusal::Mfa),
            _ if segment.starts_with("reset-password") || segment.starts_with("change-password") => {
                Some(Refusal::Expired)
            }
            "password-expired" | "change_password" | "reset_password" => Some(Refusal::Expired),
            "email-verification" | "verify-email" | "verify_email" | "unverified" => {
                Some(Refusal::Unverified)
            }
            "user-blocked" | "account-blocked" | "blocked" => Some(Refusal::Blocked),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_codes_of_auth0_have_their_meaning() {
        for (code, meaning) in [
            ("invalid_user_password", Some(Refusal::Wrong)),
            ("lock.invalid_user_password", Some(Refusal::Wrong)),
            ("wrong-email-credentials", Some(Refusal::Wrong)),
            ("too_many_attempts", Some(Refusal::TooMany)),
            ("too-many-failures", Some(Refusal::TooMany)),
            ("password_leaked", Some(Refusal::Breached)),
            ("mfa_required", Some(Refusal::Mfa)),
            ("a0.mfa_registration_required", Some(Refusal::Mfa)),
            ("unauthorized", None),
            ("Unauthorized", None),
            ("invalid_user", Some(Refusal::Wrong)),
            ("user_not_found", Some(Refusal::Wrong)),
            ("login_failed", Some(Refusal::Wrong)),
            ("authentication_failed", Some(Refusal::Wrong)),
            ("invalid_email_or_password", Some(Refusal::Wrong)),
            ("incorrect_credentials", Some(Refusal::Wrong)),
            ("blocked_user", Some(Refusal::Blocked)),
            ("user-blocked", Some(Refusal::Blocked)),
            ("account_locked", Some(Refusal::Blocked)),
            ("password_change_required", Some(Refusal::Expired)),
            ("invalid_captcha", Some(Refusal::Captcha)),
            ("requires_verification", Some(Refusal::Captcha)),
            ("email_not_verified", Some(Refusal::Unverified)),
            ("ValidationError", None),
            ("", None),
        ] {
            assert_eq!(of_code(code), meaning, "{code}");
        }
    }

    #[test]
    fn a_json_refusal_is_read_whatever_its_members_are_called() {
        for (body, meaning) in [
            (json!({"name":"ValidationError","code":"invalid_user_password"}), Some(Refusal::Wrong)),
            (json!({"error":"access_denied","error_description":"x"}), Some(Refusal::Wrong)),
            (json!({"code":"too_many_attempts","statusCode":429}), Some(Refusal::TooMany)),
            (json!({"errors":[{"code":"password_leaked"}]}), Some(Refusal::Breached)),
            (json!({"error":{"code":"mfa_required"}}), Some(Refusal::Mfa)),
            (json!({"error":"invalid_grant"}), Some(Refusal::Wrong)),
            (json!({"code":"unauthorized","description":"user is blocked"}), Some(Refusal::Blocked)),
            (json!({"error":"access_denied","error_description":"User is blocked."}), Some(Refusal::Blocked)),
            (json!({"code":"unauthorized","description":"Wrong email or password."}), None),
            (json!({"error":"Unauthorized","statusCode":401}), None),
            (json!([1, 2]), None),
            (json!(null), None),
        ] {
            assert_eq!(of_json(&body), meaning, "{body}");
        }
        for (code, expected) in [
            ("too_many_attempts", true),
            ("too-many-failures", true),
            ("account_locked", true),
            ("too_many_requests", false),
            ("rate_limit_exceeded", false),
            ("access_denied", false),
        ] {
            assert_eq!(is_of_account(&json!({ "code": code })), expected, "{code}");
        }
        assert_eq!(wait(&json!({"retryAfter": 60})), Some(std::time::Duration::from_mins(1)));
    }

    #[test]
    fn an_address_tells_what_it_brings_back() {
        let of = |query: &str, at_login| {
            of_address(&Url::parse(&format!("https://acme.eu.qlikcloud.com/cb?{query}")).unwrap(), at_login)
        };
        let blocked = "error=unauthorized&error_description=user%20is%20blocked";
        for (query, at_tenant, at_login) in [
            ("error=access_denied", Some(Refusal::NotMember), Some(Refusal::Wrong)),
            ("error=unauthorized", Some(Refusal::NotMember), Some(Refusal::Wrong)),
            ("error=invalid_user_password", None, Some(Refusal::Wrong)),
            (blocked, Some(Refusal::Blocked), Some(Refusal::Blocked)),
            ("error=mfa_required", Some(Refusal::Mfa), Some(Refusal::Mfa)),
            ("error=server_error", None, None),
            ("code=1&state=2", None, None),
        ] {
            assert_eq!((of(query, false), of(query, true)), (at_tenant, at_login), "{query}");
        }
        let path = |path: &str| of_path(&Url::parse(&format!("https://login.qlik.com{path}")).unwrap());
        assert_eq!(path("/u/mfa-otp-challenge?state=1"), Some(Refusal::Mfa));
        assert_eq!(path("/mfa"), Some(Refusal::Mfa));
        assert_eq!(path("/mf"), Some(Refusal::Mfa));
        assert_eq!(path("/u/login"), None);
    }
}
