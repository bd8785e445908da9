//! The sentences for codes: what is so, then what to do. The one place where
//! they are written, for a page and for an island.

use crate::error::{AppError, FieldError, QlikTrouble, Sealed, StorageTrouble, Transport};

/// What a person is told about `field` for `code`.
#[expect(clippy::too_many_lines, reason = "a table: a sentence for each code")]
pub fn field_message(field: &str, code: &str) -> String {
    if let ("password" | "new_password", Some(text)) = (field, password_message(code)) {
        return text.to_owned();
    }
    let text = match (field, code) {
        ("code", "required") => "Enter the set-up code that the server printed.",
        ("code", "wrong") => {
            "This is not the set-up code. The server prints it each time it starts, until the portal exists."
        }
        ("portal_name", "required") => "Enter a name for the portal, such as your company’s.",
        ("name", "required") => "Enter a name.",
        ("email", "required") => "Enter an e-mail address.",
        ("current_password", "required") => "Enter your current password.",
        ("current_password", "wrong") => "This is not your current password.",
        ("tenant_host", "required") => "Enter the hostname of your Qlik tenant.",
        ("web_integration_id", "required") => "Enter the id of the web integration.",
        ("web_integration_id", "not_an_id") => {
            "This is not the id of a web integration. Copy it from the list under Web in Qlik."
        }
        ("auth_option", "required") => "Choose how the portal signs in to Qlik.",
        ("api_key", "bad_token") => {
            "This is not an API key. Copy the whole key: Qlik shows it once, when it is generated."
        }
        ("api_key", "other_tenant") => {
            "The stored key belongs to another Qlik tenant and is not sent to this one. Paste a key made in this tenant."
        }
        ("api_key", "unreadable") => {
            "The stored key can’t be opened: its row was changed, or the server’s keyring is another one. Paste an API key."
        }
        ("api_key", "required") => "Paste an API key made in your Qlik tenant.",
        ("oauth_client_id", "required") => "Enter the id of the OAuth client.",
        ("oauth_client_id", "not_a_client_id") => {
            "This is not the id of an OAuth client. Copy it from Administration > OAuth in Qlik."
        }
        ("oauth_client_secret", "required") => "Paste the secret of the OAuth client.",
        ("oauth_client_secret", "other_client") => {
            "The stored secret belongs to another client or tenant and is not sent there. Paste this client’s secret."
        }
        ("oauth_client_secret", "not_a_secret") => {
            "This is not a client secret. Copy the whole secret: Qlik shows it once, when it is made."
        }
        ("qlik_password", "required") => "Enter the password of your Qlik account.",
        ("qlik_password", "wait") => "A sign-in is under way. Wait until it ends, then try again.",
        ("qlik_password", "too_long") => "This is longer than a Qlik password can be.",
        ("qlik_password", "same_as_refused") => {
            "Qlik refused this very password before, so it was not sent again: a few refusals block an account. If it is \
             right by now, remove what is registered first."
        }
        ("email", "too_long") => "Use at most 254 characters.",
        ("name" | "portal_name", "too_long") => "Use at most 100 characters.",
        ("smtp_host", "not_a_mail_host") => "This is not a hostname. It looks like smtp.acme.example.",
        ("smtp_port", "not_a_port") => "Enter a port from 1 to 65535. Mail servers use 587 or 465.",
        ("smtp_security", "only_this_machine") => {
            "Unencrypted mail is for a server on this machine alone. Choose STARTTLS or TLS."
        }
        ("smtp_security", _) => "Choose how the connection is encrypted.",
        ("smtp_user", "required") => "Enter the user that this password belongs to.",
        ("smtp_password", "required") => "Enter the password of this user.",
        ("smtp_password", "other_server") => {
            "The stored password is for another server, port, encryption or user and is not sent with these. Enter the \
             password."
        }
        ("mail_from", "required") => "Enter the address that mail comes from.",
        ("mail_to", "not_an_email") => "One of these is not an e-mail address. Part them by commas.",
        ("mail_to", "too_many") => "Enter at most 20 addresses. A mailing list can reach more people.",
        ("webhook_url", "not_a_url") => {
            "This is not an address. It looks like https://hooks.acme.example/qonduit."
        }
        ("webhook_url", "not_https") => {
            "Use an https address. Plain HTTP could be read and changed on the way."
        }
        ("webhook_url", "has_password") => {
            "Leave user and password out of the address. Each webhook is signed instead."
        }
        ("repeat_hours", "not_hours") => "Enter a number of hours from 1 to 168.",
        ("role", _) => "Choose a role.",
        (_, "not_an_email") => "This is not an e-mail address. It needs a name, an @ and a domain.",
        (_, "taken") => "Someone in this portal has this e-mail address already.",
        (_, "not_a_host") => "This is not a hostname. It looks like acme.eu.qlikcloud.com.",
        (_, "has_port") => "Leave out the port. Qlik Cloud is reached at the standard one.",
        (_, "ip_address") => "Enter the hostname of your Qlik tenant rather than an address.",
        (_, "not_qlik") => {
            "This host is not at qlikcloud.com or qlikcloudgov.com. Enter the hostname from the address bar of your Qlik Cloud."
        }
        (_, "bad_token") => {
            "This link does not work any more. It may have been used or replaced; ask an administrator for a new one."
        }
        (_, "expired") => "This link has expired. Ask an administrator for a new one.",
        (_, "last_administrator") => {
            "This is the last active administrator. Make someone else an administrator first."
        }
        (_, "owner") => "The owner of the portal always stays an active administrator.",
        (_, "self") => "You can’t do this to your own account. Ask another administrator.",
        (_, "required") => "Fill this in.",
        (_, "too_long") => "This is too long.",
        (_, "too_short") => "This is too short.",
        (_, "control_characters") => "Leave out line breaks and other characters that can’t be seen.",
        (_, "unknown_characters") => {
            "Leave out characters that have no agreed meaning. Other people can’t see them."
        }
        (_, "wrong") => "This is not right.",
        _ => UNKNOWN,
    };
    text.to_owned()
}

/// What is told of a new password.
fn password_message(code: &str) -> Option<&'static str> {
    Some(match code {
        "required" => "Enter a password.",
        "too_short" => "Use at least 12 characters.",
        "too_long" => "Use at most 256 characters.",
        "same_as_email" => "Use something other than the e-mail address.",
        "common" => {
            "This is tried first: it is on the lists of common and leaked passwords, or close to one. \
             Use a few words that don’t belong together."
        }
        "personal" => {
            "This is little more than your name, your e-mail, the portal’s name or Qlik’s. \
             Use a few words that don’t belong together."
        }
        "guessable" => {
            "This is guessed quickly: a word and a year, say, a run of keys, or a repetition. \
             Use a few words that don’t belong together."
        }
        _ => return None,
    })
}

/// For a code that nobody wrote a sentence for.
const UNKNOWN: &str = "This can’t be used.";

/// The sentence for one field's error.
pub fn field_error(error: &FieldError) -> String {
    field_message(&error.field, &error.code)
}

/// What a person is told about `error` where it is not tied to a field.
pub fn error_message(error: &AppError) -> String {
    match error {
        AppError::NotSetUp => "This portal is not set up yet.".to_owned(),
        AppError::NoSuchPortal => "No portal answers at this address.".to_owned(),
        AppError::NotSignedIn => "You are not signed in any more. Sign in and try again.".to_owned(),
        AppError::NotAllowed => "This needs an administrator.".to_owned(),
        AppError::NotFound => "This does not exist any more.".to_owned(),
        AppError::Conflict { hint } => conflict_message(hint).to_owned(),
        AppError::BadCredentials => "E-mail or password is not right.".to_owned(),
        AppError::TooManyTries { retry_after_s } => {
            format!("Too many tries. Try again in {}.", wait(*retry_after_s))
        }
        AppError::Invalid { fields } => match fields.as_slice() {
            [one] => field_error(one),
            _ => "Some fields can’t be taken as they are.".to_owned(),
        },
        AppError::Qlik { kind, retry_after_s, .. } => qlik_message(*kind, *retry_after_s),
        AppError::Storage { kind } => storage_message(*kind).to_owned(),
        AppError::Sealed { what } => sealed_message(*what),
        AppError::Internal { incident } => {
            format!(
                "Something went wrong here. Nothing was changed. Tell your operator the number {incident}."
            )
        }
        AppError::Transport { kind } => match kind {
            Transport::Unreachable => "The portal can’t be reached. Check your connection and try again.",
            Transport::BadRequest => "The form did not arrive whole. Open the page anew and try again.",
            Transport::BadAnswer => "The portal’s answer can’t be read. Open the page anew and try again.",
        }
        .to_owned(),
    }
}

/// What the owner of an account is told of refused sign-ins: how many, from how many
/// places, and until when.
pub fn refused_sign_ins(tries: i64, places: usize, or_more: bool, last: &str) -> String {
    let tries = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
    let places = match (places, or_more) {
        (1, _) => "one address".to_owned(),
        (n, false) => format!("{n} addresses"),
        (n, true) => format!("{n} addresses or more"),
    };
    format!(
        "Someone tried to sign in to your account and was refused: {tries}, from {places}, the last on {last}. \
         If it wasn’t you, tell an administrator, and use this password nowhere else."
    )
}

fn conflict_message(hint: &str) -> &'static str {
    match hint {
        "a portal exists" => "This portal is set up already. Sign in instead.",
        "the user is disabled" => "This account is disabled. Enable it first, then make a link.",
        "the key was renewed while the settings were tested" => {
            "The key was renewed while the settings were tested, so nothing was stored. Save again."
        }
        "the portal is connected to another tenant" => {
            "The portal is connected to another Qlik tenant by now, so nothing was stored. Choose for this one."
        }
        "a rotation is under way" => "The key is being replaced already. See below how far it is.",
        "the rotation is in another phase" => "This can’t be done in this phase. See below how far it is.",
        "the change was replaced meanwhile" => {
            "Another change was entered meanwhile. Look at it as it is now, then decide."
        }
        "the settings were changed meanwhile" => {
            "Someone else changed the settings meanwhile. Look at them as they are now, then try again."
        }
        "a renewal is under way" => {
            "The present key is being renewed at this moment. Try again in a minute; nothing was changed."
        }
        "renewal_running" => "A renewal is running. Wait for it to end, then try again.",
        _ => "Someone else changed this meanwhile. Look at it as it is now, then try again.",
    }
}

fn sealed_message(what: Sealed) -> String {
    let (what, again) = match what {
        Sealed::ApiKey => {
            ("The stored API key", "An administrator can paste an API key on the settings page.")
        }
        Sealed::SigningKey => {
            ("The portal’s signing key", "An administrator can replace it on the page of the signing key.")
        }
        Sealed::ClientSecret => (
            "The stored secret of the OAuth client",
            "An administrator can paste the client’s secret on the settings page.",
        ),
        Sealed::Grant => {
            ("Your stored connection to Qlik", "Disconnect in your profile, then choose Connect to Qlik.")
        }
        Sealed::QlikPassword => {
            ("Your stored Qlik password", "Remove it in your profile, then enter it again.")
        }
        Sealed::Waiting => (
            "The stored key of what was begun",
            "An administrator can discard the change or the set-up, then begin anew.",
        ),
        Sealed::Notices => (
            "The stored password or secret for notices",
            "An administrator can enter it again on the notifications page.",
        ),
        Sealed::Other => ("A stored secret", "Whoever runs the server finds in its log which one."),
    };
    format!(
        "{what} can’t be opened: its row in the database was changed, or the keyring is another one. {again} Or whoever \
         runs the server puts back a database and a keyring that belong together."
    )
}

fn storage_message(kind: StorageTrouble) -> &'static str {
    match kind {
        StorageTrouble::Full => {
            "The server’s disk is full, so this could not be saved. Whoever runs the server has to make room on it; \
             then try again. No restart is needed."
        }
        StorageTrouble::ReadOnly => {
            "The server may not write its database, so this could not be saved. Whoever runs the server has to make \
             the file and its folder writable; then try again."
        }
        StorageTrouble::Failing => {
            "The server’s disk does not work, so this could not be saved. Whoever runs the server has to look at the \
             disk; then try again."
        }
        StorageTrouble::Busy => {
            "The server’s database is busy: another program holds it. Nothing was changed. Try again in a few seconds."
        }
        StorageTrouble::Damaged => {
            "The server’s database is damaged. Whoever runs the server has to restore it from a backup."
        }
    }
}

fn qlik_message(kind: QlikTrouble, retry_after_s: Option<u64>) -> String {
    match (kind, retry_after_s) {
        (QlikTrouble::Away, _) => "Qlik does not answer. Try again in a few minutes.".to_owned(),
        (QlikTrouble::Refused, _) => {
            "Qlik refused the sign-in. An administrator can test the connection.".to_owned()
        }
        (QlikTrouble::RateLimited, Some(s)) => {
            format!("Qlik has had too many requests for now. Try again in {}.", wait(s))
        }
        (QlikTrouble::RateLimited, None) => {
            "Qlik has had too many requests for now. Try again in a minute.".to_owned()
        }
        (QlikTrouble::Other, _) => {
            "Qlik answered with an error. Try again; if it stays, test the connection.".to_owned()
        }
    }
}

/// A length of time to wait, rounded up: `20 seconds`, `5 minutes`, `2 hours`.
pub fn wait(seconds: u64) -> String {
    let (n, unit) = match seconds {
        0..=90 => (seconds.max(1), "second"),
        91..=5400 => (seconds.div_ceil(60), "minute"),
        _ => (seconds.div_ceil(3600), "hour"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

/// How far `seconds` is from now, in its two largest units: `in 4 d 3 h`,
/// `2 min ago`, `now`. Negative is past.
pub fn relative(seconds: i64) -> String {
    let away = seconds.unsigned_abs();
    let (days, hours, minutes) = (away / 86_400, away / 3_600 % 24, away / 60 % 60);
    let span = match (days, hours, minutes) {
        (0, 0, 0) => return "now".to_owned(),
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, 0, _) => format!("{d} d"),
        (d, h, _) => format!("{d} d {h} h"),
    };
    if seconds > 0 { format!("in {span}") } else { format!("{span} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_the_backend_uses_has_its_own_sentence() {
        for (field, codes) in [
            ("code", &["required", "wrong"][..]),
            ("portal_name", &["required", "too_long", "control_characters", "unknown_characters"]),
            ("name", &["required", "too_long", "control_characters", "unknown_characters"]),
            (
                "email",
                &[
                    "required",
                    "not_an_email",
                    "too_long",
                    "taken",
                    "control_characters",
                    "unknown_characters",
                ],
            ),
            (
                "password",
                &["required", "too_short", "too_long", "same_as_email", "common", "personal", "guessable"],
            ),
            ("current_password", &["required", "wrong"]),
            (
                "new_password",
                &["required", "too_short", "too_long", "same_as_email", "common", "personal", "guessable"],
            ),
            ("role", &["required", "wrong"]),
            ("token", &["bad_token", "expired"]),
            ("user", &["last_administrator", "owner", "self"]),
            ("tenant_host", &["required", "not_a_host", "has_port", "ip_address", "not_qlik"]),
            ("web_integration_id", &["required", "not_an_id"]),
            ("auth_option", &["required"]),
            ("oauth_client_id", &["required", "not_a_client_id"]),
            ("oauth_client_secret", &["required", "other_client", "not_a_secret"]),
            ("qlik_password", &["required", "too_long", "same_as_refused", "wait"]),
            ("api_key", &["required", "bad_token", "other_tenant", "unreadable"]),
            ("smtp_host", &["not_a_mail_host"]),
            ("smtp_port", &["not_a_port"]),
            ("smtp_security", &["required", "only_this_machine"]),
            ("smtp_user", &["required"]),
            ("smtp_password", &["required", "other_server"]),
            ("mail_from", &["required", "not_an_email", "control_characters"]),
            ("mail_to", &["not_an_email", "too_many"]),
            ("webhook_url", &["not_a_url", "not_https", "has_password", "too_long"]),
            ("repeat_hours", &["not_hours"]),
        ] {
            for code in codes {
                let text = field_message(field, code);
                assert_ne!(text, UNKNOWN, "{field}/{code}");
                assert!(text.ends_with('.') && !text.contains('!'), "{text}");
            }
        }
    }

    #[test]
    fn an_unknown_code_is_not_shown_to_a_person() {
        let text = field_message("email", "zq17");
        assert_eq!(text, UNKNOWN);
    }

    #[test]
    fn an_error_with_one_field_says_that_field_s_sentence() {
        assert_eq!(error_message(&AppError::field("email", "taken")), field_message("email", "taken"));
    }

    #[test]
    fn what_is_wrong_with_the_server_s_storage_has_words_of_its_own_for_each_kind() {
        use StorageTrouble as K;
        let storage = [K::Full, K::ReadOnly, K::Failing, K::Busy, K::Damaged];
        let sealed = [
            Sealed::ApiKey,
            Sealed::SigningKey,
            Sealed::ClientSecret,
            Sealed::Grant,
            Sealed::QlikPassword,
            Sealed::Waiting,
            Sealed::Notices,
            Sealed::Other,
        ];
        let storage = storage.map(|kind| error_message(&AppError::Storage { kind }));
        assert!(storage[0].contains("disk is full") && storage[3].contains("Try again in a few seconds"));
        let sealed = sealed.map(|what| error_message(&AppError::Sealed { what }));
        let all: std::collections::BTreeSet<_> = storage.iter().chain(&sealed).collect();
        assert_eq!(all.len(), 13);
        assert!(all.iter().all(|text| text.ends_with('.') && !text.contains("  ")), "{all:?}");
    }

    #[test]
    fn refused_sign_ins_are_counted_in_words() {
        let once = refused_sign_ins(1, 1, false, "20 Nov 2026, 10:00 UTC");
        assert!(
            once.contains("refused: once, from one address, the last on 20 Nov 2026, 10:00 UTC."),
            "{once}"
        );
        assert!(refused_sign_ins(37, 12, false, "x").contains("37 times, from 12 addresses,"));
        assert!(refused_sign_ins(99, 64, true, "x").contains("99 times, from 64 addresses or more,"));
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        for (seconds, words) in [
            (0, "1 second"),
            (1, "1 second"),
            (20, "20 seconds"),
            (91, "2 minutes"),
            (301, "6 minutes"),
            (5401, "2 hours"),
        ] {
            assert_eq!(wait(seconds), words);
        }
    }

    #[test]
    fn relative_times_name_their_two_largest_units() {
        for (seconds, words) in [
            (0, "now"),
            (59, "now"),
            (-59, "now"),
            (60, "in 1 min"),
            (-120, "2 min ago"),
            (3_600, "in 1 h"),
            (-3_660, "1 h 1 min ago"),
            (86_400 * 4 + 3_600 * 3 + 59, "in 4 d 3 h"),
            (-86_400, "1 d ago"),
        ] {
            assert_eq!(relative(seconds), words);
        }
    }
}
