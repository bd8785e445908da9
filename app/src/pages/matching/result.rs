//! What the last comparison found out: counts by verdict, and the rows.

use backend::matching::{MatchRow, RowsPage, RowsQuery, Rules, RunView, Sort, Verdict};
use leptos::prelude::*;

use super::{
    Shown,
    asked::{LONGEST, address, file, sort_value},
    progress::{counted, grouped},
};
use crate::{
    routes,
    ui::{
        badge::Badge,
        button::LinkButton,
        card::{Card, Empty},
        table::{Head, SortTable, Table},
    },
    wire::Tone,
};

/// Orders as the narrow page offers them; a wide one has them in the table's head.
const ORDERS: &[(Sort, bool, &str)] = &[
    (Sort::Verdict, false, "Verdict, to do first"),
    (Sort::Verdict, true, "Verdict, matched first"),
    (Sort::Email, false, "E-mail, A to Z"),
    (Sort::Email, true, "E-mail, Z to A"),
    (Sort::Name, false, "Name, A to Z"),
    (Sort::Name, true, "Name, Z to A"),
];

/// The result of the last comparison that came to its end.
pub(super) fn result(shown: &Shown) -> AnyView {
    let (Some(last), Some(rows)) = (&shown.view.last, &shown.rows) else {
        return view! {
            <Empty title="No result yet">
                <p>
                    "Compare now to see which users Qlik will find, which it lacks, and what to do about each before \
                     they sign in."
                </p>
            </Empty>
        }
        .into_any();
    };
    view! {
        {summary(shown, last)}
        <section class="stack" aria-labelledby="users-compared">
            <h2 class="section-title" id="users-compared">"Users"</h2>
            {filter(&shown.asked)}
            {table(rows, &shown.asked, last.rules)}
        </section>
    }
    .into_any()
}

fn summary(shown: &Shown, last: &RunView) -> AnyView {
    let rules = last.rules;
    let lines = shown
        .view
        .counts
        .iter()
        .map(|(verdict, count)| {
            let only = RowsQuery { verdict: Some(*verdict), ..RowsQuery::default() };
            view! {
                <tr>
                    <th scope="row"><Badge tone=tone(*verdict, rules) text=verdict.label()/></th>
                    <td class="nowrap number" data-label="Users:">
                        <a href=address(&only)>
                            {grouped(*count)}<span class="visually-hidden">" users: " {verdict.label()}</span>
                        </a>
                    </td>
                    <td>{verdict.advice(rules)}</td>
                </tr>
            }
        })
        .collect_view();
    let without = match last.qlik_without_email {
        0 => "Each Qlik user has an e-mail.".to_owned(),
        1 => "1 Qlik user has no e-mail and can’t be found by one.".to_owned(),
        n => format!("{} Qlik users have no e-mail and can’t be found by one.", grouped(n)),
    };
    let lead = format!(
        "{} of this portal, {}. {without}",
        counted(last.people, "user", "users"),
        counted(last.qlik_users, "Qlik user", "Qlik users")
    );
    view! {
        <Card id="verdicts" title="Result" lead>
            <Table caption="Verdicts" columns=&["Verdict", "Users", "What to do"]>{lines}</Table>
        </Card>
    }
    .into_any()
}

fn filter(asked: &RowsQuery) -> AnyView {
    let verdicts = Verdict::ALL
        .into_iter()
        .map(|v| view! { <option value=v.as_str() selected=asked.verdict == Some(v)>{v.label()}</option> })
        .collect_view();
    let orders = ORDERS
        .iter()
        .map(|(sort, descending, text)| {
            let value = sort_value(*sort, *descending);
            let selected = (*sort, *descending) == (asked.sort, asked.descending);
            view! { <option value=value selected=selected>{*text}</option> }
        })
        .collect_view();
    view! {
        <form class="filter" method="get" action=routes::MATCHING role="search" aria-label="Users">
            <div class="field">
                <label class="label" for="matching-q">"Search e-mail or name"</label>
                <input
                    class="input"
                    type="search"
                    id="matching-q"
                    name="q"
                    value=asked.search.clone()
                    maxlength=LONGEST.to_string()
                    autocomplete="off"
                    spellcheck="false"
                />
            </div>
            <div class="field">
                <label class="label" for="matching-verdict">"Verdict"</label>
                <select class="input select" id="matching-verdict" name="verdict">
                    <option value="" selected=asked.verdict.is_none()>"All"</option>
                    {verdicts}
                </select>
            </div>
            <div class="field">
                <label class="label" for="matching-sort">"Order"</label>
                <select class="input select" id="matching-sort" name="sort">{orders}</select>
            </div>
            <div class="actions">
                <button class="button" type="submit">"Show"</button>
                <a href=file(asked) download="">"Download as CSV"</a>
            </div>
        </form>
    }
    .into_any()
}

fn table(page: &RowsPage, asked: &RowsQuery, rules: Rules) -> AnyView {
    if page.rows.is_empty() {
        return view! {
            <Empty title="No user matches this filter">
                <p><a href=routes::MATCHING>"Show all users"</a></p>
            </Empty>
        }
        .into_any();
    }
    let head = |sort: Sort, text| {
        let now = (asked.sort == sort).then_some(asked.descending);
        let next = RowsQuery { sort, descending: now == Some(false), page: 1, ..asked.clone() };
        Head { text, href: Some(address(&next)), sorted: now }
    };
    let heads = vec![
        head(Sort::Email, "E-mail"),
        head(Sort::Name, "Name"),
        head(Sort::Verdict, "Verdict"),
        Head { text: "At Qlik", href: None, sorted: None },
    ];
    let first = i64::from(page.page - 1) * 100 + 1;
    let shown = i64::try_from(page.rows.len()).unwrap_or_default();
    let all = counted(page.total, "user", "users");
    let count = if page.pages > 1 {
        format!("{} to {} of {all}", grouped(first), grouped(first + shown - 1))
    } else {
        all
    };
    let link = |to: u32, text: &'static str| {
        let there = RowsQuery { page: to, ..asked.clone() };
        view! { <LinkButton href=address(&there)>{text}</LinkButton> }
    };
    let pager = (page.pages > 1).then(|| {
        view! {
            <nav class="actions" aria-label="Pages">
                {(page.page > 1).then(|| link(page.page - 1, "Previous"))}
                <span class="muted">"Page " {page.page} " of " {page.pages}</span>
                {(page.page < page.pages).then(|| link(page.page + 1, "Next"))}
            </nav>
        }
    });
    let rows = page.rows.iter().map(|row| line(row, rules)).collect_view();
    view! {
        <p class="muted">{count}</p>
        <SortTable caption="Users and their verdicts" heads>{rows}</SortTable>
        {pager}
    }
    .into_any()
}

fn line(row: &MatchRow, rules: Rules) -> AnyView {
    view! {
        <tr>
            <th scope="row">
                <a class="name" href=routes::user(&row.user_id)>{row.email.clone()}</a>
            </th>
            <td>{row.name.clone()}</td>
            <td><Badge tone=tone(row.verdict, rules) text=row.verdict.label()/></td>
            <td data-label="At Qlik:">{at_qlik(row)}</td>
        </tr>
    }
    .into_any()
}

fn at_qlik(row: &MatchRow) -> AnyView {
    let many = (row.qlik_count > 1).then(|| format!(" and {} more", row.qlik_count - 1));
    match (&row.qlik_name, &row.qlik_email) {
        (None, _) => view! { <span class="muted">"Nobody"</span> }.into_any(),
        (Some(name), Some(email)) => {
            view! { <span>{name.clone()} {many} <span class="sub">{email.clone()}</span></span> }.into_any()
        }
        (Some(name), None) => {
            view! { <span>{name.clone()} <span class="sub">"no e-mail"</span></span> }.into_any()
        }
    }
}

/// How a verdict is meant, under the rules that it was judged by.
fn tone(verdict: Verdict, rules: Rules) -> Tone {
    match (verdict.is_let_in(rules), verdict) {
        (true, Verdict::Matched | Verdict::OtherCase) => Tone::Good,
        (true, _) | (false, Verdict::Invited) => Tone::Warning,
        (false, _) => Tone::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_let_in_without_harm_looks_good() {
        let all = Rules { email_as_subject: true, create: true, rewrite: true };
        for verdict in Verdict::ALL {
            let good = matches!(verdict, Verdict::Matched | Verdict::OtherCase);
            for rules in [Rules::default(), all] {
                assert_eq!(tone(verdict, rules) == Tone::Good, good, "{verdict:?}");
            }
        }
        assert_eq!(tone(Verdict::WouldCreate, all), Tone::Warning);
        assert_eq!(tone(Verdict::WouldCreate, Rules::default()), Tone::Bad);
    }

    #[test]
    fn the_orders_that_are_offered_are_all_there_are() {
        let mut values: Vec<_> = ORDERS.iter().map(|(s, d, _)| sort_value(*s, *d)).collect();
        values.sort();
        assert_eq!(values, ["-email", "-name", "-verdict", "email", "name", "verdict"]);
    }
}
