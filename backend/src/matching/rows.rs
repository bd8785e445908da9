//! What the last comparison found out, a page at a time: filtered, sorted and
//! cut by the database.

use super::judge::Verdict;
use crate::{Actor, Error, Services, store::StoreError};

/// Rows of one page.
const PAGE: u32 = 100;
/// Rows of one part of a file.
const PART: i64 = 500;

/// By what rows are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By verdict, what needs a person first; then by e-mail.
    #[default]
    Verdict,
    /// By e-mail.
    Email,
    /// By name, then by e-mail.
    Name,
}

impl Sort {
    /// Its name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Email => "email",
            Self::Name => "name",
        }
    }

    /// The sort of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Verdict, Self::Email, Self::Name].into_iter().find(|s| s.as_str() == name)
    }
}

/// Which rows, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsQuery {
    /// A part of the e-mail or the name; empty finds all. ASCII case is ignored.
    pub search: String,
    /// Only those with this verdict.
    pub verdict: Option<Verdict>,
    /// By what they are sorted.
    pub sort: Sort,
    /// The last first.
    pub descending: bool,
    /// The page, from 1; 0 is taken as 1, and one past the end as the last.
    pub page: u32,
}

/// One user of the portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchRow {
    /// The user's id.
    pub user_id: String,
    /// Their e-mail, as it was when they were judged.
    pub email: String,
    /// Their name then.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The name of the Qlik user that it is about.
    pub qlik_name: Option<String>,
    /// That user's e-mail.
    pub qlik_email: Option<String>,
    /// How many active Qlik users have the e-mail.
    pub qlik_count: i64,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsPage {
    /// At most 100.
    pub rows: Vec<MatchRow>,
    /// How many there are on all pages.
    pub total: i64,
    /// This page, from 1.
    pub page: u32,
    /// The last page, from 1.
    pub pages: u32,
}

struct Raw {
    user_id: String,
    email: String,
    name: String,
    verdict: String,
    qlik_name: Option<String>,
    qlik_email: Option<String>,
    qlik_count: i64,
}

impl Raw {
    fn read(self) -> Result<MatchRow, StoreError> {
        let verdict = Verdict::parse(&self.verdict)
            .ok_or(StoreError::Inconsistent { table: "matching_rows", column: "verdict" })?;
        Ok(MatchRow {
            user_id: self.user_id,
            email: self.email,
            name: self.name,
            verdict,
            qlik_name: self.qlik_name,
            qlik_email: self.qlik_email,
            qlik_count: self.qlik_count,
        })
    }
}

impl Services {
    /// A page of the run's rows.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for anyone but an administrator of the run's portal.
    pub async fn matching_rows(&self, a: &Actor, run_id: &str, q: &RowsQuery) -> Result<RowsPage, Error> {
        a.require_admin()?;
        let (pattern, verdict) = (like(&q.search), q.verdict.map(Verdict::as_str));
        let total = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!: i64" FROM matching_rows
               WHERE run_id = ?1 AND run_id IN (SELECT id FROM matching_runs WHERE portal_id = ?2)
                 AND (?3 IS NULL OR verdict = ?3)
                 AND (?4 IS NULL OR email LIKE ?4 ESCAPE '\' OR name LIKE ?4 ESCAPE '\')"#,
            run_id,
            a.portal.id,
            verdict,
            pattern
        )
        .fetch_one(self.db().read())
        .await?;
        let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).max(1);
        let page = q.page.clamp(1, pages);
        let (limit, skipped) = (i64::from(PAGE), i64::from(PAGE) * i64::from(page - 1));
        let (sort, up) = (q.sort.as_str(), !q.descending);
        // One direction at a time is something else than NULL, and so decides.
        let rows = sqlx::query_as!(
            Raw,
            r#"SELECT user_id AS "user_id!", email AS "email!", name AS "name!", verdict AS "verdict!", qlik_name,
                      qlik_email, qlik_count AS "qlik_count!"
               FROM matching_rows
               WHERE run_id = ?1 AND run_id IN (SELECT id FROM matching_runs WHERE portal_id = ?2)
                 AND (?3 IS NULL OR verdict = ?3)
                 AND (?4 IS NULL OR email LIKE ?4 ESCAPE '\' OR name LIKE ?4 ESCAPE '\')
               ORDER BY CASE WHEN ?5 = 'verdict' AND ?6 THEN rank END,
                        CASE WHEN ?5 = 'verdict' AND NOT ?6 THEN rank END DESC,
                        CASE WHEN ?5 = 'name' AND ?6 THEN name END COLLATE NOCASE,
                        CASE WHEN ?5 = 'name' AND NOT ?6 THEN name END COLLATE NOCASE DESC,
                        CASE WHEN ?5 = 'email' AND NOT ?6 THEN email END COLLATE NOCASE DESC,
                        email
               LIMIT ?7 OFFSET ?8"#,
            run_id,
            a.portal.id,
            verdict,
            pattern,
            sort,
            up,
            limit,
            skipped
        )
        .fetch_all(self.db().read())
        .await?;
        let rows = rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?;
        Ok(RowsPage { rows, total, page, pages })
    }

    /// The next rows of a file, at most 500, by e-mail: those after `after`, as
    /// the last row of the part before has it. Search and verdict count, sort and
    /// page do not.
    ///
    /// # Errors
    /// As [`Services::matching_rows`].
    pub async fn matching_part(
        &self,
        a: &Actor,
        run_id: &str,
        q: &RowsQuery,
        after: &str,
    ) -> Result<Vec<MatchRow>, Error> {
        a.require_admin()?;
        let (pattern, verdict) = (like(&q.search), q.verdict.map(Verdict::as_str));
        let rows = sqlx::query_as!(
            Raw,
            r#"SELECT user_id AS "user_id!", email AS "email!", name AS "name!", verdict AS "verdict!", qlik_name,
                      qlik_email, qlik_count AS "qlik_count!"
               FROM matching_rows
               WHERE run_id = ?1 AND email > ?5
                 AND run_id IN (SELECT id FROM matching_runs WHERE portal_id = ?2)
                 AND (?3 IS NULL OR verdict = ?3)
                 AND (?4 IS NULL OR email LIKE ?4 ESCAPE '\' OR name LIKE ?4 ESCAPE '\')
               ORDER BY email LIMIT ?6"#,
            run_id,
            a.portal.id,
            verdict,
            pattern,
            after,
            PART
        )
        .fetch_all(self.db().read())
        .await?;
        Ok(rows.into_iter().map(Raw::read).collect::<Result<_, _>>()?)
    }
}

/// A pattern that finds the text anywhere; none for an empty one.
fn like(search: &str) -> Option<String> {
    let text = search.trim();
    (!text.is_empty()).then(|| {
        let mut pattern = String::from("%");
        for c in text.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('%');
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_no_pattern() {
        assert_eq!(like("  "), None);
        assert_eq!(like(" a_b%\\ ").as_deref(), Some(r"%a\_b\%\\%"));
    }

    #[test]
    fn a_sort_is_found_by_its_name() {
        for sort in [Sort::Verdict, Sort::Email, Sort::Name] {
            assert_eq!(Sort::parse(sort.as_str()), Some(sort));
        }
        assert_eq!(Sort::parse("rank; DROP"), None);
    }
}
