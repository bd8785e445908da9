//! What the address of the page asks for: search, verdict, order, page.

use backend::matching::{RowsQuery, Sort, Verdict};

use crate::routes;

/// The longest search that is passed on.
pub(super) const LONGEST: usize = 200;

/// Reads the query by its names; what is no such value is left out.
pub(crate) fn read(value: impl Fn(&str) -> String) -> RowsQuery {
    let sort = value("sort");
    let (descending, name) = match sort.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, sort.as_str()),
    };
    let sort = Sort::parse(name);
    RowsQuery {
        search: value("q").trim().chars().take(LONGEST).collect(),
        verdict: Verdict::parse(&value("verdict")),
        sort: sort.unwrap_or_default(),
        descending: descending && sort.is_some(),
        page: value("page").parse().unwrap_or(1),
    }
}

/// The order as the address has it: `email`, `-email`.
pub(super) fn sort_value(sort: Sort, descending: bool) -> String {
    format!("{}{}", if descending { "-" } else { "" }, sort.as_str())
}

/// The query of an address, with its question mark; empty where all is as it is
/// without one.
fn query(q: &RowsQuery) -> String {
    let plain = RowsQuery::default();
    let mut parts = Vec::new();
    if !q.search.is_empty() {
        parts.push(format!("q={}", routes::encode(&q.search)));
    }
    if let Some(verdict) = q.verdict {
        parts.push(format!("verdict={}", verdict.as_str()));
    }
    if (q.sort, q.descending) != (plain.sort, plain.descending) {
        parts.push(format!("sort={}", sort_value(q.sort, q.descending)));
    }
    if q.page > 1 {
        parts.push(format!("page={}", q.page));
    }
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

/// The address of the page.
pub(super) fn address(q: &RowsQuery) -> String {
    format!("{}{}", routes::MATCHING, query(q))
}

/// The address of the stream that keeps the same rows right.
pub(super) fn stream(q: &RowsQuery) -> String {
    format!("{}{}", routes::MATCHING_STREAM, query(q))
}

/// The address of the same rows as a file.
pub(super) fn file(q: &RowsQuery) -> String {
    format!(
        "{}{}",
        routes::MATCHING_CSV,
        query(&RowsQuery {
            page: 1,
            ..RowsQuery { search: q.search.clone(), verdict: q.verdict, ..RowsQuery::default() }
        })
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> RowsQuery {
        read(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).unwrap_or_default())
    }

    #[test]
    fn an_address_says_what_it_was_made_of() {
        let pairs = [("q", " a b&c "), ("verdict", "no_user"), ("sort", "-name"), ("page", "3")];
        let asked = of(&pairs);
        assert_eq!((asked.search.as_str(), asked.sort, asked.descending), ("a b&c", Sort::Name, true));
        assert_eq!(address(&asked), "/admin/users/matching?q=a%20b%26c&verdict=no_user&sort=-name&page=3");
        assert_eq!(file(&asked), "/admin/users/matching.csv?q=a%20b%26c&verdict=no_user");
        assert_eq!(address(&of(&[])), "/admin/users/matching");
    }

    #[test]
    fn what_is_no_such_value_is_left_out() {
        let asked = of(&[("verdict", "x' OR 1"), ("sort", "-rank"), ("page", "-1")]);
        assert_eq!(asked, RowsQuery { page: 1, ..RowsQuery::default() });
        assert_eq!(of(&[("q", &"x".repeat(500))]).search.len(), LONGEST);
    }
}
