//! Which notice arises from an examination of the connection. Pure, as
//! `decide.rs`.

use super::decide::{News, Open, Told, over};
use crate::doctor::{Outcome, Report};

/// What is worth telling of an examination of the connection, after the one
/// before. A key that is refused is told of by the renewal, not here.
///
/// What can pass by itself is told when it was so twice in a row; what a person
/// has to mend, at once.
pub(super) fn examined(
    before: Option<&Report>,
    report: &Report,
    told: &Told,
    repeat: i64,
    now: i64,
) -> (Option<News>, Told) {
    let mut told = told.clone();
    let failed = |r: &Report| r.checks.iter().find(|c| c.outcome == Outcome::Failed).cloned();
    let Some(check) = failed(report) else {
        let news = told.connection.take().map(|(_, open)| News::ConnectionWorks { since: open.since });
        return (news, told);
    };
    if matches!(check.id.as_str(), "key" | "lifetime") {
        return (None, told);
    }
    let passing = matches!(check.id.as_str(), "name" | "reach" | "tls" | "tenant" | "rate" | "engine");
    if passing && before.and_then(failed).is_none_or(|c| c.id != check.id) {
        return (None, told);
    }
    let since = match &told.connection {
        Some((id, open)) if *id == check.id && !over(open.told_at, repeat, now) => return (None, told),
        Some((_, open)) => open.since,
        None => now,
    };
    told.connection = Some((check.id.clone(), Open { since, told_at: now }));
    (Some(News::ConnectionFails(check)), told)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::doctor::{Check, about, ids};

    const REPEAT: i64 = 6 * 3_600;

    /// A report in which this check fails, if one does.
    fn report(failed: Option<&str>) -> Report {
        let check = |id: &str| Check {
            id: id.to_owned(),
            title: about(id).unwrap().0.to_owned(),
            outcome: if failed == Some(id) { Outcome::Failed } else { Outcome::Passed },
            says: "s".to_owned(),
            remedy: None,
            link: None,
            elapsed_ms: None,
            request: None,
            qlik_code: None,
            trace_id: None,
        };
        Report {
            at: Timestamp::UNIX_EPOCH,
            checks: ids(crate::connection::AuthOption::ApiKey).map(check).collect(),
            ok: failed.is_none(),
            headline: String::new(),
            identity_missing: false,
        }
    }

    /// The kinds of news over a row of examinations, a minute apart.
    fn told(row: &[Option<&str>]) -> Vec<&'static str> {
        let (mut told, mut before, mut kinds) = (Told::default(), None, Vec::new());
        for (n, failed) in row.iter().enumerate() {
            let report = report(*failed);
            let now = 60 * i64::try_from(n).unwrap();
            let (news, next) = examined(before.as_ref(), &report, &told, REPEAT, now);
            kinds.push(news.map_or("-", |n| n.kind()));
            (told, before) = (next, Some(report));
        }
        kinds
    }

    #[test]
    fn what_a_person_has_to_mend_is_told_once_and_so_is_its_end() {
        let row = [None, Some("origin"), Some("origin"), None, None];
        assert_eq!(told(&row), ["-", "connection.failed", "-", "connection.recovered", "-"]);
    }

    #[test]
    fn what_passes_by_itself_is_told_when_it_lasts() {
        assert_eq!(told(&[None, Some("tenant"), None]), ["-", "-", "-"]);
        assert_eq!(told(&[None, Some("tenant"), Some("tenant")]), ["-", "-", "connection.failed"]);
        assert_eq!(told(&[None, Some("tenant"), Some("rate")]), ["-", "-", "-"]);
    }

    #[test]
    fn another_trouble_is_told_though_one_is_open() {
        assert_eq!(
            told(&[Some("origin"), Some("identity_provider")]),
            ["connection.failed", "connection.failed"]
        );
    }

    #[test]
    fn a_refused_key_is_the_renewals_to_tell() {
        assert_eq!(told(&[Some("key"), Some("key")]), ["-", "-"]);
    }

    #[test]
    fn what_lasts_is_told_again_after_a_while() {
        let open = Open { since: 0, told_at: 0 };
        let mut told = Told::default();
        told.connection = Some(("origin".to_owned(), open));
        let at = |now| examined(None, &report(Some("origin")), &told, REPEAT, now).0.map(|n| n.kind());
        assert_eq!(at(REPEAT - 1), None);
        assert_eq!(at(REPEAT), Some("connection.failed"));
    }
}
