//! Which failed checks stand in the way of a save. What was typed is not stored where it
//! would not work; but a good key that is to replace a dead one must not wait for
//! something else that is wrong in the settings in force as well.
//!
//! Pure. This module must not know how a check is made.

use crate::doctor::{Check, Outcome, Report};

/// Without these a key is no key that could be used and renewed.
const OF_THE_KEY: &[&str] =
    &["name", "reach", "tls", "tenant", "key_form", "key", "owner", "permission", "lifetime", "quota"];

/// The settings in force, beside which others of the same tenant and option are saved.
pub(super) struct InForce<'a> {
    /// Their newest report; none where they could not be examined.
    pub(super) report: Option<&'a Report>,
    /// Their key is refused or over, so that what else they lack could not be seen.
    pub(super) key_is_dead: bool,
    /// The fields that are typed as they are in force.
    pub(super) unchanged: &'a [&'static str],
}

/// Whether a report lets what was typed be stored.
pub(super) fn lets_store(report: &Report, in_force: Option<&InForce<'_>>) -> bool {
    report.ok
        || report.checks.iter().filter(|c| c.outcome == Outcome::Failed).all(|c| is_no_worse(c, in_force))
}

/// Whether the settings in force fail this check too, by the same input.
fn is_no_worse(check: &Check, in_force: Option<&InForce<'_>>) -> bool {
    let Some(before) = in_force else { return false };
    let of_the_key = OF_THE_KEY.contains(&check.id.as_str());
    let field = Check::field_of(&check.id);
    let about_key = field == Some("api_key");
    let same_input = about_key || field.is_none_or(|f| before.unchanged.contains(&f));
    let report = before.report.and_then(|r| r.check(&check.id));
    let failed = report.is_some_and(|c| c.outcome == Outcome::Failed);
    // What a dead key could not show excuses nothing that is wrong with the new one.
    !of_the_key && same_input && (failed || before.key_is_dead && !about_key)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn report(failed: &[&str]) -> Report {
        let check = |id: &&str| Check {
            id: (*id).to_owned(),
            title: String::new(),
            outcome: Outcome::Failed,
            says: String::new(),
            remedy: None,
            link: None,
            elapsed_ms: None,
            request: None,
            qlik_code: None,
            trace_id: None,
        };
        Report {
            at: Timestamp::UNIX_EPOCH,
            checks: failed.iter().map(check).collect(),
            ok: failed.is_empty(),
            headline: String::new(),
            identity_missing: false,
        }
    }

    #[test]
    fn only_what_the_settings_in_force_fail_as_well_lets_a_save_through() {
        const ALL: &[&str] = &["tenant_host", "web_integration_id"];
        // Failed now, failed in force, the key in force is dead, what is unchanged, and whether it is stored.
        for (now, before, dead, unchanged, stores) in [
            (&[][..], &[][..], false, &[][..], true),
            (&["web_integration"], &[], false, ALL, false),
            (&["web_integration"], &["web_integration"], false, ALL, true),
            (&["web_integration"], &["web_integration"], false, &["tenant_host"], false),
            (&["web_integration"], &["key"], true, ALL, true),
            (&["web_integration"], &["key"], true, &["tenant_host"], false),
            (&["jwt_login"], &["jwt_login"], false, &[], true),
            (&["jwt_login"], &[], false, ALL, false),
            (&["jwt_login", "apps", "rate", "clock"], &["key"], true, ALL, true),
            (&["read_users"], &["read_users"], false, ALL, true),
            (&["read_users"], &["key"], true, ALL, false),
            (&["key"], &["key"], true, ALL, false),
            (&["owner"], &["owner"], true, ALL, false),
            (&["permission"], &["permission"], true, ALL, false),
            (&["lifetime"], &["lifetime"], true, ALL, false),
            (&["tenant"], &["tenant"], true, ALL, false),
        ] {
            let in_force = report(before);
            let in_force = InForce { report: Some(&in_force), key_is_dead: dead, unchanged };
            assert_eq!(lets_store(&report(now), Some(&in_force)), stores, "{now:?} {before:?} {dead}");
        }
        assert!(!lets_store(&report(&["apps"]), None), "the first settings must work");
    }
}
