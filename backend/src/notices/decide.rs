//! Which notices arise. Pure: two states of a renewal, what was told before, the
//! time, and nothing else. It must not know who is told or how.

use serde::{Deserialize, Serialize};

use crate::{
    doctor::{Check, Outcome},
    renewal::{Fault, KeyRef, NeedReason, Phase, State, lead},
};

const DAY: i64 = 86_400;
/// Days before the expiry at which a key that was not renewed is told of.
const DAYS: [i64; 3] = [1, 3, 7];

/// When what could not be told yet is looked at again, in seconds.
const SOON: i64 = 600;

/// Something worth telling.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// The first renewal that failed since the last that did not.
    FirstFailure(Fault),
    /// Renewals still fail.
    StillFailing {
        fault: Fault,
        /// When the first of them was.
        since: i64,
        /// How many there were.
        tries: u32,
    },
    /// A failure or a need that was told of is over.
    Recovered {
        /// By a new key; else the key in use works again.
        renewed: bool,
        /// Since when it was told of.
        since: i64,
    },
    /// A new key is in use.
    Renewed,
    /// The renewal can't go on by itself.
    PersonNeeded {
        fault: Fault,
        since: i64,
        /// It was told before.
        again: bool,
    },
    /// The coming renewal would not succeed, or may not.
    AtRisk(Check),
    /// The key expires soon and was not renewed.
    Expires,
    /// The connection was examined and does not work.
    ConnectionFails(Check),
    /// It works again.
    ConnectionWorks {
        /// Since when it was told not to.
        since: i64,
    },
    /// The renewal task did not run.
    StoodStill { from: i64, to: i64 },
    /// An administrator wants to see a notice.
    Test,
}

impl News {
    /// Its name in the outbox and in webhooks.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::FirstFailure(_) => "renewal.failed",
            Self::StillFailing { .. } => "renewal.still_failing",
            Self::Recovered { .. } => "renewal.recovered",
            Self::Renewed => "key.renewed",
            Self::PersonNeeded { .. } => "renewal.person_needed",
            Self::AtRisk(_) => "renewal.at_risk",
            Self::Expires => "key.expires_soon",
            Self::ConnectionFails(_) => "connection.failed",
            Self::ConnectionWorks { .. } => "connection.recovered",
            Self::StoodStill { .. } => "scheduler.stood_still",
            Self::Test => "test",
        }
    }
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(super) since: i64,
    /// When it was told last.
    pub(super) told_at: i64,
}

/// What was told and not taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    failing: Option<Open>,
    need: Option<(NeedReason, Open)>,
    /// The check that was told of, and how it had ended.
    ahead: Option<(String, Outcome)>,
    /// The key, and the fewest days of which it was told.
    expiry: Option<(String, i64)>,
    /// The check of the connection that was told of.
    pub(super) connection: Option<(String, Open)>,
}

/// What is worth telling of the step from `before` to `after`, and what is told
/// after that. `repeat`: after how many seconds something that lasts is told
/// again. A wait (`before` equal to `after`) is looked at for the expiry alone.
///
/// An alert is closed by what mends it and by nothing else: a failing renewal by
/// a new key, a need by Qlik taking the key again.
pub(crate) fn arise(before: &State, after: &State, told: &Told, repeat: i64, now: i64) -> (Vec<News>, Told) {
    let (mut news, mut told) = (Vec::new(), told.clone());
    let new_key = before.current.key_id != after.current.key_id;
    if new_key {
        let since = earliest(told.failing.take(), told.need.take());
        match since {
            Some(since) => news.push(News::Recovered { renewed: true, since }),
            None if renewed(before, after) => news.push(News::Renewed),
            None => {}
        }
    } else if after.need.is_none()
        && let Some((_, open)) = told.need.take()
    {
        news.push(News::Recovered { renewed: false, since: open.since });
    }
    news.extend(failure(before, after, &mut told, repeat, now));
    news.extend(need(before, after, &mut told, repeat, now));
    news.extend(ahead(before, after, &mut told));
    if let Some(days) = expires(after, &told, now) {
        // An alert names the expiry: once is enough. A step without one is somebody at work on the key.
        let said = news.iter().any(is_alert);
        let stuck = before == after && (matches!(after.phase, Phase::Active) || trouble_is_known(after));
        if said || stuck {
            told.expiry = Some((after.current.key_id.clone(), days));
        }
        if stuck && !said {
            news.push(News::Expires);
        }
    }
    (news, told)
}

fn is_alert(news: &News) -> bool {
    matches!(
        news,
        News::FirstFailure(_) | News::StillFailing { .. } | News::PersonNeeded { .. } | News::AtRisk(_)
    )
}

fn earliest(failing: Option<Open>, need: Option<(NeedReason, Open)>) -> Option<i64> {
    [failing, need.map(|(_, open)| open)].into_iter().flatten().map(|o| o.since).min()
}

/// The new key is one that a renewal made; else a person pasted it.
fn renewed(before: &State, after: &State) -> bool {
    matches!(&before.phase, Phase::Proved { new, .. } if new.key_id == after.current.key_id)
}

fn failure(before: &State, after: &State, told: &mut Told, repeat: i64, now: i64) -> Option<News> {
    let tries = |s: &State| s.failing.as_ref().map_or(0, |f| f.attempts);
    let failing = after.failing.as_ref().filter(|_| tries(after) > tries(before))?;
    match &mut told.failing {
        None => {
            told.failing = Some(Open { since: now, told_at: now });
            Some(News::FirstFailure(failing.fault.clone()))
        }
        Some(open) if over(open.told_at, repeat, now) => {
            open.told_at = now;
            Some(News::StillFailing {
                fault: failing.fault.clone(),
                since: open.since,
                tries: failing.attempts,
            })
        }
        Some(_) => None,
    }
}

fn need(before: &State, after: &State, told: &mut Told, repeat: i64, now: i64) -> Option<News> {
    // Looked at in this step, not merely still there.
    let need = after.need.as_ref().filter(|_| before.need != after.need)?;
    let (since, again) = match &told.need {
        Some((reason, open)) if *reason == need.reason => {
            if !over(open.told_at, repeat, now) {
                return None;
            }
            (open.since, true)
        }
        Some((_, open)) => (open.since, false),
        None => (now, false),
    };
    told.need = Some((need.reason, Open { since, told_at: now }));
    Some(News::PersonNeeded { fault: need.fault.clone(), since, again })
}

fn ahead(before: &State, after: &State, told: &mut Told) -> Option<News> {
    let look = after.ahead.as_ref().filter(|a| before.ahead != after.ahead && !a.checks.is_empty())?;
    let Some(check) = look.trouble() else {
        told.ahead = None;
        return None;
    };
    let known = told.ahead.as_ref().is_some_and(|(id, outcome)| {
        *id == check.id && (*outcome == check.outcome || *outcome == Outcome::Failed)
    });
    told.ahead = Some((check.id.clone(), check.outcome));
    (!known).then(|| News::AtRisk(check.clone()))
}

/// Whether `repeat` seconds are over since `told_at`. A moment that is still to
/// come was written by a clock that has been put back since.
pub(super) fn over(told_at: i64, repeat: i64, now: i64) -> bool {
    now - told_at >= repeat || told_at > now
}

/// The fewest days left of which the key in use is to be told now.
fn expires(state: &State, told: &Told, now: i64) -> Option<i64> {
    let key = &state.current;
    if key.expires_at <= now {
        return None;
    }
    DAYS.into_iter()
        .filter(|days| untold(key, told, *days))
        .find(|days| now >= moment(key, *days) && (in_lead(key, *days) || trouble_is_known(state)))
}

/// When the expiry is to be looked at next; `None`: not for this key. What is
/// due and could not be told, because a renewal is at work, is looked at soon.
pub(crate) fn next_check(state: &State, told: &Told, now: i64) -> Option<i64> {
    let key = &state.current;
    DAYS.into_iter()
        .filter(|days| untold(key, told, *days))
        .filter_map(|days| match moment(key, days) {
            at if at > now => Some(at),
            _ => (in_lead(key, days) && key.expires_at > now).then_some(now + SOON),
        })
        .min()
}

/// A threshold that the key's life is longer than, and that was not told.
fn untold(key: &KeyRef, told: &Told, days: i64) -> bool {
    days * DAY < key.expires_at - key.created_at
        && told.expiry.as_ref().is_none_or(|(id, least)| *id != key.key_id || days < *least)
}

/// When a threshold is reached. Within the lead a renewal had its chance first:
/// a twelfth of the lead, two hours for most keys.
fn moment(key: &KeyRef, days: i64) -> i64 {
    if in_lead(key, days) {
        key.expires_at - (lead(key) - lead(key) / 12)
    } else {
        key.expires_at - days * DAY
    }
}

/// The renewal was due by then: that it is not done is worth telling by itself.
/// Before that a key with so much life left is healthy.
fn in_lead(key: &KeyRef, days: i64) -> bool {
    days * DAY <= lead(key)
}

fn trouble_is_known(state: &State) -> bool {
    state.need.is_some()
        || state.failing.as_ref().is_some_and(|f| f.attempts > 0)
        || state.ahead.as_ref().and_then(|a| a.trouble()).is_some_and(|c| c.outcome == Outcome::Failed)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
