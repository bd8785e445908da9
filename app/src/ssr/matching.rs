//! The comparison beside its page: what an open page is told, and the file.

use backend::{
    Actor, Error, Services,
    matching::{MatchRow, RowsQuery, Rules},
};
use futures::{Stream, stream};
use leptos::{prelude::Owner, serde_json};

use super::{error::unexpected, settings::mark};
use crate::{
    error::AppError,
    pages::matching::{Shown, asked, live_html},
    wire::Part,
};

/// The rows that a query of the page's address asks for.
pub fn rows_of(pairs: &[(String, String)]) -> RowsQuery {
    asked::read(|name| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default())
}

/// What an open page of the comparison is told now, as JSON of [`Part`].
///
/// # Errors
/// Not an administrator, or an unexpected one.
pub async fn live_json(services: &Services, me: &Actor, asked: RowsQuery) -> Result<String, AppError> {
    let shown = Shown::read(services, me, asked).await?;
    // Outside of a request there is no reactive owner, and a view wants one.
    let html = Owner::new().with(|| live_html(&shown));
    serde_json::to_string(&Part { mark: mark(&html), html }).map_err(|e| unexpected(&e))
}

/// The file of the last comparison, part by part, in the form of
/// <https://www.rfc-editor.org/rfc/rfc4180>; none where there is none. It breaks
/// off where the person may no longer look, or a newer comparison takes its place:
/// what was received is then known to be incomplete.
///
/// # Errors
/// [`Error::NotAllowed`] for anyone but an administrator.
pub async fn csv(
    services: Services,
    me: Actor,
    asked: RowsQuery,
) -> Result<Option<impl Stream<Item = Result<String, Error>> + Send>, Error> {
    let Some(run) = services.matching_view(&me).await?.last else { return Ok(None) };
    let file =
        File { services, me, asked, run: run.id, rules: run.rules, after: String::new(), begun: false };
    Ok(Some(stream::try_unfold(file, File::next)))
}

struct File {
    services: Services,
    me: Actor,
    asked: RowsQuery,
    run: String,
    rules: Rules,
    /// The e-mail of the last row so far.
    after: String,
    begun: bool,
}

const HEAD: [&str; 7] = [
    "E-mail",
    "Name",
    "Verdict",
    "What to do",
    "Qlik user",
    "Qlik e-mail",
    "Active Qlik users with this e-mail",
];

impl File {
    async fn next(mut self) -> Result<Option<(String, Self)>, Error> {
        if !self.begun {
            self.begun = true;
            return Ok(Some((line(HEAD), self)));
        }
        // A download outlives its request's check.
        self.me = self.services.actor(&self.me.user_id).await?.ok_or(Error::NotAllowed)?;
        let rows = self.services.matching_part(&self.me, &self.run, &self.asked, &self.after).await?;
        if let Some(last) = rows.last() {
            self.after.clone_from(&last.email);
            let part = rows.iter().map(|row| row_line(row, self.rules)).collect();
            return Ok(Some((part, self)));
        }
        // The end, unless the rows are gone.
        let now = self.services.matching_view(&self.me).await?.last;
        if now.is_none_or(|last| last.id != self.run) {
            return Err(Error::Conflict("a newer comparison took the place of this one"));
        }
        Ok(None)
    }
}

fn row_line(row: &MatchRow, rules: Rules) -> String {
    line([
        &row.email,
        &row.name,
        row.verdict.label(),
        row.verdict.advice(rules),
        row.qlik_name.as_deref().unwrap_or_default(),
        row.qlik_email.as_deref().unwrap_or_default(),
        &row.qlik_count.to_string(),
    ])
}

/// One record: every field quoted, ended by CR and LF.
fn line<const N: usize>(fields: [&str; N]) -> String {
    let fields = fields.map(|field| format!("\"{}\"", harmless(field).replace('"', "\"\"")));
    fields.join(",") + "\r\n"
}

/// A field that a spreadsheet would take for a formula begins with an apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn harmless(field: &str) -> String {
    const BEGINS: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if field.trim_start_matches(' ').starts_with(BEGINS) { format!("'{field}") } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_quoted_and_its_quotes_are_doubled() {
        assert_eq!(line(["a", "b \"c\"", "d,e\nf"]), "\"a\",\"b \"\"c\"\"\",\"d,e\nf\"\r\n");
    }

    #[test]
    fn what_a_spreadsheet_would_calculate_is_only_text() {
        for field in ["=1+1", "+a@x", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"] {
            assert_eq!(harmless(field), format!("'{field}"));
        }
        for field in ["ada@acme.example", "", "1", "a=b"] {
            assert_eq!(harmless(field), field);
        }
    }
}
