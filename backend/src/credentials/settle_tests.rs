use std::time::Duration;

use super::*;

const NOW: i64 = 1_800_000_000;

fn begun(want: Want, before: State, stored: bool) -> Begun {
    Begun { want, before, stored, refusals: 0, hold_until: None }
}

fn account(cause: Cause, sent: bool) -> Outcome {
    Outcome::Account { cause, sent }
}

fn too_many(sent: bool) -> Outcome {
    Outcome::TooMany { of: TooManyOf::Account, host: "login.qlik.com".to_owned(), wait: None, sent }
}

fn blocked(sent: bool) -> Outcome {
    Outcome::Blocked { wait: None, host: None, sent }
}

fn unexpected(sent: bool) -> Outcome {
    Outcome::Unexpected { sent, saw: None }
}

fn tenant_refused() -> Outcome {
    Outcome::TenantRefused { told: "HTTP 400, LOGIN-12".to_owned() }
}

fn corporate() -> Outcome {
    Outcome::Corporate { host: "idp.acme.example".to_owned() }
}

fn all() -> Vec<Outcome> {
    vec![
        Outcome::Worked,
        Outcome::Wrong,
        Outcome::Mfa { sent: true },
        Outcome::Mfa { sent: false },
        blocked(true),
        blocked(false),
        too_many(true),
        too_many(false),
        account(Cause::Breached, true),
        account(Cause::Expired, true),
        account(Cause::Unverified, true),
        account(Cause::Captcha, true),
        account(Cause::Captcha, false),
        Outcome::NotMember,
        tenant_refused(),
        Outcome::OtherUser { email_known: true },
        corporate(),
        unexpected(true),
        unexpected(false),
        Outcome::Lost,
        Outcome::NotSent,
    ]
}

/// What becomes of a stored password that the door tried, and of one that the user
/// tried again where it was unclear.
#[test]
fn a_stored_password_is_kept_only_where_it_was_not_sent_or_nobody_knows() {
    use Fate::{Kept, Tried, Wiped};
    let table: [(Outcome, State, Fate, State, Fate); 21] = [
        (Outcome::Worked, State::Works, Kept, State::Works, Tried),
        (Outcome::Wrong, State::Refused, Wiped, State::Refused, Wiped),
        (Outcome::Mfa { sent: true }, State::MfaNeeded, Wiped, State::MfaNeeded, Wiped),
        (Outcome::Mfa { sent: false }, State::MfaNeeded, Kept, State::MfaNeeded, Tried),
        (blocked(true), State::Blocked, Wiped, State::Blocked, Wiped),
        (blocked(false), State::Blocked, Kept, State::Blocked, Tried),
        (too_many(true), State::TooMany, Wiped, State::TooMany, Wiped),
        (too_many(false), State::Works, Kept, State::Unclear, Tried),
        (account(Cause::Breached, true), State::Account, Wiped, State::Account, Wiped),
        (account(Cause::Expired, true), State::Account, Wiped, State::Account, Wiped),
        (account(Cause::Unverified, true), State::Account, Wiped, State::Account, Wiped),
        (account(Cause::Captcha, true), State::Account, Wiped, State::Account, Wiped),
        (account(Cause::Captcha, false), State::Account, Kept, State::Account, Tried),
        (Outcome::NotMember, State::NotMember, Wiped, State::NotMember, Wiped),
        (Outcome::OtherUser { email_known: true }, State::OtherUser, Wiped, State::OtherUser, Wiped),
        (tenant_refused(), State::Unexpected, Wiped, State::Unexpected, Wiped),
        (corporate(), State::SignInChanged, Kept, State::SignInChanged, Tried),
        (unexpected(true), State::Unexpected, Wiped, State::Unexpected, Wiped),
        (unexpected(false), State::Unexpected, Kept, State::Unexpected, Tried),
        (Outcome::Lost, State::Unclear, Kept, State::Unclear, Wiped),
        (Outcome::NotSent, State::Works, Kept, State::Unclear, Tried),
    ];
    for (outcome, door, door_fate, again, again_fate) in table {
        let after = settle(NOW, &begun(Want::Door, State::Works, true), &outcome);
        assert_eq!((after.state, after.password), (door, door_fate), "door: {outcome:?}");
        // What the user typed is the stored one: it is no other beside it.
        assert_eq!(settle(NOW, &begun(Want::Retyped, State::Works, true), &outcome), after, "{outcome:?}");
        assert!(after.password == Kept || outcome.sent(), "wiped unsent: {outcome:?}");
        let after = settle(NOW, &begun(Want::Again, State::Unclear, true), &outcome);
        assert_eq!((after.state, after.password), (again, again_fate), "again: {outcome:?}");
    }
}

#[test]
fn a_typed_password_that_did_not_work_leaves_a_stored_one_but_where_that_can_t_work_either() {
    for outcome in all() {
        let after = settle(NOW, &begun(Want::Typed, State::Works, true), &outcome);
        let ends = matches!(
            &outcome,
            Outcome::Mfa { sent: true }
                | Outcome::Blocked { sent: true, .. }
                | Outcome::TenantRefused { .. }
                | Outcome::Account { cause: Cause::Breached | Cause::Expired | Cause::Unverified, .. }
                | Outcome::NotMember
                | Outcome::OtherUser { .. }
        );
        let fate = match outcome {
            Outcome::Worked => Fate::Tried,
            _ if ends => Fate::Wiped,
            _ => Fate::Kept,
        };
        assert_eq!(after.password, fate, "{outcome:?}");
        assert_eq!(after.state == State::Works, !ends, "{outcome:?}");
    }
}

#[test]
fn a_typed_password_with_none_stored_is_stored_only_where_it_worked() {
    for outcome in all() {
        for before in [State::NotRegistered, State::Refused, State::Unclear] {
            let after = settle(NOW, &begun(Want::Typed, before, false), &outcome);
            assert_eq!(after.password == Fate::Tried, outcome == Outcome::Worked, "{outcome:?}");
            let as_before = matches!(outcome, Outcome::NotSent | Outcome::TooMany { sent: false, .. });
            assert_eq!(after.is_new, !as_before, "{outcome:?}");
            assert!(after.state != State::Trying && (!as_before || after.state == before), "{outcome:?}");
        }
    }
}

#[test]
fn what_was_sent_counts_the_third_pauses_and_success_forgets() {
    for outcome in all() {
        for refusals in 0..4 {
            let begun =
                Begun { refusals, hold_until: Some(NOW + 5), ..begun(Want::Typed, State::Works, true) };
            let after = settle(NOW, &begun, &outcome);
            if outcome == Outcome::Worked {
                assert_eq!((after.refusals, after.hold_until), (0, None));
                continue;
            }
            assert_eq!(after.refusals, refusals + i64::from(outcome.sent()), "{outcome:?}");
            let hold = after.hold_until.unwrap() - NOW;
            let paused = outcome.sent() && refusals >= 2;
            let asked = match outcome {
                Outcome::Blocked { .. } => BLOCKED_FOR,
                Outcome::TooMany { .. } => TOO_MANY_FOR,
                _ => 5,
            };
            assert_eq!(hold, if paused { asked.max(PAUSE) } else { asked }, "{outcome:?} {refusals}");
        }
    }
}

#[test]
fn a_hold_is_as_long_as_qlik_asks_and_no_longer_than_a_day() {
    let table = [
        (None, TOO_MANY_FOR),
        (Some(Duration::ZERO), SHORTEST),
        (Some(Duration::from_secs(7)), SHORTEST),
        (Some(Duration::from_secs(70)), 70),
        (Some(Duration::from_millis(70_001)), 71),
        (Some(Duration::from_hours(20)), 20 * 3600),
        (Some(Duration::from_hours(25)), LONGEST),
        (Some(Duration::MAX), LONGEST),
    ];
    for (wait, seconds) in table {
        let host = "login.qlik.com".to_owned();
        let outcome = Outcome::TooMany { of: TooManyOf::Host, host, wait, sent: false };
        let after = settle(NOW, &begun(Want::Door, State::Works, true), &outcome);
        assert_eq!(after.hold_until, Some(NOW + seconds), "{wait:?}");
        let sign = outcome.sign(NOW).unwrap();
        assert_eq!((sign.host, sign.until), ("login.qlik.com", NOW + seconds), "{wait:?}");
    }
}

#[test]
fn one_user_s_word_holds_a_host_for_a_minute_at_most_and_a_second_one_s_for_the_time_named() {
    let host = || "login.qlik.com".to_owned();
    let many = |of, wait: Option<u64>| Outcome::TooMany {
        of,
        host: host(),
        wait: wait.map(Duration::from_secs),
        sent: true,
    };
    let by_429 = Outcome::Blocked { wait: None, host: Some(host()), sent: true };
    // Alone, and after another user's; in seconds from now.
    let table = [
        (many(TooManyOf::Account, None), Some((None, None))),
        (many(TooManyOf::Account, Some(1_800)), Some((None, None))),
        (many(TooManyOf::Host, None), Some((Some(60), Some(TOO_MANY_FOR)))),
        (many(TooManyOf::Host, Some(1_800)), Some((Some(60), Some(1_800)))),
        (many(TooManyOf::Host, Some(20)), Some((Some(20), Some(20)))),
        (many(TooManyOf::Here, Some(30)), None),
        (by_429, Some((None, None))),
        (blocked(true), None),
        (Outcome::Wrong, None),
    ];
    for (outcome, expected) in table {
        let held = outcome.sign(NOW).map(|sign| {
            let of = |seconded| sign.holds_all(NOW, seconded).map(|until| until - NOW);
            (of(false), of(true))
        });
        assert_eq!(held, expected, "{outcome:?}");
    }
}

#[test]
fn what_the_client_says_is_taken_for_what_it_is() {
    use PasswordLoginError as E;
    let mfa = E::MfaNeeded { password_sent: true };
    let blocked = E::Blocked { retry_after: None, host: None, password_sent: true };
    let by_429 = E::Blocked { retry_after: None, host: Some("Login.Qlik.com".into()), password_sent: true };
    let as_429 = Outcome::Blocked { wait: None, host: Some("login.qlik.com".into()), sent: true };
    let many = E::TooMany {
        of: TooManyOf::Account,
        host: "Login.Qlik.com".into(),
        retry_after: None,
        password_sent: true,
    };
    let corporate = E::CorporateProvider { host: "idp.acme.example".into() };
    let other = E::OtherUser { user_id: "u".into(), email_known: false };
    let table = [
        (E::WrongPassword, Outcome::Wrong),
        (mfa, Outcome::Mfa { sent: true }),
        (blocked, self::blocked(true)),
        (by_429, as_429),
        (many, too_many(true)),
        (E::BreachedPassword, account(Cause::Breached, true)),
        (E::PasswordExpired, account(Cause::Expired, true)),
        (E::EmailNotVerified, account(Cause::Unverified, true)),
        (E::CaptchaNeeded { password_sent: false }, account(Cause::Captcha, false)),
        (corporate, self::corporate()),
        (E::NotMember, Outcome::NotMember),
        (other, Outcome::OtherUser { email_known: false }),
    ];
    for (error, outcome) in table {
        let sent = error.password_sent();
        let seen = Outcome::from(&error);
        assert_eq!(seen, outcome);
        assert_eq!(seen.sent(), sent, "{seen:?}");
    }
}
