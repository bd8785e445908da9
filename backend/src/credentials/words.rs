//! What the states of Qlik credentials mean, in words for people.
//!
//! This module must not know what is decided by them.

use super::{core::Why, settle::BY_TENANT, state::CredentialState as State};
use crate::{
    door::{Trouble, TroubleKind, Who},
    words::Said,
};

/// A state as it is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) state: State,
    /// What is stored beside the state.
    pub(super) detail: Option<&'a str>,
    /// Whether a password is stored.
    pub(super) stored: bool,
}

const TYPE_IT: &str = "Then type the password again under Profile > Qlik credentials.";
const OTHER_OPTION: &str =
    "An administrator of this portal chooses another authentication option under Administration > Settings.";

/// What a state means; none where all is well.
pub(super) fn said(told: Told<'_>) -> Option<Said> {
    Some(match told.state {
        State::Works => return None,
        State::NotRegistered => Said::new(
            "No password of a Qlik account is registered here.",
            "Register it under Profile > Qlik credentials.",
        ),
        State::Trying => Said::new("A sign-in at Qlik is under way.", "Look again in a moment."),
        State::Unclear => unclear(told.stored),
        State::Refused => Said::new(
            "Qlik does not accept this e-mail and password.",
            "Type the password that signs in at Qlik under Profile > Qlik credentials. The one that was refused is not sent again.",
        ),
        State::MfaNeeded => Said::new(
            "The Qlik account asks for a second factor, which this portal can't give.",
            "An administrator of this portal can choose Qlik OAuth, which works with it.",
        ),
        State::Blocked => Said::new(
            "Qlik has blocked the account for a time.",
            format!("Look for an e-mail from Qlik about it, or wait. {TYPE_IT}"),
        ),
        State::TooMany => Said::new(
            "Qlik takes no sign-ins for a time, because there were too many.",
            format!("Wait until the time is over. {TYPE_IT}"),
        ),
        State::Account => account(told.detail),
        State::NotMember => Said::new(
            "The Qlik account is not a user of this portal's Qlik tenant.",
            format!("A Tenant Admin can invite it. {TYPE_IT}"),
        ),
        State::OtherUser if told.detail.is_some() => Said::new(
            "Qlik does not tell the e-mail of the user that signed in, so it is not known whose session it was. It was closed and not used.",
            "A Tenant Admin adds the e-mail at Qlik.",
        ),
        State::OtherUser => Said::new(
            "The sign-in opened the session of a Qlik user with another e-mail. It was closed and not used.",
            "The e-mail must be the same here and in Qlik. A Tenant Admin or an administrator of this portal corrects it.",
        ),
        State::SignInChanged => {
            let at = told.detail.map_or_else(|| "elsewhere".to_owned(), |host| format!("at {host}"));
            Said::new(
                format!("The Qlik tenant signs people in {at}, and not with Qlik accounts."),
                OTHER_OPTION,
            )
        }
        State::Unexpected => unexpected(told.detail, told.stored),
        State::Unused => Said::new(
            "What was registered here was for another connection, and is not used any more.",
            "Where this portal uses Qlik credentials, register the password anew under Profile > Qlik credentials.",
        ),
    })
}

fn unclear(stored: bool) -> Said {
    let says = "The last sign-in at Qlik ended without an answer, so it is not known whether it was refused.";
    if stored {
        Said::new(says, "It is not tried again by itself. Try once more under Profile > Qlik credentials.")
    } else {
        Said::new(says, "Type the password again under Profile > Qlik credentials.")
    }
}

fn unexpected(detail: Option<&str>, stored: bool) -> Said {
    if let Some(told) = detail.and_then(|detail| detail.strip_prefix(BY_TENANT)) {
        return Said::new(
            format!(
                "Qlik accepts this e-mail and password, but the Qlik tenant refuses the sign-in ({told})."
            ),
            format!(
                "The account may be disabled, invited and not confirmed, or no user of the tenant. A Tenant Admin can \
                 look at it, and Qlik's support by the code and trace id. {TYPE_IT}"
            ),
        );
    }
    let saw = detail.map_or_else(String::new, |saw| format!(" It saw: {saw}."));
    let says = format!("Qlik's sign-in page is not as this portal knows it.{saw}");
    if stored {
        Said::new(
            format!("{says} The password was not sent."),
            "Try once more under Profile > Qlik credentials. If it stays so, an administrator of this portal can choose Qlik OAuth.",
        )
    } else {
        Said::new(says, "If it stays so, an administrator of this portal can choose Qlik OAuth.")
    }
}

fn account(cause: Option<&str>) -> Said {
    match cause {
        Some("breached") => Said::new(
            "Qlik refuses this password, because it is in a list of stolen ones.",
            format!("Choose another one at Qlik. {TYPE_IT}"),
        ),
        Some("expired") => {
            Said::new("Qlik asks for a new password.", format!("Sign in at Qlik and choose one. {TYPE_IT}"))
        }
        Some("unverified") => Said::new(
            "The e-mail address of the Qlik account is not confirmed yet.",
            format!("Confirm it with the e-mail that Qlik sent. {TYPE_IT}"),
        ),
        Some("captcha") => Said::new(
            "Qlik's sign-in page asks to prove that a person is there.",
            "Sign in at Qlik in your browser, then try again under Profile > Qlik credentials.",
        ),
        _ => Said::new(
            "The Qlik account needs something to be done at Qlik.",
            format!("Sign in at Qlik and see what it asks for. {TYPE_IT}"),
        ),
    }
}

/// What a state means for somebody who needs Qlik.
pub(super) fn trouble(told: Told<'_>) -> Trouble {
    let (kind, who) = match told.state {
        State::NotRegistered | State::Unused => (TroubleKind::NotRegistered, Who::You),
        State::NotMember => (TroubleKind::NoQlikUser, Who::QlikAdministrator),
        State::OtherUser => (TroubleKind::WrongUser, Who::Administrator),
        State::SignInChanged | State::MfaNeeded => (TroubleKind::CredentialsRefused, Who::Administrator),
        State::TooMany => (TroubleKind::RateLimited, Who::You),
        // One that works and can't be used is one that is being changed.
        State::Trying | State::Works => (TroubleKind::RateLimited, Who::Nobody),
        State::Unclear | State::Refused | State::Blocked | State::Account | State::Unexpected => {
            (TroubleKind::CredentialsRefused, Who::You)
        }
    };
    let said = match told.state {
        State::NotRegistered => Said::new(
            "This portal opens Qlik with your own Qlik account, and you have not registered it here yet.",
            "Register its e-mail and password under Profile > Qlik credentials.",
        ),
        State::Unused => Said::new(
            "The password of your Qlik account was registered for another connection of this portal.",
            "Register it anew under Profile > Qlik credentials.",
        ),
        _ => said(told)
            .unwrap_or_else(|| Said::new("A sign-in at Qlik is under way.", "Look again in a moment.")),
    };
    Trouble::new(kind, who, said)
}

/// For somebody who asked for a sign-in that may not be begun yet, for so many seconds.
pub(super) fn not_now(why: Why, seconds: u64) -> Said {
    let says = match why {
        Why::Busy => "A sign-in at Qlik is under way.",
        Why::Held => "Qlik takes no sign-ins for a time, or refused too many. The password was not sent.",
        Why::TooSoon => "You were signed in at Qlik just now. The password was not sent.",
        Why::Pace => {
            "Many people of this portal are being signed in at Qlik at this moment. The password was not sent."
        }
    };
    Said::new(
        format!("{says} Try again in {}.", left(seconds)),
        "Nothing that was registered before is lost.",
    )
}

/// A time to wait, in words.
fn left(seconds: u64) -> String {
    match (seconds.max(1), seconds.div_ceil(60)) {
        (1, _) => "a second".to_owned(),
        (seconds, _) if seconds < 60 => format!("{seconds} seconds"),
        (_, 1) => "a minute".to_owned(),
        (seconds, minutes) if seconds <= 2 * 60 * 60 => format!("{minutes} minutes"),
        (seconds, _) => format!("{} hours", seconds.div_ceil(60 * 60)),
    }
}

/// A sign-in that has to wait, for so many seconds.
pub(super) fn waits(why: Why, seconds: u64) -> Trouble {
    let said = match why {
        Why::Busy => Said::new("You are being signed in at Qlik at this moment.", "Look again in a moment."),
        Why::Held => Said::new(
            "Qlik takes no sign-in now, or too many were refused.",
            "It goes on by itself when the time is over.",
        ),
        Why::TooSoon => Said::new(
            "Qlik ended your session soon after it began, or you were signed in just now.",
            "It is opened anew in a minute.",
        ),
        Why::Pace => Said::new(
            "Many people of this portal are being signed in at Qlik at this moment.",
            "It goes on by itself in a minute.",
        ),
    };
    let mut trouble = Trouble::new(TroubleKind::RateLimited, Who::Nobody, said);
    trouble.retry_after_s = Some(seconds.max(1));
    trouble
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_but_the_good_one_has_a_sentence_and_what_to_do() {
        for state in State::ALL {
            for stored in [true, false] {
                let told = Told { state, detail: None, stored };
                let Some(said) = said(told) else {
                    assert_eq!(state, State::Works);
                    continue;
                };
                assert!(said.says.ends_with('.') && said.remedy.ends_with('.'), "{said:?}");
                assert!(!said.joined().contains('!') && !said.joined().contains("lease"), "{said:?}");
                let trouble = trouble(told);
                assert!(!trouble.says.is_empty() && !trouble.remedy.is_empty(), "{trouble:?}");
            }
        }
    }

    #[test]
    fn a_time_to_wait_is_told_in_words() {
        for (seconds, words) in [
            (0, "a second"),
            (59, "59 seconds"),
            (60, "a minute"),
            (61, "2 minutes"),
            (900, "15 minutes"),
            (7200, "120 minutes"),
            (7201, "3 hours"),
        ] {
            assert_eq!(left(seconds), words, "{seconds}");
        }
        for why in [Why::Held, Why::TooSoon, Why::Pace] {
            assert!(not_now(why, 900).says.ends_with("was not sent. Try again in 15 minutes."));
        }
    }

    #[test]
    fn what_an_account_needs_is_told_apart_and_a_lost_answer_by_what_is_stored() {
        let of = |state, detail, stored| said(Told { state, detail, stored }).unwrap();
        let causes = ["breached", "expired", "unverified", "captcha", "other"];
        let all: std::collections::HashSet<String> =
            causes.iter().map(|c| of(State::Account, Some(c), false).joined()).collect();
        assert_eq!(all.len(), causes.len());
        assert_ne!(of(State::Unclear, None, true), of(State::Unclear, None, false));
        assert_ne!(of(State::Unexpected, None, true), of(State::Unexpected, None, false));
        let saw = of(State::Unexpected, Some("at the login page, login.qlik.com/x 200"), true);
        assert!(saw.says.contains("It saw: at the login page, login.qlik.com/x 200."), "{saw:?}");
        let tenants = of(State::Unexpected, Some("tenant: HTTP 400, LOGIN-12"), false);
        assert!(
            tenants.says.contains("(HTTP 400, LOGIN-12)") && !tenants.says.contains("tenant:"),
            "{tenants:?}"
        );
        let elsewhere = of(State::SignInChanged, Some("idp.acme.example"), false);
        assert!(elsewhere.says.contains("idp.acme.example"));
    }
}
