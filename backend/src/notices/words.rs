//! A notice in words and as data: one text for mail and webhook. What is so,
//! then what to do.

use serde_json::{Value, json};

use super::decide::News;
use crate::{renewal::State, store::at};

/// Where a notice leads, below the portal's origin: what comes and what was.
pub const RENEWALS: &str = "/admin/settings/renewals";
/// Where the connection is shown with its checks, below the portal's origin.
pub const SETTINGS: &str = "/admin/settings";
/// Where the settings of notices are, below the portal's origin.
pub const NOTIFICATIONS: &str = "/admin/notifications";

/// Whose notice it is.
pub(super) struct About<'a> {
    pub(super) portal: &'a str,
    /// Where people reach the portal: scheme, host and port.
    pub(super) origin: &'a str,
    /// The renewal's state, where the portal is connected.
    pub(super) state: Option<&'a State>,
}

/// The payload of a notice, which is the body of a webhook as it is.
pub(super) fn payload(news: &News, about: &About<'_>, now: i64) -> Value {
    let (title, mut text) = said(news, now);
    let key = about.state.map(|s| &s.current);
    if let Some(key) = key.filter(|_| names_expiry(news)) {
        text.push_str(&left(key.expires_at, now));
    }
    let page = match news {
        News::Test => NOTIFICATIONS,
        News::ConnectionFails(_) | News::ConnectionWorks { .. } => SETTINGS,
        _ => RENEWALS,
    };
    let fault = match news {
        News::FirstFailure(f) | News::StillFailing { fault: f, .. } | News::PersonNeeded { fault: f, .. } => {
            (f.code.clone(), f.trace_id.clone())
        }
        News::AtRisk(c) | News::ConnectionFails(c) => (c.qlik_code.clone(), c.trace_id.clone()),
        _ => (None, None),
    };
    json!({
        "type": news.kind(),
        "timestamp": at(now).to_string(),
        "data": {
            "portal": about.portal,
            "title": title,
            "text": text,
            "link": format!("{}{page}", about.origin),
            "key_id": key.map(|k| &k.key_id),
            "key_expires_at": key.map(|k| at(k.expires_at).to_string()),
            "qlik_code": fault.0,
            "trace_id": fault.1,
        },
    })
}

fn said(news: &News, now: i64) -> (&'static str, String) {
    match news {
        News::FirstFailure(fault) => (
            "The Qlik key could not be renewed",
            format!("{} The renewal is tried again by itself; the present key stays in use.", fault.says),
        ),
        News::StillFailing { fault, since, tries } => (
            "The Qlik key still can’t be renewed",
            format!("{} It failed {tries} times since {}.", fault.says, moment(*since)),
        ),
        News::Recovered { renewed: true, since } => (
            "The Qlik key is in order again",
            format!("A new key is in use. The trouble that began on {} is over.", moment(*since)),
        ),
        News::Recovered { renewed: false, since } => (
            "The Qlik key works again",
            format!("Qlik takes the key again, which it had not since {}. Renewals go on.", moment(*since)),
        ),
        News::Renewed => ("The Qlik key was renewed", "The new key is proved and in use.".to_owned()),
        News::PersonNeeded { fault, again: false, .. } => {
            ("The Qlik key needs a person", format!("{} The renewal can’t go on by itself.", fault.says))
        }
        News::PersonNeeded { fault, since, again: true } => (
            "The Qlik key still needs a person",
            format!("{} This has been so since {}.", fault.says, moment(*since)),
        ),
        News::AtRisk(check) => (
            "The coming renewal of the Qlik key is at risk",
            format!("{} {}", check.says, check.remedy.as_deref().unwrap_or_default()).trim().to_owned(),
        ),
        News::ConnectionFails(check) => (
            "The connection to Qlik does not work",
            format!("{} {}", check.says, check.remedy.as_deref().unwrap_or_default()).trim().to_owned(),
        ),
        News::ConnectionWorks { since } => (
            "The connection to Qlik works again",
            format!("All checks pass. The trouble that began on {} is over.", moment(*since)),
        ),
        News::Expires => (
            "The Qlik key expires soon",
            "It was not renewed yet. Look at the renewals for what stands in the way, or paste a new key in the \
             settings."
                .to_owned(),
        ),
        News::StoodStill { from, to } => (
            "Qonduit did not look after the Qlik key",
            format!(
                "The renewal task did not run from {} to {}. Ask the operator of this server to see why it stood still.",
                moment(*from),
                moment(*to)
            ),
        ),
        News::Test => (
            "A test from Qonduit",
            format!("An administrator sent this on {}. Notices about the Qlik key arrive like this one.", moment(now)),
        ),
    }
}

fn names_expiry(news: &News) -> bool {
    !matches!(
        news,
        News::Test | News::StoodStill { .. } | News::ConnectionFails(_) | News::ConnectionWorks { .. }
    )
}

/// How long the key in use still lives.
fn left(expires_at: i64, now: i64) -> String {
    let secs = expires_at - now;
    let span = match secs {
        ..=0 => return format!(" The key expired on {}.", moment(expires_at)),
        1..=7_199 => format!("{} minutes", secs.div_euclid(60).max(1)),
        7_200..=172_799 => format!("{} hours", secs / 3_600),
        _ => format!("{} days", secs / 86_400),
    };
    format!(" The key in use expires on {}, in {span}.", moment(expires_at))
}

fn moment(secs: i64) -> String {
    at(secs).strftime("%-d %b %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renewal::{Fault, KeyRef};

    #[test]
    fn a_notice_says_what_is_so_and_when_the_key_expires() {
        let state = State::new(KeyRef { key_id: "k1".into(), created_at: 0, expires_at: 86_400 * 3 }, 0, 0);
        let about = About { portal: "Acme", origin: "https://acme.portal.example", state: Some(&state) };
        let fault = Fault {
            says: "Qlik is away.".into(),
            code: Some("X-1".into()),
            trace_id: None,
            retry_after: None,
        };
        let body = payload(&News::FirstFailure(fault), &about, 86_400 * 2);
        assert_eq!(body["type"], "renewal.failed");
        let text = body["data"]["text"].as_str().unwrap();
        assert!(text.starts_with("Qlik is away. The renewal is tried again"), "{text}");
        assert!(text.ends_with("expires on 4 Jan 1970, 00:00 UTC, in 24 hours."), "{text}");
        assert_eq!(body["data"]["qlik_code"], "X-1");
        assert_eq!(body["data"]["link"], "https://acme.portal.example/admin/settings/renewals");
    }

    #[test]
    fn no_notice_begs_or_shouts() {
        let fault = Fault { says: "It is so.".into(), code: None, trace_id: None, retry_after: None };
        for news in [
            News::StillFailing { fault: fault.clone(), since: 0, tries: 3 },
            News::PersonNeeded { fault, since: 0, again: true },
            News::Recovered { renewed: true, since: 0 },
            News::Recovered { renewed: false, since: 0 },
            News::Renewed,
            News::Expires,
            News::ConnectionWorks { since: 0 },
            News::StoodStill { from: 0, to: 9 },
            News::Test,
        ] {
            let (title, text) = said(&news, 0);
            let all = format!("{title} {text}").to_lowercase();
            assert!(!all.contains("please") && !all.contains("successfully") && !all.contains('!'), "{all}");
            assert!(text.ends_with('.') && !title.ends_with('.'), "{text}");
        }
    }
}
