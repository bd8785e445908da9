//! A look at the coming renewal, days before it: would it succeed? What would
//! not is told while there is time.
//!
//! Only reading calls are made. That a key may be *made* is proved by a trial
//! (`trial.rs`) alone: Qlik tells nobody beforehand.

use jiff::SignedDuration;
use qlik::{
    User, UserStatus,
    error::{Error as QlikError, ErrorKind},
};

use super::{
    act::{current, refused, refuses},
    apply::Event,
    cause,
    claim::{Lease, Lost},
    look::owned,
    policy::{Policy, lead, tries},
    record::{Side, record},
    state::{Ahead, State},
};
use crate::{
    Services,
    doctor::{Check, Outcome, span_words},
    keys::OwnedKey,
    words,
};

/// Less time than this between the day a key comes due and its expiry, in
/// seconds, leaves little room for an outage.
const SHORT_TIME: i64 = 6 * 3_600;
/// A key that lives for less than this is lost to an outage of a night.
const SHORT_LIFE: i64 = 48 * 3_600;

/// What was seen.
struct Seen {
    me: User,
    /// May the owner see the own keys? How many of them are active, less those
    /// that are on their way out?
    live: Option<usize>,
    /// The tenant's rules, where they can be read.
    max_keys: Option<u32>,
    max_life: Option<i64>,
}

pub(super) async fn look_ahead(s: &Services, lease: &mut Lease) -> Result<(), Lost> {
    s.keep(lease).await?;
    let key = current(s, lease).await?;
    let now = s.now().as_second();
    match see(s, lease, &key).await {
        Ok(seen) => {
            let checks = judge(&seen, &lease.row.state, s.policy(), now);
            record(s, lease, Event::LookedAhead(Ahead { at: now, checks }), Side::None).await
        }
        Err(e) if refuses(&e) => {
            let found = cause::of(s, &lease.row, &key, &e).await?;
            refused(s, lease, found, None).await
        }
        Err(e) => {
            tracing::info!(portal.id = %lease.row.portal_id, error = %e, "the coming renewal could not be looked at");
            record(s, lease, Event::LookedAhead(Ahead { at: now, checks: Vec::new() }), Side::None).await
        }
    }
}

async fn see(s: &Services, lease: &Lease, key: &OwnedKey) -> Result<Seen, QlikError> {
    let row = &lease.row;
    let tenant = s.keys_of(&row.tenant_host, key.token.clone());
    let me = tenant.me().await?;
    let rules = match tenant.key_config(&row.tenant_id).await {
        Ok(rules) => Some(rules),
        // Whether a plain user may read them is not documented.
        Err(e) if matches!(e.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => None,
        Err(e) => return Err(e),
    };
    let live = match owned(&*tenant, &key.owner_id).await {
        Ok(keys) => {
            let stays = |id: &str| row.state.retiring.iter().all(|r| r.key.key_id != id);
            Some(keys.iter().filter(|k| stays(&k.id)).count())
        }
        Err(e) if e.kind() == ErrorKind::Forbidden => None,
        Err(e) => return Err(e),
    };
    Ok(Seen {
        me,
        live,
        max_keys: rules.as_ref().and_then(|r| r.max_keys_per_user),
        max_life: rules.and_then(|r| r.max_expiry).map(|d| d.as_secs()).filter(|secs| *secs > 0),
    })
}

/// What was seen, judged. Each check depends on what it names alone.
fn judge(seen: &Seen, state: &State, policy: &Policy, now: i64) -> Vec<Check> {
    vec![
        owner(&seen.me),
        permission(seen),
        slot(seen),
        lifetime(seen.max_life, state),
        time(state, policy, now),
    ]
}

fn who(me: &User) -> &str {
    me.email.as_deref().unwrap_or(&me.name)
}

fn owner(me: &User) -> Check {
    let who = who(me);
    match &me.status {
        UserStatus::Disabled | UserStatus::Deleted => check("ahead_owner", "The key's owner is active")
            .failed(
                format!("{who}, who owns the key, is disabled or deleted in Qlik."),
                "Enable the user in Qlik, or paste a key of another user.",
            ),
        _ => check("ahead_owner", "The key's owner is active").passed(format!("{who} is active in Qlik.")),
    }
}

fn permission(seen: &Seen) -> Check {
    let c = check("ahead_permission", "The owner may manage API keys");
    match seen.live {
        Some(_) => c.passed("Qlik takes the key, and its owner may see the own API keys.".to_owned()),
        None => c.failed("The key's owner may no longer see the own API keys.".to_owned(), words::ALLOW_KEYS),
    }
}

fn slot(seen: &Seen) -> Check {
    let c = check("ahead_slot", "There is room for one more key");
    match (seen.live, seen.max_keys) {
        (None, _) => c.skipped("Needs the owner's list of keys."),
        (Some(_), None) => c.warning(
            "The tenant's limit for API keys can't be read with this key.".to_owned(),
            "Qlik decides at the renewal. A dry run shows it now.",
        ),
        (Some(live), Some(max)) if live >= max as usize => {
            let said = words::no_room(who(&seen.me), live, max);
            c.failed(said.says, &said.remedy)
        }
        (Some(live), Some(max)) => c.passed(format!("{live} of {max} API keys are in use.")),
    }
}

fn lifetime(max_life: Option<i64>, state: &State) -> Check {
    let c = check("ahead_lifetime", "The next key may live as long as the first");
    let wanted = state.wanted_life();
    let words = |secs| span_words(SignedDuration::from_secs(secs));
    match max_life {
        None => c.warning(
            "The tenant's longest lifetime can't be read with this key.".to_owned(),
            "The renewal asks for the same lifetime again, and Qlik decides. A dry run shows it now.",
        ),
        Some(max) if max < wanted && max < SHORT_LIFE => c.warning(
            format!("The tenant now allows keys of {} at most; {} are wanted.", words(max), words(wanted)),
            "An outage of a night could outlast such a key. A Tenant Admin can raise the maximum to 3 days or more.",
        ),
        Some(max) if max < wanted => c.warning(
            format!("The tenant now allows keys of {} at most; {} are wanted.", words(max), words(wanted)),
            "Renewed keys live that long. A Tenant Admin can raise the maximum.",
        ),
        Some(_) => c.passed(format!("The next key will live {}.", words(wanted))),
    }
}

fn time(state: &State, policy: &Policy, now: i64) -> Check {
    let c = check("ahead_time", "There is time for several tries");
    let (from, key) = (state.renew_at.max(now), &state.current);
    let left = (key.expires_at - from).max(0);
    let (n, words) = (tries(key, from, policy), span_words(SignedDuration::from_secs(left)));
    let says = format!("From the day it comes due, {words} and {n} tries are left before it expires.");
    if left < SHORT_TIME && lead(key) < 86_400 {
        c.warning(says, "A key with a longer lifetime leaves more time to get over an outage.")
    } else if left < SHORT_TIME {
        c.warning(says, "Look at what the last tries said, or paste a new key.")
    } else {
        c.passed(says)
    }
}

/// A check that has a title and no outcome yet.
struct Unmade(&'static str, &'static str);

fn check(id: &'static str, title: &'static str) -> Unmade {
    Unmade(id, title)
}

impl Unmade {
    fn made(self, outcome: Outcome, says: String, remedy: Option<&str>) -> Check {
        Check {
            id: self.0.to_owned(),
            title: self.1.to_owned(),
            outcome,
            says,
            remedy: remedy.map(str::to_owned),
            link: None,
            elapsed_ms: None,
            request: None,
            qlik_code: None,
            trace_id: None,
        }
    }

    fn passed(self, says: String) -> Check {
        self.made(Outcome::Passed, says, None)
    }

    fn warning(self, says: String, remedy: &str) -> Check {
        self.made(Outcome::Warning, says, Some(remedy))
    }

    fn failed(self, says: String, remedy: &str) -> Check {
        self.made(Outcome::Failed, says, Some(remedy))
    }

    fn skipped(self, needs: &str) -> Check {
        self.made(Outcome::NotChecked, needs.to_owned(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::renewal::KeyRef;

    const DAY: i64 = 86_400;

    fn good() -> (Seen, State) {
        let me: User = serde_json::from_value(serde_json::json!({
            "id": "u", "subject": "s", "name": "Ada", "email": "ada@acme.example", "status": "active",
        }))
        .unwrap();
        let key = KeyRef { key_id: "k".to_owned(), created_at: 0, expires_at: 3 * DAY };
        (
            Seen { me, live: Some(2), max_keys: Some(5), max_life: Some(30 * DAY) },
            State::new(key, 2 * DAY, DAY),
        )
    }

    fn not_passed(seen: &Seen, state: &State, now: i64) -> Vec<(String, Outcome)> {
        judge(seen, state, &Policy::default(), now)
            .into_iter()
            .filter(|c| c.outcome != Outcome::Passed)
            .map(|c| {
                assert!(c.remedy.is_some() || c.outcome == Outcome::NotChecked, "{c:?} says not what to do");
                (c.id, c.outcome)
            })
            .collect()
    }

    #[test]
    fn where_all_is_well_every_check_passes() {
        let (seen, state) = good();
        assert_eq!(not_passed(&seen, &state, DAY), []);
    }

    #[test]
    fn each_thing_that_is_wrong_shows_in_its_own_check_alone() {
        type Break = fn(&mut Seen, &mut State);
        let table: &[(Break, &[(&str, Outcome)])] = &[
            (|s, _| s.me.status = UserStatus::Disabled, &[("ahead_owner", Outcome::Failed)]),
            (
                |s, _| s.live = None,
                &[("ahead_permission", Outcome::Failed), ("ahead_slot", Outcome::NotChecked)],
            ),
            (|s, _| s.live = Some(5), &[("ahead_slot", Outcome::Failed)]),
            (|s, _| s.max_keys = None, &[("ahead_slot", Outcome::Warning)]),
            (|s, _| s.max_life = Some(2 * DAY), &[("ahead_lifetime", Outcome::Warning)]),
            (|s, _| s.max_life = Some(DAY), &[("ahead_lifetime", Outcome::Warning)]),
            (|s, _| s.max_life = None, &[("ahead_lifetime", Outcome::Warning)]),
            (|_, t| t.renew_at = 3 * DAY - 60, &[("ahead_time", Outcome::Warning)]),
        ];
        for (n, (break_it, expected)) in table.iter().enumerate() {
            let (mut seen, mut state) = good();
            break_it(&mut seen, &mut state);
            let expected: Vec<_> = expected.iter().map(|(id, o)| ((*id).to_owned(), *o)).collect();
            assert_eq!(not_passed(&seen, &state, DAY), expected, "row {n}");
        }
    }

    #[test]
    fn a_key_of_an_hour_says_how_few_tries_there_are() {
        let (seen, _) = good();
        let key = KeyRef { key_id: "k".to_owned(), created_at: 0, expires_at: 3_600 };
        let state = State::new(key, 2_400, 0);
        assert_eq!(not_passed(&seen, &state, 0), [("ahead_time".to_owned(), Outcome::Warning)]);
    }
}
